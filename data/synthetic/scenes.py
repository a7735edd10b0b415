"""Pictures and viewers made from a seed: tests, the tour and the tiny recipe need no download.

A picture is a dull, cloudy background with a few objects on it: faces, bright discs and boxes, and dull pebbles that
hardly anybody looks at. A viewer goes from object to object, the attractive ones first, rarely back, and now and then
somewhere near the middle. So where people look can be learned from the picture, and the first second differs from
the third. Nothing here claims to be how real people look.
"""

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from data.errors import GazeError
from data.gaze import Objects, Picture, Scanpath
from data.table.write import write_table

ATTRACTION = {"face": 6.0, "disc": 3.0, "box": 2.0, "pebble": 0.2}  # chance of being looked at, to scale
COLOURS = np.array([[230, 60, 50], [250, 200, 40], [60, 180, 90], [60, 120, 240], [220, 80, 220], [240, 240, 240]])
SKIN = np.array([[236, 188, 150], [198, 134, 92], [120, 76, 50]])
AGAIN = 0.15  # each look at an object makes the next one this much less likely
ELSEWHERE = 0.08  # share of fixations on no object

Item = tuple[UInt8[np.ndarray, "h w 3"], Picture, tuple[Scanpath, ...], Objects]


@dataclass(frozen=True)
class _Thing:
    kind: str
    x: float  # of the centre, pixels
    y: float
    radius: float  # pixels
    attraction: float


def pictures(
    count: int, seed: int = 0, size: tuple[int, int] = (96, 128), viewers: int = 8, seconds: float = 3.0
) -> Iterator[Item]:
    """Pictures of `size` (height, width), each with the scanpaths of its viewers and its objects.

    Each picture follows from the seed and its number alone: the first ten of a hundred are the ten of ten.

    Args:
        count: How many pictures.
        seed: The same number gives the same pictures and viewers.
        size: Height and width in pixels, at least 16 each.
        viewers: How many people look at each picture.
        seconds: How long they look.

    Raises:
        GazeError: The pictures are smaller than 16 x 16 pixels.
    """
    if min(size) < 16:
        raise GazeError(f"Synthetic pictures of {size[1]} x {size[0]} pixels are too small; ask for 16 x 16 or more.")
    digits = max(4, len(str(count)))
    for number in range(count):
        chance = np.random.default_rng((seed, number))
        things = _arrange(chance, size)
        image = _paint(chance, size, things)
        gaze = tuple(_look(chance, size, things, f"s{i + 1:02d}", seconds) for i in range(viewers))
        boxes = np.array([[t.x - t.radius, t.y - t.radius, 2 * t.radius, 2 * t.radius] for t in things])
        objects = Objects(boxes.round(2), tuple(thing.kind for thing in things))
        yield image, Picture(f"{number + 1:0{digits}d}.png", size[1], size[0]), gaze, objects


def _arrange(chance: np.random.Generator, size: tuple[int, int]) -> list[_Thing]:
    """Two to five objects that do not touch, more of them near the middle, at least one of them attractive."""
    height, width = size
    wanted = int(chance.integers(2, 6))
    things: list[_Thing] = []
    for _ in range(100):
        if len(things) == wanted:
            break
        kind = str(chance.choice(["face", "disc", "box"] if not things else list(ATTRACTION)))
        radius = float(chance.uniform(0.07, 0.15)) * min(size)
        x, y = chance.normal(0.5, 0.22, 2) * (width, height)
        if not (radius < x < width - radius and radius < y < height - radius):
            continue
        if any(math.hypot(x - t.x, y - t.y) < 1.5 * (radius + t.radius) for t in things):
            continue
        things.append(_Thing(kind, float(x), float(y), radius, ATTRACTION[kind] * float(chance.uniform(0.7, 1.3))))
    return things or [_Thing("disc", width / 2, height / 2, 0.15 * min(size), ATTRACTION["disc"])]


def _paint(chance: np.random.Generator, size: tuple[int, int], things: list[_Thing]) -> UInt8[np.ndarray, "h w 3"]:
    height, width = size
    clouds = cv2.resize(chance.normal(0, 1, (4, 5, 3)), (width, height), interpolation=cv2.INTER_CUBIC)
    canvas = 105 + 14 * clouds + chance.normal(0, 5, (height, width, 1))
    rows, columns = np.mgrid[:height, :width] + 0.5
    for thing in things:
        across, down = (columns - thing.x) / thing.radius, (rows - thing.y) / thing.radius  # -1 to 1 over the object
        if thing.kind == "face":
            _paint_face(canvas, across, down, SKIN[chance.integers(len(SKIN))])
        elif thing.kind == "box":
            canvas[np.maximum(abs(across), abs(down)) < 0.9] = COLOURS[chance.integers(len(COLOURS))]
        elif thing.kind == "disc":
            canvas[np.hypot(across, down) < 1] = COLOURS[chance.integers(len(COLOURS))]
        else:
            canvas[np.hypot(across, down) < 1] += chance.uniform(-12, 12)
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8)


def _paint_face(
    canvas: Float[np.ndarray, "h w 3"],
    across: Float[np.ndarray, "h w"],
    down: Float[np.ndarray, "h w"],
    skin: np.ndarray,
) -> None:
    head: Bool[np.ndarray, "h w"] = np.hypot(across / 0.85, down) < 1
    canvas[head] = skin
    for side in (-0.35, 0.35):
        canvas[np.hypot(across - side, down + 0.2) < 0.17] = 20
    canvas[head & (abs(across) < 0.35) & (abs(down - 0.45) < 0.1)] = (150, 30, 40)
    canvas[head & (down < -0.65)] = (50, 35, 25)


def _look(
    chance: np.random.Generator, size: tuple[int, int], things: list[_Thing], subject: str, seconds: float
) -> Scanpath:
    """One viewer: an object for each fixation, a place on it, and times until the picture goes."""
    height, width = size
    middle = np.array([math.exp(-2 * ((t.x / width - 0.5) ** 2 + (t.y / height - 0.5) ** 2)) for t in things])
    pull = np.array([thing.attraction for thing in things]) * middle
    fixation_counts = np.zeros(len(things))
    fixations: list[tuple[float, float, float, float]] = []
    now = max(100.0, float(chance.normal(280, 60)))  # the median in the set `scene`
    while True:
        duration = float(chance.lognormal(math.log(230), 0.35))
        if now + duration > 1000 * seconds:
            break
        if chance.random() < ELSEWHERE:
            x, y = chance.normal(0.5, 0.2, 2) * (width, height)
        else:
            weight = pull * AGAIN**fixation_counts
            thing = int(chance.choice(len(things), p=weight / weight.sum()))
            fixation_counts[thing] += 1
            x, y = chance.normal((things[thing].x, things[thing].y), 0.4 * things[thing].radius + 0.005 * width)
        x, y = np.clip((x, y), 0.5, (width - 0.5, height - 0.5)).round(2)
        fixations.append((x, y, round(now), round(duration)))
        now += duration + float(chance.uniform(30, 70))  # a saccade
    numbers = np.array(fixations, float).reshape(-1, 4)
    return Scanpath(subject, numbers[:, :2], numbers[:, 2], numbers[:, 3])


def write(
    root: Path | str,
    count: int = 60,
    seed: int = 0,
    size: tuple[int, int] = (96, 128),
    viewers: int = 8,
    seconds: float = 3.0,
) -> None:
    """A whole data set in the table format in the new folder `root`: of five pictures three train, one val, one test.

    Arguments as in `pictures`.
    """
    with tempfile.TemporaryDirectory() as folder:
        items, objects_of = [], {}
        for image, picture, scanpaths, objects in pictures(count, seed, size, viewers, seconds):
            path = Path(folder) / picture.name
            Image.fromarray(image).save(path)
            items.append((Picture(picture.name, picture.width, picture.height, path), scanpaths))
            objects_of[picture.name] = objects
        write_table(root, items, _splits([picture.name for picture, _ in items]), objects_of)


def _splits(names: list[str]) -> dict[str, list[str]]:
    turns = {"train": [0, 1, 2], "val": [3], "test": [4]}
    return {
        split: [name for i, name in enumerate(names) if i % 5 in turns_of_split]
        for split, turns_of_split in turns.items()
    }
