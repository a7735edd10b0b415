"""What `gaze export` does: finds the weights, writes the contract, exports, and keeps the card true.

Not named after the command: Streamlit puts this folder first on the path, where it would hide the package `export`.
"""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from app import card
from data import ModelError
from export import onnx
from export.runtime import WEIGHTS, Contract, Predictor
from saliency import weights
from saliency.mirror import Mirrored


def export(
    source: str,
    name: str | None = None,
    output: Path | None = None,
    licence: str | None = None,
    training: Sequence[str] = (),
    evaluations: Sequence[Path] = (),
    mirror: bool = True,
) -> str:
    """Exports a model by name, a checkpoint or a .safetensors; returns one sentence for people.

    With `mirror` the file looks at each picture and its mirror image, at twice the cost. Licence, training data and
    scores are kept from an earlier file of that name unless they are given anew.
    """
    path = Path(source) if Path(source).suffix in (".ckpt", ".safetensors") else WEIGHTS / f"{source}.safetensors"
    name, output = name or path.stem, output or WEIGHTS
    network = weights.load(path)
    if not hasattr(network, "multiple") or not any(True for _ in network.parameters()):
        raise ModelError(f"{source}: {type(network).__name__} needs no training and has no exportable form.")
    target = output / f"{name}.onnx"
    found = card.read(evaluations)
    old = Predictor(target, provider="cpu").contract if target.is_file() else None
    new = contract(network, name)
    new = replace(
        new,
        licence=licence or (old.licence if old else "not stated"),
        training=tuple(training) or (old.training if old else ()),
        scores=card.scores(found, name) or (old.scores if old else {}),
        mirror=mirror,
    )
    worst = onnx.export(Mirrored(network) if mirror else network, target, new)
    tensors = output / f"{name}.safetensors"
    if tensors.resolve() != path.resolve():
        weights.save(network, tensors)
    if found:
        card.write(output / f"{name}.md", f"{name}: {new.description}", found)
    size = target.stat().st_size / 1e6
    return f"{target} ({size:.1f} MB) agrees with PyTorch to {worst:.1e}; weights in {tensors.name}"


def contract(network: torch.nn.Module, name: str) -> Contract:
    """What the exported file promises, before licence, training data and scores are added."""
    model: Any = network
    about = sys.modules[type(network).__module__].__doc__ or ""
    return Contract(
        name=name,
        version=version("gaze"),
        task="saliency",
        description=about.strip().splitlines()[0],
        canvas=onnx.CANVAS,
        multiple=model.multiple,
        conditions=tuple(model.conditions),
        slices=tuple((float(s), float(s + 1)) for s in range(model.slices)),
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
