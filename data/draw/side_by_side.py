"""Two drawn pictures beside each other, with their captions and one legend for both: as they are handed on."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import UInt8

from data.draw._canvas import INK, paste
from data.draw._text import wrapped

TALLEST, WIDEST = 1600, 3200  # pixels: larger pictures are made smaller
GREY = (90, 94, 102)


def side_by_side(
    pictures: Sequence[UInt8[np.ndarray, "_h _w 3"]],
    captions: Sequence[str],
    legend: UInt8[np.ndarray, "_lh _lw 3"] | None = None,
    note: str = "",
) -> UInt8[np.ndarray, "h w 3"]:
    """The pictures at one height on white, each under its caption; below them the legend and a note.

    Raises:
        ValueError: There are no pictures, or not as many captions.
    """
    if not pictures or len(pictures) != len(captions):
        raise ValueError(f"{len(pictures)} pictures need as many captions, but there are {len(captions)}.")
    height = min(TALLEST, max(240, *(len(picture) for picture in pictures)))
    height = max(1, min(height, *(round(WIDEST * each.shape[0] / each.shape[1]) for each in pictures)))
    drawn = [_resized(picture, height) for picture in pictures]
    size = max(14.0, min(0.025 * height, 32.0))
    gap = round(1.2 * size)
    heads = [
        wrapped(caption, 1.2 * size, max(120, each.shape[1]), INK)
        for caption, each in zip(captions, drawn, strict=True)
    ]
    columns = [max(head.shape[1], each.shape[1]) for head, each in zip(heads, drawn, strict=True)]
    width = sum(columns) + gap * (len(drawn) + 1)
    feet = [] if legend is None else [legend]
    feet += [wrapped(note, size, width - 2 * gap, GREY)] if note else []
    top = gap + max(len(head) for head in heads) + gap // 2
    rows = top + height + gap + sum(len(foot) + gap // 2 for foot in feet)
    canvas = np.full((rows, width, 3), 255, np.uint8)
    left = gap
    for head, each, room in zip(heads, drawn, columns, strict=True):
        paste(canvas, head, (left, gap))
        paste(canvas, each, (left, top))
        left += room + gap
    down = top + height + gap
    for foot in feet:
        paste(canvas, foot[:, : width - 2 * gap], (gap, down))
        down += len(foot) + gap // 2
    return canvas


def _resized(picture: UInt8[np.ndarray, "_h _w 3"], height: int) -> UInt8[np.ndarray, "_height _width 3"]:
    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    how = cv2.INTER_AREA if height < picture.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how), np.uint8)
