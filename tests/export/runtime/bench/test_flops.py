"""Operations are those of the formulas, whatever the layout of a node and whoever else counts them."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.runtime.bench.flops import count
from export.runtime.registry import WEIGHTS


def graph(path: Path, kind: str, shape: tuple[int, ...], *weights: tuple[int, ...], **attributes: object) -> Path:
    """A model of one node with constant weights; what is given is called x."""
    names = [f"w{number}" for number in range(len(weights))]
    node = helper.make_node(kind, ["x", *names], ["y"], **attributes)
    tensors = [numpy_helper.from_array(np.zeros(s, np.float32), n) for n, s in zip(names, weights, strict=True)]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    made = helper.make_graph([node], "g", [given], [helper.make_empty_tensor_value_info("y")], tensors)
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


CASES = [  # kind, input, weights, attributes, multiplications and additions of dense, and of depth-wise nodes
    ("Conv", (2, 3, 9, 11), [(8, 3, 3, 3), (8,)], {"pads": [1, 1, 1, 1]}, 2 * 2 * 8 * 9 * 11 * 27, 0),
    ("Conv", (1, 6, 9, 9), [(6, 1, 3, 3)], {"group": 6}, 0, 2 * 6 * 7 * 7 * 9),
    ("Conv", (1, 6, 9, 9), [(4, 3, 1, 1)], {"group": 2}, 2 * 4 * 81 * 3, 0),
    ("Conv", (1, 1, 9, 9), [(1, 1, 3, 3)], {}, 2 * 7 * 7 * 9, 0),
    ("ConvTranspose", (1, 5, 4, 4), [(5, 7, 2, 2)], {"strides": [2, 2]}, 2 * 5 * 16 * 7 * 4, 0),
    ("ConvTranspose", (1, 5, 4, 4), [(5, 1, 2, 2)], {"strides": [2, 2], "group": 5}, 0, 2 * 5 * 16 * 4),
    ("MatMul", (3, 2, 5, 4), [(4, 6)], {}, 2 * 3 * 2 * 5 * 4 * 6, 0),
    ("MatMul", (4,), [(4, 6)], {}, 2 * 4 * 6, 0),
    ("Gemm", (4, 5), [(4, 6)], {"transA": 1}, 2 * 5 * 4 * 6, 0),
    ("Gemm", (5, 4), [(6, 4), (6,)], {"transB": 1}, 2 * 5 * 4 * 6, 0),
    ("Add", (5, 4), [(4,)], {}, 0, 0),
]


@pytest.mark.parametrize(("kind", "shape", "weights", "attributes", "dense", "depthwise"), CASES)
def test_operations_are_those_of_the_formula(
    kind: str,
    shape: tuple[int, ...],
    weights: list[tuple[int, ...]],
    attributes: dict[str, object],
    dense: int,
    depthwise: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = graph(tmp_path / "one.onnx", kind, shape, *weights, **attributes)
    found = count(path, {"x": np.zeros(shape, np.float32)})
    assert (found.dense * 1e9, found.depthwise * 1e9) == pytest.approx((dense, depthwise), abs=1e-3)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["one.onnx"]  # the profile is gone


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tempsal", "tempsal-fast"])
def test_torch_counts_as_many_for_what_ships(name: str) -> None:
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    from data.picture import Letterbox
    from export.runtime.saliency import Predictor, graph_inputs
    from saliency import MODELS
    from training import weights

    predictor = Predictor(name, provider="cpu", threads=1)
    canvas = predictor.contract.canvas
    inputs = graph_inputs([np.zeros((*canvas, 3), np.uint8)], [Letterbox.fit(canvas, canvas)], np.zeros(1, np.int64))
    network = weights.load(WEIGHTS / f"{name}.safetensors", MODELS).eval()
    plain = sdpa_kernel(SDPBackend.MATH)  # of a fused attention torch counts nothing
    with FlopCounterMode(display=False) as counter, torch.no_grad(), plain:
        network(*(torch.from_numpy(value) for value in inputs.values()))
    wanted = counter.get_total_flops() * (2 if predictor.contract.mirror else 1)
    assert count(predictor.path, inputs).total * 1e9 == pytest.approx(wanted, rel=1e-4)
