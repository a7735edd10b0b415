"""The row-by-row reader of fixations.csv that gaze had before: slow, simple, and what the quick one is held against.

It is slow, and holds a Python object a row: the vectorised readers are compared with it. `check` lists the defects of
fixations.csv and trials.csv in a set without a folder of pictures, `read` gives its pictures and scanpaths.
"""

import csv
import io
import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from data.coco import Coco
from data.errors import Defect, Report, Sizes, refuse
from data.gaze import Picture, Scanpath
from data.table import memory_sets
from data.table.read import Pictures

NEEDED = ("image", "subject", "index", "x", "y", "duration_ms", "start_ms")
SEARCH = ("task", "target", "target_x", "target_y", "target_w", "target_h", "found")
LIMITS = {"index": 2**31, "duration_ms": 86_400_000, "start_ms": 1e15}
LIMITS |= dict.fromkeys(("x", "y", "target_x", "target_y", "target_w", "target_h"), 2**30)
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


def check(root: Path) -> list[Defect]:
    """What is wrong with fixations.csv and trials.csv where objects.json, which must be sound, has the sizes."""
    defects: list[Defect] = []
    path = root / "fixations.csv"
    found = list(rows(path, defects.append))
    if not found and not defects:
        defects.append(Defect(str(path), None, "no row below the header", "write one row a fixation"))
    known = Coco(root / "objects.json", defects.append).sizes
    missing: list[Defect] = []
    for name, line in {row.image: row.line for row in reversed(found)}.items():
        if name not in known:
            problem, remedy = f"picture {name!r} is missing", f"put it into {root / 'images'} or mend the name"
            missing.append(Defect(str(path), line, problem, remedy))
    defects += sorted(missing, key=lambda defect: defect.line or 0)
    fixations(path, found, known, defects.append)
    trials(path, found, defects.append)
    looked = {(row.image, row.subject, row.target) for row in found}
    for trial, entry in memory_sets.read(root / "trials.csv", defects.append).items():
        if trial not in looked:
            problem = f"{memory_sets._named(trial)} has no fixation in fixations.csv"
            defects.append(Defect(str(root / "trials.csv"), entry.line, problem, "mend or remove the row"))
        if trial[2] and entry.names and trial[2] not in entry.names:
            problem = f"the target of {memory_sets._named(trial)} is not in its memory_set"
            defects.append(Defect(str(root / "trials.csv"), entry.line, problem, "add it"))
    return defects


def read(root: Path) -> list[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every picture with its scanpaths."""
    groups: dict[str, dict[tuple[str, ...], list[Row]]] = {}
    for row in rows(root / "fixations.csv", refuse):
        groups.setdefault(row.image, {}).setdefault(row.trial, []).append(row)
    held = memory_sets.read(root / "trials.csv", refuse)
    pictures = Pictures(root)
    return [
        (pictures[name], tuple(_scanpath(trial, held) for trial in trials.values())) for name, trials in groups.items()
    ]


def _scanpath(trial: list[Row], held: memory_sets.MemorySets) -> Scanpath:
    trial.sort(key=lambda row: row.order)
    numbers = np.array([row[6:10] for row in trial])  # x, y, start, duration
    first = trial[0]
    x, y, width, height = first.box or (math.nan,) * 4
    box = None if math.isnan(x + y + width + height) else (x, y, width, height)
    xy, onset, duration = numbers[:, :2], numbers[:, 2], numbers[:, 3]
    names = memory_sets.memory_set(held, first.image, first.subject, first.target)
    return Scanpath(first.subject, xy, onset, duration, first.task, first.target, box, first.found, names)


def _text(path: Path, report: Report) -> str:
    """The text of a UTF-8 file; nothing, and a report, when it is missing, empty or in another encoding."""
    try:
        content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        what = "the file is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        report(Defect(str(path), None, what, "give the folder of a data set in the table format of data/README.md"))
        return ""
    try:
        found = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        report(Defect(str(path), line, "the text is not UTF-8", "save the file again as UTF-8"))
        return ""
    if not found.strip():
        report(Defect(str(path), None, "the file is empty", "write its content or remove it"))
        return ""
    return found


def rows(path: Path, report: Report) -> Iterator[Row]:
    """The rows of a fixations.csv; a line that is no row is reported and left out."""
    lines = csv.reader(io.StringIO(_text(path, report), newline=""), strict=True)
    try:
        header = _header(path, lines, NEEDED, report)
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


def _header(path: Path, lines: Iterator[list[str]], names: Iterable[str], report: Report) -> list[str]:
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
        if not valid(image):
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
        limit = LIMITS[self.header[column]]
        if abs(value) >= limit:
            remedy = f"write a number below {limit:g}, in the unit of the column, or nothing if it is unknown"
            self.wrong(line, column, cell, remedy)
            return math.inf
        return value

    def wrong(self, line: int, column: int, cell: str, remedy: str) -> None:
        shown = "empty" if not cell else repr(cell if len(cell) <= 40 else cell[:37] + "...")
        self.report(Defect(str(self.path), line, f"{self.header[column]} is {shown}", remedy))


def valid(name: str) -> bool:
    """Whether a picture's name is one that stays inside images/."""
    parts = PurePosixPath(name).parts
    inside = bool(parts) and name[0] != "/" and ".." not in parts and "\\" not in name
    return inside and name.isprintable() and len(name.encode()) <= 255


def fixations(path: Path, found: list[Row], sizes: Sizes, report: Report) -> None:
    """Report what is wrong with single fixations; `sizes` are the known widths and heights of the pictures."""
    timed = {name: any(math.isfinite(getattr(row, name)) for row in found) for name in ("duration", "start")}
    for row in found:

        def wrong(problem: str, remedy: str, line: int = row.line) -> None:
            report(Defect(str(path), line, problem, remedy))

        if math.isnan(row.x) or math.isnan(row.y):
            wrong("x or y is empty", "write where the fixation was, or remove the row")
        elif row.image in sizes and math.isfinite(row.x) and math.isfinite(row.y):
            width, height = sizes[row.image]
            if not (0 <= row.x < width and 0 <= row.y < height):
                problem = f"the fixation at ({row.x:g}, {row.y:g}) is outside the picture of {width} x {height} pixels"
                wrong(problem, "check the coordinates, or leave it: maps and scores skip it")
        if row.duration < 0:
            wrong(f"duration_ms is {row.duration:g}", "write a duration above 0, or nothing if it is unknown")
        for name, column in (("duration", "duration_ms"), ("start", "start_ms")):
            if timed[name] and math.isnan(getattr(row, name)):
                wrong(f"{column} is empty, but other rows have one", "write it, or leave the whole column empty")
        if row.box and not all(map(math.isnan, row.box)) and not (row.box[2] > 0 and row.box[3] > 0):
            wrong("the target's box has no area", "write target_x, target_y, target_w and target_h, or none of them")


def trials(path: Path, found: Iterable[Row], report: Report) -> None:
    """Report what is wrong with the order of the fixations in their trials."""
    groups: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in found:
        groups.setdefault(row.trial, []).append(row)
    for group in groups.values():
        group.sort(key=lambda row: row.order)
        if 0 < group[0].order < math.inf:
            problem = f"the first index of {_named(group[0])} is {group[0].order:g}"
            report(Defect(str(path), group[0].line, problem, "number the fixations 0, 1, 2, ..."))
        for before, after in pairwise(group):
            _step(path, before, after, report)


def _step(path: Path, before: Row, after: Row, report: Report) -> None:
    def wrong(problem: str, remedy: str) -> None:
        report(Defect(str(path), after.line, f"{problem} in {_named(after)}", remedy))

    if math.isinf(after.order):
        return
    if after.order == before.order:
        wrong(f"index {after.order:g} is there twice (line {before.line})", "remove one, or name the viewers apart")
        return
    if after.order > before.order + 1:
        wrong(f"index goes from {before.order:g} to {after.order:g}", "add the fixations between, or number anew")
    if after.start < before.start:
        wrong(f"start_ms goes back from {before.start:g} to {after.start:g}", "order the fixations by time")
    if after.found != before.found or not _same(after.box, before.box):
        wrong("found or the target's box changes", "write the same in every row of a trial")


def _same(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(one, other, strict=True))


def _named(row: Row) -> str:
    return f"the trial of {row.subject!r} on {row.image!r}" + (f" for {row.target!r}" if row.target else "")
