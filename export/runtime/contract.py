"""What an exported model promises: its inputs, outputs, origin and scores, carried in the ONNX file."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from data.errors import ModelError
from data.picture import FILL
from export.runtime.records import Record, problem

KEY = "gaze"  # of the contract in the ONNX metadata
HEADLINES = ("cc", "nss", "sim", "kl", "auc", "sauc", "ss", "bits", "ig", "end", "mm_position", "delta", "tfp_auc")
INPUTS = {
    "picture": "uint8 (b, h, w, 3), RGB, letterboxed: scaled to fit, centred, bars filled",
    "content": "float32 (b, 4), where the picture lies on the canvas: x0, y0, x1, y1 in pixels",
    "condition": "int64 (b), index of the viewing condition",
}
STEP_S = "step_s"  # the input of a video model that tells the seconds since the frame before
OBJECTS = (
    "float32 (b, k, 5, h / 4, w / 4), of each kind at every fourth pixel how likely the middle of an object lies "
    "there, and its left, top, right and bottom in canvas pixels"
)
OUTPUTS = {
    "density": "float32 (b, h, w), natural logarithm of the probability per canvas pixel, whole viewing",
    "slices": "float32 (b, t, h, w), the same for each slice of time",
}
MEDIUM = "float32 (b, n), how likely the picture is of each of the contract's media"
FEATURES = {
    "fine": "float32 (b, c, h / 4, w / 4), features on which scanpath models build",
    "coarse": "float32 (b, d, h / 16, w / 16), the same, from farther away",
}
APPEARANCES = ("none", "crops", "saliency", "crops+saliency")  # of `scanpath.inputs`
DECODING = ("temperature", "top_p", "inhibition")  # of `scanpath.decode.sample`

Word = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]  # of one line
Words = Annotated[str, Field(max_length=10_000)]
Side = Annotated[int, Field(ge=1, le=8192)]  # of a picture in pixels
Second = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1, le=4096)]


class Contract(Record):
    """What an exported model expects, gives, and comes from: JSON in the metadata of its .onnx file, under `gaze`."""

    model_config = ConfigDict(
        title="The contract of an exported model",
        json_schema_extra={"$id": "gaze/contract/1", "additionalProperties": True},  # of a newer gaze
    )

    name: Word
    version: Word
    task: Word
    description: Words
    canvas: tuple[Side, Side] = Field(description="Height and width of the default letterbox canvas in pixels.")
    multiple: int = Field(ge=0, description="The sides of any canvas are multiples of this; 0: there is no canvas.")
    conditions: tuple[Word, ...] = Field(min_length=1, description="Viewing conditions by index.")
    slices: tuple[tuple[Second, Second], ...] = Field(
        max_length=10_000, description="Start and end in seconds; empty when the model has none."
    )
    licence: Words
    training: tuple[Words, ...] = Field(description="Data sets, with their licences.")
    scores: dict[str, dict[str, float]] = Field(description="Data set, score, value.")
    commit: Words
    opset: int = Field(ge=1)
    torch: Words
    fill: int = Field(default=FILL, ge=0, le=255, description="Grey of the letterbox bars.")
    mirror: bool = Field(default=False, description="The graph looks at the picture's mirror image, too.")
    kinds: tuple[Word, ...] = Field(default=(), description="Of objects whose boxes a saliency model finds.")
    media: tuple[Word, ...] = Field(
        default=(), description="What a saliency model tells pictures apart by; it was trained on the first alone."
    )
    features: tuple[int, ...] = Field(
        default=(),
        max_length=4,
        description="Channels of the outputs `fine` and `coarse`; of a scanpath model that reads them the numbers of "
        "maps, kinds of objects, fine and coarse features.",
    )
    weights: str = Field(
        default="", max_length=64, description="SHA-256 of what was learned, by which models that build on it know it."
    )
    saliency: str = Field(
        default="", max_length=64, description="`weights` of the saliency model whose outputs a scanpath model reads."
    )
    inputs: dict[str, str] = INPUTS
    outputs: dict[str, str] = OUTPUTS
    categories: tuple[Words, ...] = Field(
        default=(), description="Of objects, from number 1 on: of a scanpath model, as all that follows."
    )
    appearance: str = Field(default="", description=f"What it looks at: {', '.join(APPEARANCES)}.")
    crop: int = Field(default=0, ge=0, le=4096, description="Side of a crop in pixels.")
    past: tuple[Count, ...] = Field(
        default=(), description="Layers, heads and width of a head of what a step remembers."
    )
    decoding: dict[str, float] = Field(default={}, description="How observers are sampled if nobody says it.")
    durations: bool = Field(default=True, description="Whether a scanpath model tells how long fixations last.")
    precision: Literal["fp32", "fp16", "int8"] = Field(default="fp32", description="What the graph computes in.")
    fixed: bool = Field(default=False, description="The graph takes its canvas alone, and no other.")
    memory: dict[Word, tuple[Count, Count]] = Field(
        default={},
        max_length=64,
        description="Of a video model: maps that a step takes, and gives for the next one under `next_` and their "
        "names; of each its channels, and canvas pixels a cell.",
    )
    stride: int = Field(
        default=0,
        ge=0,
        le=256,
        description="Of a scanpath model that searches the places of a picture, not its objects: pixels a cell of its "
        "attention map; 0: any other model.",
    )
    pixels_per_degree: float = Field(
        default=0,
        ge=0,
        le=1000,
        description="Of such a model: how large the pictures are that it is given, by visual angle.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """What fields say together."""
        rules = {
            f"canvas should have sides that are multiples of {self.multiple}": not self.multiple
            or not any(side % self.multiple for side in self.canvas),
            "conditions should be unique": len({*self.conditions}) == len(self.conditions),
            "slices should end after they start": all(start < end for start, end in self.slices),
            "slices should come in the order of their time": all(a < b for a, b in pairwise(self.slices)),
            f"appearance should be one of {', '.join(APPEARANCES)}": self.appearance in ("", *APPEARANCES),
            "past should hold three numbers": len(self.past) in (0, 3),
            "features should hold two numbers, those of a scanpath model four": len(self.features) in (0, 2, 4)
            and (len(self.features) != 2 or not self.appearance),
            f"decoding should hold none but {', '.join(DECODING)}": {*self.decoding} <= {*DECODING},
            f"memory should have cells whose sides divide {self.multiple}": not any(
                self.multiple % stride for _, stride in self.memory.values()
            ),
            "memory should have names of its own": not {*self.memory} & {*INPUTS, *OUTPUTS, STEP_S},
            "stride and pixels_per_degree should both be told, or neither": bool(self.stride)
            == bool(self.pixels_per_degree),
        }
        if broken := [rule for rule, holds in rules.items() if not holds]:
            raise ValueError(broken[0])
        return self

    @property
    def headlines(self) -> dict[str, dict[str, float]]:
        """Of the scores on each data set those that say most; the card has all."""
        return {
            data: {name: value for name, value in scores.items() if name in HEADLINES}
            for data, scores in self.scores.items()
        }

    @property
    def searches(self) -> bool:
        """Whether a scanpath model of objects can be shown what is looked for."""
        return "crops" in self.appearance.split("+") or bool(self.categories)

    @property
    def searches_places(self) -> bool:
        """Whether a scanpath model looks for a target place by place, as `export.runtime.visual_search` runs it."""
        return self.stride > 0

    @classmethod
    def of_json(cls, text: str, where: str) -> Self:
        """The contract written by `to_json`; `where` names the file in errors. Fields it does not know are ignored.

        >>> Contract.of_json('{"name": "toy"}', "toy.onnx")
        Traceback (most recent call last):
        data.errors.ModelError: toy.onnx: the contract lacks version, task, ...; export the model again.

        Raises:
            ModelError: It is no JSON, lacks a field, or a field is wrong.
        """
        try:
            return cls.model_validate_json(text, extra="ignore")
        except ValidationError as error:
            lacking = [str(one["loc"][0]) for one in error.errors() if (one["type"], len(one["loc"])) == ("missing", 1)]
            if lacking:
                names = ", ".join(lacking[:4]) + (", ..." if len(lacking) > 4 else "")
                raise ModelError(f"{where}: the contract lacks {names}; export the model again.") from error
            raise ModelError(f"{where}: the contract is wrong, {problem(error)}; export the model again.") from error

    def to_json(self) -> str:
        """The text that goes into the ONNX file's metadata under `KEY`."""
        return json.dumps(self.model_dump())


def condition_index(condition: str, conditions: Sequence[str], model: str) -> int:
    """The number of a viewing condition among those that a model knows."""
    if condition not in conditions:
        known = ", ".join(conditions)
        raise ModelError(f"{model} knows no viewing condition {condition!r}; choose one of: {known}.")
    return conditions.index(condition)
