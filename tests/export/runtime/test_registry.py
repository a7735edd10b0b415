"""A model that its folder lists must have the sum that is listed; the file is read once a process."""

import json
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


def manifest(folder: Path, **sums: object) -> None:
    """What `gaze export --all` writes, as far as files are concerned."""
    files = [{"file": name.replace("_", "."), "sha256": digest, "bytes": 1} for name, digest in sums.items()]
    (folder / checksums.MANIFEST).write_text(json.dumps({"models": [{"name": "a", "files": files}, {"name": "b"}]}))


def test_a_model_that_a_manifest_lists_must_have_its_sum(folder: Path) -> None:
    manifest(folder, other_onnx=checksums.of_file(folder / "other.onnx"), gone_onnx="0" * 64)
    assert registry.find_model("other") == folder / "other.onnx"
    flip(folder / "other.onnx", -1)
    with pytest.raises(
        ModelError, match=r"other\.onnx: the file is damaged, or another .* manifest\.json beside it says;"
    ):
        registry.find_model("other")


def test_both_lists_count(folder: Path) -> None:
    manifest(folder, toy_onnx="0" * 64)
    with pytest.raises(ModelError, match=r"toy\.onnx: the file is damaged, or another .*manifest\.json"):
        registry.find_model("toy")


@pytest.mark.parametrize("digest", ["", "abc", "0" * 63, "Z" * 64, None, 7, ["0" * 64]])
def test_a_checksum_in_a_manifest_that_is_none_is_told(folder: Path, digest: object) -> None:
    manifest(folder, toy_onnx=digest)
    with pytest.raises(ModelError, match=r"manifest\.json: the checksum of 'toy\.onnx' is no SHA-256; export again"):
        registry.find_model("toy")


@pytest.mark.parametrize(
    "content",
    [
        {"name": "a web page", "icons": []},
        {"models": "all"},
        {"models": {"files": []}},
        {"models": [1, None, {"files": "a"}, {"files": [1, {"file": "toy.onnx"}, {"sha256": "x"}]}]},
        [],
        "toy.onnx",
        None,
    ],
)
def test_the_manifest_of_another_program_is_passed_over(
    folder: Path, content: object, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / checksums.MANIFEST).write_text(json.dumps(content))
    assert registry.find_model("toy") == folder / "toy.onnx"
    assert caplog.messages == []


CUT_OFF = [
    b'{"models": [',
    b"",
    b"// a comment",
    b"\xff\xfe{",
    b"[" * 100_000,
    b'{"models": 1' + b" " * (17 << 20) + b"}",
]


@pytest.mark.parametrize("content", CUT_OFF, ids=range(len(CUT_OFF)))
def test_a_manifest_that_cannot_be_read_is_warned_of_once(
    folder: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    checksums._warn.cache_clear()
    path = folder / checksums.MANIFEST
    path.write_bytes(content)
    assert {registry.find_model(name) for name in ("toy", "other")} == {folder / "toy.onnx", folder / "other.onnx"}
    (said,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert said == f"{path} is not a manifest that can be read, so models beside it are not held against it."


def test_a_folder_called_manifest_is_warned_of(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / checksums.MANIFEST).mkdir()
    assert registry.find_model("toy") == folder / "toy.onnx"
    assert "is not a manifest that can be read" in caplog.text
