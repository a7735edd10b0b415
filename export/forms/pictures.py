"""Pictures to compare and calibrate forms on: the bundled ones and their crops, scenes from a seed, one's own."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from data.picture import read
from data.synthetic import scenes
from data.synthetic.graphics import graphic
from export.onnx import SAMPLES

COUNT = 32
SIZES = ((37, 61), (120, 90), (96, 128), (31, 200), (256, 192), (1, 1), (101, 103), (200, 33))  # height, width

Pixels = UInt8[np.ndarray, "_h _w 3"]


def check_pictures(own: Sequence[Path] = (), count: int = COUNT) -> list[Pixels]:
    """So many pictures of many sizes, odd ones among them; `own` come first.

    Raises:
        PictureError: One of `own` cannot be read.
    """
    return _made([read(path) for path in own], count, SIZES, seed=0)


def calibration_pictures(own: Sequence[Path] = (), count: int = COUNT) -> list[Pixels]:
    """So many pictures that are not among `check_pictures`, but for the bundled ones.

    Raises:
        PictureError: One of `own` cannot be read.
    """
    return _made([read(path) for path in own], count, [size for size in SIZES if min(size) > 90], seed=1)


def _made(own: list[Pixels], count: int, sizes: Sequence[tuple[int, int]], seed: int) -> list[Pixels]:
    samples = [read(path) for path in sorted(SAMPLES.glob("*.jpg"))]
    chance = np.random.default_rng(seed)
    found = [*own, *samples]
    found += [_crop(samples[number % len(samples)], chance) for number in range(count // 3)]
    found += [graphic(seed * 1000 + number).pixels for number in range(count // 6)]
    for number in range(max(0, count - len(found))):
        height, width = sizes[number % len(sizes)]
        (shown,) = islice(scenes.pictures(1, seed * 1000 + number, (max(16, height), max(16, width)), viewers=1), 1)
        found.append(np.ascontiguousarray(shown[0][:height, :width]))
    return found[: max(count, len(own))]


def _crop(picture: Pixels, chance: np.random.Generator) -> Pixels:
    """A part of a picture, a third to nine tenths as wide and high."""
    height, width = (max(1, int(side * chance.uniform(0.33, 0.9))) for side in picture.shape[:2])
    top = int(chance.integers(0, picture.shape[0] - height + 1))
    left = int(chance.integers(0, picture.shape[1] - width + 1))
    return np.ascontiguousarray(picture[top : top + height, left : left + width])
