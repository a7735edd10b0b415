"""Three ways to tell when an eye moves: it is fast, it stays together, it is faster than its own noise.

Each takes the times (milliseconds) and the gaze (degrees, NaN where it is lost) and gives a label per sample. What they
have in common (losses, merging, the shortest fixation) is done by `data.events.detect`.
"""

import math

import numpy as np
from jaxtyping import Float, Int8

from data.errors import GazeError
from data.events.detect import BLINK, FIXATION, PSO, SACCADE
from data.events.velocity import INSTANT, ends, runs, speed, usual

MAX_WINDOW = 200.0  # milliseconds: a velocity over more would average saccades away
WINDOWS = (12.0, 20.0, 32.0, 48.0)  # milliseconds, of the adaptive method
MAX_THRESHOLD = 100.0  # degrees per second: a threshold above it would miss the saccades in a picture

Time = Float[np.ndarray, " n"]
Angles = Float[np.ndarray, "n 2"]
Labels = Int8[np.ndarray, " n"]


def ivt(time: Time, degrees: Angles, threshold: float = 30.0, window: float = 20.0) -> Labels:
    """Velocity threshold: fixations are the samples slower than `threshold`, in degrees per second.

    Salvucci and Goldberg 2000, https://doi.org/10.1145/355017.355028; the defaults are those of Olsen 2012 (Tobii).

    Raises:
        GazeError: The window is longer than `MAX_WINDOW`.
    """
    speeds = speed(time, degrees, _narrow(window))
    return _labels(speeds, speeds < threshold)


def idt(time: Time, degrees: Angles, dispersion: float = 1.0, duration: float = 100.0) -> Labels:
    """Dispersion threshold: a fixation is as many samples as stay within `dispersion` degrees, for `duration` at least.

    The dispersion is (max x - min x) + (max y - min y). The sample that leaves a fixation belongs to none, so that two
    fixations never touch. It needs no velocity and thus suits slow trackers. Salvucci and Goldberg 2000.
    """
    count = len(time)
    size = min(max(2, math.ceil((duration - INSTANT) / usual(time))), count)
    sides = np.stack([degrees, -degrees]).transpose(0, 2, 1).reshape(4, count)  # x, y, -x, -y
    compact = np.flatnonzero(_highest(sides, size).sum(0) <= dispersion)
    fixating = np.zeros(count, bool)
    next_start = 0
    while next_start < len(compact):
        start = int(compact[next_start])
        stop = _leaves(sides, start, start + size, dispersion)
        fixating[start:stop] = True
        next_start = int(np.searchsorted(compact, stop + 1))
    return _labels(degrees[:, 0], fixating)


def _highest(rows: Float[np.ndarray, "k n"], size: int) -> Float[np.ndarray, "k m"]:
    """The maximum of each `size` neighbours, by doubling; NaN where one of them is."""
    highest, reached = rows, 1
    while reached < size:
        shift = min(reached, size - reached)
        highest = np.maximum(highest[:, :-shift], highest[:, shift:])
        reached += shift
    return highest


def _leaves(sides: Float[np.ndarray, "4 n"], start: int, stop: int, dispersion: float) -> int:
    """The first sample from `stop` on that is lost or makes start...sample wider than `dispersion`."""
    reach, length = sides[:, start:stop].max(1, keepdims=True), 64
    while stop < sides.shape[1]:
        grown = np.maximum.accumulate(np.concatenate([reach, sides[:, stop : stop + length]], 1), 1)
        outside = np.flatnonzero(~(grown.sum(0)[1:] <= dispersion))
        if len(outside):
            return stop + int(outside[0])
        reach, stop, length = grown[:, -1:], min(stop + length, sides.shape[1]), 2 * length
    return stop


def adaptive(
    time: Time,
    degrees: Angles,
    peak_threshold: float = 8.0,
    onset_threshold: float = 4.0,
    floor: float = 20.0,
    window: float | None = None,
    pso_window: float = 30.0,
    min_saccade: float = 8.0,
) -> Labels:
    """Two thresholds from the recording's own noise: one that a saccade must pass, and one where it begins and ends.

        threshold(k) = median(v) + k 1.4826 median(|v - median(v)|)

    A saccade is a run of speeds above threshold(onset_threshold), of `min_saccade` milliseconds at least, that
    somewhere passes threshold(peak_threshold): both parameters are multiples of the noise. Neither threshold is below
    `floor` degrees per second, or half of it for the onset. Slower runs that begin within `pso_window` milliseconds
    after it are the lens still swinging: its post-saccadic oscillation. Without a `window` the speed is taken over the
    shortest of `WINDOWS` with which threshold(peak_threshold) is at most `MAX_THRESHOLD`, so that a noisier recording
    is smoothed more.

    The scheme of Nystrom and Holmqvist 2010, https://doi.org/10.3758/BRM.42.1.188, with the median and its deviation
    (as Engbert and Kliegl 2003, https://doi.org/10.1016/S0042-6989(03)00084-1) in place of mean and deviation below a
    threshold found by iteration, which runs away in recordings that are full of saccades.

    Raises:
        GazeError: The onset's threshold is above the peak's, or the window is longer than `MAX_WINDOW`.
    """
    if onset_threshold > peak_threshold:
        raise GazeError(
            f"Events: onset_threshold is {onset_threshold:g} and peak_threshold {peak_threshold:g}; "
            "give an onset_threshold that is not above the peak_threshold."
        )
    for width in WINDOWS if window is None else (_narrow(window),):
        speeds = speed(time, degrees, width)
        middle, noise = _noise(speeds)
        if middle + peak_threshold * noise <= MAX_THRESHOLD:
            break
    high, low = max(floor, middle + peak_threshold * noise), max(floor / 2, middle + onset_threshold * noise)
    return _saccades(time, speeds, high, low, pso_window, min_saccade)


def _noise(speeds: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """The median and its deviation, made equal to the standard deviation of normal noise."""
    measured = speeds[~np.isnan(speeds)]
    if not len(measured):
        return 0.0, 0.0
    middle = float(np.median(measured))
    return middle, 1.4826 * float(np.median(np.abs(measured - middle)))


def _saccades(
    time: Time, speeds: Float[np.ndarray, " n"], high: float, low: float, pso_window: float, min_saccade: float
) -> Labels:
    labels = _labels(speeds, np.ones(len(time), bool))
    first, after = runs(speeds > low)
    peaks = np.fmax.reduceat(speeds, first) if len(first) else speeds[:0]
    saccadic = (peaks > high) & (ends(time)[after - 1] - time[first] >= min_saccade - INSTANT)
    following = 0
    while following < len(first):
        run, following = following, following + 1
        if not saccadic[run]:
            continue
        labels[first[run] : after[run]] = SACCADE
        limit = time[after[run] - 1] + pso_window + INSTANT
        while following < len(first) and time[first[following]] <= limit and peaks[following] < peaks[run]:
            swinging = labels[after[following - 1] : after[following]]
            swinging[swinging != BLINK] = PSO
            following += 1
    return labels


def _labels(values: Float[np.ndarray, " n"], fixating: np.ndarray) -> Labels:
    return np.where(np.isnan(values), BLINK, np.where(fixating, FIXATION, SACCADE)).astype(np.int8)


def _narrow(window: float) -> float:
    if window > MAX_WINDOW:
        raise GazeError(
            f"Events: a window of {window:g} ms averages saccades away; give one of {MAX_WINDOW:g} or less."
        )
    return window
