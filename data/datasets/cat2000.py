"""CAT2000, 20 categories of 100 pictures looked at for five seconds by 18 people each, as its authors publish it.

    trainSet/Stimuli/<category>/001.jpg ...        1920 x 1080 pixels; the folders Output in them are not read
    trainSet/FIXATIONLOCS/<category>/001.mat ...   fixLocs: 1080 x 1920, 1 where anybody fixated, otherwise 0

A picture is named by its category and its file, as in Action/001.jpg. Of the fixations only this map is read, so that
they all are those of one viewer named "all", row by row: their order, times and viewers are unknown, and two on one
pixel are one. trainSet/allFixData.mat tells the viewers apart, but it holds an object of MATLAB's class containers.Map,
which scipy does not read. The fixations on testSet/ are kept by the MIT/Tuebingen benchmark.
Borji and Itti 2015, https://arxiv.org/abs/1505.03581; http://saliency.mit.edu/results_cat2000.html.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data.datasets import _matlab, _release
from data.datasets.catalog import File, Published
from data.errors import TableError
from data.gaze import Picture, Scanpath

CATALOG = {
    "cat2000": Published(
        title="CAT2000",
        what="200 pictures of each of 20 kinds, free viewing; only the training half has fixations, read without order",
        pictures=4000,
        people=120,
        seconds=5,
        licence="unknown",
        commercial="unclear",
        url="http://saliency.mit.edu/results_cat2000.html",
        citation="Borji, Itti 2015, CAT2000: A Large Scale Fixation Dataset, https://arxiv.org/abs/1505.03581",
        files=(File("http://saliency.mit.edu/trainSet.zip", md5="56ad5c77e6c8f72ed9ef2901628d6e48"),),
    ),
}

SIZE = (1920, 1080)  # width, height in pixels of every picture


def read(root: Path | str) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every picture of the training set with one scanpath of all viewers in no order, by the names.

    Raises:
        TableError: The folder is not as the authors publish it, or its numbers have other units.
    """
    stimuli, locations = (Path(root) / "trainSet" / name for name in ("Stimuli", "FIXATIONLOCS"))
    names = sorted(
        path.relative_to(locations).with_suffix(".jpg").as_posix() for path in locations.glob("[!.]*/[!.]*.mat")
    )
    pictures = {path.relative_to(stimuli).as_posix() for path in stimuli.glob("[!.]*/[!.]*.jpg")}
    if not names:
        raise TableError(f"{locations}: no fixations are there; give the folder that holds CAT2000's trainSet/.")
    if lost := sorted(pictures.difference(names)):
        raise TableError(f"{stimuli / lost[0]}: its fixations are missing; give the whole CAT2000 release.")
    return (_item(stimuli, locations, name) for name in names)


def _item(stimuli: Path, locations: Path, name: str) -> tuple[Picture, tuple[Scanpath, ...]]:
    picture = _release.picture(stimuli / name, name, "CAT2000", SIZE)
    path = (locations / name).with_suffix(".mat")
    values = _matlab.load(path, "fixLocs")
    with _release.parse_errors(path, "fixLocs"):
        if values.shape != (picture.height, picture.width):
            raise ValueError(f"not {picture.height} x {picture.width} numbers")
        if not np.isin(values, (0, 1)).all():
            raise ValueError("not 0 and 1 alone")
    y, x = np.nonzero(values)
    unknown = np.full(len(x), np.nan)
    scanpath = Scanpath("all", np.stack([x, y], 1) + 0.5, unknown, unknown.copy())
    return picture, (scanpath,) if len(scanpath) else ()
