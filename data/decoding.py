"""Pillow's part in reading a picture: its header, and its pixels as far as they can be decoded."""

import contextlib
import logging
from io import BytesIO
from typing import IO

from PIL import Image, UnidentifiedImageError

from data import damage
from data.wide_tiff import WideTiff

logger = logging.getLogger(__name__)

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def identified(data: IO[bytes], kinds: tuple[str, ...]) -> Image.Image:
    """The picture's header; where Pillow knows none, that of a wide TIFF file, or of a PNG file without its words.

    Raises:
        Exception: Whatever Pillow's plugins make of a file that is none of these.
    """
    try:
        return Image.open(data, formats=kinds)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise
    except Exception:  # as in `read`
        data.seek(0)
        try:
            return WideTiff(data)
        except Exception:  # as in `read`
            logger.debug("no wide TIFF file either", exc_info=True)
        data.seek(0)
        if (content := data.read()).startswith(SIGNATURE):
            with contextlib.suppress(UnidentifiedImageError, SyntaxError, ValueError, OSError):
                return Image.open(BytesIO(damage.bare_png(content)), formats=("PNG",))
        raise


def load(image: Image.Image, data: bytes, reason: str) -> str:
    """Decode a picture as far as that goes; what is wrong with it, which may be known by a `reason` already.

    Raises:
        OSError: Nothing was decoded.
    """
    try:
        if image.format == "TIFF":
            return _load_tiff(image, data)
        image.load()
        if image.mode == "P" and image.palette is None:
            raise OSError("its palette is missing")
    except Exception as error:
        logger.debug("a picture, or a part of it, cannot be decoded", exc_info=True)
        reason = reason or str(error) or "it cannot be decoded"
        has_pixels = False
        with contextlib.suppress(AssertionError):  # by Pillow, where there are none
            has_pixels = image.im.getbbox() is not None
        if not has_pixels or (image.mode == "P" and image.palette is None):
            raise OSError(reason) from error
        vars(image)["tile"] = []  # so that Pillow takes it for loaded
    return reason


def _load_tiff(image: Image.Image, data: bytes) -> str:
    """Decode a TIFF file; what is wrong with it although it could be decoded."""
    said: list[str] = []
    try:
        with damage.quiet() as said:
            reason = damage.tiff(image, data)  # before Pillow closes the file
            image.load()
    except Exception as error:
        logger.debug("libtiff said %s", said or "nothing", exc_info=True)
        raise OSError(*said[:1] or error.args) from error
    return reason or (said[0] if said else "")
