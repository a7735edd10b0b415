"""Exported models found by name or path, and what they promise."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import ModelError
from export.runtime.contract import KEY, Contract
from export.runtime.session import session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

WEIGHTS = Path(__file__).parents[1] / "weights"
STEP = ".step.onnx"  # the end of the name of a scanpath model's second file


def folder() -> Path:
    """Where models are looked for by name: `export/weights`, or the folder that $GAZE_MODELS names."""
    return Path(os.environ.get("GAZE_MODELS") or WEIGHTS)


def models() -> list[Path]:
    """The exported models in `folder()`, by name."""
    return sorted((p for p in folder().glob("*.onnx") if not p.name.endswith(STEP)), key=lambda path: path.stem)


def read_contract(model: str | Path) -> Contract:
    """What the model of this name or path promises."""
    path = find_model(model)
    return contract_of(session(path, "cpu", 1), path)


def named_file(model: str) -> Path | None:
    """The .onnx file of this name in `folder()`, else among those that ship; None where there is none."""
    return next((p for p in (folder() / f"{model}.onnx", WEIGHTS / f"{model}.onnx") if p.is_file()), None)


def find_model(model: str | Path) -> Path:
    """The .onnx file of a model given by name or path."""
    path = Path(model)
    if path.suffix != ".onnx":
        path = named_file(str(model)) or path
    if not path.is_file():
        names = ", ".join(known.stem for known in models()) or "none yet: make one with `gaze export`"
        raise ModelError(f"There is no model {str(model)!r}; available: {names}.")
    return path


def contract_of(opened: "InferenceSession", path: Path) -> Contract:
    """The contract that an opened ONNX file carries in its metadata.

    Raises:
        ModelError: It carries none, or a damaged one.
    """
    metadata: Mapping[str, str] = opened.get_modelmeta().custom_metadata_map
    if KEY not in metadata:
        raise ModelError(f"{path} is ONNX, but not of gaze: it carries no contract; make one with `gaze export`.")
    return Contract.of_json(metadata[KEY], str(path))
