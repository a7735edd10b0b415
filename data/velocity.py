"""Where the gaze was in degrees, what of it can be trusted, and how fast it moved.

    v(i) = sum_j (t_j - T)(x_j - X) / sum_j (t_j - T)^2      over the samples j with |t_j - t_i| <= window / 2

The velocity is the slope of the line that fits the samples around a sample best; T and X are their means. On a regular
clock this is the first derivative of a Savitzky-Golay filter of order 1 or 2; in this form irregular clocks, lost
samples and the ends of a recording need no special case. Degrees, milliseconds, degrees per second.
Savitzky and Golay 1964, https://doi.org/10.1021/ac60214a047.
"""

import numpy as np
from jaxtyping import Bool, Float, Int64

from data.gaze import Samples

FARTHEST = 80.0  # degrees from the middle of the screen; no eye turns farther
JUMP = 3.0  # steps of the clock that make a hole in it

Edges = Int64[np.ndarray, " k"]


def runs(mask: Bool[np.ndarray, " n"]) -> tuple[Edges, Edges]:
    """Where each run of true values begins, and the place after its end.

    >>> [edge.tolist() for edge in runs(np.array([True, False, True, True]))]
    [[0, 2], [1, 4]]
    """
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return edges[::2], edges[1::2]


def ends(time: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """When each sample ends: as the next begins, or after the usual step where the next is missing.

    >>> ends(np.array([0.0, 2.0, 4.0, 50.0])).tolist()
    [2.0, 4.0, 6.0, 52.0]
    """
    steps = np.diff(time)
    usual = float(np.median(steps)) if len(steps) else 1.0
    return np.asarray(time + np.append(np.minimum(steps, usual), usual)[: len(time)])


def angles(samples: Samples) -> Float[np.ndarray, "n 2"]:
    """Where the gaze was; NaN in both numbers where the eye was lost or could not have looked."""
    with np.errstate(over="ignore", invalid="ignore"):
        degrees = samples.degrees
    known = (np.abs(degrees) < FARTHEST).all(1)
    return np.where(known[:, None], degrees, np.nan)


def trusted(
    time: Float[np.ndarray, " n"], degrees: Float[np.ndarray, "n 2"], margin: float, bridge: float, apart: float
) -> Float[np.ndarray, "n 2"]:
    """The same with small holes filled and the surroundings of large ones made NaN.

    A hole is a run of lost samples, or a jump of the clock. If it lasts at most `bridge` milliseconds and its two sides
    lie within `apart` degrees, a straight line fills it. Otherwise the samples up to `margin` milliseconds before and
    after it, at least one, are lost as well: a lid that closes or opens drags the measured gaze along.
    """
    found, lost = degrees.copy(), np.isnan(degrees[:, 0])
    steps = np.diff(time)
    jumps = np.flatnonzero((steps > JUMP * np.median(steps)) & ~lost[1:] & ~lost[:-1]) + 1
    last = len(time) - 1
    for start, stop in zip(*np.concatenate([runs(lost), [jumps, jumps]], 1), strict=True):
        begin, end = time[max(start - 1, 0)], time[min(stop, last)]
        if start > 0 and stop <= last and end - begin <= bridge:
            left, right = _middle(found[max(0, start - 3) : start]), _middle(degrees[stop : stop + 3])
            if np.hypot(*(right - left)) <= apart:
                share = (time[start:stop] - begin) / (end - begin)
                found[start:stop] = left + (right - left) * share[:, None]
                continue
        found[np.searchsorted(time, begin - margin) : np.searchsorted(time, end + margin, "right")] = np.nan
    return found


def _middle(degrees: Float[np.ndarray, "k 2"]) -> Float[np.ndarray, " 2"]:
    known = degrees[~np.isnan(degrees[:, 0])]
    return np.median(known, 0) if len(known) else np.full(2, np.nan)


def velocity(
    time: Float[np.ndarray, " n"], degrees: Float[np.ndarray, "n 2"], window: float
) -> Float[np.ndarray, "n 2"]:
    """Degrees per second at each sample, from the samples of `window` milliseconds around it, three at the least.

    NaN where the sample is lost, or more than half of those around it are.
    """
    count = len(time)
    found = np.full((count, 2), np.nan)
    if count < 2:
        return found
    steps, known = np.diff(time), ~np.isnan(degrees[:, 0])
    step = float(np.median(steps))
    half = min(max(1, round(window / 2 / step)), count - 1)
    rest = known
    if count > 2 * half and np.ptp(steps) < 0.01 * step:  # one convolution, wherever the window is complete
        shifts = np.arange(half, -half - 1, -1)
        complete = np.convolve(known, np.ones(2 * half + 1), "valid") > 2 * half
        slopes = [
            np.convolve(np.where(known, x, 0.0), 1000 * shifts / (step * (shifts**2).sum()), "valid") for x in degrees.T
        ]
        found[half : count - half][complete] = np.stack(slopes, 1)[complete]
        rest = known & np.isnan(found[:, 0])
    rows = np.flatnonzero(rest)
    for start in range(0, len(rows), 4096):
        some = rows[start : start + 4096]
        found[some] = _slopes(time, degrees, some, half, (half + 1.5) * step)
    return found


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
