"""Large tables, quickly: a fixations.csv becomes a Parquet file of the same columns, in the order of their use.

Pictures lie in the order in which the table first names them, and so do the trials of a picture; the fixations of a
trial lie in the order of their index. `task` is filled in, a column that the table lacks is empty, `found` is 1, 0 or
-1 where unknown, an unknown number is NaN. No more than about half a million rows, plus the rows of one picture, are in
memory at once.

It parses only what it is sure that `data.table.schema.parse_rows` would read without complaint, and to the same
numbers; whatever else a table holds, however sound, is a doubt: lone carriage returns, quotes within quotes, cells of
128 KiB, `nan`. It words no complaint: the strict reader is asked for that.
"""

import csv
import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int64, Shaped

from data.atomic import atomic_write
from data.picture import is_valid_name
from data.table.schema import FOUND, NEEDED, SEARCH

if TYPE_CHECKING:
    import pyarrow

BLOCK = 1 << 22  # bytes of text that are parsed at once
MOST = 1 << 19  # rows that are put in order at once
GROUP = 1 << 17  # rows of a row group
DRAFT = "rows.arrow"  # the rows in the order of the table, until they are put in that of the pictures
TEXTS = ("image", "subject", "task", "target")  # what a trial is known by
BOX = SEARCH[2:6]
NUMBERS = ("index", "x", "y", "duration_ms", "start_ms", *BOX)
QUOTED = re.compile(rb'(?<![^,\n])"[^"\r\n]*"(?![^,\r\n])')  # a cell in quotes with none within
LONGEST = 1 << 17  # bytes of a line: Python's csv takes no longer cell
MARK = b"\xef\xbb\xbf"  # with which spreadsheets begin a UTF-8 file

Columns = dict[str, Shaped[np.ndarray, " n"]]
Known = dict[str, dict[str, int]]  # of each column of text, the number of every text in order of appearance


class NeedsStrictError(Exception):
    """The strict reader has to look at this table."""


def make(table: Path, digest: str, target: Path) -> None:
    """Write the Parquet file of a table whose bytes have this SHA-256; it appears whole or not at all."""
    import pyarrow
    from pyarrow import ipc

    known: Known = {name: {} for name in TEXTS}
    counts = np.zeros(0, np.int64)  # rows of each picture
    together, last = True, 0  # whether the rows of each picture lie together
    schema = _schema("int32")
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", suffix=".part", dir=target.parent) as folder:
        draft = Path(folder) / DRAFT
        try:
            with ipc.new_file(str(draft), schema, options=ipc.IpcWriteOptions(compression="lz4")) as file:
                for columns in _parsed(table, digest, known):
                    image = columns["image"]
                    together, last = together and bool((np.diff(image, prepend=last) >= 0).all()), image[-1]
                    more = np.bincount(image, minlength=len(known["image"]))
                    more[: len(counts)] += counts
                    counts = more
                    file.write_batch(pyarrow.record_batch([columns[name] for name in schema.names], schema=schema))
        except pyarrow.ArrowInvalid as error:
            raise NeedsStrictError from error
        pictures = _together(draft) if together else _gathered(draft, counts)
        with atomic_write(target) as out:
            _write(pictures, {name: list(texts) for name, texts in known.items()}, out)


def _schema(text: str) -> "pyarrow.Schema":
    import pyarrow

    kinds = dict.fromkeys(TEXTS, text) | dict.fromkeys(NUMBERS, "float64") | {"found": "int8"}
    return pyarrow.schema([(name, pyarrow.type_for_alias(kind)) for name, kind in kinds.items()])


def _parsed(table: Path, digest: str, known: Known) -> Iterator[Columns]:
    """The columns of the table as numbers, in its own order."""
    found = hashlib.sha256()
    header: list[str] = []
    with table.open("rb") as file:
        rest = b""
        while part := file.read(BLOCK):
            found.update(part)
            block, _, rest = (rest + part).rpartition(b"\n")
            if not header and block:
                head, _, block = block.partition(b"\n")
                header = _header(head)
            if block.strip(b"\r\n"):
                yield _columns(block + b"\n", header, known)
    if not header:
        raise NeedsStrictError
    if rest.strip(b"\r\n"):
        yield _columns(rest + b"\n", header, known)
    if found.hexdigest() != digest:
        raise NeedsStrictError  # it was changed meanwhile


def _header(line: bytes) -> list[str]:
    try:
        (header,) = csv.reader([line.removeprefix(MARK).decode()], strict=True)
    except (ValueError, csv.Error) as error:
        raise NeedsStrictError from error
    header = [name.strip() for name in header]
    if not set(NEEDED) <= set(header) or any(header.count(name) > 1 for name in NEEDED + SEARCH):
        raise NeedsStrictError
    return header


def _columns(block: bytes, header: list[str], known: Known) -> Columns:
    import pyarrow
    from pyarrow import csv as quick

    if not _plain(block):
        raise NeedsStrictError
    left_out = () if set(BOX) <= set(header) else BOX
    kinds = dict.fromkeys((*TEXTS, "found"), pyarrow.string()) | dict.fromkeys(NUMBERS, pyarrow.float64())
    kinds = {name: kind for name, kind in kinds.items() if name in header and name not in left_out}
    places = [name if name in kinds else f"{i} {name}" for i, name in enumerate(header)]  # others may come twice
    read = quick.read_csv(
        pyarrow.BufferReader(block),
        quick.ReadOptions(column_names=places),
        convert_options=quick.ConvertOptions(
            column_types=kinds, include_columns=list(kinds), null_values=[""], strings_can_be_null=False
        ),
    )
    numbers = {name: _numbers(read[name]) if name in kinds else np.full(len(read), np.nan) for name in NUMBERS}
    if not ((numbers["index"] >= 0) & (numbers["index"] % 1 == 0)).all():
        raise NeedsStrictError
    return numbers | _texts(read, known)


def _plain(block: bytes) -> bool:
    """Whether lines and cells end where Python's csv would end them, and the text is UTF-8."""
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
    try:
        return (
            b"\0" not in block
            and not block.startswith(MARK)
            and block.count(b"\r") == block.count(b"\r\n")
            and (b'"' not in block or b'"' not in QUOTED.sub(b"", block))
            and int(np.diff(ends, prepend=-1).max()) < LONGEST
            and (block.isascii() or bool(block.decode()))
        )
    except UnicodeDecodeError:
        return False


def _numbers(cells: "pyarrow.ChunkedArray") -> Shaped[np.ndarray, " n"]:
    numbers = np.asarray(cells.to_numpy())
    if np.isinf(numbers).any() or np.isnan(numbers).sum() != cells.null_count:
        raise NeedsStrictError
    return numbers


def _texts(read: "pyarrow.Table", known: Known) -> Columns:
    """The number of each text, and what was found."""
    columns: Columns = {}
    cells = {name: _encoded(read, name) for name in (*TEXTS, "found")}
    if (
        not all(name in known["image"] or is_valid_name(name) for name in cells["image"][1])
        or "" in cells["subject"][1]
    ):
        raise NeedsStrictError
    for name in TEXTS:
        place, values = cells[name]
        texts = known[name]
        columns[name] = np.array([texts.setdefault(value, len(texts)) for value in values], np.int32)[place]
    place, answers = cells["found"]
    if not {answer.lower() for answer in answers} <= set(FOUND):
        raise NeedsStrictError
    told = {None: -1, False: 0, True: 1}
    columns["found"] = np.array([told[FOUND[answer.lower()]] for answer in answers], np.int8)[place]
    tasks = known["task"]
    if "" in tasks:
        search, free = (tasks.setdefault(task, len(tasks)) for task in ("search", "free"))
        implied = np.where(columns["target"] == known["target"].get("", -1), free, search)
        columns["task"] = np.where(columns["task"] == tasks[""], implied, columns["task"]).astype(np.int32)
    return columns


def _encoded(read: "pyarrow.Table", name: str) -> tuple[Any, list[str]]:
    """The number of each cell's text, and the texts; all are empty in a column that is not there."""
    if name not in read.column_names:
        return np.zeros(len(read), np.int32), [""]
    encoded = read[name].combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary.to_pylist()


def _together(draft: Path) -> Iterator[Columns]:
    """All rows of some pictures at a time, where those of each picture lie together."""
    kept: list[Columns] = []
    for columns in _batches(draft):
        start = int(np.searchsorted(columns["image"], columns["image"][-1]))  # of the batch's last picture
        if start:
            yield _joined([*kept, {name: values[:start] for name, values in columns.items()}])
            kept = []
        kept.append({name: values[start:] for name, values in columns.items()})
    if kept:
        yield _joined(kept)


def _gathered(draft: Path, counts: Int64[np.ndarray, " p"]) -> Iterator[Columns]:
    """The same where they do not: the draft is read again and again."""
    turn = (np.cumsum(counts) - 1) // MOST
    for number in np.unique(turn):
        parts = ((columns, turn[columns["image"]] == number) for columns in _batches(draft))
        yield _joined([{name: values[here] for name, values in columns.items()} for columns, here in parts])


def _batches(draft: Path) -> Iterator[Columns]:
    import pyarrow
    from pyarrow import ipc

    with pyarrow.OSFile(str(draft)) as file:
        reader = ipc.open_file(file)
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            yield {name: batch.column(name).to_numpy(zero_copy_only=False) for name in batch.schema.names}


def _joined(parts: list[Columns]) -> Columns:
    return parts[0] if len(parts) == 1 else {n: np.concatenate([part[n] for part in parts]) for n in parts[0]}


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
            order = _order(columns, [len(values) for values in texts.values()])
            arrays = [pyarrow.array(columns[name][order]) for name in schema.names]
            arrays = [listed[n].take(a) if n in listed else a for n, a in zip(schema.names, arrays, strict=True)]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema), row_group_size=GROUP)


def _order(columns: Columns, sizes: list[int]) -> Int64[np.ndarray, " n"]:
    """By picture, then by the first row of the trial, then by index, then as they come."""
    if np.prod(sizes, dtype=float) >= 2**62:
        raise NeedsStrictError
    trial = np.zeros(len(columns["image"]), np.int64)
    for name, size in zip(TEXTS, sizes, strict=True):
        trial = trial * size + columns[name]
    _, first, which = np.unique(trial, return_index=True, return_inverse=True)
    return np.asarray(np.lexsort((columns["index"], first[which], columns["image"])))
