"""Whether a MATLAB file is built as its format says: on some that are not, scipy ends the whole process.

    header          128 bytes, of which the last two tell the order of the bytes
    element         type and length in bytes as uint32 each, the content, and zeros up to a multiple of 8 bytes; or
                    length and type as uint16 each and a content of at most 4 bytes
    matrix (14)     elements: flags, of which the lowest byte is the class; size; name; and then of a cell its matrices;
                    of a struct the length of its fields' names, the names, and the matrices; otherwise numbers, twice
                    if they are complex, after two lists of places if they are sparse
    compressed (15) zlib; one matrix

Scipy looks the type of numbers up in a table without asking whether it is in there
(https://github.com/scipy/scipy/pull/25349). Only versions 5 to 7.2 are looked at, and not the numbers themselves.
Format: https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf.
"""

import math
import struct
import zlib
from collections.abc import Iterator

NUMBERS = frozenset((*range(1, 8), 9, 12, 13, 16, 17, 18))  # the types that hold numbers or letters
MATRIX, COMPRESSED = 14, 15
CELL, STRUCT, OBJECT, LETTERS, SPARSE, LAST = 1, 2, 3, 4, 5, 15  # classes
COMPLEX = 0x800  # the flag of a matrix that has an imaginary part as well
DEPTH = 20  # cells in cells

Element = tuple[int, int, int]  # type, first byte, first byte after it


def check(content: bytes) -> None:
    """ValueError if there is a type that scipy does not know, or a length that does not fit."""
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None or content[124:126] not in (b"\x00\x01", b"\x01\x00"):
        return  # version 4 or 7.3, or nothing of MATLAB's, which scipy tells apart
    for kind, start, stop in _elements(content, order, 128, len(content)):
        if kind == COMPRESSED:
            inner = _inflated(content[start:stop])
            for element in _elements(inner, order, 0, len(inner)):
                _matrix(inner, order, element, 0)
        else:
            _matrix(content, order, (kind, start, stop), 0)


def _inflated(content: bytes) -> bytes:
    try:
        return zlib.decompress(content)
    except zlib.error as error:
        raise ValueError(str(error)) from error


def _elements(content: bytes, order: str, place: int, end: int) -> Iterator[Element]:
    while place < end:
        if end - place < 8:
            raise ValueError(f"an element of {end - place} bytes")
        kind, count = struct.unpack_from(f"{order}II", content, place)
        start = place + 8
        if kind >> 16:  # a small element
            kind, count, start = kind & 0xFFFF, kind >> 16, place + 4
        stop = start + count
        if stop > end or (start == place + 4 and count > 4):
            raise ValueError(f"an element of {count} bytes where {end - start} are left")
        yield kind, start, stop
        place = stop if kind == COMPRESSED else stop + (place - stop) % 8


def _matrix(content: bytes, order: str, element: Element, depth: int) -> None:
    kind, start, stop = element
    if kind != MATRIX or depth > DEPTH:
        raise ValueError(f"an element of type {kind} where a matrix should be")
    if start == stop:
        return
    parts = list(_elements(content, order, start, stop))
    if len(parts) < 3 or parts[0][0] != 6 or parts[1][0] not in (5, 6) or parts[2][0] not in NUMBERS:
        raise ValueError("a matrix without flags, size and name")
    (_, flags, after), (_, first, last), _ = parts[:3]
    if after - flags != 8 or (last - first) % 4 or last == first:
        raise ValueError("a matrix without flags or size")
    word = struct.unpack_from(f"{order}I", content, flags)[0]
    form = word & 0xFF
    size = struct.unpack_from(f"{order}{(last - first) // 4}i", content, first)
    fields, inside = _fields(content, order, form, parts[3:])
    if form not in (CELL, STRUCT, OBJECT):
        wanted = {LETTERS: 1, SPARSE: 3}.get(form, 1) + (form != LETTERS and word & COMPLEX > 0)
        if form > LAST:
            raise ValueError("an object that only MATLAB reads")
        if len(inside) != wanted or any(part[0] not in NUMBERS for part in inside):
            raise ValueError("numbers of an unknown type")
        return
    if min(size) < 0 or len(inside) != math.prod(size) * fields:
        raise ValueError(f"{len(inside)} matrices where {math.prod(size) * fields} should be")
    for part in inside:
        _matrix(content, order, part, depth + 1)


def _fields(content: bytes, order: str, form: int, parts: list[Element]) -> tuple[int, list[Element]]:
    """How many fields a struct has, 1 for anything else; and what follows their names."""
    if form not in (STRUCT, OBJECT):
        return 1, parts
    parts = parts[1:] if form == OBJECT else parts  # the name of the class
    if len(parts) < 2 or parts[0][0] != 5 or parts[0][2] - parts[0][1] != 4 or parts[1][0] not in NUMBERS:
        raise ValueError("a struct without the names of its fields")
    (length,) = struct.unpack_from(f"{order}i", content, parts[0][1])
    if length <= 0:
        raise ValueError(f"names of {length} letters")
    return (parts[1][2] - parts[1][1]) // length, parts[2:]
