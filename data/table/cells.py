"""The cells of a table such as fixations.csv, a block of lines at a time, each row with the line that it ends on.

pyarrow splits the blocks in which lines and cells plainly end where Python's csv ends them. csv splits the others, with
quotes or line breaks within quotes, lone carriage returns, NUL, lines of 128 KiB, or a row of too many or too few
cells. A block is small, so little of a table is in memory at once.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import Int64, UInt8

from data.errors import MARK, Defect, Report, empty, not_utf8
from data.table.columns import FIXATIONS, Form, column_names, columns_are_right, not_as_many, not_csv

if TYPE_CHECKING:
    import pyarrow

BLOCK = 1 << 18  # bytes of text that are split at once
ROWS = 1 << 14  # rows that csv splits at once
QUOTED = re.compile(rb'(?<![^,\n])"[^"\r\n]*"(?![^,\r\n])')  # a cell in quotes with none within
MAX_LINE_BYTES = 1 << 17  # bytes of a line: Python's csv takes no longer cell


class Readable(Protocol):
    """A binary file, as far as it is needed here."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, no more than `size`; b"" at the end."""


class Cells(NamedTuple):
    """Rows of as many cells as the header has, and what is wrong with the lines between them."""

    line: Int64[np.ndarray, " n"]
    columns: (
        "dict[str, pyarrow.ChunkedArray]"  # the text of the cells of each column of the format; null where one is empty
    )
    defects: list[Defect]


class _Lines:
    """The lines of one block of bytes after the other, which end as Python's universal newlines do."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.blocks = blocks
        self.waiting: deque[str] = deque()  # the lines of the block that have not been taken

    def put(self, block: bytes) -> None:
        """These lines come next."""
        self.waiting.extend(io.StringIO(block.decode(), newline=""))

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while not self.waiting:
            self.put(next(self.blocks))
        return self.waiting.popleft()

    def rest(self) -> bytes:
        """What remains of the block."""
        block = "".join(self.waiting).encode()
        self.waiting.clear()
        return block


def is_text(file: Readable, path: Path, report: Report) -> bool:
    """Whether the bytes of a file are UTF-8 and hold more than spaces; a report if not."""
    line, blank = 1, True
    for block in _blocks(file):
        try:
            if blank or not block.isascii():
                blank = not block.decode().strip() and blank
        except UnicodeDecodeError as error:
            report(not_utf8(path, line + block.count(b"\n", 0, error.start)))
            return False
        line += block.count(b"\n")
    if blank:
        report(empty(path))
    return not blank


def _blocks(file: Readable) -> Iterator[bytes]:
    """The bytes of a file without its mark, cut where lines end."""
    parts: list[bytes] = []
    mark = MARK
    while part := file.read(BLOCK):
        lines, end, rest = part.rpartition(b"\n")
        if end:
            yield b"".join([*parts, lines, end]).removeprefix(mark)
            parts, mark = [], b""
        parts.append(rest)
    if last := b"".join(parts).removeprefix(mark):
        yield last


def read(file: Readable, path: Path, report: Report, form: Form = FIXATIONS) -> Iterator[Cells]:
    """The rows below the header; a header that is none, and a text that is not UTF-8, is reported and ends them."""
    blocks = _blocks(file)
    lines = _Lines(blocks)
    reader, line = csv.reader(lines, strict=True), 0  # line: how many the blocks before had
    try:
        header = column_names(path, reader, form.needed, report)
        if reader.line_num == 0:
            report(empty(path))
        if not header or not columns_are_right(path, header, report, form):
            return
        block, line = lines.rest(), reader.line_num
        while block or (block := next(blocks, b"")):
            cells = _split(block, header, line, form)
            if cells:
                yield cells
                line += block.count(b"\n")
            else:
                lines.put(block)
                reader = csv.reader(lines, strict=True)
                yield from _by_csv(reader, lines, header, line, path, form)
                line += reader.line_num
            block = b""
    except csv.Error as error:
        report(not_csv(path, line + reader.line_num, error))
    except UnicodeDecodeError:  # whoever wants to know the line has asked `is_text` before
        report(not_utf8(path, None))


def _columns(header: list[str], form: Form) -> dict[str, int]:
    """The index of each column of the form, those that go together (a target's box) only if all are there."""
    names = set(form.needed + form.others) & set(header)
    names -= set() if set(form.together) <= names else set(form.together)
    return {name: header.index(name) for name in form.needed + form.others if name in names}


def _split(block: bytes, header: list[str], before: int, form: Form) -> Cells | None:
    """The rows of a block that comes after so many lines; None where csv may split it otherwise, or complain."""
    import pyarrow
    from pyarrow import csv as quick

    block = block if block.endswith(b"\n") else block + b"\n"
    text = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(text == ord("\n"))
    if not _is_plain(block, ends):
        return None
    columns = _columns(header, form)
    names = [name if name in columns else f"{i} {name}" for i, name in enumerate(header)]  # others may come twice
    try:
        read = quick.read_csv(
            pyarrow.BufferReader(block),
            quick.ReadOptions(use_threads=False, column_names=names),
            convert_options=quick.ConvertOptions(
                column_types=dict.fromkeys(columns, pyarrow.string()),
                include_columns=list(columns),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pyarrow.ArrowInvalid:
        return None
    rows = np.flatnonzero(_are_rows(text, ends))
    if len(rows) != len(read):
        return None
    return Cells(before + 1 + rows, {name: read[name] for name in read.column_names}, [])


def _is_plain(block: bytes, ends: Int64[np.ndarray, " l"]) -> bool:
    """Whether lines and cells end where Python's csv would end them; raises UnicodeDecodeError where it is no text."""
    return (
        (block.isascii() or bool(block.decode()))
        and b"\0" not in block
        and not block.startswith(MARK)
        and block.count(b"\r") == block.count(b"\r\n")
        and (b'"' not in block or b'"' not in QUOTED.sub(b"", block))
        and int(np.diff(ends, prepend=-1).max()) < MAX_LINE_BYTES
    )


def _are_rows(text: UInt8[np.ndarray, " b"], ends: Int64[np.ndarray, " l"]) -> np.ndarray:
    """Which lines are not empty."""
    starts = np.append(0, ends[:-1] + 1)
    return np.asarray((starts < ends) & ~((starts + 1 == ends) & (text[starts] == ord("\r"))))


def _by_csv(reader: Any, lines: _Lines, header: list[str], before: int, path: Path, form: Form) -> Iterator[Cells]:
    """The rows of the block in `lines`, and of the next ones until a row ends with its block; raises csv.Error."""
    stopped: csv.Error | None = None
    while lines.waiting and not stopped:
        rows: list[tuple[int, list[str]]] = []
        try:
            for cells in reader:
                rows.append((before + reader.line_num, cells))
                if not lines.waiting or len(rows) == ROWS:
                    break
        except csv.Error as error:
            stopped = error
        yield _checked(rows, header, path, form)
    if stopped:
        raise stopped


def _checked(rows: list[tuple[int, list[str]]], header: list[str], path: Path, form: Form) -> Cells:
    """The rows that have as many cells as the header; each of the others, unless it is empty, is a defect."""
    import pyarrow

    right = [(line, cells) for line, cells in rows if len(cells) == len(header)]
    columns = {
        name: pyarrow.chunked_array([[cells[i] or None for _, cells in right]], pyarrow.string())
        for name, i in _columns(header, form).items()
    }
    wrong = [(line, len(cells)) for line, cells in rows if len(cells) not in (0, len(header))]
    defects = [not_as_many(path, line, count, len(header)) for line, count in wrong]
    return Cells(np.array([line for line, _ in right], np.int64), columns, defects)
