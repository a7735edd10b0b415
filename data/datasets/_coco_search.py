"""Trials as COCO-Search18 and COCO-FreeView publish them: JSON lists, one entry a viewer and picture.

    [{"name": "000000000009.jpg", "subject": 2, "X": [848.3, ...], "Y": [530.0, ...], "T": [168, ...], "length": 13,
      "split": "train", ...}, ...]
    images/<task>/<name>, coco_search18_images_TA/<task>/<name>     optional, padded to 1680 x 1050 pixels

X and Y are pixels, T durations in milliseconds. The files do not say whether they count the first pixel as 0 or 1; they
are taken as they are. What the two sets have of their own is in `data.datasets.coco_search18` and
`data.datasets.coco_freeview`.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from data.datasets import _release
from data.errors import TableError, read_text, refuse
from data.gaze import Picture, Scanpath
from data.picture import is_valid_name, picture_size

SIZE = (1680, 1050)  # width, height in pixels of every picture, and of the screen
PICTURES = ("images", "coco_search18_images_TP", "coco_search18_images_TA")
MANY = 1000  # fixations: as many are not all in the upper left quarter of their pictures
SPLITS = {"train": "train", "valid": "val", "validation": "val", "test": "test"}

Trial = tuple[Path, int, dict[str, Any]]  # its file, its number there, its entries


def files(root: Path, pattern: str) -> list[Path]:
    """The files of that name in the folder, or in the folders of the archives that they come from."""
    return [path for depth in ("", "*/", "*/*/") for path in sorted(root.glob(depth + pattern))]


def read(paths: Iterable[Path], needed: set[str], allowed: set[str] | None = None) -> Iterator[Trial]:
    """Every trial; one that lacks an entry, or has another than the known ones where they are given, is refused.

    Raises:
        TableError: A file is no list of such trials.
    """
    for path in paths:
        for number, trial in enumerate(_document(path)):
            if not isinstance(trial, dict):
                raise TableError(f"{path}: trial {number} is no JSON object; download it again.")
            missing, unknown = sorted(needed - set(trial)), sorted(set(trial) - (allowed or set(trial)))
            if missing or unknown:
                what = f"no {', '.join(missing)}" if missing else f"the unknown {', '.join(unknown)}"
                raise TableError(f"{path}: trial {number} has {what}; download it again.")
            yield path, number, trial


def _document(path: Path) -> list[Any]:
    try:
        trials = json.loads(read_text(path, refuse))
    except (ValueError, RecursionError) as error:
        if isinstance(error, TableError):
            raise
        raise TableError(f"{path}: not JSON; download it again.") from error
    if not isinstance(trials, list):
        raise TableError(f"{path}: not a list of trials; download it again.")
    return trials


def items(
    root: Path,
    trials: Iterable[Trial],
    identity: Sequence[str],
    scanpath: Callable[[dict[str, Any]], Scanpath],
) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every picture with its scanpaths, in the order of the trials, all of which are read at once.

    No two trials may agree in the entries of `identity`, the first of which is the picture's name. A scanpath without
    fixations is left out.

    Raises:
        TableError: A trial is there twice or cannot be read, a picture is missing, or the units are others.
    """
    pictures: dict[str, list[Scanpath]] = {}
    folders: dict[str, str] = {}  # of each picture the first task, which names its folder
    of_file: dict[Path, list[Scanpath]] = {}
    keys: set[tuple[str, ...]] = set()
    for path, number, trial in trials:
        key = tuple(str(trial[k]) for k in identity)
        if key in keys:
            raise TableError(f"{path}: trial {number} ({' '.join(key)}) is there twice; keep one copy of each file.")
        keys.add(key)
        with _release.parse_errors(path, f"trial {number}"):
            made = scanpath(trial)
        folders.setdefault(key[0], str(trial.get("task", "")))
        pictures.setdefault(key[0], []).extend([made] if len(made) else [])
        of_file.setdefault(path, []).append(made)
    for path, scanpaths in of_file.items():
        _check_units(path, scanpaths)
    return _with_pictures(root, pictures, folders)


def _check_units(path: Path, scanpaths: list[Scanpath]) -> None:
    """Refuse a file whose numbers cannot be pixels of the pictures and milliseconds."""
    xy = np.concatenate([scanpath.xy for scanpath in scanpaths])
    _release.pixels(path, xy, *SIZE)
    _release.milliseconds(path, np.concatenate([scanpath.duration for scanpath in scanpaths]), "T")
    if len(xy) >= MANY and (xy < np.array(SIZE) / 2).all():
        reach = " x ".join(f"{number:.0f}" for number in xy.max(0))
        problem = f"all fixations lie within {reach} of the pictures' {SIZE[0]} x {SIZE[1]} pixels, as if scaled"
        raise TableError(f"{path}: {problem}; give the authors' original file.")


def fixations(trial: dict[str, Any], skip: int) -> tuple[Float[np.ndarray, "l 2"], Float[np.ndarray, " l"]]:
    """Places and durations without the first `skip`; ValueError where they are not what `length` says.

    Raises:
        ValueError: X, Y and T are not lists of as many numbers as `length` says.
    """
    x, y, duration = (_numbers(trial, key) for key in ("X", "Y", "T"))
    if not len(x) == len(y) == len(duration) == trial["length"]:
        raise ValueError(f"{len(x)} X, {len(y)} Y and {len(duration)} T for length {trial['length']}")
    if (duration < 0).any():
        raise ValueError(f"T is {duration.min():g}")
    return np.stack([x, y], 1)[skip:], duration[skip:]


def subject(trial: dict[str, Any]) -> str:
    """The viewer's name: s01, s02, ..."""
    return f"s{int(trial['subject']):02d}"


def _numbers(trial: dict[str, Any], key: str) -> Float[np.ndarray, " l"]:
    numbers = np.array(trial[key], float)
    if numbers.ndim != 1 or not np.isfinite(numbers).all():
        raise ValueError(f"{key} is not a list of numbers")
    return numbers


def unknown(count: int) -> Float[np.ndarray, " l"]:
    """The onsets, which are not published."""
    return np.full(count, math.nan)


def splits(trials: Iterable[Trial]) -> dict[str, list[str]]:
    """The authors' splits train, val and test by names of pictures; a picture that any trial trains on is in train.

    Raises:
        TableError: A trial is of an unknown split.
    """
    order = {name: rank for rank, name in enumerate(("train", "val", "test"))}
    split_of: dict[str, str] = {}
    for path, number, trial in trials:
        name, split = str(trial["name"]), SPLITS.get(str(trial["split"]))
        if split is None:
            raise TableError(f"{path}: trial {number} has the unknown split {trial['split']!r}; download it again.")
        split_of[name] = min(split_of.get(name, split), split, key=order.__getitem__)
    return {wanted: [name for name, assigned in split_of.items() if assigned == wanted] for wanted in order}


def _with_pictures(
    root: Path, pictures: dict[str, list[Scanpath]], folders: dict[str, str]
) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    picture_folders = [path for depth in ("", "*/") for name in PICTURES for path in sorted(root.glob(depth + name))]
    files: dict[str, Path] = {}  # one name is one picture, whichever task's folder it is in
    for folder in picture_folders:
        for entry in sorted([*folder.glob("*"), *folder.glob("*/*")]):
            files.setdefault(entry.name, entry)
    for name, scanpaths in pictures.items():
        path = files.get(name) if is_valid_name(name) else None
        if picture_folders and (path is None or not path.is_file()):
            wanted = picture_folders[0] / folders[name] / name
            raise TableError(f"{wanted}: the picture is missing; give all pictures of the release, or none.")
        if path and picture_size(path) != SIZE:
            raise TableError(f"{path}: not 1680 x 1050 pixels, which the fixations refer to; use the original picture.")
        yield Picture(name, *SIZE, path), tuple(scanpaths)
