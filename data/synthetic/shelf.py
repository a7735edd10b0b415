"""Things on a shelf, made from a seed, for made videos of mobile eye tracking (`data.synthetic.headcam`).

    motion        ten different things; now and then a hand takes one to another place
    look-alikes   three pairs that differ in the colour of their labels alone, each its own class; four others
    twins         three pairs that are the same to the last pixel; one is the left, one the right; four others

The shelf is a plane at distance 1: x to the right, y down, from its middle; 0.1 is 5.7 degrees there. Two more things
are of no interest (their name is ""). Twins stand on both sides of a thing of their own, so that their places relative
to others tell them apart.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8

KINDS = ("motion", "look-alikes", "twins")
SIDE = 96  # pixels of a thing's picture
HALF_WIDTH, HALF_HEIGHT = 1.0, 0.55  # of the shelf
COLUMNS, ROWS = 5, 3
SHAPES = ("mug", "bottle", "book", "carton", "ball", "tin", "plant", "tablet", "basket", "clock")
BODIES = (
    (196, 62, 54), (66, 116, 190), (74, 150, 92), (226, 180, 66), (146, 92, 168), (232, 226, 212), (72, 76, 84),
    (218, 128, 62), (90, 170, 176), (132, 94, 66),
)  # fmt: skip
LABELS = ((246, 240, 222), (236, 196, 60), (60, 90, 150), (200, 70, 70), (70, 140, 90), (40, 42, 48))
ALIKE = 0.5  # how far the label of a look-alike is on the way to another colour
REACHES = 8.0  # seconds from one reach of the hand to the next
REACH = 2.4  # seconds that it lasts

Pixels = UInt8[np.ndarray, "h w 3"]


class Thing(NamedTuple):
    """Something on the shelf; from `moved_s` to a second later a hand takes it to another place."""

    name: str  # its class; "" is of no interest
    picture: UInt8[np.ndarray, "s s 4"]  # RGB and opacity
    side: float  # of its picture, on the shelf
    turn: float  # radians
    place: Float[np.ndarray, "2"]
    moved_s: float = np.inf
    later: Float[np.ndarray, "2"] | None = None

    def at(self, time_s: float) -> Float[np.ndarray, "2"]:
        """Where it is."""
        if self.later is None or time_s <= self.moved_s:
            return self.place
        share = min(1.0, time_s - self.moved_s)
        return np.asarray(self.place + (3 * share**2 - 2 * share**3) * (self.later - self.place))


class Reach(NamedTuple):
    """A hand comes into view, to a thing, and goes; it is there at `time_s`, and leaves a second later."""

    time_s: float
    thing: int  # its number


def stocked(kind: str, chance: np.random.Generator, seconds: float) -> tuple[list[Thing], list[Reach]]:
    """The things of a shelf, and the reaches of the hand."""
    names = _names(kind, chance)
    places = _places(kind, chance)
    things = []
    looks: dict[str, tuple[UInt8[np.ndarray, "s s 4"], float]] = {}
    bodies, labels = chance.permutation(len(BODIES)), chance.permutation(len(LABELS))
    shapes = list(dict.fromkeys(name.split("-")[0] for name in names))
    shapes.append("clutter-2")
    for name, place in zip(names, places, strict=False):
        shape = name.split("-")[0]
        look = name if kind == "look-alikes" or shape == "clutter" else shape
        if look not in looks:
            own = shapes.index(look if look in shapes else shape)
            paint = np.array(LABELS[labels[own % len(LABELS)]])
            if name.endswith("-b"):
                paint = paint + ALIKE * (np.array(LABELS[labels[(own + 2) % len(LABELS)]]) - paint)
            side = looks[f"{shape}-a"][1] if f"{shape}-a" in looks else float(chance.uniform(0.19, 0.25))
            looks[look] = (painted(shape, BODIES[bodies[own % len(BODIES)]], paint.tolist(), own), side)
        picture, side = looks[look]
        turn = 0.0 if kind == "twins" else float(chance.normal(0, 0.06))
        things.append(Thing("" if shape == "clutter" else name, picture, side, turn, place))
    reaches = []
    for number, begin in enumerate(np.arange(4.0, seconds - REACH, REACHES)):
        at = float(begin + chance.uniform(0, 2))
        thing = int(chance.integers(len(things)))
        if kind == "motion" and len(places) > len(things) + number and things[thing].later is None:
            things[thing] = things[thing]._replace(moved_s=at, later=places[len(things) + number])
        reaches.append(Reach(at, thing))
    return things, reaches


def _names(kind: str, chance: np.random.Generator) -> list[str]:
    shapes = chance.permutation(SHAPES).tolist()
    ends = {"motion": (), "look-alikes": ("a", "b"), "twins": ("left", "right")}[kind]
    pairs = [f"{shape}-{end}" for shape in shapes[:3] for end in ends]
    singles = shapes[3:7] if ends else shapes
    return [*pairs, *singles, "clutter-1", "clutter-2"]


def _places(kind: str, chance: np.random.Generator) -> list[Float[np.ndarray, "2"]]:
    """Places in the order of the names, then free ones; each a cell of the shelf, not quite in its middle."""
    cells = [(column, row) for row in range(ROWS) for column in range(COLUMNS)]
    if kind == "twins":  # a row each: left twin, a thing between, right twin
        firsts = chance.integers(0, COLUMNS - 2, ROWS)
        order = [(int(first) + step, row) for row, first in enumerate(firsts) for step in (0, 2)]
        order += [(int(first) + 1, row) for row, first in enumerate(firsts)]
        rest = [cell for cell in cells if cell not in order]
        order += [rest[at] for at in chance.permutation(len(rest))]
    else:
        order = [cells[at] for at in chance.permutation(len(cells))]
    step = np.array([2 * HALF_WIDTH / COLUMNS, 2 * HALF_HEIGHT / ROWS])
    corner = np.array([-HALF_WIDTH, -HALF_HEIGHT])
    return [corner + step * (np.array(cell) + 0.5 + chance.uniform(-0.12, 0.12, 2)) for cell in order]


def wall(chance: np.random.Generator, side: int) -> Pixels:
    """What is behind the things: boards, their grain, and a shade on everything; `side` pixels a unit of the shelf."""
    height, width = round(2.8 * side), round(4.0 * side)  # beyond the shelf's ends, too
    tone = chance.uniform(150, 205) * np.array([1.0, chance.uniform(0.9, 0.98), chance.uniform(0.78, 0.92)])
    canvas = np.full((height, width, 3), tone, np.float32)
    for size, strength in (((5, 7), 12.0), ((height // 6, width // 60), 5.0), ((height // 3, width // 3), 6.0)):
        grain = chance.normal(0, strength, (*size, 1)).astype(np.float32)
        canvas += cv2.resize(grain, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    step = 2 * HALF_HEIGHT / ROWS * side
    for row in range(ROWS + 1):
        y = round(height / 2 - HALF_HEIGHT * side + row * step)
        cv2.line(canvas, (0, y), (width, y), (tone * 0.62).tolist(), max(2, side // 50), cv2.LINE_AA)
    for _ in range(14):  # marks on the wall
        x, y = int(chance.integers(width)), int(chance.integers(height))
        cv2.circle(canvas, (x, y), int(chance.integers(2, max(3, side // 40))), (tone * 0.75).tolist(), -1, cv2.LINE_AA)
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8)


def painted(shape: str, body: Sequence[float], label: Sequence[float], pattern: int) -> UInt8[np.ndarray, "s s 4"]:
    """The picture of a thing: a body with a label; `pattern` tells what is printed on it."""
    fine = 4 * SIDE
    canvas = np.full((fine, fine, 3), body, np.uint8)
    mask = np.zeros((fine, fine), np.uint8)
    x0, y0, x1, y1 = _outline(mask, shape, fine)
    shade = np.linspace(1.1, 0.72, fine)[None, :, None]
    canvas = np.clip(canvas * shade, 0, 255).astype(np.uint8)
    low, high = round(y0 + 0.32 * (y1 - y0)), round(y0 + 0.74 * (y1 - y0))
    cv2.rectangle(canvas, (x0, low), (x1, high), label, -1)
    ink = tuple(int(0.35 * part) for part in label)
    for stroke in range(2 + pattern % 4):
        x = round(x0 + (x1 - x0) * (stroke + 1) / (3 + pattern % 4))
        if pattern % 2:
            cv2.line(canvas, (x, low + 14), (x, high - 14), ink, 9)
        else:
            cv2.circle(canvas, (x, (low + high) // 2), 15, ink, -1)
    whole = np.dstack([canvas, mask])
    return cv2.resize(whole, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _outline(mask: UInt8[np.ndarray, "f f"], shape: str, fine: int) -> tuple[int, int, int, int]:
    """Fills what a shape covers; the box of its body."""
    wide, high = {
        "mug": (0.56, 0.62), "bottle": (0.36, 0.94), "book": (0.66, 0.9), "carton": (0.5, 0.9), "ball": (0.76, 0.76),
        "tin": (0.54, 0.7), "plant": (0.5, 0.84), "tablet": (0.94, 0.66), "basket": (0.92, 0.56), "clock": (0.84, 0.84),
    }.get(shape, (0.7, 0.7))  # fmt: skip
    middle = fine // 2
    x0, x1 = round(middle - wide * fine / 2), round(middle + wide * fine / 2)
    y0, y1 = round(middle - high * fine / 2), round(middle + high * fine / 2)
    if shape in ("ball", "clock"):
        cv2.circle(mask, (middle, middle), round(wide * fine / 2), 255, -1, cv2.LINE_AA)
    elif shape == "bottle":
        cv2.rectangle(mask, (x0, y0 + fine // 4), (x1, y1), 255, -1)
        cv2.rectangle(mask, (middle - fine // 12, y0), (middle + fine // 12, y1), 255, -1)
    elif shape == "carton":
        cv2.fillPoly(
            mask, [np.array([(x0, y0 + fine // 5), (middle, y0), (x1, y0 + fine // 5), (x1, y1), (x0, y1)])], 255
        )
    elif shape == "basket":
        cv2.fillPoly(mask, [np.array([(x0, y0), (x1, y0), (x1 - fine // 8, y1), (x0 + fine // 8, y1)])], 255)
    elif shape == "plant":
        cv2.rectangle(mask, (x0 + fine // 14, middle), (x1 - fine // 14, y1), 255, -1)
        for x, y in ((x0, y0 + fine // 8), (middle, y0), (x1, y0 + fine // 8)):
            cv2.circle(mask, (x, y + fine // 8), fine // 7, 255, -1, cv2.LINE_AA)
            cv2.line(mask, (middle, middle), (x, y + fine // 8), 255, fine // 24)
    else:
        cv2.rectangle(mask, (x0, y0), (x1, y1), 255, -1)
    if shape == "mug":
        cv2.circle(mask, (x1, middle), fine // 7, 255, fine // 18, cv2.LINE_AA)
    return x0, y0, x1, y1
