"""Places that people looked at as marked pixels, one file a frame: a black and white PNG, or the matrix I of a .mat.

A place is taken to be in the middle of its pixel. Such files tell neither people apart nor how many looked there.
"""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from data.datasets import _matlab, _release
from data.errors import TableError
from data.picture import read
from data.video.maps import one_a_frame
from data.video.recorded import Gaze


def picture(path: Path) -> Bool[np.ndarray, "h w"]:
    """The marks of a PNG.

    Raises:
        GazeError: It cannot be read, or is grey.
    """
    grey = read(path)[..., 0]
    marked = grey > 0
    if np.unique(grey[marked]).size > 1:
        raise TableError(f"{path}: not black and one grey alone; give the maps of fixations, not the blurred ones.")
    return np.asarray(marked)


def matrix(path: Path, size: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    """The marks of a .mat for a frame of this height and width.

    Raises:
        TableError: It cannot be read, or has another size.
    """
    values = _matlab.load(path, "I")
    with _release.parse_errors(path, "I"):
        if values.dtype.kind not in "biuf" or values.shape != size:
            raise ValueError(f"not {size[0]} x {size[1]} numbers")
        return np.asarray(values > 0)


def places(marked: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "k 2"]:
    """The middles of the marked pixels."""
    y, x = np.nonzero(marked)
    return np.stack([x, y], 1) + 0.5


class MarkedPixels(Gaze):
    """Places of a clip, of which a listing gives each frame's file by its number from 0."""

    def __init__(self, where: Path, listing: Callable[[], dict[int, Path]]) -> None:
        self.where, self.listing = where, listing

    @cached_property
    def listed(self) -> dict[int, Path]:
        """The file of each frame."""
        return self.listing()

    def at(self, index: int, times: Float[np.ndarray, " f"], size: tuple[int, int]) -> Float[np.ndarray, "k 2"]:
        """Pixels where people looked while a frame was shown.

        Raises:
            TableError: The file of the frame is missing, or has another size.
        """
        path = self.listed.get(index)
        if path is None:
            raise TableError(f"{self.where}: the places of frame {index} are missing; copy the whole folder.")
        marked = matrix(path, size) if path.suffix == ".mat" else picture(path)
        if marked.shape != size:
            (height, width), (high, wide) = marked.shape, size
            raise TableError(
                f"{path}: {width} x {height} pixels for a frame of {wide} x {high}; give the original video."
            )
        return places(marked)

    def check(self, times: Float[np.ndarray, " f"], size: tuple[int, int]) -> None:
        """Refuse a folder that lacks the file of a frame, or goes on for long after the last one."""
        one_a_frame(self.listed, times, f"{self.where}: the file of places")
