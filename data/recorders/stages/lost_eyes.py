"""Where a tracker saw no eye: by what no gaze can be, in every recorder alike, however few samples it concerns.

    half a place                        (512, nothing)
    one whole number in both            (-1, -1) and the like, off the screen; (0, 0) where it is the screen's corner
    0 or -1 in one coordinate           for three samples and more at the edge; inside it where nothing else stays
    more than one screen away           9999, -32768, 1e8, and shares of the screen outside -1 to 2

The makers' codes are among these: (-1, -1) of edf2asc's `-miss -1.0`, Tobii's SDK and iMotions, (0, 0) of Gazepoint
and SMI, -32768 and 1e8 of EyeLink's missing data.
"""

import numpy as np
from jaxtyping import Float

from data.gaze import Screen

MISSING = -32768  # EyeLink's MISSING_DATA, the least number of 16 bits
RUN = 3  # samples
CALM = 0.2  # of the samples of a coordinate that may stay what they are
HUGE = 1e7  # of any unit; EyeLink also writes 1e8


def without_codes(xy: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
    """Places as written, NaN in both coordinates where one is no number or no place in any unit."""
    lost = ~np.isfinite(xy).all(1) | (xy == MISSING).any(1) | (np.abs(xy) >= HUGE).any(1)
    return np.where(lost[:, None], np.nan, xy)


def seen(written: Float[np.ndarray, "n 2"], xy: Float[np.ndarray, "n 2"], screen: Screen) -> Float[np.ndarray, "n 2"]:
    """Places in pixels of the screen, NaN in both coordinates where the eye was lost; `written` are those of the file.

    The same whole number in both coordinates is a code where it lies on no pixel, but off the screen or on its corner.
    So is 0 or -1 in one coordinate for `RUN` samples and more, at or beyond the edge of the screen; and anywhere on it
    where the coordinate else hardly ever stays what it is, as that of a gaze does not.
    """
    size = np.array([screen.width, screen.height], float)
    inside = np.asarray((xy > 0) & (xy < size))
    lost = (alike(written) & ~inside.all(1)) | ~reached(xy, screen) | np.isnan(without_codes(written)).any(1)
    for axis in (0, 1):
        held, calm = _held(written[:, axis])
        lost |= held & (~inside[:, axis] | (calm < CALM))
    return np.where(lost[:, None], np.nan, xy)


def reached(xy: Float[np.ndarray, "n 2"], screen: Screen) -> np.ndarray:
    """Which places in pixels are less than one screen away from the screen."""
    size = np.array([screen.width, screen.height], float)
    return np.asarray(np.all((xy > -size) & (xy < 2 * size), axis=1))


def alike(written: Float[np.ndarray, "n 2"]) -> np.ndarray:
    """Which samples have the same whole number in both coordinates."""
    return np.asarray((written[:, 0] == written[:, 1]) & (written[:, 0] == np.round(written[:, 0])))


def likely_codes(written: Float[np.ndarray, "n 2"]) -> np.ndarray:
    """Which samples are likely codes, as far as that can be said before their unit is known."""
    stays = np.zeros(len(written), bool)
    stays[1:] = (written[1:] == written[:-1]).all(1)
    held = _held(written[:, 0])[0] | _held(written[:, 1])[0]
    return np.asarray(stays | held | (alike(written) & (written[:, 0] <= 0)))


def _held(values: Float[np.ndarray, " n"]) -> tuple[np.ndarray, float]:
    """Where a coordinate is 0 or -1 for `RUN` samples and more, and what share of its other samples stay as long."""
    if not len(values):
        return np.zeros(0, bool), 0.0
    starts = np.flatnonzero(np.diff(values, prepend=np.nan) != 0)
    lengths = np.diff([*starts, len(values)])
    long = np.repeat(lengths, lengths) >= RUN
    code = np.isin(values, (0, -1))
    others = np.isfinite(values) & ~code
    return code & long, float(long[others].mean()) if others.any() else 1.0


def joined(
    left: Float[np.ndarray, "n 2"], right: Float[np.ndarray, "n 2"], eye: str = "both"
) -> Float[np.ndarray, "n 2"]:
    """One place of two eyes: their mean, or one of them (`eye` left or right); where one is lost, the other's.

    The other's place is moved by what lies between the two eyes in the median, so that no loss makes a step.
    """
    both = np.asarray(np.isfinite(left).all(1) & np.isfinite(right).all(1))
    apart = np.median((right - left)[both], 0) if both.any() else np.zeros(2)
    share = {"left": 0.0, "right": 1.0}.get(eye, 0.5)  # of the way from the left eye to the right
    first, second = left + share * apart, right - (1 - share) * apart
    middle = left + share * (right - left)
    alone = np.where(np.asarray(np.isfinite(first).all(1))[:, None], first, second)
    return np.asarray(np.where(both[:, None], middle, alone))
