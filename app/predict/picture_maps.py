"""The maps of a picture on the cells that the model knows: small, and exact enough to measure areas on.

Shapes: `h w` picture, `g v` cells of a map, `t` seconds, `n` areas.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from jaxtyping import Float32

from data.areas import Area
from export.runtime.saliency import OnCanvas, Prediction

SIDE = 1200  # cells: the longest side of a map, and of the raster on which areas are laid


class AttentionMaps(Protocol):
    """Where people look in one picture: a `PictureMaps`, or an `app.web.predictions.View`."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture in pixels."""
        ...

    @property
    def maps(self) -> Float32[np.ndarray, "t+1 g v"]:
        """Log densities over cells, each summing to one: the whole viewing, then each second."""
        ...

    @property
    def times(self) -> tuple[tuple[float, float], ...]:
        """Seconds: start and end of each slice; () where the model has none."""
        ...


@dataclass(frozen=True)
class PictureMaps:
    """Where people look in one picture."""

    maps: Float32[np.ndarray, "t+1 g v"]
    times: tuple[tuple[float, float], ...]
    size: tuple[int, int]  # width, height

    @classmethod
    def of(cls, prediction: Prediction) -> "PictureMaps":
        """The maps of a prediction at the picture's size."""
        height, width = prediction.density.shape
        return cls(on_cells(prediction), prediction.times, (width, height))


def on_cells(prediction: Prediction) -> Float32[np.ndarray, "t+1 g v"]:
    """The maps of a prediction without bars, on the cells of the model's canvas: no finer than what it knows."""
    size = prediction.density.shape
    timed = prediction.timed
    if isinstance(timed, OnCanvas):
        size = timed.box.content[2:]
    elif max(size) > SIDE:
        size = tuple(max(1, round(side * SIDE / max(size))) for side in size)  # a model without seconds
    planes = [prediction.density, *prediction.sampled_slices((size[0], size[1]))]
    maps = np.stack([cv2.resize(plane, size[::-1], interpolation=cv2.INTER_AREA) for plane in planes])
    maps -= maps.max((1, 2), keepdims=True)
    return np.asarray(maps - np.log(np.exp(maps).sum((1, 2), keepdims=True, dtype=np.float64)), np.float32)


def coverage(maps: AttentionMaps, areas: Sequence[Area]) -> Float32[np.ndarray, "n g v"]:
    """Which part of each cell each area covers, from 0 to 1: `(exp(maps) * coverage).sum()` is its share."""
    rows, columns = maps.maps.shape[1:]
    scale = max(1, round(min(SIDE / columns, SIDE / rows)))  # subcells: an area smaller than a cell is not lost
    height, width = rows * scale, columns * scale
    masks = [a.scaled(width / maps.size[0], height / maps.size[1]).mask(height, width) for a in areas]
    cells = [cv2.resize(m.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA) for m in masks]
    return np.array(cells, np.float32).reshape(len(areas), rows, columns)
