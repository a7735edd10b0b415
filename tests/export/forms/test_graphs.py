"""Simplifying changes nothing that is computed; half precision and integers little, and nothing that is exact."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from data.errors import ModelError
from export.forms.half import to_half
from export.forms.int8 import METHODS, Quantizer, quantised
from export.forms.simplify import simplify
from tests.export.forms import toy_network as toy

EXACT = ("flat", "log", "density")


@pytest.fixture(scope="module")
def graph() -> onnx.ModelProto:
    return toy.model(toy.Network())


def operators(model: onnx.ModelProto) -> Counter[str]:
    onnx.checker.check_model(model, full_check=True)
    return Counter(node.op_type for node in model.graph.node)


def correlation(model: onnx.ModelProto, other: onnx.ModelProto, seed: int = 9) -> float:
    given = toy.feeds(seed, 4)
    (one,), (two,) = (toy.run(each, given) for each in (model, other))
    return min(float(np.corrcoef(np.exp(a).ravel(), np.exp(b).ravel())[0, 1]) for a, b in zip(one, two, strict=True))


def quantizer(graph: onnx.ModelProto, folder: Path, method: str = "minmax") -> Quantizer:
    return Quantizer(simplify(graph), [toy.feeds(seed) for seed in range(8)], EXACT, folder, method)


@pytest.mark.parametrize("canvas", [None, (32, 64)])
def test_a_simplified_graph_computes_the_same(graph: onnx.ModelProto, canvas: tuple[int, int] | None) -> None:
    made = simplify(graph, canvas)
    given = toy.feeds(1, 3)
    for want, got in zip(toy.run(graph, given), toy.run(made, given), strict=True):
        np.testing.assert_allclose(want, got, atol=1e-6)
    assert len(made.graph.node) <= len(graph.graph.node)
    operators(made)


def test_equal_means_become_one_number_and_others_stay(graph: onnx.ModelProto) -> None:
    shapes = {one.name: tuple(one.dims) for one in simplify(graph).graph.initializer}
    assert [shape for name, shape in shapes.items() if name.startswith(("mean", "std"))] == [(), ()]
    other = onnx.ModelProto()
    other.CopyFrom(graph)
    for one in other.graph.initializer:
        if one.name == "mean":
            one.CopyFrom(numpy_helper.from_array(np.array([100, 127, 140], np.float32).reshape(3, 1, 1), "mean"))
    made = simplify(other)
    assert next(tuple(one.dims) for one in made.graph.initializer if one.name == "mean") == (3, 1, 1)
    np.testing.assert_allclose(toy.run(other, toy.feeds(1))[0], toy.run(made, toy.feeds(1))[0], atol=1e-6)


def test_a_fixed_canvas_is_said_by_the_graph_and_the_batch_stays_free(graph: onnx.ModelProto) -> None:
    picture = simplify(graph, (32, 64)).graph.input[0].type.tensor_type.shape.dim
    assert [side.dim_value for side in picture[1:]] == [32, 64, 3]
    assert picture[0].dim_param


def test_a_graph_that_cannot_be_read_is_refused_in_a_sentence(graph: onnx.ModelProto) -> None:
    broken = onnx.ModelProto()
    broken.CopyFrom(graph)
    broken.graph.node[0].op_type = "Nonsense"
    with pytest.raises(ModelError, match="ONNX Runtime cannot simplify the graph"):
        simplify(broken)


def test_half_precision_keeps_types_and_what_is_exact(graph: onnx.ModelProto) -> None:
    simple = simplify(graph)
    made = to_half(simple, EXACT)
    kinds = [value.type.tensor_type.elem_type for value in (*made.graph.input, *made.graph.output)]
    assert kinds == [value.type.tensor_type.elem_type for value in (*graph.graph.input, *graph.graph.output)]
    inferred = onnx.shape_inference.infer_shapes(made, strict_mode=True).graph.value_info
    types = {value.name: value.type.tensor_type.elem_type for value in inferred}
    exact = next(node for node in made.graph.node if node.op_type == "LogSoftmax")
    assert {types[exact.input[0]], types[exact.output[0]]} == {TensorProto.FLOAT}
    assert types["logits"] == TensorProto.FLOAT16
    assert len(made.SerializeToString()) < len(simple.SerializeToString())
    assert correlation(simple, made) > 0.9999
    assert abs(float(np.exp(toy.run(made, toy.feeds(2))[0]).sum()) - 1) < 1e-4
    operators(made)


def test_a_value_that_several_exact_operators_read_is_cast_once(graph: onnx.ModelProto) -> None:
    made = to_half(simplify(graph), (*EXACT, "maps", "size"))
    names = [name for node in made.graph.node for name in node.output]
    assert len(names) == len({*names})
    operators(made)


@pytest.mark.parametrize("method", METHODS)
def test_integers_agree_with_float_by_every_calibration(graph: onnx.ModelProto, tmp_path: Path, method: str) -> None:
    made = quantizer(graph, tmp_path, method)()
    found = operators(made)
    assert found["Clip"] == 0  # it is in the range of what comes before
    assert found["QuantizeLinear"] >= 2
    assert correlation(graph, made) > 0.98


def test_layers_can_be_left_in_float_one_by_one_and_all(graph: onnx.ModelProto, tmp_path: Path) -> None:
    quantise = quantizer(graph, tmp_path)
    assert quantise.layers == ["first", "last"]
    all_float = quantise(quantise.layers)
    assert operators(all_float)["QuantizeLinear"] == 0
    assert correlation(graph, all_float) > 1 - 1e-9
    first = operators(quantise(["first"]))["QuantizeLinear"]
    assert 0 < first < operators(quantise())["QuantizeLinear"]


def test_the_layer_that_loses_most_stays_in_float_where_the_target_asks_for_it(
    graph: onnx.ModelProto, tmp_path: Path
) -> None:
    quantise = quantizer(graph, tmp_path)
    loss = {
        name: 1 - correlation(graph, quantise([other for other in quantise.layers if other != name]))
        for name in quantise.layers
    }
    worst = max(loss, key=lambda name: loss[name])
    whole = 1 - correlation(graph, quantise())
    assert quantised(quantise, lambda model: 1 - correlation(graph, model), whole)[1] == []
    made, kept = quantised(quantise, lambda model: 1 - correlation(graph, model), whole * 0.999)
    assert kept[0] == worst
    assert 1 - correlation(graph, made) < whole


def test_where_no_form_meets_the_target_the_best_is_given_with_the_layers_that_are_in_float() -> None:
    class Five:
        layers = ["a", "b", "c", "d", "e"]  # noqa: RUF012

        def __call__(self, kept: tuple[str, ...] = ()) -> tuple[str, ...]:
            return tuple(kept)

    losses = {0: 5.0, 1: 4.0, 2: 3.0, 3: 3.5, 4: 3.2, 5: 0.0}

    def loss(made: tuple[str, ...]) -> float:
        return losses[len(made)]

    for target, count in ((5.0, 0), (4.0, 1), (3.0, 2), (1.0, 2)):
        made, kept = quantised(Five(), loss, target)  # type: ignore[arg-type]
        assert (len(kept), list(made)) == (count, kept)


def test_sums_are_quantised_between_quantised_operators_alone(graph: onnx.ModelProto, tmp_path: Path) -> None:
    made = onnx.ModelProto()
    made.CopyFrom(graph)
    nodes = {node.name: node for node in made.graph.node}
    nodes["last"].output[0], nodes["squeeze"].input[0] = "before", "both"
    weights = {one.name: one for one in made.graph.initializer}
    twin = helper.make_node("Conv", ["clipped", "last.weight", "last.bias"], ["twin"], "twin")
    both = helper.make_node("Add", ["before", "twin"], ["both"], "both")
    alone = helper.make_node("Add", ["scaled", "mean"], ["shifted"], "alone")
    nodes["first"].input[0] = "shifted"
    order = [*made.graph.node]
    order[4:4] = [alone]
    order[-5:-5] = [twin, both]
    del made.graph.node[:]
    made.graph.node.extend(order)
    assert "mean" in weights
    quantise = Quantizer(made, [toy.feeds(0)], EXACT, tmp_path)
    assert (quantise.layers, quantise.sums) == (["first", "last", "twin"], ["both"])
    assert operators(quantise())["Add"] == 2
