"""Real recordings of several makers: $GAZE_RECORDERS, or `../shared/recorders` beside the repository."""

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("GAZE_RECORDERS", Path(__file__).parents[4] / "shared" / "recorders"))


def recording(name: str) -> Path:
    """The path of a real recording; the test is skipped where it is not there."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"no {path}: set GAZE_RECORDERS to the folder that holds real recordings")
    return path
