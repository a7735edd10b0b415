"""What a form of a model is, and what a task brings so that `gaze export` can make its models in every form.

A form is a precision and a canvas. Its files are called NAME, then the precision where it is not fp32, then the canvas
where it is fixed: `tempsal.onnx`, `tempsal.int8.onnx`, `tempsal.fp16.192x256.onnx`.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import onnx
from torch import nn

from data.errors import GazeError
from export.runtime.contract import Contract

PRECISIONS = ("fp32", "fp16", "int8")
DYNAMIC = "dynamic"  # the canvas of a graph that takes any

Canvas = tuple[int, int]  # height, width in pixels
Feeds = dict[str, np.ndarray]


class Form(NamedTuple):
    """A precision, and the only canvas that the graph takes; None: any."""

    precision: str = "fp32"
    canvas: Canvas | None = None

    def name(self, model: str) -> str:
        """What the model is called in this form.

        >>> Form().name("tempsal"), Form("int8", (192, 256)).name("tempsal")
        ('tempsal', 'tempsal.int8.192x256')
        """
        precision = "" if self.precision == "fp32" else f".{self.precision}"
        canvas = "" if self.canvas is None else f".{self.canvas_name}"
        return f"{model}{precision}{canvas}"

    @property
    def canvas_name(self) -> str:
        """The canvas in words."""
        return DYNAMIC if self.canvas is None else f"{self.canvas[0]}x{self.canvas[1]}"

    def contract(self, contract: Contract) -> Contract:
        """What the form promises, of a model that promises this in float32."""
        own = {"name": self.name(contract.name), "precision": self.precision, "fixed": self.canvas is not None}
        own |= {"canvas": self.canvas} if self.canvas else {}
        if self.precision != "fp32" or self.canvas not in (None, contract.canvas):
            own |= {"scores": {}}  # which were measured on another file
        return contract.model_copy(update=own)


class Graph(NamedTuple):
    """A graph in float32, of any size, and the values in it that have to stay in float32."""

    model: onnx.ModelProto
    exact: frozenset[str]


class Agreement(NamedTuple):
    """How far a form is from the same model in float32, over some pictures.

    `loss` of saliency is 1 less the mean correlation of densities; of scanpaths the mean divergence of the
    probabilities of the next fixation, in bits. `worst` is the same of the worst picture.
    """

    difference: float  # the largest, of log densities or of logits
    loss: float
    worst: float
    others: dict[str, float]  # what other outputs lose, by their names
    pictures: int


class Exporter(Protocol):
    """A network of a task and what it takes to make its forms."""

    network: nn.Module
    endings: tuple[str, ...]  # of the names of its files
    unit: str  # of `Agreement.loss`
    has_canvas: bool

    def __init__(self, network: nn.Module, contract: Contract, decoding: dict[str, float]) -> None: ...

    @property
    def contract(self) -> Contract:
        """What the model promises in float32."""

    def graphs(self) -> list[Graph]:
        """Its graphs in float32, of any canvas.

        Raises:
            ModelError: It has no such graphs.
        """

    def difference(self, files: Sequence[Path], contract: Contract, pictures: Sequence[np.ndarray]) -> Agreement:
        """The largest difference of the files from PyTorch, over pictures; nothing is lost."""

    def feeds(self, files: Sequence[Path], contract: Contract, pictures: Sequence[np.ndarray]) -> list[list[Feeds]]:
        """What each of the files in float32 is fed for some pictures, one after the other."""

    def agreement(
        self, files: Sequence[Path], others: Sequence[Path], contract: Contract, pictures: Sequence[np.ndarray]
    ) -> Agreement:
        """How far the files `others` are from the `files` in float32."""

    def runner(self, files: Sequence[Path], contract: Contract) -> Callable[[], object]:
        """What is timed: one prediction by the files, on one thread."""


def parse_precisions(text: str) -> tuple[str, ...]:
    """The precisions that a person names, each once.

    Raises:
        GazeError: There is no such precision.
    """
    named = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",")))
    if unknown := [part for part in named if part not in PRECISIONS]:
        raise GazeError(f"There is no precision {unknown[0]!r}; name some of {', '.join(PRECISIONS)}.")
    return named


def parse_canvases(text: str) -> tuple[Canvas | None, ...]:
    """The canvases that a person names, each once; None stands for any.

    >>> parse_canvases("192x256,dynamic")
    ((192, 256), None)

    Raises:
        GazeError: One is not HEIGHTxWIDTH in pixels.
    """
    found: list[Canvas | None] = []
    for part in (part.strip().lower() for part in text.split(",")):
        sides = part.split("x")
        known = len(sides) == 2 and all(re.fullmatch("[1-9][0-9]{0,3}", side) and int(side) <= 4096 for side in sides)
        if part != DYNAMIC and not known:
            raise GazeError(
                f"{part!r} is no canvas; give HEIGHTxWIDTH in pixels, as in 192x256, or {DYNAMIC} for any size."
            )
        found.append(None if part == DYNAMIC else (int(sides[0]), int(sides[1])))
    return tuple(dict.fromkeys(found))
