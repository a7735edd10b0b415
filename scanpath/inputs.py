"""A scene becomes the arrays that an object-level model reads; the same for training and for the exported file.

boxes (n, 4) float32, size (2) float32      x, y, width, height; width and height of the picture; all in pixels
present (n) bool, target (n) bool           whether it is an object at all (padding is none), whether it is sought
told () bool                                whether the model may use where the target lies (`target_known`)
category (n) int64, sought (m) int64        categories by number, 0 is unknown; m is at least 1
sought_present (m) bool                     false for the padding; in free viewing nothing is looked for
condition () int64                          viewing condition, 0 is "any"
crops (n, k, k, 3), sought_crops (m, ...)   uint8, where the model looks at crops: what each object looks like; black
                                            where that is not known
likeness (n) float32                        with the crops: how much each object looks like what is looked for
features (n, f) float32                     where the model reads what a saliency model sees of each object
                                            (`scanpath.object_features`); zeros where a model that also looks at crops
                                            has no picture
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from data.errors import GazeError
from data.gaze import Scene
from data.objects import crops as cut_crops
from data.objects import window
from data.picture import read
from scanpath.object_features import Look, object_features
from scanpath.target_similarity import target_similarity

APPEARANCES = ("none", "crops", "saliency", "crops+saliency")  # what a model may look at
MAX_STEPS = 256  # steps that a model can take: it can read one fixation less, and be asked for the end


def looks_at(appearance: str, part: str) -> bool:
    """Whether an appearance, one of `APPEARANCES`, has this part: "crops" or "saliency".

    >>> looks_at("crops+saliency", "crops"), looks_at("saliency", "crops")
    (True, False)
    """
    return part in appearance.split("+")


@dataclass(frozen=True)
class InputSpec:
    """What a model reads of a scene."""

    categories: tuple[str, ...] = ()
    appearance: str = "none"  # of `APPEARANCES`
    crop: int = 32  # pixels
    features: int = 0  # numbers that a saliency model gives of an object, where they are read

    @property
    def sees_crops(self) -> bool:
        """Whether crops are looked at."""
        return looks_at(self.appearance, "crops")

    @property
    def sees_saliency(self) -> bool:
        """Whether the outputs of a saliency model are read."""
        return looks_at(self.appearance, "saliency")

    def inputs(
        self,
        scene: Scene,
        condition: int = 0,
        target_known: bool = False,
        pixels: UInt8[np.ndarray, "h w 3"] | None = None,
        target_crops: Sequence[UInt8[np.ndarray, "_h _w 3"]] = (),
        look: Look | None = None,
    ) -> dict[str, np.ndarray]:
        """The arrays of one scene.

        Args:
            scene: Its objects, and what is looked for.
            condition: Number of the viewing condition; 0 is "any".
            target_known: Whether the model may use where the target lies.
            pixels: The picture; by default it is read from the scene's file where the model looks at it.
            target_crops: Pictures of what is looked for; by default the target's own crop is taken.
            look: What a saliency model gives for the picture, where the model reads that.

        Raises:
            GazeError: The scene has no object, no target that could be known, or nothing is known of its picture.
        """
        count = len(scene.objects)
        if not count:
            raise GazeError(f"{scene.picture.name}: there is no object to look at; give boxes, or take a grid.")
        numbers = {name: i for i, name in enumerate(self.categories, 1)}
        held = [numbers.get(name, 0) for name in scene.memory_set] or [0] * max(1, len(target_crops))
        target = np.zeros(count, bool)
        target[list(scene.targets)] = True
        if target_known and not scene.targets:
            raise GazeError(
                f"{scene.picture.name}: the target is not among the objects, so the model cannot be told it."
            )
        searching = bool(scene.memory_set or scene.targets or target_crops)
        arrays = {
            "boxes": scene.objects.boxes.astype(np.float32),
            "size": np.array([scene.picture.width, scene.picture.height], np.float32),
            "present": np.ones(count, bool),
            "target": target,
            "told": np.array(target_known),
            "category": np.array(
                [_number(name, numbers) for name in scene.objects.categories] or [0] * count, np.int64
            ),
            "sought": np.array(held, np.int64),
            "sought_present": np.full(len(held), searching),
            "condition": np.array(condition, np.int64),
        }
        if self.sees_crops:
            arrays |= self._crops(scene, pixels, target_crops, len(held))
        if self.sees_saliency and look is not None:
            arrays["features"] = object_features(look, scene.objects.boxes)
        elif self.sees_saliency and self.sees_crops:
            arrays["features"] = np.zeros((count, self.features), np.float32)
        elif self.sees_saliency:
            raise GazeError(f"{scene.picture.name}: this model looks at the picture, but there is none; give it.")
        return arrays

    def _crops(
        self,
        scene: Scene,
        pixels: UInt8[np.ndarray, "h w 3"] | None,
        target_crops: Sequence[UInt8[np.ndarray, "_h _w 3"]],
        held: int,
    ) -> dict[str, np.ndarray]:
        pixels = read(scene.picture.path) if pixels is None and scene.picture.path else pixels
        shown = np.zeros((held, self.crop, self.crop, 3), np.uint8)
        if pixels is None:
            count = len(scene.objects)
            return {
                "crops": np.zeros((count, *shown.shape[1:]), np.uint8),
                "sought_crops": shown,
                "likeness": np.zeros(count, np.float32),
            }
        box = scene.box or (scene.objects.boxes[scene.targets[0]] if scene.targets else None)
        pieces, first = list(target_crops), 0
        if not target_crops and box is not None:
            pieces = [pixels[window(np.array(box), pixels.shape[1], pixels.shape[0])]]
            first = _target_slot(scene)
        for slot, piece in enumerate(pieces[:held], first):
            shown[slot] = cut_crops(piece, np.array([[0, 0, piece.shape[1], piece.shape[0]]], float), self.crop)[0]
        return {
            "crops": cut_crops(pixels, scene.objects.boxes, self.crop),
            "sought_crops": shown,
            "likeness": target_similarity(pixels, scene.objects.boxes, pieces),
        }


def _number(name: str, numbers: Mapping[str, int]) -> int:
    """The number of a category, of "face 1" that of "face"; 0 where it is unknown."""
    return numbers.get(name) or numbers.get(name.rstrip(" 0123456789"), 0)


def _target_slot(scene: Scene) -> int:
    """Which of the things held in mind is the target: the first of its category, else the first."""
    named = scene.objects.categories[scene.targets[0]] if scene.targets and scene.objects.categories else ""
    return scene.memory_set.index(named) if named in scene.memory_set else 0
