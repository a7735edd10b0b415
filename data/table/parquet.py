"""Large tables, quickly: a fixations.csv becomes a Parquet file of the same columns, in the order of their use.

Pictures lie in the order in which the table first names them, and so do the trials of a picture; the fixations of a
trial lie in the order of their index. `task` is filled in, a column that the table lacks is empty, `found` is 1, 0 or
-1 where unknown, an unknown number is NaN. No more than about half a million rows, plus the rows of one picture, are in
memory at once.

A table with a defect has no such file, and nothing is said here: its readers say what is wrong.
"""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from jaxtyping import Int64

from data.atomic import atomic_write
from data.errors import Defect
from data.table.columns import BOX, TEXTS, Columns
from data.table.schema import NUMBERS, Numbered, joined, no_texts, parse_blocks, trial_order

if TYPE_CHECKING:
    import pyarrow

MOST = 1 << 19  # rows that are put in order at once
GROUP = 1 << 17  # rows of a row group
DRAFT = "rows.arrow"  # the rows in the order of the table, until they are put in that of the pictures


class NeedsStrictError(Exception):
    """The table has a defect, or was changed meanwhile."""


def make(table: Path, digest: str, target: Path) -> None:
    """Write the Parquet file of a table whose bytes have this SHA-256, its sum in the name; whole or not at all."""
    import pyarrow
    from pyarrow import ipc

    texts = no_texts()
    counts = np.zeros(0, np.int64)  # rows of each picture
    together, last = True, 0  # whether the rows of each picture lie together
    schema = _schema("int32")
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", suffix=".part", dir=target.parent) as folder:
        draft = Path(folder) / DRAFT
        with ipc.new_file(str(draft), schema, options=ipc.IpcWriteOptions(compression="lz4")) as file:
            for columns in _rows(table, digest, texts):
                image = columns["image"]
                together, last = together and bool((np.diff(image, prepend=last) >= 0).all()), image[-1]
                more = np.bincount(image, minlength=len(texts["image"]))
                more[: len(counts)] += counts
                counts = more
                file.write_batch(pyarrow.record_batch([columns[name] for name in schema.names], schema=schema))
        pictures = _together(draft) if together else _gathered(draft, counts)
        with atomic_write(target, summed=True) as out:
            _write(pictures, {name: list(codes) for name, codes in texts.items()}, out)


def _schema(text: str) -> "pyarrow.Schema":
    import pyarrow

    kinds = dict.fromkeys(TEXTS, text) | dict.fromkeys(NUMBERS, "float64") | {"found": "int8"}
    return pyarrow.schema([(name, pyarrow.type_for_alias(alias)) for name, alias in kinds.items()])


class _Digested:
    """A file whose bytes are digested as they are read."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.digest = file, hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        part = self.file.read(size)
        self.digest.update(part)
        return part


def _rows(table: Path, digest: str, texts: Numbered) -> Iterator[Columns]:
    """The rows of the table in its own order, as many at once as a row group has."""

    def doubt(defect: Defect) -> None:
        raise NeedsStrictError(str(defect))

    kept: list[Columns] = []
    with table.open("rb") as file:
        digested = _Digested(file)
        for columns in parse_blocks(digested, table, texts, doubt):
            kept.append(dict.fromkeys(BOX, np.full(len(columns["line"]), np.nan)) | columns)
            if sum(len(part["line"]) for part in kept) >= GROUP:
                yield joined(kept)
                kept = []
    if kept:
        yield joined(kept)
    if digested.digest.hexdigest() != digest:
        raise NeedsStrictError(f"{table}: was changed while it was read")


def _together(draft: Path) -> Iterator[Columns]:
    """All rows of some pictures at a time, where those of each picture lie together."""
    kept: list[Columns] = []
    for columns in _batches(draft):
        start = int(np.searchsorted(columns["image"], columns["image"][-1]))  # of the batch's last picture
        if start:
            yield joined([*kept, {name: values[:start] for name, values in columns.items()}])
            kept = []
        kept.append({name: values[start:] for name, values in columns.items()})
    if kept:
        yield joined(kept)


def _gathered(draft: Path, counts: Int64[np.ndarray, " p"]) -> Iterator[Columns]:
    """The same where they do not: the draft is read again and again."""
    turn = (np.cumsum(counts) - 1) // MOST
    for number in np.unique(turn):
        parts = ((columns, turn[columns["image"]] == number) for columns in _batches(draft))
        yield joined([{name: values[here] for name, values in columns.items()} for columns, here in parts])


def _batches(draft: Path) -> Iterator[Columns]:
    import pyarrow
    from pyarrow import ipc

    with pyarrow.OSFile(str(draft)) as file:
        reader = ipc.open_file(file)
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            yield {name: batch.column(name).to_numpy(zero_copy_only=False) for name in batch.schema.names}


def _write(pictures: Iterable[Columns], texts: dict[str, list[str]], out: IO[bytes]) -> None:
    import pyarrow
    from pyarrow import parquet

    schema = _schema("string")
    listed = {name: pyarrow.array(values, "string") for name, values in texts.items()}
    repeated = [*TEXTS, *BOX, "index"]
    with parquet.ParquetWriter(
        out, schema, compression="zstd", use_dictionary=repeated, write_page_checksum=True
    ) as writer:
        for columns in pictures:
            order = trial_order(columns)
            arrays = [pyarrow.array(columns[name][order]) for name in schema.names]
            arrays = [listed[n].take(a) if n in listed else a for n, a in zip(schema.names, arrays, strict=True)]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema), row_group_size=GROUP)
