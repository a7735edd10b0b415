"""Scores: how alike two scanpaths are, how different the paths of one model are from each other, how likely a path was.

    sequence_score    longest common subsequence of two orders / the longer's length                    1 is equal
    edit_distance     insertions, deletions, replacements that turn one order into the other            0 is equal
    dtw               summed distance of fixations under the cheapest alignment in time                 0 is equal
    tde, stde         distance to the nearest stretch of k fixations; its similarity over all k         0, 1 is equal
    eyenalysis        mean distance of a fixation to the other path's nearest                           0 is equal
    recurrence        how many fixations fall on the other path's, and in what pattern                  percent
    spread, recall    how much the paths of one model differ; the share of people's paths they cover
    bits              mean surprise of a path, and `information_gain`, what was won over a baseline     bit per fixation

An order is an array of symbols (`int64`): the numbers of objects, of clusters of fixations or, for semantic scores, of
categories. Places are pixels `(l, 2)`. `sequence_scores`, `edit_distances` and `dtws` take many pairs at once. No
argument is changed; NaN and infinity in one raise. SS, edit distance and DTW depend on how long paths may be: compare
only under one limit.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64

from data import finite
from data.errors import GazeError
from scanpath.metrics import _alignment

Order = Int64[np.ndarray, " _l"]
Places = Float[np.ndarray, "_l 2"]
Lengths = Int64[np.ndarray, " p"]


def sequence_score(a: Order, b: Order) -> float:
    """SS: the alignment of Needleman and Wunsch (match 1, mismatch 0, gap 0) divided by the longer length.

    Two empty paths score 1, an empty one and another 0. Yang et al. 2020, https://arxiv.org/abs/2005.14310.

    >>> sequence_score(np.array([1, 2, 3, 1]), np.array([2, 1]))
    0.5
    """
    finite.check(a=a, b=b)
    return float(sequence_scores([(a, b)])[0])


def sequence_scores(pairs: Sequence[tuple[Order, Order]]) -> Float[np.ndarray, " p"]:
    """`sequence_score` of many pairs at once."""
    finite.check(pairs=pairs)
    each = np.arange(len(pairs))
    return _compare([a for a, _ in pairs], [b for _, b in pairs], each, each, _shared)


def sequence_matrix(rows: Sequence[Order], columns: Sequence[Order]) -> Float[np.ndarray, "_r _c"]:
    """`sequence_score` of each of `rows` (a model's paths, say) with each of `columns` (people's)."""
    finite.check(rows=rows, columns=columns)
    size = len(rows), len(columns)
    i, j = (axis.ravel() for axis in np.indices(size))
    return _compare(rows, columns, i, j, _shared).reshape(size)


def edit_distance(a: Order, b: Order) -> int:
    """SED, Levenshtein's distance, not divided by anything: it grows with the lengths.

    >>> edit_distance(np.array([1, 2, 3]), np.array([1, 3, 3, 4]))
    2
    """
    finite.check(a=a, b=b)
    return int(edit_distances([(a, b)])[0])


def edit_distances(pairs: Sequence[tuple[Order, Order]]) -> Float[np.ndarray, " p"]:
    """`edit_distance` of many pairs at once."""
    finite.check(pairs=pairs)
    each = np.arange(len(pairs))
    return _compare([a for a, _ in pairs], [b for _, b in pairs], each, each, _edits)


def binned(order: Order, duration: Float[np.ndarray, " _l"], bin: float = 50.0, *, truncate: bool = False) -> Order:
    """Each symbol once for every `bin` milliseconds of its fixation: scores of the result weigh time.

    The nearest whole number of times (halves up), and at least once. `truncate` cuts instead, as published code does
    (SS-time, FED-time): a fixation shorter than `bin` then disappears, and time with it.

    >>> binned(np.array([7, 8]), np.array([130.0, 20.0]))
    array([7, 7, 7, 8])
    """
    finite.check_where_known(duration=duration)
    finite.check(order=order, bin=bin)
    if np.isnan(duration).any():
        raise GazeError("a fixation's duration is unknown (NaN); compare the orders without time.")
    times = np.floor(duration / bin) if truncate else np.maximum(1, np.floor(duration / bin + 0.5))
    return np.repeat(order, times.astype(np.int64))


def dtw(a: Places, b: Places) -> float:
    """Dynamic time warping, exact: the least sum of distances when every fixation is aligned, in order; pixels.

    NaN when a path is empty.

    >>> dtw(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]]))
    0.0
    """
    finite.check(a=a, b=b)
    return float(dtws([(a, b)])[0])


def dtws(pairs: Sequence[tuple[Places, Places]]) -> Float[np.ndarray, " p"]:
    """`dtw` of many pairs at once."""
    finite.check(pairs=pairs)
    sides = [[pair[side] for pair in pairs] for side in (0, 1)]
    n, m = (_alignment.lengths(side) for side in sides)
    xy = [
        [_alignment.padded(np.concatenate([np.empty(0), *(path[:, k] for path in side)]), count, 0) for k in (0, 1)]
        for side, count in zip(sides, (n, m), strict=True)
    ]

    def score(chosen: Lengths) -> Float[np.ndarray, " _p"]:
        count = n[chosen], m[chosen]
        (ax, ay), (bx, by) = ([k[: c.max(), chosen] for k in side] for side, c in zip(xy, count, strict=True))
        table = _alignment.fill(
            _alignment.blank(np.hypot(ax[:, None] - bx, ay[:, None] - by), np.inf), np.minimum, None
        )
        return np.where(np.minimum(*count) > 0, _alignment.ends(table, *count), np.nan)

    return _alignment.each(n, m, score)


def tde(model: Places, human: Places, k: int = 3, *, worst: bool = False) -> float:
    """Time-delay embedding distance: from each stretch of k fixations of the model to the nearest one of the human.

    The distance of two stretches is the mean distance of their fixations, pixels. The mean over the model's stretches,
    or the largest (`worst`, Hausdorff). Not symmetric. NaN when either path has fewer than k fixations.
    Wang et al. 2011, https://doi.org/10.1109/CVPR.2011.5995423.
    """
    finite.check(model=model, human=human)
    nearest = _nearest_stretch(_distances(model, human), k)
    if not nearest.size:
        return math.nan
    return float(nearest.max() if worst else nearest.mean())


def stde(model: Places, human: Places, size: tuple[float, float]) -> float:
    """Scaled time-delay embedding: the mean of exp(-tde) over every k that both paths are long enough for; 1 is equal.

    Distances are in units of the picture's longer side; `size` is its width and height. NaN when a path is empty.
    """
    finite.check(model=model, human=human, size=size)
    distances = _distances(model, human) / max(size)
    similarities = [np.exp(-_nearest_stretch(distances, k).mean()) for k in range(1, min(distances.shape) + 1)]
    return float(np.mean(similarities)) if similarities else math.nan


def eyenalysis(a: Places, b: Places) -> float:
    """Mean distance of all fixations of both paths to the nearest of the other, in any order; NaN when one is empty.

    Mathôt et al. 2012, https://doi.org/10.16910/jemr.5.1.4, who divide by the longer length instead of by both.
    """
    finite.check(a=a, b=b)
    distances = _distances(a, b)
    if not distances.size:
        return math.nan
    return float((distances.min(0).sum() + distances.min(1).sum()) / sum(distances.shape))


class Recurrence(NamedTuple):
    """Percentages; all but `recurrence` are NaN when no fixation recurs, all are when a path is empty."""

    recurrence: float  # of all pairs of fixations, those that are near each other
    determinism: float  # of these, those on a diagonal: stretches looked at in the same order
    laminarity: float  # of these, those on a horizontal or vertical: one dwells where the other does
    centre: float  # how much later the second path gets to the same places; negative: earlier


def recurrence(a: Places, b: Places, radius: float, line: int = 2) -> Recurrence:
    """Cross-recurrence: which fixations of two paths, cut to one length, are at most `radius` pixels apart.

    `line` is how many make a line; `radius` should be one or two degrees of visual angle. Anderson et al. 2015,
    https://doi.org/10.3758/s13428-014-0550-3.
    """
    finite.check(a=a, b=b, radius=radius)
    length = min(len(a), len(b))
    near = _distances(a[:length], b[:length]) <= radius
    count = int(near.sum())
    if not count:
        return Recurrence(0.0 if length else math.nan, math.nan, math.nan, math.nan)
    diagonals = [near.diagonal(offset) for offset in range(1 - length, length)]
    i, j = np.nonzero(near)
    return Recurrence(
        100 * count / length**2,
        100 * _on_lines(diagonals, line) / count,
        100 * (_on_lines(near, line) + _on_lines(near.T, line)) / (2 * count),
        100 * float((j - i).sum()) / max(1, length - 1) / count,
    )


def spread(paths: Sequence[Order]) -> float:
    """Mean of 1 - SS over all pairs of one model's paths: 0 when they are all the same; NaN for fewer than two."""
    finite.check(paths=paths)
    i, j = np.triu_indices(len(paths), 1)
    return 1 - float(_compare(paths, paths, i, j, _shared).mean()) if i.size else math.nan


def recall(model: Sequence[Order], human: Sequence[Order], threshold: float | None = None) -> float:
    """The share of people's paths that at least one of the model's paths matches with an SS of `threshold` or more.

    Without a threshold: the mean SS of two of these people. It grows with the number of the model's paths: compare only
    for one number. NaN when there is no path of either kind, or only one person and no threshold. The idea is
    ScanDiff's, Cartella et al. 2025, https://arxiv.org/abs/2507.23021.
    """
    finite.check(model=model, human=human, threshold=threshold)
    threshold = 1 - spread(human) if threshold is None else threshold
    if not (model and human) or math.isnan(threshold):
        return math.nan
    best = sequence_matrix(model, human).max(0)
    return float((best >= threshold - 1e-12).mean())


def bits(log_p: Float[np.ndarray, " _l"]) -> float:
    """Negative log-likelihood in bit per fixation, of natural logarithms of probabilities; NaN without any."""
    finite.check(log_p=log_p)
    return -float(np.mean(log_p)) / math.log(2) if len(log_p) else math.nan


def information_gain(log_p: Float[np.ndarray, " _l"], log_baseline: Float[np.ndarray, " _l"]) -> float:
    """How much better than the baseline each fixation was predicted given those before it, bit per fixation."""
    finite.check(log_p=log_p, log_baseline=log_baseline)
    if len(log_p) != len(log_baseline):
        raise ValueError(f"{len(log_p)} probabilities, but {len(log_baseline)} of the baseline.")
    return -bits(np.subtract(log_p, log_baseline))


def _compare(
    first: Sequence[Order],
    second: Sequence[Order],
    i: Lengths,
    j: Lengths,
    score: Callable[[np.ndarray, np.ndarray, Lengths, Lengths], Float[np.ndarray, " p"]],
) -> Float[np.ndarray, " p"]:
    """The score of each of the pairs (first[i], second[j])."""
    sizes = _alignment.lengths(first), _alignment.lengths(second)
    none = np.empty(0, np.int64)
    a, b = (_alignment.padded(np.concatenate([none, *s]), c, -1) for s, c in zip((first, second), sizes, strict=True))
    n, m = sizes[0][i], sizes[1][j]

    def part(chosen: Lengths) -> Float[np.ndarray, " _p"]:
        x, y = n[chosen], m[chosen]
        return score(a[: x.max(), i[chosen]], b[: y.max(), j[chosen]], x, y)

    return _alignment.each(n, m, part)


def _shared(a: np.ndarray, b: np.ndarray, n: Lengths, m: Lengths) -> Float[np.ndarray, " p"]:
    table = _alignment.fill(_alignment.blank((a[:, None] == b).astype(float), 0), np.maximum, 0)
    longer = np.maximum(n, m)
    return np.where(longer > 0, _alignment.ends(table, n, m) / np.maximum(longer, 1), 1.0)


def _edits(a: np.ndarray, b: np.ndarray, n: Lengths, m: Lengths) -> Float[np.ndarray, " p"]:
    table = _alignment.blank((a[:, None] != b).astype(float), 0)
    table[:, 0] = np.arange(len(a) + 1)[:, None]
    table[0] = np.arange(len(b) + 1)[:, None]
    return _alignment.ends(_alignment.fill(table, np.minimum, 1), n, m)


def _distances(a: Places, b: Places) -> Float[np.ndarray, "_n _m"]:
    difference = a[:, None] - b
    distances: np.ndarray = np.hypot(difference[..., 0], difference[..., 1])
    return distances


def _nearest_stretch(distances: Float[np.ndarray, "_n _m"], k: int) -> Float[np.ndarray, " _s"]:
    """The mean distance from each stretch of k rows to the nearest stretch of k columns."""
    rows, columns = (length - k + 1 for length in distances.shape)
    if min(rows, columns) < 1:
        return np.empty(0)
    stretches = np.stack([distances[step : step + rows, step : step + columns] for step in range(k)])
    nearest: np.ndarray = stretches.mean(0).min(1)
    return nearest


def _on_lines(rows: Sequence[Bool[np.ndarray, " _l"]] | Bool[np.ndarray, "_n _m"], line: int) -> int:
    """How many points lie in runs of at least `line` along a row."""
    count = 0
    for row in rows:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]])))
        runs = edges[1::2] - edges[::2]
        count += int(runs[runs >= line].sum())
    return count
