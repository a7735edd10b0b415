"""Which files are pictures that can be read, what is to be done about those that cannot, and how one is opened.

HEIC is read where pi-heif is installed, AVIF where Pillow has it.
"""

import functools
import importlib
import importlib.util
import os
import stat
from collections import Counter
from collections.abc import Collection, Iterable
from io import BufferedReader
from pathlib import Path
from typing import IO

from PIL import features

from data.errors import PictureError

MOST = 1 << 30  # bytes of a file
HEIF = importlib.util.find_spec("pi_heif") is not None
AVIF = bool(features.check("avif"))
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", *["AVIF"] * AVIF)
HEIC_SUFFIXES = (".heic", ".heif", ".hif")
SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".jpe", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    *[".avif"] * AVIF,
    *HEIC_SUFFIXES * HEIF,
)
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")  # of the box `ftyp`

INSTALL = "install pi-heif (pip install pi-heif), or save as JPEG"
DEVELOP = "save as JPEG, PNG or TIFF with a raw converter"
CONVERT = "save as JPEG or PNG"
FRAMES = (
    "only `gaze predict --task saliency` with the extra video (pip install -e '.[video]') takes videos; save the "
    "frames that were shown as JPEG or PNG"
)
RAW = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef"),
    *(".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
)
VIDEOS = (
    *(".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".webm"),
    ".wmv",
)
OTHERS = (
    *(".apng", ".avifs", ".dib", ".exr", ".heics", ".heifs", ".j2k", ".jif", ".jp2", ".jpx", ".jxl", ".jxr", ".mpo"),
    *(".pbm", ".pgm", ".pnm", ".ppm", ".psd", ".svg", ".tga", ".xcf"),
)
REMEDIES = (  # by suffix, what is to be done about a picture that is not read
    dict.fromkeys(HEIC_SUFFIXES, INSTALL)
    | dict.fromkeys((".avif", *OTHERS), CONVERT)
    | dict.fromkeys(RAW, DEVELOP)
    | dict.fromkeys(VIDEOS, FRAMES)
)
RAW_TAG = 50706  # DNGVersion, in a TIFF file


def unread(paths: Iterable[Path], read: Collection[str] | None = None, videos: str = FRAMES) -> list[str]:
    """What is said of the pictures and videos among some files that are not read: how many, and what to do.

    Hidden files do not count, nor do those with suffixes that are `read`; None: those of pictures. `videos` is what is
    to be done about a video.

    >>> unread([Path("a.NEF"), Path("b.nef"), Path("c.txt"), Path("d.jpg")])[0][:25]
    '2 .nef files are not read'
    """
    known = SUFFIXES if read is None else read
    remedies = REMEDIES | dict.fromkeys(VIDEOS, videos)
    suffixes = (path.suffix.lower() for path in paths if not path.name.startswith("."))
    counts = Counter(suffix for suffix in suffixes if suffix in REMEDIES and suffix not in known)
    return [
        f"{count} {suffix} {'file is' if count == 1 else 'files are'} not read; {remedies[suffix]}"
        for suffix, count in sorted(counts.items())
    ]


def opened(path: Path, where: str) -> BufferedReader:
    """A picture's file, open to be read; what would never end, or hold everything up, is refused.

    Raises:
        PictureError: It cannot be read, is no regular file, or has more than `MOST` bytes.
    """
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        reason = getattr(error, "strerror", None) or error
        remedy = "check its permissions" if isinstance(error, PermissionError) else "check the path"
        raise PictureError(f"{where}: cannot be read ({reason}); {remedy}.") from error
    state = os.fstat(number)
    if not stat.S_ISREG(state.st_mode):
        what = "a folder" if stat.S_ISDIR(state.st_mode) else "no file but a pipe or device"
        problem = f"cannot be read (it is {what}); give a picture's file"
    elif state.st_size > MOST:
        problem = f"the file has {state.st_size / 2**30:.1f} GiB, but the limit is {MOST / 2**30:.0f}; make it smaller"
    else:
        return os.fdopen(number, "rb")
    os.close(number)
    raise PictureError(f"{where}: {problem}.")


def formats(file: IO[bytes], where: str) -> tuple[str, ...]:
    """The formats, as Pillow names them, that an open file may have; it is at its start again afterwards.

    Raises:
        PictureError: It is a picture of a kind that is not read here.
    """
    start = file.read(64)
    file.seek(0)
    if Path(where).suffix.lower() in RAW and start[:2] in (b"II", b"MM"):
        raise PictureError(f"{where}: a raw picture is not read; {DEVELOP}.")  # Pillow would take its thumbnail
    if start[4:8] != b"ftyp":
        return FORMATS
    brands = start[8 : min(64, int.from_bytes(start[:4], "big"))]
    if b"avif" in brands or b"avis" in brands:
        if not AVIF:
            raise PictureError(f"{where}: an AVIF picture is not read by this Pillow; {CONVERT}.")
        return ("AVIF",)
    if start[8:12] not in HEIC_BRANDS:
        return FORMATS
    if not HEIF:
        raise PictureError(f"{where}: a HEIC picture is not read; {INSTALL}.")
    _register()
    return ("HEIF",)


@functools.cache
def _register() -> None:
    importlib.import_module("pi_heif").register_heif_opener()
