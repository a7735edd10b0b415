"""What is wrong with a picture file that decodes all the same: warnings of its decoder, checksums, what never came.

A decoder that meets nonsense in a JPEG file goes on with grey or shifted blocks and only warns. Each function says in a
few words what is wrong with the bytes of a file, and "" where nothing is. What no format can tell from a picture, such
as other pixels in a file without checksums (BMP, plain TIFF, lossy WebP), is not found.
"""

import contextlib
import logging
import os
import re
import tempfile
import threading
import warnings
import zlib
from collections.abc import Iterator

import numpy as np
import simplejpeg
from jaxtyping import UInt8
from PIL import Image

logger = logging.getLogger(__name__)
logging.getLogger("PIL").addHandler(logging.NullHandler())  # what Pillow says names no file

# warnings of libjpeg that are no damage to the pixels: versions and profiles that it does not know
HARMLESS = re.compile("unknown JFIF revision|Unknown Adobe color transform|bad ICC marker")
PROGRESSIVE = (0xC2, 0xCA)  # frames whose scans each bring a part of the coefficients
SEQUENTIAL = (0xC0, 0xC1)
OVERSHOOT = 32  # grey levels beyond black and white that some encoders use on purpose against ringing
COLOURS = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}  # what libjpeg calls the modes of Pillow
_SEGMENT = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")  # a marker of JPEG, but for those inside the data of a scan
_NATIVE = re.compile(  # how the lines of libtiff, libpng and OpenCV begin; of names alone, sentences with ; are ours
    r"(?:\[ *[A-Z]+:[^\]]*\] global .*: |libpng \w+: |tempfile\.tif: |_?TIFF\w+: |\w+Decode\w*: |Apparently should be"
    r"|(?!.*; )_?(?=\w*[A-Z]\w*[A-Z])[A-Za-z]\w*: )"
)
CHUNK = 1 << 20  # bytes
PROCESS = threading.RLock()  # standard error, and the filters of `warnings`, belong to the whole process


def of(image: Image.Image, data: bytes) -> str:
    """What is wrong with the file of a picture that Pillow has opened."""
    if image.format in ("JPEG", "MPO"):
        return jpeg(data, image.mode)[1]
    return png(data) if image.format == "PNG" else tiff(image, data) if image.format == "TIFF" else ""


def jpeg(data: bytes, mode: str) -> tuple[UInt8[np.ndarray, "h w c"] | None, str]:
    """The pixels of a JPEG file, whose mode Pillow has told, and what is wrong with it.

    The pixels are None where libjpeg's quick interface does not know such a file: a rare sampling, or nothing to save.
    """
    colours = COLOURS.get(mode, "RGB")
    try:
        pixels = simplejpeg.decode_jpeg(data, colours)
    except ValueError as error:
        words = str(error)
    else:
        return pixels, _silent(data)
    try:
        pixels = simplejpeg.decode_jpeg(data, colours, strict=False)
    except ValueError:
        return None, ""
    return pixels, _silent(data) if HARMLESS.search(words) else words


def _silent(data: bytes) -> str:
    """What is wrong with a JPEG file of which libjpeg does not warn."""
    left: dict[int, set[int]] = {}  # numbers of the coefficients that still lack bits, by component
    for marker, start, stop in _segments(data):
        body = data[start:stop]
        if marker in SEQUENTIAL:
            return "brightness out of range: parts of its data are not in their place" if _is_drifting(data) else ""
        if marker in PROGRESSIVE:
            left = {component: set(range(64)) for component in body[6::3]}
        elif marker == 0xDA and left:
            count = body[0]
            first, last, bits = body[1 + 2 * count : 4 + 2 * count]
            for component in body[1 : 1 + 2 * count : 2] if bits & 15 == 0 else ():
                left.get(component, set()).difference_update(range(first, last + 1))
    return "scans of the picture are missing" if any(left.values()) else ""


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """The segments of a JPEG file to its end: marker, start and stop of the body."""
    at = 0
    while found := _SEGMENT.search(data, at):
        marker, at = found[1][0], found.end()
        if marker == 0xD9:
            return
        if marker != 0xD8:
            stop = at + int.from_bytes(data[at : at + 2], "big")
            yield marker, at + 2, stop
            at = stop


def _is_drifting(data: bytes) -> bool:
    """Whether the mean of some block is no brightness, as where parts of the data have changed places.

    A decoder finds its way again after each seam, and all means beyond it are off by what it read there. It cuts them
    to black and white; so the means alone are decoded, an eighth as wide and high, with half the contrast.
    """
    halved, steps = bytearray(data), dict[int, int]()
    size, table = [0, 0], 0
    for marker, at, stop in _segments(data):
        if marker == 0xDA or (marker == 0xDD and any(data[at:stop])):  # restarts put an end to every drift
            size = size if marker == 0xDA else [0, 0]
            break
        if marker in SEQUENTIAL and data[at + 5] in (1, 3):  # components: of CMYK the means are no brightness
            size = [-(-int.from_bytes(data[i : i + 2], "big") // 8) for i in (at + 1, at + 3)]
            table = data[at + 8]
        while marker == 0xDB and at < stop:
            width = 1 + (data[at] >> 4)  # bytes of a number
            steps[data[at] & 15] = step = int.from_bytes(data[at + 1 : at + 1 + width], "big")
            halved[at + 1 : at + 1 + width] = max(1, step // 2).to_bytes(width, "big")
            at += 1 + 64 * width
    step = steps.get(table, 1)
    if step < 2 or not all(size):
        return False
    means = simplejpeg.decode_jpeg(bytes(halved), "GRAY", min_height=1, min_width=1, min_factor=8, strict=False)
    contrast = (step // 2) / step
    slack = 1 + contrast * (OVERSHOOT + step / 16)  # of rounding, also in the file
    low, high = 128 - 128 * contrast - slack, 128 + 127 * contrast + slack
    return list(means.shape[:2]) == size and bool(means.min() < low or means.max() > high)


def png(data: bytes) -> str:
    """What is wrong with the chunks of a PNG file."""
    view, at = memoryview(data), 8
    while at < len(data):
        end = at + 12 + int.from_bytes(view[at : at + 4], "big")
        kind = bytes(view[at + 4 : at + 8]).decode("latin-1")
        if end > len(data):
            break
        if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            return f"the checksum of its chunk {kind!r} is wrong"
        if kind == "IEND":
            return ""
        at = end
    return "its end is missing"


def tiff(image: Image.Image, data: bytes) -> str:
    """What is wrong with the strips or tiles of a TIFF file where libtiff does not tell: JPEG data and checksums."""
    tags = getattr(image, "tag_v2", {})
    kind = tags.get(259)  # of compression
    if kind not in (7, 8, 32946):
        return ""
    tables = bytes(tags.get(347, b"")) if kind == 7 else b""
    for place, count in ((273, 279), (324, 325)):  # strips, tiles
        for start, length in zip(tags.get(place, ()), tags.get(count, ()), strict=False):
            part = data[start : start + length]
            words = _strip(tables[:-2] + part[2:] if tables else part, image.mode) if kind == 7 else _inflated(part)
            if words:
                return words
    return ""


def _strip(data: bytes, mode: str) -> str:
    """What is wrong with a strip that is a JPEG file."""
    pixels, words = jpeg(data, "L" if mode == "L" else "RGB")
    return "" if pixels is None else words


def _inflated(data: bytes) -> str:
    """What is wrong with a strip that zlib has made smaller: its last bytes are a checksum."""
    stream = zlib.decompressobj()
    try:
        rest = data
        while rest and not stream.eof:
            stream.decompress(rest, CHUNK)
            rest = stream.unconsumed_tail
    except zlib.error as error:
        return str(error)
    return "" if stream.eof else "the end of its data is missing"


@contextlib.contextmanager
def quiet() -> Iterator[list[str]]:
    """Nothing that libtiff or Pillow says in the meantime is shown; afterwards the list has what libtiff said.

    Whatever else is written to standard error in the meantime, by other threads, is written a little later.
    """
    said: list[str] = []
    with PROCESS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            terminal = os.dup(2)
        except OSError:  # closed, as in a service
            yield said
            return
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), 2)
            try:
                yield said
            finally:
                os.dup2(terminal, 2)
                os.close(terminal)
                file.seek(0)
                for line in file.read().decode(errors="replace").splitlines(keepends=True):
                    _tell(line, said)


def _tell(line: str, said: list[str]) -> None:
    if begin := _NATIVE.match(line):
        said.append(line[begin.end() :].strip().rstrip("."))
        logger.debug("a decoder said: %s", line.strip())
    else:
        with contextlib.suppress(OSError):
            os.write(2, line.encode(errors="replace"))
