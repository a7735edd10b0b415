"""Layouts of objects and their viewers made from a seed: shelves and free arrangements, searched or just looked at.

A searcher goes to what is near, prefers what is like something held in mind (the same category), seldom goes back, and
ends on the target. A free viewer prefers certain categories, and ends when the time is over. Both look longer at what
they prefer. So the order of objects, the end and the durations can be learned from categories, boxes and pictures.
Nothing here claims to be how real people look.

    p(next = j)  ~  pull[j] * exp(-distance[j] / (REACH * diagonal)) * AGAIN ** fixations[j]

The pull of an object is ALIKE or 1 in search, and its category's in free viewing; distances go from the last fixation,
the first one from the middle of the picture. Durations (ms) are log-normal.
"""

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int64, UInt8
from PIL import Image

from data.errors import GazeError
from data.gaze import ObjectPath, Objects, Picture, Scanpath, Scene
from data.table.write import write_table

HUES = {"ball": 0, "book": 108, "kite": 28, "roof": 14, "ring": 62, "plus": 145}  # of each category, 0 to 179
PULL = {"ball": 6.0, "book": 3.0, "kite": 2.0, "roof": 1.0, "ring": 0.5, "plus": 0.2}  # of each in free viewing
EXEMPLARS = 12  # different things of each category
ALIKE = 4.0  # how much more often a searcher looks at what is of a category in the memory set
REACH = 0.2  # distance at which an object is looked at 1/e as often, in diagonals of the picture
AGAIN = 0.05  # each look at an object makes the next one this much less likely
MEDIAN, SPREAD, LONGER = 230.0, 0.35, 1.3  # durations: median in ms, of the logarithm, and factor on what is preferred
SACCADE = 40.0  # ms between two fixations
LIMIT = 15  # fixations after which a search is cut off

TASKS = ("search", "free")
ARRANGEMENTS = ("mixed", "shelf", "free")

Item = tuple[Scene, tuple[ObjectPath, ...]]


@dataclass(frozen=True)
class _Trial:
    """A scene with its viewers, and the names of what they hold in mind, the target first."""

    scene: Scene
    paths: tuple[ObjectPath, ...]
    held: tuple[str, ...]


def layouts(
    count: int,
    seed: int = 0,
    task: str = "search",
    arrangement: str = "mixed",
    size: tuple[int, int] = (192, 256),
    viewers: int = 8,
    memory: int = 1,
    seconds: float = 3.0,
) -> Iterator[Item]:
    """Scenes, each with the paths of its viewers; the scenes of `write`, whose pictures `paint` makes.

    Each scene follows from the seed and its number alone: the first ten of a hundred are the ten of ten.

    Args:
        count: How many scenes.
        seed: The same number gives the same scenes and viewers.
        task: "search" for one of the objects, or "free" viewing.
        arrangement: "shelf" (a grid of 2 to 4 rows and 3 to 7 columns), "free" (6 to 16 boxes anywhere, none of which
            overlap) or "mixed" (either).
        size: Height and width in pixels, at least 96 each.
        viewers: How many people look at each scene.
        memory: How many things a searcher holds in mind; one of them, the target, is there.
        seconds: How long free viewing lasts.
    """
    for trial in _trials(count, seed, task, arrangement, size, viewers, memory, seconds):
        yield trial.scene, trial.paths


def _trials(
    count: int,
    seed: int,
    task: str,
    arrangement: str,
    size: tuple[int, int],
    viewers: int,
    memory: int,
    seconds: float,
) -> Iterator[_Trial]:
    if task not in TASKS or arrangement not in ARRANGEMENTS:
        options = f"tasks are {', '.join(TASKS)}, arrangements {', '.join(ARRANGEMENTS)}"
        raise GazeError(f"There are no synthetic layouts of {arrangement!r} for {task!r}; {options}.")
    if min(size) < 96 or not 1 <= memory <= EXEMPLARS:
        raise GazeError(
            f"Synthetic layouts of {size[1]} x {size[0]} pixels with {memory} things in mind cannot be made; "
            f"ask for 96 x 96 pixels or more and for 1 to {EXEMPLARS} things."
        )
    digits = max(4, len(str(count)))
    for number in range(count):
        chance = np.random.default_rng((seed, number))
        objects = _arrange(chance, arrangement, size)
        picture = Picture(f"{number + 1:0{digits}d}.png", size[1], size[0])
        held: tuple[str, ...] = ()
        scene = Scene(picture, objects)
        if task == "search":
            target = int(chance.integers(len(objects)))
            held = _held(chance, objects, target, memory)
            x, y, width, height = objects.boxes[target].tolist()
            memory_set = tuple(name[:-2] for name in held)
            scene = Scene(picture, objects, (target,), memory_set, "search", (x, y, width, height))
        people = (f"s{i + 1:02d}" for i in range(viewers))
        yield _Trial(scene, tuple(_walk(chance, scene, who, seconds) for who in people), held)


def _arrange(chance: np.random.Generator, arrangement: str, size: tuple[int, int]) -> Objects:
    if arrangement == "mixed":
        arrangement = str(chance.choice(ARRANGEMENTS[1:]))
    boxes = _shelf(chance, size) if arrangement == "shelf" else _free(chance, size)
    names = [f"{category}{number:02d}" for category in HUES for number in range(EXEMPLARS)]
    chosen = [names[i] for i in chance.choice(len(names), len(boxes), replace=False)]
    return Objects(boxes, tuple(name[:-2] for name in chosen), tuple({"exemplar": name} for name in chosen))


def _shelf(chance: np.random.Generator, size: tuple[int, int]) -> Float[np.ndarray, "n 4"]:
    """A full grid, row by row; between the boxes is a third of a cell."""
    rows, columns = int(chance.integers(2, 5)), int(chance.integers(3, 8))
    cell = np.array([size[1] / columns, size[0] / rows])
    wide, high = np.floor(cell * (0.7, 0.7))
    y, x = np.indices((rows, columns)).reshape(2, -1)
    corner = np.floor(np.stack([x, y], 1) * cell + (cell - (wide, high)) / 2)
    return np.hstack([corner, np.broadcast_to((wide, high), corner.shape)])


def _free(chance: np.random.Generator, size: tuple[int, int]) -> Float[np.ndarray, "n 4"]:
    """Boxes anywhere on the picture, at least four pixels apart."""
    height, width = size
    wanted = int(chance.integers(6, 17))
    boxes: list[list[int]] = []
    for _ in range(2000):
        if len(boxes) == wanted:
            break
        wide, high = (int(side) for side in chance.uniform(0.1, 0.2, 2) * min(size))
        x, y = int(chance.integers(0, width - wide + 1)), int(chance.integers(0, height - high + 1))
        if all(x > a + c + 3 or a > x + wide + 3 or y > b + d + 3 or b > y + high + 3 for a, b, c, d in boxes):
            boxes.append([x, y, wide, high])
    return np.array(boxes, float)


def _held(chance: np.random.Generator, objects: Objects, target: int, memory: int) -> tuple[str, ...]:
    """The target's name, and the names of other things that are not there, of any category."""
    shown = [str(attributes["exemplar"]) for attributes in objects.attributes]
    others = [f"{category}{number:02d}" for category in HUES for number in range(EXEMPLARS)]
    absent = [name for name in others if name not in shown]
    return (shown[target], *(absent[i] for i in chance.choice(len(absent), memory - 1, replace=False)))


def _walk(chance: np.random.Generator, scene: Scene, subject: str, seconds: float) -> ObjectPath:
    """One viewer of a scene."""
    boxes, centres = scene.objects.boxes, scene.objects.centres
    search = bool(scene.targets)
    pull = np.array(
        [(ALIKE if c in scene.memory_set else 1.0) if search else PULL[c] for c in scene.objects.categories]
    )
    usual = np.where(pull > (1.0 if search else 2.0), LONGER * MEDIAN, MEDIAN)
    width, height = scene.picture.width, scene.picture.height
    reach = REACH * math.hypot(width, height)
    fixation_counts = np.zeros(len(boxes))
    here = np.array([width / 2, height / 2])
    order: list[int] = []
    fixations: list[tuple[float, float, float]] = []
    left = 1000 * seconds
    while not (search and order and order[-1] in scene.targets) and len(order) < (LIMIT if search else math.inf):
        weight = pull * np.exp(-np.hypot(*(centres - here).T) / reach) * AGAIN**fixation_counts
        thing = int(chance.choice(len(boxes), p=weight / weight.sum()))
        duration = round(float(chance.lognormal(math.log(usual[thing]), SPREAD)))
        left -= duration + SACCADE
        if not search and left < 0:
            break
        away = np.clip(chance.normal(0, 0.2, 2), -0.45, 0.45) * boxes[thing, 2:]
        here = (centres[thing] + away).round(2)
        fixation_counts[thing] += 1
        order.append(thing)
        fixations.append((here[0], here[1], duration))
    numbers = np.array(fixations, float).reshape(-1, 3)
    path: Int64[np.ndarray, " l"] = np.array(order, np.int64)
    ended = not search or order[-1] in scene.targets
    return ObjectPath(subject, path, numbers[:, 2], numbers[:, :2], ended=ended)


def paint(scene: Scene) -> UInt8[np.ndarray, "h w 3"]:
    """The picture of a scene: each category is a shape of its own hue, each exemplar a shade of it."""
    canvas: UInt8[np.ndarray, "h w 3"] = np.full((scene.picture.height, scene.picture.width, 3), 205, np.uint8)
    for box, category, attributes in zip(
        scene.objects.boxes.astype(int).tolist(), scene.objects.categories, scene.objects.attributes, strict=True
    ):
        x, y, width, height = box
        number = int(str(attributes["exemplar"])[-2:])
        shade = (HUES[category] + number % 3 * 3, 255 - 35 * (number % 4), 250 - 11 * number)
        colour = cv2.cvtColor(np.array([[shade]], np.uint8), cv2.COLOR_HSV2RGB)[0, 0]
        canvas[y : y + height, x : x + width][_shape(category, width, height)] = colour
    return canvas


def _shape(category: str, width: int, height: int) -> Bool[np.ndarray, "h w"]:
    down, across = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    from_middle = np.hypot(across, down)
    inside: dict[str, Bool[np.ndarray, "h w"]] = {
        "ball": from_middle <= 1,
        "book": np.maximum(abs(across) / 0.7, abs(down)) <= 1,
        "kite": abs(across) + abs(down) <= 1,
        "roof": abs(across) <= (down + 1) / 2,
        "ring": (from_middle <= 1) & (from_middle >= 0.5),
        "plus": np.minimum(abs(across), abs(down)) <= 0.3,
    }
    return inside[category]


def write(
    root: Path | str,
    count: int = 60,
    seed: int = 0,
    task: str = "search",
    arrangement: str = "mixed",
    size: tuple[int, int] = (192, 256),
    viewers: int = 8,
    memory: int = 1,
    seconds: float = 3.0,
) -> None:
    """A whole data set in the table format in the new folder `root`: of five pictures three train, one val, one test.

    Arguments as in `layouts`.
    """
    parts = {"train": [0, 1, 2], "val": [3], "test": [4]}
    with tempfile.TemporaryDirectory() as folder:
        items, objects = [], {}
        for trial in _trials(count, seed, task, arrangement, size, viewers, memory, seconds):
            picture = trial.scene.picture
            path = Path(folder) / picture.name
            Image.fromarray(paint(trial.scene)).save(path)
            items.append((replace(picture, path=path), tuple(_scanpath(trial, it) for it in trial.paths)))
            objects[picture.name] = trial.scene.objects
        splits = {
            part: [picture.name for i, (picture, _) in enumerate(items) if i % 5 in turns]
            for part, turns in parts.items()
        }
        write_table(root, items, splits, objects)


def _scanpath(trial: _Trial, path: ObjectPath) -> Scanpath:
    times = np.cumsum(np.append(0.0, path.duration + SACCADE))[:-1]
    scanpath = Scanpath(path.subject, path.xy, 200 + times, path.duration)
    if not trial.held:
        return scanpath
    target, box = trial.held[0], trial.scene.box
    return replace(scanpath, task="search", target=target, box=box, found=path.ended, memory_set=trial.held)
