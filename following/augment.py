"""Pictures, a head's box and what its person looks at, moved together by albumentations.

Each call is given its own seed: the same sample of the same epoch looks the same in every run. A part that is cut out
keeps the head and what it looks at, as is published; the head's box is jittered, as that of a detector would be.
"""

import os
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from data.following.people import SMALLEST

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # albumentations asks the network for news when imported

import albumentations as A  # noqa: N812

KEPT = 0.15  # of a head's size that a part of the picture keeps around it


class Followed(NamedTuple):
    """A picture, a head's box and the points that its person looks at."""

    image: UInt8[np.ndarray, "h w 3"]
    head: Float[np.ndarray, "4"]  # x, y, width, height
    gaze: Float[np.ndarray, "k 2"]


class FollowingAugment:
    """Mirror, a part of the picture, other light, another box.

    Args:
        flip: how often it is mirrored.
        crop: how often a part is cut out.
        jitter: how often the head's box is changed: each side moves by up to a fifth of the box outwards, or a tenth
            inwards.
        colour: scales the changes of light.
    """

    def __init__(self, flip: float = 0.5, crop: float = 0.5, jitter: float = 0.5, colour: float = 1.0) -> None:
        self.jitter = jitter
        parts = [
            A.BBoxSafeRandomCrop(erosion_rate=0.0, p=crop),
            A.HorizontalFlip(p=flip),
            A.ColorJitter(
                brightness=(1 - 0.3 * colour, 1 + 0.3 * colour),
                contrast=(1 - 0.3 * colour, 1 + 0.3 * colour),
                saturation=(1 - 0.4 * colour, 1 + 0.4 * colour),
                hue=(-0.04 * colour, 0.04 * colour),
                p=0.8 if colour else 0.0,
            ),
            A.ToGray(p=min(1.0, 0.08 * colour)),
        ]
        self.transform = A.Compose(
            parts,
            bbox_params=A.BboxParams(format="pascal_voc", label_fields=["kept"]),
            keypoint_params=A.KeypointParams(format="xy", label_fields=["which"], remove_invisible=False),
        )

    def __call__(self, followed: Followed, seed: int) -> Followed:
        """The same, moved as this seed says."""
        image, head, gaze = followed
        height, width = image.shape[:2]
        corners = np.array([[0, 0], [max(1, width - 1), 0], [0, max(1, height - 1)]], np.float64)
        self.transform.set_random_seed(seed)
        moved = self.transform(
            image=image,
            bboxes=_kept(head, gaze, (height, width))[None],
            kept=["all"],
            keypoints=corners,
            which=np.arange(3),
        )
        # albumentations counts from the centre of the first pixel, we count from its corner
        after = np.asarray(moved["keypoints"], np.float64)[np.argsort(moved["which"])] + 0.5
        matrix = np.linalg.solve(np.hstack([corners + 0.5, np.ones((3, 1))]), after).T
        ends = np.stack([head[:2], head[:2] + head[2:]]) @ matrix[:, :2].T + matrix[:, 2]
        low, high = ends.min(0), ends.max(0)
        size = moved["image"].shape[:2]
        low, high = self._jittered(low, high, size, seed)
        return Followed(moved["image"], np.concatenate([low, high - low]), gaze @ matrix[:, :2].T + matrix[:, 2])

    def _jittered(
        self, low: Float[np.ndarray, "2"], high: Float[np.ndarray, "2"], size: tuple[int, int], seed: int
    ) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]:
        """Corners of a box that a detector might have found, on the picture."""
        chance = np.random.default_rng((seed, 1))
        if chance.random() < self.jitter:
            sides = high - low
            low = low - chance.uniform(-0.1, 0.2, 2) * sides
            high = high + chance.uniform(-0.1, 0.2, 2) * sides
        end = np.array([size[1], size[0]], np.float64)
        low = np.clip(low, 0, np.maximum(end - SMALLEST, 0))
        return low, np.maximum(np.minimum(high, end), np.minimum(low + SMALLEST, end))


def _kept(
    head: Float[np.ndarray, "4"], gaze: Float[np.ndarray, "k 2"], size: tuple[int, int]
) -> Float[np.ndarray, "4"]:
    """The corners of what a part of the picture must hold."""
    margin = KEPT * head[2:]
    places = np.concatenate([head[None, :2] - margin, head[None, :2] + head[2:] + margin, gaze - 1, gaze + 1])
    end = np.array([size[1], size[0]], np.float64)
    low = np.clip(places.min(0), 0, end - SMALLEST)
    return np.concatenate([low, np.clip(places.max(0), low + SMALLEST, end)])
