"""`manifest.json` beside exported models: what each file is, where it comes from, how far it is from the original."""

import json
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, ValidationError

from data.atomic import atomic_write
from data.errors import ModelError
from export.runtime.records import Record, problem

FILE = "manifest.json"
SCHEMA = "gaze/manifest/1"


class Side(Record):
    """An input or output of a graph."""

    name: str
    type: str = Field(description="As ONNX names it: uint8, float32, int64, bool.")
    shape: tuple[int | str, ...] = Field(description="A number, or the name of a side that is free.")


class File(Record):
    """An ONNX file."""

    file: str = Field(description="Its name, in the folder of the manifest.")
    sha256: str
    bytes: int
    inputs: tuple[Side, ...]
    outputs: tuple[Side, ...]


class Parity(Record):
    """How far the files are from the same model: fp32 from PyTorch, the others from fp32."""

    against: Literal["pytorch", "fp32"]
    difference: float = Field(description="The largest, of natural-log densities or of logits.")
    loss: float = Field(description="Mean over the pictures, in `unit`; 0 of fp32.")
    worst: float = Field(description="The same of the worst picture.")
    unit: str = Field(description="1 - CC: less the correlation of densities. bits: divergence of the next fixation.")
    pictures: int


class Accuracy(Record):
    """The correlation with people's densities on a data set."""

    data: str
    split: str
    pictures: int
    cc: float
    change: float = Field(description="Against fp32.")


class Speed(Record):
    """Milliseconds of one run on one picture."""

    p50_ms: float
    p95_ms: float
    ratio: float = Field(description="Of fp32's to this, both timed in turn.")
    threads: int
    provider: str


class Entry(Record):
    """One model in one form."""

    name: str = Field(description="By which the folder's models are found: `--model NAME`.")
    model: str
    task: str
    precision: str
    canvas: tuple[int, int] | None = Field(description="Height and width; null: any.")
    files: tuple[File, ...]
    opset: int
    parameters: int
    float_layers: tuple[str, ...] = Field(default=(), description="Layers that int8 leaves in float.")
    parity: Parity
    accuracy: tuple[Accuracy, ...] = ()
    speed: Speed | None = None
    licence: str
    training: tuple[str, ...]
    weights: str = Field(description="SHA-256 of what was learned.")
    commit: str
    versions: dict[str, str] = Field(description="Of gaze, torch, onnx and onnxruntime.")
    made: str = Field(
        description="SHA-256 of all that the files were made of; files are up to date where it is the same."
    )


class Manifest(Record):
    """All that was exported into a folder: `manifest.json` there."""

    model_config = ConfigDict(title="What was exported into a folder", json_schema_extra={"$id": SCHEMA})

    schema_: str = Field(default=SCHEMA, alias="schema")
    models: tuple[Entry, ...] = ()

    def entry(self, name: str) -> Entry | None:
        """What is said of a model in a form, by its name."""
        return next((entry for entry in self.models if entry.name == name), None)

    def with_entry(self, entry: Entry) -> "Manifest":
        """The manifest with another or a new entry."""
        others = [other for other in self.models if other.name != entry.name]
        return self.model_copy(update={"models": tuple(sorted([*others, entry], key=lambda one: one.name))})

    def write(self, folder: Path) -> None:
        """Write it into a folder."""
        with atomic_write(folder / FILE) as file:
            file.write(json.dumps(self.model_dump(mode="json", by_alias=True), indent=2).encode() + b"\n")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder; an empty one where there is none.

    Raises:
        ModelError: There is a file of that name that is no manifest.
    """
    path = folder / FILE
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Manifest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); check the file and its rights.") from error
    except ValidationError as error:
        raise ModelError(
            f"{path} is no manifest of gaze ({problem(error)}); export into another folder, or take it away."
        ) from error
