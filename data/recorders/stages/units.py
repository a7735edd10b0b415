"""A recording is cut into trials: its clock becomes milliseconds from the onset, its places pixels of the screen.

    time    s, ms, us or ns; where nothing says which, the usual step between samples does (3 to 3000 samples a second)
    place   px; norm: 0 to 1 from the top-left corner; deg: degrees right of and below the middle of the screen;
            height: PsychoPy's heights of the screen, right of and above its middle

A `Frame` says where a file counts from: PsychoPy's pixels, degrees and norm (-1 to 1) count upwards from the middle.
Places that lie in 0 to 1 though nothing says so are taken for norm, and it is said. What cannot be guessed is refused.
What cannot be the place of a gaze is a lost eye (`data.recorders.stages.lost_eyes`).
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data.errors import RecordingError
from data.gaze import Screen
from data.recorders.stages import lost_eyes
from data.recorders.stages.text_table import Warn

TIMES = {"s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}  # milliseconds
PLACES = ("px", "norm", "deg", "height")
MAX_RATE, MIN_RATE = 20_000, 3  # samples per second; no tracker has more or fewer


class ScreenError(RecordingError):
    """A recording does not say all of its screen that is needed; `missing` are those fields of `Setup`."""

    def __init__(self, words: str, missing: tuple[str, ...]) -> None:
        super().__init__(words)
        self.missing = missing


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


def geometry(path: Path, given: Screen | Setup | None, in_file: Setup) -> Screen:
    """The screen, from what a person gave and what the file says; it must agree on the pixels.

    Raises:
        ScreenError: Something of the screen is not known.
        RecordingError: The two disagree on its pixels.
    """
    values = {}
    for field in fields(Setup):
        ours, theirs = getattr(given, field.name, None), getattr(in_file, field.name)
        values[field.name] = theirs if ours is None else ours
        if field.name in ("width", "height") and theirs is not None and values[field.name] != theirs:
            size = f"{in_file.width} x {in_file.height} pixels"
            raise RecordingError(f"{path}: recorded on a screen of {size}; give that size, or none.")
    missing = [name for name, value in values.items() if value is None]
    if missing:
        flags = {"width": "--screen 1024x768", "width_cm": "--screen-cm 38x30", "distance_cm": "--distance-cm 67"}
        parts = " ".join(flag for name, flag in flags.items() if name in missing or name.replace("w", "h") in missing)
        what = ", ".join(name.replace("_cm", " in cm") for name in missing)
        problem = f"{path}: it does not say of the screen its {what}; give it, as in {parts}."
        raise ScreenError(problem, tuple(missing))
    return Screen(**values)


def milliseconds(
    path: Path, time: Float[np.ndarray, " n"], unit: str = "", hint: str = "", tell: Warn = warnings.warn
) -> Float[np.ndarray, " n"]:
    """A clock in milliseconds; `unit` is what a person says, `hint` what the file says or seems to say.

    Raises:
        RecordingError: There is no such unit, or the clock would be quicker or slower than any tracker's.
    """
    if unit and unit not in TIMES:
        raise RecordingError(f"{path}: no unit {unit!r} of time; choose one of {', '.join(TIMES)}.")
    steps = np.diff(time[np.isfinite(time)])
    if (steps < 0).sum() > 0.1 * len(steps):  # the rows are in no order
        steps = np.diff(np.unique(time[np.isfinite(time)]))
    steps = steps[steps > 0]
    step = float(np.median(steps)) if len(steps) else math.nan
    likely = next((name for name, size in TIMES.items() if 0.3 <= step * size < 300), "")
    taken = unit or hint or likely or "ms"
    rate = 1000 / (step * TIMES[taken])
    if rate > MAX_RATE or rate < MIN_RATE:
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
    tell: Warn = warnings.warn,
    frame: Frame = CORNER,
) -> Float[np.ndarray, "n 2"]:
    """Places in pixels of the screen; `unit` is "" where nothing is known of it.

    Raises:
        RecordingError: There is no such unit, or the places cannot be in it.
    """
    if unit and unit not in PLACES:
        raise RecordingError(f"{path}: no unit {unit!r} of place; choose one of {', '.join(PLACES)}.")
    size = np.array([screen.width, screen.height], float)
    xy = lost_eyes.without_codes(xy)
    gaze = np.isfinite(xy).all(1) & ~lost_eyes.likely_codes(xy)
    unit = _unit(path, xy[gaze], unit, frame, tell)
    start, way = np.array(frame[:2]), np.array(frame[2:])
    if unit == "norm":
        on_screen = (start + xy * way / (2 if frame == PSYCHOPY else 1)) * size
    elif unit == "height":
        on_screen = size / 2 + xy * (1, -1) * screen.height
    elif unit == "deg":
        cm = np.array([screen.width_cm, screen.height_cm])
        ahead = np.where(np.abs(xy) < 90, xy, np.nan)  # no eye looks behind itself
        on_screen = size / 2 + np.tan(np.radians(ahead * way)) * screen.distance_cm * size / cm
    else:
        on_screen = start * size + xy * way
        _from_the_corner(path, on_screen[gaze], size, frame)
    return seen(path, xy, on_screen, screen, tell)


def seen(
    path: Path,
    written: Float[np.ndarray, "n 2"],
    xy: Float[np.ndarray, "n 2"],
    screen: Screen,
    tell: Warn = warnings.warn,
) -> Float[np.ndarray, "n 2"]:
    """Places in pixels of the screen, NaN where the eye was lost: what the places of every reader pass.

    `written` are the same places as the file has them. Places that are likely wrong are told of.
    """
    found = lost_eyes.seen(written, xy, screen)
    measured = np.isfinite(xy).all(1)
    away = int((measured & ~lost_eyes.reached(xy, screen)).sum())
    if away > 0.5 * measured.sum():
        problem = f"{away / measured.sum():.0%} of the places are more than one screen away from the screen"
        tell(f"{path}: {problem}, and taken for lost; check its size and the unit of x and y.")
    warn_if_off_screen(path, found, screen, tell)
    return found


def of_eyes(
    path: Path,
    eyes: Sequence[Float[np.ndarray, "n 2"]],
    screen: Screen,
    scale: tuple[float, float] = (1.0, 1.0),
    tell: Warn = warnings.warn,
) -> Float[np.ndarray, "n 2"]:
    """One place in pixels of the screen, of one eye or of two, as a file has them; `scale` makes pixels of their unit.

    Where one of two eyes is lost, the other stands in (`data.recorders.stages.lost_eyes.joined`).

    Raises:
        RecordingError: There is no eye.
    """
    if not eyes:
        raise RecordingError(f"{path}: no columns of x and y of an eye; export the places of gaze of one or both.")
    if len(eyes) == 1:
        return seen(path, eyes[0], eyes[0] * scale, screen, tell)
    left, right = (lost_eyes.seen(written, written * scale, screen) for written in eyes)
    xy = lost_eyes.joined(left, right)
    warn_if_off_screen(path, xy, screen, tell)
    return xy


def _unit(path: Path, measured: Float[np.ndarray, "n 2"], unit: str, frame: Frame, tell: Warn) -> str:
    """The unit of places, guessed where it is not known; one that cannot be is refused."""
    small = len(measured) > 0 and float((np.abs(measured) < 1.5).all(1).mean()) > 0.95
    negative = len(measured) > 0 and float((measured < 0).any(1).mean()) > 0.05
    if small and not unit and (negative or frame == PSYCHOPY):
        problem = "x and y lie between -1 and 1, so they count from the middle of the screen"
        raise RecordingError(f"{path}: {problem}; give their unit as height or deg, or export pixels.")
    if small and unit == "px":
        raise RecordingError(f"{path}: x and y lie between -1 and 1, so they are not pixels; give their unit.")
    if unit == "norm" and len(measured) and float((np.abs(measured) > 3).any(1).mean()) > 0.5:
        raise RecordingError(f"{path}: most x and y lie beyond 0 to 1, so they are not norm; give their unit.")
    if small and not unit:
        tell(f"{path}: x and y lie between 0 and 1, so they are taken for shares of the screen (norm).")
    return unit or ("norm" if small else "px")


def _on(xy: Float[np.ndarray, "n 2"], size: Float[np.ndarray, " 2"]) -> float:
    """The share of places on the screen."""
    return float(((xy >= 0) & (xy < size)).all(1).mean()) if len(xy) else 1.0


def _from_the_corner(path: Path, xy: Float[np.ndarray, "n 2"], size: Float[np.ndarray, " 2"], frame: Frame) -> None:
    measured = xy[np.isfinite(xy).all(1)]
    if frame == CORNER and _on(measured, size) < 0.5 and _on(size / 2 + measured * (1, -1), size) > 0.9:
        problem = "most x and y are off the screen unless they count from its middle, as PsychoPy's do"
        raise RecordingError(f"{path}: {problem}; give --origin centre if they do, else their unit or the screen.")


def warn_if_off_screen(path: Path, xy: Float[np.ndarray, "n 2"], screen: Screen, tell: Warn = warnings.warn) -> None:
    """Tell of places in pixels that are likely wrong, because most of them are off the screen."""
    measured, size = xy[np.isfinite(xy).all(1)], np.array([screen.width, screen.height], float)
    on, swapped = _on(measured, size), _on(measured[:, ::-1], size)
    if swapped > on + 0.1:
        tell(f"{path}: {1 - on:.0%} of the samples are off the screen, fewer if x and y are swapped; check which is x.")
    elif on < 0.5:
        tell(f"{path}: {1 - on:.0%} of the samples are off the screen; check its size and the unit of x and y.")
