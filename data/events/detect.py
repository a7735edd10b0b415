"""From samples to fixations: what the eye was doing at each moment.

    0 undefined   1 fixation   2 saccade   3 post-saccadic oscillation   4 pursuit   5 lost, or a blink

    samples -> degrees -> small gaps filled, the surroundings of large ones lost -> an algorithm of this folder
            -> saccades that touch a loss are lost -> fixations merged -> pursuit -> the shortest fixations undefined

A fixation is a run of label 1: labels that a person gave become fixations in the same way. Times in milliseconds,
angles in degrees, speeds in degrees per second; the fixations come in pixels of the screen. Vergence, the two eyes and
head movements are not looked at.
"""

import inspect
import math
import pkgutil
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int8

from data.errors import GazeError
from data.events.velocity import INSTANT, angles, ends, runs, trusted, usual
from data.gaze import Samples, Scanpath

UNDEFINED, FIXATION, SACCADE, PSO, PURSUIT, BLINK = range(6)
METHODS = {
    "adaptive": "data.events.algorithms:adaptive",
    "ivt": "data.events.algorithms:ivt",
    "idt": "data.events.algorithms:idt",
}
MIN_RATE_VELOCITY = 27.0  # samples per second that a velocity needs; trackers of 30 Hz lose a few
MIN_RATE = 3.0  # samples per second; times in microseconds look like fewer
MAX_RATE = 5000.0  # samples per second; times in seconds look like more
DRIFT_LAG = 150.0  # milliseconds over which the drift of the gaze is judged

Labels = Int8[np.ndarray, " n"]


def detect(
    samples: Samples,
    method: str = "adaptive",
    *,
    margin: float = 40.0,
    max_gap: float = 75.0,
    max_distance: float = 0.5,
    merge: float = 0.0,
    min_duration: float = 40.0,
    pursuit: float = 0.0,
    **options: float | None,
) -> Labels:
    """What the eye did at each sample: one label a sample, by one of `METHODS`.

    Fewer than three samples are undefined.

    Args:
        samples: A recording of one person looking at one thing.
        method: One of `METHODS`.
        margin: How many milliseconds around a loss are lost as well.
        max_gap: The longest loss that is filled, in milliseconds, where the gaze on its two sides is at most
            `max_distance` apart; where one sample of a quick tracker is lost, at any distance.
        max_distance: In degrees, for filling a loss and for merging two fixations.
        merge: The longest break without a loss, in milliseconds, between two fixations at most `max_distance` apart
            that are one; 0 merges none.
        min_duration: Shorter fixations are undefined, in milliseconds.
        pursuit: What drifts faster than this, in degrees per second, is no fixation; 0 looks for none, which is right
            for still pictures; 3 suits moving targets.
        **options: Those of the method itself.

    Raises:
        GazeError: There is no such method or option, an option is out of range, or the clock does not suit the method.
    """
    common = {"margin": margin, "max_gap": max_gap, "max_distance": max_distance, "merge": merge}
    common |= {"min_duration": min_duration, "pursuit": pursuit}
    algorithm = _algorithm(method, common, options)
    degrees = angles(samples)
    if len(samples) < 3:
        return np.where(np.isnan(degrees[:, 0]), BLINK, UNDEFINED).astype(np.int8)
    rate = 1000 / usual(samples.time)
    if not MIN_RATE <= rate <= MAX_RATE:
        raise GazeError(f"Events: {rate:.3g} samples per second cannot be; give the times in milliseconds.")
    if method != "idt" and max(rate, samples.rate) < MIN_RATE_VELOCITY:
        raise GazeError(f"Events: {rate:.3g} samples per second are too few for velocities; give the method 'idt'.")
    measured = ~np.isnan(degrees[:, 0])
    degrees = trusted(samples.time, degrees, margin, max_gap, max_distance)
    labels = algorithm(samples.time, degrees, **options)
    _drop_lid_movements(labels)
    if merge:
        _merge(samples.time, degrees, labels, merge, max_distance)
    if pursuit:
        _mark_pursuit(samples.time, degrees, labels, pursuit)
    _drop_short(samples.time, measured, labels, min_duration)
    if merge:  # what was too short lies between two no more
        _merge(samples.time, degrees, labels, merge, max_distance)
    return labels


def detect_fixations(samples: Samples, labels: Labels) -> Scanpath:
    """The runs of label 1: the mean place of each in pixels of the screen, its onset and its duration.

    A run during which the gaze was nowhere measured has no place and is left out.

    Raises:
        GazeError: There is not one label a sample.

    >>> from data.gaze import Screen
    >>> time = np.arange(0.0, 400.0, 2.0)
    >>> xy = np.where(time[:, None] < 200, [100.0, 300.0], [500.0, 300.0])
    >>> samples = Samples("anna", "001.jpg", time, xy, Screen(1024, 768, 38.0, 30.0, 67.0))
    >>> path = detect_fixations(samples, detect(samples))
    >>> path.xy.round().tolist(), path.onset.tolist(), path.duration.tolist()
    ([[100.0, 300.0], [500.0, 300.0]], [0.0, 206.0], [194.0, 194.0])
    """
    if np.shape(labels) != samples.time.shape:
        raise GazeError(f"Events: {np.size(labels)} labels for {len(samples)} samples; give one label a sample.")
    first, after = runs(labels == FIXATION)
    measured = ~np.isnan(angles(samples)[:, 0])
    count, xy = _means(samples.xy, measured, first, after)
    first, after, xy = first[count > 0], after[count > 0], xy[count > 0]
    onset = samples.time[first]
    return Scanpath(samples.subject, xy, onset, ends(samples.time)[after - 1] - onset)


def _algorithm(name: str, common: dict[str, float], own: dict[str, float | None]) -> Callable[..., Labels]:
    """The function of a method, once its options are known and in range."""
    if name not in METHODS:
        raise GazeError(f"Events: there is no method {name!r}; choose one of {', '.join(METHODS)}.")
    algorithm: Callable[..., Labels] = pkgutil.resolve_name(METHODS[name])
    names = list(inspect.signature(algorithm).parameters)[2:]
    for option, value in {**common, **own}.items():
        if option not in common and option not in names:
            raise GazeError(f"Events: {name} has no option {option}; it has {', '.join([*names, *common])}.")
        if value is None and option == "window":
            continue
        if value is None or not math.isfinite(value) or value < 0 or (value == 0 and option in own):
            least = "of 0 or more" if option in common else "above 0"
            raise GazeError(f"Events: {option} is {value}, but must be a number {least}.")
    return algorithm


def _means(
    values: Float[np.ndarray, "n 2"], measured: np.ndarray, first: np.ndarray, after: np.ndarray
) -> tuple[np.ndarray, Float[np.ndarray, "k 2"]]:
    """How many measured values each run has, and their mean."""
    table = np.column_stack([measured, np.where(measured[:, None], values, 0.0)])
    sums = np.concatenate([np.zeros((1, 3)), table.cumsum(0)])
    sums = sums[after] - sums[first]
    return sums[:, 0], sums[:, 1:] / np.maximum(sums[:, :1], 1)


def _drop_lid_movements(labels: Labels) -> None:
    """A movement that touches a loss is the lid's, not the eye's."""
    moves = (labels == SACCADE) | (labels == PSO)
    lost = np.concatenate([[False], labels == BLINK, [False]])
    for start, stop in zip(*runs(moves), strict=True):
        if lost[start] or lost[stop + 1]:
            labels[start:stop] = BLINK


def _merge(
    time: Float[np.ndarray, " n"],
    degrees: Float[np.ndarray, "n 2"],
    labels: Labels,
    max_break: float,
    max_distance: float,
) -> None:
    """Neighbouring fixations become one where little time and little way lies between them, and no loss."""
    first, after = runs(labels == FIXATION)
    _, centre = _means(degrees, ~np.isnan(degrees[:, 0]), first, after)
    breaks = time[first[1:]] - ends(time)[after[:-1] - 1]
    near = np.hypot(*np.diff(centre, axis=0).T) <= max_distance
    losses = np.concatenate([[0], (labels == BLINK).cumsum()])
    whole = losses[after[:-1]] == losses[first[1:]]
    for index in np.flatnonzero(near & whole & (breaks <= max_break + INSTANT)):
        labels[after[index] : first[index + 1]] = FIXATION


def _mark_pursuit(
    time: Float[np.ndarray, " n"], degrees: Float[np.ndarray, "n 2"], labels: Labels, min_speed: float
) -> None:
    """A fixation that drifts faster than `min_speed` degrees per second, in the median over `DRIFT_LAG`, is a pursuit.

    The drift is that of means over half a lag: single samples are as far apart as their noise.
    """
    lag = round(DRIFT_LAG / usual(time))
    for start, stop in zip(*runs(labels == FIXATION), strict=True):
        shift = min(lag, (stop - start) // 2)
        if not shift:
            continue
        width = max(1, shift // 2)
        sums = np.column_stack([time[start:stop] - time[start], degrees[start:stop]]).cumsum(0)
        sums = np.concatenate([np.zeros((1, 3)), sums])
        means = (sums[width:] - sums[:-width]) / width
        lapse, *way = (means[shift:] - means[:-shift]).T
        if np.median(np.hypot(*way) / lapse) > min_speed / 1000:
            labels[start:stop] = PURSUIT


def _drop_short(
    time: Float[np.ndarray, " n"], measured: Bool[np.ndarray, " n"], labels: Labels, min_duration: float
) -> None:
    """What is shorter than a fixation, or was nowhere measured, is undefined."""
    first, after = runs(labels == FIXATION)
    count = np.concatenate([[0], measured.cumsum()])
    dropped = (ends(time)[after - 1] - time[first] < min_duration - INSTANT) | (count[after] == count[first])
    for start, stop in zip(first[dropped], after[dropped], strict=True):
        labels[start:stop] = UNDEFINED
