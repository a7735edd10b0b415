"""Run an exported model: a picture in, the probability of looking at each of its pixels out; no torch.

`Predictor("tempsal")(picture)` letterboxes the picture as in training, runs the ONNX file with ONNX Runtime, on CUDA
where that really works and on the CPU otherwise, and brings the maps back to the picture's own size. What a file
expects and gives stands in its `export.runtime.contract.Contract`, on what it may run in `export.runtime.providers`.

Shapes: `h w` picture, `t` slices of time. Every map is a natural-log density: its exponential sums to one over the
pixels.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
from jaxtyping import Float32, Int64, UInt8

from data.errors import ModelError, PictureError
from data.gaze import Objects
from data.picture import FILL, Letterbox, bands
from data.plain_text import json_safe
from export.runtime import session as sessions
from export.runtime.canvases import Canvas, bucket, buckets
from export.runtime.computed import computed
from export.runtime.contract import FEATURES, INPUTS, Contract, condition_index
from export.runtime.found_objects import found_objects
from export.runtime.providers import Shapes
from export.runtime.records import SALIENCY, SaliencyRecord
from export.runtime.registry import find_model, read_contract
from export.runtime.session import check_names, session
from saliency import TASK
from scanpath.object_features import Look
from training import Task

MOST = 64  # pictures at once for which a graph is compiled, where it is


@dataclass(frozen=True)
class OnCanvas:
    """Maps of one picture as the graph gives them, small; what is larger is made when it is asked for."""

    maps: Float32[np.ndarray, "t ch cw"]
    box: Letterbox


@dataclass(frozen=True)
class Prediction:
    """Where people look in one picture: over the whole viewing and per slice of time."""

    density: Float32[np.ndarray, "h w"]  # log density
    timed: Float32[np.ndarray, "t h w"] | OnCanvas  # what `slices` are, or are made from
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

    @computed
    def slices(self) -> Float32[np.ndarray, "t h w"]:
        """Log densities per slice of time, at the picture's size; t = 0 when the model has none."""
        return self.timed.box.back(self.timed.maps) if isinstance(self.timed, OnCanvas) else self.timed

    def each_slice(self) -> Iterator[Float32[np.ndarray, "h w"]]:
        """The slices one after another, in little memory: each is there until the next is asked for."""
        return self.timed.box.each(self.timed.maps) if isinstance(self.timed, OnCanvas) else iter(self.timed)

    def _slices_to_a_constant(self) -> Iterator[Float32[np.ndarray, "h w"]]:
        """As `each_slice`, each up to a constant: enough for where it is highest and for its entropy."""
        return self.timed.box.enlarged(self.timed.maps) if isinstance(self.timed, OnCanvas) else iter(self.timed)

    def sampled_slices(self, size: tuple[int, int]) -> Float32[np.ndarray, "t _h _w"]:
        """The slices for drawing: at `size` (height, width) where they can be made of it, each up to a constant."""
        return self.timed.box.sampled(self.timed.maps, size) if isinstance(self.timed, OnCanvas) else self.timed

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
                for (start, end), plane in zip(self.times, self._slices_to_a_constant(), strict=True)
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
    """Entropy in bits of a log density, which may be one up to a constant.

    >>> round(entropy(np.full((2, 4), np.log(1 / 8), np.float32)), 5), entropy(np.zeros((2, 4), np.float32))
    (3.0, 3.0)
    """
    total = weighted = 0.0  # summed in double precision
    for rows in bands(density):
        share = cv2.exp(rows)
        total += cv2.sumElems(share)[0]
        weighted += cv2.sumElems(cv2.multiply(share, rows, dst=share))[0]
    return max(0.0, (math.log(total) - weighted / total) / math.log(2))


class Predictor:
    """An exported model, ready to run; safe to share between threads.

    `model` is a name in `export.runtime.registry.folder()` or the path of an .onnx file; `provider` is one of
    `export.runtime.providers.NAMES`; `threads` is the number of CPU threads for one run (None: every core this process
    has). With `look` predictions carry what scanpath models read; None: where the model gives it.

    `canvas` is "own", the one that the model learned on, or "by-shape": a picture that would leave more than a third of
    that one to the bars, such as an upright one, gets a canvas of its own shape with about as many pixels. Where a look
    is asked for, it is always the own one, on which scanpath models learned. On upright middles (3:4) of osie's val
    pictures tempsal's CC rises from .756 to .809 and NSS from 2.74 to 2.89; on the four upright photographs in scene's
    val CC falls from .817 to .798, which is why it has to be asked for (tests/bench/canvases.py prints both).

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
        canvas: Literal["own", "by-shape"] = "own",
    ) -> None:
        self.path = find_model(model)
        self.contract = read_contract(self.path)
        if self.contract.task != self.task.name:
            raise ModelError(
                f"{self.contract.name} is a model of {self.contract.task}, not of {self.task.name}; ask for its own "
                f"task (gaze predict --task {self.contract.task}, gaze evaluate {self.contract.task}), or take "
                f"{self.task.default_models[0]}."
            )
        looks = look or look is None
        shaped = canvas == "by-shape" and not self.contract.fixed and not (looks and self.contract.features)
        self.canvases = buckets(self.contract.canvas, self.contract.multiple if shaped else 0)
        self._session = session(self.path, provider, threads, _shapes(self.canvases))
        if look and not self.contract.features:
            problem = "gives no features that a scanpath model could read"
            raise ModelError(f"{self.contract.name} {problem}; export it again with this gaze.")
        self._outputs = [name for name in outputs_of(self.contract) if looks or name not in FEATURES]
        check_names(self._session, self.path, {*INPUTS, *self._outputs})
        (picture,) = [node for node in self._session.get_inputs() if node.name == "picture"]
        fixed = tuple(side for side in picture.shape[1:3] if isinstance(side, int))
        self._fixed: Canvas | None = (fixed[0], fixed[1]) if len(fixed) == 2 else None
        if self._fixed:
            self.canvases = (self._fixed,)

    @property
    def provider(self) -> str:
        """What the model runs on, such as "cuda" or "cpu"."""
        return sessions.provider(self._session)

    def __call__(
        self, picture: UInt8[np.ndarray, "h w 3"], condition: str = "any", canvas: Canvas | None = None
    ) -> Prediction:
        """Where people look in a picture, at the picture's own size.

        Raises:
            PictureError: The picture is not uint8 (h, w, 3).
            ModelError: The model does not know the condition, or the canvas does not suit it.
        """
        return self.batch([picture], condition, canvas)[0]

    def batch(
        self, pictures: Sequence[UInt8[np.ndarray, "_h _w 3"]], condition: str = "any", canvas: Canvas | None = None
    ) -> list[Prediction]:
        """The same for several pictures of any sizes, in one run of the model for each canvas that they need."""
        index = self.index(condition)
        boxes = [Letterbox.fit(size, self.canvas(size, canvas)) for size in map(_size, pictures)]
        rows: dict[Canvas, list[int]] = {}
        for row, box in enumerate(boxes):
            rows.setdefault(box.canvas, []).append(row)
        found: dict[int, Prediction] = {}
        for group in rows.values():
            chosen = [boxes[row] for row in group]
            conditions = np.full(len(group), index, np.int64)
            maps = self.run(graph_inputs([pictures[row] for row in group], chosen, conditions, self.contract.fill))
            for at, row in enumerate(group):
                found[row] = self._prediction(boxes[row], [values[at] for values in maps], condition)
        return [found[row] for row in range(len(boxes))]

    def run(self, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """The outputs of the graph for `graph_inputs`.

        Raises:
            ModelError: They are not finite.
        """
        maps = sessions.run(self._session, self._outputs, inputs)
        if not all(np.isfinite(values).all() for values in maps):
            raise ModelError(f"{self.path.name} gave numbers that are not finite; export the model again.")
        return maps

    def warm_up(self, batches: Sequence[int] = (1,)) -> None:
        """Run grey pictures, so many at once, on every canvas: the first run of a size takes longer than the next."""
        for canvas in self.canvases:
            for count in batches:
                pictures = [np.full((*canvas, 3), self.contract.fill, np.uint8)] * count
                self.batch(pictures, self.contract.conditions[0], canvas)

    def _prediction(self, box: Letterbox, maps: list[np.ndarray], condition: str) -> Prediction:
        contract, named = self.contract, dict(zip(self._outputs, maps, strict=True))
        slices = OnCanvas(named["slices"], box) if contract.slices else np.empty((0, *box.size), np.float32)
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

    def canvas(self, size: tuple[int, int], asked: Canvas | None = None) -> Canvas:
        """The canvas for a picture of this height and width: the one asked for, if it suits, else that of its shape.

        Raises:
            ModelError: The canvas does not suit the model.
        """
        if asked is None:
            return bucket(size, self.canvases)
        height, width = asked
        multiple = self.contract.multiple
        if height < 1 or width < 1 or height % multiple or width % multiple:
            raise ModelError(
                f"The canvas {height} x {width} does not suit {self.contract.name}: both sides must be multiples of "
                f"{multiple}, as in {self.contract.canvas[0]} x {self.contract.canvas[1]}."
            )
        if self._fixed not in (None, (height, width)):
            fixed = " x ".join(map(str, self._fixed or ()))
            raise ModelError(
                f"The canvas {height} x {width} does not suit {self.path.name}, which was exported for {fixed} alone; "
                "take that one, or export the model for any canvas."
            )
        return height, width


def outputs_of(contract: Contract) -> list[str]:
    """The names of the graph's outputs, in their order."""
    known = {"slices": contract.slices, "objects": contract.kinds, "medium": contract.media}
    more = [name for name, there in known.items() if there]
    return ["density", *more, *(FEATURES if contract.features else ())]


def _shapes(canvases: Sequence[Canvas]) -> Shapes:
    """The sizes that a graph is given: the least, those of a picture on the first canvas, and the largest."""
    heights, widths = zip(*canvases, strict=True)
    sides = ((min(heights), min(widths)), canvases[0], (max(heights), max(widths)))
    counts = (1, 1, MOST)
    picture = tuple((count, *side, 3) for count, side in zip(counts, sides, strict=True))
    few, usual, many = ((count,) for count in counts)
    return {
        "picture": (picture[0], picture[1], picture[2]),
        "content": ((*few, 4), (*usual, 4), (*many, 4)),
        "condition": (few, usual, many),
    }


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
