"""Pictures and fixations moved together: flips, affine motion, colour and holes, by albumentations.

Each call is given its own seed, so that the same sample of the same epoch looks the same in every run, whatever the
number of workers, and a run that was interrupted continues as if it had not been.
"""

import os
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from data.picture import FILL

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # albumentations asks the network for news when imported

import albumentations as A  # noqa: N812


class Moved(NamedTuple):
    """A picture after it was moved, and what moved with it."""

    image: UInt8[np.ndarray, "h w 3"]
    points: Float[np.ndarray, "k 2"]  # the fixations that are still on it
    which: Int[np.ndarray, " k"]  # which ones they are
    matrix: Float[np.ndarray, "2 3"] | None = None  # old to new pixels; without one no boxes can follow


class Augment(ABC):
    """Anything that moves a picture and its fixations together."""

    @abstractmethod
    def __call__(self, image: UInt8[np.ndarray, "h w 3"], xy: Float[np.ndarray, "l 2"], seed: int) -> Moved:
        """The picture and its fixations, moved as this seed says."""


class Natural(Augment):
    """The changes that leave a scene a scene: mirror, a little motion, other light.

    Args:
        motion: scales the affine part (0: none; 1: up to 25 % in size, 8 % of shift, 6 degrees).
        colour: scales the changes of light.
        zoom: least and greatest size in place of the 25 %, height and width alike; [0.7, 1.4] halves or doubles areas.
        holes: how often up to four grey holes, each at most a fifth as wide and high as the picture, hide parts of it.
    """

    def __init__(
        self, motion: float = 1.0, colour: float = 1.0, zoom: tuple[float, float] | None = None, holes: float = 0.0
    ) -> None:
        moves = A.Affine(
            scale=zoom or (1 - 0.25 * motion, 1 + 0.25 * motion),
            translate_percent=(-0.08 * motion, 0.08 * motion),
            rotate=(-6 * motion, 6 * motion),
            shear=(-4 * motion, 4 * motion),
            keep_ratio=zoom is not None,
            fill=FILL,
            p=0.9,
        )
        light = A.ColorJitter(
            brightness=(1 - 0.3 * colour, 1 + 0.3 * colour),
            contrast=(1 - 0.3 * colour, 1 + 0.3 * colour),
            saturation=(1 - 0.4 * colour, 1 + 0.4 * colour),
            hue=(-0.04 * colour, 0.04 * colour),
            p=0.8,
        )
        parts = [A.HorizontalFlip(p=0.5), moves, light, A.ToGray(p=0.08 * colour)]
        self.transform = A.Compose(
            parts, keypoint_params=A.KeypointParams(format="xy", label_fields=["which"], remove_invisible=False)
        )
        sides = (0.05, 0.2)
        self.cover = A.CoarseDropout((1, 4), sides, sides, fill=FILL, p=holes) if holes else None

    def __call__(self, image: UInt8[np.ndarray, "h w 3"], xy: Float[np.ndarray, "l 2"], seed: int) -> Moved:
        """The picture and its fixations, moved as this seed says."""
        height, width = image.shape[:2]
        corners = np.array([[0, 0], [max(1, width - 1), 0], [0, max(1, height - 1)]], np.float64)
        self.transform.set_random_seed(seed)
        moved = self.transform(image=image, keypoints=corners, which=np.arange(3))
        # albumentations counts from the centre of the first pixel, we count from its corner
        after = np.asarray(moved["keypoints"], np.float64)[np.argsort(moved["which"])] + 0.5
        matrix = np.linalg.solve(np.hstack([corners + 0.5, np.ones((3, 1))]), after).T
        points = xy @ matrix[:, :2].T + matrix[:, 2]
        shown = ((points >= 0) & (points < (width, height))).all(1)
        picture = moved["image"]
        if self.cover is not None:
            self.cover.set_random_seed(seed)
            picture = self.cover(image=picture)["image"]
        return Moved(picture, points[shown], np.flatnonzero(shown), matrix)
