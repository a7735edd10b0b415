"""COCO-Search18: ten people search 6202 pictures for one of 18 kinds of things, as its authors publish it.

    coco_search18_fixations_TP_train_split1.json       a list of trials, each with name, subject, task (what is looked
    coco_search18_fixations_TP_validation_split1.json  for), condition (present or absent), bbox (x, y, width, height),
    coco_search18_fixations_TA_trainval.json           X, Y (pixels), T (durations, ms), length, correct, split, and
                                                       sometimes RT (ms) and fixOnTarget
    images/<task>/<name>, coco_search18_images_TA/<task>/<name>     optional, padded to 1680 x 1050 pixels

The files may lie in the folders of the archives that they come from. One name is one picture, whatever it is searched
for. Fixations beside the picture are kept. Onsets are not published: RT is the time of the answer, and is not read.
Yang, Huang, Chen, Wei, Ahn, Zelinsky, Samaras and Hoai 2020, https://doi.org/10.1109/CVPR42600.2020.00027; Chen et al.
2021, https://doi.org/10.1038/s41598-021-87715-9; https://sites.google.com/view/cocosearch/.
"""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from data import TableError
from data.check import reason, refuse, size, text, valid
from data.gaze import Picture, Scanpath

SIZE = (1680, 1050)  # width, height in pixels of every picture, and of the screen
NEEDED = {"name", "subject", "task", "condition", "X", "Y", "T", "length", "correct", "split"}
KNOWN = NEEDED | {"bbox", "RT", "fixOnTarget"}
PICTURES = ("images", "coco_search18_images_TP", "coco_search18_images_TA")
SPLITS = {"train": "train", "valid": "val", "validation": "val", "test": "test"}


def read(root: Path | str, split: int = 1, initial: bool = False) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every picture with its scanpaths, target-present and target-absent, in the order of the files.

    Viewers are s01 to s10; who made no fixation but the first has no scanpath.
    `found` is whether the viewer rightly said that the target is there; None where it is absent, so that there is
    nothing to find. The box is the target's where it is present.

    Args:
        root: The folder of the release; what is there of it is read.
        split: The authors divide the target-present trials in two ways, of which one is read: 1 is the paper's.
        initial: Whether to keep each trial's first fixation, which was under way on the cross when the picture came.
    """
    root = Path(root)
    pictures: dict[str, list[Scanpath]] = {}
    folders: dict[str, str] = {}  # of each picture the first task, which names its folder
    seen: set[tuple[object, ...]] = set()
    for path, number, trial in _trials(root, split):
        key = tuple(str(trial[k]) for k in ("name", "subject", "task", "condition"))
        if key in seen:
            raise TableError(f"{path}: trial {number} ({' '.join(key)}) is there twice; keep one copy of each file.")
        seen.add(key)
        folders.setdefault(key[0], key[2])
        scanpath = _checked(path, number, trial, 0 if initial else 1)
        pictures.setdefault(key[0], []).extend([scanpath] if len(scanpath) else [])
    return _items(root, pictures, folders)


def splits(root: Path | str, split: int = 1) -> dict[str, list[str]]:
    """The authors' splits train, val and test by names of pictures; a picture that any trial trains on is in train."""
    order = {name: rank for rank, name in enumerate(("train", "val", "test"))}
    place: dict[str, str] = {}
    for path, number, trial in _trials(Path(root), split):
        name, new = str(trial["name"]), SPLITS.get(str(trial["split"]))
        if new is None:
            raise TableError(f"{path}: trial {number} has the unknown split {trial['split']!r}; download it again.")
        place[name] = min(place.get(name, new), new, key=order.__getitem__)
    return {wanted: [name for name, where in place.items() if where == wanted] for wanted in order}


def _trials(root: Path, split: int) -> Iterator[tuple[Path, int, dict[str, Any]]]:
    """Every trial with its file and its number there; its keys are those of the release."""
    pattern = "coco_search18_fixations_*.json"
    paths = [path for depth in ("", "*/", "*/*/") for path in sorted(root.glob(depth + pattern))]
    paths = [path for path in paths if re.search(rf"split(?!{split}$)", path.stem) is None]
    if not paths:
        raise TableError(f"{root}: no file {pattern} of split {split} is there; give the folder of COCO-Search18.")
    for path in paths:
        for number, trial in enumerate(_document(path)):
            if not isinstance(trial, dict):
                raise TableError(f"{path}: trial {number} is no JSON object; download it again.")
            missing, unknown = sorted(NEEDED - set(trial)), sorted(set(trial) - KNOWN)
            if missing or unknown:
                what = f"no {', '.join(missing)}" if missing else f"the unknown {', '.join(unknown)}"
                raise TableError(f"{path}: trial {number} has {what}; download it again.")
            yield path, number, trial


def _document(path: Path) -> list[Any]:
    try:
        found = json.loads(text(path, refuse))
    except (ValueError, RecursionError) as error:
        if isinstance(error, TableError):
            raise
        raise TableError(f"{path}: not JSON ({reason(error)}); download it again.") from error
    if not isinstance(found, list):
        raise TableError(f"{path}: not a list of trials; download it again.")
    return found


def _checked(path: Path, number: int, trial: dict[str, Any], skip: int) -> Scanpath:
    try:
        return _scanpath(trial, skip)
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else reason(error)
        raise TableError(
            f"{path}: trial {number} has not the form of the release ({what}); download it again."
        ) from error


def _scanpath(trial: dict[str, Any], skip: int) -> Scanpath:
    x, y, duration = (_numbers(trial, key) for key in ("X", "Y", "T"))
    if not len(x) == len(y) == len(duration) == trial["length"]:
        raise ValueError(f"{len(x)} X, {len(y)} Y and {len(duration)} T for length {trial['length']}")
    if trial["condition"] not in ("present", "absent"):
        raise ValueError(f"the condition {trial['condition']!r}")
    if trial["correct"] not in (0, 1):
        raise ValueError(f"correct is {trial['correct']!r}")
    present = trial["condition"] == "present"
    xy = np.stack([x, y], 1)[skip:]
    return Scanpath(
        f"s{int(trial['subject']):02d}",
        xy,
        np.full(len(xy), math.nan),
        duration[skip:],
        "search",
        str(trial["task"]),
        _box(trial["bbox"]) if present else None,
        bool(trial["correct"]) if present else None,
    )


def _numbers(trial: dict[str, Any], key: str) -> Float[np.ndarray, " l"]:
    found = np.array(trial[key], float)
    if found.ndim != 1 or not np.isfinite(found).all():
        raise ValueError(f"{key} is not a list of numbers")
    return found


def _box(numbers: Any) -> tuple[float, float, float, float]:
    x, y, width, height = (float(number) for number in numbers)
    if not (math.isfinite(x + y) and width > 0 and height > 0):
        raise ValueError(f"bbox is {numbers}")
    return x, y, width, height


def _items(
    root: Path, pictures: dict[str, list[Scanpath]], folders: dict[str, str]
) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    places = [path for depth in ("", "*/") for name in PICTURES for path in sorted(root.glob(depth + name))]
    for name, scanpaths in pictures.items():
        tasks = dict.fromkeys([folders[name], *(s.target for s in scanpaths)])
        options = [place / task / name for place in places for task in tasks] if valid(name) else []
        path = next((option for option in options if option.is_file()), None)
        if places and path is None:
            wanted = places[0] / folders[name] / name
            raise TableError(f"{wanted}: the picture is missing; give all pictures of the release, or none.")
        if path and size(path) != SIZE:
            raise TableError(f"{path}: not 1680 x 1050 pixels, which the fixations refer to; use the original picture.")
        yield Picture(name, *SIZE, path), tuple(scanpaths)
