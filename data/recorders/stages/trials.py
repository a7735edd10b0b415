"""Samples of a recording cut into trials: the stage that every reader passes.

A trial lies within one segment of the clock (`segments`); its times only rise, and lie together: a few
that are far from all others are left out, and told.
"""

import itertools
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int64

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders.stages.recording_names import stem
from data.recorders.stages.segments import FAR, Rows, near, paused, segments
from data.recorders.stages.text_table import Warn

STRAY = 1 / 3  # of the rows: as many may be far from all others

Names = tuple[np.ndarray, np.ndarray]  # the subject and the stimulus of each row


@dataclass(frozen=True)
class Marks:
    """When each trial of a recording began and what was shown, in the order of the file that says so."""

    onset: Float[np.ndarray, " m"]  # milliseconds of the recording's clock
    duration: Float[np.ndarray, " m"]  # milliseconds; not above 0: to the next one
    stimulus: np.ndarray  # None: it only ends the trial before
    mend: str = "give the events of this recording"  # where they lie elsewhere than the samples

    def __len__(self) -> int:
        return len(self.onset)

    def of(self, rows: np.ndarray) -> "Marks":
        """Some of them."""
        return replace(self, onset=self.onset[rows], duration=self.duration[rows], stimulus=self.stimulus[rows])


def trials(
    path: Path,
    time: Float[np.ndarray, " n"],
    xy: Float[np.ndarray, "n 2"],
    screen: Screen,
    names: Names,
    trial: np.ndarray | None = None,
    tell: Warn = warnings.warn,
) -> Iterator[Samples]:
    """One `Samples` a trial; `names` are the subject and the stimulus of each row, the times milliseconds.

    Without numbers of trials, a trial ends where the subject or the stimulus changes; always where the clock begins
    anew. Its time counts from its first sample, unless that is negative: then the file counts from the onset itself.

    Raises:
        RecordingError: No row has a time, or the rows of the trials are mixed.
    """
    kept = _timed(path, time, tell)
    time, xy, subject, stimulus = time[kept], xy[kept], names[0][kept], names[1][kept]
    number = _changes(subject, stimulus) if trial is None else trial[kept]
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, key in enumerate(zip(subject, stimulus, number, strict=True)):
        groups.setdefault(key, []).append(index)
    if len(groups) > 20 and len(groups) > len(time) / 3:
        raise RecordingError(f"{path}: its trials are mixed row by row; sort its rows by trial and time.")
    for (who, what, _), indices in groups.items():
        own = np.array(indices)
        for rows in _parts(path, time[own], f"{who!r} on {what!r}", tell):
            yield from one(path, (str(who) or stem(path), str(what)), time[own[rows]], xy[own[rows]], screen, tell)


def whole(
    path: Path,
    time: Float[np.ndarray, " n"],
    xy: Float[np.ndarray, "n 2"],
    screen: Screen,
    names: tuple[str, str],
    marks: Marks | None = None,
    tell: Warn = warnings.warn,
    zero: float | None = None,
) -> Iterator[Samples]:
    """One recording of one person (`names` are theirs and the stimulus'), cut at the marks where there are some.

    `zero` is the time of the onset where no mark says it; without it, that of the first sample.

    A trial begins a second before its onset, or at the end of the one before, and goes on to its own end. Where the
    clock begins anew, each segment is a trial, or has the marks that lie in it; the trials of two are never mixed.

    Raises:
        RecordingError: No row has a time, or the marks lie elsewhere or in more than one segment.
    """
    kept = _timed(path, time, tell)
    time, xy = time[kept], xy[kept]
    marked = marks is not None and len(marks) > 0
    if marks is not None and marked:
        kept = ~_unmarked(time, marks)
        if not kept.all():
            _tell_far(path, int((~kept).sum()), repr(names[0]), tell)
        time, xy = time[kept], xy[kept]
    rows = _parts(path, time, repr(names[0]), tell, not marked)
    parts = [(time[part], xy[part]) for part in rows]
    if marks is None or not marked:
        for clock, gaze in parts:
            yield from one(path, names, clock, gaze, screen, tell, zero)
        return
    for (clock, gaze), own in zip(parts, _assigned(path, [clock for clock, _ in parts], marks, tell), strict=True):
        after = -math.inf
        order = np.argsort(own.onset, kind="stable")
        onsets = own.onset[order].tolist()
        ends = mark_ends(onsets, own.duration[order].tolist())
        for onset, end, stimulus in zip(onsets, ends, own.stimulus[order], strict=True):
            if stimulus is None:
                continue
            first, last = np.searchsorted(clock, [max(min(after, onset), onset - 1000), end])
            yield from one(
                path, (names[0], str(stimulus)), clock[first:last], gaze[first:last], screen, tell, zero=onset
            )
            after = end


def _unmarked(time: Float[np.ndarray, " n"], marks: Marks) -> np.ndarray:
    """Which few times are far from all others and from every mark."""
    far = ~near(time)
    if not 0 < far.sum() <= STRAY * len(time):
        return np.zeros(len(time), bool)
    order = np.sort(time[far])
    after = order[np.minimum(np.searchsorted(order, marks.onset - 1000), len(order) - 1)]
    return far if not (np.abs(after - marks.onset) <= FAR).any() else np.zeros(len(time), bool)


def _timed(path: Path, time: Float[np.ndarray, " n"], tell: Warn) -> Bool[np.ndarray, " n"]:
    """Which rows have a time."""
    kept = np.isfinite(time)
    if not kept.any():
        raise RecordingError(f"{path}: no row has a time; check the column of time.")
    if kept.mean() < 0.9:
        tell(f"{path}: {(~kept).mean():.0%} of the rows have no time and are left out.")
    return np.asarray(kept)


def _parts(path: Path, time: Float[np.ndarray, " n"], what: str, tell: Warn, together: bool = True) -> list[Rows]:
    """The rows of each segment; where all should lie `together`, the few far from the others are left out."""
    close = near(time)
    if together and 0 < (~close).sum() <= STRAY * len(time):
        _tell_far(path, int((~close).sum()), what, tell)
        rows = np.flatnonzero(close)
        found = [rows[part] for part in segments(time[rows])]
    else:
        found = segments(time)
    found = [part for rows in found for part in paused(time, rows)] if together else found
    if len(found) > 1:
        tell(f"{path}: the clock of {what} begins anew or jumps; it is read as {len(found)} parts.")
    return found


def one(
    path: Path,
    names: tuple[str, str],
    time: Float[np.ndarray, " n"],
    xy: Float[np.ndarray, "n 2"],
    screen: Screen,
    tell: Warn,
    zero: float | None = None,
) -> Iterator[Samples]:
    """The samples of a trial whose rows are in order; its time counts from `zero`, else as `trials` says."""
    what = f"{names[0]!r} on {names[1]!r}"
    close = near(time) if len(time) else np.zeros(0, bool)
    if not close.all():
        _tell_far(path, int((~close).sum()), what, tell)
    first = np.diff(time[close], prepend=-np.inf) > 0
    clock, gaze = time[close][first], xy[close][first]
    if len(clock) < 0.9 * close.sum():
        share = 1 - len(clock) / close.sum()
        tell(f"{path}: {share:.0%} of the times of {what} are there twice; the first is kept.")
    if len(clock):
        yield Samples(*names, clock - (max(clock[0], 0) if zero is None else zero), gaze, screen)


def _tell_far(path: Path, count: int, what: str, tell: Warn) -> None:
    tell(f"{path}: {count} times of {what} are far from all others; they are left out.")


def _changes(subject: np.ndarray, stimulus: np.ndarray) -> Int64[np.ndarray, " n"]:
    """The number of the stretch of one subject and one stimulus that each row is in."""
    new = np.ones(len(subject), bool)
    new[1:] = (subject[1:] != subject[:-1]) | (stimulus[1:] != stimulus[:-1])
    return np.cumsum(new)


def _assigned(path: Path, clocks: list[np.ndarray], marks: Marks, tell: Warn) -> list[Marks]:
    """The marks of each segment: those that lie in it; where that is not clear, those of the same number."""
    spans = [(clock[0] - 1000, clock[-1]) for clock in clocks]
    within = np.array([(first <= marks.onset) & (marks.onset <= last) for first, last in spans])
    begins = np.array([stimulus is not None for stimulus in marks.stimulus])
    away = int((~within.any(0) & begins).sum())
    if away:
        said = ", ".join(f"{clock[0] / 1000:.6g} to {clock[-1] / 1000:.6g} s" for clock in clocks[:3])
        problem = f"its samples last from {said}, but {{}} events lie elsewhere"
        if away == begins.sum():
            raise RecordingError(f"{path}: {problem.format('all')}; {marks.mend}.")
        tell(f"{path}: {problem.format(f'{away} of {begins.sum()}')}; check the clocks of both.")
    if not (within.sum(0) > 1)[begins].any():
        return [marks.of(np.flatnonzero(own)) for own in within]
    runs = np.split(np.arange(len(marks)), np.flatnonzero(np.diff(marks.onset) <= 0) + 1)
    if len(runs) != len(clocks):
        problem = "its clock begins anew, and events may belong to either part"
        raise RecordingError(f"{path}: {problem}; split the recording where the clock begins anew.")
    return [marks.of(run) for run in runs]


def mark_ends(onsets: list[float], durations: list[float]) -> list[float]:
    """When each of some marks ends: after its duration, or where that is not above 0 when the next begins."""
    after = [later for _, later in itertools.pairwise([*onsets, math.inf])]
    marks = zip(onsets, durations, after, strict=True)
    return [onset + duration if duration > 0 else later for onset, duration, later in marks]
