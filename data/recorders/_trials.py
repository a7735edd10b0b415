"""Samples of a recording cut into trials: where one begins and ends, and a clock that only rises."""

import itertools
import math
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int64

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders._recording_names import stem
from data.recorders._text_table import Warn


def rising(
    time: Float[np.ndarray, " n"], xy: Float[np.ndarray, "n 2"]
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, "m 2"]]:
    """Samples in the order of time, the first of those that share one."""
    order = np.argsort(time, kind="stable")
    order = order[np.isfinite(time[order])]
    first = np.diff(time[order], prepend=-np.inf) > 0
    return time[order][first], xy[order][first]


def trials(
    path: Path,
    time: Float[np.ndarray, " n"],
    xy: Float[np.ndarray, "n 2"],
    screen: Screen,
    names: tuple[np.ndarray, np.ndarray],
    trial: np.ndarray | None = None,
    tell: Warn = warnings.warn,
) -> Iterator[Samples]:
    """One `Samples` a trial; `names` are the subject and the stimulus of each row, the times milliseconds.

    Without numbers of trials, a trial ends where the subject or the stimulus changes; always where the clock begins
    anew. Its time counts from its first sample, unless that is negative: then the file counts from the onset itself.

    Raises:
        RecordingError: No row has a time, or the rows of the trials are mixed.
    """
    kept = np.isfinite(time)
    if not kept.any():
        raise RecordingError(f"{path}: no row has a time; check the column of time.")
    if kept.mean() < 0.9:
        tell(f"{path}: {(~kept).mean():.0%} of the rows have no time and are left out.")
    time, xy, subject, stimulus = time[kept], xy[kept], names[0][kept], names[1][kept]
    number = _changes(subject, stimulus) if trial is None else trial[kept]
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, key in enumerate(zip(subject, stimulus, number, strict=True)):
        groups.setdefault(key, []).append(index)
    if len(groups) > 20 and len(groups) > len(time) / 3:
        raise RecordingError(f"{path}: its trials are mixed row by row; sort its rows by trial and time.")
    for (who, what, _), indices in groups.items():
        for rows in _restarts(time, np.array(indices)):
            near = _near(time[rows])
            if not near.all():
                away = int((~near).sum())
                tell(f"{path}: {away} times of {who!r} on {what!r} are far from all others; they are left out.")
            clock, gaze = rising(time[rows[near]], xy[rows[near]])
            if len(clock) < 0.9 * near.sum():
                share = 1 - len(clock) / near.sum()
                tell(f"{path}: {share:.0%} of the times of {who!r} on {what!r} are there twice; the first is kept.")
            yield Samples(str(who) or stem(path), str(what), clock - max(clock[0], 0), gaze, screen)


def _near(time: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Which times are where most are; a few wild ones are a tracker's mistake."""
    steps = np.abs(np.diff(time))
    usual = float(np.median(steps)) if len(steps) else 1.0
    return np.asarray(np.abs(time - np.median(time)) <= 60_000 + 10 * len(time) * usual)


def _changes(subject: np.ndarray, stimulus: np.ndarray) -> Int64[np.ndarray, " n"]:
    """The number of the stretch of one subject and one stimulus that each row is in."""
    new = np.ones(len(subject), bool)
    new[1:] = (subject[1:] != subject[:-1]) | (stimulus[1:] != stimulus[:-1])
    return np.cumsum(new)


def _restarts(time: Float[np.ndarray, " n"], rows: Int64[np.ndarray, " m"]) -> list[Int64[np.ndarray, " k"]]:
    """The rows of a trial, split where the clock goes back to about where it began."""
    steps = np.diff(time[rows])
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 1.0
    back = np.flatnonzero(steps < -20 * usual) + 1
    return np.split(rows, [row for row in map(int, back) if abs(time[rows[row]] - time[rows[0]]) <= 10 * usual])


def split_at(
    time: Float[np.ndarray, " n"],
    xy: Float[np.ndarray, "n 2"],
    marks: list[tuple[float, float, str]],
    subject: str,
    screen: Screen,
) -> Iterator[Samples]:
    """One `Samples` a mark (onset, end, stimulus), both in the order of time.

    It begins a second before the onset, or at the end of the mark before, and goes on to its own end.
    """
    after = -math.inf
    for onset, end, stimulus in marks:
        first, last = np.searchsorted(time, [max(min(after, onset), onset - 1000), end])
        if last > first:
            yield Samples(subject, stimulus, time[first:last] - onset, xy[first:last], screen)
        after = end


def mark_ends(onsets: list[float], durations: list[float]) -> list[float]:
    """When each of some marks ends: after its duration, or where that is not above 0 when the next begins."""
    after = [later for _, later in itertools.pairwise([*onsets, math.inf])]
    marks = zip(onsets, durations, after, strict=True)
    return [onset + duration if duration > 0 else later for onset, duration, later in marks]
