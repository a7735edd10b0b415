"""A trained video model becomes one ONNX file that takes a step of a stream, compared with PyTorch step by step.

The graph takes a frame, the seconds since the frame before and the maps of what is remembered; it gives the log density
of the frame and the maps for the next one (`next_` and their names). Maps of zeros are a stream's beginning. Batch and
canvas are free. The file is written under a temporary name, streams a made clip at two canvases and two batch sizes,
each side fed with its own memory, and takes its name only when every log density and every map agrees with PyTorch.
`export.runtime.video_step` runs it.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from jaxtyping import Bool, Float32, UInt8
from torch import Tensor, nn

from data.errors import ModelError
from data.picture import read
from export.onnx import SAMPLES, agree, convert, free_sides, inputs, write
from export.runtime.contract import INPUTS, OUTPUTS, STEP_S, Contract
from export.runtime.session import session
from export.runtime.video_step import NEXT, beginning, outputs_of

Arrays = dict[str, np.ndarray]

FRAMES, CUT = 6, 4  # of the made clip, and the first frame after its cut
SHOWN = 0.8  # of a picture's sides: what the camera sees of it
APART_S = (0.04, 0.08, 0.5, 2.0)  # seconds from frame to frame


class _Step(nn.Module):
    """The network's step, its memory as a row of maps."""

    def __init__(self, network: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.network, self.names = network, tuple(names)

    def forward(
        self, picture: Tensor, content: Tensor, condition: Tensor, step_s: Tensor, *maps: Tensor
    ) -> tuple[Tensor, ...]:
        step: Any = self.network.step
        density, state = step(picture, content, condition, step_s, dict(zip(self.names, maps, strict=True)))
        return density, *(state[name] for name in self.names)


def export_network(network: nn.Module, path: Path, contract: Contract, options: Mapping[str, Any]) -> float:
    """Exports a video network as `export` does.

    Raises:
        ModelError: The file differs from PyTorch by more than 1e-4, or the option `mirror` is asked for.
    """
    if options.get("mirror"):
        raise ModelError("A model of videos cannot look at the mirror image, too; leave out --mirror.")
    return export(network, path, promised(network, contract))


def promised(network: nn.Module, contract: Contract) -> Contract:
    """The contract with what a video model adds to it."""
    model: Any = network
    memory = {str(name): (int(channels), int(stride)) for name, (channels, stride) in model.memory.items()}
    maps = {name: f"float32 (b, {c}, h / {s}, w / {s}), what is remembered" for name, (c, s) in memory.items()}
    own = {
        "memory": memory,
        "inputs": {**INPUTS, STEP_S: "float32 (b), seconds since the frame before; of a first frame any", **maps},
        "outputs": {
            "density": OUTPUTS["density"].replace("whole viewing", "of this frame"),
            **{NEXT + name: f"{words} for the next frame" for name, words in maps.items()},
        },
    }
    return contract.model_copy(update=own)


def export(
    network: nn.Module, path: Path, contract: Contract, pictures: Sequence[UInt8[np.ndarray, "_h _w 3"]] | None = None
) -> float:
    """Writes `path` and returns the largest difference from PyTorch; above 1e-4 nothing is kept and it raises.

    `pictures`, at least two, are what clips are made of that the file is checked on: the bundled samples unless given.
    """
    graph = _Step(network.cpu().eval().float(), tuple(contract.memory)).eval()
    pictures = pictures or [read(p) for p in sorted(SAMPLES.glob("*.jpg"))]
    temporary = path.with_name(f".{path.stem}.part.onnx")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        write(converted(graph, contract, pictures), temporary, contract)
        worst = agree(difference(graph, temporary, pictures, contract), path)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return worst


def converted(
    graph: nn.Module, contract: Contract, pictures: Sequence[UInt8[np.ndarray, "_h _w 3"]]
) -> onnx.ModelProto:
    """The graph of a step, of any batch and canvas; `pictures` are traced.

    Raises:
        ModelError: The network has no such graph.
    """
    first = next(clip(pictures, contract, contract.canvas, 2))
    example = first | beginning(contract, contract.canvas, 2)
    batch, rows, columns = free_sides(contract.multiple)
    height, width = contract.multiple * rows, contract.multiple * columns
    maps = tuple(
        {0: batch, 2: contract.multiple // stride * rows, 3: contract.multiple // stride * columns}
        for _, stride in contract.memory.values()
    )
    shapes: dict[str, Any] = {name: {0: batch} for name in first}
    shapes |= {"picture": {0: batch, 1: height, 2: width}} | ({"maps": maps} if maps else {})
    return convert(graph, example, shapes, outputs_of(contract), contract.name, contract.opset)


def clip(
    pictures: Sequence[UInt8[np.ndarray, "_h _w 3"]], contract: Contract, canvas: tuple[int, int], batch: int
) -> Iterator[Arrays]:
    """What the graph is fed frame by frame, but for the memory: a camera moves over pictures, with a cut between two.

    Every stream of the batch begins on another picture, under another viewing condition and at another rate.
    """
    for number in range(FRAMES):
        chosen = [pictures[(row + (number >= CUT)) % len(pictures)] for row in range(batch)]
        frames = [_seen(picture, number / FRAMES) for picture in chosen]
        moved = np.roll(np.resize(APART_S, max(batch, len(APART_S))), number)[:batch]
        yield inputs(frames, canvas, len(contract.conditions)) | {STEP_S: moved.astype(np.float32)}


def _seen(picture: UInt8[np.ndarray, "_h _w 3"], share: float) -> UInt8[np.ndarray, "_g _v 3"]:
    """What a camera sees of a picture that has gone a share of its way to the right and down."""
    height, width = picture.shape[:2]
    rows, columns = max(1, round(SHOWN * height)), max(1, round(SHOWN * width))
    top, left = round(share * (height - rows) / 2), round(share * (width - columns) / 2)
    return picture[top : top + rows, left : left + columns]


def _inside(content: Float32[np.ndarray, "b 4"], canvas: tuple[int, int]) -> Bool[np.ndarray, "b h w"]:
    """Which pixels of the canvas show the picture; in the bars floats are too coarse to be compared."""
    left, top, right, bottom = (side[:, None] for side in content.T)
    y, x = (np.arange(side) + 0.5 for side in canvas)
    return np.asarray(((y > top) & (y < bottom))[:, :, None] & ((x > left) & (x < right))[:, None])


def difference(
    graph: nn.Module, path: Path, pictures: Sequence[UInt8[np.ndarray, "_h _w 3"]], contract: Contract
) -> float:
    """The largest difference between PyTorch and the file over whole clips, on two canvases and two batch sizes.

    Of log densities inside the picture, and of what is remembered as a share of its largest.
    """
    larger = (contract.canvas[0] + contract.multiple, contract.canvas[1] + 2 * contract.multiple)
    opened = session(path, "cpu", None)
    worst: list[np.ndarray] = []  # not `max`, which loses NaN
    for canvas, batch in ((contract.canvas, max(2, len(contract.conditions))), (larger, 1)):
        here = beginning(contract, canvas, batch)
        there = [torch.from_numpy(values.copy()) for values in here.values()]
        for feeds in clip(pictures, contract, canvas, batch):
            with torch.no_grad():
                wanted, *there = graph(*(torch.from_numpy(values) for values in feeds.values()), *there)
            density, *maps = opened.run(None, feeds | here)
            here = dict(zip(here, maps, strict=True))
            worst.append(np.abs(wanted.numpy() - density)[_inside(feeds["content"], canvas)].max())
            for want, got in zip(there, maps, strict=True):
                worst.append(np.abs(want.numpy() - got).max() / max(1.0, float(want.abs().max())))
    return float(np.max(worst))
