"""Simulated observers of a picture, drawn from the predicted map of each second: where each looks, when, for how long.

Whatever is asked of a picture - which share of looks an area gets, who sees it, when, for how long - is asked of the
same observers, so that map and paths say the same. They do not know which areas are drawn: a look is a place, and
belongs to an area when it lies in it. Before each look the map of that second is weighed by what the observer did:

    first look    map ^ `FIRST_SHARPNESS` * (1 + d / 0.1) ^ -2              d: from the middle, where everybody starts
    later looks   map * (1 + d / 0.05) ^ -1.6                               d: from the last look, mostly near
                      * product over earlier looks k of exp(0.8 ^ k * (e(d_k, 0.02) - 1.5 e(d_k, 0.22)))

with e(d, s) = exp(-(d / s)^2) and distances in diagonals of the picture. From the second look on, all chances are
then brought back, place by place, to what the map of the second has left after the looks that were taken from it
(two rounds of iterative proportional fitting), so that who looks where depends on the path, and how many on the map.

Numbers are those of the highest likelihood on 150 training pictures of osie, crowd and scene
(tests/bench/fit_observers.py), but for both 1.5, which are larger: chosen on val, where observers then look at about
as many things as people do, and first at the right one more often. Measured by tests/bench/bench_areas.py.
Inhibition of return: Posner & Cohen 1984; proportional fitting: Deming & Stephan 1940,
https://doi.org/10.1214/aoms/1177731829.
Shapes: `s` observers, `l` looks, `t` seconds, `g v` cells of a map, `y x` cells that looks are drawn from, `n` areas.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from app.predict.picture_maps import AttentionMaps
from data.areas import Area

FIRST = (281.0, 90.0)  # ms: mean and deviation of when the first look begins, as in `scene`, where that is known
DURATION = (5.33, 0.15, 0.53)  # logarithm of milliseconds: mean, deviation of observers, and of the looks of each
GAP = 72.0  # ms from look to look: with it as many looks a second as in the three sets
VIEWING = 5.0  # seconds, where the model tells of none
SIDE = 64  # cells along the longer side from which looks are drawn; the place within a cell follows the map itself
FIRST_SHARPNESS, START = 1.5, (2.0, 0.1)  # of the first look: exponent of the map, exponent and width of the start
NEAR = (1.6, 0.05)  # exponent and width: how much likelier near places are
RETURN, AVOID, FADING = (1.0, 0.02), (1.5, 0.22), 0.8  # strength and width; what is left of both after another look
ROUNDS = 2  # of proportional fitting
LEAST = 0.05  # of the map: the part that is never used up
TRIES = 4  # to find the place within a cell


@dataclass(frozen=True)
class Observers:
    """The looks (fixations) of several observers of one picture."""

    xy: Float[np.ndarray, "s l 2"]  # pixels; NaN after the end
    onset: Float[np.ndarray, "s l"]  # milliseconds from the picture's onset; NaN after the end
    duration: Float[np.ndarray, "s l"]  # milliseconds; NaN after the end
    viewing: float  # seconds

    def __len__(self) -> int:
        return len(self.xy)

    def until(self, seconds: float) -> "Observers":
        """The same of a shorter viewing: looks that begin in its first seconds."""
        early = self.onset < 1000 * seconds
        onset, duration = (np.where(early, each, np.nan) for each in (self.onset, self.duration))
        return Observers(
            np.where(early[..., None], self.xy, np.nan),
            onset,
            np.minimum(duration, 1000 * seconds - onset),
            min(self.viewing, seconds),
        )

    def inside(self, areas: Sequence[Area]) -> Bool[np.ndarray, "s l n"]:
        """Which looks lie in which areas."""
        inside = [contains(area, self.xy) for area in areas]
        return np.stack(inside, -1) if inside else np.zeros((*self.onset.shape, 0), bool)


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


def observe(maps: AttentionMaps, observers: int = 100, seed: int = 0, temperature: float = 1.0) -> Observers:
    """Let several observers look at a picture for as long as its maps tell of, or `VIEWING`.

    With a temperature of 1 their looks follow the maps; below 1 observers agree more than the maps say, above 1 less.
    """
    random = np.random.default_rng(seed)
    viewing = maps.times[-1][1] if maps.times else VIEWING
    onset, duration = _times(random, observers, viewing)
    there = np.isfinite(onset)
    planes = np.exp(maps.maps[1:] if len(maps.maps) > 1 else maps.maps)
    ends = np.array([end for _, end in maps.times] or [viewing]) * 1000
    second = np.minimum(np.searchsorted(ends, np.nan_to_num(onset), "right"), len(planes) - 1)
    chances = _small(planes, maps.size) ** np.float32(1 / temperature)
    chances /= chances.sum((1, 2), keepdims=True)
    cells = _draw(random, chances, second, there)
    sides = np.array(chances.shape[:0:-1])
    at = _within(random, planes, second, cells, sides)
    xy = (cells + at) / sides * maps.size
    return Observers(np.where(there[..., None], xy, np.nan), onset, duration, viewing)


def _times(
    random: np.random.Generator, observers: int, viewing: float
) -> tuple[Float[np.ndarray, "s l"], Float[np.ndarray, "s l"]]:
    """Onset and duration of each look that begins within the viewing, in milliseconds."""
    most = int(viewing * 8) + 2
    mean, apart, within = DURATION
    pace = mean + apart * random.standard_normal((observers, 1))
    duration = np.exp(pace + within * random.standard_normal((observers, most)))
    first = np.clip(random.normal(*FIRST, (observers, 1)), 20.0, viewing * 1000 - 1)
    onset = np.hstack([first, first + np.cumsum(duration[:, :-1] + GAP, 1)])
    some = onset < viewing * 1000
    used = int(some.sum(1).max())
    onset, duration = (np.where(some, each, np.nan)[:, :used] for each in (onset, duration))
    return onset, np.minimum(duration, viewing * 1000 - onset)


def _small(planes: Float32[np.ndarray, "t g v"], size: tuple[int, int]) -> Float32[np.ndarray, "t y x"]:
    """The probability of each of few cells, which are as good as square on the picture."""
    columns, rows = (max(1, round(SIDE * side / max(size))) for side in size)
    small = np.stack([cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA) for plane in planes])
    return np.asarray(small / small.sum((1, 2), keepdims=True), np.float32)


def _draw(
    random: np.random.Generator,
    chances: Float32[np.ndarray, "t y x"],
    second: Int64[np.ndarray, "s l"],
    there: Bool[np.ndarray, "s l"],
) -> Int64[np.ndarray, "s l 2"]:
    """The cell (column, row) of each look, one look of all observers after the other."""
    seconds, rows, columns = chances.shape
    near, earlier = _kernels(rows, columns)
    flat = chances.reshape(seconds, -1)
    counts = np.stack([(there & (second == number)).sum(0) for number in range(seconds)])
    left = counts.sum(1)[:, None] * flat  # looks that the map of each second has still to give
    memory = np.zeros((len(there), rows * columns), np.float32)
    draws = random.random(there.shape)
    cells = np.zeros((*there.shape, 2), np.int64)
    for look in range(there.shape[1]):
        p = flat[second[:, look]]
        if look == 0:
            p = p**FIRST_SHARPNESS * _start(rows, columns)
        else:
            p = p * _about(near, cells[:, look - 1])
            if look > 1:
                memory = np.float32(FADING) * memory + _about(earlier, cells[:, look - 2])
                p *= np.exp(memory)
        p /= np.maximum(p.sum(1, keepdims=True), 1e-30)
        some = there[:, look]
        if look:
            rest = np.maximum(counts[:, look:].sum(1), 1)[:, None]
            p = _fitted(p, some, (counts[:, look, None] / rest * np.maximum(left, LEAST * rest * flat)).sum(0))
        for number in np.unique(second[some, look]):
            left[number] -= p[some & (second[:, look] == number)].sum(0)
        heights = p.cumsum(1)
        place = np.minimum((heights < draws[:, look, None] * heights[:, -1:]).sum(1), rows * columns - 1)
        cells[:, look] = np.stack([place % columns, place // columns], 1)
    return cells


def _kernels(rows: int, columns: int) -> tuple[Float32[np.ndarray, "ky kx"], Float32[np.ndarray, "ky kx"]]:
    """By how far a cell is from another: the weight of being near, and the logarithm of that of having been seen."""
    down, across = np.arange(-rows + 1, rows)[:, None], np.arange(-columns + 1, columns)
    distance = np.hypot(down, across) / np.hypot(rows, columns)
    exponent, width = NEAR
    seen = [strength * np.exp(-((distance / reach) ** 2)) for strength, reach in (RETURN, AVOID)]
    return ((1 + distance / width) ** -exponent).astype(np.float32), (seen[0] - seen[1]).astype(np.float32)


def _about(kernel: Float32[np.ndarray, "ky kx"], cells: Int64[np.ndarray, "s 2"]) -> Float32[np.ndarray, "s c"]:
    """A kernel laid about each observer's cell."""
    rows, columns = (side // 2 + 1 for side in kernel.shape)
    windows = np.lib.stride_tricks.sliding_window_view(kernel, (rows, columns))
    return np.asarray(windows[rows - 1 - cells[:, 1], columns - 1 - cells[:, 0]].reshape(len(cells), -1))


def _start(rows: int, columns: int) -> Float32[np.ndarray, " c"]:
    """The weight of each cell for the first look, which comes from the middle."""
    down, across = (np.arange(side) + 0.5 - side / 2 for side in (rows, columns))
    exponent, width = START
    distance = np.hypot(down[:, None], across) / np.hypot(rows, columns)
    return np.asarray((1 + distance / width) ** -exponent, np.float32).ravel()


def _fitted(
    p: Float32[np.ndarray, "s c"], some: Bool[np.ndarray, " s"], wanted: Float[np.ndarray, " c"]
) -> Float32[np.ndarray, "s c"]:
    """Chances whose sum over some observers is close to what is wanted of each cell; each observer's sum to one."""
    for _ in range(ROUNDS):
        p = p * (wanted / np.maximum(p[some].sum(0), 1e-9)).astype(np.float32)
        p /= np.maximum(p.sum(1, keepdims=True), 1e-30)
    return p


def _within(
    random: np.random.Generator,
    planes: Float32[np.ndarray, "t g v"],
    second: Int64[np.ndarray, "s l"],
    cells: Int64[np.ndarray, "s l 2"],
    sides: Int64[np.ndarray, " 2"],
) -> Float[np.ndarray, "s l 2"]:
    """Where in its cell each look falls, 0 to 1 across and down: a Metropolis walk on the map itself."""
    grid = np.array(planes.shape[:0:-1])

    def value(at: Float[np.ndarray, "s l 2"]) -> Float32[np.ndarray, "s l"]:
        column, row = np.moveaxis(np.minimum(((cells + at) / sides * grid).astype(np.int64), grid - 1), -1, 0)
        return np.asarray(planes[second, row, column])

    at = random.random(cells.shape)
    now = value(at)
    for _ in range(TRIES):
        other = random.random(cells.shape)
        then = value(other)
        moves = random.random(now.shape) * now < then
        at[moves], now[moves] = other[moves], then[moves]
    return at
