"""How the wearer of a made head camera looks and moves (`data.synthetic.headcam`).

The eyes stay on a thing for some fixations and go to another, the near ones rather. The head follows them late, sways
as the person steps, and nods. The gaze errs by `NOISE` degrees in a fixation and by a third of that in a sample.

Shapes: `s` samples of gaze.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

from data.synthetic.shelf import Thing

VIEW = 70.0  # degrees across
RATE = 50  # samples of gaze a second
NOISE = 0.4  # degrees
LOST = 0.02  # share of the fixations in which the gaze is lost for a while
SACCADE = 0.04  # seconds
LAG, FOLLOWS = 0.35, 0.6  # seconds and share by which the head follows the eyes


@dataclass(frozen=True)
class Fixation:
    """The eyes rest on a thing."""

    onset_s: float
    duration_s: float
    thing: int  # its number
    place: tuple[float, float]  # on it, as shares of its side from its middle


def looked(chance: np.random.Generator, things: Sequence[Thing], seconds: float) -> tuple[Fixation, ...]:
    """One thing after the other, the near ones rather, each for some fixations."""
    liking = chance.dirichlet(np.full(len(things), 2.0)) + 0.02
    found: list[Fixation] = []
    time, thing = 0.1, int(chance.integers(len(things)))
    while time < seconds - 0.2:
        for _ in range(1 + chance.poisson(1.2)):
            lasts = min(float(np.clip(chance.gamma(4.0, 0.075), 0.12, 1.2)), seconds - time - 0.05)
            if lasts < 0.1:
                break
            x, y = np.clip(chance.normal(0, 0.16, 2), -0.35, 0.35).tolist()
            found.append(Fixation(time, lasts, thing, (x, y)))
            time += lasts + SACCADE
        away = np.array([np.linalg.norm(each.at(time) - things[thing].at(time)) for each in things])
        weight = liking * np.exp(-away / 0.5)
        weight[thing] = 0
        thing = int(chance.choice(len(things), p=weight / weight.sum()))
    return tuple(found)


def targets(fixations: Sequence[Fixation], things: Sequence[Thing], clock: Float[np.ndarray, " s"]) -> np.ndarray:
    """Where on the shelf the eyes are turned at each sample, (s, 2)."""
    knots, places = [], []
    for each in fixations:
        for time in np.linspace(each.onset_s, each.onset_s + each.duration_s, 6):
            knots.append(time)
            places.append(things[each.thing].at(time) + things[each.thing].side * np.array(each.place))
    return np.stack([np.interp(clock, knots, part) for part in np.array(places).T], 1)


def turned(chance: np.random.Generator, target: Float[np.ndarray, "s 2"]) -> Float[np.ndarray, "s 6"]:
    """How the head follows the eyes, sways and trembles."""
    count = len(target)
    time = np.arange(count) / RATE
    waves = chance.uniform(0, 2 * np.pi, 6)
    slow = chance.uniform(0.8, 1.25, 6)
    sway = np.stack(
        [
            0.16 * np.sin(slow[0] * 0.55 * time + waves[0]),
            0.05 * np.sin(slow[1] * 0.8 * time + waves[1]),
            0.2 * np.sin(slow[2] * 0.35 * time + waves[2]),
        ],
        1,
    )
    angles = np.arctan(target - sway[:, :2])
    aims = np.empty((count, 2))
    now = FOLLOWS * angles[0]
    for sample in range(count):
        now = now + (FOLLOWS * angles[sample] - now) / (LAG * RATE)
        aims[sample] = now
    tremble = chance.normal(0, np.radians(0.6), (count, 3))
    for part in tremble.T:
        part[:] = cv2.GaussianBlur(part[:, None], (1, 0), sigmaX=1, sigmaY=4)[:, 0] * 3
    nod = np.radians(0.5) * np.sin(2 * np.pi * 1.8 * time + waves[3])
    roll = np.radians(3.0) * np.sin(slow[4] * 0.7 * time + waves[4])
    return np.column_stack([aims[:, 0], aims[:, 1] + nod, roll, sway]) + np.pad(tremble, ((0, 0), (0, 3)))


def gaze(
    chance: np.random.Generator,
    target: Float[np.ndarray, "s 2"],
    head: Float[np.ndarray, "s 6"],
    fixations: Sequence[Fixation],
    clock: Float[np.ndarray, " s"],
    size: tuple[int, int],
) -> Float[np.ndarray, "s 2"]:
    """Where the eyes are seen to be turned, in pixels of the frame; NaN where they are lost."""
    places = np.array([moved(at, projection(pose, size)) for at, pose in zip(target, head, strict=True)])
    places += chance.normal(0, np.tan(np.radians(NOISE / 3)) * focal(size), places.shape)
    for each in fixations:
        own = (clock >= each.onset_s) & (clock <= each.onset_s + each.duration_s)
        places[own] += chance.normal(0, np.tan(np.radians(NOISE)) * focal(size), 2)
        if chance.random() < LOST:
            places[own & (clock > each.onset_s + each.duration_s / 2)] = np.nan
    return places


def focal(size: tuple[int, int]) -> float:
    """Pixels of a unit at distance 1."""
    return size[1] / 2 / float(np.tan(np.radians(VIEW / 2)))


def projection(pose: Float[np.ndarray, "6"], size: tuple[int, int]) -> Float[np.ndarray, "3 3"]:
    """From places on the shelf to pixels of the frame, for a head's yaw, pitch, roll (radians), x, y and z."""
    yaw, pitch, roll, x, y, z = pose.tolist()
    across = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    down = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    turn = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    inner = np.array([[focal(size), 0, size[1] / 2], [0, focal(size), size[0] / 2], [0, 0, 1]])
    return np.asarray(inner @ turn @ down @ across @ np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1 - z]]))


def moved(place: np.ndarray, by: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "2"]:
    """Where a place lies after a projection."""
    x, y, depth = by @ np.append(place, 1.0)
    return np.asarray([x, y]) / max(float(depth), 1e-3)
