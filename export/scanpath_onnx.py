"""A trained scanpath model becomes two ONNX files, compared with PyTorch, that carry its contract.

`NAME.onnx` looks at a scene once, `NAME.step.onnx` takes a step; `export.runtime.scanpath` runs both. The number of
objects, of things looked for, of observers and of steps is free. Both are written under temporary names, run by ONNX
Runtime on scenes of several sizes along whole paths, and take their names only when every logit agrees with PyTorch.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from data.gaze import Picture, Scene
from data.objects import grid
from data.picture import Letterbox, read
from export.onnx import SAMPLES, agree, convert, write
from export.runtime.contract import INPUTS, Contract
from export.runtime.registry import STEP
from export.runtime.scanpath import MEMORY, NEXT, input_spec
from export.runtime.session import session
from scanpath.models.oat import OAT, Memory
from scanpath.object_features import COARSE, FINE, Look

Arrays = dict[str, np.ndarray]

GRIDS = ((2, 3), (1, 1), (6, 8), (3, 4), (1, 5), (4, 4))  # objects of a scene: rows, columns
HELD = (2, 1, 3)  # things that are looked for
OBSERVERS = 4
STEPS = 6


class _Scene(nn.Module):
    """The network's look at one scene, without the batch."""

    def __init__(self, network: OAT, names: Sequence[str]) -> None:
        super().__init__()
        self.network, self.names = network, names

    def forward(self, *arrays: Tensor) -> tuple[Tensor, ...]:
        scene = {name: array[None] for name, array in zip(self.names, arrays, strict=True)}
        scene["present"] = torch.ones_like(scene["target"])
        return tuple(values[0] for values in self.network.encode(scene))


class _Step(nn.Module):
    """The network's step."""

    def __init__(self, network: OAT) -> None:
        super().__init__()
        self.network = network

    def forward(self, last: Tensor, trace: Tensor, past: Tensor, *memory: Tensor) -> tuple[Tensor, ...]:
        return self.network.step(Memory(*(values[None] for values in memory)), last, trace, past)


def export_network(network: OAT, path: Path, contract: Contract, options: Mapping[str, Any]) -> float:
    """Exports OAT as `export` does; the option `decoding` says how observers are sampled if nobody says otherwise.

    Raises:
        ModelError: A file differs from PyTorch by more than 1e-4.
    """
    contract = promised(network, contract).model_copy(update={"decoding": dict(options.get("decoding") or {})})
    pictures = [read(path) for path in sorted(SAMPLES.glob("*.jpg"))]
    return export(network, path, contract, example_scenes(contract, pictures))


def promised(network: OAT, contract: Contract) -> Contract:
    """The contract with what a scanpath model adds to it."""
    heads = network.heads
    own = {
        "inputs": {"scene": "what scanpath/inputs.py makes of it", "condition": INPUTS["condition"]},
        "outputs": {"scene": ", ".join(MEMORY), "step": ", ".join(NEXT)},
        "categories": network.categories[1:],
        "appearance": str(network.arguments["appearance"]),
        "crop": network.crop,
        "saliency": network.saliency,
        "features": tuple(vars(network.seen).values()) if network.seen else (),
        "durations": network.durations,
        "past": (len(network.decoder), heads, int(network.arguments["width"]) // heads),
    }
    return contract.model_copy(update=own)


def example_scenes(contract: Contract, pictures: Sequence[UInt8[np.ndarray, "_h _w 3"]]) -> list[Arrays]:
    """Scenes of 1 to 48 objects on pictures, with one to three things that are looked for."""
    form, found = input_spec(contract), list[Arrays]()
    for number, pixels in enumerate(pictures):
        height, width = pixels.shape[:2]
        cells = grid(width, height, *GRIDS[number % len(GRIDS)])
        named = tuple(np.resize(("", *contract.categories), len(cells)).tolist())
        held = named[:1] * HELD[number % len(HELD)]
        scene = Scene(Picture("sample", width, height), replace(cells, categories=named), (0,), held)
        look = random_look(contract.features, number) if contract.features else None
        condition = number % len(contract.conditions)
        found.append(form.inputs(scene, condition, len(cells) > 1, pixels, look=look))
    return found


def random_look(sizes: Sequence[int], seed: int) -> Look:
    """What a saliency model could give for a picture: maps of noise."""
    maps, kinds, fine, coarse = sizes
    random, canvas = np.random.default_rng(seed), (64, 96)
    noise = random.normal(size=(maps, *canvas)).astype(np.float32)
    log_density = noise - np.log(np.exp(noise).sum((1, 2), keepdims=True))
    grids = [
        (count, canvas[0] // side, canvas[1] // side) for count, side in ((fine, FINE), (coarse, COARSE), (kinds, FINE))
    ]
    near, far, scores = (random.normal(size=grid).astype(np.float32) for grid in grids)
    return Look(log_density, near, far, scores, Letterbox.fit(canvas, canvas))


def export(network: OAT, path: Path, contract: Contract, scenes: Sequence[Arrays]) -> float:
    """Writes both files and returns the largest difference from PyTorch; above 1e-4 nothing is kept and it raises.

    `scenes` are what `scanpath.inputs` makes of a few scenes of different sizes, at least two objects and two things
    looked for in the first.
    """
    network = network.cpu().eval().float()
    targets = path, path.with_name(path.stem + STEP)
    parts = [target.with_name(f".{target.stem}.part.onnx") for target in targets]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        for model, part in zip(converted(network, contract, scenes[0]), parts, strict=True):
            write(model, part, contract)
        worst = agree(float(np.max([difference(network, parts, arrays, contract) for arrays in scenes])), path)
        for part, target in zip(parts, targets, strict=True):
            os.replace(part, target)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return worst


def converted(network: OAT, contract: Contract, scene: Arrays) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """The graphs of a scene and of a step; `scene` is what `scanpath.inputs` makes of one with several objects.

    Raises:
        ModelError: The network has no such graphs.
    """
    network = network.cpu().eval().float()
    names = [name for name in scene if name != "present"]
    look, step = _Scene(network, names).eval(), _Step(network).eval()
    first = {name: np.asarray(scene[name]) for name in names}
    with torch.no_grad():
        memory = look(*(torch.from_numpy(value) for value in first.values()))
    layers, heads, width = contract.past
    count = len(first["boxes"])
    state: Arrays = {
        "last": np.arange(3) % count,
        "trace": np.zeros((3, count, 2), np.float32),
        "past": np.zeros((layers, 2, 3, heads, 2, width), np.float32),
        **{name: value.numpy() for name, value in zip(MEMORY, memory, strict=True)},
    }
    name, opset = contract.name, contract.opset
    return (
        convert(look, first, _scene_shapes(first), MEMORY, name, opset),
        convert(step, state, _step_shapes(), NEXT, name, opset),
    )


def _scene_shapes(example: Arrays) -> dict[str, Any]:
    count, held = torch.export.Dim("n", min=1, max=10_000), torch.export.Dim("m", min=1, max=1000)
    sides = dict.fromkeys(("boxes", "target", "category", "crops", "likeness", "features"), count)
    sides |= {"sought": held, "sought_present": held, "sought_crops": held}
    named = {name: {0: sides[name]} if name in sides else {} for name in example}
    return {"arrays": tuple(named.values())}


def _step_shapes() -> dict[str, Any]:
    dim = torch.export.Dim
    count, known = dim("n", min=1, max=10_000), dim("k", min=2, max=12_000)
    observers, steps = dim("s", min=1, max=100_000), dim("t", min=0, max=254)
    each, more, keys = {0: count}, {0: count + 1}, {2: known}
    memory = (more, keys, keys, more, more, each, each, {0: known}, each)
    return {
        "last": {0: observers},
        "trace": {0: observers, 1: count},
        "past": {2: observers, 4: steps},
        "memory": memory,
    }


class Walk:
    """One path of a few observers over a scene, the same for all files of a model: what a step read, and what it gave.

    `arrays` is what `scanpath.inputs` makes of the scene; `threads` as in `session`.
    """

    def __init__(
        self,
        files: Sequence[Path],
        arrays: Arrays,
        contract: Contract,
        steps: int = STEPS,
        threads: int | None = None,
    ) -> None:
        threads = threads or torch.get_num_threads()
        self._opened, self._step = (session(file, "cpu", threads) for file in files)
        self.scene = {node.name: np.asarray(arrays[node.name]) for node in self._opened.get_inputs()}
        self._contract, self._count, self._steps = contract, len(arrays["boxes"]), steps

    def __iter__(self) -> Iterator[tuple[Arrays, tuple[np.ndarray, np.ndarray]]]:
        memory = dict(zip(MEMORY, self._opened.run(list(MEMORY), self.scene), strict=True))
        layers, heads, width = self._contract.past
        state = {
            "last": np.full(OBSERVERS, self._count),
            "trace": np.zeros((OBSERVERS, self._count, 2), np.float32),
            "past": np.zeros((layers, 2, OBSERVERS, heads, 0, width), np.float32),
        }
        for place in range(self._steps):
            fed = {**state, **memory}
            logits, duration, trace, past = self._step.run(list(NEXT), fed)
            yield fed, (logits, duration)
            state = {"last": (np.arange(OBSERVERS) * 7 + place) % self._count, "trace": trace, "past": past}


def difference(network: OAT, files: Sequence[Path], arrays: Arrays, contract: Contract, steps: int = 4) -> float:
    """The largest difference of logits and durations along one path of four observers over one scene."""
    names = [name for name in arrays if name != "present"]
    worst: list[np.ndarray] = []  # not `max`, which loses NaN
    state: tuple[Tensor, ...] = ()
    with torch.no_grad():
        memory = _Scene(network, names)(*(torch.from_numpy(np.asarray(arrays[name])) for name in names))
        for fed, (logits, log_duration) in Walk(files, arrays, contract, steps):
            state = state or tuple(torch.from_numpy(fed[name]) for name in ("trace", "past"))  # then PyTorch's own
            last = torch.from_numpy(fed["last"])
            wanted, rhythm, *state_after = network.step(Memory(*(v[None] for v in memory)), last, *state)
            state = tuple(state_after)
            worst += [np.abs(wanted.numpy() - logits).max(), np.abs(rhythm.numpy() - log_duration).max()]
    return float(np.max(worst))
