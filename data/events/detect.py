"""From samples to fixations: what the eye was doing at each moment.

    0 undefined   1 fixation   2 saccade   3 post-saccadic oscillation   4 pursuit   5 lost, or a blink

    samples -> degrees -> small holes filled, the surroundings of large ones lost -> a detector of
    `data.events.algorithms`
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
SLOWEST = 27.0  # samples per second that a velocity needs; trackers of 30 Hz lose a few
SCARCEST = 3.0  # samples per second; times in microseconds look like fewer
QUICKEST = 5000.0  # samples per second; times in seconds look like more
LAG = 150.0  # milliseconds over which the drift of the gaze is judged

Labels = Int8[np.ndarray, " n"]


def detect(
    samples: Samples,
    method: str = "adaptive",
    *,
    margin: float = 40.0,
    bridge: float = 75.0,
    apart: float = 0.5,
    merge: float = 0.0,
    shortest: float = 40.0,
    pursuit: float = 0.0,
    **options: float | None,
) -> Labels:
    """What the eye did at each sample, by one of `METHODS`; fewer than three samples are undefined.

    `margin`: how much around a loss is lost as well. `bridge`: the longest loss that is filled, where the gaze on its
    two sides is at most `apart` degrees apart; where one sample of a quick tracker is lost, at any distance. `merge`:
    the longest break without a loss between two fixations, at most `apart` degrees apart, that are one; 0 merges none.
    `shortest`: a shorter fixation is undefined. `pursuit`: what drifts faster than this is no fixation; 0 looks for
    none, which is right for still pictures; 3 suits moving targets. The other options are the method's own.
    """
    common = {"margin": margin, "bridge": bridge, "apart": apart, "merge": merge, "shortest": shortest}
    found = _method(method, {**common, "pursuit": pursuit}, options)
    degrees = angles(samples)
    if len(samples) < 3:
        return np.where(np.isnan(degrees[:, 0]), BLINK, UNDEFINED).astype(np.int8)
    rate = 1000 / usual(samples.time)
    if not SCARCEST <= rate <= QUICKEST:
        raise GazeError(f"Events: {rate:.3g} samples per second cannot be; give the times in milliseconds.")
    if method != "idt" and max(rate, samples.rate) < SLOWEST:
        raise GazeError(f"Events: {rate:.3g} samples per second are too few for velocities; give the method 'idt'.")
    measured = ~np.isnan(degrees[:, 0])
    degrees = trusted(samples.time, degrees, margin, bridge, apart)
    labels = found(samples.time, degrees, **options)
    _lose(labels)
    if merge:
        _merge(samples.time, degrees, labels, merge, apart)
    if pursuit:
        _pursue(samples.time, degrees, labels, pursuit)
    _shorten(samples.time, measured, labels, shortest)
    if merge:  # what was too short lies between two no more
        _merge(samples.time, degrees, labels, merge, apart)
    return labels


def detect_fixations(samples: Samples, labels: Labels) -> Scanpath:
    """The runs of label 1: the mean place of each in pixels of the screen, its onset and its duration.

    A run during which the gaze was nowhere measured has no place and is left out.

    >>> from data.gaze import Screen
    >>> at = np.arange(0.0, 400.0, 2.0)
    >>> xy = np.where(at[:, None] < 200, [100.0, 300.0], [500.0, 300.0])
    >>> samples = Samples("anna", "001.jpg", at, xy, Screen(1024, 768, 38.0, 30.0, 67.0))
    >>> path = detect_fixations(samples, detect(samples))
    >>> path.xy.round().tolist(), path.onset.tolist(), path.duration.tolist()
    ([[100.0, 300.0], [500.0, 300.0]], [0.0, 206.0], [194.0, 194.0])
    """
    if np.shape(labels) != samples.time.shape:
        raise GazeError(f"Events: {np.size(labels)} labels for {len(samples)} samples; give one label a sample.")
    first, after = runs(labels == FIXATION)
    known = ~np.isnan(angles(samples)[:, 0])
    count, xy = _means(samples.xy, known, first, after)
    first, after, xy = first[count > 0], after[count > 0], xy[count > 0]
    onset = samples.time[first]
    return Scanpath(samples.subject, xy, onset, ends(samples.time)[after - 1] - onset)


def _method(name: str, common: dict[str, float], own: dict[str, float | None]) -> Callable[..., Labels]:
    """The detector of a name, once all that it is given is in order."""
    if name not in METHODS:
        raise GazeError(f"Events: there is no method {name!r}; choose one of {', '.join(METHODS)}.")
    found: Callable[..., Labels] = pkgutil.resolve_name(METHODS[name])
    names = list(inspect.signature(found).parameters)[2:]
    for option, value in {**common, **own}.items():
        if option not in common and option not in names:
            raise GazeError(f"Events: {name} has no option {option}; it has {', '.join([*names, *common])}.")
        if value is None and option == "window":
            continue
        if value is None or not math.isfinite(value) or value < 0 or (value == 0 and option in own):
            least = "of 0 or more" if option in common else "above 0"
            raise GazeError(f"Events: {option} is {value}, but must be a number {least}.")
    return found


def _means(
    values: Float[np.ndarray, "n 2"], known: np.ndarray, first: np.ndarray, after: np.ndarray
) -> tuple[np.ndarray, Float[np.ndarray, "k 2"]]:
    """How many known values each run has, and their mean."""
    table = np.column_stack([known, np.where(known[:, None], values, 0.0)])
    sums = np.concatenate([np.zeros((1, 3)), table.cumsum(0)])
    sums = sums[after] - sums[first]
    return sums[:, 0], sums[:, 1:] / np.maximum(sums[:, :1], 1)


def _lose(labels: Labels) -> None:
    """A movement that touches a loss is the lid's, not the eye's."""
    moves = (labels == SACCADE) | (labels == PSO)
    lost = np.concatenate([[False], labels == BLINK, [False]])
    for start, stop in zip(*runs(moves), strict=True):
        if lost[start] or lost[stop + 1]:
            labels[start:stop] = BLINK


def _merge(
    time: Float[np.ndarray, " n"], degrees: Float[np.ndarray, "n 2"], labels: Labels, longest: float, apart: float
) -> None:
    """Neighbouring fixations become one where little time and little way lies between them, and no loss."""
    first, after = runs(labels == FIXATION)
    _, place = _means(degrees, ~np.isnan(degrees[:, 0]), first, after)
    breaks = time[first[1:]] - ends(time)[after[:-1] - 1]
    near = np.hypot(*np.diff(place, axis=0).T) <= apart
    losses = np.concatenate([[0], (labels == BLINK).cumsum()])
    whole = losses[after[:-1]] == losses[first[1:]]
    for index in np.flatnonzero(near & whole & (breaks <= longest + INSTANT)):
        labels[after[index] : first[index + 1]] = FIXATION


def _pursue(time: Float[np.ndarray, " n"], degrees: Float[np.ndarray, "n 2"], labels: Labels, slowest: float) -> None:
    """A fixation that drifts faster than `slowest` degrees per second, in the median over `LAG`, is a pursuit.

    The drift is that of means over half a lag: single samples are as far apart as their noise.
    """
    lag = round(LAG / usual(time))
    for start, stop in zip(*runs(labels == FIXATION), strict=True):
        shift = min(lag, (stop - start) // 2)
        if not shift:
            continue
        width = max(1, shift // 2)
        sums = np.column_stack([time[start:stop] - time[start], degrees[start:stop]]).cumsum(0)
        sums = np.concatenate([np.zeros((1, 3)), sums])
        means = (sums[width:] - sums[:-width]) / width
        lapse, *way = (means[shift:] - means[:-shift]).T
        if np.median(np.hypot(*way) / lapse) > slowest / 1000:
            labels[start:stop] = PURSUIT


def _shorten(time: Float[np.ndarray, " n"], measured: Bool[np.ndarray, " n"], labels: Labels, shortest: float) -> None:
    """What is shorter than a fixation, or was nowhere measured, is undefined."""
    first, after = runs(labels == FIXATION)
    count = np.concatenate([[0], measured.cumsum()])
    none = (ends(time)[after - 1] - time[first] < shortest - INSTANT) | (count[after] == count[first])
    for start, stop in zip(first[none], after[none], strict=True):
        labels[start:stop] = UNDEFINED
