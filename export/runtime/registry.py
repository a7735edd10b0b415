"""Exported models found by name or path, and what they promise; one with a listed checksum must have it."""

import os
from collections.abc import Callable
from pathlib import Path

from data import checksums
from data.errors import ModelError
from export.runtime import metadata
from export.runtime.contract import KEY, Contract

WEIGHTS = Path(__file__).parents[1] / "weights"
STEP = ".step.onnx"  # the end of the name of a scanpath model's second file


def folder() -> Path:
    """Where models are looked for by name: `export/weights`, or the folder that $GAZE_MODELS names."""
    return Path(os.environ.get("GAZE_MODELS") or WEIGHTS)


def models() -> list[Path]:
    """The exported models in `folder()`, by name."""
    return sorted((p for p in folder().glob("*.onnx") if not p.name.endswith(STEP)), key=lambda path: path.stem)


def read_contract(model: str | Path) -> Contract:
    """What the model of this name or path promises, read from its file without opening it.

    Raises:
        ModelError: There is no such model, its file is damaged, or it carries no contract or a wrong one.
    """
    return contract_in(find_model(model))


def contract_in(path: Path) -> Contract:
    """The same of a file whose content need not be the one that is listed.

    Raises:
        ModelError: The file is damaged, or carries no contract or a wrong one.
    """
    text = metadata.read(path, KEY)
    if text is None:
        raise ModelError(f"{path} is ONNX, but not of gaze: it carries no contract; make one with `gaze export`.")
    return Contract.of_json(text, str(path))


def named_file(model: str) -> Path | None:
    """The .onnx file of this name in `folder()`, else among those that ship; None where there is none."""
    if any(mark in model for mark in "/\\\0"):
        return None  # a path, not a name
    return next((p for p in (folder() / f"{model}.onnx", WEIGHTS / f"{model}.onnx") if p.is_file()), None)


def find_model(model: str | Path) -> Path:
    """The .onnx file of a model given by name or path.

    Raises:
        ModelError: There is no such model, or its content is not what `SHA256SUMS` or `manifest.json` beside it says.
    """
    path = Path(model)
    try:
        if path.suffix != ".onnx":
            path = named_file(str(model)) or path
        is_file, is_folder = path.is_file(), path.is_dir()
    except OSError as error:  # no rights in its folder, or a name that is too long
        raise ModelError(f"{path} cannot be read ({error.strerror}); check the file and its rights.") from error
    if is_folder:
        raise ModelError(f"There is no model {str(model)!r}, for that is a folder; give an .onnx file in it.")
    if not is_file:
        names = ", ".join(known.stem for known in models()) or "none yet: make one with `gaze export`"
        raise ModelError(f"There is no model {str(model)!r}; available: {names}.")
    checksums.verify(path)
    return path


def find_weights(weights: str, first: Path) -> Path | None:
    """The saliency model whose contract has these `weights`: in the folder `first`, in `folder()`, among what ships.

    One that looks at mirror images, too, has other outputs, as have those in fp16 or int8 and those for one canvas:
    they are passed over. None: there is none.

    Raises:
        ModelError: It is there, but is not what `SHA256SUMS` beside it says.
    """
    for place in dict.fromkeys((first, folder(), WEIGHTS)):
        for path in sorted(place.glob("*.onnx")):
            known = None if path.name.endswith(STEP) else _contract_or_error(path, contract_in)
            if isinstance(known, Contract) and known.weights == weights and _gives_features(known):
                return find_model(path)
    return None


def _gives_features(contract: Contract) -> bool:
    """Whether a model's outputs are those that scanpath models were trained on."""
    return not contract.mirror and contract.precision == "fp32" and not contract.fixed


def contracts() -> dict[Path, Contract | ModelError]:
    """What each of `models()` promises, or why it cannot be used."""
    return {path: _contract_or_error(path, read_contract) for path in models()}


def _contract_or_error(path: Path, read: Callable[[Path], Contract]) -> Contract | ModelError:
    try:
        return read(path)
    except ModelError as error:
        return error
