"""Everything that is wrong with a data set in the table format, with file, line and remedy."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int64

from data.coco import Boxes, Coco
from data.errors import Defect, PictureError, Report, Sizes
from data.picture import is_valid_name
from data.picture import read as decode
from data.picture_file import opened, unread
from data.plain_text import visible
from data.table import memory_sets, schema
from data.table.columns import BOX, TEXTS, Columns, Rows, first_rows
from data.table.read import splits_reporting
from data.table.splits import check_names

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]  # pictures done, pictures in all


Worded = Callable[
    [Rows, int, int], tuple[str, str]
]  # problem and remedy of a row that is wrong, after the one before it
Rule = tuple[Worded, Bool[np.ndarray, " n"]]  # and which rows are


def check_fixations(path: Path, rows: Rows, sizes: Sizes, report: Report) -> None:
    """Report what is wrong with single fixations; `sizes` are the known widths and heights of the pictures."""
    columns = rows.columns
    x, y, duration, start = (columns[name] for name in ("x", "y", "duration_ms", "start_ms"))
    nowhere = np.isnan(x) | np.isnan(y)
    rules: list[Rule] = [
        (_no_place, nowhere),
        (partial(_outside, sizes=sizes), _are_outside(rows, sizes) & ~nowhere),
        (_negative, duration < 0),
        (partial(_no_time, name="duration_ms"), np.isnan(duration) & np.isfinite(duration).any()),
        (partial(_no_time, name="start_ms"), np.isnan(start) & np.isfinite(start).any()),
        (_no_area, _have_no_area(columns)),
    ]
    _word(path, rows, np.arange(len(rows)), rules, report)


def _word(path: Path, rows: Rows, order: Int64[np.ndarray, " n"], rules: list[Rule], report: Report) -> None:
    """Report the rows that break a rule, in some order of the rows, and for each row in the order of the rules."""
    broken = [np.flatnonzero(where) for _, where in rules]
    positions, rule = np.concatenate(broken), np.repeat(np.arange(len(rules)), [len(where) for where in broken])
    for i in np.argsort(positions, kind="stable"):
        row, before = int(order[positions[i]]), int(order[positions[i] - 1])
        word, _ = rules[rule[i]]
        report(Defect(str(path), int(rows.columns["line"][row]), *word(rows, row, before)))


def _are_outside(rows: Rows, sizes: Sizes) -> Bool[np.ndarray, " n"]:
    """Which fixations are known to lie beside their picture."""
    limits = np.array([sizes.get(name, (np.nan, np.nan)) for name in rows.texts["image"]], float).reshape(-1, 2)
    x, y = rows.columns["x"], rows.columns["y"]
    width, height = limits[rows.columns["image"]].T
    comparable = np.isfinite(x) & np.isfinite(y) & np.isfinite(width)
    return np.asarray(comparable & ~((x >= 0) & (x < width) & (y >= 0) & (y < height)))


def _have_no_area(columns: Columns) -> Bool[np.ndarray, " n"]:
    """Which rows have a box of the target, and it is none."""
    if BOX[0] not in columns:
        return np.zeros(len(columns["line"]), bool)
    absent = np.logical_and.reduce([np.isnan(columns[name]) for name in BOX])
    return np.asarray(~absent & ~((columns["target_w"] > 0) & (columns["target_h"] > 0)))


def _no_place(rows: Rows, row: int, before: int) -> tuple[str, str]:
    return "x or y is empty", "write where the fixation was, or remove the row"


def _outside(rows: Rows, row: int, before: int, sizes: Sizes) -> tuple[str, str]:
    x, y, image = (rows.columns[name][row] for name in ("x", "y", "image"))
    width, height = sizes[rows.texts["image"][image]]
    problem = f"the fixation at ({x:g}, {y:g}) is outside the picture of {width} x {height} pixels"
    return problem, "check the coordinates, or leave it: maps and scores skip it"


def _negative(rows: Rows, row: int, before: int) -> tuple[str, str]:
    problem = f"duration_ms is {rows.columns['duration_ms'][row]:g}"
    return problem, "write a duration above 0, or nothing if it is unknown"


def _no_time(rows: Rows, row: int, before: int, name: str) -> tuple[str, str]:
    return f"{name} is empty, but other rows have one", "write it, or leave the whole column empty"


def _no_area(rows: Rows, row: int, before: int) -> tuple[str, str]:
    return "the target's box has no area", "write target_x, target_y, target_w and target_h, or none of them"


def check_trials(path: Path, rows: Rows, report: Report) -> None:
    """Report what is wrong with the order of the fixations in their trials."""
    if not len(rows):
        return
    trial = first_rows([rows.columns[name] for name in TEXTS])
    order = np.lexsort((rows.columns["index"], trial))
    begins = np.diff(trial[order], prepend=-1) != 0
    del trial  # tables are large
    index, start = rows.columns["index"][order], rows.columns["start_ms"][order]
    follows = ~begins & np.isfinite(index)
    before = np.append(np.nan, index[:-1])
    twice = follows & (index == before)
    follows &= ~twice
    rules: list[Rule] = [
        (_begins_late, begins & (index > 0) & np.isfinite(index)),
        (_twice, twice),
        (_gap, follows & (index > before + 1)),
        (_goes_back, follows & np.append(False, start[1:] < start[:-1])),
        (_changes, follows & _are_changed(rows.columns, order)),
    ]
    _word(path, rows, order, rules, report)


def _are_changed(columns: Columns, order: Int64[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Which rows say something else about the target than the row before them in this order."""
    changed = np.zeros(len(order), bool)
    for name in ("found", *(name for name in BOX if name in columns)):
        values = columns[name][order]
        changed[1:] |= (values[1:] != values[:-1]) & ~(np.isnan(values[1:]) & np.isnan(values[:-1]))
    return changed


def _begins_late(rows: Rows, row: int, before: int) -> tuple[str, str]:
    problem = f"the first index of {rows.trial(row)} is {rows.columns['index'][row]:g}"
    return problem, "number the fixations 0, 1, 2, ..."


def _twice(rows: Rows, row: int, before: int) -> tuple[str, str]:
    index, line = rows.columns["index"][row], rows.columns["line"][before]
    problem = f"index {index:g} is there twice (line {line}) in {rows.trial(row)}"
    return problem, "remove one, or name the viewers apart"


def _gap(rows: Rows, row: int, before: int) -> tuple[str, str]:
    index = rows.columns["index"]
    problem = f"index goes from {index[before]:g} to {index[row]:g} in {rows.trial(row)}"
    return problem, "add the fixations between, or number anew"


def _goes_back(rows: Rows, row: int, before: int) -> tuple[str, str]:
    start = rows.columns["start_ms"]
    problem = f"start_ms goes back from {start[before]:g} to {start[row]:g} in {rows.trial(row)}"
    return problem, "order the fixations by time"


def _changes(rows: Rows, row: int, before: int) -> tuple[str, str]:
    return f"found or the target's box changes in {rows.trial(row)}", "write the same in every row of a trial"


def check_boxes(path: Path, items: Mapping[str, Boxes], sizes: Sizes, report: Report) -> None:
    """Report the boxes of objects that have no area or leave their picture."""
    for name, boxes in items.items():
        width, height = sizes[name]
        for (x, y, w, h), category, _ in boxes:
            where = f"the box {x:g}, {y:g}, {w:g}, {h:g} of a {category!r} in {name!r}"
            if w <= 0 or h <= 0:
                report(Defect(str(path), None, f"{where} has no area", "mend or remove it"))
            elif min(x, y) < -0.01 or x + w > width + 0.01 or y + h > height + 0.01:  # boxes are often rounded
                problem = f"{where} leaves the picture of {width} x {height} pixels"
                report(Defect(str(path), None, problem, "cut the box at the border"))


def check_table(root: Path | str, progress: Progress = lambda done, total: None) -> list[Defect]:
    """Everything that is wrong with a data set, in one run.

    Every picture is decoded. The numbers of all rows are in memory at once, some 60 to 100 bytes a row.
    """
    root = Path(root)
    defects: list[Defect] = []
    report = defects.append
    table = root / "fixations.csv"
    rows = schema.parse_rows(table, report)
    if not len(rows) and not defects:
        report(Defect(str(table), None, "no row below the header", "write one row a fixation"))
    coco = Coco(root / "objects.json", report)
    sizes = _check_pictures(root, rows, coco.sizes, report, progress)
    check_fixations(table, rows, sizes, report)
    check_trials(table, rows, report)
    check_boxes(root / "objects.json", coco.boxes, coco.sizes | sizes, report)
    memory_sets.check(root / "trials.csv", rows, report)
    for words in unread((root / "images").rglob("*")):
        logger.warning("%s: %s.", root / "images", words)
    _check_splits(root, set(rows.texts["image"]), report)
    return defects


def _check_pictures(root: Path, rows: Rows, stated: Sizes, report: Report, progress: Progress) -> Sizes:
    names = rows.texts["image"]
    lines = rows.columns["line"][np.unique(rows.columns["image"], return_index=True)[1]].tolist()  # the first of each
    sizes: Sizes = {}
    for done, (name, line) in enumerate(zip(names, lines, strict=True)):
        progress(done, len(names))
        path = root / "images" / name
        if path.is_file():
            try:
                height, width, _ = decode(path).shape
            except PictureError as error:
                problem, _, remedy = str(error).removeprefix(visible(f"{path}: ")).rstrip(".").rpartition("; ")
                report(Defect(str(path), None, problem, remedy))
                continue
            sizes[name] = width, height
            if stated.get(name, (width, height)) != (width, height):
                problem = f"picture {name!r} is {stated[name]}, but its file is {(width, height)} (width, height)"
                report(Defect(str(root / "objects.json"), None, problem, "write the size of the file"))
        elif name in stated and not (root / "images").exists():
            sizes[name] = stated[name]
        else:
            problem = f"picture {name!r} is missing"
            report(
                Defect(str(root / "fixations.csv"), line, problem, f"put it into {root / 'images'} or mend the name")
            )
    progress(len(names), len(names))
    return sizes


def _check_splits(root: Path, looked_at: set[str], report: Report) -> None:
    path = root / "splits.json"
    split_of: dict[str, str] = {}  # the split of each name
    twins: dict[str, str] = {}  # the first name of each content
    splits = splits_reporting(root, report)
    if splits:
        check_names(path, splits, looked_at, report)
    for split, names in splits.items():
        for name in names:
            picture = root / "images" / name
            if name not in split_of and is_valid_name(name) and picture.is_file():
                twin = twins.setdefault(_digest(picture), name)
                if split_of.get(twin, split) != split:
                    problem = f"{twin!r} in {split_of[twin]!r} and {name!r} in {split!r} are the same picture"
                    report(Defect(str(path), None, problem, "put both into one split"))
            split_of.setdefault(name, split)


def _digest(picture: Path) -> str:
    """The hash of a picture's content; of one that cannot be read, which is reported elsewhere, of its name."""
    try:
        with opened(picture, str(picture)) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, PictureError):
        return str(picture)
