"""A model of visual search becomes two ONNX files, compared with PyTorch, that carry its contract.

`NAME.onnx` looks at a picture and at what is looked for once, `NAME.step.onnx` gives the attention map from one
fixation; `export.runtime.visual_search` runs both. The sizes of picture and target are free. Both are written under
temporary names, run by ONNX Runtime on pictures of several sizes from several fixations, and take their names only when
every map agrees with PyTorch.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnx
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from data.picture import read
from export.onnx import SAMPLES, agree, convert, write
from export.runtime.contract import Contract
from export.runtime.registry import STEP
from export.runtime.session import session
from export.runtime.visual_search import ATTENTION, GAZE, SCENE, resized

SIZES = (  # height and width of pictures, and of targets in them, on which the files are held against PyTorch
    ((200, 304), (50, 70)),  # the first two differ in all sides, by which is told what is free
    ((333, 500), (110, 150)),
    ((450, 600), (5, 200)),
    ((64, 40), (64, 40)),
    ((8, 8), (2, 2)),
)
PLACES = ((0.5, 0.5), (0.1, 0.8), (1.0, 0.0))  # of fixations, as shares of width and height
INPUTS = {
    "picture": "uint8 (1, h, w, 3), RGB, of `pixels_per_degree`",
    "target": "uint8 (1, y, x, 3), the same of what is looked for, no larger than the picture",
    "gaze": "float32 (1, 2), of a step: the fixation from which is looked, x and y in pixels of that picture",
}
OUTPUTS = {"attention": "float32 (1, g, v), of a step: how much each cell of `stride` pixels is like the target"}


class Searcher(Protocol):
    """What is exported: `scanpath.models.eccnet.EccNet`, or any other network with these."""

    memory: tuple[str, ...]  # names of what `encode` gives and `step` takes
    stride: int
    pixels_per_degree: float

    def encode(self, picture: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        """What is computed once for a picture and a target."""
        ...

    def step(self, gaze: Tensor, *memory: Tensor) -> Tensor:
        """The attention map from one fixation."""
        ...


class _Scene(nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        found: tuple[Tensor, ...] = self.network.encode(picture, target)
        return found


class _Step(nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, gaze: Tensor, *memory: Tensor) -> Tensor:
        found: Tensor = self.network.step(gaze, *memory)
        return found


def export_network(network: Any, path: Path, contract: Contract, options: Mapping[str, Any]) -> float:
    """Writes both files and returns the largest difference from PyTorch; above 1e-4 nothing is kept and it raises.

    A search has no options: it is sampled by nobody, and no mirror image is looked at.

    Raises:
        ModelError: A file differs from PyTorch by more than 1e-4, or the network has no such graphs.
    """
    del options
    network = network.cpu().eval().float()
    contract = promised(network, contract)
    targets = path, path.with_name(path.stem + STEP)
    parts = [target.with_name(f".{target.stem}.part.onnx") for target in targets]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        for model, part in zip(converted(network, contract), parts, strict=True):
            write(model, part, contract)
        worst = agree(difference(network, parts, examples()), path)
        for part, target in zip(parts, targets, strict=True):
            os.replace(part, target)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return worst


def promised(network: Searcher, contract: Contract) -> Contract:
    """The contract with what a model of visual search adds to it."""
    own = {
        "multiple": 0,
        "stride": network.stride,
        "pixels_per_degree": float(network.pixels_per_degree),
        "inputs": INPUTS,
        "outputs": {"scene": ", ".join(network.memory), **OUTPUTS},
        "durations": False,
    }
    return contract.model_copy(update=own)


def examples() -> Iterator[tuple[UInt8[np.ndarray, "1 h w 3"], UInt8[np.ndarray, "1 y x 3"]]]:
    """Pictures of `SIZES` with a target cut from each."""
    samples = [read(path) for path in sorted(SAMPLES.glob("*.jpg"))]
    for number, (size, (tall, wide)) in enumerate(SIZES):
        pixels = resized(samples[number % len(samples)], size)
        top, left = (size[0] - tall) // 3, (size[1] - wide) // 2
        yield pixels[None], pixels[None, top : top + tall, left : left + wide].copy()


def converted(network: Any, contract: Contract) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """The graphs of a picture and of a step.

    Raises:
        ModelError: The network has no such graphs.
    """
    scene, step, free = _Scene(network).eval(), _Step(network).eval(), torch.export.Dim.AUTO
    (first, second), names = [*examples()][:2], tuple(network.memory)
    with torch.no_grad():
        memory, other = (scene(*map(torch.from_numpy, arrays)) for arrays in (first, second))
    sides = [  # that change with the size of picture or target
        {axis: free for axis, (a, b) in enumerate(zip(one.shape, two.shape, strict=True)) if a != b}
        for one, two in zip(memory, other, strict=True)
    ]
    given = dict(zip(SCENE, first, strict=True))
    kept = {GAZE: np.array([[60, 50]], np.float32), **{n: m.numpy() for n, m in zip(names, memory, strict=True)}}
    scene_shapes: dict[str, Any] = {name: {1: free, 2: free} for name in SCENE}
    step_shapes: dict[str, Any] = {GAZE: {}, "memory": tuple(sides)}
    return (
        convert(scene, given, scene_shapes, names, contract.name, contract.opset),
        convert(step, kept, step_shapes, (ATTENTION,), contract.name, contract.opset),
    )


def difference(
    network: Any,
    files: Sequence[Path],
    pairs: Iterator[tuple[UInt8[np.ndarray, "1 h w 3"], UInt8[np.ndarray, "1 y x 3"]]],
) -> float:
    """The largest difference of attention maps, each side with what it remembers itself, and of that as a share."""
    scene, step = (session(file, "cpu", torch.get_num_threads()) for file in files)
    names, worst = list(network.memory), list[float]()
    for picture, target in pairs:
        remembered = scene.run(names, dict(zip(SCENE, (picture, target), strict=True)))
        with torch.no_grad():
            memory = network.encode(torch.from_numpy(picture), torch.from_numpy(target))
        for wanted, got in zip(memory, remembered, strict=True):
            worst.append(float(np.abs(wanted.numpy() - got).max() / max(1.0, float(wanted.abs().max()))))
        height, width = picture.shape[1:3]
        for x, y in PLACES:
            gaze = np.array([[x * width, y * height]], np.float32)
            (got,) = step.run([ATTENTION], {GAZE: gaze, **dict(zip(names, remembered, strict=True))})
            with torch.no_grad():
                attention = network.step(torch.from_numpy(gaze), *memory)
            worst.append(float(np.abs(attention.numpy() - got).max()))
    return float(np.max(worst))
