"""SALICON, 15,000 pictures of COCO looked at with the mouse by dozens of people each, as its authors publish it.

    images/{train,val}/COCO_train2014_000000000009.jpg ...    640 x 480 pixels
    fixations/{train,val}/COCO_train2014_000000000009.mat ... gaze(i) of each worker: location (x, y of the mouse),
                                                              timestamp (ms), fixations (x, y)

The picture was blurred but around the mouse. The editions of 2015 and of 2017 have the same form and other fixations,
which their authors found in other ways in the same samples; nothing in a file tells them apart. The files count pixels
as MATLAB does, from 1: we subtract 0.5. Workers are not named, so that w01 is another person on every picture. The
fixations on images/test/ are kept by the benchmark, so those pictures are not read.

Fixations have no times. `recover` finds them as TempSAL does: of F fixations number k, from 0 on, is expected at

    e_k = 5000 (k + 1) / (F + 1) ms, and is given the time t_p of the worker's sample p for which
    d(p, k) + w |t_p - e_k|  is least, at most 5000 ms

where d is the square of the distance in pixels and w = 0.017 in their paper, the distance and w = 0.006 in their code,
which made their results. These times need not rise. Durations are unknown.
Jiang, Huang, Duan and Zhao 2015, https://doi.org/10.1109/CVPR.2015.7298710; http://salicon.net; Aydemir, Hoffstetter,
Zhang, Salzmann and Süsstrunk 2023, https://arxiv.org/abs/2301.02315.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from data.datasets import _matlab, _release
from data.datasets.catalog import Published
from data.errors import GazeError, TableError
from data.gaze import Picture, Samples, Scanpath, Screen

CATALOG = {
    "salicon": Published(
        title="SALICON 2017",
        what="COCO photographs explored with the mouse through a blurred view; 15,000 of them have fixations",
        pictures=20_000,
        seconds=5,
        licence="unknown; the photographs are those of MS COCO",
        commercial="unclear",
        url="http://salicon.net/challenge-2017/",
        citation="Jiang, Huang, Duan, Zhao 2015, SALICON: Saliency in Context, CVPR",
        access="download the images and the fixations from Google Drive, to which that page links",
    ),
    "salicon2015": Published(
        title="SALICON 2015",
        what="the same photographs and mouse traces, with the fixations of the first challenge",
        pictures=20_000,
        seconds=5,
        licence="unknown; the photographs are those of MS COCO",
        commercial="unclear",
        url="http://salicon.net/challenge-2015/",
        citation="Jiang, Huang, Duan, Zhao 2015, SALICON: Saliency in Context, CVPR",
        access="download the images and the fixations from Google Drive, to which that page links",
    ),
}

SIZE = (640, 480)  # width, height in pixels of every picture
SHOWN = 5000  # milliseconds
WEIGHTS = {"paper": 0.017, "code": 0.006}  # of a millisecond, in pixels or their square
NOMINAL = Screen(640, 480, 640 * 2.54 / 96, 480 * 2.54 / 96, 28 * 2.54)  # a browser's 1/96 inch, 28 inches away


class Worker(NamedTuple):
    """What one worker did on one picture, in our pixels."""

    location: Float[np.ndarray, "n 2"]
    time: Float[np.ndarray, " n"]  # milliseconds
    fixations: Float[np.ndarray, "l 2"]


def read(
    root: Path | str, times: str | None = "code", edition: str = ""
) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every picture of train and val with its scanpaths, by the names; workers are w01, w02, ... on each picture.

    Args:
        root: The folder that holds images/ and fixations/.
        times: How onsets are recovered: by the formula of TempSAL's "paper" or "code"; None: they stay unknown.
        edition: Read fixations_<edition>/ instead of fixations/, for whoever keeps "2015" beside "2017".

    Raises:
        GazeError: There is no such way of finding onsets, or the folder is not as the authors publish it.
    """
    if times is not None and times not in WEIGHTS:
        raise GazeError(f"SALICON: times is {times!r}; choose 'paper', 'code' or None.")
    return (_item(path, picture, times) for path, picture in _files(Path(root), edition))


def splits(root: Path | str, edition: str = "") -> dict[str, list[str]]:
    """The authors' splits train and val by names of pictures."""
    names: dict[str, list[str]] = {}
    for _, picture in _files(Path(root), edition):
        names.setdefault(picture.parent.name, []).append(picture.name)
    return names


def samples(root: Path | str, edition: str = "", screen: Screen = NOMINAL) -> Iterator[Samples]:
    """Where each worker's mouse was, in pixels of the picture, by the names; of two samples of one time the first.

    Nobody knows the workers' screens: unless told otherwise, degrees are those of the pixel that browsers assume.
    """
    for path, picture in _files(Path(root), edition):
        for number, worker in enumerate(_workers(path), 1):
            time, first = np.unique(worker.time, return_index=True)
            if len(time):
                yield Samples(f"w{number:02d}", picture.name, time, worker.location[first], screen)


def recover(
    fixations: Float[np.ndarray, "l 2"], location: Float[np.ndarray, "n 2"], time: Float[np.ndarray, " n"], times: str
) -> Float[np.ndarray, " l"]:
    """When a worker's fixations were, by the samples and the formula above; NaN without samples."""
    if not len(time):
        return np.full(len(fixations), np.nan)
    expected = SHOWN * np.arange(1, len(fixations) + 1) / (len(fixations) + 1)
    cost: Float[np.ndarray, "l n"] = np.square(fixations[:, None] - location).sum(2)
    if times == "code":
        np.sqrt(cost, out=cost)
    cost += WEIGHTS[times] * np.abs(time - expected[:, None])
    return np.asarray(np.minimum(time[cost.argmin(1)], SHOWN))


def _files(root: Path, edition: str) -> list[tuple[Path, Path]]:
    """Every file of fixations with its picture, train first."""
    folder = root / (f"fixations_{edition}" if edition else "fixations")
    files = [path for split in ("train", "val") for path in sorted((folder / split).glob("[!.]*.mat"))]
    if not files:
        raise TableError(
            f"{folder}: no train/*.mat or val/*.mat is there; give the folder of SALICON, which holds them."
        )
    for path, other in pairwise(sorted(files, key=lambda path: path.name)):
        if path.name == other.name:
            raise TableError(f"{other}: the picture is in train and in val; keep one of them.")
    return [(path, root / "images" / path.parent.name / f"{path.stem}.jpg") for path in files]


def _workers(path: Path) -> list[Worker]:
    with _release.parse_errors(path, "gaze"):
        workers = [_worker(entry) for entry in _matlab.load(path, "gaze").ravel()]
    if workers:
        for points in ("fixations", "location"):
            _release.pixels(path, np.concatenate([getattr(worker, points) for worker in workers]) + 0.5, *SIZE)
        _release.milliseconds(path, np.concatenate([worker.time for worker in workers]), "timestamp")
    return workers


def _worker(entry: Any) -> Worker:
    time = _release.field_row(entry, "timestamp")
    points = [_release.array(_matlab.field(entry, name), name, 2) - 0.5 for name in ("location", "fixations")]
    if not all(np.isfinite(xy).all() for xy in points):
        raise ValueError("a coordinate is not finite")
    if len(time) != len(points[0]):
        raise ValueError(f"{len(points[0])} places for {len(time)} times")
    return Worker(points[0], time, points[1])


def _item(path: Path, file: Path, times: str | None) -> tuple[Picture, tuple[Scanpath, ...]]:
    picture = _release.picture(file, file.name, "SALICON", SIZE)
    scanpaths = []
    for number, (location, time, xy) in enumerate(_workers(path), 1):
        unknown = np.full(len(xy), np.nan)
        onset = recover(xy, location, time, times) if times else unknown.copy()
        scanpaths += [Scanpath(f"w{number:02d}", xy, onset, unknown)] if len(xy) else []
    return picture, tuple(scanpaths)
