"""The boxes of a frame, and what is in them: objects that a model finds, those of a detector, or those of a table.

    found              objects and faces of the saliency model (`export.runtime.found_objects`)
    DETECTOR.onnx      a person's detector (`export.runtime.detector`)
    BOXES.csv          boxes of any other program: time_ms, x, y, width, height; kind and sureness if you have them

What tells boxes from each other always comes from the saliency model's look at the frame, and from their colours and
edges (`annotation.appearance`).
"""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from annotation.appearance import descriptors
from data.errors import GazeError, RecordingError
from data.gaze import Objects
from data.recorders.stages import text_table
from export.runtime.detector import Detector
from export.runtime.saliency import Prediction, Predictor
from export.runtime.scene_objects import by_kind
from scanpath.object_features import object_features

FOUND = "found"
MOST = 60  # boxes of a frame: the surest
SMALLEST = 4.0  # pixels of a side
SIDE = 480  # pixels: the longest side of a frame for the model, whose canvas is smaller still
Tell = Callable[[str], None]
Find = Callable[[float, UInt8[np.ndarray, "h w 3"], Objects], Objects]  # the last: what the model finds


class Finder:
    """Finds and describes the boxes of one frame after another.

    `objects` says where they come from, as above; `half_step_s` is how far from a frame the rows of a table may lie.

    Raises:
        GazeError: There is no such source, or its file cannot be used.
    """

    def __init__(
        self,
        objects: str = FOUND,
        *,
        model: str = "tempsal",
        provider: str = "auto",
        half_step_s: float = 0.1,
        tell: Tell = warnings.warn,
    ) -> None:
        self._find = _source(objects, provider, half_step_s, tell)
        self.predictor = Predictor(model, provider=provider, look=True)

    def __call__(self, time_s: float, pixels: UInt8[np.ndarray, "h w 3"]) -> tuple[Objects, Float32[np.ndarray, "n f"]]:
        """The boxes of a frame that is shown at a time, the surest first, and the numbers of each."""
        scale = max(1.0, max(pixels.shape[:2]) / SIDE)
        size = max(1, round(pixels.shape[1] / scale)), max(1, round(pixels.shape[0] / scale))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if scale > 1 else pixels
        prediction = self.predictor(small)
        grown = np.tile([pixels.shape[1] / size[0], pixels.shape[0] / size[1]], 2)
        objects = kept(self._find(time_s, pixels, _grown(prediction, grown)), pixels.shape[0], pixels.shape[1])
        if prediction.look is None:
            raise AssertionError("a look was asked for")
        seen = object_features(prediction.look, objects.boxes / grown)
        return objects, np.hstack([seen, descriptors(pixels, objects.boxes)])


def _source(objects: str, provider: str, half_step_s: float, tell: Tell) -> Find:
    if objects == FOUND:
        return lambda time, pixels, found: found
    suffix = Path(objects).suffix.lower()
    if suffix == ".onnx":
        detector = Detector(objects, provider=provider)
        return lambda time, pixels, found: detector.objects(pixels)
    if suffix in (".csv", ".tsv"):
        table = BoxTable(Path(objects), half_step_s, tell)
        return lambda time, pixels, found: table.at(time)
    raise GazeError(
        f"Objects cannot come from {objects!r}; give found, a detector's .onnx or a table of boxes as .csv."
    )


def _grown(prediction: Prediction, grown: Float[np.ndarray, " 4"]) -> Objects:
    """The objects of a prediction for a frame that is larger by these factors."""
    found = prediction.objects
    return Objects(np.zeros((0, 4))) if found is None else by_kind(replace(found, boxes=found.boxes * grown))


def kept(objects: Objects, height: int, width: int) -> Objects:
    """The objects that can be looked at in a frame: cut at its edge, no specks, at most `MOST`, the surest first."""
    boxes = np.asarray(objects.boxes, np.float64)
    low = np.clip(boxes[:, :2], 0, (width, height))
    high = np.clip(boxes[:, :2] + boxes[:, 2:], 0, (width, height))
    right = np.isfinite(boxes).all(1) & (high - low >= SMALLEST).all(1)
    sure = np.ones(len(boxes)) if objects.confidences is None else np.nan_to_num(np.clip(objects.confidences, 0, 1))
    rows = np.flatnonzero(right)
    rows = rows[np.argsort(-sure[rows], kind="stable")][:MOST]
    names = objects.categories or ("object",) * len(boxes)
    return Objects(np.hstack([low, high - low])[rows], tuple(names[row] or "object" for row in rows), (), sure[rows])


class BoxTable:
    """A table of boxes of any program, each at a time of the video.

    Raises:
        RecordingError: It is no such table.
    """

    def __init__(self, path: Path, half_step_s: float, tell: Tell) -> None:
        table = text_table.read(path, tell=tell)
        names = [table.find(name) for name in ("time_ms", "x", "y", "width", "height")]
        if not all(names):
            raise RecordingError(f"{path}: no table of boxes; give one with the columns time_ms,x,y,width,height.")
        time, *sides = (table.numbers(name) for name in names)
        sure, kind = table.find("sureness", "confidence", "score"), table.find("kind", "category", "label")
        order = np.argsort(time, kind="stable")
        order = order[np.isfinite(time[order])]
        self.time: Float[np.ndarray, " n"] = time[order] / 1000
        self.box: Float[np.ndarray, "n 4"] = np.stack(sides, 1)[order]
        self.sureness = table.numbers(sure)[order] if sure else np.ones(len(order))
        self.kind = table.words_or(kind, "object")[order]
        self.half_step_s = half_step_s

    def at(self, time_s: float) -> Objects:
        """The boxes at the moment of the table that is nearest to a time, if it is near enough."""
        near = np.abs(self.time - time_s)
        if not len(near) or near.min() > self.half_step_s:
            return Objects(np.zeros((0, 4)))
        rows = np.flatnonzero(np.abs(self.time - self.time[near.argmin()]) < 1e-6)
        return Objects(self.box[rows], tuple(map(str, self.kind[rows])), (), self.sureness[rows])
