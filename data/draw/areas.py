"""Areas of interest drawn on a picture: the outline of each with its number, which a table beside it explains."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import UInt8

from data.areas import Area
from data.draw._canvas import INK, WHITE, grain, paste
from data.draw._text import tag

SHIFT = 3  # OpenCV's fixed-point coordinates: eighths of a pixel


def outlined(
    picture: UInt8[np.ndarray, "h w 3"], areas: Sequence[Area], labels: Sequence[str] | None = None, size: float = 1.0
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with a white line on a dark casing around each area, and its label in the area's corner.

    `areas` are in pixels of this picture; labels are by default their numbers from 1. `size` makes the marks larger,
    for a picture that will be shown smaller.
    """
    drawn = picture.copy()
    unit = size * grain(picture.shape)
    thin, casing = max(1, round(1.8 * unit)), max(1, round(1.2 * unit))
    corners = [np.rint((np.array(area.points) - 0.5) * (1 << SHIFT)).astype(np.int32) for area in areas]
    for colour, width in ((INK, thin + 2 * casing), (WHITE, thin)):
        for points in corners:
            cv2.polylines(drawn, [points], True, colour, width, cv2.LINE_AA, SHIFT)
    for number, area in enumerate(areas):
        label = tag(str(number + 1) if labels is None else labels[number], 0.9 * unit)
        paste(drawn, label, _corner(area, label.shape, picture.shape))
    return drawn


def _corner(area: Area, label: tuple[int, ...], picture: tuple[int, ...]) -> tuple[int, int]:
    """Where a label lies: above the area's upper left corner where there is room, else inside it."""
    left, top, _, _ = area.box
    x = min(max(0, round(left)), max(0, picture[1] - label[1]))
    y = round(top) - label[0] - 2
    return x, y if y >= 0 else min(max(0, round(top) + 2), max(0, picture[0] - label[0]))
