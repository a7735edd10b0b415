"""A model that its folder lists must have the sum that is listed; the file is read once a process."""

import shutil
from pathlib import Path

import pytest

from data import checksums
from data.errors import ModelError
from export.runtime import registry
from export.runtime.saliency import Predictor
from export.runtime.scanpath import ScanpathPredictor
from tests.opened import counted
from tests.toy_model import write


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models with its list of checksums."""
    for name in ("toy", "other"):
        write(tmp_path / f"{name}.onnx")
    checksums.write(tmp_path, ["toy.onnx"])
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path))
    return tmp_path


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("by_name", [True, False])
def test_a_damaged_model_is_refused_in_one_sentence(folder: Path, share: float, by_name: bool) -> None:
    path = folder / "toy.onnx"
    Predictor("toy", provider="cpu")
    flip(path, int(share * path.stat().st_size))
    with pytest.raises(
        ModelError, match=r"toy\.onnx: the file is damaged, or another .*SHA256SUMS.*again\.$"
    ) as caught:
        Predictor("toy" if by_name else path, provider="cpu")
    assert "\n" not in str(caught.value)
    assert isinstance(registry.contracts()[path], ModelError)


def test_the_second_file_of_a_scanpath_model_is_verified_too(tmp_path: Path) -> None:
    for path in registry.WEIGHTS.glob("oat-search*.onnx"):
        shutil.copy(path, tmp_path)
    checksums.write(tmp_path, [path.name for path in tmp_path.glob("*.onnx")])
    ScanpathPredictor(tmp_path / "oat-search.onnx", provider="cpu")
    flip(tmp_path / "oat-search.step.onnx", 100_000)
    with pytest.raises(ModelError, match=r"oat-search\.step\.onnx: the file is damaged"):
        ScanpathPredictor(tmp_path / "oat-search.onnx", provider="cpu")


def test_a_model_is_read_once_to_be_verified(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "toy.onnx"
    with counted(monkeypatch) as read:
        for _ in range(4):
            registry.find_model("toy")
    assert read[path] == path.stat().st_size


def test_a_model_that_is_not_listed_is_taken_as_it_is(folder: Path) -> None:
    assert registry.find_model("other") == folder / "other.onnx"
    (folder / checksums.FILE).unlink()
    flip(folder / "toy.onnx", -1)
    assert registry.find_model("toy") == folder / "toy.onnx"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"no sum\n", b"12  toy.onnx\n", b"\0"])
def test_a_damaged_list_is_refused_in_one_sentence(folder: Path, content: bytes) -> None:
    (folder / checksums.FILE).write_bytes(content)
    with pytest.raises(ModelError, match=r"SHA256SUMS.*; get .* again, or remove it\.$"):
        registry.find_model("toy")


def test_a_name_is_no_path_out_of_the_folder(folder: Path) -> None:
    write(folder.parent / "outside.onnx")
    for name in ("../outside", "..\\outside", "/outside", "a\0b"):
        assert registry.named_file(name) is None
        with pytest.raises(ModelError, match="There is no model"):
            registry.find_model(name)
