"""What is shown of a thing: the crop, and the frame that it is in with the thing outlined."""

from collections import OrderedDict
from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from data import picture
from data.draw.regions import boxes
from data.gaze import Objects

CROP = 200  # pixels of the longer side of a crop
FRAME = 960  # of a frame, at most
DIM = 0.4  # of what is around a thing
KEPT = 300  # files
Pixels = UInt8[np.ndarray, "h w 3"]


class Drawn:
    """Files that were drawn, by what they show; those that nobody looked at for long are drawn anew."""

    def __init__(self) -> None:
        self._files: OrderedDict[tuple[str, int], bytes] = OrderedDict()

    def get(self, key: tuple[str, int], draw: Callable[[], bytes]) -> bytes:
        """The file of a key, drawn if it is not there."""
        if key not in self._files:
            self._files[key] = draw()
            while len(self._files) > KEPT:
                self._files.popitem(last=False)
        self._files.move_to_end(key)
        return self._files[key]


def drawn_crop(pixels: Pixels) -> bytes:
    """A crop in the size in which it is shown, as JPEG."""
    return picture.encode(_resized(pixels, CROP / max(pixels.shape[:2])), ".jpg")


def drawn_frame(pixels: Pixels, box: Float[np.ndarray, "4"]) -> bytes:
    """A frame with a box x, y, width, height in its pixels: outlined, and all around it dim; as JPEG."""
    scale = min(1.0, FRAME / max(pixels.shape[:2]))
    pixels = _resized(pixels, scale)
    place = np.asarray(box, np.float64) * scale
    left, top = np.floor(place[:2]).astype(int).clip(0)
    right, bottom = np.ceil(place[:2] + place[2:]).astype(int)
    dim = np.rint(pixels * (1 - DIM)).astype(np.uint8)
    dim[top:bottom, left:right] = pixels[top:bottom, left:right]
    return picture.encode(boxes(dim, Objects(place[None])), ".jpg")


def _resized(pixels: Pixels, scale: float) -> Pixels:
    if scale == 1:
        return pixels
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))
