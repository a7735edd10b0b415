"""A recording is cut into trials: its clock becomes milliseconds from the onset, its places pixels of the screen.

    time    s, ms, us or ns; where nothing says which, the usual step between samples does (3 to 3000 samples a second)
    place   px; norm: 0 to 1 from the top-left corner; deg: degrees right of and below the middle of the screen;
            height: PsychoPy's heights of the screen, right of and above its middle

A `Frame` says where a file counts from: PsychoPy's pixels, degrees and norm (-1 to 1) count upwards from the middle.
Places that lie in 0 to 1 though nothing says so are taken for norm, and it is said. What cannot be guessed is refused.
Trackers that write (0, 0) or (-1, -1) where they see no eye are recognised: where more than one sample in a hundred is
exactly that, these are lost, and it is said.
"""

import itertools
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int64

from data import RecordingError
from data.gaze import Samples, Screen
from data.labels import stem
from data.sheet import Tell

TIMES = {"s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}  # milliseconds
PLACES = ("px", "norm", "deg", "height")
FASTEST, SLOWEST = 20_000, 3  # samples per second that no tracker has

# What x and y count from, in shares of the screen, and whether they count right and down (1) or left and up (-1).
Frame = tuple[float, float, int, int]
CORNER: Frame = (0.0, 0.0, 1, 1)
PSYCHOPY: Frame = (0.5, 0.5, 1, -1)


@dataclass(frozen=True)
class Setup:
    """What is known of a `Screen`; a file may know the rest."""

    width: int | None = None  # pixels
    height: int | None = None  # pixels
    width_cm: float | None = None
    height_cm: float | None = None
    distance_cm: float | None = None


def geometry(path: Path, given: Screen | Setup | None, found: Setup) -> Screen:
    """The screen, from what a person gave and what the file says; it must agree on the pixels."""
    values = {}
    for field in fields(Setup):
        ours, theirs = getattr(given, field.name, None), getattr(found, field.name)
        values[field.name] = theirs if ours is None else ours
        if field.name in ("width", "height") and theirs is not None and values[field.name] != theirs:
            size = f"{found.width} x {found.height} pixels"
            raise RecordingError(f"{path}: recorded on a screen of {size}; give that size, or none.")
    missing = [name for name, value in values.items() if value is None]
    if missing:
        flags = {"width": "--screen 1024x768", "width_cm": "--screen-cm 38x30", "distance_cm": "--distance-cm 67"}
        parts = " ".join(flag for name, flag in flags.items() if name in missing or name.replace("w", "h") in missing)
        what = ", ".join(name.replace("_cm", " in cm") for name in missing)
        raise RecordingError(f"{path}: it does not say of the screen its {what}; give it, as in {parts}.")
    return Screen(**values)


def milliseconds(
    path: Path, time: Float[np.ndarray, " n"], unit: str = "", hint: str = "", tell: Tell = warnings.warn
) -> Float[np.ndarray, " n"]:
    """A clock in milliseconds; `unit` is what a person says, `hint` what the file says or seems to say."""
    if unit and unit not in TIMES:
        raise RecordingError(f"{path}: no unit {unit!r} of time; choose one of {', '.join(TIMES)}.")
    steps = np.diff(time[np.isfinite(time)])
    steps = steps[steps > 0]
    step = float(np.median(steps)) if len(steps) else math.nan
    likely = next((name for name, size in TIMES.items() if 0.3 <= step * size < 300), "")
    taken = unit or hint or likely or "ms"
    rate = 1000 / (step * TIMES[taken])
    if rate > FASTEST or rate < SLOWEST:
        problem = f"its times in {taken} make {rate:.3g} samples a second"
        if unit or not likely:
            raise RecordingError(f"{path}: {problem}; give the unit of time: s, ms, us or ns.")
        tell(f"{path}: {problem}, so they are taken for {likely}.")
        taken = likely
    elif not unit and not hint and taken != "ms":
        tell(f"{path}: its times are taken for {taken}, which makes {rate:.4g} samples a second.")
    return np.asarray(time * TIMES[taken])


def pixels(
    path: Path,
    xy: Float[np.ndarray, "n 2"],
    screen: Screen,
    unit: str = "",
    tell: Tell = warnings.warn,
    frame: Frame = CORNER,
) -> Float[np.ndarray, "n 2"]:
    """Places in pixels of the screen; `unit` is "" where nothing is known of it."""
    if unit and unit not in PLACES:
        raise RecordingError(f"{path}: no unit {unit!r} of place; choose one of {', '.join(PLACES)}.")
    size = np.array([screen.width, screen.height], float)
    if frame == CORNER and unit in ("", "px", "norm"):
        xy = _seen(path, xy, tell)
    unit = _unit(path, xy[np.isfinite(xy).all(1)], unit, frame, tell)
    start, way = np.array(frame[:2]), np.array(frame[2:])
    if unit == "norm":
        found = (start + xy * way / (2 if frame == PSYCHOPY else 1)) * size
    elif unit == "height":
        found = size / 2 + xy * (1, -1) * screen.height
    elif unit == "deg":
        cm = np.array([screen.width_cm, screen.height_cm])
        found = size / 2 + np.tan(np.radians(xy * way)) * screen.distance_cm * size / cm
    else:
        found = start * size + xy * way
        _from_the_corner(path, found, size, frame)
    complain(path, found, screen, tell)
    return np.asarray(found)


def _unit(path: Path, known: Float[np.ndarray, "n 2"], unit: str, frame: Frame, tell: Tell) -> str:
    """The unit of places, guessed where it is not known; one that cannot be is refused."""
    small = len(known) > 0 and float((np.abs(known) < 1.5).all(1).mean()) > 0.95
    negative = len(known) > 0 and float((known < 0).any(1).mean()) > 0.05
    if small and not unit and (negative or frame == PSYCHOPY):
        problem = "x and y lie between -1 and 1, so they count from the middle of the screen"
        raise RecordingError(f"{path}: {problem}; give their unit as height or deg, or export pixels.")
    if small and unit == "px":
        raise RecordingError(f"{path}: x and y lie between -1 and 1, so they are not pixels; give their unit.")
    if unit == "norm" and len(known) and float((np.abs(known) > 3).any(1).mean()) > 0.5:
        raise RecordingError(f"{path}: most x and y lie beyond 0 to 1, so they are not norm; give their unit.")
    if small and not unit:
        tell(f"{path}: x and y lie between 0 and 1, so they are taken for shares of the screen (norm).")
    return unit or ("norm" if small else "px")


def _seen(path: Path, xy: Float[np.ndarray, "n 2"], tell: Tell) -> Float[np.ndarray, "n 2"]:
    """The places, without those that say that no eye was seen."""
    none = (xy == 0).all(1) | (xy == -1).all(1)
    if none.sum() <= 0.01 * len(none):
        return xy
    tell(f"{path}: {none.mean():.0%} of the samples are at exactly (0, 0) or (-1, -1); they are taken for lost.")
    return np.where(none[:, None], np.nan, xy)


def _on(xy: Float[np.ndarray, "n 2"], size: Float[np.ndarray, " 2"]) -> float:
    """The share of places on the screen."""
    return float(((xy >= 0) & (xy < size)).all(1).mean()) if len(xy) else 1.0


def _from_the_corner(path: Path, xy: Float[np.ndarray, "n 2"], size: Float[np.ndarray, " 2"], frame: Frame) -> None:
    known = xy[np.isfinite(xy).all(1)]
    if frame == CORNER and _on(known, size) < 0.5 and _on(size / 2 + known * (1, -1), size) > 0.9:
        problem = "most x and y are off the screen unless they count from its middle, as PsychoPy's do"
        raise RecordingError(f"{path}: {problem}; give --origin centre if they do, else their unit or the screen.")


def complain(path: Path, xy: Float[np.ndarray, "n 2"], screen: Screen, tell: Tell = warnings.warn) -> None:
    """Tell of places in pixels that are likely wrong, because most of them are off the screen."""
    known, size = xy[np.isfinite(xy).all(1)], np.array([screen.width, screen.height], float)
    on, swapped = _on(known, size), _on(known[:, ::-1], size)
    if swapped > on + 0.1:
        tell(f"{path}: {1 - on:.0%} of the samples are off the screen, fewer if x and y are swapped; check which is x.")
    elif on < 0.5:
        tell(f"{path}: {1 - on:.0%} of the samples are off the screen; check its size and the unit of x and y.")


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
    tell: Tell = warnings.warn,
) -> Iterator[Samples]:
    """One `Samples` a trial; `names` are the subject and the stimulus of each row, the times milliseconds.

    Without numbers of trials, a trial ends where the subject or the stimulus changes; always where the clock begins
    anew. Its time counts from its first sample, unless that is negative: then the file counts from the onset itself.
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
            clock, place = rising(time[rows[near]], xy[rows[near]])
            if len(clock) < 0.9 * near.sum():
                share = 1 - len(clock) / near.sum()
                tell(f"{path}: {share:.0%} of the times of {who!r} on {what!r} are there twice; the first is kept.")
            yield Samples(str(who) or stem(path), str(what), clock - max(clock[0], 0), place, screen)


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


def at(
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


def ends(onsets: list[float], durations: list[float]) -> list[float]:
    """When each of some marks ends: after its duration, or where that is not above 0 when the next begins."""
    after = [later for _, later in itertools.pairwise([*onsets, math.inf])]
    known = zip(onsets, durations, after, strict=True)
    return [onset + duration if duration > 0 else later for onset, duration, later in known]
