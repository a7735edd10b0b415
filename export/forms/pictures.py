"""Pictures to compare and calibrate forms on: the bundled ones and their crops, scenes from a seed, one's own."""

import logging
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from data.errors import PictureError
from data.picture import read
from data.synthetic import scenes
from data.synthetic.graphics import graphic
from export.onnx import SAMPLES

COUNT = 32
OWN = 100  # pictures of a person that are taken at most, evenly spread
LONGEST = 1024  # pixels: the longer side of these; models see less of them

logger = logging.getLogger(__name__)
SIZES = ((37, 61), (120, 90), (96, 128), (31, 200), (256, 192), (1, 1), (101, 103), (200, 33))  # height, width

Pixels = UInt8[np.ndarray, "_h _w 3"]


def check_pictures(own: Sequence[Path] = (), count: int = COUNT) -> list[Pixels]:
    """So many pictures of many sizes, odd ones among them, and before them `own`; one that is broken is left out."""
    return [*_read(own), *_made(count, SIZES, seed=0)]


def calibration_pictures(own: Sequence[Path] = (), count: int = COUNT) -> list[Pixels]:
    """So many pictures that are not among `check_pictures`, but for the bundled ones; before them `own` as there."""
    return [*_read(own), *_made(count, [size for size in SIZES if min(size) > 90], seed=1)]


def _read(own: Sequence[Path]) -> list[Pixels]:
    """A person's own pictures, made smaller where they are large; broken ones are named in a warning."""
    found: list[Pixels] = []
    for path in own[:: -(-len(own) // OWN) or 1]:
        try:
            picture = read(path)
        except PictureError as error:
            logger.warning("%s", error)
            continue
        scale = LONGEST / max(picture.shape[:2])
        if scale < 1:
            size = [max(1, round(side * scale)) for side in picture.shape[1::-1]]
            picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        found.append(picture)
    return found


def _made(count: int, sizes: Sequence[tuple[int, int]], seed: int) -> list[Pixels]:
    samples = [read(path) for path in sorted(SAMPLES.glob("*.jpg"))]
    chance = np.random.default_rng(seed)
    found = [*samples]
    found += [_crop(samples[number % len(samples)], chance) for number in range(count // 3)]
    found += [graphic(seed * 1000 + number).pixels for number in range(count // 6)]
    for number in range(max(0, count - len(found))):
        height, width = sizes[number % len(sizes)]
        (shown,) = islice(scenes.pictures(1, seed * 1000 + number, (max(16, height), max(16, width)), viewers=1), 1)
        found.append(np.ascontiguousarray(shown[0][:height, :width]))
    return found[:count]


def _crop(picture: Pixels, chance: np.random.Generator) -> Pixels:
    """A part of a picture, a third to nine tenths as wide and high."""
    height, width = (max(1, int(side * chance.uniform(0.33, 0.9))) for side in picture.shape[:2])
    top = int(chance.integers(0, picture.shape[0] - height + 1))
    left = int(chance.integers(0, picture.shape[1] - width + 1))
    return np.ascontiguousarray(picture[top : top + height, left : left + width])
