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

from data import TableError, matlab
from data.check import reason, size, valid
from data.gaze import Picture, Scanpath

SIZE = (800, 600)  # width, height in pixels of every picture


def read(root: Path | str) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every picture with its scanpaths, in the order of the release; viewers are s01 to s15.

    A viewer without a fixation on a picture has no scanpath there.
    """
    root = Path(root)
    path = root / "data" / "eye" / "fixations.mat"
    if not path.is_file():
        raise TableError(f"{path}: the file is missing; give the folder of the OSIE release, which holds data/.")
    return _items(root, path, matlab.load(path, "fixations"))


def _items(root: Path, path: Path, entries: np.ndarray) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    for number, entry in enumerate(entries, 1):
        try:
            name = str(matlab.field(entry, "img").ravel()[0])
            scanpaths = [_scanpath(f"s{i:02d}", it) for i, it in enumerate(matlab.field(entry, "subjects").ravel(), 1)]
        except (LookupError, TypeError, ValueError) as error:
            problem = f"fixations{{{number}}} has not the form of the release ({reason(error)})"
            raise TableError(f"{path}: {problem}; download it again.") from error
        picture = root / "data" / "stimuli" / name
        if not valid(name) or not picture.is_file():
            raise TableError(f"{picture}: the picture is missing; give the whole OSIE release.")
        if size(picture) != SIZE:
            raise TableError(
                f"{picture}: not 800 x 600 pixels, which the fixations refer to; use the original picture."
            )
        yield Picture(name, *SIZE, picture), tuple(scanpath for scanpath in scanpaths if len(scanpath))


def _scanpath(subject: str, struct: Any) -> Scanpath:
    x, y, duration = (matlab.numbers(struct, name) for name in ("fix_x", "fix_y", "fix_duration"))
    if not len(x) == len(y) == len(duration):
        raise ValueError(f"{len(x)} fix_x, {len(y)} fix_y and {len(duration)} fix_duration of viewer {subject}")
    return Scanpath(subject, np.stack([x, y], 1) - 0.5, np.full(len(x), np.nan), duration)
