"""What the paths of several observers say of each thing: who sees it, when first, and for how long.

The same definitions as on the page Areas (`app.predict.areas`): the first look is the median over those who see a
thing, with the quartiles; time on it is the mean over everyone; the rank is its place in the order of first looks.

Shapes: `s` observers, `l` fixations, `n` things.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

from app.predict.area_paths import AreaPaths
from app.predict.observers import contains
from app.predict.simulate import SimulatedPaths
from data.areas import Area

COLUMNS = (
    *("rank", "object", "x", "y", "width", "height", "seen", "first"),
    *("first_look_s", "first_look_low_s", "first_look_high_s", "look_number", "dwell_s", "looks"),
)


@dataclass(frozen=True)
class Row:
    """One thing; shares are from 0 to 1, times in seconds, and NaN is unknown."""

    number: int  # in the list of things
    name: str
    where: str  # in the picture, in words
    seen: float  # share of observers who look at it at all
    first: float  # share of observers who look at it before any other thing
    rank: int  # 1: seen first
    after: float  # seconds to the first look: the median of those who see it
    low: float  # and the quartiles
    high: float
    look: float  # the number of that look, in the median
    dwell: float  # seconds on it, the mean over everyone
    looks: float  # fixations on it, the mean over everyone


@dataclass(frozen=True)
class Search:
    """How a search went."""

    found: float  # share of observers who look at the target; NaN where there is none
    after: float  # seconds until half of those have: the median; NaN where nobody has
    gave_up: float  # share who stopped without it
    stopped: float  # seconds after which half of those who gave up had done so; NaN where nobody did


def inside(trace: SimulatedPaths, things: Sequence[Area]) -> Bool[np.ndarray, "s l n"]:
    """Which fixation lies on which thing."""
    if isinstance(trace, AreaPaths):
        held = [contains(thing, trace.xy) for thing in things]
        return np.stack(held, -1) if held else np.zeros((*trace.rollouts.order.shape, 0), bool)
    numbers = np.arange(len(things))
    return np.asarray(np.equal(trace.rollouts.order[..., None], numbers), bool)


def rows(trace: SimulatedPaths, things: Sequence[Area]) -> tuple[Row, ...]:
    """The things in the order in which they are seen; those that nobody sees come last."""
    on = inside(trace, things)
    there = np.asarray(np.isfinite(trace.xy).all(axis=-1))
    ever, index = np.asarray(on.any(axis=1)), on.argmax(axis=1)
    number = np.where(ever, index + 1.0, np.nan)
    dwell = (on * np.nan_to_num(trace.rollouts.duration)[..., None]).sum(1) / 1000
    timed = bool(np.isfinite(trace.rollouts.duration[there]).any())
    onset = np.where(ever & timed, np.take_along_axis(trace.onset, index, 1), np.nan) / 1000
    late = there.sum(1).max(initial=0) + 1.0
    mean = np.where(ever, number, late).mean(0)
    earliest = np.where(ever, number, np.inf).min(1, keepdims=True, initial=np.inf)
    firsts = (ever & (number == earliest)).mean(0)
    order = sorted(range(len(things)), key=lambda n: (not ever[:, n].any(), mean[n], n))
    made = []
    for rank, n in enumerate(order, 1):
        low, median, high = _quartiles(onset[ever[:, n], n])
        look = float(np.median(number[ever[:, n], n])) if ever[:, n].any() else math.nan
        box = things[n].box
        where = place(*((at + size / 2) / side for at, size, side in zip(box[:2], box[2:], _size(trace), strict=True)))
        spent = float(dwell[:, n].mean()) if timed else math.nan
        looks = float(on[..., n].sum(1).mean())
        seen, first = float(ever[:, n].mean()), float(firsts[n])
        made.append(Row(n, things[n].name, where, seen, first, rank, median, low, high, look, spent, looks))
    return tuple(made)


def _size(trace: SimulatedPaths) -> tuple[int, int]:
    return trace.scene.picture.width, trace.scene.picture.height


def _quartiles(values: Float[np.ndarray, " m"]) -> tuple[float, float, float]:
    known = values[np.isfinite(values)]
    if not len(known):
        return math.nan, math.nan, math.nan
    low, median, high = (float(each) for each in np.percentile(known, (25, 50, 75)))
    return low, median, high


def place(x: float, y: float) -> str:
    """Where a point lies in a picture, in words; x and y from 0 to 1.

    >>> place(0.5, 0.5), place(0.9, 0.1), place(0.5, 0.9)
    ('middle', 'top right', 'bottom')
    """
    down = "top" if y < 1 / 3 else "bottom" if y > 2 / 3 else ""
    across = "left" if x < 1 / 3 else "right" if x > 2 / 3 else ""
    return f"{down} {across}".strip() or "middle"


def first_things(
    trace: SimulatedPaths, things: Sequence[Area]
) -> tuple[Int64[np.ndarray, " s"], Int64[np.ndarray, " s"]]:
    """Of each observer the number of the first look at any thing, and the thing: the smallest there; -1 for none."""
    on = inside(trace, things)
    hits = np.asarray(on.any(axis=2))
    index = np.where(hits.any(1), hits.argmax(1), -1)
    extent = np.array([thing.box[2] * thing.box[3] for thing in things])
    if not len(things):
        return index, index
    cost = np.where(on[np.arange(len(on)), index], extent, np.inf)
    return index, np.where(index >= 0, cost.argmin(1), -1)


def agreement(trace: SimulatedPaths, things: Sequence[Area]) -> float:
    """How likely two observers begin at the same thing, of those who look at any; NaN with fewer than two."""
    thing = first_things(trace, things)[1]
    counts = np.bincount(thing[thing >= 0], minlength=1)
    total = int(counts.sum())
    return float((counts * (counts - 1)).sum() / (total * (total - 1))) if total > 1 else math.nan


def search(trace: SimulatedPaths) -> Search:
    """How a search went; where nothing is there to be found, everyone gives up."""
    targets = trace.scene.targets
    order, onset = trace.rollouts.order, trace.onset
    hit = np.isin(order, targets) if targets else np.zeros(order.shape, bool)
    found = hit.any(1)
    first = np.take_along_axis(onset, hit.argmax(1)[:, None], 1)[:, 0] / 1000
    gave = ~found & trace.rollouts.ended
    ends = np.array([_end(row, lasting) for row, lasting in zip(onset, trace.rollouts.duration, strict=True)]) / 1000
    return Search(
        float(found.mean()) if targets else math.nan,
        _quartiles(first[found])[1],
        float(gave.mean()),
        _quartiles(ends[gave])[1],
    )


def _end(onset: Float[np.ndarray, " l"], duration: Float[np.ndarray, " l"]) -> float:
    ends = (onset + duration)[np.isfinite(onset + duration)]
    return float(ends.max()) if len(ends) else math.nan
