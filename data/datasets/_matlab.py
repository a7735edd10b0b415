"""MATLAB files in, without MATLAB: variables and the fields of structs; what is wrong in one sentence.

Files of the versions 4 to 7.2 are read by scipy, which is part of the extra `train`; 7.3 (HDF5) is refused. On some
damaged files scipy ends the whole process, because it looks the type of numbers up in a table without asking whether it
is in there (https://github.com/scipy/scipy/pull/25349). So a variable of the versions 5 to 7.2 is first walked through:

    header          128 bytes, of which the last two tell the order of the bytes
    element         type and length in bytes as uint32 each, the content, and zeros up to a multiple of 8 bytes; or
                    length and type as uint16 each and a content of at most 4 bytes
    matrix (14)     elements: flags, of which the lowest byte is the class; size; name; and then of a cell its matrices;
                    of a struct the length of its fields' names, the names, and the matrices; otherwise numbers, twice
                    if they are complex, after two lists of places if they are sparse
    compressed (15) zlib; one matrix

The numbers themselves are not looked at. Other variables, which may hold what only MATLAB reads, are passed over by
their length. Format: https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf.
"""

import io
import logging
import math
import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import TableError, short_reason

logger = logging.getLogger(__name__)

NUMBERS = frozenset((*range(1, 8), 9, 12, 13, 16, 17, 18))  # the types that hold numbers or letters
MATRIX, COMPRESSED = 14, 15
CELL, STRUCT, OBJECT, SPARSE, LAST_CLASS = 1, 2, 3, 5, 15
COMPLEX = 0x800  # the flag of a matrix that has an imaginary part as well
MAX_DEPTH = 20  # cells in cells
NAME_WITHIN = 1024  # bytes of a variable that its name is in: at most 63 letters, after its flags and size
UINT32_PAIR = {order: struct.Struct(f"{order}II").unpack_from for order in "<>"}

Element = tuple[int, int, int]  # type, first byte, first byte after it


def load(path: Path, name: str) -> np.ndarray:
    """One variable of a .mat file in its shape; structs and cells come as arrays of records and of objects.

    Raises:
        TableError: The file is missing, of version 7.3, damaged, or does not hold the variable.
    """
    from scipy.io import loadmat  # of the extra `train`: predicting does without

    try:
        content = variable(path.read_bytes(), name)
        return np.atleast_2d(loadmat(io.BytesIO(content), variable_names=name)[name])
    except FileNotFoundError as error:
        raise TableError(f"{path}: the file is missing; give the whole folder of the release.") from error
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror}); give the whole folder of the release.") from error
    except NotImplementedError as error:
        raise TableError(f"{path}: a MATLAB 7.3 file; save it in MATLAB with the option -v7.") from error
    except KeyError as error:
        raise TableError(f"{path}: it holds no variable {name}; download the file of the release again.") from error
    except Exception as error:  # scipy raises nearly anything on a broken file
        logger.debug("%s: the variable %s cannot be read", path, name, exc_info=True)
        raise TableError(f"{path}: damaged or cut off ({short_reason(error)}); download it again.") from error


def field(record: Any, name: str) -> np.ndarray:
    """A field of a MATLAB struct, which scipy loads as an array of one record.

    Raises:
        LookupError: The struct has no such field.
    """
    return np.asarray(np.ravel(record)[0][name])


def variable(content: bytes, name: str) -> bytes:
    """A file of this one variable, unpacked, so that scipy reads what was looked at and nothing else.

    Raises:
        KeyError: The file has no such variable.
        ValueError: There is a type that scipy does not know, or a length that does not fit.
    """
    version_byte = 125 if content[126:127] == b"I" else 124  # by which scipy tells versions apart
    if len(content) < 128 or 0 in content[:4] or content[version_byte] != 1:
        return content  # version 4 or 7.3, or nothing of MATLAB's
    order = "<" if content[126:128] == b"IM" else ">"
    for element_type, start, stop in _elements(content, order, 128, len(content)):
        packed = element_type == COMPRESSED
        matrix = _inflated(content[start:stop], NAME_WITHIN) if packed else content[start - 8 : stop]
        if _name(matrix, order) == name:
            matrix = _inflated(content[start:stop]) if packed else matrix
            _check_matrix(matrix, order, next(_elements(matrix, order, 0, len(matrix))), 0)
            return content[:128] + matrix
    raise KeyError(name)


def _inflated(content: bytes, most: int = 0) -> bytes:
    """At most so many bytes; 0: all."""
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(content, most)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not most and not inflater.eof:
        raise ValueError("a variable that is cut off")
    return inflated


def _name(matrix: bytes, order: str) -> str:
    """The name of a matrix from its first bytes."""
    parts = list(islice(_elements(matrix, order, 8, len(matrix)), 3))
    if len(parts) < 3:
        raise ValueError("a matrix without flags, size and name")
    return matrix[slice(*parts[2][1:])].decode("latin-1")


def _elements(content: bytes, order: str, begin: int, end: int) -> Iterator[Element]:
    """The elements between two bytes of a file."""
    unpack = UINT32_PAIR[order]
    while begin < end:
        if end - begin < 8:
            raise ValueError(f"an element of {end - begin} bytes")
        element_type, count = unpack(content, begin)
        start = begin + 8
        if element_type >> 16:  # a small element
            element_type, count, start = element_type & 0xFFFF, element_type >> 16, begin + 4
        stop = start + count
        if stop > end or (start == begin + 4 and count > 4):
            raise ValueError(f"an element of {count} bytes where {end - start} are left")
        yield element_type, start, stop
        begin = stop if element_type == COMPRESSED else stop + (begin - stop) % 8


def _check_matrix(content: bytes, order: str, element: Element, depth: int) -> None:
    """Refuse a matrix, or one in its cells or fields, that is not built as the format says."""
    element_type, start, stop = element
    if element_type != MATRIX or depth > MAX_DEPTH:
        raise ValueError(f"an element of type {element_type} where a matrix should be")
    if start == stop:
        return
    parts = list(_elements(content, order, start, stop))
    if len(parts) < 3 or parts[0][0] != 6 or parts[1][0] not in (5, 6) or parts[2][0] not in NUMBERS:
        raise ValueError("a matrix without flags, size and name")
    (_, flags, after), (_, first, last), _ = parts[:3]
    if after - flags != 8 or (last - first) % 4 or last == first:
        raise ValueError("a matrix without flags or size")
    word, _ = UINT32_PAIR[order](content, flags)
    matrix_class, inside = word & 0xFF, parts[3:]
    if matrix_class not in (CELL, STRUCT, OBJECT):
        _check_numbers(matrix_class, word & COMPLEX > 0, [part_type for part_type, _, _ in inside])
        return
    size = struct.unpack_from(f"{order}{(last - first) // 4}i", content, first)
    fields, inside = _fields(content, order, matrix_class, inside)
    if min(size) < 0 or len(inside) != math.prod(size) * fields:
        raise ValueError(f"{len(inside)} matrices where {math.prod(size) * fields} should be")
    for part in inside:
        _check_matrix(content, order, part, depth + 1)


def _check_numbers(matrix_class: int, is_complex: bool, types: list[int]) -> None:
    if matrix_class > LAST_CLASS:
        raise ValueError("an object that only MATLAB reads")
    if len(types) != (3 if matrix_class == SPARSE else 1) + is_complex or not NUMBERS.issuperset(types):
        raise ValueError("numbers of an unknown type")


def _fields(content: bytes, order: str, matrix_class: int, parts: list[Element]) -> tuple[int, list[Element]]:
    """How many fields a struct has, 1 for a cell; and what follows their names."""
    if matrix_class == CELL:
        return 1, parts
    parts = parts[1:] if matrix_class == OBJECT else parts  # the name of the class
    if len(parts) < 2 or parts[0][0] != 5 or parts[0][2] - parts[0][1] != 4 or parts[1][0] not in NUMBERS:
        raise ValueError("a struct without the names of its fields")
    (length,) = struct.unpack_from(f"{order}i", content, parts[0][1])
    if length <= 0:
        raise ValueError(f"names of {length} letters")
    return (parts[1][2] - parts[1][1]) // length, parts[2:]
