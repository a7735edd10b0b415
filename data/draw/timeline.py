"""The heat maps of the seconds side by side."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from data.draw._canvas import INK, WHITE, paste
from data.draw._text import render_text
from data.draw.heatmap import blend, check_shapes, relative_density
from data.draw.palettes import DEFAULT

PANEL = 480  # pixels: the longest side of a slice in a strip


def timeline(
    picture: UInt8[np.ndarray, "h w 3"],
    slices: Float[np.ndarray, "t _h _w"],
    times: Sequence[tuple[float, float]],
    opacity: float = 0.6,
    palette: str = DEFAULT,
) -> UInt8[np.ndarray, "sh sw 3"]:
    """The heat maps of the slices side by side, each with its time below and on its own scale.

    One scale for all would leave late slices blank: people scatter as they go on looking. `times` holds the start and
    end of each slice in seconds. Panels are at most `PANEL` pixels long. Slices have the picture's size, or to save
    time that of `panel_size`, which draws them within two of the 256 levels of heat.

    Raises:
        ValueError: There are not as many times as slices, or none, or they have another size.
    """
    if not len(slices) or len(slices) != len(times):
        raise ValueError(
            f"A strip needs one time for each slice, but there are {len(slices)} slices, {len(times)} times."
        )
    if slices[0].shape != panel_size(picture.shape):
        check_shapes(picture, slices[0])
    size = panel_size(picture.shape)[::-1]
    small = cv2.resize(_halved(picture, size), size, interpolation=cv2.INTER_AREA)
    gap = max(4, round(0.02 * size[0]))
    panels = []
    for plane, time in zip(slices, times, strict=True):
        relative = relative_density(plane, None)
        if relative.shape[::-1] != size:
            relative = cv2.resize(relative, size, interpolation=cv2.INTER_AREA)
        panels.append(_panel(blend(small, relative, opacity, palette), caption(time), gap))
    rows = panels[0].shape[0]
    spaces = np.full((rows, gap, 3), 255, np.uint8)
    return np.hstack([piece for panel in panels for piece in (spaces, panel)] + [spaces])


def panel_size(picture: tuple[int, ...]) -> tuple[int, int]:
    """Height and width of a slice in the strip of a picture of this shape."""
    scale = min(1.0, PANEL / max(picture[:2]))
    return max(1, round(picture[0] * scale)), max(1, round(picture[1] * scale))


def _halved(picture: UInt8[np.ndarray, "h w 3"], size: tuple[int, int]) -> UInt8[np.ndarray, "_h _w 3"]:
    """The picture at half its size where it becomes smaller than that anyway: halving is the quickest step.

    A last row or column without a neighbour is left out.
    """
    height, width = (side // 2 for side in picture.shape[:2])
    if width < size[0] or height < size[1]:
        return picture
    even = picture[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def caption(time: tuple[float, float]) -> str:
    """A slice's start and end in seconds, as people read it.

    >>> caption((0.0, 1.0))
    '0–1 s'
    """
    return f"{time[0]:g}–{time[1]:g} s"


def _panel(image: UInt8[np.ndarray, "h w 3"], words: str, gap: int) -> UInt8[np.ndarray, "ph pw 3"]:
    """An image over its caption on white."""
    text = render_text(words, max(12.0, 0.075 * image.shape[1]), INK, WHITE)
    height, width = image.shape[:2]
    columns = max(width, text.shape[1])
    canvas = np.full((gap + height + text.shape[0] + gap // 2, columns, 3), 255, np.uint8)
    paste(canvas, image, ((columns - width) // 2, gap))
    paste(canvas, text, ((columns - text.shape[1]) // 2, gap + height))
    return canvas
