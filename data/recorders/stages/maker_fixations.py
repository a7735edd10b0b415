"""Fixations that a maker's program found, cut into trials: the stage that readers of such tables pass.

A row without a place on the screen, without a duration above 0, or without an onset where others have one, is no
fixation; such rows are counted and told. Where no row has an onset, all are unknown, and stay so in the data set.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data.errors import RecordingError
from data.gaze import Fixations, Screen
from data.recorders.stages.recording_names import stem
from data.recorders.stages.text_table import Warn

Keys = tuple[np.ndarray, np.ndarray, np.ndarray]  # the subject, the stimulus and the number of the trial of each row


def trials(
    path: Path,
    onset: Float[np.ndarray, " n"],
    duration: Float[np.ndarray, " n"],
    xy: Float[np.ndarray, "n 2"],
    screen: Screen,
    keys: Keys,
    tell: Warn,
) -> Iterator[Fixations]:
    """One `Fixations` a trial, each in the order of its onsets, or of the file where they are unknown.

    Times are milliseconds from the onset of the trial, places pixels of the screen, NaN where they are lost.

    Raises:
        RecordingError: No row is a fixation.
    """
    kept = np.isfinite(xy).all(1) & (duration > 0)
    unknown = not np.isfinite(onset[kept]).any()
    kept &= np.isfinite(onset) | unknown
    if not kept.any():
        raise RecordingError(f"{path}: no row of it is a fixation with a place and a duration; export them.")
    if not kept.all():
        tell(f"{path}: {(~kept).sum()} of {len(kept)} fixations lack a place, a duration or an onset and are left out.")
    if unknown:
        tell(f"{path}: no fixation has an onset; all are left unknown, and their order is that of the rows.")
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, key in enumerate(zip(*keys, strict=True)):
        if kept[index]:
            groups.setdefault(key, []).append(index)
    for (who, what, _), indices in groups.items():
        rows = np.array(indices)
        rows = rows if unknown else rows[np.argsort(onset[rows], kind="stable")]
        yield Fixations(str(who) or stem(path), str(what), onset[rows], duration[rows], xy[rows], screen)


def clock_restarts(time: Float[np.ndarray, " n"], keys: np.ndarray) -> np.ndarray:
    """The number of the stretch of one key in which the clock only rises, for each row."""
    new = np.ones(len(time), bool)
    new[1:] = (keys[1:] != keys[:-1]) | (time[1:] < time[:-1])
    return np.cumsum(new)
