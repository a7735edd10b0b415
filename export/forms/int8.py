"""A graph in 8-bit integers (int8): convolutions and matrix products on integers, ranges calibrated on pictures.

Static quantisation after training with ONNX Runtime's own tools, written as QDQ: every quantised tensor is a
QuantizeLinear and a DequantizeLinear, which a runtime merges into integer operators. Activations are unsigned with one
range a tensor, weights signed with one range a channel. What it rests on:

    ReLU and ReLU6   go into the range of the convolution before them, 0 to 6 at most. Left as operators of their own
                     they double the quantisation: 1.19 times as quick, correlation .983 with float (LOG.md)
    sums             are quantised only where both sides come from quantised operators, as in residual blocks
    exact values     blur, centre bias and log-sum-exp stay in float32
    lossy layers     where the loss is still above a target, layers are tried one by one, and those whose
                     quantisation costs most stay in float, as few as are needed

Jacob et al. 2018, https://arxiv.org/abs/1712.05877; Nagel et al. 2021, https://arxiv.org/abs/2106.08295.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

from export.forms.form import Feeds

WEIGHTED = ("Conv", "Gemm", "MatMul")
MERGED = ("Clip", "Relu")
METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "percentile": CalibrationMethod.Percentile,
    "entropy": CalibrationMethod.Entropy,
}
PERCENTILE = 99.99


class Quantizer:
    """One graph, its ranges calibrated once, and its int8 forms.

    Args:
        model: The graph in float32, simplified.
        feeds: Inputs to calibrate on.
        exact: Names of values whose nodes stay in float32.
        folder: An empty folder for what is written on the way.
        method: How ranges are found, of `METHODS`.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        feeds: Sequence[Feeds],
        exact: Collection[str],
        folder: Path,
        method: str = "minmax",
    ) -> None:
        self.model, self.feeds, self.folder, self.method = model, feeds, folder, method
        self.layers, self.sums = _quantisable(model.graph, exact)

    def __call__(self, float_layers: Collection[str] = ()) -> onnx.ModelProto:
        """The graph in int8, but for the layers of these names."""
        source, target, ranges = (self.folder / name for name in ("float.onnx", "int8.onnx", "ranges.json"))
        if not source.is_file():
            onnx.save(self.model, source)
        taken = {*self.layers, *self.sums} - {*float_layers}
        merged = [node.name for node in self.model.graph.node if node.op_type in MERGED]
        root = logging.getLogger()
        level = root.level
        root.setLevel(logging.ERROR)  # the tools advise to prepare the graph, which is done
        try:
            quantize_static(
                source,
                target,
                _Reader(self.feeds),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=[*WEIGHTED, *MERGED, "Add"],
                nodes_to_quantize=[*taken, *merged],
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=METHODS[self.method],
                extra_options={"CalibPercentile": PERCENTILE} if self.method == "percentile" else {},
                calibration_cache_path=ranges,
            )
        finally:
            root.setLevel(level)
        return onnx.load(target)


def quantised(
    quantizer: Quantizer, loss: Callable[[onnx.ModelProto], float], target: float
) -> tuple[onnx.ModelProto, list[str]]:
    """The int8 form whose loss is at most `target` with few layers in float, and the names of these layers.

    `loss` says what a form loses against float. Layers are tried alone only where all together lose too much; those
    that lose most stay in float, so many that the target is met, found by doubling and halving. Where it cannot be met,
    the form that lost least is returned.
    """
    whole = quantizer()
    least = loss(whole)
    if least <= target:
        return whole, []
    layers = quantizer.layers
    alone = {layer: loss(quantizer([other for other in layers if other != layer])) for layer in layers}
    ranked = sorted(layers, key=lambda layer: alone[layer], reverse=True)
    best, few, count = (whole, 0), 0, 1
    many = len(ranked)  # so many are enough, as far as is known
    while few + 1 < many:
        made = quantizer(ranked[:count])
        lost = loss(made)
        if lost <= target:
            best, many = (made, count), count
        else:
            few = count
            if lost < least and many == len(ranked):
                best, least = (made, count), lost
        count = min(2 * count, many - 1) if many == len(ranked) else (few + many) // 2
    return best[0], ranked[: best[1]]


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Inputs one after the other."""

    def __init__(self, feeds: Sequence[Feeds]) -> None:
        self._left = iter(feeds)

    def get_next(self) -> Any:
        """The next inputs; None after the last."""
        return next(self._left, None)


def _quantisable(graph: onnx.GraphProto, exact: Collection[str]) -> tuple[list[str], list[str]]:
    """The names of the nodes with weights that may be quantised, and of the sums between quantised nodes."""
    constants = {one.name for one in graph.initializer}
    free = [node for node in graph.node if not any(name in exact for name in node.output)]
    layers = [
        node.name for node in free if node.op_type in WEIGHTED and any(name in constants for name in node.input[1:2])
    ]
    made_by = {name: node for node in graph.node for name in node.output}
    sums: list[str] = []
    integers = {*layers}
    for node in free:
        before = [made_by.get(name) for name in node.input]
        if node.op_type in MERGED and before[0] is not None and before[0].name in integers:
            integers.add(node.name)
        elif node.op_type == "Add" and all(one is not None and one.name in integers for one in before):
            integers.add(node.name)
            sums.append(node.name)
    return layers, sums
