"""A tiny model of gaze following in two ONNX files, without training: every head looks at what is bright."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.runtime.contract import KEY, Contract
from export.runtime.registry import STEP
from tests.contracts import bright

CANVAS = (64, 96)
CONTRACT = bright().model_copy(
    update={
        "name": "looker",
        "task": "following",
        "canvas": CANVAS,
        "slices": (),
        "fixed": True,
        "conditions": ("any",),
    }
)


def write(path: Path, contract: Contract = CONTRACT, spoiled: bool = False, maps: tuple[int, int] = (0, 0)) -> Path:
    """Write both files; `spoiled` ones answer with what is no number, those with `maps` for a part of that size alone.

    The logit of being in frame is the middle of the head (x) over the canvas's width, times 4, minus 2.
    """
    number = TensorProto.FLOAT
    height, width = contract.canvas
    rows, columns = maps if maps[0] else contract.canvas
    look = [
        helper.make_node("Cast", ["picture"], ["numbers"], to=number),
        helper.make_node("ReduceMean", ["numbers", "channels"], ["seen"], keepdims=0),
    ]
    step = [
        helper.make_node("Mul", ["seen", "scale"], ["scores"]),
        helper.make_node("ReduceLogSumExp", ["scores", "sides"], ["total"], keepdims=1),
        helper.make_node("Sub", ["scores", "total"], ["whole"]),
        helper.make_node("Slice", ["whole", "start", "end", "sides"], ["one"]),
        helper.make_node("Shape", ["head"], ["count"], start=0, end=1),
        helper.make_node("Concat", ["count", "canvas"], ["shape"], axis=0),
        helper.make_node("Expand", ["one", "shape"], ["density"]),
        helper.make_node("Gather", ["head", "left_right"], ["ends"], axis=1),
        helper.make_node("ReduceMean", ["ends", "last"], ["middle"], keepdims=0),
        helper.make_node("Mul", ["middle", "across"], ["share"]),
        helper.make_node("Sub", ["share", "two"], ["in_frame"]),
    ]
    constants: dict[str, Any] = {
        "scale": np.array(np.nan if spoiled else 1 / 16, np.float32),
        "sides": np.array([1, 2]),
        "canvas": np.array([rows, columns]),
        "start": np.array([0, 0]),
        "end": np.array([rows, columns]),
        "left_right": np.array([0, 2]),
        "last": np.array([1]),
        "across": np.array(4 / width, np.float32),
        "two": np.array(2, np.float32),
    }
    info = helper.make_tensor_value_info
    seen, content = info("seen", number, [1, height, width]), info("content", number, [1, 4])
    picture, head = info("picture", TensorProto.UINT8, [1, height, width, 3]), info("head", number, ["k", 4])
    found = [info("density", number, ["k", rows, columns]), info("in_frame", number, ["k"])]
    path.parent.mkdir(parents=True, exist_ok=True)
    _save(path, look, [picture, content], [seen], {"channels": np.array([3])}, contract)
    _save(path.with_name(path.stem + STEP), step, [head, content, seen], found, constants, contract)
    return path


def _save(path: Path, nodes: Any, inputs: Any, outputs: Any, constants: dict[str, Any], contract: Contract) -> None:
    made = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "looker", inputs, outputs, made)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    helper.set_model_props(model, {KEY: contract.to_json()})
    onnx.checker.check_model(model)
    onnx.save(model, path)
