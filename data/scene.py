"""Scene, 500 pictures of places looked at by 12 people, as its authors publish it.

    data/stimuli/001.jpg ...      of many sizes
    data/tidy/fixations.mat       fixations{i, j}: of picture i, in the order of the names, and viewer j a matrix with
                                  the columns y, x (pixels), start and duration (SECONDS)

Pixels are counted from the edge of the picture, as we do: the authors keep 0 < x <= width and show x at ceil(x). A
fixation that leaves its picture therefore means that the picture is not the original. The one that was under way when
the picture came has been left out by the authors. Of their 15 viewers the file holds 12. The authors divide the
pictures at random anew with each run, so that there are no splits.
Liang, Jiang, Liang and Zhao 2015, "Saliency Prediction with Scene Structural Guidance";
https://github.com/Yanakz/Scene.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from data import TableError, matlab, release
from data.gaze import Picture, Scanpath


def read(root: Path | str) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every picture with its scanpaths, in the order of the names; viewers are s01 to s12.

    A viewer without a fixation on a picture has no scanpath there.
    """
    root = Path(root)
    path = root / "data" / "tidy" / "fixations.mat"
    if not path.is_file():
        raise TableError(f"{path}: the file is missing; give the folder of the Scene release, which holds data/.")
    trials = matlab.load(path, "fixations")
    pictures = sorted((root / "data" / "stimuli").glob("*.jpg"))
    if not len(trials) or not pictures or len(trials) % len(pictures):
        problem = f"{len(trials)} trials cannot be those of {len(pictures)} pictures in data/stimuli"
        raise TableError(f"{path}: {problem}; give the whole Scene release.")
    return _items(path, pictures, trials.reshape(len(pictures), -1))


def _items(path: Path, pictures: list[Path], trials: np.ndarray) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    for number, (file, viewers) in enumerate(zip(pictures, trials, strict=True), 1):
        picture = release.picture(file, file.name, "Scene")
        with release.form(path, f"fixations{{{number}, :}}"):
            found = [_scanpath(f"s{i:02d}", matrix) for i, matrix in enumerate(viewers, 1)]
        scanpaths = tuple(scanpath for scanpath in found if len(scanpath))
        _check(path, picture, scanpaths)
        yield picture, scanpaths


def _scanpath(subject: str, matrix: Any) -> Scanpath:
    y, x, start, duration = release.array(matrix, "fixations", 4).T
    if not np.isfinite([x, y, start, duration]).all():
        raise ValueError("not finite")
    return Scanpath(subject, np.stack([x, y], 1), start * 1000, duration * 1000)


def _check(path: Path, picture: Picture, scanpaths: tuple[Scanpath, ...]) -> None:
    """Refuse other units, and fixations beside their picture, which the authors have left out."""
    if not scanpaths:
        return
    xy = np.concatenate([scanpath.xy for scanpath in scanpaths])
    release.pixels(path, xy, picture.width, picture.height)
    if max(float(scanpath.onset.max()) for scanpath in scanpaths) > 100_000:
        raise TableError(f"{path}: the onsets seem to be in milliseconds; divide the columns 3 and 4 by 1000.")
    beside = ((xy < 0) | (xy > (picture.width, picture.height))).any(1)
    if beside.any():
        x, y = xy[beside.argmax()]
        problem = f"a fixation at ({x:g}, {y:g}) is beside it, for it has {picture.width} x {picture.height} pixels"
        raise TableError(f"{picture.path}: {problem}; use the original picture, and y before x in the columns.")
