"""Read one entry of an ONNX file's metadata without ONNX Runtime, and without reading the graph.

An ONNX file is one protobuf message. Its fields stand one after another, each a tag and a value; whatever is not asked
for, the graph above all, is skipped by its length, so that a file of gigabytes takes as little time and memory as one
of kilobytes.

    ModelProto                  7: the graph (a message)   14: metadata_props (messages, one an entry)
    StringStringEntryProto      1: key                     2: value

Wire format: https://protobuf.dev/programming-guides/encoding/; numbers of the fields:
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from data.errors import ModelError

GRAPH, METADATA = 7, 14  # fields of the model
KEY, VALUE = 1, 2  # fields of an entry
VARINT, BYTES = 0, 2  # wire types
FIXED = {1: 8, 5: 4}  # wire type -> bytes of the value
FIELDS = 100_000  # of the model at most
LONGEST = 1 << 20  # bytes of a key or of a value that is read


def read(path: Path, key: str) -> str | None:
    """The value of a key in the metadata of an ONNX file; None where it has no such key.

    Raises:
        ModelError: The file cannot be read, is damaged, or is no ONNX.
    """
    try:
        with path.open("rb") as file:
            return _entry(file, key)
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); check the file and its rights.") from error
    except ValueError as error:  # also of text that is not UTF-8
        raise broken(path) from error


def broken(path: Path) -> ModelError:
    """What is said of a file that is damaged, or no ONNX."""
    return ModelError(f"{path} is not a model that ONNX Runtime can open; export or download it again.")


def _entry(file: BinaryIO, key: str) -> str | None:
    size, value, graph = file.seek(0, 2), None, False
    file.seek(0)
    for number, length in fields(file, size):
        graph = graph or number == GRAPH
        if number == METADATA:
            entry = strings(file, file.tell() + length)
            value = entry[VALUE] if entry[KEY] == key.encode() else value  # of equal keys the last counts
    if not graph:
        raise ValueError("there is no graph")
    return None if value is None else value.decode()


def strings(file: BinaryIO, end: int) -> dict[int, bytes]:
    """Key and value of an entry that ends at `end`; what is too long to be of gaze is empty."""
    strings = {KEY: b"", VALUE: b""}
    for number, length in fields(file, end):
        if number in strings:
            strings[number] = file.read(length) if length <= LONGEST else b""
    return strings


def fields(file: BinaryIO, end: int) -> Iterator[tuple[int, int]]:
    """Number and length in bytes of each text, list or message in a message that ends at `end`.

    Meanwhile the file stands at the value, and may be read. ValueError where the message is damaged.
    """
    for _ in range(FIELDS):
        if file.tell() >= end:
            break
        number, wire = divmod(_varint(file), 8)
        if wire == VARINT:
            _varint(file)
            continue
        length = _varint(file) if wire == BYTES else FIXED.get(wire)
        if length is None or not number:
            raise ValueError(f"field {number} of wire type {wire}")
        after = file.tell() + length
        if after > end:
            raise ValueError(f"field {number} ends at byte {after}, but the message at {end}")
        if wire == BYTES:
            yield number, length
        file.seek(after)
    if file.tell() != end:
        raise ValueError(f"a field ends at byte {file.tell()}, or there are too many, but the message ends at {end}")


def _varint(file: BinaryIO) -> int:
    """A whole number: seven bits a byte, the lowest first, and in the highest bit whether there is more."""
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise ValueError("the file ends in a number")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError("a number of more than ten bytes")
