"""Scene, 500 pictures of places looked at by 12 people, as its authors publish it.

    data/stimuli/001.jpg ...      of many sizes
    data/tidy/fixations.mat       fixations{i, j}: of picture i, in the order of the names, and viewer j a matrix with
                                  the columns y, x (pixels), start and duration (SECONDS)

Pixels are counted from the edge of the picture, but the authors show x at ceil(x) and keep 0 < x <= width: what lies on
the edge between two pixels is in the left or upper one for them, in the other for us. It is moved to the next smaller
floating-point number, and so into their pixel. A fixation that leaves its picture means that the picture is not the
original. The one that was under way when the picture came has been left out by the authors. Of their 15 viewers the
file holds 12. The authors divide the pictures at random anew with each run, so that there are no splits.
Liang, Jiang, Liang and Zhao 2015, "Saliency Prediction with Scene Structural Guidance";
https://github.com/Yanakz/Scene.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from data.datasets import _matlab, _release
from data.datasets.catalog import GITHUB, File, Published
from data.errors import TableError
from data.gaze import Picture, Scanpath

CATALOG = {
    "scene": Published(
        title="Scene",
        what="SUN photographs of places, free viewing; onsets are recorded",
        pictures=500,
        people=12,
        seconds=3,
        licence="MIT",
        commercial="yes",
        url="https://github.com/Yanakz/Scene",
        citation="Liang, Jiang, Liang, Zhao 2015, Saliency Prediction with Scene Structural Guidance, SMC",
        files=(File(GITHUB.format("Yanakz/Scene", "2cf042b0"), lone=True),),
    ),
}

MAX_SECONDS = 60.0  # seconds: a trial lasts 3; milliseconds would be above

Trial = Float[np.ndarray, "l 4"]  # y, x in pixels; start, duration in seconds


def read(root: Path | str) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every picture with its scanpaths, in the order of the names; viewers are s01 to s12.

    A viewer without a fixation on a picture has no scanpath there.

    Raises:
        TableError: The folder is not as the authors publish it, or its numbers have other units.
    """
    root = Path(root)
    path = root / "data" / "tidy" / "fixations.mat"
    if not path.is_file():
        raise TableError(f"{path}: the file is missing; give the folder of the Scene release, which holds data/.")
    trials = _matlab.load(path, "fixations")
    pictures = sorted((root / "data" / "stimuli").glob("[!.]*.jpg"))
    if not trials.size or len(trials) != len(pictures):
        shape = " x ".join(map(str, trials.shape))
        problem = f"{shape} trials cannot be those of {len(pictures)} pictures in data/stimuli and their viewers"
        raise TableError(f"{path}: {problem}; give the whole Scene release.")
    return _items(path, pictures, trials)


def _items(path: Path, pictures: list[Path], trials: np.ndarray) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    for number, (file, viewers) in enumerate(zip(pictures, trials, strict=True), 1):
        picture = _release.picture(file, file.name, "Scene")
        with _release.parse_errors(path, f"fixations{{{number}, :}}"):
            of_viewers = [_trial(matrix) for matrix in viewers]
        _check(path, picture, np.concatenate(of_viewers))
        yield picture, tuple(_scanpath(f"s{i:02d}", trial) for i, trial in enumerate(of_viewers, 1) if len(trial))


def _trial(matrix: Any) -> Trial:
    rows = _release.array(matrix, "fixations", 4)
    if not np.isfinite(rows).all():
        raise ValueError("not finite")
    return rows


def _check(path: Path, picture: Picture, rows: Trial) -> None:
    """Refuse other units in the rows of all viewers, and fixations beside their picture, which the authors left out."""
    xy, times = rows[:, 1::-1], rows[:, 2:]
    _release.pixels(path, xy, picture.width, picture.height)
    if (times > MAX_SECONDS).any():
        raise TableError(f"{path}: the times seem to be in milliseconds; divide the columns 3 and 4 by 1000.")
    if (times < 0).any():
        raise TableError(f"{path}: a start or a duration of {times.min():g} s; download it again.")
    beside = ((xy <= 0) | (xy > (picture.width, picture.height))).any(1)
    if beside.any():
        x, y = xy[beside.argmax()]
        problem = f"a fixation at ({x:g}, {y:g}) is beside it, for it has {picture.width} x {picture.height} pixels"
        raise TableError(f"{picture.path}: {problem}; use the original picture, and y before x in the columns.")


def _scanpath(subject: str, trial: Trial) -> Scanpath:
    y, x, start, duration = trial.T
    xy = np.stack([x, y], 1)
    return Scanpath(subject, np.where(xy % 1, xy, np.nextafter(xy, 0)), start * 1000, duration * 1000)
