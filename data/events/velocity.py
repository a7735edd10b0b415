"""Where the gaze was in degrees, what of it can be trusted, and how fast it moved.

    v(i) = sum_j (t_j - T)(x_j - X) / sum_j (t_j - T)^2      over the samples j around i

The velocity is the slope of the line that fits the samples around a sample best; T and X are their means. They reach
half a window to either side, rounded (a half upwards) to whole samples, at least one: a window of 12 ms reaches 6 ms at
500 Hz and 8 ms at 250 Hz. On a regular clock this is the first derivative of a Savitzky-Golay filter of order 1 or 2;
in this form irregular clocks, lost samples and the ends of a recording need no special case. Degrees, milliseconds,
degrees per second.
Savitzky and Golay 1964, https://doi.org/10.1021/ac60214a047.
"""

import numpy as np
from jaxtyping import Bool, Float, Int64

from data.gaze import Samples

MAX_ECCENTRICITY = 80.0  # degrees from the middle of the screen; no eye turns farther
GAP_STEPS = 3.0  # a step of the clock that is so many times the usual one is a gap
MAX_STEP = 20.0  # milliseconds; a clock may well have steps of two lengths up to it
INSTANT = 1e-3  # milliseconds; what differs by less is equal but for rounding

Edges = Int64[np.ndarray, " k"]


def runs(mask: Bool[np.ndarray, " n"]) -> tuple[Edges, Edges]:
    """Where each run of true values begins, and the place after its end.

    >>> [edge.tolist() for edge in runs(np.array([True, False, True, True]))]
    [[0, 2], [1, 4]]
    """
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return edges[::2], edges[1::2]


def usual(time: Float[np.ndarray, " n"]) -> float:
    """The usual step of a clock: the median over eight steps in a row, fewer in a short recording, of their mean.

    It is the step of a clock that skips some, and the mean of one whose steps have two lengths.

    >>> usual(np.array([0.0, 2.0, 4.0, 50.0])), usual(np.cumsum(np.tile([1.0, 7.0], 50)))
    (2.0, 4.0)
    """
    if len(time) < 2:
        return 1.0
    shift = max(1, min(8, (len(time) - 1) // 4))
    return float(np.median(time[shift:] - time[:-shift])) / shift


def _longest(time: Float[np.ndarray, " n"]) -> float:
    """The longest step that belongs to the clock itself: a tenth of the steps, or more, are as long."""
    step = usual(time)
    return max(step, min(MAX_STEP, float(np.quantile(np.diff(time), 0.9, method="lower")))) if len(time) > 1 else step


def ends(time: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """When each sample ends: as the next begins, or after the usual step where the next is missing.

    >>> ends(np.array([0.0, 2.0, 4.0, 50.0])).tolist()
    [2.0, 4.0, 6.0, 52.0]
    """
    step = usual(time)
    return np.asarray(time + np.append(np.minimum(np.diff(time), step), step)[: len(time)])


def angles(samples: Samples) -> Float[np.ndarray, "n 2"]:
    """Where the gaze was; NaN in both numbers where the eye was lost or could not have looked."""
    with np.errstate(over="ignore", invalid="ignore"):
        degrees = samples.degrees
    possible = (np.abs(degrees) < MAX_ECCENTRICITY).all(1)
    return np.where(possible[:, None], degrees, np.nan)


def trusted(
    time: Float[np.ndarray, " n"], degrees: Float[np.ndarray, "n 2"], margin: float, max_gap: float, max_distance: float
) -> Float[np.ndarray, "n 2"]:
    """The same with small gaps filled and the surroundings of large ones made NaN.

    A gap is a run of lost samples, or a jump of the clock. A straight line fills it if it lasts at most `max_gap`
    milliseconds and its two sides lie within `max_distance` degrees, or are less than `MAX_STEP` milliseconds apart
    with one sample lost: no lid is that quick. Otherwise the samples up to `margin` milliseconds before and after it,
    at least one, are lost as well: a lid that closes or opens drags the measured gaze along.
    """
    if len(time) < 2:
        return degrees.copy()
    filled_degrees, lost, last = degrees.copy(), np.isnan(degrees[:, 0]), len(time) - 1
    jumps = np.flatnonzero((np.diff(time) > GAP_STEPS * _longest(time)) & ~lost[1:] & ~lost[:-1]) + 1
    start, stop = np.concatenate([runs(lost), [jumps, jumps]], 1)
    begin, end = time[np.maximum(start - 1, 0)], time[np.minimum(stop, last)]
    filled = (start > 0) & (stop <= last) & (end - begin <= max_gap + INSTANT)
    left = _middles(degrees, start[filled, None] - [3, 2, 1])
    right = _middles(degrees, stop[filled, None] + [0, 1, 2])
    single = (end - begin)[filled] <= min(2.5 * usual(time), MAX_STEP) + INSTANT
    kept = single | (np.hypot(*(right - left).T) <= max_distance)
    filled[filled] = kept
    _fill(time, filled_degrees, start[filled], stop[filled], left[kept], right[kept])
    low = np.searchsorted(time, begin[~filled] - margin - INSTANT)
    high = np.searchsorted(time, end[~filled] + margin + INSTANT, "right")
    depth = np.bincount(low, minlength=len(time) + 1) - np.bincount(high, minlength=len(time) + 1)
    filled_degrees[depth.cumsum()[:-1] > 0] = np.nan
    return filled_degrees


def _middles(degrees: Float[np.ndarray, "n 2"], places: Int64[np.ndarray, "k 3"]) -> Float[np.ndarray, "k 2"]:
    """The median of what is known at the places of each row; one is known at least."""
    inside = (places >= 0) & (places < len(degrees))
    values = np.where(inside[..., None], degrees[places.clip(0, len(degrees) - 1)], np.nan)
    return np.asarray(np.nanmedian(values, 1))


def _fill(
    time: Float[np.ndarray, " n"],
    degrees: Float[np.ndarray, "n 2"],
    start: Edges,
    stop: Edges,
    left: Float[np.ndarray, "k 2"],
    right: Float[np.ndarray, "k 2"],
) -> None:
    """A straight line through each gap."""
    length = stop - start
    gap = np.repeat(np.arange(len(start)), length)
    row = np.arange(length.sum()) + np.repeat(start - length.cumsum() + length, length)
    begin, end = time[start - 1][gap], time[stop][gap]
    share = (time[row] - begin) / (end - begin)
    degrees[row] = left[gap] + (right - left)[gap] * share[:, None]


def velocity(
    time: Float[np.ndarray, " n"], degrees: Float[np.ndarray, "n 2"], window: float
) -> Float[np.ndarray, "n 2"]:
    """Degrees per second at each sample, from the samples of `window` milliseconds around it, three at the least.

    NaN where the sample is lost, or more than half of those around it are.
    """
    count = len(time)
    velocities = np.full((count, 2), np.nan)
    if count < 2:
        return velocities
    steps, measured = np.diff(time), ~np.isnan(degrees[:, 0])
    step = usual(time)
    half = min(max(1, int(window / 2 / step + 0.5 + INSTANT)), count - 1)
    rest = measured
    if count > 2 * half and np.ptp(steps) < 0.01 * step:  # one convolution, wherever the window is complete
        shifts = np.arange(half, -half - 1, -1)
        complete = np.convolve(measured, np.ones(2 * half + 1), "valid") > 2 * half
        slopes = [
            np.convolve(np.where(measured, x, 0.0), 1000 * shifts / (step * (shifts**2).sum()), "valid")
            for x in degrees.T
        ]
        velocities[half : count - half][complete] = np.stack(slopes, 1)[complete]
        rest = measured & np.isnan(velocities[:, 0])
    rows, reach = np.flatnonzero(rest), half * step + 1.5 * _longest(time)
    for start in range(0, len(rows), 4096):
        chunk = rows[start : start + 4096]
        velocities[chunk] = _slopes(time, degrees, chunk, half, reach)
    return velocities


def _slopes(
    time: Float[np.ndarray, " n"], degrees: Float[np.ndarray, "n 2"], rows: Edges, half: int, reach: float
) -> Float[np.ndarray, "k 2"]:
    """Degrees per second at some rows, from at most `half` samples on either side, none more than `reach` away."""
    places = rows[:, None] + np.arange(-half, half + 1)
    inside = (places >= 0) & (places < len(time))
    places = places.clip(0, len(time) - 1)
    x, t = degrees[places], time[places] - time[rows, None]
    near = inside & (np.abs(t) <= reach) & ~np.isnan(x[..., 0])
    x, t = np.where(near[..., None], x, 0.0), np.where(near, t, 0.0)
    n, sum_t = near.sum(1), t.sum(1)
    spread = n * (t * t).sum(1) - sum_t**2
    rise = n[:, None] * (t[..., None] * x).sum(1) - sum_t[:, None] * x.sum(1)
    enough = (n > half)[:, None]
    return np.where(enough, 1000 * rise / np.where(enough, spread[:, None], 1.0), np.nan)


def speed(time: Float[np.ndarray, " n"], degrees: Float[np.ndarray, "n 2"], window: float) -> Float[np.ndarray, " n"]:
    """The length of `velocity`.

    >>> at = np.arange(5.0)
    >>> speed(2 * at, np.stack([0.03 * at, 0.04 * at], 1), 8.0).round(6).tolist()
    [25.0, 25.0, 25.0, 25.0, 25.0]
    """
    return np.asarray(np.hypot(*velocity(time, degrees, window).T))
