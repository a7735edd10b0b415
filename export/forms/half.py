"""A graph in half precision (fp16): half the bytes, and quicker on GPUs; what has to be exact stays in float32.

The types of inputs and outputs stay as they are. Half precision holds three digits: a log density of -12 would be off
by up to 0.004. So all that turns maps into densities (blur, centre bias, log-sum-exp) is computed in float32.
"""

import warnings
from collections.abc import Collection

import onnx
from onnxruntime.quantization.onnx_model import ONNXModel
from onnxruntime.transformers import float16

OPERATORS = (
    *float16.DEFAULT_OP_BLOCK_LIST,
    "LogSoftmax",
    "LayerNormalization",
    "ReduceMean",
    "ReduceSum",
    "Pow",
    "Sqrt",
)


def to_half(model: onnx.ModelProto, exact: Collection[str]) -> onnx.ModelProto:
    """The graph in half precision, as a new model; nodes that compute a value named in `exact` stay in float32."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    kept = [node.name for node in made.graph.node if any(name in exact for name in node.output)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numbers that half precision holds as zero
        converted = float16.convert_float_to_float16(
            made, keep_io_types=True, op_block_list=list(OPERATORS), node_block_list=kept
        )
    del converted.graph.value_info[:]  # types of before
    _drop_repeated(converted.graph)
    _keep_exact(converted.graph)
    ordered = ONNXModel(converted)
    ordered.topological_sort()  # the casts of inputs and outputs come last
    return ordered.model  # type: ignore[no-any-return]


def _keep_exact(graph: onnx.GraphProto) -> None:
    """Hand on in float32 what an exact operator reads of another one; the converter rounds it to half in between."""
    made_by = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        before = made_by.get(node.input[0]) if _casts(node, onnx.TensorProto.FLOAT) else None
        if before is not None and _casts(before, onnx.TensorProto.FLOAT16):
            node.input[0] = before.input[0]
    used = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    kept = [node for node in graph.node if node.op_type != "Cast" or node.output[0] in used]
    del graph.node[:]
    graph.node.extend(kept)


def _casts(node: onnx.NodeProto, kind: int) -> bool:
    return node.op_type == "Cast" and node.attribute[0].i == kind


def _drop_repeated(graph: onnx.GraphProto) -> None:
    """Take out casts that the converter has written once for each node that reads them."""
    seen: set[str] = set()
    kept = []
    for node in graph.node:
        if node.op_type != "Cast" or node.output[0] not in seen:
            kept.append(node)
        seen.update(node.output)
    del graph.node[:]
    graph.node.extend(kept)
