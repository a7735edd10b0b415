"""The columns of fixations.csv, and its rows as columns of numbers."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64, Shaped

from data.errors import Defect, Report

NEEDED = ("image", "subject", "index", "x", "y", "duration_ms", "start_ms")
SEARCH = ("task", "target", "target_x", "target_y", "target_w", "target_h", "found")
TEXTS = ("image", "subject", "task", "target")  # what a trial is known by
BOX = SEARCH[2:6]
DAY = 86_400_000  # milliseconds
LIMITS = {  # what no number of a column reaches, above or below zero
    **dict.fromkeys(("x", "y", *BOX), 2.0**30),  # pixels: no picture is as large
    "duration_ms": float(DAY),
    "start_ms": 1e15,  # of a clock that counts from 1970, too
    "index": 2.0**31,
}
FOUND = {"": None, "0": False, "1": True, "false": False, "true": True}

Columns = dict[str, Shaped[np.ndarray, " n"]]


class Form(NamedTuple):
    """The columns of a kind of table: those that it needs, those that it may have, and which of these only together."""

    needed: tuple[str, ...]
    others: tuple[str, ...] = ()
    together: tuple[str, ...] = ()


FIXATIONS = Form(NEEDED, SEARCH, BOX)


@dataclass(frozen=True)
class Rows:
    """The fixations of a table in its order, a column an array.

    `columns` holds the line of each row, for each of TEXTS the number of its text among `texts`, and its numbers: NaN
    where the cell is empty, infinite where it was reported as unreadable. `found` is 1, 0, or -1 where unknown. The box
    of the target has no columns where the table lacks one of the four.
    """

    columns: Columns
    texts: dict[str, list[str]]

    def __len__(self) -> int:
        return len(self.columns["line"])

    def trial(self, row: int) -> str:
        """What the trial of a row is called."""
        image, subject, target = (self.texts[name][self.columns[name][row]] for name in ("image", "subject", "target"))
        return f"the trial of {subject!r} on {image!r}" + (f" for {target!r}" if target else "")

    def trials(self) -> set[tuple[str, str, str]]:
        """Image, subject and target of all trials."""
        codes = [self.columns[name] for name in ("image", "subject", "target")]
        image, subject, target = (self.texts[name] for name in ("image", "subject", "target"))
        rows = np.unique(first_rows(codes))
        return {(image[i], subject[s], target[t]) for i, s, t in np.stack(codes)[:, rows].T.tolist()}


def first_rows(codes: Sequence[Shaped[np.ndarray, " n"]]) -> Int64[np.ndarray, " n"]:
    """Of each row the number of the first row that has the same codes (whole numbers from 0)."""
    group = np.zeros(len(codes[0]), np.int64)
    for code in codes:
        size = int(code.max(initial=0)) + 1
        if size * (int(group.max(initial=0)) + 1) >= 2**62:
            group = np.unique(group, return_inverse=True)[1]
        group = group * size + code
    order = np.argsort(group, kind="stable")
    begins = np.flatnonzero(np.diff(group[order], prepend=-1))
    group[order] = np.repeat(order[begins], np.diff(begins, append=len(order)))
    return group


def not_csv(path: Path, line: int, error: csv.Error) -> Defect:
    """A line from which on csv cannot tell cells."""
    return Defect(str(path), line, f"not CSV ({error})", "close every double quote, and write commas between cells")


def not_as_many(path: Path, line: int, cells: int, columns: int) -> Defect:
    """A row with too many or too few cells."""
    return Defect(
        str(path), line, f"{cells} cells for {columns} columns", "write one cell a column, separated by commas"
    )


def column_names(path: Path, lines: Iterator[list[str]], names: Iterable[str], report: Report) -> list[str]:
    """The names of the columns in the first line; [] where there is none, and a report where it is blank."""
    header = next(lines, None)
    if header == []:
        report(Defect(str(path), 1, "the line is empty", f"name the columns {','.join(names)} in it"))
    return [name.strip() for name in header or ()]


def columns_are_right(path: Path, header: list[str], report: Report, form: Form = FIXATIONS) -> bool:
    """Whether the table has every column that it needs, and each of a known name once; a report if not."""
    missing = [name for name in form.needed if name not in header]
    double = sorted({name for name in form.needed + form.others if header.count(name) > 1})
    if missing and len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        mark = "semicolons" if ";" in header[0] else "tabs"
        report(Defect(str(path), 1, f"the columns are separated by {mark}", "save the file with commas"))
    elif missing:
        report(Defect(str(path), 1, f"no column {', '.join(missing)}", f"name the columns {','.join(form.needed)}"))
    if double:
        report(Defect(str(path), 1, f"two columns are named {', '.join(double)}", "keep one of them"))
    return not (missing or double)
