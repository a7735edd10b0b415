"""A tiny searcher of places with gaze's contract: it looks at what has the target's mean colour."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.runtime.contract import KEY, Contract
from export.runtime.registry import STEP
from tests import contracts

STRIDE = 8
MEMORY = ("features", "kernel")


def contract(**fields: Any) -> Contract:
    """That of the toy: 10 pixels a degree."""
    own: dict[str, Any] = {
        "name": "toy-search",
        "task": "scanpath",
        "description": "Looks at what has the target's colour.",
        "multiple": 0,
        "conditions": ("any",),
        "slices": (),
        "scores": {"interiors": {"tfp_auc": 5.0, "ss": 0.1}},
        "stride": STRIDE,
        "pixels_per_degree": 10.0,
        "durations": False,
    }
    return contracts.build(**(own | fields))


def write(path: Path, promised: Contract | None = None, spoilt: str = "") -> Path:
    """Write both files and return the first; `spoilt` is "nan" or "small" for a step that gives no attention map."""
    promised = promised or contract()
    path.parent.mkdir(parents=True, exist_ok=True)
    for file, graph in ((path, _scene()), (path.with_name(path.stem + STEP), _step(spoilt))):
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        helper.set_model_props(model, {KEY: promised.to_json()})
        onnx.checker.check_model(model)
        onnx.save(model, file)
    return path


def _scene() -> onnx.GraphProto:
    nodes = [
        _node("Cast", ["picture"], "seen", to=TensorProto.FLOAT),
        _node("Transpose", ["seen"], "planes", perm=[0, 3, 1, 2]),
        _node("AveragePool", ["planes"], "features", kernel_shape=[STRIDE] * 2, strides=[STRIDE] * 2, ceil_mode=1),
        _node("Cast", ["target"], "sought", to=TensorProto.FLOAT),
        _node("Transpose", ["sought"], "colours", perm=[0, 3, 1, 2]),
        _node("ReduceMean", ["colours", "sides"], "kernel", keepdims=1),
    ]
    inputs = [
        helper.make_tensor_value_info("picture", TensorProto.UINT8, [1, "h", "w", 3]),
        helper.make_tensor_value_info("target", TensorProto.UINT8, [1, "y", "x", 3]),
    ]
    outputs = [
        helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, 3, "g", "v"]),
        helper.make_tensor_value_info("kernel", TensorProto.FLOAT, [1, 3, 1, 1]),
    ]
    return helper.make_graph(nodes, "scene", inputs, outputs, [numpy_helper.from_array(np.array([2, 3]), "sides")])


def _step(spoilt: str) -> onnx.GraphProto:
    constants = {
        "one": np.array([1]),
        "two": np.array([2]),
        "end": np.array([1 << 30]),
        "scale": np.array(-1 / 255**2, np.float32),
        "none": np.array(np.nan if spoilt == "nan" else 0, np.float32),
    }
    nodes = [
        _node("Sub", ["features", "kernel"], "apart"),
        _node("Mul", ["apart", "apart"], "squares"),
        _node("ReduceSum", ["squares", "one"], "distance", keepdims=0),
        _node("Mul", ["distance", "scale"], "likeness"),
        _node("ReduceSum", ["gaze"], "looked", keepdims=0),
        _node("Mul", ["looked", "none"], "nothing"),
        _node("Add", ["likeness", "nothing"], "whole"),
        _node("Slice", ["whole", "two", "end", "two"], "attention")
        if spoilt == "small"
        else _node("Identity", ["whole"], "attention"),
    ]
    inputs = [
        helper.make_tensor_value_info("gaze", TensorProto.FLOAT, [1, 2]),
        helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, 3, "g", "v"]),
        helper.make_tensor_value_info("kernel", TensorProto.FLOAT, [1, 3, 1, 1]),
    ]
    outputs = [helper.make_tensor_value_info("attention", TensorProto.FLOAT, [1, "rows", "columns"])]
    known = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    return helper.make_graph(nodes, "step", inputs, outputs, known)


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, inputs, [output], **attributes)
