"""Pictures of more than 8 bits a value as 8 bits: what fills its bits by the upper half, anything else by its range.

    values                                    become
    of 16 bits that reach the upper half      the upper 8 bits
    from 0 to 255, in more bits               as they are
    other whole numbers, fractions            spread: the least is black, the greatest white

Where that is not what the file's type promises (12 bits in a file of 16, infinite or missing pixels), a warning names
the file. Infinite pixels, not-a-number and the marks of missing data in maps (-3.4e38, -2147483648) do not count for
the range: they are white where they are plus infinity, and else black.
"""

import logging

import cv2
import numpy as np
from jaxtyping import Bool, Shaped, UInt8
from PIL import Image

from data import damage
from data.errors import PictureError

logger = logging.getLogger(__name__)

FULL = 1 << 15  # values of 16 bits that reach this far fill their bits
MISSING = 1e30  # fractions of this size and more are no light


def is_deep(image: Image.Image) -> bool:
    """Whether a picture that is not decoded yet has colours of 16 bits, of which Pillow gives the upper 8 only."""
    tiles = getattr(image, "tile", ())
    return image.mode not in ("I;16", "I;16B", "I", "F") and any(";16" in str(tile[3]) for tile in tiles)


def spread(values: Shaped[np.ndarray, "h w *rgb"], where: str) -> UInt8[np.ndarray, "h w *rgb"]:
    """Grey or colours of any type as 8 bits; `where` names the picture.

    Raises:
        PictureError: No pixel is a finite number.
    """
    with np.errstate(all="ignore"):  # of what is no number
        number = _numbers(values)
        pixels = number if number.ndim == 2 else number.all(-1)
        lost = pixels.size - int(pixels.sum())
        if not number.any():
            raise PictureError(f"{where}: none of its pixels is a finite number; save it again with values for light.")
        return _spread(values, number, where, f"{lost:,} of its {pixels.size:,} pixels are no numbers" if lost else "")


def colours(image: Image.Image, data: bytes, where: str) -> Image.Image:
    """A decoded picture of colours of 16 bits: as it is, or spread where its values do not fill their bits."""
    upper = np.asarray(image.convert("RGBA"))
    seen = upper[..., 3] > 0
    if not seen.any() or upper[seen, :3].max() >= FULL >> 8:
        return image
    with damage.quiet():
        values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.shape[:2] != seen.shape or values.ndim != 3:
        return image
    spread = _spread(values[..., 2::-1], np.broadcast_to(seen[..., None], (*seen.shape, 3)), where)
    return Image.fromarray(np.dstack([spread, upper[..., 3]]))


def _numbers(values: Shaped[np.ndarray, "*shape"]) -> Bool[np.ndarray, "*shape"]:
    """Which values are light, and not marks of something else."""
    if values.dtype.kind == "f":
        return np.asarray(np.abs(values) < MISSING)
    return np.asarray(values != np.iinfo(values.dtype).min if values.dtype.kind == "i" else np.ones(values.shape, bool))


def _spread(
    values: Shaped[np.ndarray, "*shape"], number: Bool[np.ndarray, "*shape"], where: str, lost: str = ""
) -> UInt8[np.ndarray, "*shape"]:
    """Values as 8 bits; those that are no `number` do not count for the range."""
    low, high = (float(found) for found in (values[number].min(), values[number].max()))
    whole = values.dtype.kind != "f"
    if whole and low >= 0 and 1 < high < 256:
        scaled, how = values, f"its values reach from {low:g} to {high:g} only, and are taken for 8 bits"
    elif whole and low >= 0 and (FULL <= high < 2 * FULL or low == high < FULL):
        scaled, how = values.astype(np.int64) >> 8, ""
    else:
        scaled = np.round((values.astype(np.float64) - low) * (255 / (high - low or 1)))
        fills = not whole or low < 0 or high >= 2 * FULL  # such values have no usual range
        how = "" if fills else f"its values reach from {low:g} to {high:g} of {2 * FULL - 1}"
        how += ", and are spread from black to white" if how else ""
    if lost:
        how = f"{lost}; the others, from {low:g} to {high:g}, are spread from black to white"
    if how:
        logger.warning("%s: %s.", where, how)
    grey = np.where(number, scaled, np.where(values > high, 255, 0))
    return np.asarray(grey.clip(0, 255).astype(np.uint8))
