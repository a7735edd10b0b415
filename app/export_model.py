"""What `gaze export` does: finds the weights, writes the contract, exports, and keeps the card true.

Not named after the command: Streamlit puts this folder first on the path, where it would hide the package `export`.
"""

import logging
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

import saliency
import scanpath
from data.errors import ModelError
from data.gaze import Picture, Scene
from data.objects import grid
from data.picture import read
from evaluation import model_card
from export import onnx, scanpath_onnx
from export.runtime import registry
from export.runtime.contract import INPUTS, Contract
from export.runtime.registry import WEIGHTS
from export.runtime.scanpath import MEMORY, NEXT
from saliency.flip_ensemble import FlipEnsemble
from scanpath.inputs import InputSpec
from scanpath.models.oat import OAT
from training import weights

log = logging.getLogger(__name__)
MODELS = {**saliency.MODELS, **scanpath.MODELS}


def export(
    source: str,
    name: str | None = None,
    output: Path | None = None,
    licence: str | None = None,
    training: Sequence[str] = (),
    evaluations: Sequence[Path] = (),
    mirror: bool = True,
    decoding: Mapping[str, float] | None = None,
) -> str:
    """Exports a model by name, a checkpoint or a .safetensors; returns one sentence for people.

    With `mirror` a saliency model's file looks at each picture and its mirror image, at twice the cost. `decoding` is
    how a scanpath model's observers are sampled if nobody says otherwise. Licence, training data, scores and decoding
    are kept from an earlier file of that name unless they are given anew.
    """
    path = Path(source) if Path(source).suffix in (".ckpt", ".safetensors") else WEIGHTS / f"{source}.safetensors"
    name, output = name or path.stem, output or WEIGHTS
    network = weights.load(path, MODELS)
    if not hasattr(network, "multiple") or not any(True for _ in network.parameters()):
        raise ModelError(f"{source}: {type(network).__name__} needs no training and has no exportable form.")
    target = output / f"{name}.onnx"
    found = model_card.read(evaluations)
    old = _earlier(target)
    kept = {
        "licence": licence or (old.licence if old else "not stated"),
        "training": tuple(training) or (old.training if old else ()),
        "scores": model_card.scores(found, name) or (old.scores if old else {}),
    }
    new = contract(network, name).model_copy(update=kept)
    if isinstance(network, OAT):
        new = new.model_copy(update={"decoding": dict(decoding or (old.decoding if old else {}))})
        worst = scanpath_onnx.export(network, target, new, _scenes(new))
    else:
        new = new.model_copy(update={"mirror": mirror})
        worst = onnx.export(FlipEnsemble(network) if mirror else network, target, new)
    tensors = output / f"{name}.safetensors"
    if tensors.resolve() != path.resolve():
        weights.save(network, tensors)
    if found:
        model_card.write(output / f"{name}.md", f"{name}: {new.description}", found)
    size = target.stat().st_size / 1e6
    return f"{target} ({size:.1f} MB) agrees with PyTorch to {worst:.1e}; weights in {tensors.name}"


def _earlier(target: Path) -> Contract | None:
    """The contract of the file that is about to be replaced; none where that file is broken, too."""
    try:
        return registry.read_contract(target) if target.is_file() else None
    except ModelError as error:
        log.warning("%s What it said of licence, training data and scores is lost.", error)
        return None


def contract(network: torch.nn.Module, name: str) -> Contract:
    """What the exported file promises, before licence, training data and scores are added."""
    model: Any = network
    about = sys.modules[type(network).__module__].__doc__ or ""
    found = Contract(
        name=name,
        version=version("gaze"),
        task="saliency",
        description=about.strip().splitlines()[0],
        canvas=onnx.CANVAS,
        multiple=model.multiple,
        conditions=tuple(model.conditions),
        slices=tuple((float(s), float(s + 1)) for s in range(getattr(model, "slices", 0))),
        licence="not stated",
        training=(),
        scores={},
        commit=_commit(),
        opset=onnx.OPSET,
        torch=torch.__version__,
    )
    return _of_paths(network, found) if isinstance(network, OAT) else found


def _of_paths(network: OAT, found: Contract) -> Contract:
    """A scanpath model's promises."""
    heads = network.heads
    own = {
        "task": "scanpath",
        "inputs": {"scene": "what scanpath/inputs.py makes of it", "condition": INPUTS["condition"]},
        "outputs": {"scene": ", ".join(MEMORY), "step": ", ".join(NEXT)},
        "categories": network.categories[1:],
        "appearance": str(network.arguments["appearance"]),
        "crop": network.crop,
        "durations": network.durations,
        "past": (len(network.decoder), heads, int(network.arguments["width"]) // heads),
    }
    return found.model_copy(update=own)


def _scenes(contract: Contract) -> list[scanpath_onnx.Arrays]:
    """Scenes of 6, 1 and 48 objects on the bundled pictures, to compare the files with PyTorch on."""
    form = InputSpec(contract.categories, contract.appearance, contract.crop, contract.canvas)
    found: list[scanpath_onnx.Arrays] = []
    pictures = [read(path) for path in sorted(onnx.SAMPLES.glob("*.jpg"))]
    for pixels, (rows, columns), held in zip(pictures, ((2, 3), (1, 1), (6, 8)), (2, 1, 3), strict=True):
        height, width = pixels.shape[:2]
        cells = grid(width, height, rows, columns)
        named = tuple(np.resize(("", *contract.categories), len(cells)).tolist())
        scene = Scene(Picture("sample", width, height), replace(cells, categories=named), (0,), named[:1] * held)
        found.append(form.inputs(scene, len(found) % len(contract.conditions), rows > 1, pixels))
    return found


def _commit() -> str:
    """The revision that the code stands at, where it is known."""
    command, here = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"], Path(__file__).parent
    try:
        return subprocess.run(command, cwd=here, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
