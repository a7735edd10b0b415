"""A tiny ONNX model with gaze's contract: it looks at what is bright, and needs no training."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.runtime.contract import KEY, Contract
from tests.contracts import bright

CONTRACT = bright()


def write(path: Path, contract: Contract = CONTRACT, metadata: dict[str, str] | None = None) -> Path:
    """Write the model to `path`: log-softmax of brightness / 16 over the content, each slice the same map."""
    constants = {
        "axes_3": np.array([3]),
        "axes_12": np.array([1, 2]),
        "axes_1": np.array([1]),
        "scale": np.array(1 / 16, np.float32),
        "half": np.array(0.5, np.float32),
        "zero": np.array(0),
        "one": np.array(1),
        "two": np.array(2),
        "bars": np.array(-1e4, np.float32),
        "column": np.array([1, -1, 1]),
        "row": np.array([1, 1, -1]),
        "each": np.array([-1, 1, 1]),
        "rank_3": np.array([0, -1]),
        "times": np.array([1, max(1, len(contract.slices)), 1, 1]),
    }
    nodes = [
        _node("Cast", ["picture"], "numbers", to=TensorProto.FLOAT),
        _node("ReduceMean", ["numbers", "axes_3"], "brightness", keepdims=0),
        *(_remembered() if contract.memory else [_node("Mul", ["brightness", "scale"], "scores")]),
        _node("Shape", ["brightness"], "shape"),
        *_inside(),
        _node("Where", ["inside", "scores", "bars"], "masked"),
        _node("ReduceLogSumExp", ["masked", "axes_12"], "total", keepdims=1),
        _node("Sub", ["masked", "total"], "density"),
    ]
    outputs = [helper.make_tensor_value_info("density", TensorProto.FLOAT, ["b", "h", "w"])]
    if contract.slices:
        nodes += [
            _node("Unsqueeze", ["density", "axes_1"], "single"),
            _node("Tile", ["single", "times"], "slices"),
        ]
        outputs.append(helper.make_tensor_value_info("slices", TensorProto.FLOAT, ["b", "t", "h", "w"]))
    inputs = [
        helper.make_tensor_value_info("picture", TensorProto.UINT8, ["b", "h", "w", 3]),
        helper.make_tensor_value_info("content", TensorProto.FLOAT, ["b", 4]),
        helper.make_tensor_value_info("condition", TensorProto.INT64, ["b"]),
    ]
    for name, (channels, _) in contract.memory.items():
        inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", channels, "h", "w"]))
        outputs.append(helper.make_tensor_value_info(f"next_{name}", TensorProto.FLOAT, ["b", channels, "h", "w"]))
    if contract.memory:
        inputs.append(helper.make_tensor_value_info("step_s", TensorProto.FLOAT, ["b"]))
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "toy", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    helper.set_model_props(model, {KEY: contract.to_json()} if metadata is None else metadata)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


def spoil(folder: Path) -> dict[str, str]:
    """Puts broken models into a folder, each broken in its own way; what is said of each, by name."""
    sound = write(folder / "cut.onnx").read_bytes()
    (folder / "cut.onnx").write_bytes(sound[: len(sound) // 2])
    (folder / "text.onnx").write_bytes(b"not a model")
    record = json.loads(CONTRACT.to_json())
    write(folder / "curly.onnx", metadata={KEY: CONTRACT.to_json()[:-1]})
    write(folder / "lacking.onnx", metadata={KEY: json.dumps({k: v for k, v in record.items() if k != "canvas"})})
    write(folder / "typed.onnx", metadata={KEY: json.dumps({**record, "slices": "all"})})
    write(folder / "foreign.onnx", metadata={})
    (folder / "folder.onnx").mkdir()
    (folder / "gone.onnx").symlink_to(folder / "nowhere.onnx")
    return {
        "cut": "cut.onnx is not a model that ONNX Runtime can open; export or download it again.",
        "text": "text.onnx is not a model that ONNX Runtime can open; export or download it again.",
        "curly": "curly.onnx: the contract is wrong, invalid JSON",
        "lacking": "lacking.onnx: the contract lacks canvas; export the model again.",
        "typed": "typed.onnx: the contract is wrong, slices should be a valid array, but it is 'all'",
        "foreign": "foreign.onnx is ONNX, but not of gaze: it carries no contract",
        "folder": "There is no model",
        "gone": "There is no model",
    }


def sessions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that ONNX Runtime opens from now on."""
    opened: list[str] = []
    real = onnxruntime.InferenceSession

    def counted(path: Path, *options: Any, **more: Any) -> Any:
        opened.append(path.name)
        return real(path, *options, **more)

    monkeypatch.setattr(onnxruntime, "InferenceSession", counted)
    return opened


def _remembered() -> list[onnx.NodeProto]:
    """Nodes of a video model: what was bright glows on, less by a factor of e each second."""
    return [
        _node("Mul", ["brightness", "scale"], "bright"),
        _node("Neg", ["step_s"], "minus_s"),
        _node("Exp", ["minus_s"], "kept"),
        _node("Reshape", ["kept", "each"], "kept_everywhere"),
        _node("Squeeze", ["glow", "axes_1"], "before"),
        _node("Mul", ["before", "kept_everywhere"], "glowing"),
        _node("Add", ["bright", "glowing"], "scores"),
        _node("Unsqueeze", ["scores", "axes_1"], "next_glow"),
    ]


def _inside() -> list[onnx.NodeProto]:
    """Nodes that tell, for each canvas pixel, whether its centre lies in the content box: `inside` (b, h, w)."""
    nodes = []
    for axis, dimension, shape, low, high in (("y", "one", "column", 1, 3), ("x", "two", "row", 0, 2)):
        nodes += [
            _node("Gather", ["shape", dimension], f"{axis}_size", axis=0),
            _node("Range", ["zero", f"{axis}_size", "one"], f"{axis}_index"),
            _node("Cast", [f"{axis}_index"], f"{axis}_float", to=TensorProto.FLOAT),
            _node("Add", [f"{axis}_float", "half"], f"{axis}_centre"),
            _node("Reshape", [f"{axis}_centre", shape], f"{axis}_grid"),
        ]
        for side, column, compare in (("low", low, "Greater"), ("high", high, "Less")):
            nodes += [
                _node("Constant", [], f"{axis}_{side}_column", value_int=column),
                _node("Gather", ["content", f"{axis}_{side}_column"], f"{axis}_{side}_values", axis=1),
                _node("Reshape", [f"{axis}_{side}_values", "each"], f"{axis}_{side}"),
                _node(compare, [f"{axis}_grid", f"{axis}_{side}"], f"{axis}_{side}_holds"),
            ]
        nodes.append(_node("And", [f"{axis}_low_holds", f"{axis}_high_holds"], f"{axis}_holds"))
    return [*nodes, _node("And", ["y_holds", "x_holds"], "inside")]


def _node(kind: str, inputs: list[str], output: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(kind, inputs, [output], **attributes)
