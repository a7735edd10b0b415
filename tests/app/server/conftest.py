"""A server in this process, with a toy model and the baseline of scanpaths."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.server import api
from app.server import models as served
from app.server.limits import Limits
from app.server.models import Models

Build = Callable[..., TestClient]


@pytest.fixture(scope="session")
def models(toy_model: Path) -> Models:
    """What is served; objects are those that the toy's density leads to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(served, "named_file", lambda name: toy_model)
        return Models([toy_model, "walk"], provider="cpu", threads=1)


@pytest.fixture
def build(models: Models) -> Iterator[Build]:
    """Starts servers with some limits; they end with the test."""
    with ExitStack() as stack:

        def started(token: str | None = None, listed: tuple[str, ...] = (), **limits: Any) -> TestClient:
            usual: dict[str, Any] = {"workers": 2, "batch": 4}
            app = api.build(models, Limits(**(usual | limits)), listed=listed, token=token)
            return stack.enter_context(TestClient(app, "http://127.0.0.1"))

        yield started


@pytest.fixture
def client(build: Build) -> TestClient:
    """A server with the usual limits."""
    return build()
