"""Tensors that an ONNX file keeps in other files: found without ONNX Runtime, and refused outside the file's folder.

A file from elsewhere may name `../../etc/passwd`, an absolute path, or a link that leads out, and would have it read
as weights. What is no name is skipped by its length, so that a file of gigabytes takes no longer than a small one.

    ModelProto      7: graph            25: functions
    GraphProto      1: nodes            5: initializers     15: sparse initializers
    FunctionProto   7: nodes            11: attributes
    NodeProto       5: attributes
    AttributeProto  5, 10: tensors      6, 11: graphs       22, 23: sparse tensors
    SparseTensor    1, 2: tensors
    TensorProto     13: external_data (entries of a key and a value)

https://github.com/onnx/onnx/blob/main/docs/ExternalData.md
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

from data import checksums
from data.errors import ModelError
from export.runtime.metadata import KEY, VALUE, broken, fields, strings

LOCATION = b"location"  # the key before the name of a file
SMALL = 4096  # bytes of a message that is read at once
MOST = 5_000_000  # fields of all messages that are walked
PARTS = {  # message -> number of the field -> message that it holds
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 10: "tensor", 6: "graph", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}


def check(path: Path) -> None:
    """Refuses a model that keeps data where it should not, and data that are missing or not those listed.

    Raises:
        ModelError: A file that the model names lies outside its folder, is missing, or has another checksum than the
            one that is listed beside it; or the model cannot be read or is damaged.
    """
    folder = path.parent.resolve()
    for name in names(path):
        place = PurePosixPath(name)
        file, is_file = _place(folder / name, path)
        outside = place.is_absolute() or PureWindowsPath(name).anchor or "\\" in name or ".." in place.parts
        if outside or not file.is_relative_to(folder) or file == folder:
            raise ModelError(
                f"{path}: the model wants to read {name[:200]!r}, which is outside its folder; do not use it, or get "
                "it from where it was made."
            )
        if not is_file:
            raise ModelError(f"{path}: {name!r}, where it keeps its weights, is missing beside it; copy both files.")
        checksums.verify(file)


def names(path: Path) -> tuple[str, ...]:
    """The files that an ONNX file names for its tensors, each once.

    Raises:
        ModelError: The file cannot be read, or is damaged.
    """
    try:
        with path.open("rb") as file:
            return tuple(dict.fromkeys(_walk(file)))
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); check the file and its rights.") from error
    except ValueError as error:  # also of text that is not UTF-8
        raise broken(path) from error


def _place(file: Path, path: Path) -> tuple[Path, bool]:
    """Where a file lies when links are followed, and whether it is there."""
    try:
        return file.resolve(), file.is_file()
    except (OSError, ValueError, RuntimeError) as error:  # too long, of a name that cannot be, or a circle of links
        raise broken(path) from error


def _walk(file: BinaryIO) -> Iterator[str]:
    """The value of each `location` of the tensors of a model, wherever in it they stand."""
    left = MOST
    todo = [("model", 0, file.seek(0, 2))]
    while todo:
        message, start, end = todo.pop()
        file.seek(start)
        for number, length in fields(file, end):
            left -= 1
            if left < 0:
                raise ValueError("there are too many fields")
            part = PARTS[message].get(number)
            if part == "entry":
                entry = strings(file, file.tell() + length)
                if entry[KEY] == LOCATION:
                    yield entry[VALUE].decode()
            elif part is not None:
                start = file.tell()  # a node without the word in it, as nearly all are, need not be walked
                if length > SMALL or LOCATION in file.read(length):
                    todo.append((part, start, start + length))
