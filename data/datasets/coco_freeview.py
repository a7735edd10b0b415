"""COCO-FreeView: ten people look freely at the pictures of COCO-Search18, as its authors publish it.

    COCOFreeView_fixations_trainval.json    a list of trials, each with name, subject, X, Y (pixels), T (durations,
                                            ms), length and split; other entries, as task, are passed over
    images/<task>/<name>, coco_search18_images_TA/<task>/<name>     optional: the pictures of COCO-Search18, 1680 x 1050

The pictures come from the archives COCOSearch18-images-TP and -TA, whose folders may stay; of a picture that is in
several folders the first is taken. The test fixations are withheld; a file of them of the same form is read when it is
there. Also read are coco_freeview_fixations_*.json, as the authors' model HAT names the same lists, but not those
scaled to 512 x 320 pixels. Onsets are not published. Viewers are not known to be those of COCO-Search18. It is assumed
that trials begin with a fixation that was under way on a cross, as those of COCO-Search18 do: HAT moves the first one
to the middle of the picture.
Chen, Yang, Chakraborty, Mondal, Ahn, Samaras, Hoai and Zelinsky 2022, Characterizing Target-Absent Human Attention,
CVPR Workshops; Yang, Mondal, Ahn, Zelinsky, Hoai and Samaras 2023, https://arxiv.org/abs/2303.09383;
https://sites.google.com/view/cocosearch/coco-freeview.
"""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.datasets import _coco_search
from data.datasets.catalog import Published
from data.errors import TableError
from data.gaze import Picture, Scanpath

CATALOG = {
    "coco_freeview": Published(
        title="COCO-FreeView",
        what="photographs of COCO-Search18, most of the 6,202, free viewing",
        people=10,
        licence="unknown; the photographs are those of MS COCO",
        commercial="unclear",
        url="https://sites.google.com/view/cocosearch/coco-freeview",
        citation="Chen et al. 2022, Characterizing Target-Absent Human Attention, CVPR Workshops",
        access="follow the links of that page to the fixations, and of COCO-Search18 to the images",
    ),
}

PATTERNS = ("COCOFreeView_fixations_*.json", "coco_freeview_fixations*.json")
SCALED = "512x320"  # in the names of the lists whose coordinates are of smaller pictures
NEEDED = {"name", "subject", "X", "Y", "T", "length", "split"}


def read(root: Path | str, initial: bool = False) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every picture with its scanpaths, in the order of the files; who made no fixation but the first has none.

    Args:
        root: The folder of the release; what is there of it is read.
        initial: Whether to keep each trial's first fixation, which was under way when the picture came.

    Raises:
        TableError: The folder is not as the authors publish it, or its numbers have other units.
    """
    make = functools.partial(_scanpath, skip=0 if initial else 1)
    return _coco_search.items(Path(root), _trials(Path(root)), ("name", "subject"), make)


def splits(root: Path | str) -> dict[str, list[str]]:
    """The authors' splits train, val and test by names of pictures; test is empty without the withheld fixations."""
    return _coco_search.splits(_trials(Path(root)))


def _trials(root: Path) -> Iterator[_coco_search.Trial]:
    there = [path for pattern in PATTERNS for path in _coco_search.files(root, pattern)]
    paths = [path for path in there if SCALED not in path.name]
    if there and not paths:
        raise TableError(f"{there[0]}: its coordinates are scaled to {SCALED} pixels; give the original {PATTERNS[0]}.")
    if not paths:
        raise TableError(f"{root}: no file {PATTERNS[0]} is there; give the folder of COCO-FreeView.")
    return _coco_search.read(paths, NEEDED)


def _scanpath(trial: dict[str, Any], skip: int) -> Scanpath:
    xy, duration = _coco_search.fixations(trial, skip)
    if trial.get("condition", "freeview") != "freeview":
        raise ValueError(f"the condition {trial['condition']!r}")
    return Scanpath(_coco_search.subject(trial), xy, _coco_search.unknown(len(xy)), duration)
