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

import functools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.datasets import _coco_search
from data.datasets.catalog import Published
from data.errors import TableError
from data.gaze import Picture, Scanpath

CATALOG = {
    "coco_search18": Published(
        title="COCO-Search18",
        what="COCO photographs searched for one of 18 kinds of objects, half of them without it",
        pictures=6202,
        people=10,
        licence="unknown; the photographs are those of MS COCO",
        commercial="unclear",
        url="https://sites.google.com/view/cocosearch/home",
        citation="Chen, Yang, Ahn, Samaras, Hoai, Zelinsky 2021, COCO-Search18 Fixation Dataset, Scientific Reports",
        access="follow the links of that page to the images and the fixations",
    ),
}

NEEDED = {"name", "subject", "task", "condition", "X", "Y", "T", "length", "correct", "split"}
KNOWN = NEEDED | {"bbox", "RT", "fixOnTarget"}


def read(root: Path | str, split: int = 1, initial: bool = False) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every picture with its scanpaths, target-present and target-absent, in the order of the files.

    Viewers are s01 to s10; who made no fixation but the first has no scanpath.
    `found` is whether the viewer rightly said that the target is there; None where it is absent, so that there is
    nothing to find. The box is the target's where it is present.

    Args:
        root: The folder of the release; what is there of it is read.
        split: The authors divide the target-present trials in two ways, of which one is read: 1 is the paper's.
        initial: Whether to keep each trial's first fixation, which was under way on the cross when the picture came.

    Raises:
        TableError: The folder is not as the authors publish it, or its numbers have other units.
    """
    make = functools.partial(_scanpath, skip=0 if initial else 1)
    return _coco_search.items(Path(root), _trials(Path(root), split), ("name", "subject", "task", "condition"), make)


def splits(root: Path | str, split: int = 1) -> dict[str, list[str]]:
    """The authors' splits train, val and test by names of pictures; a picture that any trial trains on is in train."""
    return _coco_search.splits(_trials(Path(root), split))


def _trials(root: Path, split: int) -> Iterator[_coco_search.Trial]:
    pattern = "coco_search18_fixations_*.json"
    paths = [path for path in _coco_search.files(root, pattern) if not re.search(rf"split(?!{split}$)", path.stem)]
    if not paths:
        raise TableError(f"{root}: no file {pattern} of split {split} is there; give the folder of COCO-Search18.")
    return _coco_search.read(paths, NEEDED, KNOWN)


def _scanpath(trial: dict[str, Any], skip: int) -> Scanpath:
    xy, duration = _coco_search.fixations(trial, skip)
    if trial["condition"] not in ("present", "absent"):
        raise ValueError(f"the condition {trial['condition']!r}")
    if trial["correct"] not in (0, 1):
        raise ValueError(f"correct is {trial['correct']!r}")
    present = trial["condition"] == "present"
    return Scanpath(
        _coco_search.subject(trial),
        xy,
        _coco_search.unknown(len(xy)),
        duration,
        "search",
        str(trial["task"]),
        _box(trial["bbox"]) if present else None,
        bool(trial["correct"]) if present else None,
    )


def _box(numbers: Any) -> tuple[float, float, float, float]:
    x, y, width, height = (float(number) for number in numbers)
    if not (math.isfinite(x + y) and width > 0 and height > 0):
        raise ValueError(f"bbox is {numbers}")
    return x, y, width, height
