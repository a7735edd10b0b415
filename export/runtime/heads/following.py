"""What people in a picture look at: the picture once, then each head in a few milliseconds; no torch.

`FollowingPredictor("cone")` needs no training: a cone of view from each head (`following.baselines.cone`) times where a
saliency model says that people look; the direction comes from head-pose models that the person brings. A model that
`gaze export` made of a network has two files: NAME.onnx looks at the picture, NAME.step.onnx at a head in it.

Shapes: `h w` picture, `k` heads, `g v` the map's own cells, which cover the picture exactly: some 200 a side, so that
a hundred people of a large picture fit into memory. Maps are natural-log densities that sum to one over their cells.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from data.errors import ModelError
from data.gaze import Objects
from data.picture import Letterbox
from export.runtime.contract import Contract, condition_index
from export.runtime.heads.faces import HeadDetector, check_head, heads
from export.runtime.heads.head_pose import HeadPose, Pose
from export.runtime.heads.network import Looked, Network
from export.runtime.saliency import Predictor, peak
from following import TASK
from following.baselines import cone as cones
from saliency import TASK as SALIENCY
from training import Task

CONE = "cone"
NEAR = 0.1  # of the picture's diagonal: how near to the most likely place counts for the confidence


@dataclass(frozen=True)
class Followed:
    """What one person looks at."""

    head: Float[np.ndarray, "4"]  # x, y, width, height in pixels
    score: float | None  # how sure the head is one; None: it was given
    pose: Pose | None  # None: nothing tells
    density: Float32[np.ndarray, "g v"]
    in_frame: float  # probability
    size: tuple[int, int]  # height, width of the picture

    @property
    def place(self) -> tuple[float, float]:
        """The most likely place (x, y), in the picture's pixels."""
        x, y = peak(self.density)
        rows, columns = self.density.shape
        return x * self.size[1] / columns, y * self.size[0] / rows

    @property
    def confidence(self) -> float:
        """Share of the density within a tenth of the picture's diagonal of the most likely place."""
        rows, columns = self.density.shape
        x = (np.arange(columns) + 0.5) * self.size[1] / columns - self.place[0]
        y = (np.arange(rows) + 0.5) * self.size[0] / rows - self.place[1]
        near = np.hypot(x[None], y[:, None]) <= NEAR * math.hypot(*self.size)
        return min(1.0, float(np.exp(self.density.astype(np.float64))[near].sum()))

    def full(self) -> Float32[np.ndarray, "h w"]:
        """The density at the picture's own size."""
        rows, columns = self.density.shape
        whole = Letterbox(self.size, (rows, columns), (0, 0, rows, columns))
        return np.asarray(whole.back(self.density), np.float32)


class FollowingPredictor:
    """What people in pictures look at, ready to run.

    Args:
        model: "cone", or a name in `export.runtime.registry.folder()` or the path of an .onnx file.
        provider: One of `export.runtime.providers.NAMES`.
        threads: Of the CPU for one run; None: every core this process has.
        head_pose: Tells where heads face; None: nothing does, and the cone is a disc.
        detector: Finds the heads; None: the saliency model's faces.
        saliency: The saliency model of the cone, which also finds heads.

    Raises:
        ModelError: There is no such model, it cannot be opened, or it is of another task.
    """

    task: ClassVar[Task] = TASK

    def __init__(
        self,
        model: str | Path = CONE,
        *,
        provider: str = "auto",
        threads: int | None = None,
        head_pose: HeadPose | None = None,
        detector: HeadDetector | None = None,
        saliency: str | Path = SALIENCY.default_models[0],
    ) -> None:
        self.head_pose, self.detector = head_pose, detector
        self._opening = partial(Predictor, saliency, provider=provider, threads=threads)
        self._saliency: Predictor | None = None
        self._network: Network | None = None
        if str(model) == CONE:
            self.contract = _of_cone(self.saliency.contract)
            self.files: tuple[Path, ...] = (self.saliency.path,)
        else:
            self._network = Network(model, provider, threads)
            self.contract, self.files = self._network.contract, self._network.files

    @property
    def provider(self) -> str:
        """What the model runs on, such as "cuda" or "cpu"."""
        return self._network.provider if self._network else self.saliency.provider

    @property
    def saliency(self) -> Predictor:
        """The saliency model, opened when it is first needed."""
        self._saliency = self._saliency or self._opening()
        return self._saliency

    def look(self, pixels: UInt8[np.ndarray, "h w 3"], condition: str = "any") -> Looked:
        """Look at a picture once.

        Raises:
            ModelError: The model does not know the condition, or gives numbers that are not finite.
        """
        condition_index(condition, self.contract.conditions, self.contract.name)
        if self._network:
            return self._network.look(pixels)
        box = Letterbox.fit(pixels.shape[:2], self.saliency.canvas(pixels.shape[:2]))
        rows, columns = box.content[2:]
        shrinks = rows < pixels.shape[0] or columns < pixels.shape[1]
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        small = np.asarray(cv2.resize(pixels, (columns, rows), interpolation=method), np.uint8)
        seen = self.saliency(small, condition)
        return Looked(pixels, box, seen.density, objects=_scaled(seen.objects, box))

    def heads(self, looked: Looked) -> Objects:
        """The heads in a picture, the surest first; none is an answer, too.

        Raises:
            ModelError: The saliency model finds no faces, and there is no detector.
        """
        if self.detector:
            return self.detector(looked.pixels)
        found = looked.objects
        if found is None and self._network:
            found = self.saliency(looked.pixels).objects
        if found is None:
            raise ModelError(
                f"{self.saliency.contract.name} finds no faces; give the heads with --head, or a detector of faces "
                "with --detector."
            )
        return heads(found, looked.size)

    def poses(self, looked: Looked, boxes: Float[np.ndarray, "k 4"]) -> list[Pose | None]:
        """Where each head faces, as far as anything tells."""
        if self.head_pose is None:
            return [None] * len(boxes)
        return [self.head_pose(looked.pixels, box) for box in boxes]

    def decode(
        self, looked: Looked, boxes: Float[np.ndarray, "k 4"], poses: Sequence[Pose | None] | None = None
    ) -> tuple[Float32[np.ndarray, "k g v"], Float[np.ndarray, " k"]]:
        """Where the people with these heads (x, y, width, height in pixels) look, and how likely that is in frame.

        `poses` is what `poses` gave, where it has been asked already.

        Raises:
            GazeError: A head has no area or lies outside of the picture.
            ModelError: The model gives numbers that are not finite.
        """
        boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
        for box in boxes:
            check_head(box, looked.size)
        if self._network:
            return self._network.decode(looked, boxes)
        assert looked.density is not None
        told = self.poses(looked, boxes) if poses is None else poses
        rows, columns = looked.density.shape
        scale = np.tile([columns / looked.size[1], rows / looked.size[0]], 2)
        maps, inside = np.empty((len(boxes), rows, columns), np.float32), np.empty(len(boxes))
        for number, (box, pose) in enumerate(zip(boxes, told, strict=True)):
            direction, doubt = ((pose.yaw, pose.pitch), pose.apart) if pose and pose.known else (None, 0.0)
            maps[number] = cones.cone(looked.density, box * scale, direction, doubt)
            inside[number] = cones.in_frame((rows, columns), box * scale, direction, doubt, looked.density)
        return maps, inside

    def follow(
        self, pixels: UInt8[np.ndarray, "h w 3"], boxes: Float[np.ndarray, "k 4"] | None = None, condition: str = "any"
    ) -> list[Followed]:
        """What people look at in a picture: those with heads in these boxes, or all whose heads are found."""
        looked = self.look(pixels, condition)
        found = self.heads(looked) if boxes is None else None
        places = np.asarray(found.boxes if found is not None else boxes, np.float64).reshape(-1, 4)
        poses = self.poses(looked, places)
        maps, inside = self.decode(looked, places, poses)
        scores = found.confidences if found is not None and found.confidences is not None else [None] * len(places)
        return [
            Followed(box, None if score is None else float(score), pose, map_, float(share), looked.size)
            for box, score, pose, map_, share in zip(places, scores, poses, maps, inside, strict=True)
        ]


def _of_cone(saliency: Contract) -> Contract:
    """What the cone promises, with this saliency model."""
    about = (cones.__doc__ or "").strip().splitlines()[0]
    own: dict[str, Any] = {"name": CONE, "task": TASK.name, "description": about}
    return saliency.model_copy(update=own | {"slices": (), "kinds": (), "media": (), "features": (), "scores": {}})


def _scaled(found: Objects | None, box: Letterbox) -> Objects | None:
    """Objects of a picture that was scaled to the content of a canvas, in the picture's own pixels."""
    if found is None:
        return None
    scale = np.tile([box.size[1] / box.content[3], box.size[0] / box.content[2]], 2)
    return Objects(found.boxes * scale, found.categories, found.attributes, found.confidences)
