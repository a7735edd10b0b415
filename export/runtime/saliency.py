"""Run an exported model: a picture in, the probability of looking at each of its pixels out; no torch.

`Predictor("tempsal")(picture)` letterboxes the picture as in training, runs the ONNX file with ONNX Runtime, on CUDA
where that really works and on the CPU otherwise, and brings the maps back to the picture's own size. What a file
expects and gives stands in its `export.runtime.contract.Contract`.

Shapes: `h w` picture, `t` slices of time. Every map is a natural-log density: its exponential sums to one over the
pixels.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from data.errors import ModelError, PictureError
from data.gaze import Objects
from data.picture import FILL, Letterbox
from data.plain_text import json_safe
from export.runtime import session as sessions
from export.runtime.contract import FEATURES, INPUTS, Contract, condition_index
from export.runtime.found_objects import found_objects
from export.runtime.records import SALIENCY, SaliencyRecord
from export.runtime.registry import find_model, read_contract
from export.runtime.session import check_names, session
from saliency import TASK
from scanpath.object_features import Look
from training import Task


@dataclass(frozen=True)
class Prediction:
    """Where people look in one picture: over the whole viewing and per slice of time."""

    density: Float32[np.ndarray, "h w"]  # log density
    slices: Float32[np.ndarray, "t h w"]  # log densities; t = 0 when the model has none
    times: tuple[tuple[float, float], ...]  # seconds: start and end of each slice
    model: str
    version: str
    condition: str
    provider: str
    damaged: str = ""  # what is wrong with the picture's file, where it was predicted all the same
    objects: Objects | None = None  # what the model found; None: it does not look for any
    media: Mapping[str, float] = field(default_factory=dict)  # how likely the picture is of each medium
    look: Look | None = None  # what scanpath models read; None: nobody asked for it
    weights: str = ""  # `Contract.weights` of the model

    @property
    def peak(self) -> tuple[float, float]:
        """The centre (x, y) of the pixel most looked at."""
        return peak(self.density)

    @property
    def medium(self) -> str:
        """What the picture is most like, such as a photograph; "" where the model does not tell."""
        return max(self.media, key=lambda name: self.media[name], default="")

    @property
    def familiar(self) -> bool:
        """Whether the picture is like what the model was trained on, as far as it tells."""
        return not self.media or self.medium == next(iter(self.media))

    @property
    def entropy(self) -> float:
        """Bits: 0 when all look at one pixel, log2(h * w) when everywhere is equally likely."""
        return entropy(self.density)

    def record(self, picture: str | None = None) -> dict[str, Any]:
        """A `SaliencyRecord` for JSON: all but the maps, and the picture's name if it is given."""
        height, width = self.density.shape
        values = {
            "schema": SALIENCY,
            "model": self.model,
            "version": self.version,
            "condition": self.condition,
            "provider": self.provider,
            "width": width,
            "height": height,
            **_summary(self.density),
            "slices": [
                {"start_s": start, "end_s": end, **_summary(plane)}
                for (start, end), plane in zip(self.times, self.slices, strict=True)
            ],
            **({"medium": self.medium, "familiar": self.familiar} if self.media else {}),
            **({} if picture is None else {"picture": picture}),
            **({"damaged": self.damaged} if self.damaged else {}),
        }
        return SaliencyRecord.model_validate(values).written()

    def to_json(self, picture: str | None = None) -> str:
        """`record` as text."""
        return json_safe(json.dumps(self.record(picture), indent=2, ensure_ascii=False)) + "\n"


def peak(density: Float32[np.ndarray, "h w"]) -> tuple[float, float]:
    """The centre (x, y) of the pixel with the highest value; of equals, the first from the top-left.

    >>> peak(np.log(np.array([[0.1, 0.2], [0.3, 0.4]], np.float32)))
    (1.5, 1.5)
    """
    y, x = divmod(int(density.argmax()), density.shape[1])
    return x + 0.5, y + 0.5


def entropy(density: Float32[np.ndarray, "h w"]) -> float:
    """Entropy in bits of a log density.

    >>> round(entropy(np.full((2, 4), np.log(1 / 8), np.float32)), 5)
    3.0
    """
    return max(0.0, -float(np.dot(np.exp(density).ravel(), density.ravel())) / math.log(2))


class Predictor:
    """An exported model, ready to run; safe to share between threads.

    `model` is a name in `export.runtime.registry.folder()` or the path of an .onnx file; `provider` is "auto" (CUDA
    where it works, else the CPU), "cuda" or "cpu"; `threads` is the number of CPU threads for one run (None: every core
    this process has). With `look` predictions carry what scanpath models read; None: where the model gives it.

    Raises:
        ModelError: There is no such model, it cannot be opened, or it predicts no saliency.
    """

    task: ClassVar[Task] = TASK

    def __init__(
        self,
        model: str | Path = TASK.default_models[0],
        *,
        provider: str = "auto",
        threads: int | None = None,
        look: bool | None = False,
    ) -> None:
        self.path = find_model(model)
        self.contract = read_contract(self.path)
        if self.contract.task != self.task.name:
            raise ModelError(
                f"{self.contract.name} is a model of {self.contract.task}, not of {self.task.name}; ask for its own "
                f"task (gaze predict --task {self.contract.task}, gaze evaluate {self.contract.task}), or take "
                f"{self.task.default_models[0]}."
            )
        self._session = session(self.path, provider, threads)
        if look and not self.contract.features:
            problem = "gives no features that a scanpath model could read"
            raise ModelError(f"{self.contract.name} {problem}; export it again with this gaze.")
        looks = look or look is None
        self._outputs = [name for name in outputs_of(self.contract) if looks or name not in FEATURES]
        check_names(self._session, self.path, {*INPUTS, *self._outputs})

    @property
    def provider(self) -> str:
        """What the model runs on: "cuda" or "cpu"."""
        return sessions.provider(self._session)

    def __call__(
        self, picture: UInt8[np.ndarray, "h w 3"], condition: str = "any", canvas: tuple[int, int] | None = None
    ) -> Prediction:
        """Where people look in a picture, at the picture's own size.

        Raises:
            PictureError: The picture is not uint8 (h, w, 3).
            ModelError: The model does not know the condition, or the canvas does not suit it.
        """
        return self.batch([picture], condition, canvas)[0]

    def batch(
        self,
        pictures: Sequence[UInt8[np.ndarray, "_h _w 3"]],
        condition: str = "any",
        canvas: tuple[int, int] | None = None,
    ) -> list[Prediction]:
        """The same for several pictures of any sizes in one run of the model."""
        if not pictures:
            return []
        index = self.index(condition)
        boxes = [Letterbox.fit(_size(picture), self._canvas(canvas)) for picture in pictures]
        conditions = np.full(len(pictures), index, np.int64)
        maps = self._session.run(self._outputs, graph_inputs(pictures, boxes, conditions, self.contract.fill))
        if not all(np.isfinite(values).all() for values in maps):
            raise ModelError(f"{self.path.name} gave numbers that are not finite; export the model again.")
        return [self._prediction(box, [values[row] for values in maps], condition) for row, box in enumerate(boxes)]

    def _prediction(self, box: Letterbox, maps: list[np.ndarray], condition: str) -> Prediction:
        contract, named = self.contract, dict(zip(self._outputs, maps, strict=True))
        slices = box.back(named["slices"]) if contract.slices else np.empty((0, *box.size), np.float32)
        found = named.get("objects")
        return Prediction(
            box.back(named["density"]),
            slices,
            contract.slices,
            contract.name,
            contract.version,
            condition,
            self.provider,
            objects=None if found is None else found_objects(found, contract.kinds, box),
            media=dict(zip(contract.media, named["medium"].tolist(), strict=True)) if contract.media else {},
            look=_look(named, box) if "fine" in named else None,
            weights=contract.weights,
        )

    def index(self, condition: str) -> int:
        """The number of a viewing condition in the model."""
        return condition_index(condition, self.contract.conditions, self.contract.name)

    def _canvas(self, canvas: tuple[int, int] | None) -> tuple[int, int]:
        height, width = canvas or self.contract.canvas
        multiple = self.contract.multiple
        if self.contract.fixed and (height, width) != self.contract.canvas:
            fixed = f"{self.contract.canvas[0]} x {self.contract.canvas[1]}"
            raise ModelError(
                f"{self.contract.name} was exported for a canvas of {fixed} alone, not for {height} x {width}; leave "
                "the canvas out, or export it with --canvas dynamic."
            )
        if height < 1 or width < 1 or height % multiple or width % multiple:
            raise ModelError(
                f"The canvas {height} x {width} does not suit {self.contract.name}: both sides must be multiples of "
                f"{multiple}, as in {self.contract.canvas[0]} x {self.contract.canvas[1]}."
            )
        return height, width


def outputs_of(contract: Contract) -> list[str]:
    """The names of the graph's outputs, in their order."""
    known = {"slices": contract.slices, "objects": contract.kinds, "medium": contract.media}
    more = [name for name, there in known.items() if there]
    return ["density", *more, *(FEATURES if contract.features else ())]


def _look(maps: dict[str, np.ndarray], box: Letterbox) -> Look:
    """What a scanpath model reads of the outputs for one picture."""
    density = maps["density"][None]
    log_density = np.concatenate([density, maps["slices"]]) if "slices" in maps else density
    scores = maps["objects"][:, 0] if "objects" in maps else np.zeros((0, *maps["fine"].shape[1:]), np.float32)
    return Look(log_density, maps["fine"], maps["coarse"], scores, box)


def graph_inputs(
    pictures: Sequence[UInt8[np.ndarray, "_h _w 3"]],
    boxes: Sequence[Letterbox],
    conditions: Int64[np.ndarray, " b"],
    fill: int = FILL,
) -> dict[str, np.ndarray]:
    """What the graph is given for some pictures, by the names of its inputs."""
    return {
        "picture": np.stack([box.apply(picture, fill) for box, picture in zip(boxes, pictures, strict=True)]),
        "content": np.stack([box.box for box in boxes]),
        "condition": conditions,
    }


def _summary(density: np.ndarray) -> dict[str, Any]:
    x, y = peak(density)
    return {"peak": {"x": x, "y": y}, "entropy_bits": round(entropy(density), 4)}


def _size(picture: np.ndarray) -> tuple[int, int]:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise PictureError(
            f"A picture must be uint8 of shape (h, w, 3), but this one is {picture.dtype} of shape {picture.shape}; "
            "`data.picture.read` makes one of any picture file."
        )
    return picture.shape[0], picture.shape[1]
