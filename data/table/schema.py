"""The grammar of fixations.csv: its columns, and each row as it is written."""

import csv
import io
import logging
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from data.errors import Defect, Report, read_text
from data.picture import is_valid_name

NEEDED = ("image", "subject", "index", "x", "y", "duration_ms", "start_ms")
SEARCH = ("task", "target", "target_x", "target_y", "target_w", "target_h", "found")
logger = logging.getLogger(__name__)

FOUND = {"": None, "0": False, "1": True, "false": False, "true": True}


class Row(NamedTuple):
    """One fixation as its line says it. An empty number is NaN; one that was reported as unreadable is infinite."""

    line: int
    image: str
    subject: str
    task: str
    target: str
    order: float  # its index in the trial
    x: float  # pixels
    y: float  # pixels
    start: float  # milliseconds
    duration: float  # milliseconds
    box: tuple[float, ...]  # of the target: x, y, width, height in pixels; () without these columns
    found: bool | None

    @property
    def trial(self) -> tuple[str, str, str, str]:
        """What the rows of one scanpath have in common."""
        return self.image, self.subject, self.task, self.target


def parse_rows(path: Path, report: Report) -> Iterator[Row]:
    """The rows of a fixations.csv; a line that is no row is reported and left out."""
    lines = csv.reader(io.StringIO(read_text(path, report), newline=""), strict=True)
    try:
        header = column_names(path, lines, NEEDED, report)
        if not header or not _columns_are_right(path, header, report):
            return
        parse = _Parser(path, header, report)
        for cells in lines:
            if len(cells) == len(header):
                row = parse(lines.line_num, cells)
                if row:
                    yield row
            elif cells:
                problem = f"{len(cells)} cells for {len(header)} columns"
                report(Defect(str(path), lines.line_num, problem, "write one cell a column, separated by commas"))
    except csv.Error as error:
        problem = f"not CSV ({error})"
        report(Defect(str(path), lines.line_num, problem, "close every double quote, and write commas between cells"))


def column_names(path: Path, lines: Iterator[list[str]], names: Iterable[str], report: Report) -> list[str]:
    """The names of the columns in the first line; [] where there is none, and a report where it is blank."""
    header = next(lines, None)
    if header == []:
        report(Defect(str(path), 1, "the line is empty", f"name the columns {','.join(names)} in it"))
    return [name.strip() for name in header or ()]


def _columns_are_right(path: Path, header: list[str], report: Report) -> bool:
    missing = [name for name in NEEDED if name not in header]
    double = sorted({name for name in NEEDED + SEARCH if header.count(name) > 1})
    if missing and len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        mark = "semicolons" if ";" in header[0] else "tabs"
        report(Defect(str(path), 1, f"the columns are separated by {mark}", "save the file with commas"))
    elif missing:
        report(Defect(str(path), 1, f"no column {', '.join(missing)}", f"name the columns {','.join(NEEDED)}"))
    if double:
        report(Defect(str(path), 1, f"two columns are named {', '.join(double)}", "keep one of them"))
    return not (missing or double)


class _Parser:
    """From a line's number and its cells to its Row."""

    def __init__(self, path: Path, header: list[str], report: Report) -> None:
        self.path, self.header, self.report = path, header, report
        # An absent column is the cell that is appended to every row.
        place = {name: header.index(name) if name in header else len(header) for name in NEEDED + SEARCH}
        self.image, self.subject, self.order, *self.numbers = (place[name] for name in NEEDED)
        self.task, self.target, *box, self.found = (place[name] for name in SEARCH)
        self.box = [] if len(header) in box else box

    def __call__(self, line: int, cells: list[str]) -> Row | None:
        cells.append("")
        image, subject, task, target = (cells[i] for i in (self.image, self.subject, self.task, self.target))
        if not is_valid_name(image):
            self.wrong(line, self.image, image, "write the name of a file in images/")
            return None
        if not subject:
            self.wrong(line, self.subject, "", "write a name for the viewer")
        answer = cells[self.found].lower()
        if answer not in FOUND:
            self.wrong(line, self.found, answer, "write 1, 0, or nothing if it is unknown")
        order = self.number(line, cells, self.order)
        if not (order == math.inf or (order >= 0 and order.is_integer())):
            self.wrong(line, self.order, cells[self.order], "number the fixations of a trial 0, 1, 2, ...")
            order = math.inf
        x, y, duration, start = [self.number(line, cells, i) for i in self.numbers]
        box = tuple([self.number(line, cells, i) for i in self.box])
        task = task or ("search" if target else "free")
        return Row(line, image, subject, task, target, order, x, y, start, duration, box, FOUND.get(answer))

    def number(self, line: int, cells: list[str], column: int) -> float:
        cell = cells[column]
        if not cell:
            return math.nan
        try:
            value = float(cell)
        except ValueError:
            value = math.inf
        if math.isinf(value) or "_" in cell:
            self.wrong(line, column, cell, "write a number such as 12.5, or nothing if it is unknown")
            return math.inf
        return value

    def wrong(self, line: int, column: int, cell: str, remedy: str) -> None:
        shown = "empty" if not cell else repr(cell if len(cell) <= 40 else cell[:37] + "...")
        self.report(Defect(str(self.path), line, f"{self.header[column]} is {shown}", remedy))
