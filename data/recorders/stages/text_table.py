"""Text tables from any program: encoding, separator and decimal mark are found out; columns become words or numbers.

    UTF-8 or UTF-16 with or without a mark, else Windows' western characters; .gz is unpacked
    tabs, semicolons, commas or bars between columns; decimal commas unless commas stand between columns

The header is the first line that is neither empty nor a comment (#); such lines below it are left out. Rows are split
by pyarrow. A short row ends with unknown cells, as the last row of a file that was cut off does; a long one is refused,
unless one separator too many ends it, and so is a table whose first row is short.
"""

import contextlib
import csv
import gzip
import io
import logging
import re
import warnings
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from data.errors import RecordingError, short_reason
from data.picture_file import SUFFIXES

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.csv import InvalidRow

logger = logging.getLogger(__name__)

Warn = Callable[[str], None]  # takes a sentence about what was guessed or left out

UNKNOWN: tuple[str, ...] = (
    "",
    ".",
    "-",
    "--",
    "?",
    "nan",
    "-nan",
    "nan(ind)",
    "-nan(ind)",
    "1.#qnan",
    "-1.#qnan",
    "1.#ind",
    "-1.#ind",
)
UNKNOWN += ("na", "n/a", "#n/a", "n.a.", "#nv", "null", "none", "missing", "inf", "+inf", "-inf", "1.#inf", "-1.#inf")
SEPARATORS = "\t;,|"
BLOCK = 1 << 24  # bytes that are split at a time; no row may be longer
GZIP = b"\x1f\x8b"
START = 1 << 16  # bytes that tell what a file is
SEEN = 5_000  # rows in which names of pictures are looked for


class UnlikeError(RecordingError):
    """A file in good order that is no recording of gaze."""


def text(path: Path, tell: Warn = warnings.warn) -> str:
    """The text of a file in any of the usual encodings, its lines ended as on Linux.

    Raises:
        RecordingError: The file is missing, empty, damaged or no text.
    """
    with _readable(path):
        content = path.read_bytes()
        content = gzip.decompress(content) if content[:2] == GZIP else content
    decoded = _plain(path, content, tell)
    if not decoded.strip():
        raise RecordingError(f"{path}: the file is empty; export the recording again.")
    return decoded


def start(path: Path) -> str:
    """The whole lines in the first `START` bytes of a file's text, to see what it is; the file is not read further.

    Raises:
        RecordingError: The file is missing, empty, damaged or no text.
    """
    with _readable(path), path.open("rb") as file:
        content = file.read(START)
        if content[:2] == GZIP:
            content = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(content, START)
    cut = len(content) >= START
    decoded = _plain(path, content[: content.rfind(b"\n") + 1] or content if cut else content, lambda _: None)
    if not (cut or decoded.strip()):
        raise RecordingError(f"{path}: the file is empty; export the recording again.")
    return decoded


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Says what is wrong with a file that cannot be read or unpacked."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RecordingError(f"{path}: cut off or damaged ({short_reason(error)}); copy or export it again.") from error
    except OSError as error:
        what = "the file is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise RecordingError(f"{path}: {what}; give a file that an eye tracker's program exported.") from error


def _plain(path: Path, content: bytes, tell: Warn) -> str:
    """Bytes as text, its lines ended as on Linux."""
    decoded = _decoded(path, content, tell).replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in decoded:
        raise UnlikeError(f"{path}: not a text file; export the recording as text (ASC, TSV or CSV).")
    return decoded


def _decoded(path: Path, content: bytes, tell: Warn) -> str:
    wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    zeros = [content[start:400:2].count(0) for start in (0, 1)]
    if wide or max(zeros) > 40:
        encoding = "utf-16" if wide else "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
        return content[: len(content) // 2 * 2].decode(encoding, errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        tell(f"{path}: not UTF-8, so read as Windows-1252; check the names in it.")
        return content.decode("cp1252", errors="replace")


def plain(name: str) -> str:
    """A column's name without what differs between exports: case, blanks, marks.

    >>> plain("Gaze point X [DACS px]"), plain("timestamp [μs]"), plain("時刻")
    ('gazepointxdacspx', 'timestampus', '時刻')
    """
    return re.sub(r"[\W_]", "", name.casefold().replace("μ", "u").replace("µ", "u"))


def match(columns: Sequence[str], *names: str) -> str:
    """The first of the names that is a column, exactly or however it is written; "" if none is."""
    by_plain_name = {plain(column): column for column in reversed(columns)}
    exact = (name if name in columns else by_plain_name.get(plain(name) or " ", "") for name in names)
    return next((column for column in exact if column), "")


def first_names(start: str) -> list[str]:
    r"""The names of the columns in the first line of a text that is not empty, each as `plain` writes it.

    >>> first_names("\n\ngaze_timestamp,x [px]\n1,2\n")
    ['gazetimestamp', 'xpx']
    """
    return [plain(name) for name in re.split(f"[{SEPARATORS}]", start.lstrip().split("\n")[0])]


class TextTable:
    """A table of text with named columns."""

    def __init__(
        self, path: Path, names: Sequence[str], table: "pyarrow.Table", comma: bool, lines: Sequence[int]
    ) -> None:
        self.path, self.names, self.lines = path, list(names), lines  # the numbers of the rows' lines
        self._table = table  # all strings
        self._comma = comma  # whether commas may be decimal

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def find(self, *names: str) -> str:
        """The first of the names that is a column, exactly or however it is written; "" if none is."""
        return match(self.names, *names)

    def column_of_pictures(self) -> str:
        """The first column most of whose cells are names of picture files; "" if there is none."""
        for name in self.names:
            cells = [word for word in self.words(name)[:SEEN] if word]
            pictures = sum(PurePosixPath(str(word).lower()).suffix in SUFFIXES for word in cells)
            if pictures > len(cells) / 2:
                return name
        return ""

    def chosen(self, name: str, *usual: str) -> str:
        """The column that a person named, which must be there; without one the first of the usual ones, "" if none is.

        Raises:
            RecordingError: There is no column of the name.
        """
        return self.column(name) if name else self.find(*usual)

    def column(self, name: str) -> str:
        """The column of this name, however it is written.

        Raises:
            RecordingError: There is none.
        """
        found = self.find(name)
        if not found:
            few = ", ".join(it[:40] for it in self.names[:12]) + (" ..." if len(self.names) > 12 else "")
            raise RecordingError(f"{self.path}: no column {name!r}; choose among {few}.")
        return found

    def _column(self, name: str) -> "pyarrow.ChunkedArray":
        from pyarrow import compute

        exact = name if name in self.names else self.column(name)
        return compute.utf8_trim(self._table.column(self.names.index(exact)), characters=' "\t')

    def words(self, name: str) -> np.ndarray:
        """A column as strings; "" where a cell is empty."""
        return np.asarray(self._column(name).to_numpy(), dtype=object)

    def words_or(self, name: str, other: str) -> np.ndarray:
        """A column as strings, `other` where a cell is empty; `other` in every row where there is no name of one."""
        return np.array([word or other for word in self.words(name)] if name else [other] * len(self), object)

    def numbers(self, name: str) -> Float[np.ndarray, " n"]:
        """A column as numbers, NaN where a cell is empty or says that nothing is known.

        Raises:
            RecordingError: There is no such column, or a cell of it is no number.
        """
        import pyarrow
        from pyarrow import compute

        written = self._column(name)
        cells = compute.replace_substring(written, ",", ".", max_replacements=1) if self._comma else written
        unknown = compute.is_in(compute.utf8_lower(cells), pyarrow.array(UNKNOWN))
        cells = compute.if_else(unknown, pyarrow.scalar(None, pyarrow.string()), cells)
        values = _floats(cells)
        if values is None:
            row = bisect_left(range(len(cells)), True, key=lambda last: _floats(cells[: last + 1]) is None)
            shown = repr(written[row].as_py()[:40])
            problem = f"{name} is {shown}; write a number such as 12.5, or nothing if it is unknown"
            raise RecordingError(f"{self.path}, line {self.lines[min(row, len(self.lines) - 1)]}: {problem}.")
        numbers = values.to_numpy().astype(float)
        numbers[~(np.abs(numbers) < 1e30)] = np.nan  # infinite, or damaged
        return np.asarray(numbers)


def _floats(cells: "pyarrow.ChunkedArray") -> "pyarrow.ChunkedArray | None":
    """Strings as numbers; None where one of them is not a number."""
    import pyarrow
    from pyarrow import compute

    try:
        values = cells.cast(pyarrow.float64())
    except pyarrow.ArrowInvalid:
        return None
    return None if compute.any(compute.is_nan(values)).as_py() else values


def read(
    path: Path | str,
    names: Sequence[str] = (),
    tell: Warn = warnings.warn,
    fits: Callable[[list[str]], object] = bool,
) -> TextTable:
    """The table in a file; `names` are its columns where it has no header, as in BIDS.

    `fits` is called with the names before the rows are read, and may raise an error.

    Raises:
        RecordingError: The file is no table; an `UnlikeError` where it has no names of columns.
    """
    path = Path(path)
    return parse(path, text(path, tell), names, tell, fits)


def parse(
    path: Path,
    content: str,
    names: Sequence[str] = (),
    tell: Warn = warnings.warn,
    fits: Callable[[list[str]], object] = bool,
    is_row: Callable[[str], object] = bool,
) -> TextTable:
    """The table in the text of a file, as `read` says; lines below the header that are no rows are left out.

    Raises:
        RecordingError: The text is no table; an `UnlikeError` where it has no names of columns.
    """
    lines = content.split("\n")
    if names:
        table = _rows(path, "\n".join(lines), len(names), "\t")
        return TextTable(path, names, table, True, range(1, len(lines) + 1))
    kept = [number for number, line in enumerate(lines, 1) if line and line[0] != "#" and line.strip(" ")]
    kept = kept[1:] if kept and lines[kept[0] - 1].startswith("sep=") else kept
    if not kept:
        raise UnlikeError(f"{path}: it holds comments only; export the recording again.")
    header, separator = _header(path, kept[0], lines[kept[0] - 1])
    rows = [number for number in kept[1:] if is_row(lines[number - 1])]
    if all(re.fullmatch(r"-?\d+([.,]\d+)?", name) for name in header):
        header, rows = [str(number) for number in range(1, len(header) + 1)], kept
        tell(f"{path}: no header, so its columns are named 1 to {len(header)}.")
    fits(header)
    body = "\n".join(lines[number - 1] for number in rows)
    logger.debug("%s: %d rows of %d columns, separated by %r", path, len(rows), len(header), separator)
    return TextTable(path, header, _rows(path, body, len(header), separator), separator != ",", rows)


def _header(path: Path, number: int, line: str) -> tuple[list[str], str]:
    """The names of the columns in the first line, and what separates them."""
    separator = max(SEPARATORS, key=lambda mark: (line.count(mark), -SEPARATORS.index(mark)))
    try:
        names = [name.strip() for name in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error as error:
        raise UnlikeError(f"{path}, line {number}: no names of columns ({error}); export the table again.") from error
    if len(names) < 2:
        raise UnlikeError(f"{path}, line {number}: only one column; separate columns by tabs or semicolons.")
    return names, separator


def _rows(path: Path, body: str, width: int, separator: str) -> "pyarrow.Table":
    """The cells of all rows as strings, in columns 0, 1, ..."""
    import pyarrow

    if not body.strip():
        raise RecordingError(f"{path}: no row below the header; export the recording again.")
    mended: dict[int, str] = {}

    def mend(row: "InvalidRow") -> str:
        spare = row.actual_columns - width
        if spare == 1 and row.text.endswith(separator):
            mended[row.number - 1] = row.text[:-1]
        elif spare < 0 and row.number > 1:
            mended[row.number - 1] = row.text + separator * -spare
        else:
            return "error"
        return "skip"

    try:
        rows = _split(body, width, separator, mend)
        if mended:
            rows = _merged(rows, _split("\n".join(mended.values()), width, separator), list(mended))
        if separator != "\t" and rows.num_rows <= body.count("\n"):  # some cell has several lines
            _check_quotes(body, separator)
    except (pyarrow.ArrowException, csv.Error) as error:
        problem = f"its rows do not fit its {width} columns ({short_reason(error)[:60]})"
        mend_it = "with semicolons or tabs between columns, and no line wrapped or cut"
        raise RecordingError(f"{path}: {problem}; export it again {mend_it}.") from error
    return rows


def _split(body: str, width: int, separator: str, mend: "Callable[[InvalidRow], str] | None" = None) -> "pyarrow.Table":
    """The rows of this width; `mend` is called with each other one, and says whether it is an error."""
    import pyarrow
    from pyarrow import csv as quick

    names, quoted = [str(number) for number in range(width)], separator != "\t"
    return quick.read_csv(
        pyarrow.BufferReader(body.encode()),
        quick.ReadOptions(column_names=names, block_size=BLOCK, use_threads=False),  # with threads no row has a number
        quick.ParseOptions(
            delimiter=separator,
            quote_char='"' if quoted else False,
            newlines_in_values=quoted,
            ignore_empty_lines=False,
            invalid_row_handler=mend,
        ),
        quick.ConvertOptions(column_types=dict.fromkeys(names, pyarrow.string())),
    )


def _check_quotes(body: str, separator: str) -> None:
    """Raises csv.Error where a quotation mark may have swallowed rows: nothing closes it, or text follows that."""
    for _ in csv.reader(io.StringIO(body), delimiter=separator, strict=True):
        pass


def _merged(rows: "pyarrow.Table", others: "pyarrow.Table", numbers: Sequence[int]) -> "pyarrow.Table":
    """The rows of two tables, those of the second with these numbers in the whole."""
    import pyarrow

    rest = np.delete(np.arange(rows.num_rows + len(numbers)), numbers)
    return pyarrow.concat_tables([rows, others]).take(np.argsort(np.concatenate([rest, numbers])))
