r"""What is done, as Parquet: `OUT/summaries/part-*.parquet`, a row a picture; whatever reads folders reads one table.

The row of a picture says what its JSON says, what its files are called, and what they were made of: the picture (name,
bytes, time of change), the model's SHA-256, the condition and the options. A run does a picture anew where one of these
differs, where a file that the row names is gone, and where the row tells of an error. A byte of a name that is no UTF-8
is written as \udcXX, and a backslash that would look like it as \u005c.

A part is a group of pictures that one worker does in one go. Its name has a hash of theirs, so that a part that is done
twice overwrites itself, and a picture stays in the part that it was first in: no row is there twice.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pyarrow as pa
from pyarrow import parquet

from app.predict.distributed.places import Place, Source
from data.errors import GazeError
from data.plain_text import escaped, unescaped
from export.runtime.saliency import Prediction

FOLDER = "summaries"
READERS = 16  # parts that are read at once: an object store takes its time for each
_PLANE = [("peak_x", pa.float64()), ("peak_y", pa.float64()), ("entropy_bits", pa.float64())]
SCHEMA = pa.schema(
    [
        pa.field("picture", pa.string(), nullable=False),  # path or URI
        ("error", pa.string()),  # why there is no prediction; null where there is one
        ("damaged", pa.string()),  # what is wrong with the picture's file, which was predicted all the same
        ("width", pa.int32()),
        ("height", pa.int32()),
        *_PLANE,  # of the whole viewing; pixels from the top-left corner
        ("slices", pa.list_(pa.struct([("start_s", pa.float64()), ("end_s", pa.float64()), *_PLANE]))),
        ("medium", pa.string()),
        ("familiar", pa.bool_()),
        ("model", pa.string()),
        ("version", pa.string()),
        ("condition", pa.string()),
        ("provider", pa.string()),
        pa.field("name", pa.string(), nullable=False),  # of its files, without their endings
        ("files", pa.list_(pa.string())),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("changed_ns", pa.int64(), nullable=False),
        pa.field("made", pa.string(), nullable=False),  # JSON: model, condition and options
    ]
)
Row = dict[str, Any]


class Part(NamedTuple):
    """A group of pictures: the file of their rows, those that are to be done, and the rows that stay."""

    file: str
    todo: list[tuple[Source, str]]  # with the name of their files, without endings
    kept: list[Row]


def predicted(source: Source, name: str, files: Sequence[str], made: str, prediction: Prediction) -> Row:
    """The row of a picture that was predicted."""
    record = prediction.record()
    planes = [{"start_s": plane["start_s"], "end_s": plane["end_s"]} | _plane(plane) for plane in record["slices"]]
    told = {key: record.get(key) for key in ("width", "height", "medium", "familiar", "damaged")}
    told |= {key: record[key] for key in ("model", "version", "condition", "provider")}
    return _about(source, name, made) | told | _plane(record) | {"slices": planes, "files": list(files)}


def broken(source: Source, name: str, made: str, error: str) -> Row:
    """The row of a picture of which there is no prediction."""
    return _about(source, name, made) | {"error": error, "files": []}


def packed(rows: Iterable[Row]) -> bytes:
    """Rows as a Parquet file."""
    file = io.BytesIO()
    rows = (_changed(row, escaped) for row in rows)
    ordered = sorted(rows, key=lambda row: str(row["picture"]))
    parquet.write_table(pa.Table.from_pylist(ordered, schema=SCHEMA), file, compression="zstd")
    return file.getvalue()


def part_file(names: Iterable[str]) -> str:
    """The name of the part of these pictures, in whatever order they come.

    >>> part_file(["b.jpg", "a.jpg"]) == part_file(["a.jpg", "b.jpg"]), part_file(["a.jpg"])
    (True, 'part-32078fb8df9592c3.parquet')
    """
    return f"part-{hashlib.sha256(json.dumps(sorted(names)).encode()).hexdigest()[:16]}.parquet"


class Table:
    """The rows that a folder of results has, by part and by picture."""

    def __init__(self, out: Place) -> None:
        self.rows: dict[str, dict[str, Row]] = {}  # by part, and there by picture
        self.part: dict[str, str] = {}  # in which each picture is
        folder = out.below(FOLDER)
        files = sorted(name for name in folder.names() if name.startswith("part-") and name.endswith(".parquet"))
        with ThreadPoolExecutor(READERS) as pool:
            for file, rows in zip(files, pool.map(lambda name: _read(folder.below(name)), files), strict=True):
                self.rows[file] = {row["picture"]: row for row in rows if row["picture"] not in self.part}
                self.part |= dict.fromkeys(self.rows[file], file)
        self._there = out.names() if files else set()

    def names(self) -> dict[str, str]:
        """The names of the files of the pictures that have any, by picture."""
        return {picture: row["name"] for rows in self.rows.values() for picture, row in rows.items()}

    def is_done(self, source: Source, name: str, files: Sequence[str], made: str, accept_damaged: bool) -> bool:
        """Whether a picture has these files, made of the same."""
        row = self.rows.get(self.part.get(source.where, ""), {}).get(source.where)
        if row is None or row["error"] is not None or (row["damaged"] and not accept_damaged):
            return False
        same = (row["name"], row["bytes"], row["changed_ns"], row["made"]) == (name, *source[2:4], made)
        return same and set(files) <= set(row["files"]) & self._there

    def parts(self, todo: Sequence[tuple[Source, str]], size: int) -> list[Part]:
        """What is to be done, in parts: pictures that have one stay there, new ones come by `size` into new ones."""
        known: dict[str, list[tuple[Source, str]]] = {}
        new = [item for item in todo if item[0].where not in self.part]
        for item in todo:
            if item[0].where in self.part:
                known.setdefault(self.part[item[0].where], []).append(item)
        parts = [Part(file, items, self._others(file, items)) for file, items in known.items()]
        groups = [new[start : start + size] for start in range(0, len(new), size)]
        return parts + [Part(part_file(source.where for source, _ in group), group, []) for group in groups]

    def _others(self, file: str, items: Sequence[tuple[Source, str]]) -> list[Row]:
        todo = {source.where for source, _ in items}
        return [row for picture, row in self.rows[file].items() if picture not in todo]


def making(model: Mapping[str, str], condition: str, drawing: Mapping[str, Any]) -> str:
    """What the files of a run are made of, beside the pictures."""
    return json.dumps({"task": "saliency", "model": dict(model), "condition": condition, **drawing}, sort_keys=True)


def _about(source: Source, name: str, made: str) -> Row:
    return {
        "picture": source.where,
        "name": name,
        "bytes": source.bytes,
        "changed_ns": source.changed_ns,
        "made": made,
    }


def _changed(row: Row, change: Callable[[str], str]) -> Row:
    """The row with its names changed: those of files need not be UTF-8, of which Parquet's strings are."""
    names = {key: change(row[key]) for key in ("picture", "name", "error") if row.get(key) is not None}
    return row | names | {"files": [change(name) for name in row["files"]]}


def _plane(record: Mapping[str, Any]) -> Row:
    return {
        "peak_x": record["peak"]["x"],
        "peak_y": record["peak"]["y"],
        "entropy_bits": record["entropy_bits"],
    }


def _read(place: Place) -> list[Row]:
    """The rows of a part.

    Raises:
        GazeError: It cannot be read, is none of ours, or damaged.
    """
    content = place.read()
    try:
        table = parquet.read_table(io.BytesIO(content))
        return [_changed(row, unescaped) for row in table.select(SCHEMA.names).cast(SCHEMA).to_pylist()]
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:  # OSError: no file, but what is in it
        raise GazeError(f"{place.shown} is damaged or no table of this gaze; remove it and predict again.") from error
