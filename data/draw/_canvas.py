"""What all drawings share: how large marks are, colours, and parts of a canvas."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, Int64, UInt8

WHITE, INK = (255, 255, 255), (28, 30, 36)
Box = tuple[int, int, int, int]  # left, top, right, bottom


def grain(shape: tuple[int, ...]) -> float:
    """What lines and letters scale with: 1 for a picture of 1000 pixels, never too small to read.

    Of a long strip the short side counts as well, or else its letters would not fit.
    """
    long, short = max(shape[:2]), min(shape[:2])
    return max(0.45, min(long, 4 * short) / 1000)


def paste(canvas: UInt8[np.ndarray, "h w 3"], patch: UInt8[np.ndarray, "ph pw 3"], corner: tuple[int, int]) -> None:
    """Copy a patch into our own canvas, as far as it fits."""
    x, y = corner
    room = canvas[y : y + patch.shape[0], x : x + patch.shape[1]]
    room[:] = patch[: room.shape[0], : room.shape[1]]


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes come closer than a third of a label's height."""
    room = (one[3] - one[1]) // 3
    return (
        one[0] < other[2] + room and other[0] < one[2] + room and one[1] < other[3] + room and other[1] < one[3] + room
    )


def quietest(
    corners: Float[np.ndarray, "k 2"],
    label: tuple[int, int],
    size: tuple[int, int],
    heat: Float[np.ndarray, "g v"],
    taken: Sequence[Box],
) -> Box | None:
    """The free box of a `label` (width, height) under which there is least heat (0 to 1); None: there is none.

    It lies at one of some upper left corners, moved into the picture of `size` (width, height); of equal ones the first
    is taken. A box that holds the hottest place is not free, and a label that fills half of the picture has none.
    """
    width, height = label
    if 2 * width > size[0] or 2 * height > size[1]:
        return None
    inside = np.clip(np.rint(corners), 0, (size[0] - width, size[1] - height)).astype(int)
    rows, columns = heat.shape
    best, quiet = None, 0.9
    for left, top in inside.tolist():
        box = left, top, left + width, top + height
        if any(overlap(box, other) for other in taken):
            continue
        x, y = box[0] * columns // size[0], box[1] * rows // size[1]
        under = heat[y : -(-box[3] * rows // size[1]), x : -(-box[2] * columns // size[0])]
        most = float(under.max()) if under.size else 0.0
        if most < quiet - 0.02:
            best, quiet = box, most
    return best


def veiled(picture: UInt8[np.ndarray, "h w 3"], veil: float) -> UInt8[np.ndarray, "h w 3"]:
    """A copy of the picture, `veil` of it white.

    Raises:
        ValueError: The picture is not RGB uint8.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(f"A picture must be uint8 (h, w, 3), but this one is {picture.dtype} {picture.shape}.")
    table = np.round(np.arange(256) * (1 - veil) + 255 * veil).astype(np.uint8)
    return np.array(cv2.LUT(picture, table), np.uint8)


def part(
    canvas: UInt8[np.ndarray, "h w 3"], low: Float[np.ndarray, "2"], high: Float[np.ndarray, "2"]
) -> tuple[UInt8[np.ndarray, "rh rw 3"], Int64[np.ndarray, "2"]]:
    """The part of the canvas between two corners, and where its upper left corner (x, y) lies; never empty."""
    size = np.array(canvas.shape[1::-1])
    start = np.clip(np.floor(low).astype(np.int64) - 1, 0, size - 1)
    end = np.clip(np.ceil(high).astype(np.int64) + 2, start + 1, size)
    return canvas[start[1] : end[1], start[0] : end[0]], start
