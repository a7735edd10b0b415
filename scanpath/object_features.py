"""What a saliency model sees of each object, as numbers that a scanpath model reads: one function for training and use.

    log mass     of each map: the natural logarithm of the probability of looking into the box
    log level    of each map: the same for a point, relative to a point anywhere
    scores       of each kind of objects that it finds: the highest in the box
    features     means over the box of its fine (1/4 of the canvas) and coarse (1/16) features

Shapes: `m` maps (the whole viewing, then each second), `k` kinds, `n` objects, `f` numbers an object.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from data.picture import Letterbox

FLOOR = 1e-8  # of a probability, before its logarithm
FINE, COARSE = 4, 16  # canvas pixels a cell


@dataclass(frozen=True)
class Look:
    """What a saliency model gives for one picture, on its canvas, under the viewing condition "any"."""

    log_density: Float32[np.ndarray, "m h w"]  # per canvas pixel
    fine: Float32[np.ndarray, "c g v"]
    coarse: Float32[np.ndarray, "d p q"]
    scores: Float32[np.ndarray, "k g v"]  # of centres; k = 0 where it finds no objects
    box: Letterbox


@dataclass(frozen=True)
class FeatureSizes:
    """How many numbers of each sort an object has."""

    maps: int
    kinds: int
    fine: int
    coarse: int

    @property
    def total(self) -> int:
        """All of them."""
        return 2 * self.maps + self.kinds + self.fine + self.coarse


def object_features(look: Look, boxes: Float[np.ndarray, "n 4"]) -> Float32[np.ndarray, "n f"]:
    """The numbers of each box (x, y, width, height in pixels of the picture); the log masses come first."""
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    corners = np.hstack([look.box.points(low.astype(np.float64)), look.box.points(high.astype(np.float64))])
    x0, y0, x1, y1 = look.box.box
    share = (corners[:, 2:] - corners[:, :2]).prod(1) / ((x1 - x0) * (y1 - y0))
    mass = _sum(np.exp(look.log_density), corners) + FLOOR
    parts = [
        np.log(mass),
        np.log(mass / (share[:, None] + FLOOR)),
        _highest(look.scores, corners / FINE),
        _mean(look.fine, corners / FINE),
        _mean(look.coarse, corners / COARSE),
    ]
    return np.concatenate(parts, 1).astype(np.float32)


def _covered(low: Float[np.ndarray, " n"], high: Float[np.ndarray, " n"], count: int) -> Float32[np.ndarray, "n c"]:
    """How much of each cell along one side lies between two places."""
    cell = np.arange(count)
    share = np.clip(np.minimum(high[:, None], cell + 1) - np.maximum(low[:, None], cell), 0, 1)
    return np.asarray(share, np.float32)


def _sum(maps: Float32[np.ndarray, "c g v"], corners: Float[np.ndarray, "n 4"]) -> Float32[np.ndarray, "n c"]:
    """The sum of each map over each box, cells counting by their covered share."""
    left, top, right, bottom = corners.T
    across, down = _covered(left, right, maps.shape[2]), _covered(top, bottom, maps.shape[1])
    columns = maps @ across.T  # (c, g, n)
    return np.asarray(np.einsum("cgn,ng->nc", columns, down, dtype=np.float32))


def _mean(maps: Float32[np.ndarray, "c g v"], corners: Float[np.ndarray, "n 4"]) -> Float32[np.ndarray, "n c"]:
    covered = _sum(np.ones((1, *maps.shape[1:]), np.float32), corners)
    return np.asarray(_sum(maps, corners) / np.maximum(covered, 1e-6))


def _highest(maps: Float32[np.ndarray, "k g v"], corners: Float[np.ndarray, "n 4"]) -> Float32[np.ndarray, "n k"]:
    """The highest value of each map in each box, of the cells that it touches."""
    height, width = maps.shape[1:]
    found = np.zeros((len(corners), len(maps)), np.float32)
    if not len(maps):
        return found
    for row, (left, top, right, bottom) in zip(found, corners, strict=True):
        x, y = int(np.clip(left, 0, width - 1)), int(np.clip(top, 0, height - 1))
        row[:] = maps[:, y : max(y + 1, int(np.ceil(bottom))), x : max(x + 1, int(np.ceil(right)))].max((1, 2))
    return found
