"""For how long the pictures of a set were shown, where nobody says it: as its trials tell.

The whole seconds next above the end of 95 % of the recorded fixations, or, without recorded onsets, above the median
trial's sum of durations.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from data.gaze import Picture, Scanpath
from data.table import summary

UNKNOWN = 3.0, "unknown"  # seconds of viewing, and where they come from
MAX_SECONDS = 60  # of viewing
ENDED_SHARE = 0.95  # of the trials end before the picture goes
OVERHANG = 50.0  # milliseconds by which a fixation may outlast the picture


def presentation_time(items: Iterable[tuple[Picture, Sequence[Scanpath]]]) -> tuple[float, str]:
    """For how many seconds each picture was shown, and where that comes from: a value of `seconds_source`."""
    paths = [path for _, paths in items for path in paths if len(path)]
    recorded = [path for path in paths if np.isfinite(path.onset).all()]
    timed = [path for path in paths if np.isfinite(path.duration).all() and path.subject != summary.EVERYBODY]
    if recorded:
        ends = [float((path.onset + np.nan_to_num(path.duration)).max()) for path in recorded]
        return _whole_seconds(float(np.quantile(ends, ENDED_SHARE)) - OVERHANG), "recorded"
    if timed:
        return _whole_seconds(1000 * float(np.median([*map(summary.lasted, timed)]))), "durations"
    return UNKNOWN


def _whole_seconds(length: float) -> float:
    """The whole seconds next above milliseconds."""
    return float(min(max(1, math.ceil(length / 1000)), MAX_SECONDS))
