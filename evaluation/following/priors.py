"""Rows that look at no picture: the centre, and where people of the train split look, seen from their heads.

Both are histograms over shares of the picture, blurred by three of 64 cells. The first counts where targets are in the
picture, the second how far they are from the middle of the head; it is moved to each head. Shapes: 64 x 64 cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32

from data.following.people import Person
from following.metrics import CELLS

BLUR = 3.0  # cells
SPREAD = 0.2  # of the Gaussian in the middle where there is nobody to count, in sides of the picture
FLOOR = 0.02  # of the density is spread evenly: no place is impossible

Cells = Float32[np.ndarray, "g v"]


@dataclass(frozen=True)
class Priors:
    """What is known before any picture is seen."""

    centre: Cells
    around: Cells | None  # 127 x 127 cells around a head; None: the set has nobody to count
    counted: int  # targets in it

    def from_head(self, person: Person) -> Cells | None:
        """The density of where somebody with this head looks."""
        if self.around is None:
            return None
        column, row = np.clip((person.centre / person.size[::-1] * CELLS).astype(int), 0, CELLS - 1)
        part = self.around[CELLS - 1 - row : 2 * CELLS - 1 - row, CELLS - 1 - column : 2 * CELLS - 1 - column]
        return np.asarray(part / part.sum(), np.float32)


def fit(people: Sequence[Person]) -> Priors:
    """The priors of some people; of nobody a Gaussian in the middle."""
    targets, away = [np.zeros((0, 2))], [np.zeros((0, 2))]
    for person in people:
        shares = person.gaze / person.size[::-1]
        targets.append(shares)
        away.append(shares - person.centre / person.size[::-1])
    places, offsets = np.concatenate(targets), np.concatenate(away)
    if not len(places):
        middle = np.exp(-((((np.arange(CELLS) + 0.5) / CELLS - 0.5) / SPREAD) ** 2) / 2)
        return Priors(_whole(np.outer(middle, middle)), None, 0)
    size = 2 * CELLS - 1
    around = _histogram(offsets * CELLS + CELLS - 0.5, size)
    return Priors(_whole(_histogram(places * CELLS, CELLS)), _whole(around), len(places))


def _histogram(cells: Float[np.ndarray, "n 2"], length: int) -> Float[np.ndarray, "g v"]:
    columns, rows = np.clip(np.floor(cells).astype(np.int64), 0, length - 1).T
    counted = np.bincount(rows * length + columns, minlength=length * length).reshape(length, length)
    return np.asarray(cv2.GaussianBlur(counted.astype(np.float64), (0, 0), BLUR, borderType=cv2.BORDER_CONSTANT))


def _whole(values: Float[np.ndarray, "g v"]) -> Cells:
    density = values / values.sum()
    return np.asarray((1 - FLOOR) * density + FLOOR / density.size, np.float32)
