"""The ways to send observers over a picture that were tried for measuring areas, those that lost among them.

oat              walks over the areas and over found objects that do not overlap them
oat+background   the same; looks at what no object covers are put in, as often and where the map of the second has them
independent      drawn from the map of each second, without memory
memory alone     as `app.predict.observers`, without bringing the looks of all observers back to the map
observe          `app.predict.observers`
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np

from app.predict import observers as memory
from app.predict.observers import DURATION, FIRST, GAP, Observers, observe
from app.predict.picture_maps import PictureMaps
from data.areas import Area
from data.gaze import Objects, Picture, Scene
from data.objects import assign, overlap
from export.runtime.saliency import Prediction
from export.runtime.scanpath import ScanpathPredictor
from scanpath.baselines.winner_take_all import land

OBSERVERS = 100
SAME = 0.3  # of the united area: a found object that shares more with an area is left out


@dataclass(frozen=True)
class Case:
    """What a way of sending observers may know of a picture."""

    picture: Picture
    maps: PictureMaps
    prediction: Prediction
    objects: Objects
    areas: Sequence[Area]
    seconds: float


Way = Callable[[Case], Observers]


def ways() -> dict[str, Way]:
    """All of them, by name."""
    walker = ScanpathPredictor("oat-free", provider="cpu", threads=1)
    free: dict[str, Any] = {"temperature": 1.0, "inhibition": 0.0}
    return {
        "oat": lambda case: _walked(walker, case, False, {}),
        "oat, temperature 1": lambda case: _walked(walker, case, False, free),
        "oat+background": lambda case: _walked(walker, case, True, {}),
        "oat+background, temperature 1": lambda case: _walked(walker, case, True, free),
        "independent": _independent,
        "memory alone": _memory_alone,
        "observe": lambda case: observe(case.maps, OBSERVERS),
    }


def _independent(case: Case) -> Observers:
    flat = {"FIRST_SHARPNESS": 1.0, "START": (0.0, 1.0), "NEAR": (0.0, 1.0), "ROUNDS": 0}
    with mock.patch.multiple(memory, RETURN=(0.0, 1.0), AVOID=(0.0, 1.0), **flat):
        return observe(case.maps, OBSERVERS)


def _memory_alone(case: Case) -> Observers:
    with mock.patch.multiple(memory, ROUNDS=0):
        return observe(case.maps, OBSERVERS)


def _walked(walker: ScanpathPredictor, case: Case, background: bool, decoding: dict[str, float]) -> Observers:
    boxes = np.array([area.box for area in case.areas])
    apart = overlap(case.objects.boxes, boxes).max(1, initial=0) < SAME
    scene = Scene(case.picture, Objects(np.vstack([boxes, case.objects.boxes[apart]])))
    pixels = np.zeros((case.picture.height, case.picture.width, 3), np.uint8)
    paths = walker.sample(scene, OBSERVERS, look=case.prediction.look, pixels=pixels, decoding=decoding or None)
    places = land(scene.objects, paths.order, case.prediction.density, 0)
    bare = _Background(case, scene.objects) if background else None
    random, rows = np.random.default_rng(0), []
    for order, durations, xy in zip(paths.order, paths.duration, places, strict=True):
        rows.append(_timed(case.seconds, zip(order, durations, xy, strict=True), bare, random))
    return joined([row for row in rows if row], case.seconds)


class _Background:
    """What no object covers, second by second."""

    def __init__(self, case: Case, objects: Objects) -> None:
        rows, columns = case.maps.maps.shape[1:]
        y, x = np.indices((rows, columns)).reshape(2, -1) + 0.5
        self.places = np.stack([x * case.picture.width / columns, y * case.picture.height / rows], 1)
        bare = assign(self.places, objects) < 0
        self.planes = [np.exp(plane, dtype=np.float64).ravel() * bare for plane in case.maps.maps[1:]]

    def plane(self, onset: float) -> np.ndarray:
        return self.planes[min(int(onset // 1000), len(self.planes) - 1)]


def _timed(seconds: float, looks: Any, bare: _Background | None, random: np.random.Generator) -> list[tuple[Any, ...]]:
    now, row = FIRST[0], []
    for number, duration, xy in looks:
        while bare and now < seconds * 1000 and random.random() < bare.plane(now).sum():
            plane = bare.plane(now)
            there = bare.places[random.choice(len(plane), p=plane / plane.sum())]
            lasts = float(np.exp(random.normal(DURATION[0], DURATION[2])))
            row.append((there, now, lasts))
            now += lasts + GAP
        if number < 0 or now >= seconds * 1000:
            break
        row.append((xy, now, duration))
        now += duration + GAP
    return row


def joined(rows: Sequence[Sequence[tuple[Any, float, float]]], seconds: float) -> Observers:
    """Observers of rows of looks: place, onset and duration in milliseconds; cut at the end of the viewing."""
    xy = np.full((len(rows), max(map(len, rows)), 2), np.nan)
    onset, duration = np.full((2, *xy.shape[:2]), np.nan)
    for number, row in enumerate(rows):
        for index, (place, begins, lasts) in enumerate(row):
            xy[number, index], onset[number, index] = place, begins
            duration[number, index] = min(lasts, seconds * 1000 - begins)
    return Observers(xy, onset, duration, seconds)
