"""People in pictures whose gaze is known: where each head is, and what its person looks at.

    Person(path, size, head, eye, gaze, in_frame, name)

Pixels from the picture's top left corner. `gaze` has a row for each annotator who saw where the person looks; none is
left where that is outside of the picture. Pictures are not opened here. Shapes: `k` annotators.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data.errors import GazeError

logger = logging.getLogger(__name__)

LARGEST = 2.0**30  # pixels: no picture is as large
SMALLEST = 1.0  # pixels a side of a head's box
NAMED = 5  # of what is left out, so many are named one by one
People = dict[str, "list[Person]"]  # by split


@dataclass(frozen=True)
class Person:
    """A person in a picture."""

    path: Path  # of the picture
    size: tuple[int, int]  # height, width of the picture
    head: Float[np.ndarray, "4"]  # x, y, width, height; on the picture
    eye: Float[np.ndarray, "2"] | None  # between the eyes, where that is known
    gaze: Float[np.ndarray, "k 2"]  # what the person looks at, each annotator's point; on the picture
    in_frame: bool | None  # whether it is on the picture; None: nobody said so
    name: str  # unique in its set

    @property
    def centre(self) -> Float[np.ndarray, "2"]:
        """The middle of the head."""
        return np.asarray(self.head[:2] + self.head[2:] / 2)


def between(corners: Sequence[float] | Float[np.ndarray, "4"]) -> Float[np.ndarray, "4"]:
    """The box x, y, width, height between two corners x, y, x, y, whichever of them is the upper left one.

    >>> between([30, 5, 10, 25])
    array([10.,  5., 20., 20.])
    """
    ends = np.sort(np.asarray(corners, np.float64).reshape(2, 2), axis=0)
    return np.concatenate([ends[0], ends[1] - ends[0]])


def on_picture(
    head: Sequence[float] | Float[np.ndarray, "4"], size: tuple[int, int], where: str
) -> Float[np.ndarray, "4"]:
    """The part of a head's box x, y, width, height that lies on a picture of `size` (height, width).

    Raises:
        GazeError: It is no box of numbers, is less than a pixel wide or high, or lies outside; `where` begins the
            sentence.

    >>> on_picture([-10, 5, 30, 20], (100, 100), "a.jpg")
    array([ 0.,  5., 20., 20.])
    """
    box = np.asarray(head, np.float64)
    if box.shape != (4,) or not np.isfinite(box).all() or np.abs(box).max() > LARGEST:
        raise GazeError(f"{where}: the head's box is not four numbers of pixels; give its x, y, width and height.")
    shown = ", ".join(f"{value:g}" for value in box)
    if box[2:].min() < SMALLEST:
        raise GazeError(
            f"{where}: the head's box {shown} (x, y, width, height) is less than a pixel wide or high; draw it around "
            "the head."
        )
    low = np.maximum(box[:2], 0)
    high = np.minimum(box[:2] + box[2:], (size[1], size[0]))
    if (high - low).min() < SMALLEST:
        raise GazeError(
            f"{where}: the head's box {shown} (x, y, width, height) lies outside of the picture of {size[1]} x "
            f"{size[0]} pixels; give a box on it."
        )
    return np.concatenate([low, high - low])


def points_on(xy: Float[np.ndarray, "k 2"], size: tuple[int, int]) -> Float[np.ndarray, "k 2"]:
    """Points moved onto the picture where they lie outside of it.

    >>> points_on(np.array([[-3.0, 5.0], [12.0, 10.0]]), (10, 10)).round(1)
    array([[ 0.,  5.],
           [10., 10.]])
    """
    edge = np.nextafter(np.array([size[1], size[0]], np.float64), 0)
    return np.clip(np.asarray(xy, np.float64).reshape(-1, 2), 0, edge)


def held_out(people: Iterable[Person], group: Callable[[Person], str], every: int) -> tuple[list[Person], list[Person]]:
    """People divided by group: of every so many groups the last is held out; of fewer, but at least two, the last one.

    Groups are counted in the order in which they come; nobody of a group that is held out is among the others.
    """
    everyone = list(people)
    groups = list(dict.fromkeys(map(group, everyone)))
    away = set(groups[every - 1 :: every] or groups[1:][-1:])
    kept = [person for person in everyone if group(person) not in away]
    return kept, [person for person in everyone if group(person) in away]


def tell_left_out(defects: Sequence[object], what: str = "row") -> None:
    """Name the first of what is left out in warnings, and count the others."""
    for defect in defects[:NAMED]:
        logger.warning("%s The %s is left out.", defect, what)
    if len(defects) > NAMED:
        logger.warning("%d more %ss are left out for such reasons.", len(defects) - NAMED, what)
