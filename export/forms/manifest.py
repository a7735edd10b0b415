"""`manifest.json` beside exported models: what each file is, where it comes from, how far it is from the original."""

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

from filelock import FileLock
from pydantic import ConfigDict, Field, ValidationError

from data import checksums
from data.atomic import DAY, atomic_write
from data.errors import ModelError
from export.runtime.records import Record, problem

FILE = checksums.MANIFEST
VERSION = 1
SCHEMA = f"gaze/manifest/{VERSION}"
STAGING = ".gaze-export-"  # how the names of what is there meanwhile begin


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
    others: dict[str, float] = Field(
        description="What other outputs lose: the shares of boxes that are not found again and of pictures that are "
        "taken for another medium, and the mean change of log durations."
    )
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
    busy: float | None = Field(description="Share of the machine that other processes used meanwhile; null: unknown.")


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

    def without(self, names: Collection[str]) -> "Manifest":
        """The manifest without the entries that have a file of one of these names."""
        left = [entry for entry in self.models if not {file.file for file in entry.files} & {*names}]
        return self.model_copy(update={"models": tuple(left)})

    def write(self, folder: Path) -> None:
        """Write it into a folder."""
        with atomic_write(folder / FILE) as file:
            file.write(json.dumps(self.model_dump(mode="json", by_alias=True), indent=2).encode() + b"\n")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder; an empty one where there is none.

    Raises:
        ModelError: There is a file of that name that is no manifest of gaze, or one of a newer gaze.
    """
    path = folder / FILE
    try:
        content = path.read_bytes()
        found = re.fullmatch(r"gaze/manifest/(\d+)", str(json.loads(content)["schema"]))
        if found and int(found[1]) > VERSION:
            raise ModelError(f"{path} was written by a newer gaze; update this one, or export into another folder.")
        return Manifest.model_validate_json(content)
    except (FileNotFoundError, NotADirectoryError):
        return Manifest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); check the file and its rights.") from error
    except (ValidationError, ValueError, LookupError, TypeError, RecursionError) as error:
        if isinstance(error, ModelError):
            raise
        reason = problem(error) if isinstance(error, ValidationError) else "it names no schema of gaze"
        raise ModelError(f"{path} is no manifest of gaze ({reason}); export into another folder.") from error


def keep(folder: Path, files: Sequence[Path], entry: Entry) -> None:
    """Move finished files to their places in a folder, and list them in its manifest and its SHA256SUMS, if it has one.

    While they are replaced neither list names them, so that whoever loads a model meanwhile is not told that it is
    damaged, also where this process is killed. Several processes may do so at once.

    Raises:
        OSError: Something cannot be written.
    """
    with _locked(folder):
        listed = _forget(folder, [file.name for file in files])
        for file in files:
            os.replace(file, folder / file.name)
        read_manifest(folder).with_entry(entry).write(folder)
        if listed is not None:
            checksums.write(folder, {*listed, *(file.name for file in files)})


def forget(folder: Path, names: Sequence[str]) -> None:
    """Take files that are about to be replaced out of a folder's manifest, if it has one.

    Raises:
        ModelError: The manifest is none of gaze, or of a newer one.
    """
    if (folder / FILE).is_file():
        with _locked(folder):
            read_manifest(folder).without(names).write(folder)


def alone(folder: Path) -> FileLock:
    """A lock under which one process at a time measures how long its model takes."""
    return FileLock(folder / f"{STAGING}timing.lock")


def sweep(folder: Path) -> None:
    """Remove what exports that were killed left in a folder: staged files of more than a day ago."""
    for path in folder.glob(f"{STAGING}*"):
        with contextlib.suppress(OSError):
            if path.is_dir() and path.stat().st_mtime < time.time() - DAY:
                shutil.rmtree(path)


def _forget(folder: Path, names: Sequence[str]) -> set[str] | None:
    """Take names out of both lists of a folder; what SHA256SUMS listed, None where there is none."""
    told = read_manifest(folder)
    if told.without(names) != told:
        told.without(names).write(folder)
    if not (folder / checksums.FILE).is_file():
        return None
    listed = {*checksums.read(folder)}
    checksums.write(folder, {name for name in listed - {*names} if (folder / name).is_file()})
    return {name for name in listed if (folder / name).is_file()}


def _locked(folder: Path) -> FileLock:
    return FileLock(folder / f"{STAGING}manifest.lock")
