"""The paths of many people drawn at once: a line and dots for each, in a colour of their own; no numbers.

Shapes: `h w` picture, `l` fixations. Pictures are RGB uint8; places are pixels from the top-left corner.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from data.draw._canvas import WHITE, grain, veiled

GOLDEN = 0.618034  # of the circle of hues from one person to the next, so that neighbours differ
SHIFT = 4  # OpenCV's fixed-point coordinates: sixteenths of a pixel
LINES = 0.5  # how opaque the lines are


def crowd(
    picture: UInt8[np.ndarray, "h w 3"], paths: Sequence[Float[np.ndarray, "_l 2"]], veil: float = 0.25
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with everybody's fixations as dots, joined by thin lines; `veil` lays so much white over it."""
    drawn = veiled(picture, veil)
    unit = grain(picture.shape)
    tints = colours(len(paths))
    lined = drawn.copy()
    for xy, colour in zip(paths, tints, strict=True):
        line = np.round((xy - 0.5) * 2**SHIFT).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(lined, [line], False, colour, max(1, round(1.2 * unit)), cv2.LINE_AA, SHIFT)
    drawn = np.asarray(cv2.addWeighted(lined, LINES, drawn, 1 - LINES, 0), np.uint8)
    for xy, colour in zip(paths, tints, strict=True):
        for x, y in np.round((xy - 0.5) * 2**SHIFT).astype(int).tolist():
            for radius, ink in ((7.0, WHITE), (5.5, colour)):
                cv2.circle(drawn, (x, y), round(radius * unit * 2**SHIFT), ink, -1, cv2.LINE_AA, SHIFT)
    return drawn


def colours(count: int) -> list[tuple[int, int, int]]:
    """So many colours of one strength that differ from their neighbours.

    >>> len(set(colours(12)))
    12
    """
    hue = (np.arange(count) * GOLDEN) % 1 * 180
    hsv = np.stack([hue, np.full(count, 200.0), np.full(count, 190.0)], 1).astype(np.uint8)
    rgb = cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0] if count else np.zeros((0, 3), np.uint8)
    return [(r, g, b) for r, g, b in rgb.tolist()]
