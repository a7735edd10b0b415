"""The one documented table format: `fixations.csv`, `images/`; optionally `objects.json`, `trials.csv`, `splits.json`.

data/README.md describes every column. The readers are strict: the first thing that is wrong ends them with a
`TableError`. `check` reports everything that is wrong. `write` makes a data set that `read` gives back.
"""

import csv
import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from data import PictureError, TableError, sought
from data.check import (
    NEEDED,
    SEARCH,
    Defect,
    Report,
    Row,
    Sizes,
    boxes,
    document,
    fixations,
    refuse,
    rows,
    size,
    trials,
    valid,
)
from data.coco import Coco, form
from data.gaze import Objects, Picture, Scanpath
from data.picture import read as decode


def read(root: Path | str) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every picture with its scanpaths, in the order of the table.

    A scanpath is one person looking at one picture with one target: who searches two things in one picture
    gives two. The table is read at once, the size of each picture (from its header) as it comes.
    """
    root = Path(root)
    pictures: dict[str, dict[tuple[str, ...], list[Row]]] = {}
    for row in rows(root / "fixations.csv", refuse):
        pictures.setdefault(row.image, {}).setdefault(row.trial, []).append(row)
    return _items(root, pictures, sought.read(root / "trials.csv", refuse))


def _items(
    root: Path, pictures: dict[str, dict[tuple[str, ...], list[Row]]], held: sought.Held
) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    known: Sizes | None = None
    for name, groups in pictures.items():
        path = root / "images" / name
        if path.is_file():
            picture = Picture(name, *size(path), path)
        else:
            known = Coco(root / "objects.json", refuse).sizes if known is None else known
            if name not in known:
                raise TableError(f"{path}: the picture is missing; add it, or its size to {root / 'objects.json'}.")
            picture = Picture(name, *known[name])
        yield picture, tuple(_scanpath(group, held) for group in groups.values())


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


def check(root: Path | str) -> list[Defect]:
    """Everything that is wrong with a data set, in one run; every picture is decoded."""
    root = Path(root)
    defects: list[Defect] = []
    report = defects.append
    table = root / "fixations.csv"
    found = list(rows(table, report))
    if not found and not defects:
        report(Defect(str(table), None, "no row below the header", "write one row a fixation"))
    coco = Coco(root / "objects.json", report)
    sizes = _check_pictures(root, found, coco.sizes, report)
    fixations(table, found, sizes, report)
    trials(table, found, report)
    boxes(root / "objects.json", coco.boxes, coco.sizes | sizes, report)
    sought.check(root / "trials.csv", found, report)
    _check_splits(root, {row.image for row in found}, report)
    return defects


def _check_pictures(root: Path, found: list[Row], known: Sizes, report: Report) -> Sizes:
    first = {row.image: row.line for row in reversed(found)}
    sizes: Sizes = {}
    for name, line in sorted(first.items(), key=lambda item: item[1]):
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


def write(
    root: Path | str,
    items: Iterable[tuple[Picture, Sequence[Scanpath]]],
    splits: Mapping[str, Sequence[str]] | None = None,
    objects: Mapping[str, Objects] | None = None,
) -> None:
    """Make a data set in the new folder `root`: all of it, or nothing.

    The files of the pictures are copied. A scanpath without fixations has no row, so it is not read back.
    """
    root = Path(root)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise TableError(f"{root}: exists already; give a new folder.")
    everything = list(items)
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{root.name}.", dir=root.parent) as beside:
        folder = Path(beside) / "set"
        folder.mkdir()
        for picture, _ in everything:
            _copy(picture, folder)
        _write_rows(folder / "fixations.csv", everything)
        sought.write(folder / "trials.csv", everything)
        if objects or not all(picture.path for picture, _ in everything):
            pictures = [picture for picture, _ in everything]
            (folder / "objects.json").write_text(json.dumps(form(pictures, objects or {})), "utf-8")
        if splits:
            (folder / "splits.json").write_text(json.dumps({k: list(v) for k, v in splits.items()}, indent=1), "utf-8")
        if root.exists():
            root.rmdir()
        os.replace(folder, root)


def _copy(picture: Picture, folder: Path) -> None:
    if not valid(picture.name):
        raise TableError(f"{picture.name!r} cannot name a file in images/; name the picture otherwise.")
    target = folder / "images" / picture.name
    if target.exists():
        raise TableError(f"{picture.name!r} is there twice; give all scanpaths of a picture at once.")
    if picture.path:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture.path, target)


def _write_rows(path: Path, items: list[tuple[Picture, Sequence[Scanpath]]]) -> None:
    everyone = [scanpath for _, scanpaths in items for scanpath in scanpaths]
    search = any(s.task != "free" or s.target or s.box or s.found is not None for s in everyone)
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(NEEDED + SEARCH if search else NEEDED)
        for picture, scanpaths in items:
            seen = {(scanpath.subject, scanpath.task, scanpath.target) for scanpath in scanpaths}
            if len(seen) < len(scanpaths):
                raise TableError(f"{picture.name!r} has two scanpaths of one viewer for one target; name them apart.")
            for s in scanpaths:
                found = "" if s.found is None else int(s.found)
                rest = [s.task, s.target, *map(_number, s.box or (math.nan,) * 4), found] if search else []
                for index, numbers in enumerate(zip(*s.xy.T, s.duration, s.onset, strict=True)):
                    lines.writerow([picture.name, s.subject, index, *map(_number, numbers), *rest])


def _number(value: float) -> str:
    if math.isnan(value):
        return ""
    return str(int(value)) if value == int(value) else repr(float(value))
