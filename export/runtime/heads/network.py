"""The two files of an exported network of gaze following: a picture once, then some heads in it; no torch.

NAME.onnx looks at a picture on its canvas, NAME.step.onnx takes heads in canvas pixels and what the first remembers.
Shapes: `k` heads, `g v` the canvas's pixels that show the picture.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Float32, UInt8

from data.errors import ModelError
from data.gaze import Objects
from data.picture import Letterbox
from export.runtime import session as sessions
from export.runtime.registry import STEP, find_model, read_contract
from export.runtime.session import check_names, session
from following import TASK

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

logger = logging.getLogger(__name__)

INPUTS = ("head", "content")  # of the second file, beside what is remembered of the picture
OUTPUTS = ("density", "in_frame")
AT_ONCE = 8  # heads in one run
LARGE = 60.0  # logits beyond say no more


@dataclass(frozen=True)
class Looked:
    """A picture that was looked at once, for as many heads as are asked for."""

    pixels: UInt8[np.ndarray, "h w 3"]
    box: Letterbox
    density: Float32[np.ndarray, "g v"] | None = None  # of the cone: where people look
    memory: dict[str, Any] | None = None  # of a network, on its device
    objects: Objects | None = None  # in the picture's pixels, where the model finds any

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the picture."""
        return self.pixels.shape[0], self.pixels.shape[1]


class Network:
    """An exported network, ready to run.

    Raises:
        ModelError: There is no such model, a file of it is missing or cannot be opened, or it is of another task.
    """

    def __init__(self, model: str | Path, provider: str, threads: int | None) -> None:
        path = find_model(model)
        self.contract = read_contract(path)
        if self.contract.task != TASK.name:
            raise ModelError(
                f"{self.contract.name} is a model of {self.contract.task}, not of {TASK.name}; ask for its own task, "
                f"or take {TASK.default_models[0]}."
            )
        self.files = path, find_model(path.with_name(path.stem + STEP))
        self._look, self._step = (session(file, provider, threads) for file in self.files)
        self._names = [node.name for node in self._look.get_outputs()]
        check_names(self._look, path, ("picture", "content"))
        check_names(self._step, self.files[1], (*INPUTS, *self._names, *OUTPUTS))

    @property
    def provider(self) -> str:
        """What it runs on, such as "cuda" or "cpu"."""
        return sessions.provider(self._step)

    def look(self, pixels: UInt8[np.ndarray, "h w 3"]) -> Looked:
        """Look at a picture once."""
        box = Letterbox.fit(pixels.shape[:2], self.contract.canvas)
        feeds = {"picture": box.apply(pixels, self.contract.fill)[None], "content": box.box[None]}
        memory = self._run(self._look, self._names, feeds, self.files[0])
        return Looked(pixels, box, memory=sessions.hold(self._step, dict(zip(self._names, memory, strict=True))))

    def decode(
        self, looked: Looked, boxes: Float[np.ndarray, "k 4"]
    ) -> tuple[Float32[np.ndarray, "k g v"], Float[np.ndarray, " k"]]:
        """As `FollowingPredictor.decode`, of boxes that have been checked."""
        top, left, rows, columns = looked.box.content
        maps, inside = np.empty((len(boxes), rows, columns), np.float32), np.empty(len(boxes))
        corners = np.hstack([looked.box.points(boxes[:, :2]), looked.box.points(boxes[:, :2] + boxes[:, 2:])])
        for start in range(0, len(boxes), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            feeds = {"head": corners[some].astype(np.float32), "content": looked.box.box[None], **(looked.memory or {})}
            density, logit = self._run(self._step, OUTPUTS, feeds, self.files[1])
            count = len(feeds["head"])
            if density.shape != (count, *looked.box.canvas) or logit.shape != (count,):
                told = f"{density.shape} and {logit.shape}"
                raise ModelError(f"{self.files[1]} gave maps of the shapes {told}; export the model again.")
            maps[some] = density[:, top : top + rows, left : left + columns]
            inside[some] = 1 / (1 + np.exp(-np.clip(logit.astype(np.float64), -LARGE, LARGE)))
        for plane in maps:  # what lies on the bars is nothing to the picture
            plane -= plane.max()
            plane -= np.float32(np.log(np.exp(plane.astype(np.float64)).sum()))
        return maps, inside

    @staticmethod
    def _run(opened: "InferenceSession", names: Sequence[str], feeds: dict[str, Any], path: Path) -> list[np.ndarray]:
        try:
            found: list[np.ndarray] = sessions.run(opened, names, feeds)
        except Exception as error:  # ONNX Runtime's errors share no other parent
            logger.debug("%s: cannot be run", path, exc_info=True)
            raise ModelError(f"{path} cannot be run as its contract promises; export the model again.") from error
        if not all(np.isfinite(values).all() for values in found):
            raise ModelError(f"{path.name} gave numbers that are not finite; export the model again.")
        return found
