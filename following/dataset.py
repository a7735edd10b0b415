"""Samples: a picture, one head in it, and what its person looks at.

A sample is a dictionary (cells are `stride` canvas pixels wide):

    picture    uint8 (h, w, 3)   letterboxed
    content    float (4)         where the picture lies on its canvas: x0, y0, x1, y1
    head       float (4)         the head's box in canvas pixels, likewise
    density    float (g, v)      what annotators point at, a Gaussian each; sums to one, or is zero
    points     float (k, 2)      their mean as shares x, y of the picture (k = 1); 0 where there is none
    valid      bool              whether there is such a density
    in_frame   float             1: the target is in the picture, 0: it is not; -1: nobody says so

What chance does depends on (seed, epoch, person) alone. A picture that turns out to be broken is named once, and the
next person takes its place.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Float32
from torch.utils.data import Dataset

from data import picture
from data.errors import GazeError, PictureError
from data.following.people import Person
from data.picture import Letterbox
from following.augment import Followed, FollowingAugment
from following.losses import SIGMA
from training.datamodule import first_usable

Sample = dict[str, Any]


@dataclass(frozen=True)
class Render:
    """How a person's picture is drawn."""

    canvas: tuple[int, int]
    stride: int = 4
    augment: FollowingAugment | None = None
    seed: int = 0


class PersonDataset(Dataset[Sample]):
    """People of a set, one a sample.

    Args:
        people: who they are.
        render: how they are drawn.
    """

    def __init__(self, people: Sequence[Person], render: Render) -> None:
        self.people, self.render = people, render
        self.broken: set[int] = set()

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, index = key
        make = functools.partial(self._sample, epoch)
        sample = first_usable(index, len(self.people), self.broken, make, "The person is left out.")
        if sample is None:
            raise GazeError("None of the people can be used; see the warnings above.")
        return sample

    def _sample(self, epoch: int, index: int) -> Sample:
        person, render = self.people[index], self.render
        followed = Followed(opened(person), person.head, person.gaze)
        if render.augment is not None:
            seed = int(np.random.default_rng((render.seed, epoch, index)).integers(2**31))
            followed = render.augment(followed, seed)
        size = followed.image.shape[:2]
        box = Letterbox.fit(size, render.canvas)
        low = box.points(followed.head[None, :2])[0]
        high = box.points(followed.head[None, :2] + followed.head[None, 2:])[0]
        gaze = box.points(followed.gaze)
        mean = (followed.gaze / (size[1], size[0])).mean(0) if len(gaze) else np.zeros(2)
        return {
            "picture": box.apply(followed.image),
            "content": box.box,
            "head": np.concatenate([low, high]).astype(np.float32),
            "density": truth(gaze, box, render.stride),
            "points": mean.astype(np.float32)[None],
            "valid": bool(len(gaze)),
            "in_frame": np.float32(-1 if person.in_frame is None else person.in_frame),
        }


def opened(person: Person) -> Any:
    """The person's picture, RGB uint8 (h, w, 3).

    Raises:
        PictureError: It cannot be read, or is of another size than what is told of it.
    """
    image = picture.read(person.path)
    if image.shape[:2] != tuple(person.size):
        (height, width), (high, wide) = image.shape[:2], person.size
        raise PictureError(
            f"{person.path}: {width} x {height} pixels, but {person.name} is of {wide} x {high}; give the original "
            "picture."
        )
    return image


def truth(gaze: Float[np.ndarray, "k 2"], box: Letterbox, stride: int) -> Float32[np.ndarray, "g v"]:
    """A Gaussian around each point (canvas pixels), as a probability per cell of the picture; zeros without a point."""
    cells = box.cells(stride)
    if not len(gaze):
        return np.zeros(cells.shape, np.float32)
    top, left, height, width = box.content
    parts = []
    for axis, length, start, side in ((0, cells.shape[1], left, width), (1, cells.shape[0], top, height)):
        middles = (np.arange(length) + 0.5) * stride
        away = (middles[None] - np.clip(gaze[:, axis, None], start, start + side)) / (SIGMA * side)
        parts.append(np.exp(-(away**2) / 2))
    density = np.einsum("kx,ky->yx", *parts) * cells
    return np.asarray(density / max(density.sum(), 1e-12), np.float32)
