"""Whether a variable of a MATLAB file is built as the format says: on some that are not, scipy ends the whole process.

    header          128 bytes, of which the last two tell the order of the bytes
    element         type and length in bytes as uint32 each, the content, and zeros up to a multiple of 8 bytes; or
                    length and type as uint16 each and a content of at most 4 bytes
    matrix (14)     elements: flags, of which the lowest byte is the class; size; name; and then of a cell its matrices;
                    of a struct the length of its fields' names, the names, and the matrices; otherwise numbers, twice
                    if they are complex, after two lists of places if they are sparse
    compressed (15) zlib; one matrix

Scipy looks the type of numbers up in a table without asking whether it is in there
(https://github.com/scipy/scipy/pull/25349). Only versions 5 to 7.2 are looked at, and not the numbers themselves. Other
variables, which may hold what only MATLAB reads, are passed over by their length.
Format: https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from itertools import islice

NUMBERS = frozenset((*range(1, 8), 9, 12, 13, 16, 17, 18))  # the types that hold numbers or letters
MATRIX, COMPRESSED = 14, 15
CELL, STRUCT, OBJECT, SPARSE, LAST = 1, 2, 3, 5, 15  # classes
COMPLEX = 0x800  # the flag of a matrix that has an imaginary part as well
DEPTH = 20  # cells in cells
HEAD = 1024  # bytes of a variable that its name is in: at most 63 letters, after its flags and size
PAIR = {order: struct.Struct(f"{order}II").unpack_from for order in "<>"}

Element = tuple[int, int, int]  # type, first byte, first byte after it


def variable(content: bytes, name: str) -> bytes:
    """A file of this one variable, unpacked, so that scipy reads what was looked at and nothing else.

    KeyError without it; ValueError if there is a type that scipy does not know, or a length that does not fit.
    """
    last = 125 if content[126:127] == b"I" else 124  # byte of the version, by which scipy tells versions apart
    if len(content) < 128 or 0 in content[:4] or content[last] != 1:
        return content  # version 4 or 7.3, or nothing of MATLAB's
    order = "<" if content[126:128] == b"IM" else ">"
    for kind, start, stop in _elements(content, order, 128, len(content)):
        packed = kind == COMPRESSED
        found = _inflated(content[start:stop], HEAD) if packed else content[start - 8 : stop]
        if _name(found, order) == name:
            found = _inflated(content[start:stop]) if packed else found
            _matrix(found, order, next(_elements(found, order, 0, len(found))), 0)
            return content[:128] + found
    raise KeyError(name)


def _inflated(content: bytes, most: int = 0) -> bytes:
    """At most so many bytes; 0: all."""
    unpacking = zlib.decompressobj()
    try:
        found = unpacking.decompress(content, most)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not most and not unpacking.eof:
        raise ValueError("a variable that is cut off")
    return found


def _name(found: bytes, order: str) -> str:
    """The name of a matrix from its first bytes."""
    parts = list(islice(_elements(found, order, 8, len(found)), 3))
    if len(parts) < 3:
        raise ValueError("a matrix without flags, size and name")
    return found[slice(*parts[2][1:])].decode("latin-1")


def _elements(content: bytes, order: str, place: int, end: int) -> Iterator[Element]:
    pair = PAIR[order]
    while place < end:
        if end - place < 8:
            raise ValueError(f"an element of {end - place} bytes")
        kind, count = pair(content, place)
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
    word, _ = PAIR[order](content, flags)
    form, inside = word & 0xFF, parts[3:]
    if form in (CELL, STRUCT, OBJECT):
        size = struct.unpack_from(f"{order}{(last - first) // 4}i", content, first)
        fields, inside = _fields(content, order, form, inside)
        if min(size) < 0 or len(inside) != math.prod(size) * fields:
            raise ValueError(f"{len(inside)} matrices where {math.prod(size) * fields} should be")
        for part in inside:
            _matrix(content, order, part, depth + 1)
    else:
        _numbers(form, word & COMPLEX > 0, [kind for kind, _, _ in inside])


def _numbers(form: int, paired: bool, kinds: list[int]) -> None:
    if form > LAST:
        raise ValueError("an object that only MATLAB reads")
    if len(kinds) != (3 if form == SPARSE else 1) + paired or not NUMBERS.issuperset(kinds):
        raise ValueError("numbers of an unknown type")


def _fields(content: bytes, order: str, form: int, parts: list[Element]) -> tuple[int, list[Element]]:
    """How many fields a struct has, 1 for a cell; and what follows their names."""
    if form == CELL:
        return 1, parts
    parts = parts[1:] if form == OBJECT else parts  # the name of the class
    if len(parts) < 2 or parts[0][0] != 5 or parts[0][2] - parts[0][1] != 4 or parts[1][0] not in NUMBERS:
        raise ValueError("a struct without the names of its fields")
    (length,) = struct.unpack_from(f"{order}i", content, parts[0][1])
    if length <= 0:
        raise ValueError(f"names of {length} letters")
    return (parts[1][2] - parts[1][1]) // length, parts[2:]
