"""What an exported model promises: its inputs, outputs, origin and scores, carried in the ONNX file."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data.errors import ModelError
from data.picture import FILL

if TYPE_CHECKING:
    pass
HEADLINES = ("cc", "nss", "sim", "kl", "auc", "sauc", "ss", "bits", "ig", "end", "mm_position", "delta", "tfp_auc")
KEY = "gaze"  # of the contract in the ONNX metadata
# fields of the contract that have defaults
LATER = ("fill", "mirror", "inputs", "outputs", "categories", "appearance", "crop", "past", "decoding", "durations")
INPUTS = {
    "picture": "uint8 (b, h, w, 3), RGB, letterboxed: scaled to fit, centred, bars filled",
    "content": "float32 (b, 4), where the picture lies on the canvas: x0, y0, x1, y1 in pixels",
    "condition": "int64 (b), index of the viewing condition",
}
OUTPUTS = {
    "density": "float32 (b, h, w), natural logarithm of the probability per canvas pixel, whole viewing",
    "slices": "float32 (b, t, h, w), the same for each slice of time",
}


@dataclass(frozen=True)
class Contract:
    """What an exported model expects, gives, and comes from.

    >>> Contract.of_json('{"name": "tempsal"}', "tempsal.onnx")
    Traceback (most recent call last):
    data.errors.ModelError: tempsal.onnx: the contract lacks version, task, description, ...; export the model again.
    """

    name: str
    version: str
    task: str
    description: str
    canvas: tuple[int, int]  # height, width of the default letterbox canvas in pixels
    multiple: int  # the sides of any canvas must be multiples of this
    conditions: tuple[str, ...]  # viewing conditions by index
    slices: tuple[tuple[float, float], ...]  # start and end in seconds; empty when the model has none
    licence: str
    training: tuple[str, ...]
    scores: dict[str, dict[str, float]]  # data set -> score -> value
    commit: str
    opset: int
    torch: str
    fill: int = FILL  # grey of the letterbox bars
    mirror: bool = False  # the graph looks at the picture's mirror image, too
    inputs: dict[str, str] = dataclasses.field(default_factory=lambda: dict(INPUTS))
    outputs: dict[str, str] = dataclasses.field(default_factory=lambda: dict(OUTPUTS))
    categories: tuple[str, ...] = ()  # of objects, from number 1 on: of a scanpath model, as all that follows
    appearance: str = ""  # what it looks at: none, crops or saliency
    crop: int = 0  # side of a crop in pixels
    past: tuple[int, ...] = ()  # layers, heads and width of a head of what a step remembers
    decoding: dict[str, float] = dataclasses.field(default_factory=dict)  # how observers are sampled if not told
    durations: bool = True  # whether a scanpath model tells how long fixations last

    @property
    def headlines(self) -> dict[str, dict[str, float]]:
        """Of the scores on each data set those that say most; the card has all."""
        return {
            data: {name: value for name, value in scores.items() if name in HEADLINES}
            for data, scores in self.scores.items()
        }

    @property
    def searches(self) -> bool:
        """Whether a scanpath model can be shown what is looked for."""
        return self.appearance == "crops" or bool(self.categories)

    @classmethod
    def of_json(cls, text: str, where: str) -> "Contract":
        """The contract written by `to_json`; `where` names the file in errors. Keys it does not know are ignored."""
        try:
            record = json.loads(text)
            fields = dataclasses.fields(cls)
            missing = [f.name for f in fields[: -len(LATER)] if f.name not in record]
            if missing:
                names = ", ".join(missing[:4]) + (", ..." if len(missing) > 4 else "")
                raise ModelError(f"{where}: the contract lacks {names}; export the model again.")
            return cls(**{f.name: _tuples(record[f.name]) for f in fields if f.name in record})
        except (json.JSONDecodeError, TypeError) as error:
            raise ModelError(f"{where}: the contract cannot be read ({error}); export the model again.") from error

    def to_json(self) -> str:
        """The text that goes into the ONNX file's metadata under `KEY`."""
        return json.dumps(dataclasses.asdict(self))


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def condition_index(condition: str, conditions: Sequence[str], model: str) -> int:
    """The number of a viewing condition among those that a model knows."""
    if condition not in conditions:
        known = ", ".join(conditions)
        raise ModelError(f"{model} knows no viewing condition {condition!r}; choose one of: {known}.")
    return conditions.index(condition)
