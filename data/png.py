"""PNG files, written quickly rather than small: with Intel's ISA-L in a third of the time of OpenCV's, and no larger.

Each row is stored as its difference to the row above (filter `up`), which suits photographs under soft colours.
https://www.w3.org/TR/png-3/, https://python-isal.readthedocs.io
"""

import struct

import numpy as np
from isal import isal_zlib
from jaxtyping import UInt8

SIGNATURE = b"\x89PNG\r\n\x1a\n"
UP = 2  # the filter's number
LEVEL = 1  # of 0 to 3: 0 is a third larger, and 2 and 3 no smaller


def encode(picture: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """The bytes of a PNG file of an RGB picture."""
    height, width = picture.shape[:2]
    rows = picture.reshape(height, 3 * width)
    lines = np.empty((height, 1 + 3 * width), np.uint8)
    lines[:, 0] = UP
    lines[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=lines[1:, 1:])
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, RGB, deflate, five filters, no interlace
    data = isal_zlib.compress(lines, LEVEL)
    return b"".join([SIGNATURE, *_chunk(b"IHDR", head), *_chunk(b"IDAT", data), *_chunk(b"IEND", b"")])


def _chunk(kind: bytes, body: bytes) -> tuple[bytes, ...]:
    check = isal_zlib.crc32(body, isal_zlib.crc32(kind))
    return struct.pack(">I", len(body)), kind, body, struct.pack(">I", check)
