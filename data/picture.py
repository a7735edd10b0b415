"""Pictures in: the one preprocessing, used by training and by the runtime.

`read` turns any picture file into RGB uint8 `(h, w, 3)` the way a person sees it. `Letterbox` fits a picture into a
model's canvas without changing its shape, and maps points and predictions exactly back.
"""

import logging
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image, UnidentifiedImageError

from data import damage, depth, jpeg, picture_file, png
from data.atomic import atomic_write
from data.decoding import identified, load
from data.errors import DamagedError, LargePictureError, PictureError, TableError, short_reason
from data.picture_file import DEVELOP, FORMATS, RAW_TAG, REMEDIES, formats, opened
from data.wide_tiff import WideTiff

logger = logging.getLogger(__name__)

LIMIT = 50_000_000  # pixels; looked up in the header before anything is decoded
BEGINNINGS = (b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"GIF8")  # of pictures, whatever comes then
BAND = 1 << 16  # pixels of a map that are worked on in one go
LONGEST = {".png": 2**31 - 1, ".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383}  # pixels a side, by kind of file
JPEG_QUALITY, WEBP_QUALITY = 95, 85
FILL = 124  # the grey of the bars around a letterboxed picture
_ORIENTATION = 0x0112  # the EXIF tag


@dataclass(frozen=True)
class Letterbox:
    """Where a picture of `size` lies inside a canvas: `content` is (top, left, height, width), all in pixels.

    >>> Letterbox.fit((600, 600), (192, 256)).content
    (0, 32, 192, 192)
    """

    size: tuple[int, int]  # height, width of the picture
    canvas: tuple[int, int]  # height, width
    content: tuple[int, int, int, int]

    @classmethod
    def fit(cls, size: tuple[int, int], canvas: tuple[int, int]) -> "Letterbox":
        """The largest centred copy of a picture of `size` (height, width) in `canvas`."""
        scale = min(canvas[0] / size[0], canvas[1] / size[1])
        height = min(canvas[0], max(1, round(size[0] * scale)))
        width = min(canvas[1], max(1, round(size[1] * scale)))
        return cls(size, canvas, ((canvas[0] - height) // 2, (canvas[1] - width) // 2, height, width))

    @property
    def box(self) -> Float[np.ndarray, "4"]:
        """The content as (x0, y0, x1, y1) in canvas pixels: what a model is told about the bars."""
        top, left, height, width = self.content
        return np.array([left, top, left + width, top + height], np.float32)

    def cells(self, stride: int) -> Bool[np.ndarray, "g v"]:
        """Which cells of `stride` canvas pixels have their centre on the picture."""
        left, top, right, bottom = self.box
        x = (np.arange(self.canvas[1] // stride) + 0.5) * stride
        y = (np.arange(self.canvas[0] // stride) + 0.5) * stride
        return np.asarray(((y >= top) & (y < bottom))[:, None] & ((x >= left) & (x < right)))

    def apply(self, image: UInt8[np.ndarray, "h w 3"], fill: int = FILL) -> UInt8[np.ndarray, "ch cw 3"]:
        """The picture on its canvas, the bars filled with grey."""
        top, left, height, width = self.content
        canvas = np.full((*self.canvas, 3), fill, np.uint8)
        shrinks = height < self.size[0] or width < self.size[1]
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        canvas[top : top + height, left : left + width] = cv2.resize(image, (width, height), interpolation=method)
        return canvas

    def points(self, xy: Float[np.ndarray, "l 2"]) -> Float[np.ndarray, "l 2"]:
        """Points of the picture, in canvas pixels."""
        top, left, height, width = self.content
        return np.asarray(xy * (width / self.size[1], height / self.size[0]) + (left, top))

    def back(self, log_density: Float[np.ndarray, "*t ch cw"]) -> Float[np.ndarray, "*t h w"]:
        """A log density per canvas pixel as a log density per picture pixel: each map sums to one again."""
        planes = self._inside(log_density)
        maps = np.empty((len(planes), *self.size), np.float32)
        for plane, wide in zip(planes, maps, strict=True):
            self._enlarge(plane, wide)
        return maps.reshape(*log_density.shape[:-2], *self.size)

    def each(self, log_density: Float[np.ndarray, "t ch cw"]) -> Iterator[Float[np.ndarray, "h w"]]:
        """The maps of `back` one after another in the same memory: each is there until the next is asked for."""
        wide = np.empty(self.size, np.float32)
        for plane in self._inside(log_density):
            self._enlarge(plane, wide)
            yield wide

    def enlarged(self, log_density: Float[np.ndarray, "t ch cw"]) -> Iterator[Float[np.ndarray, "h w"]]:
        """As `each`, and quicker, but each map up to a constant only; none is above 0."""
        wide = np.empty(self.size, np.float32)
        for plane in self._inside(log_density):
            cv2.resize(plane - plane.max(), self.size[::-1], dst=wide, interpolation=cv2.INTER_LINEAR)
            yield wide

    def sampled(self, log_density: Float[np.ndarray, "t ch cw"], size: tuple[int, int]) -> Float[np.ndarray, "t _h _w"]:
        """The maps of `back` at another size (height, width) of the picture, and each up to a constant only."""
        planes = self._inside(log_density)
        resized = [cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR) for plane in planes]
        return np.array(resized, np.float32).reshape(len(planes), *size)

    def _inside(self, log_density: Float[np.ndarray, "*t ch cw"]) -> Float[np.ndarray, "n _ch _cw"]:
        """The content of maps, without the bars."""
        top, left, height, width = self.content
        inside = log_density[..., top : top + height, left : left + width]
        return inside.reshape(-1, height, width).astype(np.float32, copy=False)

    def _enlarge(self, plane: Float[np.ndarray, "_ch _cw"], wide: Float[np.ndarray, "h w"]) -> None:
        """Write into `wide` what the content of a map is at the picture's size."""
        cv2.resize(plane, self.size[::-1], dst=wide, interpolation=cv2.INTER_LINEAR)
        wide -= wide.max()
        total = sum(cv2.sumElems(cv2.exp(rows))[0] for rows in bands(wide))
        wide -= np.float32(np.log(total))


def bands(plane: Float[np.ndarray, "h w"]) -> Iterator[Float[np.ndarray, "_h w"]]:
    """A map in bands of rows that the cache of a core holds, so that nothing of the map's size is made of it."""
    rows = max(1, BAND // plane.shape[1])
    return (plane[top : top + rows] for top in range(0, len(plane), rows))


def read(source: Path | bytes, name: str | None = None) -> UInt8[np.ndarray, "h w 3"]:
    """A picture file, or its bytes, as RGB the way a person sees it; `name` stands for it in errors.

    Turned as its EXIF data says; palettes resolved; what is transparent shows white; more than 8 bits as in
    `data.depth`; of an animation the first frame. Colour profiles are not applied.

    Raises:
        DamagedError: The file is damaged, but `read_damaged` gives what there is of it.
        PictureError: The file is missing, no picture, damaged, or has more than `LIMIT` pixels.
    """
    picture, reason = read_damaged(source, name)
    if reason:
        raise DamagedError(_damaged(_name(source, name), reason, ", or predict it with --accept-damaged"))
    return picture


def read_damaged(source: Path | bytes, name: str | None = None) -> tuple[UInt8[np.ndarray, "h w 3"], str]:
    """As `read`, but with whatever can be decoded of a damaged file, and what is wrong with it; "": nothing.

    Raises:
        PictureError: As in `read`; of a damaged file only where nothing can be decoded.
    """
    where = _name(source, name)
    data = _bytes(source, where)
    image = _open(BytesIO(data), where)
    try:
        picture, orientation, reason = _decode(image, data, where)
    except PictureError:
        raise
    except Exception as error:  # Pillow's plugins raise whatever the damage leads to
        logger.debug("%s: cannot be decoded", where, exc_info=True)
        raise PictureError(_damaged(where, error)) from error
    return np.require(_upright(picture, orientation), requirements=["C", "W"]), reason


def _name(source: Path | bytes, name: str | None) -> str:
    return name or (str(source) if isinstance(source, Path) else "The picture")


def _remedy(where: str) -> str:
    """What is to be done about a file that is no picture, by the suffix of its name."""
    suffix = PurePosixPath(where).suffix.lower()
    known = "" if suffix in picture_file.SUFFIXES else REMEDIES.get(suffix)
    return known or f"give one of {', '.join(FORMATS)}"


def _damaged(where: str, reason: object, more: str = "") -> str:
    return f"{where}: the picture is damaged or cut off ({reason}); copy or save it again{more}."


def area(path: Path) -> int:
    """How many pixels a picture file has, from its header; 0 where `read` would refuse it before decoding anything."""
    try:
        with opened(path, str(path)) as file:
            image = _open(file, str(path))
            return image.width * image.height
    except PictureError:
        return 0


def area_of(content: bytes, name: str | None = None) -> int:
    """How many pixels the bytes of a picture file make, from its header; `name` stands for it in errors.

    Raises:
        PictureError: `read` would refuse it before decoding anything.
    """
    where = _name(content, name)
    image = _open(BytesIO(_bytes(content, where)), where)
    return image.width * image.height


def save(path: Path, picture: UInt8[np.ndarray, "h w 3"]) -> None:
    """Write a PNG, JPEG or WebP, as the suffix says; the file appears whole or not at all."""
    with atomic_write(path) as file:
        file.write(encode(picture, path.suffix))


def encode(picture: UInt8[np.ndarray, "h w 3"], suffix: str = ".png") -> bytes:
    """The bytes of a file: PNG (quick to write rather than small), JPEG, or lossy WebP.

    Raises:
        PictureError: The suffix is of none of these, or the picture is longer than such a file can be.
    """
    kind = suffix.lower()
    if kind not in LONGEST:
        raise PictureError(f"Pictures are written as {', '.join(LONGEST)}, not as {suffix!r}; choose one of these.")
    height, width = picture.shape[:2]
    if max(height, width) > LONGEST[kind]:
        raise PictureError(
            f"A picture of {width} x {height} cannot be written as {kind}, "
            f"which ends at {LONGEST[kind]} pixels a side; choose .png."
        )
    if kind == ".png":
        return png.encode(picture)
    if kind == ".webp":
        file = BytesIO()
        Image.fromarray(picture).save(file, "WEBP", quality=WEBP_QUALITY, method=0)  # the quickest
        return file.getvalue()
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()


def _bytes(source: Path | bytes, where: str) -> bytes:
    if isinstance(source, bytes):
        data = source
    else:
        try:
            with opened(source, where) as file:
                data = file.read()
        except OSError as error:
            raise PictureError(f"{where}: cannot be read ({error.strerror}); check the disk.") from error
    if not data:
        raise PictureError(f"{where}: the file is empty (0 bytes); copy it again.")
    return data


def _open(data: IO[bytes], where: str) -> Image.Image:
    """The picture's header, its size checked."""
    kinds = formats(data, where)
    try:
        with damage.PROCESS, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = identified(data, kinds)
            pixels = image.width * image.height
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        pixels = int("".join(re.findall(r"\d+", str(error))[:1]) or 0)
    except UnidentifiedImageError as error:
        data.seek(0)
        if (content := data.read()).startswith(BEGINNINGS):
            reason = damage.png(content) if content[1:4] == b"PNG" else ""
            raise PictureError(
                _damaged(where, reason or "its header is broken, or of a kind that is not known")
            ) from error
        raise PictureError(f"{where}: this is not a picture that can be read; {_remedy(where)}.") from error
    except Exception as error:  # as in `read`
        logger.debug("%s: cannot be opened", where, exc_info=True)
        raise PictureError(_damaged(where, error)) from error
    if pixels <= LIMIT and RAW_TAG in getattr(image, "tag_v2", ()):
        raise PictureError(f"{where}: a raw picture is not read; {DEVELOP}.")
    if pixels > LIMIT:
        raise LargePictureError(
            f"{where}: the picture has {pixels / 1e6:.1f} megapixels, "
            f"but the limit is {LIMIT / 1e6:.0f}; make it smaller."
        )
    return image


def _decode(image: Image.Image, data: bytes, where: str) -> tuple[UInt8[np.ndarray, "h w 3"], int, str]:
    """Pixels as stored in the file, the EXIF orientation 1 to 8, and what is wrong with the file."""
    reason = ""
    if isinstance(image, WideTiff):
        values, reason = image.values(data, where)
        grey = depth.spread(values, where)
        return (grey if grey.ndim == 3 else np.repeat(grey[..., None], 3, 2)), 1, reason  # turned by OpenCV
    if image.format in ("JPEG", "MPO"):
        # Same library and pixels as Pillow's, without its two copies; it tells of the damage, which Pillow passes over.
        picture, reason = jpeg.read(data, image.mode)
        if picture is not None and image.mode in ("RGB", "L"):
            return (picture if image.mode == "RGB" else np.repeat(picture, 3, 2)), _orientation(image), reason
    elif image.format == "PNG":
        reason = damage.png(data)
    is_deep = depth.is_deep(image)
    reason = load(image, data, reason)
    orientation = _orientation(image)
    if image.mode.startswith("I") or image.mode == "F":
        return np.repeat(depth.spread(np.asarray(image), where)[..., None], 3, 2), orientation, reason
    if is_deep:
        image = depth.colours(image, data, where)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB")), orientation, reason


def _orientation(image: Image.Image) -> int:
    with damage.PROCESS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return int(image.getexif().get(_ORIENTATION, 1))
        except Exception:  # broken EXIF data around a sound picture
            logger.debug("a picture's EXIF data are broken, so it is not turned", exc_info=True)
            return 1


def _upright(picture: UInt8[np.ndarray, "h w 3"], orientation: int) -> UInt8[np.ndarray, "_h _w 3"]:
    """The picture as its EXIF orientation (1 to 8) says it should be seen."""
    if orientation in (5, 6, 7, 8):
        picture = picture.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        picture = picture[::-1]
    if orientation in (2, 3, 6, 7):
        picture = picture[:, ::-1]
    return picture


def is_valid_name(name: str) -> bool:
    """Whether a picture's name is one that stays inside images/."""
    parts = PurePosixPath(name).parts
    inside = bool(parts) and name[0] != "/" and ".." not in parts and "\\" not in name
    return inside and name.isprintable() and len(name.encode()) <= 255


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture as a person sees it (EXIF rotation applied); only its header is read.

    Raises:
        TableError: The file is missing or not a readable picture.
    """
    try:
        with opened(path, str(path)) as file, damage.PROCESS, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = identified(file, formats(file, str(path)))
            (width, height), turned = image.size, False
            if image.format != "TIFF":  # Pillow has turned these already
                turned = _orientation(image) in (5, 6, 7, 8)
    except Exception as error:  # Pillow's plugins raise nearly anything on a broken file
        logger.debug("%s: not a readable picture", path, exc_info=True)
        raise TableError(f"{path}: not a readable picture ({short_reason(error)}); replace it or remove it.") from error
    return (height, width) if turned else (width, height)
