"""What `gaze export` does: finds the weights, writes the contract, exports, and keeps the card true.

Not named after the command: Streamlit puts this folder first on the path, where it would hide the package `export`.
"""

import logging
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from app import checksums, tasks
from data.errors import ModelError
from evaluation import model_card
from export import onnx
from export.forms import manifest
from export.runtime import registry
from export.runtime.contract import FEATURES, MEDIUM, OBJECTS, OUTPUTS, Contract
from export.runtime.registry import WEIGHTS
from training import weights

log = logging.getLogger(__name__)

MEANING = '/\\<>:"|?*'  # characters that mean something to a file system, or to a shell
LONGEST = 100  # bytes of a name
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in "123456789")}


def export(
    source: str,
    name: str | None = None,
    output: Path | None = None,
    licence: str | None = None,
    training: Sequence[str] = (),
    evaluations: Sequence[Path] = (),
    mirror: bool = False,
    decoding: Mapping[str, float] | None = None,
    half: bool = False,
) -> str:
    """Exports a model by name, a checkpoint or a .safetensors; returns one sentence for people.

    A model that needs no training, such as eccnet, is exported by its name, with the features of the package that it
    builds on.

    With `mirror` a saliency model's file looks at each picture and its mirror image, at twice the cost. `decoding` is
    how a scanpath model's observers are sampled if nobody says otherwise. With `half` what was learned is rounded to
    half precision first, and the .safetensors have half the size. Licence, training data, scores and decoding are kept
    from an earlier file of that name unless they are given anew.

    Raises:
        GazeError: The weights are missing, damaged, or not to be exported, or the name is none for a file.
    """
    path, key, network = _opened(source, half)
    name = name if name is not None else source if path is None else path.stem
    check_name(name)
    output = output or WEIGHTS
    task = tasks.task_of(key)
    target = output / f"{name}.onnx"
    found = model_card.read(evaluations)
    old = _earlier(target)
    kept = {
        "licence": licence or (old.licence if old else "not stated"),
        "training": tuple(training) or (old.training if old else ()),
        "scores": model_card.scores(found, name) or (old.scores if old else {}),
    }
    new = contract(network, name, task.name).model_copy(update=kept)
    options = {"mirror": mirror, "decoding": dict(decoding or (old.decoding if old else {}))}
    manifest.forget(output, [target.name, target.stem + registry.STEP])
    worst = task.exporter(key)(network, target, new, options)
    tensors = output / f"{name}.safetensors"
    if path is not None and (half or tensors.resolve() != path.resolve()):
        weights.save(network, tensors, half)
    if found:
        model_card.write(output / f"{name}.md", f"{name}: {new.description}", found)
    checksums.update(output)
    size = target.stat().st_size / 1e6
    return f"{target} ({size:.1f} MB) agrees with PyTorch to {worst:.1e}" + (
        "" if path is None else f"; weights in {tensors.name}"
    )


def _opened(source: str, half: bool) -> tuple[Path | None, str, torch.nn.Module]:
    """The file of a model's weights, its key and its network; one that needs no training has no file."""
    models = tasks.models()
    if source in models and not models[source].trainable:
        if not models[source].export:
            raise ModelError(f"{source} needs no training and has no exportable form; `gaze evaluate` scores it.")
        if half:
            raise ModelError(f"{source} has no weights of its own that could be rounded; leave out --half.")
        untrained = models[source].load()()
        untrained.load_pretrained()
        return None, source, untrained
    path = source_path(source)
    network: torch.nn.Module = weights.load(path, models)
    if half:
        weights.round_to_half(network)
    key = str(weights.describe(network)["model"])
    if not models[key].trainable:
        raise ModelError(f"{source}: {type(network).__name__} needs no training and has no exportable form.")
    return path, key, network


def source_path(source: str) -> Path:
    """The weights of a model by its name, in $GAZE_MODELS or among those that ship; or the file that a person gives."""
    if Path(source).suffix in (".ckpt", ".safetensors"):
        return Path(source)
    places = (place / f"{source}.safetensors" for place in (registry.folder(), WEIGHTS))
    return next((path for path in places if path.is_file()), WEIGHTS / f"{source}.safetensors")


def check_name(name: str) -> None:
    """Refuses what is no name of a file in every system, would leave the folder, or could not be found by its name."""
    stem = name.split(".", 1)[0].strip().upper()
    wrong = {
        "is empty": not name.strip(),
        f"holds one of {MEANING}": any(mark in name for mark in MEANING),
        "holds a character that cannot be seen": not name.isprintable(),
        "begins or ends with a dot, a dash or a space": name != name.strip(" .").lstrip("-"),
        f"has more than {LONGEST} bytes": len(name.encode(errors="replace")) > LONGEST,
        "is reserved by an operating system": stem in RESERVED,
        "has an ending of gaze's own": name.casefold().endswith((".onnx", ".safetensors", ".step")),
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise ModelError(f"The name {name[:80]!r} {reasons[0]}; give a plain one with --name, such as 'tempsal-mine'.")


def _earlier(target: Path) -> Contract | None:
    """The contract of the file that is about to be replaced; none where that file is broken, too."""
    try:
        return registry.contract_in(target) if target.is_file() else None
    except ModelError as error:
        log.warning("%s What it said of licence, training data and scores is lost.", error)
        return None


def contract(network: torch.nn.Module, name: str, task: str) -> Contract:
    """What the exported file promises, before licence, training data and scores are added."""
    model: Any = network
    about = sys.modules[type(network).__module__].__doc__ or ""
    return Contract(
        name=name,
        version=version("gaze"),
        task=task,
        description=about.strip().splitlines()[0],
        canvas=getattr(model, "canvas", onnx.CANVAS),
        multiple=model.multiple,
        conditions=tuple(model.conditions),
        slices=tuple((float(s), float(s + 1)) for s in range(getattr(model, "slices", 0))),
        kinds=tuple(getattr(model, "kinds", ())),
        media=tuple(getattr(model, "media", ())),
        features=(model.fine, model.width) if hasattr(model, "outputs") else (),
        weights=weights.fingerprint(network) if task == "saliency" else "",
        outputs={
            **OUTPUTS,
            **({"objects": OBJECTS} if getattr(model, "kinds", ()) else {}),
            **({"medium": MEDIUM} if getattr(model, "media", ()) else {}),
            **(FEATURES if hasattr(model, "outputs") else {}),
        },
        licence="not stated",
        training=(),
        scores={},
        commit=_commit(),
        opset=onnx.OPSET,
        torch=torch.__version__,
    )


def _commit() -> str:
    """The revision that the code stands at, where it is known."""
    command, here = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"], Path(__file__).parent
    try:
        return subprocess.run(command, cwd=here, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
