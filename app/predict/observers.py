"""Simulated observers of a picture, drawn from the predicted map of each second: where each looks, when, for how long.

Whatever is asked of a picture - which share of looks an area gets, who sees it, when, for how long - is asked of the
same observers, so that map and paths say the same. They do not know which areas are drawn: a fixation is a place, and
belongs to an area when it lies in it.

Shapes: `s` observers, `l` fixations, `t` seconds, `g v` cells of a map, `n` areas.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float, Float32

from data.areas import Area

FIRST = (281.0, 90.0)  # ms: median of the first onset and its spread
DURATION = (5.33, 0.53)  # mean and deviation of the logarithm of a fixation's milliseconds
GAP = 50.0  # ms between two fixations
VIEWING = 5.0  # seconds, where the model tells of none


class AttentionMaps(Protocol):
    """Where people look in one picture; `app.web.predictions.View` is one."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture in pixels."""
        ...

    @property
    def maps(self) -> Float32[np.ndarray, "t+1 g v"]:
        """Log densities over cells: the whole viewing, then each second."""
        ...

    @property
    def times(self) -> tuple[tuple[float, float], ...]:
        """Seconds: start and end of each slice."""
        ...

    def coverage(self, areas: Sequence[Area]) -> Float32[np.ndarray, "n g v"]:
        """Which part of each cell each area covers."""
        ...


@dataclass(frozen=True)
class Observers:
    """The fixations of several observers of one picture."""

    xy: Float[np.ndarray, "s l 2"]  # pixels; NaN after the end
    onset: Float[np.ndarray, "s l"]  # milliseconds from the picture's onset; NaN after the end
    duration: Float[np.ndarray, "s l"]  # milliseconds; NaN after the end
    viewing: float  # seconds

    def __len__(self) -> int:
        return len(self.xy)

    def inside(self, areas: Sequence[Area]) -> Bool[np.ndarray, "s l n"]:
        """Which fixations lie in which areas."""
        return (
            np.stack([contains(area, self.xy) for area in areas], -1)
            if areas
            else np.zeros((*self.onset.shape, 0), bool)
        )


def observe(maps: AttentionMaps, observers: int = 100, seed: int = 0) -> Observers:
    """Let several observers look at a picture for as long as its maps tell of, or `VIEWING`."""
    random = np.random.default_rng(seed)
    viewing = maps.times[-1][1] if maps.times else VIEWING
    onset, duration = _times(random, observers, viewing)
    cells = _cumulated(maps)
    grid = maps.maps.shape[1:]
    ends = np.array([end for _, end in maps.times] or [viewing]) * 1000
    second = np.minimum(np.searchsorted(ends, np.nan_to_num(onset, nan=0.0), "right"), len(cells) - 1)
    draws, at = random.random(onset.shape), random.random((*onset.shape, 2))
    chosen = np.zeros(onset.shape, np.int64)
    for number, cumulated in enumerate(cells):
        there = second == number
        chosen[there] = np.searchsorted(cumulated, draws[there], "right").clip(0, cumulated.size - 1)
    row, column = np.divmod(chosen, grid[1])
    xy = (np.stack([column, row], -1) + at) * (np.array(maps.size) / grid[::-1])
    return Observers(np.where(np.isfinite(onset)[..., None], xy, np.nan), onset, duration, viewing)


def _times(
    random: np.random.Generator, observers: int, viewing: float
) -> tuple[Float[np.ndarray, "s l"], Float[np.ndarray, "s l"]]:
    """Onset and duration of each fixation that begins within the viewing, in milliseconds."""
    most = int(viewing * 8) + 2
    duration = np.exp(random.normal(*DURATION, (observers, most)))
    first = np.maximum(random.normal(*FIRST, (observers, 1)), 0.0)
    onset = np.hstack([first, first + np.cumsum(duration[:, :-1] + GAP, 1)])
    some = onset < viewing * 1000
    used = int(some.sum(1).max())
    onset, duration = np.where(some, onset, np.nan)[:, :used], np.where(some, duration, np.nan)[:, :used]
    return onset, np.minimum(duration, viewing * 1000 - onset)


def _cumulated(maps: AttentionMaps) -> list[Float[np.ndarray, " c"]]:
    """The cumulated probability over the cells of each second."""
    planes = maps.maps[1:] if len(maps.maps) > 1 else maps.maps
    sums = [np.cumsum(np.exp(plane, dtype=np.float64)) for plane in planes]
    return [each / each[-1] for each in sums]


def contains(area: Area, xy: Float[np.ndarray, "*l 2"]) -> Bool[np.ndarray, "*l"]:
    """Which points lie in an area; its left and upper edges belong to it. NaN lies in none."""
    x, y = xy[..., 0], xy[..., 1]
    if area.shape == "rectangle":
        left, top, width, height = area.box
        return np.asarray((x >= left) & (x < left + width) & (y >= top) & (y < top + height))
    inside = np.zeros(x.shape, bool)
    for (x0, y0), (x1, y1) in zip(area.points, (*area.points[1:], area.points[0]), strict=True):
        if y0 != y1:
            crosses = (y >= min(y0, y1)) & (y < max(y0, y1))
            inside ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside
