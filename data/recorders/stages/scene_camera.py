"""Glasses: their gaze lies in the picture of the scene camera, which moves with the head.

What is seen through a camera at distance d is a screen of 2 d tan(a / 2) for each angle of view a; a distance of 100 cm
stands for all, since only degrees are made of it.
"""

import math
from pathlib import Path

from data.errors import RecordingError
from data.gaze import Screen
from data.recorders.stages import units
from data.recorders.stages.text_table import Warn

DISTANCE = 100.0  # centimetres


def geometry(path: Path, given: Screen | units.Setup | None, size: tuple[int, int], focal: float) -> Screen:
    """The camera's picture as a screen, `size` pixels with a focal length in pixels, where a person gave nothing else.

    Raises:
        RecordingError: Of a screen that was given its size in cm or its distance is not known.
    """
    width = getattr(given, "width", None) or size[0]
    height = getattr(given, "height", None) or size[1]
    if getattr(given, "width_cm", None) or getattr(given, "distance_cm", None):
        return units.geometry(path, given, units.Setup(width, height))
    cm = DISTANCE / focal
    return Screen(width, height, size[0] * cm, size[1] * cm, DISTANCE)


def focal_length(pixels: int, degrees: float) -> float:
    """The focal length in pixels of a camera without distortion that sees an angle in so many pixels.

    >>> round(focal_length(200, 90.0))
    100
    """
    return pixels / 2 / math.tan(math.radians(degrees / 2))


def tell_that_it_moves(path: Path, tell: Warn, remedy: str = "") -> None:
    """Says that gaze in a scene camera is no gaze on a picture; `remedy` is what else helps."""
    problem = "it counts in pixels of the scene camera, which moves with the head"
    tell(f"{path}: {problem}; it becomes a data set only with --pictures of its frames{remedy}.")


def refuse_column(path: Path, column: str) -> None:
    """Refuses to look for a column of pictures in a file that has no columns.

    Raises:
        RecordingError: There is a name of one.
    """
    if column:
        raise RecordingError(f"{path}: it has no column {column!r}, nor any other; name the picture with --stimulus.")
