"""Outlines of objects as COCO files have them (`segmentation`): the boxes around them and the pixels in them.

An outline is a list of polygons, each x, y, x, y ... in pixels; or run lengths, {"size": [height, width], "counts":
...}: how many pixels, down the columns of the picture, are by turns outside and inside, as numbers or packed into a
string. Run lengths are compared with the size of the picture before any memory is taken for its pixels. What is not
such an outline raises an `OutlineError`.
https://cocodataset.org/#format-data
"""

from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int64

MAX_COORDINATE = 2**17  # pixels: OpenCV fills a polygon row by row, also beyond the picture


class OutlineError(ValueError):
    """What should be an outline is none; the message says why."""


def around(outline: Any, size: tuple[int, int] | None) -> Float[np.ndarray, " 4"]:
    """The box x, y, width, height around an outline; of run lengths, in a picture of this `size` or else of their own.

    Raises:
        OutlineError: The outline is damaged, or holds no pixel.

    >>> around([[2, 1, 6, 1, 6, 4]], None)
    array([2., 1., 4., 3.])
    """
    if not isinstance(outline, dict):
        points = np.concatenate(polygons(outline))
        return np.concatenate([points.min(0), np.ptp(points, 0)])
    height, width = size[::-1] if size else _own_size(outline)
    lengths = runs(outline, width, height)
    end = np.cumsum(lengths)[1::2]
    inside = lengths[1::2] > 0
    first, last = (end - lengths[1::2])[inside], end[inside] - 1
    if not len(first):
        raise OutlineError("its outline holds no pixel")
    left, right = int(first[0] // height), int(last[-1] // height)
    within = first // height == last // height  # runs that end in the column in which they begin
    top, bottom = (first % height).min(), (last % height).max()
    if not within.all():
        top, bottom = 0, height - 1
    return np.array([left, top, right + 1 - left, bottom + 1 - top], np.float64)


def fill(mask: Bool[np.ndarray, "h w"], outline: Any) -> None:
    """Set the pixels inside an outline.

    Raises:
        OutlineError: The outline is damaged.
    """
    height, width = mask.shape
    if isinstance(outline, dict):
        lengths = runs(outline, width, height)
        mask[:] = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(width, height).T
    else:
        rings = [np.floor(ring).astype(np.int32) for ring in polygons(outline)]
        cv2.fillPoly(mask.view(np.uint8), rings, 1)


def polygons(outline: Any) -> list[Float[np.ndarray, "p 2"]]:
    """The corners of each polygon of an outline, pixels; one polygon may stand there without a list around it.

    Rings that are no polygons are left out where others are.

    Raises:
        OutlineError: It is no list of polygons, or none of them is one.
    """
    if not isinstance(outline, list) or not outline:
        raise OutlineError("its outline is neither a list of polygons nor run lengths")
    rings = [outline] if all(isinstance(it, int | float) for it in outline) else outline
    found: list[Float[np.ndarray, "p 2"]] = []
    wrong: list[OutlineError] = []
    for ring in rings:
        try:
            found.append(polygon(ring))
        except OutlineError as error:
            wrong.append(error)
    if not found:
        raise wrong[0]
    return found


def polygon(ring: Any) -> Float[np.ndarray, "p 2"]:
    """The corners of a polygon that is written x, y, x, y ...; pixels.

    Raises:
        OutlineError: There are no corners, or some that are not in any picture.
    """
    try:
        points = np.array(ring, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise OutlineError("its outline holds what is not a number of pixels") from error
    if points.ndim != 1 or len(points) % 2:
        raise OutlineError("its outline is not written x, y, x, y ...")
    if not len(points) or not (np.abs(points) < MAX_COORDINATE).all():
        raise OutlineError("its outline has no corners, or some that are not in any picture")
    return points.reshape(-1, 2)


def runs(outline: dict[str, Any], width: int, height: int) -> Int64[np.ndarray, " r"]:
    """How many pixels of a picture are by turns outside and inside, down its columns; together they are all of them.

    Raises:
        OutlineError: The run lengths are not those of such a picture.
    """
    counts = outline.get("counts")
    lengths = unpacked(counts) if isinstance(counts, str) else counts
    if not isinstance(lengths, list) or not all(type(length) is int for length in lengths):
        raise OutlineError("the run lengths ('counts') of its outline are neither whole numbers nor a string of COCO's")
    if _own_size(outline) != (height, width) or min(lengths, default=-1) < 0 or sum(lengths) != width * height:
        raise OutlineError(f"the run lengths of its outline are not of a picture of {width} x {height} pixels")
    return np.array(lengths, np.int64)


def _own_size(outline: dict[str, Any]) -> tuple[int, int]:
    """Height and width in pixels as run lengths state them."""
    stated = outline.get("size")
    sides = stated if isinstance(stated, list) else []
    if len(sides) != 2 or not all(type(side) is int and 0 < side < 2**30 for side in sides):
        raise OutlineError("the run lengths of its outline lack the size, [height, width]")
    return sides[0], sides[1]


def unpacked(text: str) -> list[int]:
    """The run lengths in COCO's string.

    A character less 48 has six bits: five of a number, the lowest first, and whether more follow; the last of the five
    is the sign. From the fourth on, each number is what its run is longer than the one two before.

    Raises:
        OutlineError: The string is none of COCO's.

    >>> unpacked("0PP1"), unpacked("061M")
    ([0, 1024], [0, 6, 1, 3])
    """
    lengths: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise OutlineError(f"the outline's string holds {character!r} where no run length goes on")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        value -= (bits >> 4) << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    if shift:
        raise OutlineError("the outline's string ends within a run length")
    return lengths
