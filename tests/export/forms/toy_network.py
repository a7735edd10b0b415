"""A tiny saliency network and the same as an ONNX graph written by hand, which takes no time to convert."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from export.forms.form import Graph
from export.forms.saliency import SaliencyExporter
from export.runtime.contract import Contract
from tests.contracts import build

CANVAS = (32, 64)
CHANNELS = 8


class Network(nn.Module):
    """Two convolutions with ReLU6 between them, and a log softmax over the canvas."""

    multiple = 32
    conditions = ("any", "uniform")

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.first, self.last = nn.Conv2d(3, CHANNELS, 3, padding=1), nn.Conv2d(CHANNELS, 1, 1)
        with torch.no_grad():
            self.first.weight *= 4
            self.last.weight *= 2

    def forward(self, picture: Tensor, content: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Log densities (b, h, w), and no slices."""
        del content, condition
        scaled = (picture.permute(0, 3, 1, 2).float() - 127) / 128
        logits = self.last(self.first(scaled).clamp(0, 6))[:, 0]
        density = logits.flatten(1).log_softmax(1).reshape(logits.shape)
        return density, density[:, None][:, :0]


class ToyExporter(SaliencyExporter):
    """The exporter of such a network."""

    def graphs(self) -> list[Graph]:
        """The graph written by hand; the log softmax has to stay exact."""
        return [Graph(model(self.network, self.contract.opset), frozenset(("flat", "log", "density")))]


def contract(**others: Any) -> Contract:
    """What the network's file promises."""
    fields: dict[str, Any] = {
        "name": "toy",
        "task": "saliency",
        "canvas": CANVAS,
        "multiple": 32,
        "conditions": Network.conditions,
        "slices": (),
        "scores": {},
        "weights": "0" * 64,
    }
    return build(**(fields | others))


def exporter(seed: int = 0, **others: Any) -> ToyExporter:
    """A network's exporter."""
    return ToyExporter(Network(seed), contract(**others), {})


def model(network: Network, opset: int = 20) -> onnx.ModelProto:
    """The graph of the network."""
    constants = {
        "mean": np.full((3, 1, 1), 127, np.float32),
        "std": np.full((3, 1, 1), 128, np.float32),
        "low": np.array(0, np.float32),
        "high": np.array(6, np.float32),
        "row": np.array([0, -1]),
        "one": np.array([1]),
    }
    for name, value in network.state_dict().items():
        constants[name] = value.numpy()
    nodes = [
        helper.make_node("Cast", ["picture"], ["numbers"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["numbers"], ["channels"], "turn", perm=[0, 3, 1, 2]),
        helper.make_node("Sub", ["channels", "mean"], ["centred"], "sub"),
        helper.make_node("Div", ["centred", "std"], ["scaled"], "div"),
        helper.make_node("Conv", ["scaled", "first.weight", "first.bias"], ["raw"], "first", pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["raw", "low", "high"], ["clipped"], "clip"),
        helper.make_node("Conv", ["clipped", "last.weight", "last.bias"], ["logits"], "last"),
        helper.make_node("Squeeze", ["logits", "one"], ["maps"], "squeeze"),
        helper.make_node("Shape", ["maps"], ["size"], "shape"),
        helper.make_node("Reshape", ["maps", "row"], ["flat"], "flatten"),
        helper.make_node("LogSoftmax", ["flat"], ["log"], "log", axis=1),
        helper.make_node("Reshape", ["log", "size"], ["density"], "back"),
    ]
    inputs = [
        helper.make_tensor_value_info("picture", TensorProto.UINT8, ["b", "h", "w", 3]),
        helper.make_tensor_value_info("content", TensorProto.FLOAT, ["b", 4]),
        helper.make_tensor_value_info("condition", TensorProto.INT64, ["b"]),
    ]
    outputs = [helper.make_tensor_value_info("density", TensorProto.FLOAT, ["b", "h", "w"])]
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "toy", inputs, outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def feeds(seed: int, count: int = 1, canvas: tuple[int, int] = CANVAS) -> dict[str, np.ndarray]:
    """Smooth noise as the graph is fed it."""
    random = np.random.default_rng(seed)
    coarse = random.integers(64, 192, (count, canvas[0] // 8, canvas[1] // 8, 3), np.uint8)
    picture = coarse.repeat(8, 1).repeat(8, 2)
    box = np.array([[0, 0, canvas[1], canvas[0]]] * count, np.float32)
    return {"picture": picture, "content": box, "condition": np.zeros(count, np.int64)}


def run(made: onnx.ModelProto | Path, given: dict[str, np.ndarray]) -> Sequence[np.ndarray]:
    """What ONNX Runtime gives for a graph, or a file."""
    import onnxruntime

    source = str(made) if isinstance(made, Path) else made.SerializeToString()
    outputs: Sequence[np.ndarray] = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"]).run(
        None, given
    )
    return outputs
