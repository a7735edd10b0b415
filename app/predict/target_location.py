"""Where in a picture something lies that looks like a crop of it, at whatever size."""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

SCALES = 1.15 ** np.arange(-11, 7)  # of the crop, when it is sought
SIDE = 320  # pixels: the longest side of the picture in which it is sought, or more where the crop is small
LARGEST = 1600  # pixels of that side at most
ALIKE = 0.75  # correlation of colours from which on it is there
LEAST = 8  # pixels of a crop's side: with fewer, everything is alike
PLAIN = 4  # grey levels by which a crop's pixels differ at least from each other

Box = tuple[float, float, float, float]  # x, y, width, height in pixels
Pixels = UInt8[np.ndarray, "h w 3"]
Crop = UInt8[np.ndarray, "ch cw 3"]


def locate(image: Pixels, crop: Crop) -> Box | None:
    """Where in a picture something lies that looks like a crop, at any of `SCALES`: its box; None: nowhere.

    The best match is the highest normalised correlation of colours. A crop of one colour is nowhere. One that was cut
    from the picture is found to the pixel.
    """
    longest = max(image.shape[:2])
    shrink = min(1.0, LARGEST / longest, max(SIDE / longest, 1.5 * LEAST / min(crop.shape[:2])))
    small = _resized(image, shrink)
    best, box = ALIKE, None
    for scale in sorted(SCALES, key=lambda each: abs(np.log(each))):
        part = _resized(crop, shrink * scale)
        if min(part.shape[:2]) < LEAST:
            continue
        match = _matches(small, part)
        if match.size and match.max() > best + 1e-3:
            best = float(match.max())
            y, x = divmod(int(match.argmax()), match.shape[1])
            height, width = part.shape[:2]
            box = (x / shrink, y / shrink, width / shrink, height / shrink)
    if box is None:
        return None
    return _exact(image, crop, box, best) or (float(box[0]), float(box[1]), float(box[2]), float(box[3]))


def _exact(image: Pixels, crop: Crop, box: Box, best: float) -> Box | None:
    """Where about a box the crop lies as it is, if it is at least as much alike there."""
    height, width = crop.shape[:2]
    middle = np.array([box[0] + box[2] / 2, box[1] + box[3] / 2])
    reach = np.array([width, height]) / 2 + max(4, 0.25 * max(box[2:]))
    left, top = np.maximum(0, np.floor(middle - reach)).astype(int).tolist()
    right, bottom = np.ceil(middle + reach).astype(int).tolist()
    match = _matches(image[top:bottom, left:right], crop)
    if not match.size or match.max() < best:
        return None
    y, x = divmod(int(match.argmax()), match.shape[1])
    return float(left + x), float(top + y), float(width), float(height)


def _matches(image: Pixels, crop: Crop) -> Float32[np.ndarray, "_rows _columns"]:
    """How much a crop is like each place of a picture; nothing where it is larger, or of one colour."""
    if crop.shape[0] > image.shape[0] or crop.shape[1] > image.shape[1] or crop.std((0, 1)).max() < PLAIN:
        return np.zeros((0, 0), np.float32)
    found = cv2.matchTemplate(np.ascontiguousarray(image), crop, cv2.TM_CCOEFF_NORMED)
    return np.asarray(np.nan_to_num(found, posinf=0.0, neginf=0.0), np.float32)


def _resized(image: UInt8[np.ndarray, "h w 3"], scale: float) -> UInt8[np.ndarray, "_h _w 3"]:
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(
        cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR), np.uint8
    )
