"""OSIE, 700 pictures looked at for three seconds by 15 people, as its authors publish it.

    data/stimuli/1001.jpg ...     800 x 600 pixels
    data/eye/fixations.mat        fixations{i}.img, .subjects{j}.fix_x, .fix_y, .fix_duration (ms)

The file counts pixels as MATLAB does: the authors' own maps use round(fix_x) as a column from 1 to 800, so 1 is the
centre of the first pixel, which is 0.5 for us: we subtract 0.5. Onsets are not published. The fixation that was
under way when the picture came has been left out by the authors. The authors' attrs.mat (masks) is not read.
Xu, Jiang, Wang, Kankanhalli and Zhao 2014, https://doi.org/10.1167/14.1.28;
https://github.com/NUS-VIP/predicting-human-gaze-beyond-pixels.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from data.datasets import _matlab, _release
from data.datasets.catalog import GITHUB, File, Published
from data.errors import TableError
from data.gaze import Picture, Scanpath

CATALOG = {
    "osie": Published(
        title="OSIE",
        what="photographs with several objects each, free viewing",
        pictures=700,
        people=15,
        seconds=3,
        licence="MIT",
        commercial="yes",
        url="https://github.com/NUS-VIP/predicting-human-gaze-beyond-pixels",
        citation="Xu, Jiang, Wang, Kankanhalli, Zhao 2014, Predicting Human Gaze Beyond Pixels, Journal of Vision",
        files=(File(GITHUB.format("NUS-VIP/predicting-human-gaze-beyond-pixels", "4a467890"), lone=True),),
    ),
}

SIZE = (800, 600)  # width, height in pixels of every picture


def read(root: Path | str) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every picture with its scanpaths, in the order of the release; viewers are s01 to s15.

    A viewer without a fixation on a picture has no scanpath there.

    Raises:
        TableError: The folder is not as the authors publish it, or its numbers have other units.
    """
    return items(Path(root), "OSIE", SIZE)


def items(root: Path, title: str, wanted: tuple[int, int]) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """The pictures, all of one width and height, and scanpaths of any release of this layout.

    Raises:
        TableError: The folder is not as the authors publish it, or its numbers have other units.
    """
    path = root / "data" / "eye" / "fixations.mat"
    if not path.is_file():
        raise TableError(f"{path}: the file is missing; give the folder of the {title} release, which holds data/.")
    return _items(root, title, wanted, path, _matlab.load(path, "fixations").ravel())


def _items(
    root: Path, title: str, wanted: tuple[int, int], path: Path, entries: np.ndarray
) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    names: set[str] = set()
    for number, entry in enumerate(entries, 1):
        with _release.parse_errors(path, f"fixations{{{number}}}"):
            name = str(_matlab.field(entry, "img").ravel()[0])
            viewers = _matlab.field(entry, "subjects").ravel()
            of_viewers = [_scanpath(f"s{i:02d}", viewer) for i, viewer in enumerate(viewers, 1)]
        if name in names:
            raise TableError(f"{path}: the picture {name} is there twice; download it again.")
        names.add(name)
        picture = _release.picture(root / "data" / "stimuli" / name, name, title, wanted)
        scanpaths = tuple(scanpath for scanpath in of_viewers if len(scanpath))
        if scanpaths:
            _release.pixels(path, np.concatenate([scanpath.xy for scanpath in scanpaths]) + 0.5, *wanted)
            _release.milliseconds(path, np.concatenate([scanpath.duration for scanpath in scanpaths]), "fix_duration")
        yield picture, scanpaths


def _scanpath(subject: str, struct: Any) -> Scanpath:
    x, y, duration = (_release.field_row(struct, name) for name in ("fix_x", "fix_y", "fix_duration"))
    if not len(x) == len(y) == len(duration):
        raise ValueError(f"{len(x)} fix_x, {len(y)} fix_y and {len(duration)} fix_duration of viewer {subject}")
    if (duration < 0).any():
        raise ValueError(f"fix_duration is {duration.min():g}")
    return Scanpath(subject, np.stack([x, y], 1) - 0.5, np.full(len(x), np.nan), duration)
