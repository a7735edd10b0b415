"""`recordings.csv` of a data set that was made of eye trackers' files: how well each of them was measured.

    recording       the name of the file
    subject         whose eyes; trials, fixations: how many of them are in the data set
    samples         from the onsets of the pictures on; lost_share: those without an eye, 0 to 1
    rate_hz         samples per second of the median trial
    precision_deg   noise, degrees (`data.events.quality.precision`)
    method          of `data.events.detect`, that found the fixations

Cells of what is not known are empty. The file is told by `gaze data show`; nothing is trained on it.
"""

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path

from data import errors
from data.atomic import atomic_write
from data.events.quality import Quality

NAME = "recordings.csv"
COLUMNS = ("recording", "subject", "trials", "fixations", "samples", "lost_share", "rate_hz", "precision_deg", "method")
WORDS = ("recording", "subject", "method")


def write(root: Path, recordings: Mapping[str, Quality], method: str | Mapping[str, str]) -> None:
    """Write the table of a data set's recordings; `method` is that of all of them, or of each."""
    content = io.StringIO()
    table = csv.writer(content, lineterminator="\n")
    table.writerow(COLUMNS)
    for name, it in recordings.items():
        numbers = [_cell(value) for value in (it.loss, it.rate, it.precision)]
        by = method if isinstance(method, str) else method.get(name, "")
        found_by = by if it.samples else "the recorder"
        table.writerow([name, it.subject, it.trials, it.fixations, it.samples, *numbers, found_by])
    with atomic_write(root / NAME) as file:
        file.write(content.getvalue().encode())


def read(root: Path) -> list[dict[str, str | float | None]]:
    """The rows of the table, numbers as numbers and None where a cell is empty; [] where there is no such file.

    Raises:
        TableError: The file is no such table.
    """
    path = root / NAME
    if not path.is_file():
        return []
    rows = csv.reader(io.StringIO(errors.read_text(path, errors.refuse)))
    try:
        header, *lines = [row for row in rows if row]
        if tuple(header) != COLUMNS or any(len(row) != len(COLUMNS) for row in lines):
            raise ValueError
        return [{name: _value(name, cell) for name, cell in zip(COLUMNS, row, strict=True)} for row in lines]
    except (ValueError, csv.Error):
        errors.refuse(errors.Defect(str(path), None, "not a table of recordings", "remove it, or make the set anew"))
        raise AssertionError from None


def _value(name: str, cell: str) -> str | float | None:
    if name in WORDS:
        return cell
    return (int(cell) if cell.isdecimal() else float(cell)) if cell else None


def _cell(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else ""
