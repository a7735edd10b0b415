"""A recording is cut into trials: its clock becomes milliseconds from the onset, its places pixels of the screen.

    time    s, ms, us or ns; where nothing says which, the usual step between samples does (3 to 3000 samples a second)
    place   px; norm: 0 to 1 from the top-left corner; deg: degrees right of and below the middle of the screen

Places that lie in 0 to 1 though nothing says so are taken for norm, and it is said. What cannot be guessed is refused.
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
from data.sheet import Tell

TIMES = {"s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}  # milliseconds
PLACES = ("px", "norm", "deg")
FASTEST, SLOWEST = 20_000, 3  # samples per second that no tracker has


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
    path: Path, xy: Float[np.ndarray, "n 2"], screen: Screen, unit: str = "", tell: Tell = warnings.warn
) -> Float[np.ndarray, "n 2"]:
    """Places in pixels of the screen; `unit` is "" where nothing is known of it."""
    if unit and unit not in PLACES:
        raise RecordingError(f"{path}: no unit {unit!r} of place; choose one of {', '.join(PLACES)}.")
    size = np.array([screen.width, screen.height], float)
    known = xy[np.isfinite(xy).all(1)]
    small = len(known) > 0 and float(((known > -0.5) & (known < 1.5)).all(1).mean()) > 0.95
    if small and unit == "px":
        raise RecordingError(f"{path}: x and y lie between 0 and 1, so they are not pixels; give their unit as norm.")
    if unit == "norm" and len(known) and float((np.abs(known) > 3).any(1).mean()) > 0.5:
        raise RecordingError(f"{path}: most x and y lie beyond 0 to 1, so they are not norm; give their unit.")
    if small and not unit:
        tell(f"{path}: x and y lie between 0 and 1, so they are taken for shares of the screen (norm).")
    if unit == "norm" or (small and not unit):
        return np.asarray(xy * size)
    if unit == "deg":
        cm = np.array([screen.width_cm, screen.height_cm])
        return np.asarray(size / 2 + np.tan(np.radians(xy)) * screen.distance_cm * size / cm)
    _complain(path, known, size, tell)
    return xy


def _complain(path: Path, known: Float[np.ndarray, "n 2"], size: Float[np.ndarray, " 2"], tell: Tell) -> None:
    if not len(known):
        return
    on, swapped = (float(((it >= 0) & (it < size)).all(1).mean()) for it in (known, known[:, ::-1]))
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

    Without numbers of trials, a trial ends where the subject or the stimulus changes or the clock begins anew. A
    trial's time counts from its first sample, unless that is negative: then the file counts from the onset itself.
    """
    kept = np.isfinite(time)
    if not kept.any():
        raise RecordingError(f"{path}: no row has a time; check the column of time.")
    if kept.mean() < 0.9:
        tell(f"{path}: {(~kept).mean():.0%} of the rows have no time and are left out.")
    time, xy, subject, stimulus = time[kept], xy[kept], names[0][kept], names[1][kept]
    number = _changes(time, subject, stimulus) if trial is None else trial[kept]
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, key in enumerate(zip(subject, stimulus, number, strict=True)):
        groups.setdefault(key, []).append(index)
    if len(groups) > 20 and len(groups) > len(time) / 3:
        raise RecordingError(f"{path}: its trials are mixed row by row; sort its rows by trial and time.")
    for (who, what, _), indices in groups.items():
        rows = np.array(indices)
        near = _near(time[rows])
        if not near.all():
            tell(f"{path}: {(~near).sum()} times of {who!r} on {what!r} are far from all others; they are left out.")
        rows = rows[near]
        clock, place = rising(time[rows], xy[rows])
        if len(clock) < 0.9 * len(rows):
            share = 1 - len(clock) / len(rows)
            tell(f"{path}: {share:.0%} of the times of {who!r} on {what!r} are there twice; the first is kept.")
        yield Samples(str(who) or path.name.split(".")[0], str(what), clock - max(clock[0], 0), place, screen)


def _near(time: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Which times are where most are; a few wild ones are a tracker's mistake."""
    steps = np.abs(np.diff(time))
    usual = float(np.median(steps)) if len(steps) else 1.0
    return np.asarray(np.abs(time - np.median(time)) <= 60_000 + 10 * len(time) * usual)


def _changes(time: Float[np.ndarray, " n"], subject: np.ndarray, stimulus: np.ndarray) -> Int64[np.ndarray, " n"]:
    """The number of the stretch that each row is in."""
    new = np.ones(len(time), bool)
    new[1:] = (subject[1:] != subject[:-1]) | (stimulus[1:] != stimulus[:-1])
    steps = np.diff(time)
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 1.0
    start = 0
    for row in map(int, np.flatnonzero((np.append([0], steps) < -20 * usual) | new)):
        start = row if new[row] or abs(time[row] - time[start]) <= 10 * usual else start
        new[row] = start == row
    return np.cumsum(new)


def at(
    time: Float[np.ndarray, " n"],
    xy: Float[np.ndarray, "n 2"],
    marks: list[tuple[float, float, str]],
    subject: str,
    screen: Screen,
) -> Iterator[Samples]:
    """One `Samples` a mark (onset, end, stimulus), of a clock that rises; from the end of the last to the own end."""
    after = -math.inf
    for onset, end, stimulus in sorted(marks):
        first, last = np.searchsorted(time, [max(after, onset - 1000), end])
        if last > first:
            yield Samples(subject, stimulus, time[first:last] - onset, xy[first:last], screen)
        after = end


def ends(onsets: list[float]) -> list[float]:
    """When each of some marks gives way to the next."""
    return [after for _, after in itertools.pairwise([*onsets, math.inf])]
