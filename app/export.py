"""What `gaze export` does: finds the weights, writes the contract, exports, and reads the result back."""

import json
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from data import ModelError
from export.onnx import CANVAS, OPSET, export as to_onnx
from export.runtime import WEIGHTS, Contract, Predictor
from saliency import weights


def export(source: str, name: str | None = None, output: Path | None = None, card: Path | None = None) -> str:
    """Exports a model by name, a checkpoint or a .safetensors; returns one sentence for people."""
    path = Path(source) if Path(source).suffix in (".ckpt", ".safetensors") else WEIGHTS / f"{source}.safetensors"
    name, output = name or path.stem, output or WEIGHTS
    network = weights.load(path)
    if not hasattr(network, "multiple"):
        raise ModelError(f"{source}: {type(network).__name__} needs no training and has no exportable form.")
    target = output / f"{name}.onnx"
    worst = to_onnx(network, target, contract(network, name, _facts(card, path)))
    tensors = output / f"{name}.safetensors"
    if tensors.resolve() != path.resolve():
        weights.save(network, tensors)
    size = target.stat().st_size / 1e6
    provider = Predictor(target, provider="cpu").provider
    return f"{target} ({size:.1f} MB) agrees with PyTorch to {worst:.1e} on {provider}; weights in {tensors.name}"


def contract(network: torch.nn.Module, name: str, facts: dict[str, Any]) -> Contract:
    """What the exported file promises."""
    model: Any = network
    first = (type(network).__module__ and __import__(type(network).__module__, fromlist=["_"]).__doc__) or ""
    return Contract(
        name=name,
        version=version("gaze"),
        task="saliency",
        description=first.strip().splitlines()[0],
        canvas=CANVAS,
        multiple=model.multiple,
        conditions=tuple(model.conditions),
        slices=tuple((float(s), float(s + 1)) for s in range(model.slices)),
        licence=facts.get("licence", "not stated"),
        training=tuple(facts.get("training", ())),
        scores=facts.get("scores", {}),
        commit=facts.get("commit") or _commit(),
        opset=OPSET,
        torch=torch.__version__,
    )


def _facts(card: Path | None, path: Path) -> dict[str, Any]:
    """Licence, training data and scores: from a JSON file, else from the model of the same name that is there."""
    if card is not None:
        facts: dict[str, Any] = json.loads(card.read_text())
        return facts
    there = path.with_suffix(".onnx")
    if there.is_file():
        old = Predictor(there, provider="cpu").contract
        return {"licence": old.licence, "training": old.training, "scores": old.scores, "commit": old.commit}
    return {}


def _commit() -> str:
    """The revision that the code stands at, where it is known."""
    try:
        command = ["git", "rev-parse", "HEAD"]
        return subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
