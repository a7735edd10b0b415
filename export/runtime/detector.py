"""Objects from an object detector in an ONNX file that somebody else made, in the layouts that are common; no torch.

`export.runtime.detector_layouts` lists the layouts. Which one a file has is read off its answer to a grey picture; what
fits none is refused. Class names come from the metadata `names`, or are COCO's where a detector of YOLOX or NanoDet has
its 80 classes. Where a layout names an object many times, boxes that overlap are thinned out (non-maximum suppression
by class).
"""

import ast
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64, UInt8

from data.errors import GazeError, ModelError
from data.gaze import Objects
from data.objects import overlap as shared
from data.picture import Letterbox
from export.runtime.detector_layouts import BINS, LAYOUTS, Found, Layout, layout_of
from export.runtime.session import session

logger = logging.getLogger(__name__)

SIZE = 640  # pixels: of the input, where neither its shape nor the metadata tells
FILL = 114  # grey of the bars
MOST = 1000  # objects; of more the surest are kept


class Detector:
    """A detector, ready to run on the CPU or on CUDA (`provider` as in `Predictor`).

    `layout` is one of `LAYOUTS`, `names` gives the name of each class as far as it is known.
    """

    def __init__(self, path: Path | str, *, provider: str = "auto", threads: int | None = None) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise ModelError(f"{self.path}: there is no such file; give a detector as an .onnx file.")
        self._session = session(self.path, provider, threads)
        metadata = self._session.get_modelmeta().custom_metadata_map
        if metadata.get("task", "detect") != "detect":
            raise self._refusal(f"is made for the task {metadata['task']!r}", "give one that detects boxes")
        self.names = self._names(metadata.get("names", ""))
        self.size = self._size(metadata)
        self.layout = self._layout()
        known = LAYOUTS[self.layout].names
        if not self.names and len(known) == self._classes:
            self.names = dict(enumerate(known))

    def objects(self, pixels: UInt8[np.ndarray, "h w 3"], confidence: float = 0.25, overlap: float = 0.45) -> Objects:
        """What is in the picture, the surest first; no object at all is an answer, too.

        Boxes are cut at the picture's border. Of two boxes of one class that share more than `overlap` of their
        united area the less sure one goes. A class without a name is "class 7".
        """
        for name, value in (("confidence", confidence), ("overlap", overlap)):
            if not 0 <= value <= 1:
                raise GazeError(f"The {name} is {value:g}, but must lie between 0 and 1.")
        fit = self._fit(pixels.shape[:2])
        corners, scores, classes = self._decode(self._run(fit.apply(pixels, FILL), fit.size, LAYOUTS[self.layout]), fit)
        corners = np.clip(corners, 0, np.tile(np.array(pixels.shape[1::-1], np.float64), 2))
        keep = (corners[:, 2:] > corners[:, :2]).all(1) & (scores >= confidence)
        order = np.flatnonzero(keep)[np.argsort(-scores[keep], kind="stable")]
        boxes = np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])[order]
        scores, classes = scores[order], classes[order].astype(np.int64)
        if LAYOUTS[self.layout].thinned:
            kept = thin(boxes, classes, overlap)
            boxes, scores, classes = boxes[kept], scores[kept], classes[kept]
        boxes, scores, classes = boxes[:MOST], scores[:MOST], classes[:MOST]
        named = tuple(self.names.get(number, f"class {number}") for number in classes.tolist())
        return Objects(boxes, named, (), np.clip(scores, 0, 1))

    def _refusal(self, problem: str, remedy: str) -> ModelError:
        return ModelError(f"{self.path}: the detector {problem}; {remedy}.")

    def _names(self, text: str) -> dict[int, str]:
        """The names by class from the text of a Python dict or list; {} from an empty text."""
        try:
            found = ast.literal_eval(text) if text else {}
            pairs = found.items() if isinstance(found, Mapping) else enumerate(found)
            return {int(number): str(name) for number, name in pairs}
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            problem = f"has class names that cannot be read ({text[:40]!r})"
            raise self._refusal(problem, "export it again with names such as {0: 'person'}") from error

    def _size(self, metadata: Mapping[str, str]) -> tuple[int, int]:
        """Height and width of the input."""
        first, *more = self._session.get_inputs()
        shape = list(first.shape)
        if first.type not in ("tensor(float)", "tensor(float16)") or len(shape) != 4 or shape[1] != 3:
            problem = f"takes {first.type} of shape {shape}"
            raise self._refusal(problem, "export one that takes float pictures of shape (1, 3, height, width)")
        if shape[0] not in (1, None) and not isinstance(shape[0], str):
            raise self._refusal(f"takes {shape[0]} pictures at once", "export it for one")
        if len(more) > 1 or any(i.type != "tensor(int64)" or list(i.shape[1:]) != [2] for i in more):
            names = ", ".join(i.name for i in (first, *more))
            raise self._refusal(f"wants the inputs {names}", "export one that wants a picture, and at most its size")
        try:
            told = [int(side) for side in ast.literal_eval(metadata.get("imgsz", ""))]
        except (ValueError, SyntaxError, TypeError):
            told = []
        height, width = told if len(told) == 2 else (SIZE, SIZE)
        sides = [
            side if isinstance(side, int) else other for side, other in zip(shape[2:], (height, width), strict=True)
        ]
        return sides[0], sides[1]

    def _fit(self, size: tuple[int, int]) -> Letterbox:
        """Where a picture of this height and width lies in the input: with bars, or stretched over all of it."""
        boxed = LAYOUTS[self.layout].letterboxed
        return Letterbox.fit(size, self.size) if boxed else Letterbox(size, self.size, (0, 0, *self.size))

    def _run(
        self, canvas: UInt8[np.ndarray, "ch cw 3"], size: tuple[int, int], layout: Layout = LAYOUTS["yolo"]
    ) -> dict[str, np.ndarray]:
        """The outputs by name; `size` is the height and width of the picture before it came to the canvas."""
        first, *more = self._session.get_inputs()
        kind = np.float16 if first.type == "tensor(float16)" else np.float32
        feed: dict[str, Any] = {first.name: layout.prepare(canvas).astype(kind)}
        feed |= {each.name: np.array([size[::-1]], np.int64) for each in more}
        try:
            answers = self._session.run(None, feed)
        except Exception as error:  # ONNX Runtime's errors share no other parent
            logger.debug("%s: cannot be run", self.path, exc_info=True)
            raise self._refusal("cannot be run on a picture", "export it again") from error
        named = zip((output.name for output in self._session.get_outputs()), answers, strict=True)
        return {name: np.asarray(answer) for name, answer in named}

    def _layout(self) -> str:
        """The layout that the file's answer to a grey picture fits."""
        found = self._run(np.full((*self.size, 3), FILL, np.uint8), self.size)
        layout = layout_of(found, self.size, len(self.names), len(self._session.get_inputs()))
        if layout:
            widths = {"yolox": 5, "nanodet": 4 * BINS}
            self._classes = next(iter(found.values())).shape[-1] - widths[layout] if layout in widths else 1
            return layout
        told = ", ".join(f"{name} {answer.shape}" for name, answer in found.items())
        names = f" and {len(self.names)} class names" if self.names else ""
        raise self._refusal(f"answers with {told}{names}, which is no layout known here", "export it as YOLOv8 does")

    def _decode(self, found: dict[str, np.ndarray], fit: Letterbox) -> Found:
        """Corners in the picture's pixels, scores and classes of everything that the file found."""
        layout = LAYOUTS[self.layout]
        answers = {name: answer.astype(np.float64) for name, answer in found.items()}
        corners, scores, classes = layout.decode(answers, self.size)
        if layout.shares:
            corners = corners * np.tile(np.array(fit.canvas[::-1]), 2)
        if self.layout != "lists":
            top, left, height, width = fit.content
            scale = np.array([fit.size[1] / width, fit.size[0] / height])
            corners = (corners - [left, top, left, top]) * np.tile(scale, 2)
        sound = np.isfinite(corners).all(1) & np.isfinite(scores) & np.isfinite(classes)
        return corners[sound], scores[sound], classes[sound]


def thin(boxes: Float[np.ndarray, "n 4"], classes: Int64[np.ndarray, " n"], overlap: float) -> Int64[np.ndarray, " k"]:
    """Which boxes stay, of boxes from the surest to the least sure: those that share little with a surer one kept.

    Only boxes of one class compete. At most `MOST` stay.
    """
    left: Bool[np.ndarray, " n"] = np.ones(len(boxes), bool)
    kept: list[int] = []
    for i in range(len(boxes)):
        if not left[i]:
            continue
        kept.append(i)
        if len(kept) == MOST:
            break
        rivals = i + 1 + np.flatnonzero(left[i + 1 :] & (classes[i + 1 :] == classes[i]))
        left[rivals[shared(boxes[i : i + 1], boxes[rivals])[0] > overlap]] = False
    return np.array(kept, np.int64)
