"""What every test may ask for."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

from tests import toy_model as toy

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # before anything loads Triton: its own functions ask as well


# a few examples for whoever waits for `make test`; `make slow` takes the profile "many"
quiet = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
settings.register_profile("few", max_examples=15, **quiet)
settings.register_profile("many", max_examples=200, **quiet)
settings.load_profile("few")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data sets: $GAZE_DATA, or `../shared/data` beside the repository."""
    root = Path(__file__).parents[1]
    folder = Path(os.environ.get("GAZE_DATA", root.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no data sets in {folder}: set GAZE_DATA to the folder that holds them")
    return folder


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An .onnx file with gaze's contract that looks at what is bright."""
    return toy.write(tmp_path_factory.mktemp("weights") / "toy.onnx")
