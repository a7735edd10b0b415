"""A made road as a camera behind the windscreen sees it: flat shapes in perspective, drawn far things first.

Metres to the right of the middle of the own lane (x), above the road (h) and ahead of the camera (z):

    column = middle + focal (x + bend z^2 / 2) / z        row = horizon + focal (HEIGHT - h) / z

All is drawn twice as large and averaged, so that what moves by less than a pixel moves.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

HEIGHT = 1.35  # of the camera
NEAR, FAR = 1.2, 140.0  # what is drawn, metres ahead
FOCAL = 0.9  # of the frame's width: 58 degrees from side to side
LANE = 3.5
KERBS = (-5.25, 1.75)  # of the road: the other lane and the own one
PAVEMENTS = ((-10.0, -7.6), (4.1, 6.5))  # between them and the road cars are parked
HAZE = 160.0  # metres after which a thing has 1 / e of its colour
FINER = 2

Colour = tuple[float, float, float]
Canvas = UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True)
class Thing:
    """Something at one moment.

    `kind` is one of `DRAW`; `x` its middle, `z` its near end, `wide`, `high` and `long` its size, in metres. `lit` is
    the brightness of a car's brake lights (0 or 1) or the shown light of a signal (0 red, 1 amber, 2 green), `phase` a
    walker's step.
    """

    kind: str
    x: float
    z: float
    wide: float
    high: float
    long: float
    colour: Colour
    lit: int = 0
    phase: float = 0.0


@dataclass(frozen=True)
class View:
    """The camera at one moment, over a frame of a height and width in pixels.

    `bend` is the road's, 1 / metres, positive to the right; `pitch` what the horizon moves by, in heights of the frame;
    `along` the metres driven, which the marks on the road move by. `sky` and `light` belong to the weather.
    """

    size: tuple[int, int]
    bend: float = 0.0
    pitch: float = 0.0
    along: float = 0.0
    sky: Colour = (170, 195, 225)
    light: float = 1.0

    @property
    def focal(self) -> float:
        """Pixels."""
        return FOCAL * self.size[1]

    @property
    def horizon(self) -> float:
        """Its row."""
        return (0.44 + self.pitch) * self.size[0]

    def at(self, x: float, h: float, z: float) -> tuple[float, float]:
        """Column and row of a place."""
        z = max(z, NEAR)
        across = self.focal * (x + self.bend * z * z / 2) / z
        return self.size[1] / 2 + across, self.horizon + self.focal * (HEIGHT - h) / z

    def shade(self, colour: Colour, z: float, factor: float = 1.0) -> Colour:
        """A thing's colour in this light, through this much air."""
        clear = math.exp(-z / HAZE)
        share, r, g, b = self.light * factor * clear, *colour
        red, green, blue = (sky * (1 - clear) for sky in self.sky)
        return min(255.0, share * r + red), min(255.0, share * g + green), min(255.0, share * b + blue)


def draw(view: View, things: Sequence[Thing]) -> Canvas:
    """RGB of the road with all that is on it and beside it."""
    height, width = (FINER * side for side in view.size)
    finer = View((height, width), view.bend, view.pitch, view.along, view.sky, view.light)
    canvas = _ground(finer)
    for thing in sorted(things, key=lambda thing: -thing.z):
        if thing.z < FAR and thing.z + thing.long > NEAR:
            DRAW[thing.kind](canvas, finer, thing)
    return cv2.resize(canvas, view.size[::-1], interpolation=cv2.INTER_AREA)


def _fill(canvas: Canvas, points: Sequence[tuple[float, float]], colour: Colour) -> None:
    """A convex shape, to a sixteenth of a pixel."""
    corners = [(round(16 * min(8000.0, max(-8000.0, x))), round(16 * min(8000.0, max(-8000.0, y)))) for x, y in points]
    cv2.fillConvexPoly(canvas, np.array(corners, np.int32), colour, cv2.LINE_AA, 4)


def _strip(canvas: Canvas, view: View, sides: tuple[float, float], ends: tuple[float, float], colour: Colour) -> None:
    """A piece of the ground, in stretches, so that it bends with the road."""
    near, far = max(ends[0], NEAR), min(ends[1], FAR)
    if far <= near:
        return
    count = max(1, round(5 * math.log(far / near)))
    stops = [near * (far / near) ** (place / count) for place in range(count + 1)]
    for z0, z1 in itertools.pairwise(stops):
        corners = [(sides[0], z0), (sides[1], z0), (sides[1], z1), (sides[0], z1)]
        _fill(canvas, [view.at(x, 0, z) for x, z in corners], view.shade(colour, z0))


def _ground(view: View) -> Canvas:
    """Sky, grass, the road and its marks."""
    high = np.clip(1 - np.arange(view.size[0]) / view.horizon, 0, 1) * 0.25
    column = np.array(view.sky) * (1 - high)[:, None]
    column[round(view.horizon) :] = view.shade((112, 122, 92), 40.0)
    canvas = np.asarray(cv2.resize(column[:, None].astype(np.uint8), view.size[::-1], interpolation=cv2.INTER_NEAREST))
    _strip(canvas, view, (PAVEMENTS[0][0], PAVEMENTS[1][1]), (NEAR, FAR), (150, 147, 140))
    _strip(canvas, view, (PAVEMENTS[0][1], PAVEMENTS[1][0]), (NEAR, FAR), (84, 84, 90))
    _strip(canvas, view, KERBS, (NEAR, FAR), (96, 96, 100))
    for start in np.arange(-(view.along % 8), FAR / 2, 8):
        _strip(canvas, view, (-LANE / 2 - 0.07, -LANE / 2 + 0.07), (start, start + 3), (225, 225, 220))
    for side in KERBS:
        _strip(canvas, view, (side - 0.06, side + 0.06), (NEAR, FAR), (190, 190, 186))
    return canvas


def _faces(canvas: Canvas, view: View, thing: Thing, low: float = 0.0, top: float | None = None) -> None:
    """A block: the side that shows, and the end that looks at the camera."""
    top = thing.high if top is None else top
    left, right = thing.x - thing.wide / 2, thing.x + thing.wide / 2
    far = thing.z + thing.long
    inner = left if thing.x + view.bend * thing.z * max(thing.z, NEAR) / 2 > 0 else right
    side = [view.at(inner, h, z) for h, z in ((low, thing.z), (top, thing.z), (top, far), (low, far))]
    _fill(canvas, side, view.shade(thing.colour, thing.z, 0.78))
    if thing.z > NEAR:
        end = [view.at(x, h, thing.z) for x, h in ((left, low), (right, low), (right, top), (left, top))]
        _fill(canvas, end, view.shade(thing.colour, thing.z))


def _plate(canvas: Canvas, view: View, thing: Thing, box: tuple[float, float, float, float], colour: Colour) -> None:
    """A rectangle on the near end: left, low, right, top as shares of the end."""
    x0, h0, x1, h1 = box
    left, z = thing.x - thing.wide / 2, thing.z
    corners = [(x0, h0), (x1, h0), (x1, h1), (x0, h1)]
    _fill(canvas, [view.at(left + thing.wide * x, thing.high * h, z) for x, h in corners], colour)


def _car(canvas: Canvas, view: View, thing: Thing) -> None:
    """A car or a van from behind; `lit` are its brake lights."""
    if thing.z < NEAR:
        return
    van = thing.kind == "van"
    shadow = (thing.x - 0.55 * thing.wide, thing.x + 0.55 * thing.wide)
    _strip(canvas, view, shadow, (thing.z - 0.2, thing.z + thing.long), (48, 48, 52))
    _faces(canvas, view, thing, 0.22, thing.high if van else 0.62 * thing.high)
    if not van:
        cabin = Thing("cabin", thing.x, thing.z + 0.5, 0.8 * thing.wide, thing.high, 0.5 * thing.long, thing.colour)
        _faces(canvas, view, cabin, 0.6 * thing.high)
        _plate(canvas, view, cabin, (0.08, 0.64, 0.92, 0.94), view.shade((52, 62, 72), thing.z))
    else:
        _plate(canvas, view, thing, (0.1, 0.6, 0.9, 0.9), view.shade((60, 68, 76), thing.z))
    wheel = view.shade((28, 28, 30), thing.z)
    for x in (0.04, 0.78):
        _plate(canvas, view, thing, (x, 0.0, x + 0.18, 0.26), wheel)
    if thing.kind == "oncoming":
        lights = view.shade((250, 248, 225), 0.0, 1 / view.light)
    else:
        lights = (255, 40, 24) if thing.lit else view.shade((130, 26, 26), thing.z)
    for x in (0.03, 0.79):
        _plate(canvas, view, thing, (x, 0.36, x + 0.18, 0.5), lights)
    if thing.lit:
        _plate(canvas, view, thing, (0.36, 0.5, 0.64, 0.57), lights)


def _person(canvas: Canvas, view: View, thing: Thing) -> None:
    """Head, body and two legs, which swing with the step."""
    if thing.z < NEAR:
        return
    swing = 0.3 * np.sin(thing.phase) * thing.wide
    dark = view.shade((44, 44, 58), thing.z)
    for foot in (-0.12 + swing, 0.12 - swing):
        leg = [(-0.1, 0.85), (0.1, 0.85), (foot + 0.07, 0.0), (foot - 0.07, 0.0)]
        _fill(canvas, [view.at(thing.x + x, h, thing.z) for x, h in leg], dark)
    body = [(-0.24, 1.45), (0.24, 1.45), (0.2, 0.8), (-0.2, 0.8)]
    _fill(canvas, [view.at(thing.x + x, h, thing.z) for x, h in body], view.shade(thing.colour, thing.z))
    head = np.array(view.at(thing.x, 1.6, thing.z))
    radius = max(1, round(16 * 0.13 * view.focal / thing.z))
    centre = np.rint(head * 16).astype(int).tolist()
    cv2.circle(canvas, centre, radius, view.shade((205, 160, 130), thing.z), -1, cv2.LINE_AA, 4)


def _building(canvas: Canvas, view: View, thing: Thing) -> None:
    """A house with rows of windows along the road."""
    _faces(canvas, view, thing)
    inner = thing.x - np.sign(thing.x) * thing.wide / 2
    for low in np.arange(1.2, thing.high - 1.2, 3.0):
        for start in np.arange(thing.z + 1.0, thing.z + thing.long - 2.0, 3.2):
            if NEAR < start < 50:
                ends = ((low, start), (low + 1.5, start), (low + 1.5, start + 1.5), (low, start + 1.5))
                _fill(canvas, [view.at(inner, h, z) for h, z in ends], view.shade((70, 80, 96), float(start)))


def _tree(canvas: Canvas, view: View, thing: Thing) -> None:
    """A trunk and a crown."""
    if thing.z < NEAR:
        return
    trunk = Thing("trunk", thing.x, thing.z, 0.3, 0.5 * thing.high, 0.0, (88, 70, 52))
    _faces(canvas, view, trunk)
    for across, up, share in ((-0.3, 0.6, 0.8), (0.3, 0.62, 0.9), (0.0, 0.75, 1.0)):
        place = np.array(view.at(thing.x + across * thing.wide, up * thing.high, thing.z))
        radius = max(1, round(16 * 0.45 * thing.wide * view.focal / thing.z))
        if radius < 16 * 4000:
            centre = np.rint(np.clip(place, -8000, 8000) * 16).astype(int).tolist()
            cv2.circle(canvas, centre, radius, view.shade(thing.colour, thing.z, share), -1, cv2.LINE_AA, 4)


def _signal(canvas: Canvas, view: View, thing: Thing) -> None:
    """Traffic lights on a post, and the line before which cars stop."""
    _strip(canvas, view, (-LANE / 2 + 0.1, KERBS[1] - 0.1), (thing.z - 1.0, thing.z - 0.6), (225, 225, 220))
    if thing.z < NEAR:
        return
    _faces(canvas, view, Thing("post", thing.x, thing.z, 0.14, thing.high, 0.0, (90, 92, 92)))
    case = Thing("case", thing.x, thing.z, 0.5, thing.high, 0.0, (30, 32, 30))
    _faces(canvas, view, case, thing.high - 1.3)
    shown: Sequence[Colour] = ((255, 46, 36), (255, 190, 40), (60, 240, 130))
    for row in range(3):
        colour = shown[row] if row == thing.lit else (52, 54, 52)
        top = 1 - (0.1 + 0.4 * row) / thing.high
        _plate(canvas, view, case, (0.18, top - 0.32 / thing.high, 0.82, top), colour)


DRAW = {
    "car": _car,
    "van": _car,
    "oncoming": _car,
    "person": _person,
    "building": _building,
    "tree": _tree,
    "signal": _signal,
}


def hidden(thing: Thing, others: Sequence[Thing]) -> bool:
    """Whether a person is behind a van, seen from the camera, the middle of it."""
    slope = thing.x / max(thing.z, NEAR)
    for other in others:
        if other.kind == "van" and NEAR < other.z < thing.z:
            crossed = slope * np.array([other.z, min(other.z + other.long, thing.z)])
            if crossed.max() > other.x - other.wide / 2 and crossed.min() < other.x + other.wide / 2:
                return True
    return False


def degree(size: tuple[int, int]) -> float:
    """Pixels of a degree of the driver's view in the middle of a frame."""
    return float(FOCAL * size[1] * np.tan(np.radians(1.0)))
