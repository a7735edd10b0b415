"""An entry of an ONNX file's metadata is read as `onnx` reads it, whatever stands before it, or the file is refused."""

import tracemalloc
from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import ModelError
from export.runtime import metadata
from export.runtime.contract import KEY
from export.runtime.registry import WEIGHTS
from tests.damage import assert_survives
from tests.toy_model import CONTRACT, write


def varint(value: int) -> bytes:
    """A whole number as protobuf writes it."""
    groups = [value >> shift & 0x7F for shift in range(0, max(1, value.bit_length()), 7)]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])


def field(number: int, content: bytes) -> bytes:
    """A field that holds a text or a message."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def entry(key: str, value: str) -> bytes:
    return field(14, field(1, key.encode()) + field(2, value.encode()))


GRAPH = field(7, b"whatever")


@pytest.mark.parametrize("path", sorted(WEIGHTS.glob("*.onnx")), ids=lambda path: path.name)
def test_what_ships_is_read_as_onnx_reads_it(path: Path) -> None:
    wanted = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert metadata.read(path, KEY) == wanted[KEY]
    assert metadata.read(path, "other") is None


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (GRAPH, None),
        (GRAPH + entry("gaze", "a"), "a"),
        (entry("gaze", "a") + GRAPH, "a"),
        (GRAPH + entry("x", "b") + entry("gaze", "a") + entry("y", "c"), "a"),
        (GRAPH + entry("gaze", "a") + entry("gaze", "b"), "b"),
        (GRAPH + field(14, field(2, b"late key") + field(1, b"gaze")), "late key"),
        (GRAPH + field(14, field(1, b"gaze")), ""),
        (GRAPH + entry("gaze", "é" * 300), "é" * 300),
        (varint(1 << 3) + varint(10) + varint(99 << 3 | 1) + b"8 bytes." + varint(99 << 3 | 5) + b"four" + GRAPH, None),
        (GRAPH + entry("large", "x" * (metadata.LONGEST + 1)) + entry("gaze", "a"), "a"),
    ],
)
def test_entries_stand_anywhere_and_other_fields_are_passed(content: bytes, value: str | None, tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(content)
    assert metadata.read(path, "gaze") == value


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a model",
        entry("gaze", "a"),  # no graph
        GRAPH[:-1],
        GRAPH + entry("gaze", "a")[:-1],
        GRAPH + field(14, field(1, b"gaze") + varint(2 << 3 | 2) + varint(100) + b"short"),
        GRAPH + field(14, field(1, b"gaze") + b"\x08\x80") + b"\x00",  # a number that leaves its message
        GRAPH + field(14, field(1, b"gaze") + field(2, b"\xff\xfe")),
        GRAPH + b"\x0b",  # a group
        GRAPH + b"\x02\x00",  # the field 0
        GRAPH + b"\x80" * 20,
        GRAPH + varint(7 << 3 | 2) + varint(1 << 69),
        GRAPH + b"\x08\x00" * metadata.FIELDS,
    ],
    ids=range(13),
)
def test_a_file_that_is_damaged_or_no_onnx_is_refused_in_one_sentence(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"a\.onnx is not a model that ONNX Runtime can open; export or download it"):
        metadata.read(path, "gaze")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"b\.onnx cannot be read \(.*\); check the file and its rights\."):
        metadata.read(tmp_path / "b.onnx", "gaze")


def test_the_graph_is_passed_without_being_read(tmp_path: Path) -> None:
    path, size = tmp_path / "large.onnx", 4 << 30
    with path.open("wb") as file:
        file.write(varint(7 << 3 | 2) + varint(size))
        file.seek(size, 1)  # a hole, which takes no room on the disk
        file.write(entry("gaze", "behind four gigabytes"))
    tracemalloc.start()
    assert metadata.read(path, "gaze") == "behind four gigabytes"
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


@given(data=st.data())
def test_a_damaged_file_gives_an_entry_or_a_sentence(data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / "toy.onnx"
    if not path.exists():
        write(path)
        (tmp_path / "sound").write_bytes(path.read_bytes())
    whole = (tmp_path / "sound").read_bytes()
    assert CONTRACT.to_json().encode() in whole
    assert_survives(path, whole, data, lambda path: metadata.read(path, KEY))
