"""A trained module becomes an ONNX file that has been compared with PyTorch and carries its contract.

The graph takes uint8 pictures as they lie on the letterbox canvas and gives log densities; batch and canvas are dynamic
and only standard operators of opset 20 are used. The file is written under a temporary name, run by ONNX Runtime on
real pictures at two canvases and two batch sizes, and takes its final name only when every log density agrees with
PyTorch.
"""

import contextlib
import logging
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from data.errors import ModelError
from data.picture import FILL, Letterbox, read
from export.runtime.contract import FEATURES, KEY, Contract
from export.runtime.saliency import graph_inputs, outputs_of
from export.runtime.session import session
from saliency.flip_ensemble import FlipEnsemble, outputs

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

logger = logging.getLogger(__name__)

OPSET = 20
STANDARD = ("", "ai.onnx")  # how the standard's operators are called
TOLERANCE = 1e-4  # of a natural-log density inside the picture
SAMPLES = Path(__file__).parents[1] / "data" / "samples"
CANVAS = (192, 256)


class _Graph(nn.Module):
    """The module's outputs of these names, in this order."""

    def __init__(self, network: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.network, self.names = network, names

    def forward(self, picture: Tensor, content: Tensor, condition: Tensor) -> tuple[Tensor, ...]:
        found = outputs(self.network, picture, content, condition)
        return tuple(found[name] for name in self.names)


def inputs(
    pictures: Sequence[UInt8[np.ndarray, "_h _w 3"]],
    canvas: tuple[int, int],
    conditions: int,
    first: int = 0,
    fill: int = FILL,
) -> dict[str, np.ndarray]:
    """What the graph is fed for these pictures, each under another viewing condition, from number `first` on."""
    boxes = [Letterbox.fit(p.shape[:2], canvas) for p in pictures]
    numbers = np.arange(first, first + len(pictures)) % conditions
    return graph_inputs(pictures, boxes, numbers.astype(np.int64), fill)


def export(
    network: nn.Module, path: Path, contract: Contract, pictures: Sequence[UInt8[np.ndarray, "_h _w 3"]] | None = None
) -> float:
    """Writes `path` and returns the largest difference from PyTorch; above 1e-4 nothing is kept and it raises.

    `pictures` are what the file is checked on: the bundled samples unless given.
    """
    network = network.cpu().eval().float()
    graph = _Graph(network, outputs_of(contract)).eval()
    pictures = pictures or [read(p) for p in sorted(SAMPLES.glob("*.jpg"))]
    temporary = path.with_name(f".{path.stem}.part.onnx")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        model = _convert(graph, inputs([*pictures[:2]] * 2, contract.canvas, len(contract.conditions)), contract)
        write(model, temporary, contract)
        worst = agree(difference(graph, temporary, pictures, contract), path)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return worst


def export_network(network: nn.Module, path: Path, contract: Contract, options: Mapping[str, Any]) -> float:
    """Exports a saliency network as `export` does; with the option `mirror` its file looks at the mirror image, too.

    Raises:
        ModelError: The file differs from PyTorch by more than 1e-4.
    """
    mirror = bool(options.get("mirror", False))
    return export(FlipEnsemble(network) if mirror else network, path, contract.model_copy(update={"mirror": mirror}))


def write(model: onnx.ModelProto, path: Path, contract: Contract) -> None:
    """The file, checked, with its contract inside and without where on this machine the network's code lies."""
    forget_origin(model.graph)
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, contract.to_json()
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def forget_origin(graph: onnx.GraphProto) -> None:
    """Take out what torch notes of each operator: stack traces with paths of this machine, and names of modules."""
    parts = (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer)
    for part in parts:
        del part.metadata_props[:]
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node:
                    forget_origin(inner)


def agree(worst: float, path: Path) -> float:
    """The largest difference from PyTorch, if it is allowed."""
    if not worst <= TOLERANCE:
        raise ModelError(f"{path.name} differs from PyTorch by {worst:.1e}, allowed {TOLERANCE:.0e}; nothing was kept.")
    return worst


def converted(
    network: nn.Module, contract: Contract, pictures: Sequence[UInt8[np.ndarray, "_h _w 3"]]
) -> onnx.ModelProto:
    """The graph of a saliency network, of any batch and canvas, with what its contract promises; `pictures` are traced.

    Raises:
        ModelError: The network has no such graph.
    """
    graph = as_graph(network, contract)
    return _convert(graph, inputs([*pictures[:2]] * 2, contract.canvas, len(contract.conditions)), contract)


def as_graph(network: nn.Module, contract: Contract) -> nn.Module:
    """The module that a contract promises: the outputs in their order, with the mirror image where it says so."""
    seen = FlipEnsemble(network) if contract.mirror else network
    return _Graph(seen.cpu().eval().float(), outputs_of(contract)).eval()


def _convert(graph: nn.Module, example: dict[str, np.ndarray], contract: Contract) -> onnx.ModelProto:
    batch, rows, columns = free_sides(contract.multiple)
    picture = {0: batch, 1: contract.multiple * rows, 2: contract.multiple * columns}
    shapes = {"picture": picture, "content": {0: batch}, "condition": {0: batch}}
    return convert(graph, example, shapes, outputs_of(contract), contract.name, contract.opset)


def free_sides(multiple: int) -> tuple[Any, Any, Any]:
    """What may change in a graph: the batch, and the canvas's height and width in multiples of so many pixels."""
    side = torch.export.Dim
    most = 4096 // multiple
    return side("b", min=1, max=1024), side("rows", min=1, max=most), side("columns", min=1, max=most)


def convert(
    graph: nn.Module,
    example: dict[str, np.ndarray],
    shapes: dict[str, dict[int, Any]],
    outputs: Sequence[str],
    name: str,
    opset: int = OPSET,
) -> onnx.ModelProto:
    """The ONNX form of a module: `shapes` names the sides of its inputs that may change; `name` is for errors.

    Raises:
        ModelError: The module has no such form.
    """
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # torchvision is not missed
    with warnings.catch_warnings(), open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        try:
            program = torch.onnx.export(
                graph,
                tuple(torch.from_numpy(v) for v in example.values()),
                dynamo=True,
                opset_version=opset,
                input_names=list(example),
                output_names=list(outputs),
                dynamic_shapes=shapes,
                verbose=False,
            )
        except Exception as error:  # the exporter's errors share no other parent
            logger.debug("%s: cannot be exported", name, exc_info=True)
            kind = type(error).__name__
            raise ModelError(f"{name} cannot be exported ({kind}); it needs a graph of fixed operators.") from error
    if program is None:
        raise ModelError("PyTorch's exporter gave no program; see its report above.")
    model: Any = program.model_proto
    check_operators(model)
    return model  # type: ignore[no-any-return]


def check_operators(model: onnx.ModelProto) -> None:
    """Refuses a graph that has other operators than those of the ONNX standard.

    Raises:
        ModelError: It has.
    """
    domains = {node.domain for node in model.graph.node} - {*STANDARD}
    if domains:
        raise ModelError(f"The graph uses operators outside the ONNX standard ({', '.join(sorted(domains))}).")


def difference(
    graph: nn.Module, path: Path, pictures: Sequence[UInt8[np.ndarray, "_h _w 3"]], contract: Contract
) -> float:
    """The largest difference between PyTorch and the file, on two canvases and two batch sizes.

    Of log densities, of scores of objects, of their boxes as a share of the canvas, of features as a share of the
    largest.
    """
    larger = (contract.canvas[0] + contract.multiple, contract.canvas[1] + 2 * contract.multiple)
    each = len(contract.conditions)
    every = [pictures[i % len(pictures)] for i in range(max(each, len(pictures)))]  # under every condition
    batches = (inputs(some, canvas, each) for canvas, some in ((contract.canvas, every), (larger, pictures[:1])))
    return largest_difference(graph, session(path, "cpu", None), batches, contract)


def largest_difference(
    graph: nn.Module, opened: "InferenceSession", batches: Iterable[dict[str, np.ndarray]], contract: Contract
) -> float:
    """The same over batches of `inputs`."""
    worst: list[np.ndarray] = []  # not `max`, which loses NaN
    for feeds in batches:
        with torch.no_grad():
            wanted = graph(*(torch.from_numpy(v) for v in feeds.values()))
        for name, want, got in zip(outputs_of(contract), wanted, opened.run(None, feeds), strict=True):
            apart = np.abs(want.numpy() - got)
            if name == "objects":
                apart[:, :, 1:] /= max(feeds["picture"].shape[1:3])
            elif name in FEATURES:
                apart /= max(1.0, float(want.abs().max()))
            worst.append(apart.max())
    return float(np.max(worst))
