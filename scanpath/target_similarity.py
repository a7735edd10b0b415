"""How much each object looks like what is looked for: the best match of its picture inside the object's box.

    similarity = max over places in the box of the correlation of colours, 0 to 1

The crop is compared at its own size, as it would be cut from this picture: a thing that is seen larger, turned or in
another light is hardly alike. Both are reduced until the crop is at most 24 pixels long.
Normalised correlation coefficient: https://docs.opencv.org/4.x/df/dfb/group__imgproc__object.html
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

MAX_SIDE, MIN_SIDE = 24, 3  # pixels: of a crop that is compared


def target_similarity(
    pixels: UInt8[np.ndarray, "h w 3"],
    boxes: Float[np.ndarray, "n 4"],
    target_crops: Sequence[UInt8[np.ndarray, "_h _w 3"]],
) -> Float32[np.ndarray, " n"]:
    """For each box the best match of any of the crops, its middle inside the box.

    It is 0 for a crop of one colour, one larger than the picture, and one that shrinks below 3 pixels a side.

    >>> picture = np.zeros((40, 60, 3), np.uint8)
    >>> picture[10:20, 30:35] = 255
    >>> boxes = np.array([[0.0, 0, 20, 40], [25, 5, 15, 20]])
    >>> target_similarity(picture, boxes, [picture[8:22, 26:40]]).round(2).tolist()
    [0.0, 1.0]
    """
    similarity = np.zeros(len(boxes), np.float32)
    for crop in target_crops:
        scale = min(1.0, MAX_SIDE / max(crop.shape[:2]))
        small, template = _reduced(pixels, scale), _reduced(crop, scale)
        fits = all(a >= b for a, b in zip(small.shape, template.shape, strict=True))
        if not fits or min(template.shape[:2]) < MIN_SIDE or template.std((0, 1)).max() < 1:
            continue
        match = np.nan_to_num(cv2.matchTemplate(small, template, cv2.TM_CCOEFF_NORMED), posinf=0.0, neginf=0.0)
        middle = np.array([template.shape[1], template.shape[0]]) / 2
        for number, (x, y, width, height) in enumerate(boxes * scale):
            low = np.ceil(np.array([x, y]) - middle).astype(int).clip(0)
            high = np.floor(np.array([x + width, y + height]) - middle).astype(int)
            part = match[low[1] : max(high[1] + 1, 0), low[0] : max(high[0] + 1, 0)]
            if part.size:
                similarity[number] = max(similarity[number], part.max())
    return similarity.clip(0, 1)


def _reduced(picture: UInt8[np.ndarray, "h w 3"], scale: float) -> UInt8[np.ndarray, "y x 3"]:
    if scale == 1:
        return picture
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
