"""Objects and fixations: which object each fixation fell on, and the paths over objects of a whole data set.

A fixation belongs to the smallest object that contains it (a button before its panel, a face before its person), else
to the nearest one within a stated distance, else to the background. Boxes are half open as pixels are: a box holds its
left and upper edge, and not its right and lower one.

Objects come from a COCO file (`data.coco`), a data set in the table format (`scenes`) or a plain `grid`.
Shapes: `n` objects, `l` fixations; boxes are x, y, width, height in pixels of the picture.
"""

import math
import re
from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int64, UInt8

from data.errors import GazeError
from data.gaze import ObjectPath, Objects, Scanpath


def check(objects: Objects, width: int, height: int) -> Objects:
    """The objects with what sticks out of a picture of this size cut off; any number of them, also none.

    Raises:
        GazeError: A box holds what is no number, has no area or lies wholly outside: a slip in the file it came from.
    """
    boxes = np.asarray(objects.boxes, np.float64)
    low = np.clip(boxes[:, :2], 0, (width, height))
    high = np.clip(boxes[:, :2] + boxes[:, 2:], 0, (width, height))
    for right, problem in (
        (np.isfinite(boxes), "holds what is not a number"),
        (boxes[:, 2:] > 0, "has no area"),
        (high > low, f"lies outside of the picture of {width} x {height} pixels"),
    ):
        if not right.all():
            first = int(right.all(1).argmin())
            box = ", ".join(f"{value:g}" for value in boxes[first])
            raise GazeError(f"Object {first} of {len(boxes)} with the box {box} {problem}; mend or remove it.")
    return replace(objects, boxes=np.hstack([low, high - low]))


def assign(xy: Float[np.ndarray, "l 2"], objects: Objects, within: float = 0.0) -> Int64[np.ndarray, " l"]:
    """The number of the object under each fixation, or -1 for the background.

    Of several objects (their masks, or else their boxes) around a point it is the smallest, and of equal ones the
    first. A point in none belongs to the nearest box, of equally near ones to the smallest, when the box's edge is at
    most `within` pixels away (`math.inf`: always). A point that is not a number is background.

    Raises:
        GazeError: The distance is negative.
    """
    if not within >= 0:
        raise GazeError(f"Fixations are assigned within {within:g} pixels of an object, but that must be 0 or more.")
    if not len(objects) or not len(xy):
        return np.full(len(xy), -1, np.int64)
    boxes = objects.boxes.astype(np.float64)
    areas = boxes[:, 2] * boxes[:, 3] if objects.masks is None else objects.masks.sum((1, 2))
    order = np.argsort(areas, kind="stable")
    low, size = boxes[order, :2], boxes[order, 2:]
    from_low = xy[:, None] - low
    holds = np.asarray(((from_low >= 0) & (from_low < size)).all(2))
    if objects.masks is not None:
        holds = _under(xy, objects.masks)[:, order]
    chosen = np.where(holds.any(1), holds.argmax(1), -1)
    if within > 0:
        away = np.linalg.norm(np.maximum(np.maximum(-from_low, from_low - size), 0), axis=2)
        away = np.nan_to_num(away, nan=math.inf)
        nearest = away.argmin(1)
        reached = (away.min(1) <= within) & np.isfinite(xy).all(1)
        chosen = np.where((chosen < 0) & reached, nearest, chosen)
    return np.where(chosen < 0, -1, order[chosen]).astype(np.int64)


def _under(xy: Float[np.ndarray, "l 2"], masks: Bool[np.ndarray, "n h w"]) -> Bool[np.ndarray, "l n"]:
    """Which masks hold the pixel of each point; none holds a point off the picture."""
    _, height, width = masks.shape
    on = np.asarray(((xy >= 0) & (xy < (width, height))).all(1))
    pixel = np.where(on[:, None], xy, 0).astype(np.int64)
    return np.asarray(masks[:, pixel[:, 1], pixel[:, 0]].T & on[:, None])


def path(scanpath: Scanpath, objects: Objects, within: float = 0.0, merge: bool = False) -> ObjectPath:
    """One person's fixations as a path over objects; those on the background are counted and left out.

    With `merge`, successive fixations on one object (what was on the background between them does not separate them)
    are one: it is where the first one is, and lasts as long as they all do. A scanpath without fixations, or with none
    on an object, gives a path of length 0. A search that did not find its target was cut by the protocol, so that its
    last fixation says nothing of the end; what else ends, the viewer ended.
    """
    order = assign(scanpath.xy, objects, within)
    kept = order >= 0
    order, duration, xy = order[kept], scanpath.duration[kept], scanpath.xy[kept]
    if merge and len(order):
        starts = np.flatnonzero(np.diff(order, prepend=-1))
        order, duration, xy = order[starts], np.add.reduceat(duration, starts), xy[starts]
    return ObjectPath(scanpath.subject, order, duration, xy, int((~kept).sum()), scanpath.found is not False)


def overlap(one: Float[np.ndarray, "n 4"], other: Float[np.ndarray, "m 4"]) -> Float[np.ndarray, "n m"]:
    """The area that each two boxes share, over the area that they cover together; 0 for boxes without area.

    >>> overlap(np.array([[0.0, 0, 2, 1]]), np.array([[1.0, 0, 2, 1]])).round(3)
    array([[0.333]])
    """
    a, b = one[:, None], other[None]
    sides = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.maximum(sides, 0).prod(-1)
    united = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - shared
    return np.asarray(np.divide(shared, united, out=np.zeros_like(shared), where=united > 0))


def grid(width: int, height: int, rows: int, columns: int) -> Objects:
    """A picture's cells, row by row, as objects without a category; attributes `row`, `col` and `from_grid` = 1.

    Raises:
        GazeError: There is no row, no column or no pixel.
    """
    if rows < 1 or columns < 1 or width < 1 or height < 1:
        raise GazeError(f"A grid of {rows} x {columns} cells on {width} x {height} pixels has no cell; give 1 or more.")
    y, x = np.indices((rows, columns)).reshape(2, -1)
    size = np.array([width / columns, height / rows])
    boxes = np.hstack([np.stack([x, y], 1) * size, np.broadcast_to(size, (len(x), 2))])
    return Objects(boxes, (), tuple({"row": int(r), "col": int(c), "from_grid": 1} for r, c in zip(y, x, strict=True)))


def cells(source: str) -> tuple[int, int] | None:
    """Rows and columns of a source "grid:ROWSxCOLUMNS"; None for anything else.

    >>> cells("grid:6x8"), cells("file")
    ((6, 8), None)
    """
    grid = re.fullmatch(r"grid:([1-9]\d{0,2})x([1-9]\d{0,2})", source)
    return (int(grid[1]), int(grid[2])) if grid else None


def crops(
    pixels: UInt8[np.ndarray, "h w 3"], boxes: Float[np.ndarray, "n 4"], size: int
) -> UInt8[np.ndarray, "n s s 3"]:
    """What is in each box, stretched to `size` x `size` pixels.

    A crop holds every pixel that its box touches, and at least one: of a box without area or outside of the picture
    the pixel next to it. One pixel gives a plain crop of its colour.

    Raises:
        GazeError: A box holds what is no number.
    """
    if not np.isfinite(boxes).all():
        raise GazeError("A box to cut out holds what is not a number; mend or remove it.")
    pieces = np.empty((len(boxes), size, size, 3), np.uint8)
    for crop, box in zip(pieces, boxes, strict=True):
        piece = pixels[window(box, pixels.shape[1], pixels.shape[0])]
        method = cv2.INTER_AREA if max(piece.shape[:2]) > size else cv2.INTER_LINEAR
        crop[:] = cv2.resize(piece, (size, size), interpolation=method)
    return pieces


def window(box: Float[np.ndarray, " 4"], width: int, height: int) -> tuple[slice, slice]:
    """Rows and columns of the pixels of a picture that a box touches; at least one pixel, the nearest.

    >>> window(np.array([1.5, 0, 2, 0.5]), 10, 10)
    (slice(0, 1, None), slice(1, 4, None))
    """
    limit = np.array([width, height])
    low = np.clip(np.floor(box[:2]), 0, limit - 1).astype(np.int64)
    (left, top), (right, bottom) = (
        low.tolist(),
        np.clip(np.ceil(box[:2] + box[2:]), low + 1, limit).astype(int).tolist(),
    )
    return slice(top, bottom), slice(left, right)
