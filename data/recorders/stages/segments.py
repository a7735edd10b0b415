"""The stretches of a recording in which one clock runs: sessions that were joined in one file begin it anew.

    403000.0 403000.1 403000.2 | 329000.0 329000.1      the clock begins anew: two segments
    10 12 14 ... 98 | 20 22 24 ... 110                  it runs over the same times again: two segments
    10 12 14 13 16 18                                   a late row: one segment, sorted
    10 12 14 | 40 42 44 | 26 28 30                      a late block that fills a hole: one segment, sorted

Rows are sorted within a segment, never across two.
"""

import numpy as np
from jaxtyping import Float, Int64

LATE = 3  # usual steps by which rows may be late without a word
EARLY = 20  # usual steps by which a late block may begin before all others
MANY = 2_000  # steps back, from which on the rows of a file are taken to be in no order at all
SHARE = 0.05  # steps back among all steps, likewise
FEW = 0.01  # of the rows of a segment, or 5, may stand at a wrong place
HOLE = 1000.0  # milliseconds that a late block may last
FAR = 60_000.0  # milliseconds beyond which a few times are a tracker's mistake

Rows = Int64[np.ndarray, " k"]


def segments(time: Float[np.ndarray, " n"], hole: float = HOLE) -> list[Rows]:
    """The rows of each segment in the order of time, without those that have no time; segments as they come.

    Rows of one time stay in the order of the file. A late block that lasts at most `hole` fills a hole before it; 0 for
    trackers that write in order.
    """
    rows = np.flatnonzero(np.isfinite(time))
    steps = np.diff(time[rows])
    usual = step(time[rows])
    back = np.flatnonzero(steps < -LATE * usual) + 1
    if len(back) > MANY or len(back) > SHARE * max(len(rows), 1 / SHARE):
        return [_sorted(time, rows)]
    found: list[Rows] = []
    for block in np.split(rows, back):
        if found and _continues(time, found[-1], block, usual, hole):
            found[-1] = _sorted(time, np.concatenate([found[-1], block]))
        elif len(block):
            found.append(_sorted(time, block))
    return found


def step(time: Float[np.ndarray, " n"]) -> float:
    """The usual step of a clock, in its own unit; 1 where it never rises."""
    steps = np.diff(time[np.isfinite(time)])
    return float(np.median(steps[steps > 0])) if (steps > 0).any() else 1.0


def near(time: Float[np.ndarray, " n"]) -> np.ndarray:
    """Which times (milliseconds) are where most are; a few far ones are a tracker's mistake."""
    middle = float(np.percentile(time, 50, method="lower"))  # one of them, so that it is never between two parts
    return np.asarray(np.abs(time - middle) <= reach(time))


def paused(time: Float[np.ndarray, " n"], rows: Rows) -> list[Rows]:
    """The rows of a segment, cut at pauses (milliseconds) so long that what follows is another recording."""
    return np.split(rows, np.flatnonzero(np.diff(time[rows]) > reach(time[rows])) + 1)


def reach(time: Float[np.ndarray, " n"]) -> float:
    """How far from the others a time of a recording may be, in milliseconds."""
    return FAR + 10 * len(time) * (float(np.median(np.abs(np.diff(time)))) if len(time) > 1 else 1.0)


def _sorted(time: Float[np.ndarray, " n"], rows: Rows) -> Rows:
    return np.asarray(rows[np.argsort(time[rows], kind="stable")])


def _continues(time: Float[np.ndarray, " n"], before: Rows, block: Rows, usual: float, hole: float) -> bool:
    """Whether a block that begins at an earlier time belongs to the segment before it, whose rows are in order."""
    first, second = time[before], np.sort(time[block])
    # How many rows of the two must go for the rest to be in order: those of `first` after any cut, of `second` before.
    wrong = min(int((np.arange(len(second)) + len(first) - np.searchsorted(first, second, "left")).min()), len(second))
    if wrong <= max(5, FEW * min(len(first), len(second))):
        return True
    within = second[second <= first[-1]]
    if second[0] < first[0] - EARLY * usual or within[-1] - within[0] >= hole:
        return False
    index = np.searchsorted(first, within)
    beside = first[np.minimum(index, len(first) - 1)], first[np.maximum(index - 1, 0)]
    gaps = np.minimum(np.abs(beside[0] - within), np.abs(beside[1] - within))
    return bool((gaps < 0.9 * usual).mean() < 0.1)  # it fills a hole
