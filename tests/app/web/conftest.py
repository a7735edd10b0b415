"""What the tests of pages need: a folder with one small model, and a picture that it looks at."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from data import picture as pictures
from tests import toy_model as toy


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Puts back `__main__`, for which Streamlit puts a page's script: processes that begin later would run it."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one small model that looks at what is bright."""
    folder = tmp_path / "weights"
    toy.write(folder / "toy.onnx")
    monkeypatch.setenv("GAZE_MODELS", str(folder))
    return folder


@pytest.fixture
def png() -> bytes:
    """60 x 40 pixels, black but for a bright spot in the upper right."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[8:12, 44:50] = 255
    return pictures.encode(pixels)


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small sample pictures."""
    files = {name: tmp_path / f"{name}.png" for name in ("shelf", "street")}
    for number, file in enumerate(files.values()):
        light = np.zeros((30, 40, 3), np.uint8)
        light[5:9, 5 + 20 * number : 9 + 20 * number] = 255
        pictures.save(file, light)
    monkeypatch.setattr("app.web.picture_bar.SAMPLES", files)
