"""PNG files, written quickly rather than small: with Intel's ISA-L in a third of the time of OpenCV's, and as large.

Each row is stored as its difference to the row above (filter `up`), which suits photographs under soft colours.
https://www.w3.org/TR/png-3/, https://python-isal.readthedocs.io
"""

import struct
from collections.abc import Iterator

import numpy as np
from isal import isal_zlib
from jaxtyping import UInt8

SIGNATURE = b"\x89PNG\r\n\x1a\n"
BAND = 1 << 19  # bytes that are compressed in one go
UP = 2  # the filter's number
LEVEL = 1  # of 0 to 3: 0 is a third larger, and 2 and 3 no smaller


def encode(picture: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """The bytes of a PNG file of an RGB picture."""
    height, width = picture.shape[:2]
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, RGB, deflate, five filters, no interlace
    chunks = [*_chunk(b"IHDR", head)]
    packer = isal_zlib.compressobj(LEVEL)
    for lines in _filtered(picture.reshape(height, 3 * width)):
        chunks += _chunk(b"IDAT", packer.compress(lines))
    chunks += _chunk(b"IDAT", packer.flush())
    return b"".join([SIGNATURE, *chunks, *_chunk(b"IEND", b"")])


def _filtered(rows: UInt8[np.ndarray, "h n"]) -> Iterator[UInt8[np.ndarray, "_h m"]]:
    """The rows as they are stored, each after the number of its filter, in bands of about `BAND` bytes."""
    step = max(1, BAND // rows.shape[1])
    for top in range(0, len(rows), step):
        band = rows[top : top + step]
        lines = np.empty((len(band), 1 + rows.shape[1]), np.uint8)
        lines[:, 0] = UP
        above = rows[top - 1] if top else np.uint8(0)
        np.subtract(band[0], above, out=lines[0, 1:])
        np.subtract(band[1:], band[:-1], out=lines[1:, 1:])
        yield lines


def _chunk(kind: bytes, body: bytes) -> tuple[bytes, ...]:
    check = isal_zlib.crc32(body, isal_zlib.crc32(kind))
    return struct.pack(">I", len(body)), kind, body, struct.pack(">I", check)
