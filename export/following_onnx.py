"""A trained network of gaze following becomes two ONNX files, compared with PyTorch, that carry its contract.

`NAME.onnx` looks at a picture once, `NAME.step.onnx` takes some heads in it and gives for each the log density of what
is looked at, and how likely that lies in the frame; `export.runtime.heads.following` runs both. The number of heads is
free, the canvas is the network's own. Both are written under temporary names, run by ONNX Runtime on pictures with one
head and with several, and take their names only when every density and every logit agrees with PyTorch.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn

from data.errors import ModelError
from data.picture import Letterbox, read
from export.onnx import SAMPLES, agree, convert, write
from export.runtime.contract import INPUTS, OUTPUTS, Contract
from export.runtime.heads.network import INPUTS as HEADS
from export.runtime.heads.network import OUTPUTS as FOUND
from export.runtime.registry import STEP
from export.runtime.session import session

Arrays = dict[str, np.ndarray]

COUNT = 3  # heads in a picture


class _Look(nn.Module):
    """The network's look at one picture."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor, content: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network.encode(picture, content))  # type: ignore[operator]


class _Heads(nn.Module):
    """What the network says of some heads in it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, head: Tensor, content: Tensor, *memory: Tensor) -> tuple[Tensor, Tensor]:
        found: tuple[Tensor, Tensor] = self.network.decode(head, content, *memory)  # type: ignore[operator]
        return found


def export_network(network: nn.Module, path: Path, contract: Contract, options: Mapping[str, Any]) -> float:
    """Exports a network of gaze following as `export` does.

    Raises:
        ModelError: A file differs from PyTorch by more than 1e-4, or the option `mirror` is asked for.
    """
    if options.get("mirror"):
        raise ModelError("A model of gaze following cannot look at the mirror image, too; leave out --mirror.")
    return export(network, path, promised(network, contract))


def promised(network: nn.Module, contract: Contract) -> Contract:
    """The contract with what a model of gaze following adds to it."""
    model: Any = network
    own = {
        "fixed": True,
        "inputs": {
            "picture": INPUTS["picture"].replace("(b, ", "(1, "),
            "content": INPUTS["content"].replace("(b, ", "(1, "),
            "head": "float32 (k, 4), of the second file: heads x0, y0, x1, y1 in canvas pixels",
        },
        "outputs": {
            **dict.fromkeys(model.memory, "float32, of the first file and into the second: what is remembered"),
            "density": OUTPUTS["density"].replace("(b, ", "(k, ").replace("whole viewing", "what each head looks at"),
            "in_frame": "float32 (k), logit that what is looked at lies in the picture",
        },
    }
    return contract.model_copy(update=own)


def export(
    network: nn.Module, path: Path, contract: Contract, pictures: Sequence[UInt8[np.ndarray, "_h _w 3"]] | None = None
) -> float:
    """Writes both files and returns the largest difference from PyTorch; above 1e-4 nothing is kept and it raises.

    `pictures` are what the files are checked on: the bundled samples unless given.
    """
    network = network.cpu().eval().float()
    pictures = pictures or [read(p) for p in sorted(SAMPLES.glob("*.jpg"))]
    targets = path, path.with_name(path.stem + STEP)
    parts = [target.with_name(f".{target.stem}.part.onnx") for target in targets]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        for model, part in zip(converted(network, contract, pictures[0]), parts, strict=True):
            write(model, part, contract)
        worst = agree(difference(network, parts, contract, pictures), path)
        for part, target in zip(parts, targets, strict=True):
            os.replace(part, target)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return worst


def converted(
    network: nn.Module, contract: Contract, picture: UInt8[np.ndarray, "_h _w 3"]
) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """The graphs of a picture and of the heads in it, on the contract's canvas.

    Raises:
        ModelError: The network has no such graphs.
    """
    look, step = _Look(network).eval(), _Heads(network).eval()
    first = looked_at(picture, contract.canvas)
    with torch.no_grad():
        memory = look(*(torch.from_numpy(value) for value in first.values()))
    names = tuple(network.memory)  # type: ignore[arg-type]
    count = torch.export.Dim("k", min=1, max=1024)
    state: Arrays = {
        "head": heads(first["content"], COUNT, contract.canvas),
        "content": first["content"],
        **{name: value.numpy() for name, value in zip(names, memory, strict=True)},
    }
    shapes: dict[str, Any] = {"head": {0: count}, "content": {}, "memory": tuple({} for _ in names)}
    name, opset = contract.name, contract.opset
    return (
        convert(look, first, {name: {} for name in first}, names, name, opset),
        convert(step, state, shapes, FOUND, name, opset),
    )


def looked_at(picture: UInt8[np.ndarray, "_h _w 3"], canvas: tuple[int, int]) -> Arrays:
    """What the first graph is given for a picture."""
    box = Letterbox.fit(picture.shape[:2], canvas)
    return {"picture": box.apply(picture)[None], "content": box.box[None]}


def heads(content: Float32[np.ndarray, "1 4"], count: int, canvas: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Some heads in a picture that lies on its canvas like this: small and large, one over the picture's edge."""
    random = np.random.default_rng(seed)
    left, top, right, bottom = content[0]
    middle = random.uniform((left, top), (right, bottom), (count, 2))
    side = random.uniform(0.03, 0.25, (count, 1)) * min(canvas)
    return np.hstack([middle - side / 2, middle + side / 2]).astype(np.float32)


def difference(
    network: nn.Module, files: Sequence[Path], contract: Contract, pictures: Sequence[UInt8[np.ndarray, "_h _w 3"]]
) -> float:
    """The largest difference of log densities inside the picture, and of logits, with one head and with several.

    Each side remembers what it saw itself.
    """
    opened, stepped = (session(file, "cpu", None) for file in files)
    look, step = _Look(network).eval(), _Heads(network).eval()
    worst: list[np.ndarray] = []  # not `max`, which loses NaN
    for seed, picture in enumerate([*pictures, *pictures[: COUNT - len(pictures)]]):
        feeds = looked_at(picture, contract.canvas)
        asked = heads(feeds["content"], 1 + seed % COUNT, contract.canvas, seed)
        with torch.no_grad():
            memory = look(*(torch.from_numpy(value) for value in feeds.values()))
            wanted = step(torch.from_numpy(asked), torch.from_numpy(feeds["content"]), *memory)
        kept = dict(zip(network.memory, opened.run(None, feeds), strict=True))  # type: ignore[arg-type]
        found = stepped.run(list(FOUND), dict(zip(HEADS, (asked, feeds["content"]), strict=True)) | kept)
        left, top, right, bottom = feeds["content"][0].astype(int)
        apart = np.abs(wanted[0].numpy() - found[0])[:, top:bottom, left:right]
        worst += [apart.max(), np.abs(wanted[1].numpy() - found[1]).max()]
    return float(np.max(worst))
