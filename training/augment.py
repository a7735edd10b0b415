"""Pictures and fixations moved together: flips, affine motion and colour, by albumentations.

Each call is given its own seed, so that the same sample of the same epoch looks the same in every run, whatever the
number of workers, and a run that was interrupted continues as if it had not been.
"""

import os
from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Float, Int, UInt8

from data.picture import FILL

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # albumentations asks the network for news when imported

import albumentations as A  # noqa: N812


class Augment(ABC):
    """Anything that moves a picture and its fixations together."""

    @abstractmethod
    def __call__(
        self, image: UInt8[np.ndarray, "h w 3"], xy: Float[np.ndarray, "l 2"], seed: int
    ) -> tuple[UInt8[np.ndarray, "h w 3"], Float[np.ndarray, "k 2"], Int[np.ndarray, " k"]]:
        """The new picture, the fixations that are still on it, and which ones they are."""


class Natural(Augment):
    """The changes that leave a scene a scene: mirror, a little motion, other light.

    `motion` scales the affine part (0: none; 1: up to 25 % in size, 8 % of shift, 6 degrees), `colour` the rest.
    """

    def __init__(self, motion: float = 1.0, colour: float = 1.0) -> None:
        moves = A.Affine(
            scale=(1 - 0.25 * motion, 1 + 0.25 * motion),
            translate_percent=(-0.08 * motion, 0.08 * motion),
            rotate=(-6 * motion, 6 * motion),
            shear=(-4 * motion, 4 * motion),
            keep_ratio=False,
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
        self.transform = A.Compose(
            [A.HorizontalFlip(p=0.5), moves, light, A.ToGray(p=0.08 * colour)],
            keypoint_params=A.KeypointParams(format="xy", label_fields=["which"], remove_invisible=True),
        )

    def __call__(
        self, image: UInt8[np.ndarray, "h w 3"], xy: Float[np.ndarray, "l 2"], seed: int
    ) -> tuple[UInt8[np.ndarray, "h w 3"], Float[np.ndarray, "k 2"], Int[np.ndarray, " k"]]:
        """The new picture, the fixations that are still on it, and which ones they are."""
        self.transform.set_random_seed(seed)
        # albumentations counts from the centre of the first pixel, we count from its corner
        moved = self.transform(image=image, keypoints=np.maximum(xy - 0.5, 0), which=np.arange(len(xy)))
        points = np.asarray(moved["keypoints"], np.float64).reshape(-1, 2) + 0.5
        return moved["image"], points, np.asarray(moved["which"], np.int64).reshape(-1)
