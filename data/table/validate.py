"""Everything that is wrong with a data set in the table format, with file, line and remedy."""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from pathlib import Path

from data.coco import Boxes, Coco
from data.errors import Defect, PictureError, Report, Sizes
from data.picture import is_valid_name
from data.picture import read as decode
from data.table import memory_sets
from data.table.read import splits_reporting
from data.table.schema import Row, parse_rows

Progress = Callable[[int, int], None]  # pictures done, pictures in all


def check_fixations(path: Path, found: list[Row], sizes: Sizes, report: Report) -> None:
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


def check_trials(path: Path, found: Iterable[Row], report: Report) -> None:
    """Report what is wrong with the order of the fixations in their trials."""
    groups: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in found:
        groups.setdefault(row.trial, []).append(row)
    for group in groups.values():
        group.sort(key=lambda row: row.order)
        if 0 < group[0].order < math.inf:
            problem = f"the first index of {_trial_name(group[0])} is {group[0].order:g}"
            report(Defect(str(path), group[0].line, problem, "number the fixations 0, 1, 2, ..."))
        for before, after in pairwise(group):
            _step(path, before, after, report)


def _step(path: Path, before: Row, after: Row, report: Report) -> None:
    def wrong(problem: str, remedy: str) -> None:
        report(Defect(str(path), after.line, f"{problem} in {_trial_name(after)}", remedy))

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


def _trial_name(row: Row) -> str:
    return f"the trial of {row.subject!r} on {row.image!r}" + (f" for {row.target!r}" if row.target else "")


def check_boxes(path: Path, items: Mapping[str, Boxes], sizes: Sizes, report: Report) -> None:
    """Report the boxes of objects that have no area or leave their picture."""
    for name, found in items.items():
        width, height = sizes[name]
        for (x, y, w, h), category, _ in found:
            where = f"the box {x:g}, {y:g}, {w:g}, {h:g} of a {category!r} in {name!r}"
            if w <= 0 or h <= 0:
                report(Defect(str(path), None, f"{where} has no area", "mend or remove it"))
            elif min(x, y) < -0.01 or x + w > width + 0.01 or y + h > height + 0.01:  # boxes are often rounded
                problem = f"{where} leaves the picture of {width} x {height} pixels"
                report(Defect(str(path), None, problem, "cut the box at the border"))


def check_table(root: Path | str, progress: Progress = lambda done, total: None) -> list[Defect]:
    """Everything that is wrong with a data set, in one run; every picture is decoded, and every row held in memory."""
    root = Path(root)
    defects: list[Defect] = []
    report = defects.append
    table = root / "fixations.csv"
    found = list(parse_rows(table, report))
    if not found and not defects:
        report(Defect(str(table), None, "no row below the header", "write one row a fixation"))
    coco = Coco(root / "objects.json", report)
    sizes = _check_pictures(root, found, coco.sizes, report, progress)
    check_fixations(table, found, sizes, report)
    check_trials(table, found, report)
    check_boxes(root / "objects.json", coco.boxes, coco.sizes | sizes, report)
    memory_sets.check(root / "trials.csv", found, report)
    _check_splits(root, {row.image for row in found}, report)
    return defects


def _check_pictures(root: Path, found: list[Row], known: Sizes, report: Report, progress: Progress) -> Sizes:
    first = {row.image: row.line for row in reversed(found)}
    sizes: Sizes = {}
    for done, (name, line) in enumerate(sorted(first.items(), key=lambda item: item[1])):
        progress(done, len(first))
        path = root / "images" / name
        if path.is_file():
            try:
                height, width, _ = decode(path).shape
            except PictureError as error:
                problem, _, remedy = str(error).removeprefix(f"{path}: ").rstrip(".").rpartition("; ")
                report(Defect(str(path), None, problem, remedy))
                continue
            sizes[name] = width, height
            if known.get(name, (width, height)) != (width, height):
                problem = f"picture {name!r} is {known[name]}, but its file is {(width, height)} (width, height)"
                report(Defect(str(root / "objects.json"), None, problem, "write the size of the file"))
        elif name in known and not (root / "images").exists():
            sizes[name] = known[name]
        else:
            problem = f"picture {name!r} is missing"
            report(
                Defect(str(root / "fixations.csv"), line, problem, f"put it into {root / 'images'} or mend the name")
            )
    progress(len(first), len(first))
    return sizes


def _check_splits(root: Path, looked_at: set[str], report: Report) -> None:
    path = root / "splits.json"
    place: dict[str, str] = {}  # the split of each name
    twins: dict[str, str] = {}  # the first name of each content
    for split, names in splits_reporting(root, report).items():
        for name in names:
            picture = root / "images" / name
            there = is_valid_name(name) and picture.is_file()
            if not there and name not in looked_at:
                report(Defect(str(path), None, f"{split!r} names the unknown picture {name!r}", "mend or remove it"))
            if name in place:
                problem = f"picture {name!r} is in {place[name]!r} and again in {split!r}"
                report(Defect(str(path), None, problem, "keep it once"))
            elif there:
                twin = twins.setdefault(hashlib.sha256(picture.read_bytes()).hexdigest(), name)
                if place.get(twin, split) != split:
                    problem = f"{twin!r} in {place[twin]!r} and {name!r} in {split!r} are the same picture"
                    report(Defect(str(path), None, problem, "put both into one split"))
            place.setdefault(name, split)
