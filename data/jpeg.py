"""JPEG files: their pixels, and what is wrong with them although they decode."""

import re
from collections.abc import Iterator

import numpy as np
import simplejpeg
from jaxtyping import UInt8

# warnings of libjpeg that are no damage to the pixels: versions and profiles that it does not know
HARMLESS = re.compile("unknown JFIF revision|Unknown Adobe color transform|bad ICC marker")
UNKNOWN = re.compile("Could not determine subsampling|[Uu]nsupported")  # to libjpeg's quick interface, not to Pillow
ABOUT = {*range(0xE0, 0xF0), 0xFE}  # segments that say something about the picture: APP0 to APP15, COM
NOTHING = 16  # bits that a coefficient lacks of which no scan has come
PROGRESSIVE = (0xC2, 0xCA)  # frames whose scans each bring a part of the coefficients
SEQUENTIAL = (0xC0, 0xC1)
OVERSHOOT = 32  # grey levels beyond black and white that some encoders use on purpose against ringing
COLOURS = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}  # what libjpeg calls the modes of Pillow
RAW = {1: "GRAY", 3: "RGB", 4: "CMYK"}  # what to ask for to have so many components as they are stored
AS_STORED = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"  # the segment that says so
_SEGMENT = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")  # a marker of JPEG, but for those inside the data of a scan


def read(data: bytes, mode: str) -> tuple[UInt8[np.ndarray, "h w c"] | None, str]:
    """The pixels of a JPEG file, whose mode Pillow has told, and what is wrong with it.

    The pixels are None where libjpeg's quick interface does not know such a file: a rare sampling, or nothing to save.
    """
    colours = COLOURS.get(mode, "RGB")
    pixels, words = _decoded(data, colours)
    if HARMLESS.search(words):
        data = _bare(data)  # libjpeg tells its first warning only
        words = _decoded(data, colours)[1]
    if not words or HARMLESS.search(words) or (pixels is None and UNKNOWN.search(words)):
        words = _silent(data)
    return pixels, words


def _decoded(data: bytes, colours: str) -> tuple[UInt8[np.ndarray, "h w c"] | None, str]:
    """The pixels of a JPEG file, None where there are none, and the first warning of libjpeg."""
    words = ""
    for strict in (True, False):
        try:
            return simplejpeg.decode_jpeg(data, colours, strict=strict), words
        except ValueError as error:
            words = words or str(error)
    return None, words


def _bare(data: bytes) -> bytes:
    """A JPEG file without what its head says about versions, colours and profiles, and without comments."""
    parts, at = [], 0
    for marker, start, stop in _segments(data):
        if marker == 0xDA:
            break
        if marker in ABOUT:
            parts.append(data[at : start - 4])
            at = stop
    return b"".join([*parts, data[at:]])


def _silent(data: bytes) -> str:
    """What is wrong with a JPEG file of which libjpeg does not warn."""
    lacks: dict[int, list[int]] = {}  # how many bits each of the 64 coefficients lacks, by component
    for marker, start, stop in _segments(data):
        body = data[start:stop]
        if marker in SEQUENTIAL:
            return "brightness out of range: parts of its data are not in their place" if _is_drifting(data) else ""
        if marker in PROGRESSIVE:
            lacks = {component: [NOTHING] * 64 for component in body[6::3]}
        elif marker == 0xDA and lacks:
            count = body[0]
            first, last, bits = body[1 + 2 * count : 4 + 2 * count]
            before, after = bits >> 4 or NOTHING, bits & 15
            for component in body[1 : 1 + 2 * count : 2]:
                known = lacks.get(component, [])
                known[first : last + 1] = [after if old == before else old for old in known[first : last + 1]]
    return "scans of the picture are missing" if any(map(any, lacks.values())) else ""


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
    """Whether the mean of some block is no value of a pixel, as where parts of the data have changed places.

    A decoder finds its way again after each seam, and all means beyond it are off by what it read there. It cuts them
    to black and white; so the means alone are decoded, an eighth as wide and high, with half the contrast. Components
    that are stored larger or smaller than others would not come as means; of those the largest are looked at.
    """
    bare = _bare(data)
    halved, steps = bytearray(bare), dict[int, int]()
    size, components = [0, 0], list[tuple[int, int]]()  # sampling and table
    for marker, at, stop in _segments(bare):
        if marker == 0xDA or (marker == 0xDD and any(bare[at:stop])):  # restarts put an end to every drift
            size = size if marker == 0xDA else [0, 0]
            break
        if marker in SEQUENTIAL:
            size = [-(-int.from_bytes(bare[i : i + 2], "big") // 8) for i in (at + 1, at + 3)]
            components = list(zip(bare[at + 7 : stop : 3], bare[at + 8 : stop : 3], strict=False))
        while marker == 0xDB and at < stop:
            width = 1 + (bare[at] >> 4)  # bytes of a number
            steps[bare[at] & 15] = step = int.from_bytes(bare[at + 1 : at + 1 + width], "big")
            halved[at + 1 : at + 1 + width] = max(1, step // 2).to_bytes(width, "big")
            at += 1 + 64 * width
    if not all(size) or len(components) not in RAW:
        return False
    are_alike = len(components) == 4 or len({sampling for sampling, _ in components}) == 1
    colours, head = (RAW[len(components)], AS_STORED) if are_alike else ("GRAY", b"")
    content = bytes(halved[:2] + head + halved[2:])
    try:
        means = simplejpeg.decode_jpeg(content, colours, min_height=1, min_width=1, min_factor=8, strict=False)
    except ValueError:  # a kind that libjpeg's quick interface does not know
        return False
    largest = max(sampling for sampling, _ in components)
    planes = zip(components, np.moveaxis(means, 2, 0), strict=False)
    return list(means.shape[:2]) == size and any(
        sampling == largest and _is_beyond(plane, steps.get(table, 1)) for (sampling, table), plane in planes
    )


def _is_beyond(means: UInt8[np.ndarray, "h w"], step: int) -> bool:
    """Whether means, with half the contrast, are beyond black and white; `step` is that of their quantisation."""
    if step < 2:
        return False
    contrast = (step // 2) / step
    slack = 1 + contrast * (OVERSHOOT + step / 16)  # of rounding, also in the file
    return bool(means.min() < 128 - 128 * contrast - slack or means.max() > 128 + 127 * contrast + slack)
