"""The one documented table format: `fixations.csv`, `images/`; optionally `objects.json`, `trials.csv`, `splits.json`.

data/README.md describes every column. The readers are strict: the first thing that is wrong ends them with a
`TableError`. `check` reports everything that is wrong. `write` makes a data set that `read` gives back.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from data import PictureError, TableError, cache, sought
from data.check import (
    Defect,
    Report,
    Row,
    Sizes,
    boxes,
    document,
    fixations,
    refuse,
    rows,
    trials,
    valid,
)
from data.coco import Coco
from data.gaze import Objects, Picture, Scanpath
from data.picture import read as decode
from data.writing import write as write

Progress = Callable[[int, int], None]  # pictures done, pictures in all


def read(root: Path | str) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every picture with its scanpaths, in the order of the table.

    A scanpath is one person looking at one picture with one target: who searches two things in one picture
    gives two. The table is checked at once, the size of each picture (from its header) read as it comes. A large table
    is not held in memory: `data.cache` keeps it in the folder `.gaze` as a Parquet file.
    """
    root = Path(root)
    found = looks(root)
    return _items(Pictures(root), found)


def _items(
    pictures: "Pictures", found: Iterator[tuple[str, tuple[Scanpath, ...]]]
) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    try:
        for name, paths in found:
            yield pictures[name], paths
    finally:
        pictures.sizes.save()


def looks(root: Path) -> Iterator[tuple[str, tuple[Scanpath, ...]]]:
    """Every picture's name with its scanpaths, in the order of the table."""
    file = cache.rows(root / "fixations.csv")
    groups: dict[str, dict[tuple[str, ...], list[Row]]] = {}
    for row in rows(root / "fixations.csv", refuse) if file is None else ():
        groups.setdefault(row.image, {}).setdefault(row.trial, []).append(row)
    held = sought.read(root / "trials.csv", refuse)
    if file:
        return cache.scanpaths(file, root / "fixations.csv", held)
    return ((name, tuple(_scanpath(trial, held) for trial in trials.values())) for name, trials in groups.items())


class Pictures:
    """The pictures of a data set by name, their sizes read from their headers or, without a file, from objects.json."""

    def __init__(self, root: Path) -> None:
        self.root, self.sizes = root, cache.Sizes(root)
        self._named: Sizes | None = None

    def __getitem__(self, name: str) -> Picture:
        path = self.root / "images" / name
        if path.is_file():
            return Picture(name, *self.sizes(name, path), path)
        if self._named is None:
            self._named = Coco(self.root / "objects.json", refuse).sizes
        if name not in self._named:
            raise TableError(f"{path}: the picture is missing; add it, or its size to {self.root / 'objects.json'}.")
        return Picture(name, *self._named[name])


def _scanpath(trial: list[Row], held: sought.Held) -> Scanpath:
    trial.sort(key=lambda row: row.order)
    numbers = np.array([row[6:10] for row in trial])  # x, y, start, duration
    first = trial[0]
    x, y, width, height = first.box or (math.nan,) * 4
    box = None if math.isnan(x + y + width + height) else (x, y, width, height)
    xy, onset, duration = numbers[:, :2], numbers[:, 2], numbers[:, 3]
    names = sought.of(held, first.image, first.subject, first.target)
    return Scanpath(first.subject, xy, onset, duration, first.task, first.target, box, first.found, names)


def objects(root: Path | str, file: Path | None = None) -> dict[str, Objects]:
    """The objects of every picture that objects.json (or `file`, of the same form) names; {} without that file."""
    return {
        name: Objects(
            np.array([box for box, _, _ in items], float).reshape(-1, 4),
            tuple(category for _, category, _ in items),
            tuple(attributes for _, _, attributes in items),
        )
        for name, items in Coco(file or Path(root) / "objects.json", refuse).boxes.items()
    }


def splits(root: Path | str) -> dict[str, list[str]]:
    """The names of the pictures of each split; {} without splits.json."""
    return _splits(Path(root), refuse)


def _splits(root: Path, report: Report) -> dict[str, list[str]]:
    path = root / "splits.json"
    found = document(path, report) if path.exists() else {}
    for split, names in list(found.items()):
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            report(Defect(str(path), None, f"split {split!r} is not a list of names", 'write ["a.jpg", "b.jpg"]'))
            del found[split]
    return found


def check(root: Path | str, progress: Progress = lambda done, total: None) -> list[Defect]:
    """Everything that is wrong with a data set, in one run; every picture is decoded, and every row held in memory."""
    root = Path(root)
    defects: list[Defect] = []
    report = defects.append
    table = root / "fixations.csv"
    found = list(rows(table, report))
    if not found and not defects:
        report(Defect(str(table), None, "no row below the header", "write one row a fixation"))
    coco = Coco(root / "objects.json", report)
    sizes = _check_pictures(root, found, coco.sizes, report, progress)
    fixations(table, found, sizes, report)
    trials(table, found, report)
    boxes(root / "objects.json", coco.boxes, coco.sizes | sizes, report)
    sought.check(root / "trials.csv", found, report)
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
    for split, names in _splits(root, report).items():
        for name in names:
            picture = root / "images" / name
            there = valid(name) and picture.is_file()
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
