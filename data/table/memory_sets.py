"""`trials.csv` of the table format: everything that a viewer held in mind while searching, the target among it.

    image,subject,target,memory_set
    001.jpg,anna,cup03,cup03;book11

A row belongs to the trial of that viewer on that picture with that target. Columns may come in any order; others are
ignored. An empty memory set is one that was not recorded.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from data.errors import Defect, Report, TableError, read_text
from data.gaze import Picture, Scanpath
from data.table.columns import Rows, column_names, not_as_many, not_csv

COLUMNS = ("image", "subject", "target", "memory_set")
MARK = ";"  # between the names of a memory set

Trial = tuple[str, str, str]  # image, subject, target


class Entry(NamedTuple):
    """A line of trials.csv."""

    line: int
    names: tuple[str, ...]


MemorySets = dict[Trial, Entry]


def read(path: Path, report: Report) -> MemorySets:
    """What was held in mind in every trial that the file names; {} without the file."""
    held: MemorySets = {}
    for trial, entry in _entries(path, report) if path.exists() else ():
        if trial in held:
            problem = f"{_named(trial)} is there twice (line {held[trial].line})"
            report(Defect(str(path), entry.line, problem, "keep one of the rows"))
        held.setdefault(trial, entry)
    return held


def memory_set(held: MemorySets, image: str, subject: str, target: str) -> tuple[str, ...]:
    """The names of one trial; () where none are recorded."""
    entry = held.get((image, subject, target))
    return entry.names if entry else ()


def _entries(path: Path, report: Report) -> Iterator[tuple[Trial, Entry]]:
    """The rows that can be understood; a line that is no row is reported and left out."""
    lines = csv.reader(io.StringIO(read_text(path, report), newline=""), strict=True)
    try:
        header = column_names(path, lines, COLUMNS, report)
        if not header or not _columns_are_right(path, header, report):
            return
        columns = [header.index(name) for name in COLUMNS]
        for cells in lines:
            if len(cells) != len(header):
                if cells:
                    report(not_as_many(path, lines.line_num, len(cells), len(header)))
                continue
            image, subject, target, memory = (cells[column] for column in columns)
            names = tuple(name.strip() for name in memory.split(MARK)) if memory.strip() else ()
            if all((image, subject, *names)):
                yield (image, subject, target), Entry(lines.line_num, names)
            else:
                what = "image is empty" if not image else "subject is empty" if not subject else "a name is empty"
                remedy = f"write image and subject, and in memory_set the names with {MARK} between them"
                report(Defect(str(path), lines.line_num, what, remedy))
    except csv.Error as error:
        report(not_csv(path, lines.line_num, error))


def _columns_are_right(path: Path, header: list[str], report: Report) -> bool:
    for problem, wrong in (
        ("no column", [name for name in COLUMNS if name not in header]),
        ("two columns are named", [name for name in COLUMNS if header.count(name) > 1]),
    ):
        if wrong:
            report(Defect(str(path), 1, f"{problem} {', '.join(wrong)}", f"name the columns {','.join(COLUMNS)}"))
            return False
    return True


def _named(trial: Trial) -> str:
    image, subject, target = trial
    return f"the trial of {subject!r} on {image!r}" + (f" for {target!r}" if target else "")


def check(path: Path, rows: Rows, report: Report) -> None:
    """Report what is wrong with the file, and trials that fixations.csv, of these rows, does not have."""
    held = read(path, report)
    trials = rows.trials() if held else set()
    for trial, entry in held.items():
        if trial not in trials:
            problem = f"{_named(trial)} has no fixation in fixations.csv"
            report(Defect(str(path), entry.line, problem, "mend or remove the row"))
        if trial[2] and entry.names and trial[2] not in entry.names:
            problem = f"the target of {_named(trial)} is not in its memory_set"
            report(Defect(str(path), entry.line, problem, "add it"))


def write(path: Path, items: Iterable[tuple[Picture, Sequence[Scanpath]]]) -> None:
    """Make the file from the scanpaths that say what was held in mind; no file when none does.

    Raises:
        TableError: A name cannot be written, or a trial has two memory sets.
    """
    sets: dict[Trial, tuple[str, ...]] = {}
    for picture, scanpaths in items:
        here: dict[Trial, tuple[str, ...]] = {}
        for s in scanpaths:
            trial = picture.name, s.subject, s.target
            if any(MARK in name or name != name.strip() or not name for name in s.memory_set):
                problem = f"{_named(trial)} has the memory set {s.memory_set}"
                raise TableError(f"{problem}; give names that are not empty, without {MARK!r}.")
            if len(s) and here.setdefault(trial, s.memory_set) != s.memory_set:
                raise TableError(f"{_named(trial)} is there with two tasks and memory sets; name the viewers apart.")
        sets |= {trial: names for trial, names in here.items() if names}
    if not sets:
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(COLUMNS)
        lines.writerows([*trial, MARK.join(names)] for trial, names in sets.items())
