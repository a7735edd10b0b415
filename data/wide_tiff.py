"""TIFF files of pixels that Pillow has no mode for, as OpenCV writes them: colours of 32 bits, fractions of 64."""

from typing import Any

import cv2
import numpy as np
from jaxtyping import Shaped
from PIL import ImageFile
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from data import damage
from data.errors import PictureError

KINDS = {1: "whole numbers", 2: "signed numbers", 3: "fractions"}  # by the tag SampleFormat


class WideTiff(ImageFile.ImageFile):
    """The header of such a file; `values` has the pixels, turned as they are seen. Transparency is left out."""

    format = "TIFF"
    format_description = "TIFF of more bits than Pillow reads"

    def _open(self) -> None:
        head = self.fp.read(8) if self.fp else b""
        if self.fp is None or head[:4] not in (b"II*\0", b"MM\0*"):
            raise SyntaxError("no TIFF file")
        self.tag_v2 = ImageFileDirectory_v2(head)
        self.fp.seek(self.tag_v2.next)
        self.tag_v2.load(self.fp)
        width, height = self._first(256, 0), self._first(257, 0)
        if not (width > 0 and height > 0 and (273 in self.tag_v2 or 324 in self.tag_v2)):
            raise SyntaxError("no picture")
        turned = self._first(274, 1) in (5, 6, 7, 8)  # OpenCV turns such files
        self._size, self._mode = (height, width) if turned else (width, height), "RGB"

    def _first(self, tag: int, default: int) -> int:
        found: Any = self.tag_v2.get(tag, default)
        return int(found[0] if isinstance(found, tuple) else found)

    def values(self, data: bytes, where: str) -> tuple[Shaped[np.ndarray, "h w *rgb"], str]:
        """The pixels of the file's bytes, and what libtiff says is wrong with them; `where` names the picture.

        Raises:
            PictureError: OpenCV does not read such pixels, or the file is cut off.
        """
        with damage.quiet() as said:
            reason = damage.tiff(self, data)
            values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if not self._is_whole(len(data)):
            reason = "the end of its data is missing"
        if values is None and reason:
            raise OSError(reason)
        if values is None or values.shape[:2] != self.size[::-1]:
            kind = KINDS.get(self._first(339, 1), "values")
            pixel = f"{self._first(277, 1)} {kind} of {self._first(258, 1)} bits"
            raise PictureError(f"{where}: a TIFF file of {pixel} a pixel is not read; save it with 8 or 16 bits.")
        if values.ndim == 3:
            values = values[..., 2::-1] if values.shape[2] > 2 else values[..., 0]
        return values, reason or next((line for line in said if "ExtraSamples" not in line), "")

    def _is_whole(self, size: int) -> bool:
        """Whether all strips or tiles end inside a file of so many bytes."""
        pairs = [zip(self._all(a), self._all(b), strict=False) for a, b in ((273, 279), (324, 325))]
        return all(start + length <= size for pair in pairs for start, length in pair)

    def _all(self, tag: int) -> tuple[int, ...]:
        found: Any = self.tag_v2.get(tag, ())
        return found if isinstance(found, tuple) else (found,)
