"""What holds for every reader of a published data set: it reads a tiny one, and says in one sentence what is wrong."""

import pkgutil
import re
import shutil
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.datasets import READERS
from data.errors import GazeError
from data.gaze import Picture, Scanpath
from data.picture import picture_size
from tests.data.datasets import tiny

pytest.importorskip("scipy.io")
NAMES = sorted(tiny.WRITERS)


def module(name: str) -> ModuleType:
    found = pkgutil.resolve_name(READERS[name].split(":")[0])
    assert isinstance(found, ModuleType)
    return found


DIVIDED = [name for name in NAMES if hasattr(module(name), "splits")]
Items = list[tuple[Picture, tuple[Scanpath, ...]]]


def read(name: str, root: Path) -> Items:
    return list(pkgutil.resolve_name(READERS[name])(root))


def outcome(name: str, root: Path) -> Items | str:
    """What a reader yields, or the sentence that it says instead."""
    try:
        return read(name, root)
    except GazeError as error:
        return str(error)


def is_one_sentence(text: str) -> bool:
    return "\n" not in text and text.endswith(".") and "; " in text and re.search(r"[.!?] [A-Z]", text) is None


def unpacked(content: bytes) -> bytes:
    """A MATLAB file whose variables are no longer compressed, so that what is broken in it is met in its depths."""
    parts, place = [content[:128]], 128
    while place < len(content):
        kind, count = struct.unpack_from("<II", content, place)
        body = content[place + 8 : place + 8 + count]
        parts.append(zlib.decompress(body) if kind == 15 else content[place : place + 8] + body)
        place += 8 + count
    return b"".join(parts)


@pytest.fixture(scope="module", params=NAMES)
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The name of a reader, and a tiny data set in the layout that it reads."""
    root = tmp_path_factory.mktemp(request.param) / "set"
    root.mkdir()
    tiny.WRITERS[request.param](root)
    return request.param, root


@pytest.fixture
def copied(published: tuple[str, Path], tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The same, to be broken."""
    name, root = published
    shutil.copytree(root, tmp_path / "set")
    yield name, tmp_path / "set"
    shutil.rmtree(tmp_path / "set")


def test_every_reader_has_a_tiny_data_set() -> None:
    assert set(tiny.WRITERS) == set(READERS)


def test_a_published_layout_reads_as_pictures_and_scanpaths(published: tuple[str, Path]) -> None:
    items = read(*published)
    names = [picture.name for picture, _ in items]
    assert len(items) >= 2
    assert len(set(names)) == len(names)
    for picture, scanpaths in items:
        assert picture.path is None or picture_size(picture.path) == (picture.width, picture.height)
        for scanpath in scanpaths:
            assert len(scanpath)
            assert ((scanpath.xy >= 0) & (scanpath.xy <= (picture.width, picture.height))).all()
            for times in (scanpath.onset, scanpath.duration):
                assert np.isnan(times).all() or (np.isfinite(times) & (times >= 0)).all()
    assert any(scanpaths for _, scanpaths in items)


@pytest.mark.parametrize("published", DIVIDED, indirect=True)
def test_splits_name_pictures_that_are_read(published: tuple[str, Path]) -> None:
    name, root = published
    splits = module(name).splits(root)
    found = [picture for pictures in splits.values() for picture in pictures]
    assert found
    assert len(set(found)) == len(found)
    assert set(found) <= {picture.name for picture, _ in read(name, root)}


def test_an_empty_folder_and_no_folder_are_refused_in_one_sentence(published: tuple[str, Path], tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "nowhere"):
        said = outcome(published[0], root)
        assert isinstance(said, str)
        assert str(root) in said
        assert is_one_sentence(said)


@pytest.mark.slow
def test_whatever_file_is_missing_empty_or_a_folder_it_is_a_sentence_or_a_result(copied: tuple[str, Path]) -> None:
    name, root = copied
    whole = read(name, root)
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for spoil in (lambda p: None, lambda p: p.write_bytes(b""), lambda p: p.mkdir()):
            path.unlink()
            spoil(path)
            said = outcome(name, root)
            assert is_one_sentence(said) if isinstance(said, str) else len(said) <= len(whole)
            if path.is_dir():
                path.rmdir()
            path.write_bytes(content)
    assert len(read(name, root)) == len(whole)


@pytest.mark.slow
@settings(suppress_health_check=list(HealthCheck))
@given(draw=st.data())
def test_whatever_bytes_are_broken_it_is_a_sentence_or_a_result(
    published: tuple[str, Path], draw: st.DataObject
) -> None:
    name, root = published
    path = draw.draw(st.sampled_from(sorted(p for p in root.rglob("*") if p.is_file() and p.suffix != ".jpg")))
    sound = path.read_bytes()
    content = unpacked(sound) if path.suffix == ".mat" and draw.draw(st.booleans()) else sound
    start = draw.draw(st.integers(0, min(len(content), 4000)))
    count = draw.draw(st.sampled_from([1, 4, 8, 40, len(content)]))
    path.write_bytes(content[:start] + draw.draw(st.binary(max_size=8)) + content[start + count :])
    try:
        said = outcome(name, root)
    finally:
        path.write_bytes(sound)
    assert is_one_sentence(said) if isinstance(said, str) else isinstance(said, list)
