"""Requests made of the server's own description, right ones and wrong ones, get an answer that it describes.

`make fuzz` tries them for a tenth of FUZZ_SECONDS; FUZZ_FIRST is the seed. Options are what schemathesis makes of the
description; bodies as well, or sound and damaged pictures.
"""

import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given

from app.server import api
from app.server import models as served
from app.server.limits import Limits
from app.server.models import Models
from tests.fuzz.mutate import damaged
from tests.fuzz.targets import targets

SECONDS = float(os.environ.get("FUZZ_SECONDS", 0)) / 10
FIRST = int(os.environ.get("FUZZ_FIRST", 0))
FEW = 5  # requests of each kind beside the long run
MANY = 40  # of each kind in one round of it
PICTURES = ("/v1/saliency", "/v1/scanpath")
ACCEPT = ("*/*", "image/png", "application/x-npy", "text/csv", "application/json;q=0.1, image/*", "\x7f", "a/b")


@pytest.fixture
def described(toy_model: Path) -> Any:
    """The server as its description tells of it."""
    schemathesis = pytest.importorskip("schemathesis", reason="needs the extra dev")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(served, "named_file", lambda name: toy_model)
        models = Models([toy_model, "walk"], provider="cpu", threads=1)
    app = api.build(models, Limits(batch=4, timeout=60, max_mb=1), listed=("*",))
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_few_requests_get_answers_that_are_described(described: Any) -> None:
    statuses = tried(described, FEW, FIRST)
    assert {200, 400} <= {status for _, status in statuses}


@pytest.mark.fuzz
@pytest.mark.skipif(not SECONDS, reason="takes minutes: make fuzz")
@pytest.mark.filterwarnings("ignore")
def test_requests_get_answers_that_are_described(described: Any) -> None:
    end, number, statuses = time.monotonic() + SECONDS, FIRST, Counter[tuple[str, int]]()
    while number == FIRST or time.monotonic() < end:
        statuses += tried(described, MANY, number)
        number += 1
    print(f"\nserve: {statuses.total():,} requests, seeds {FIRST} to {number - 1}")
    for (path, status), count in sorted(statuses.items()):
        print(f"  {path} {status}: {count}")


def tried(described: Any, count: int, number: int) -> Counter[tuple[str, int]]:
    """Statuses of some requests of each kind; whatever is not as described is an error that says how to ask again."""
    from schemathesis import GenerationMode

    statuses: Counter[tuple[str, int]] = Counter()
    chance, bodies = random.Random(number), targets()["picture"].corpus()
    for result in described.get_all_operations():
        operation = result.ok()
        for mode in GenerationMode:
            if mode == GenerationMode.NEGATIVE and operation.path not in PICTURES:
                continue  # there is nothing that could be wrong

            @hypothesis.seed(number)
            @hypothesis.settings(
                max_examples=count,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(mode))
            def ask(case: Any) -> None:
                if case.path in PICTURES and chance.random() < 0.6:
                    sound = chance.choice(bodies)
                    files = sound if chance.random() < 0.5 else damaged(sound, bodies, chance)
                    case.media_type, case.body = "application/octet-stream", next(iter(files.values()), b"")
                headers = {"Accept": chance.choice(ACCEPT)} if chance.random() < 0.5 else None
                answer = case.call(headers=headers)
                statuses[(case.path, answer.status_code)] += 1
                case.validate_response(answer, checks=_checks())

            ask()
    return statuses


def _checks() -> list[Any]:
    from schemathesis import checks
    from schemathesis.specs.openapi import checks as of_openapi

    return [
        checks.not_a_server_error,
        of_openapi.status_code_conformance,
        of_openapi.content_type_conformance,
        of_openapi.response_headers_conformance,
        of_openapi.response_schema_conformance,
        of_openapi.negative_data_rejection,
    ]
