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
from collections.abc import Iterator, Sequence

from PIL import Image

from data import jpeg

logger = logging.getLogger(__name__)
logging.getLogger("PIL").addHandler(logging.NullHandler())  # what Pillow says names no file

_NATIVE = re.compile(  # how the lines of libtiff, libpng and OpenCV begin; of names alone, sentences with ; are ours
    r"(?:\[ *[A-Z]+:[^\]]*\] global \S+ \w+ (?:.*: )?|libpng \w+: |tempfile\.tif: |_?TIFF\w+: |\w+Decode\w*: "
    r"|Apparently should be|(?!.*; )_?(?=\w*[A-Z]\w*[A-Z])[A-Za-z]\w*: )"
)
_MORE = re.compile(r">|\s*$")  # how the lines go on that OpenCV adds to one of these
CHUNK = 1 << 20  # bytes
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel, by the colour type of PNG
ADAM7 = (  # the passes of an interlaced PNG file: the first column and row, and steps to the next ones
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
PROCESS = threading.RLock()  # standard error, and the filters of `warnings`, belong to the whole process


def of(image: Image.Image, data: bytes) -> str:
    """What is wrong with the file of a picture that Pillow has opened."""
    if image.format in ("JPEG", "MPO"):
        return jpeg.read(data, image.mode)[1]
    return png(data) if image.format == "PNG" else tiff(image, data) if image.format == "TIFF" else ""


def png(data: bytes) -> str:
    """What is wrong with the chunks of a PNG file."""
    size, parts = 0, list[memoryview]()
    for kind, content, is_sound in _chunks(data):
        if not is_sound:
            return f"the checksum of its chunk {kind.decode('latin-1')!r} is wrong"
        if kind == b"IHDR" and len(content) == 13:
            size = _size(bytes(content))
        elif kind == b"IDAT":
            parts.append(content)
        elif kind == b"IEND":
            return _inflated(parts, size)
    return "its end is missing"


def bare_png(data: bytes) -> bytes:
    """A PNG file without words, and without other chunks that are not needed and whose checksum is wrong."""
    parts, at = [data[:8]], 8
    for kind, content, is_sound in _chunks(data):
        end = at + 12 + len(content)
        if not (kind[0] & 32 and not is_sound) and kind not in (b"tEXt", b"zTXt", b"iTXt"):
            parts.append(data[at:end])
        at = end
    return b"".join([*parts, data[at:]])


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, bool]]:
    """The whole chunks of a PNG file: kind, content, whether the checksum is right."""
    view, at = memoryview(data), 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(view[at : at + 4], "big")
        if end > len(data):
            return
        checksum = int.from_bytes(view[end - 4 : end], "big")
        yield bytes(view[at + 4 : at + 8]), view[at + 8 : end - 4], zlib.crc32(view[at + 4 : end - 4]) == checksum
        at = end


def _size(header: bytes) -> int:
    """How many bytes the rows of a PNG file have, by its chunk IHDR; each begins with the number of its filter."""
    width, height = (int.from_bytes(header[at : at + 4], "big") for at in (0, 4))
    bits = header[8] * CHANNELS.get(header[9], 0)
    size = 0
    for x, y, right, down in ADAM7 if header[12] else [(0, 0, 1, 1)]:
        columns, rows = -(-max(0, width - x) // right), -(-max(0, height - y) // down)
        size += rows * (1 + -(-columns * bits // 8)) if columns else 0
    return size


def _inflated(parts: Sequence[bytes | memoryview], size: int | None = None) -> str:
    """What is wrong with data that zlib has made smaller: a checksum ends them, and `size` bytes should come out."""
    stream, count = zlib.decompressobj(), 0
    try:
        for part in parts:
            rest: bytes | memoryview = part
            while rest and not stream.eof and (size is None or count <= size):
                count += len(stream.decompress(rest, CHUNK))
                rest = stream.unconsumed_tail
    except zlib.error as error:
        return str(error)
    if size is not None and count != size:
        return f"its data have {'more' if count > size else 'fewer'} rows than the picture"
    return "" if stream.eof else "the end of its data is missing"


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
            words = _strip(tables[:-2] + part[2:] if tables else part, image.mode) if kind == 7 else _inflated([part])
            if words:
                return words
    return ""


def _strip(data: bytes, mode: str) -> str:
    """What is wrong with a strip that is a JPEG file."""
    return jpeg.read(data, "L" if mode == "L" else "RGB")[1]


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
                _tell(file.read().decode(errors="replace").splitlines(keepends=True), said)


def _tell(lines: list[str], said: list[str]) -> None:
    """Put what native libraries said into `said`, and write the other lines to standard error."""
    is_theirs = False
    for line in lines:
        begin = _NATIVE.match(line)
        is_theirs = bool(begin or (is_theirs and _MORE.match(line)))
        if begin:
            said.append(line[begin.end() :].strip().rstrip("."))
        if is_theirs:
            logger.debug("a decoder said: %s", line.strip())
        else:
            with contextlib.suppress(OSError):
                os.write(2, line.encode(errors="replace"))
