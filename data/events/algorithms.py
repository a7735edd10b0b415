"""Three ways to tell when an eye moves: it is fast, it stays together, it is faster than its own noise.

Each takes the times (milliseconds) and the gaze (degrees, NaN where it is lost) and gives a label per sample. What they
have in common - losses, merging, the shortest fixation - is the business of `data.events.detect`.
"""

import math

import numpy as np
from jaxtyping import Float, Int8

from data.errors import GazeError
from data.events.detect import BLINK, FIXATION, PSO, SACCADE
from data.events.velocity import INSTANT, ends, runs, speed, usual

WIDEST = 200.0  # milliseconds: a velocity over more would average saccades away
WINDOWS = (12.0, 20.0, 32.0, 48.0)  # milliseconds, of the adaptive method
CEILING = 100.0  # degrees per second: a threshold above it would miss the saccades in a picture

Time = Float[np.ndarray, " n"]
Angles = Float[np.ndarray, "n 2"]
Labels = Int8[np.ndarray, " n"]


def ivt(time: Time, degrees: Angles, threshold: float = 30.0, window: float = 20.0) -> Labels:
    """Velocity threshold: fixations are the samples slower than `threshold`, in degrees per second.

    Salvucci and Goldberg 2000, https://doi.org/10.1145/355017.355028; the defaults are those of Olsen 2012 (Tobii).
    """
    pace = speed(time, degrees, _narrow(window))
    return _labels(pace, pace < threshold)


def idt(time: Time, degrees: Angles, dispersion: float = 1.0, duration: float = 100.0) -> Labels:
    """Dispersion threshold: a fixation is as many samples as stay within `dispersion` degrees, for `duration` at least.

    The dispersion is (max x - min x) + (max y - min y). The sample that leaves a fixation belongs to none, so that two
    fixations never touch. It needs no velocity and thus suits slow trackers. Salvucci and Goldberg 2000.
    """
    count = len(time)
    size = min(max(2, math.ceil((duration - INSTANT) / usual(time))), count)
    both = np.stack([degrees, -degrees]).transpose(0, 2, 1).reshape(4, count)  # x, y, -x, -y
    compact = np.flatnonzero(_highest(both, size).sum(0) <= dispersion)
    still = np.zeros(count, bool)
    place = 0
    while place < len(compact):
        start = int(compact[place])
        stop = _leaves(both, start, start + size, dispersion)
        still[start:stop] = True
        place = int(np.searchsorted(compact, stop + 1))
    return _labels(degrees[:, 0], still)


def _highest(rows: Float[np.ndarray, "k n"], size: int) -> Float[np.ndarray, "k m"]:
    """The maximum of each `size` neighbours, by doubling; NaN where one of them is."""
    found, reached = rows, 1
    while reached < size:
        shift = min(reached, size - reached)
        found = np.maximum(found[:, :-shift], found[:, shift:])
        reached += shift
    return found


def _leaves(both: Float[np.ndarray, "4 n"], start: int, stop: int, dispersion: float) -> int:
    """The first sample from `stop` on that is lost or makes start...sample wider than `dispersion`."""
    reach, length = both[:, start:stop].max(1, keepdims=True), 64
    while stop < both.shape[1]:
        grown = np.maximum.accumulate(np.concatenate([reach, both[:, stop : stop + length]], 1), 1)
        outside = np.flatnonzero(~(grown.sum(0)[1:] <= dispersion))
        if len(outside):
            return stop + int(outside[0])
        reach, stop, length = grown[:, -1:], min(stop + length, both.shape[1]), 2 * length
    return stop


def adaptive(
    time: Time,
    degrees: Angles,
    peak: float = 8.0,
    edge: float = 4.0,
    floor: float = 20.0,
    window: float | None = None,
    ringing: float = 30.0,
    briefest: float = 8.0,
) -> Labels:
    """Two thresholds from the recording's own noise: one that a saccade must pass, and one where it begins and ends.

        threshold(k) = median(v) + k 1.4826 median(|v - median(v)|)

    A saccade is a run of speeds above threshold(edge), of `briefest` milliseconds at least, that somewhere passes
    threshold(peak). Neither is below `floor` degrees per second, or half of it for the edges. Slower runs that begin
    within `ringing` milliseconds after it are the lens still swinging: its post-saccadic oscillation. Without a
    `window` the speed is taken over the shortest of `WINDOWS` with which threshold(peak) is at most `CEILING`, so that
    a noisier recording is smoothed more.

    The scheme of Nystrom and Holmqvist 2010, https://doi.org/10.3758/BRM.42.1.188, with the median and its deviation
    (as Engbert and Kliegl 2003, https://doi.org/10.1016/S0042-6989(03)00084-1) in place of mean and deviation below a
    threshold found by iteration, which runs away in recordings that are full of saccades.
    """
    if edge > peak:
        raise GazeError(f"Events: edge is {edge:g} and peak {peak:g}, but a saccade's edge is not above its peak.")
    for width in WINDOWS if window is None else (_narrow(window),):
        pace = speed(time, degrees, width)
        middle, noise = _noise(pace)
        if middle + peak * noise <= CEILING:
            break
    high, low = max(floor, middle + peak * noise), max(floor / 2, middle + edge * noise)
    return _saccades(time, pace, high, low, ringing, briefest)


def _noise(pace: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """The median and its deviation, made equal to the standard deviation of normal noise."""
    known = pace[~np.isnan(pace)]
    if not len(known):
        return 0.0, 0.0
    middle = float(np.median(known))
    return middle, 1.4826 * float(np.median(np.abs(known - middle)))


def _saccades(
    time: Time, pace: Float[np.ndarray, " n"], high: float, low: float, ringing: float, briefest: float
) -> Labels:
    labels = _labels(pace, np.ones(len(time), bool))
    first, after = runs(pace > low)
    peaks = np.fmax.reduceat(pace, first) if len(first) else pace[:0]
    saccadic = (peaks > high) & (ends(time)[after - 1] - time[first] >= briefest - INSTANT)
    place = 0
    while place < len(first):
        here, place = place, place + 1
        if not saccadic[here]:
            continue
        labels[first[here] : after[here]] = SACCADE
        limit = time[after[here] - 1] + ringing + INSTANT
        while place < len(first) and time[first[place]] <= limit and peaks[place] < peaks[here]:
            swinging = labels[after[place - 1] : after[place]]
            swinging[swinging != BLINK] = PSO
            place += 1
    return labels


def _labels(known: Float[np.ndarray, " n"], still: np.ndarray) -> Labels:
    return np.where(np.isnan(known), BLINK, np.where(still, FIXATION, SACCADE)).astype(np.int8)


def _narrow(window: float) -> float:
    if window > WIDEST:
        raise GazeError(f"Events: a window of {window:g} ms averages saccades away; give one of {WIDEST:g} or less.")
    return window
