"""People made from a seed who look at things in a room: where each head is turned is drawn, what it looks at is known.

A room with some coloured things and one to three people. A head is a ball with hair, eyes, a nose and a mouth, turned
to a thing, to another person's head, or to a place outside of the picture. In the direction in which a head is turned
there is nothing else within `APART` degrees, so that its target follows from the picture; and of those who look out of
it, nothing is in their way. Nothing here is how real people look, or where: it tells whether a network learns to follow
gaze, never how well it does so on photographs.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from data.atomic import atomic_write
from data.errors import GazeError
from data.following import table
from data.picture import save
from data.staging import new_folder

SIZE = (240, 320)  # height, width
SMALLEST = 64  # pixels a side
APART = 18.0  # degrees
OUTSIDE = 0.25  # of the people look out of the picture
FROM_BEHIND = 0.12  # of them are turned away from the camera
SPREAD = 0.2  # of an annotator's point around its target, in radii
TURNS = ("train", "train", "train", "val", "test")  # of five pictures
SKIN = ((236, 188, 150), (198, 134, 92), (120, 76, 50), (222, 170, 130))
HAIR = ((40, 28, 20), (92, 60, 34), (150, 120, 80), (70, 70, 72), (20, 20, 24))
COLOURS = (
    (220, 60, 50),
    (245, 200, 50),
    (60, 170, 90),
    (60, 110, 230),
    (210, 80, 210),
    (245, 245, 245),
    (240, 130, 40),
)
CLOTHES = ((70, 90, 130), (120, 60, 60), (60, 110, 80), (90, 90, 100), (150, 130, 90), (50, 50, 70))

Pixels = UInt8[np.ndarray, "h w 3"]
Vector = Float[np.ndarray, "3"]  # to the right, down, towards the camera


class Thing(NamedTuple):
    """Something round that can be looked at."""

    x: float  # of its middle, pixels
    y: float
    radius: float
    kind: str  # disc, box, ring, star or head

    @property
    def middle(self) -> Float[np.ndarray, "2"]:
        """Where it is."""
        return np.array([self.x, self.y])


class Onlooker(NamedTuple):
    """A person in a room."""

    head: Thing
    forward: Vector  # the way in which the head is turned; its length is 1
    target: Thing | None  # None: something outside of the picture

    @property
    def box(self) -> Float[np.ndarray, "4"]:
        """The head's x, y, width, height."""
        return np.array([self.head.x - self.head.radius, self.head.y - self.head.radius, *[2 * self.head.radius] * 2])


class Room(NamedTuple):
    """A picture, the people in it, and the things."""

    pixels: Pixels
    people: tuple[Onlooker, ...]
    things: tuple[Thing, ...]


def room(seed: int, number: int = 0, size: tuple[int, int] = SIZE) -> Room:
    """A room and its people; the same seed and number give the same.

    Raises:
        GazeError: `size` (height, width) is less than 64 x 64 pixels.
    """
    if min(size) < SMALLEST:
        raise GazeError(
            f"Made rooms of {size[1]} x {size[0]} pixels are too small; ask for {SMALLEST} x {SMALLEST} or more."
        )
    chance = np.random.default_rng((seed, number))
    while True:
        heads, things = _arranged(chance, size)
        people = [person for head in heads if (person := _turned(chance, head, [*heads, *things], size))]
        if len(people) == len(heads):
            return Room(_painted(chance, size, people, things), tuple(people), tuple(things))


def _arranged(chance: np.random.Generator, size: tuple[int, int]) -> tuple[list[Thing], list[Thing]]:
    """Heads and things that do not touch each other."""
    height, width = size
    heads: list[Thing] = []
    things: list[Thing] = []
    wanted = [
        *["head"] * int(chance.integers(1, 4)),
        *chance.choice(["disc", "box", "ring", "star"], chance.integers(3, 7)),
    ]
    for kind in wanted:
        for _ in range(60):
            low, high = (0.065, 0.11) if kind == "head" else (0.035, 0.065)
            radius = float(chance.uniform(low, high)) * height
            x = float(chance.uniform(1.3 * radius, width - 1.3 * radius))
            top, bottom = (0.08 * height, 0.72 * height) if kind == "head" else (0.0, height)
            y = float(chance.uniform(max(1.3 * radius, top), min(height - 1.3 * radius, bottom)))
            if all(math.hypot(x - t.x, y - t.y) > 1.6 * (radius + t.radius) for t in (*heads, *things)):
                (heads if kind == "head" else things).append(Thing(x, y, radius, str(kind)))
                break
    return heads, things


def _turned(
    chance: np.random.Generator, head: Thing, all_things: list[Thing], size: tuple[int, int]
) -> Onlooker | None:
    """A person with this head who looks at one of the things, or out of the picture; None where that is not plain."""
    others = [thing for thing in all_things if thing is not head]
    angles = np.array([math.atan2(thing.y - head.y, thing.x - head.x) for thing in others])
    target: Thing | None = None
    if chance.random() < OUTSIDE:
        possible = [a for a in chance.uniform(-math.pi, math.pi, 24) if _apart(a, angles) > APART]
        if not possible:
            return None
        angle = float(possible[0])
    else:
        free = [k for k in range(len(others)) if _apart(angles[k], np.delete(angles, k)) > APART]
        far = [k for k in free if math.hypot(*(others[k].middle - head.middle)) > 2.5 * head.radius]
        if not far:
            return None
        chosen = int(chance.choice(far))
        target, angle = others[chosen], float(angles[chosen])
    aside = float(chance.uniform(0.72, 0.97))  # the sine of the angle to the camera's axis
    towards = math.sqrt(1 - aside**2) * (-1 if chance.random() < FROM_BEHIND else 1)
    forward = np.array([aside * math.cos(angle), aside * math.sin(angle), towards])
    return Onlooker(head, forward, target)


def _apart(angle: float, others: Float[np.ndarray, " n"]) -> float:
    """Degrees from a direction to the nearest of others."""
    turns = np.abs((others - angle + math.pi) % (2 * math.pi) - math.pi)
    return math.degrees(float(turns.min(initial=math.pi)))


def _painted(chance: np.random.Generator, size: tuple[int, int], people: list[Onlooker], things: list[Thing]) -> Pixels:
    height, width = size
    wall = chance.uniform(120, 200, 3) * np.array([1.0, 0.98, 0.94])
    horizon = int(height * chance.uniform(0.55, 0.8))
    canvas = np.empty((height, width, 3), np.float32)
    canvas[:horizon], canvas[horizon:] = wall, wall * float(chance.uniform(0.6, 0.8))
    clouds = cv2.resize(
        chance.normal(0, 1, (4, 5, 1)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    canvas += 7 * clouds[..., None]
    for person in people:
        _paint_body(canvas, person.head, CLOTHES[int(chance.integers(len(CLOTHES)))])
    for thing in things:
        _paint_thing(canvas, thing, COLOURS[int(chance.integers(len(COLOURS)))])
    for person in people:
        skin, hair = SKIN[int(chance.integers(len(SKIN)))], HAIR[int(chance.integers(len(HAIR)))]
        _paint_head(canvas, person, np.array(skin, np.float32), np.array(hair, np.float32))
    canvas += chance.normal(0, 3, (height, width, 1))
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8)


def _paint_body(canvas: np.ndarray, head: Thing, colour: tuple[int, int, int]) -> None:
    """Neck and shoulders, down to the end of the picture."""
    r, x, y = head.radius, head.x, head.y
    shoulders = [
        (x - 1.7 * r, y + 2.0 * r),
        (x + 1.7 * r, y + 2.0 * r),
        (x + 1.5 * r, y + 5.2 * r),
        (x - 1.5 * r, y + 5.2 * r),
    ]
    cv2.fillPoly(canvas, [np.array(shoulders).round().astype(np.int32)], colour, cv2.LINE_AA)
    cv2.ellipse(
        canvas, (round(x), round(y + 2.0 * r)), (round(1.7 * r), round(0.8 * r)), 0, 180, 360, colour, -1, cv2.LINE_AA
    )


def _paint_thing(canvas: np.ndarray, thing: Thing, colour: tuple[int, int, int]) -> None:
    middle, r = (round(thing.x), round(thing.y)), thing.radius
    if thing.kind == "box":
        corner = np.array([r, r]) * 0.85
        low, high = (thing.middle - corner).round().astype(int), (thing.middle + corner).round().astype(int)
        cv2.rectangle(canvas, low.tolist(), high.tolist(), colour, -1, cv2.LINE_AA)
    elif thing.kind == "star":
        turns = np.arange(10) * math.pi / 5 - math.pi / 2
        spikes = np.where(np.arange(10) % 2, 0.45, 1.05)[:, None] * np.stack([np.cos(turns), np.sin(turns)], 1)
        cv2.fillPoly(canvas, [(thing.middle + r * spikes).round().astype(np.int32)], colour, cv2.LINE_AA)
    else:
        cv2.circle(canvas, middle, round(r), colour, -1 if thing.kind == "disc" else max(2, round(r / 3)), cv2.LINE_AA)


def _paint_head(canvas: np.ndarray, person: Onlooker, skin: np.ndarray, hair: np.ndarray) -> None:
    """A ball that is turned: hair behind and above, eyes, nose and mouth where they are seen."""
    head, forward = person.head, person.forward
    right = np.cross(forward, [0.0, -1.0, 0.0])
    right = right / max(float(np.linalg.norm(right)), 1e-6)
    up = np.cross(right, forward)
    if up[1] > 0:
        right, up = -right, -up
    rows, columns = np.mgrid[: canvas.shape[0], : canvas.shape[1]].astype(np.float32) + 0.5
    across, down = (columns - head.x) / head.radius, (rows - head.y) / head.radius
    square = across**2 + down**2
    inside = square < 1
    ball = np.stack([across, down, np.sqrt(np.maximum(0, 1 - square))], -1)
    ahead, above = ball @ forward, ball @ up
    light = (0.75 + 0.25 * ball[..., 2])[..., None]
    tone = np.where(((ahead < 0.1) | (above > 0.62))[..., None], hair, skin) * light
    canvas[inside] = tone[inside]
    for side in (-0.36, 0.36):
        eye = forward * 0.86 + right * side + up * 0.22
        _dot(canvas, ball, inside, eye, 0.985, (250, 250, 250))
        _dot(canvas, ball, inside, eye + forward * 0.05, 0.995, (15, 15, 20))
    _dot(canvas, ball, inside, forward * 0.86 - up * 0.46, 0.982, (150, 40, 50))
    nose = forward - up * 0.08
    if nose[2] > -0.35:
        place = np.array([head.x, head.y]) + 1.08 * head.radius * nose[:2]
        base = np.array([head.x, head.y]) + 0.8 * head.radius * (nose + up * 0.1)[:2]
        thick = max(2, round(0.3 * head.radius))
        cv2.line(
            canvas,
            base.round().astype(int).tolist(),
            place.round().astype(int).tolist(),
            (0.8 * skin).tolist(),
            thick,
            cv2.LINE_AA,
        )


def _dot(
    canvas: np.ndarray,
    ball: np.ndarray,
    inside: np.ndarray,
    place: Vector,
    nearness: float,
    colour: tuple[int, int, int],
) -> None:
    """What lies on a ball around a direction, as far as it is seen."""
    canvas[inside & (ball @ (place / np.linalg.norm(place)) > nearness)] = colour


def rows(made: Room, name: str, chance: np.random.Generator, annotators: int = 3) -> Iterator[dict[str, object]]:
    """The rows of `data.following.table` of a room, of so many made annotators who agree nearly."""
    height, width = made.pixels.shape[:2]
    for number, person in enumerate(made.people):
        x, y, wide, high = np.round(person.box, 2).tolist()
        eyes = person.head.middle + 0.5 * person.head.radius * person.forward[:2]
        for annotator in range(annotators):
            row: dict[str, object] = {
                "picture": name, "person": f"p{number + 1}", "head_x": x, "head_y": y, "head_width": wide,
                "head_height": high, "in_frame": int(person.target is not None), "eye_x": round(float(eyes[0]), 2),
                "eye_y": round(float(eyes[1]), 2), "annotator": f"a{annotator + 1}",
            }  # fmt: skip
            if person.target is not None:
                point = chance.normal(person.target.middle, SPREAD * person.target.radius)
                row["gaze_x"], row["gaze_y"] = np.clip(point, 0, (width - 0.01, height - 0.01)).round(2).tolist()
            yield row


def write(root: Path | str, count: int = 60, seed: int = 0, size: tuple[int, int] = SIZE, annotators: int = 3) -> None:
    """A whole set in the table of `data.following.table` in the new folder `root`: of five pictures three train.

    Raises:
        GazeError: The folder holds something already, or `size` is too small.
    """
    root = new_folder(root)
    (root / "images").mkdir(parents=True, exist_ok=True)
    splits: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    told: list[dict[str, object]] = []
    digits = max(4, len(str(count)))
    for number in range(count):
        made, name = room(seed, number, size), f"{number + 1:0{digits}d}.png"
        save(root / "images" / name, made.pixels)
        splits[TURNS[number % len(TURNS)]].append(name)
        told += rows(made, name, np.random.default_rng((seed, number, 1)), annotators)
    table.write(root, told)
    with atomic_write(root / "splits.json") as file:
        file.write(json.dumps(splits, indent=1).encode())
