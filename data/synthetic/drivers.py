"""Where made drivers look on a made road: mostly where it goes, and at what may become a danger, somewhat late.

A driver fixates one thing after the other. Most often it is the far end of the road, where drivers look for most of the
time (Palazzi et al. 2018, https://doi.org/10.1109/TPAMI.2018.2845370); now and then the car ahead, a car that comes, a
person, a light. A danger is noticed once it has been in sight for a while, which differs between drivers and is never
the same twice; then the eyes go there at once, and keep going back to it, also while it is hidden: who saw somebody go
behind a van watches where he will come out. Once a danger has been known for a while, and the own car brakes, it is
looked at far less: so where drivers look depends on what came before, not on the frame alone. The numbers are guesses
of the size that reaction times and glances have; none was measured here.

Shapes: `f` frames, `n` drivers. Places are pixels of a frame, column and row.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

PULL = {"road": 6.0, "ahead": 2.0, "oncoming": 0.6, "person": 0.35, "signal": 0.7, "car": 0.04, "van": 0.06}
DANGER = {"person": 16.0, "ahead": 9.0, "signal": 5.0}  # how often each is looked at, once it is known for a danger
LATENCY = (0.45, 0.35)  # seconds: median, and spread of the logarithm, of the time until a danger is noticed
NOTICED = 0.92  # share of the dangers in sight that a driver ever notices
FIXATION = (0.4, 0.45)  # seconds: median, and spread of the logarithm
FRESH = 2.0  # seconds for which a danger is looked at so often; then it is under control
JUDGED = 0.15  # how often after that, of how often before
SPREAD = {"road": (1.3, 0.7), "ahead": (0.7, 0.4), "person": (0.4, 0.5)}  # degrees about the target, across and down
USUAL_SPREAD = (0.6, 0.5)
SHUT = 0.03  # share of the frames in which the eyes are shut


class Target(NamedTuple):
    """Something that may be looked at while a frame is shown."""

    number: int  # the same in all frames
    kind: str
    place: tuple[float, float]
    danger: bool
    seen: bool  # False: something is before it


def look(
    chance: np.random.Generator,
    moments: Sequence[Sequence[Target]],
    size: tuple[int, int],
    degree: float,
    step: float,
    drivers: int,
) -> Float[np.ndarray, "f n 2"]:
    """Where each driver looks; NaN where the eyes are shut or off the frame.

    Args:
        chance: Draws the drivers.
        moments: What may be looked at in each frame.
        size: Height and width of a frame.
        degree: Pixels of a degree.
        step: Seconds from frame to frame.
        drivers: How many there are.
    """
    gaze = np.stack([_one(chance, moments, degree, step) for _ in range(drivers)], 1)
    gaze[chance.random(gaze.shape[:2]) < SHUT] = np.nan
    with np.errstate(invalid="ignore"):
        gaze[~((gaze >= 0) & (gaze < size[::-1])).all(2)] = np.nan
    return gaze


def _one(
    chance: np.random.Generator, moments: Sequence[Sequence[Target]], degree: float, step: float
) -> Float[np.ndarray, "f 2"]:
    """One driver."""
    latency: dict[int, float] = {}  # of each danger; infinite where it is never noticed
    sight: dict[int, float] = {}  # for how long each has been seen
    known: dict[int, int] = {}  # of each danger that was noticed, the frame in which it was
    at, left, offset = -1, 0.0, np.zeros(2)
    places = np.full((len(moments), 2), np.nan)
    for index, targets in enumerate(moments):
        there = {target.number: target for target in targets}
        alarm = None
        for target in targets:
            number = target.number
            if not target.danger:
                known.pop(number, None)
                continue
            if number not in latency:
                drawn = LATENCY[0] * np.exp(LATENCY[1] * chance.normal())
                latency[number] = float(drawn) if chance.random() < NOTICED else np.inf
            sight[number] = sight.get(number, 0.0) + step * target.seen
            if number not in known and sight[number] >= latency[number]:
                known[number] = index
                alarm = number
        if alarm is not None or left <= 0 or at not in there:
            fresh = {number: step * (index - since) < FRESH for number, since in known.items()}
            at = alarm if alarm is not None else _choose(chance, targets, fresh)
            spread = np.array(SPREAD.get(there[at].kind, USUAL_SPREAD))
            offset = chance.normal(0, 1, 2) * spread * degree
            left = float(FIXATION[0] * np.exp(FIXATION[1] * chance.normal()))
        left -= step
        places[index] = there[at].place + offset
    return places


def _choose(chance: np.random.Generator, targets: Sequence[Target], fresh: Mapping[int, bool]) -> int:
    """What is looked at next; of the dangers that are known, `fresh` says whether that is new."""
    pull = []
    for target in targets:
        usual = PULL[target.kind] * target.seen
        if target.number in fresh:
            usual = max(usual, DANGER[target.kind] * (1 if fresh[target.number] else JUDGED))
        pull.append(usual)
    return targets[int(chance.choice(len(targets), p=np.array(pull) / np.sum(pull)))].number
