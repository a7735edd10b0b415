"""MultiMatch's simplification: short saccades, and saccades that go on in one direction, become one.

The steps and their oddities are those of multimatch-gaze 0.1.3 (`simdir`, `simlen`), so that scores agree: in one pass
a saccade is joined at most once, the duration of a joined fixation is lost, and a short last saccade is added to the
last but one as it was before the pass. Where the package fails (a path that is down to one short saccade, a saccade of
length 0) the path stays as it is.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from scanpath.metrics._alignment import Path


@dataclass(frozen=True)
class Simplification:
    """What is joined: two saccades whose fixation between them is short, if one is small or they hardly turn."""

    direction: float  # degrees between two saccades: less is joined
    amplitude: float  # pixels: a shorter saccade is joined
    duration: float  # milliseconds: only around shorter fixations


@dataclass
class _Saccades:
    start: list[tuple[float, float]] = field(default_factory=list)
    step: list[tuple[float, float]] = field(default_factory=list)
    duration: list[float] = field(default_factory=list)  # of the fixations: one more than saccades, at first

    def keep(self, other: "_Saccades", i: int) -> None:
        """Saccade i of the other as it is."""
        self.add(other, i, other.step[i])

    def add(self, other: "_Saccades", i: int, step: tuple[float, float]) -> None:
        """Saccade i of the other with another vector."""
        self.start.append(other.start[i])
        self.step.append(step)
        self.duration.append(other.duration[i])

    def joined(self, i: int, j: int) -> tuple[float, float]:
        """The sum of two saccades."""
        (ax, ay), (bx, by) = self.step[i], self.step[j]
        return ax + bx, ay + by


def simplify(path: Path, simplification: Simplification) -> Float[np.ndarray, "_s 5"]:
    """The saccades that remain: where each starts (x, y), its vector (x, y), the duration of the fixation there."""
    xy = np.asarray(path.xy, float)
    saccades = _Saccades(
        [(x, y) for x, y in xy[:-1].tolist()],
        [(x, y) for x, y in np.diff(xy, axis=0).tolist()],
        np.asarray(path.duration, float).tolist(),
    )
    length = len(saccades.duration)
    while True:
        saccades = _join_short(_join_straight(saccades, simplification), simplification)
        if len(saccades.duration) == length:
            break
        length = len(saccades.duration)
    count = len(saccades.step)
    return np.column_stack([saccades.start, saccades.step, saccades.duration[:count]])


def _join_straight(before: _Saccades, simplification: Simplification) -> _Saccades:
    after = _Saccades()
    i, count = 0, len(before.step)
    while i < count:
        straight = i < count - 1 and _turn(before.step[i], before.step[i + 1]) < simplification.direction
        if straight and before.duration[i + 1] < simplification.duration:
            after.add(before, i, before.joined(i, i + 1))
            i += 2
        else:
            after.keep(before, i)
            i += 1
    after.duration.append(before.duration[-1])
    return after


def _turn(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Degrees between two vectors; infinite when one has no length."""
    norm = math.hypot(*a) * math.hypot(*b)
    if not norm:
        return math.inf
    return math.degrees(math.acos(max(-1.0, min(1.0, (a[0] * b[0] + a[1] * b[1]) / norm))))


def _join_short(before: _Saccades, simplification: Simplification) -> _Saccades:
    after = _Saccades()
    i, count = 0, len(before.step)
    while i < count:
        short = count > 1 and math.hypot(*before.step[i]) < simplification.amplitude
        last = i == count - 1
        around = before.duration[-2:] if last else before.duration[i : i + 2]
        if not (short and min(around) < simplification.duration):
            after.keep(before, i)
        elif last:
            after.step[-1] = before.joined(-2, -1)
            after.duration.append(before.duration[i - 1])
        else:
            after.add(before, i, before.joined(i, i + 1))
            i += 1
        i += 1
    after.duration.append(before.duration[-1])
    return after
