"""Peaks: the few separate places that are looked at most, each with its share of all looks, found and drawn.

Water falls from the hottest cell down: every cell goes to the peak that one reaches by walking uphill from it. A peak
is one of its own where the valley to a higher one is at most `VALLEY` of its height deep, else it belongs to that one.
What belongs to a peak ends at a tenth of its height, so that a share is of what lies around the peak, and the shares
of all peaks sum to at most one. (Watershed of Vincent and Soille 1991, with merging by relative prominence.)
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Float32, Int32, UInt8

from data.draw._canvas import INK, WHITE, Box, grain, paste, quietest
from data.draw._text import percent, tag

SIDE = 96  # cells: the longest side of the raster on which peaks are told apart
VALLEY = 0.7  # of the lower peak's height: a deeper valley tells two peaks apart
FOOT = 0.1  # of a peak's height: where it ends
LOW = 0.02  # of the highest peak: what is lower is no peak


class Peak(NamedTuple):
    """A place that is looked at: pixels from the upper left corner, and the share of all looks that fall around it."""

    x: float
    y: float
    share: float


def peaks(
    density: Float[np.ndarray, "h w"], most: int = 5, least: float = 0.03, size: tuple[int, int] | None = None
) -> tuple[Peak, ...]:
    """The separate places that are looked at most, by their share: at most `most`, none with a share below `least`.

    They are in pixels of a picture of `size` (width, height), by default of the density itself. A flat density has no
    peak.
    """
    rows, columns = density.shape
    relative = np.exp(np.asarray(density, np.float32) - np.float32(density.max()))
    if not np.isfinite(relative).all() or relative.min() > 0.999:
        return ()
    scale = min(1.0, SIDE / max(rows, columns))
    small = max(1, round(columns * scale)), max(1, round(rows * scale))
    cells = cv2.resize(relative, small, interpolation=cv2.INTER_AREA) if scale < 1 else relative
    cells = np.asarray(cv2.GaussianBlur(cells, (3, 3), 0.7, borderType=cv2.BORDER_REPLICATE), np.float32)
    label, tops = _flooded(cells)
    total = float(cells.sum())
    width, height = size or (columns, rows)
    found = []
    for number, top in tops.items():
        own = (label == number) & (cells >= FOOT * cells.flat[top])
        row, column = _hottest(relative, top, cells.shape)
        place = (column + 0.5) * width / columns, (row + 0.5) * height / rows
        found.append(Peak(*place, float(cells[own].sum()) / total))
    found = [peak for peak in found if peak.share >= least]
    return tuple(sorted(found, key=lambda peak: -peak.share)[:most])


def _flooded(cells: Float32[np.ndarray, "g v"]) -> tuple[Int32[np.ndarray, "g v"], dict[int, int]]:
    """To which peak each cell belongs (0: to none), and the cell of each peak's top."""
    rows, columns = cells.shape
    wide = np.zeros((rows + 2, columns + 2), np.int32)  # a border of cells that belong to no peak
    label, heights = wide.ravel(), np.pad(cells, 1).ravel()
    stride = columns + 2
    around = [-stride - 1, -stride, -stride + 1, -1, 1, stride - 1, stride, stride + 1]
    order = np.flatnonzero(heights >= LOW * cells.max())
    parent, tops = [0], [0]

    def root(number: int) -> int:
        while parent[number] != number:
            number = parent[number]
        return number

    for cell in order[np.argsort(-heights[order], kind="stable")].tolist():
        near = [(heights[cell + step], root(number)) for step in around if (number := int(label[cell + step]))]
        if not near:
            parent.append(len(parent))
            tops.append(cell)
            label[cell] = len(parent) - 1
            continue
        label[cell] = max(near)[1]
        ranked = sorted({number for _, number in near}, key=lambda number: -heights[tops[number]])
        for lower in ranked[1:]:
            if heights[cell] > VALLEY * heights[tops[lower]]:
                parent[lower] = ranked[0]
    roots = np.array([root(number) for number in range(len(parent))], np.int32)
    own = roots[wide][1:-1, 1:-1]
    places = {number: divmod(tops[number], stride) for number in set(roots.tolist()) - {0}}
    return own, {number: (row - 1) * columns + column - 1 for number, (row, column) in places.items()}


def _hottest(relative: Float32[np.ndarray, "h w"], top: int, shape: tuple[int, ...]) -> tuple[int, int]:
    """Row and column of the hottest pixel near the cell of a peak's top."""
    row, column = divmod(top, shape[1])
    high, wide = relative.shape[0] / shape[0], relative.shape[1] / shape[1]
    first, left = max(0, int((row - 1) * high)), max(0, int((column - 1) * wide))
    near = relative[first : int(np.ceil((row + 2) * high)), left : int(np.ceil((column + 2) * wide))]
    y, x = divmod(int(near.argmax()), near.shape[1])
    return first + y, left + x


def rings(picture: UInt8[np.ndarray, "h w 3"], found: Sequence[Peak]) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with a small ring on each peak, and its number and share beside it.

    Rings are open, so that what is looked at stays seen. A label without a free place is left out.
    """
    drawn = np.array(picture)
    unit = grain(picture.shape)
    radius, width = _radius(unit), max(1, round(2 * unit))
    for centre in _centres(found):
        cv2.circle(drawn, centre, radius, INK, width + max(2, round(2 * unit)), cv2.LINE_AA)
        cv2.circle(drawn, centre, radius, WHITE, width, cv2.LINE_AA)
    for words, box in _labels(picture.shape, found).items():
        paste(drawn, tag(words, unit), box[:2])
    return drawn


def covered(shape: tuple[int, ...], found: Sequence[Peak]) -> list[Box]:
    """The boxes that rings and their labels cover on a picture of this shape, for other labels to avoid."""
    radius = _radius(grain(shape))
    circles = [(x - radius, y - radius, x + radius, y + radius) for x, y in _centres(found)]
    return circles + list(_labels(shape, found).values())


def _radius(unit: float) -> int:
    return max(4, round(11 * unit))


def _centres(found: Sequence[Peak]) -> list[tuple[int, int]]:
    return [(round(peak.x - 0.5), round(peak.y - 0.5)) for peak in found]


def _labels(shape: tuple[int, ...], found: Sequence[Peak]) -> dict[str, Box]:
    """Where the words beside each ring lie: at its right, its left, above or below it, the first that is free."""
    unit, size = grain(shape), (shape[1], shape[0])
    radius, centres = _radius(unit), _centres(found)
    taken: list[Box] = [(x - radius, y - radius, x + radius, y + radius) for x, y in centres]
    placed = {}
    cool = np.zeros((1, 1), np.float32)  # beside a ring it is hot everywhere
    for number, (x, y) in enumerate(centres):
        words = f"{number + 1}: {percent(found[number].share)}"
        high, wide = tag(words, unit).shape[:2]
        gap = radius + high // 2 + 1
        around = [(x + gap, y - high / 2), (x - gap - wide, y - high / 2), (x - wide / 2, y - gap - high)]
        around.append((x - wide / 2, y + gap))
        box = quietest(np.array(around, np.float32), (wide, high), size, cool, taken)
        if box is not None:
            placed[words] = box
            taken.append(box)
    return placed
