"""Make an exported graph smaller without changing what it computes: constants folded, norms merged, canvas fixed.

ONNX Runtime's own basic optimisation does the folding; it gives standard operators only, so that the file runs
elsewhere, too (https://onnxruntime.ai/docs/performance/model-optimizations/graph-optimizations.html). What it does not
do is done before: a constant that is the same everywhere becomes a scalar.
"""

import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from data.errors import ModelError
from export.onnx import STANDARD, check_operators

logger = logging.getLogger(__name__)

BROADCAST = ("Add", "Sub", "Mul", "Div")


def simplify(model: onnx.ModelProto, canvas: tuple[int, int] | None = None) -> onnx.ModelProto:
    """The graph simplified, as a new model; with `canvas` its input `picture` has this height and width alone.

    The names of values that are still computed stay.

    Raises:
        ModelError: ONNX Runtime cannot read the graph, or makes operators of its own of it.
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    if canvas is not None:
        fix_canvas(made, canvas)
    _scalars(made.graph)
    return _folded(made)


def fix_canvas(model: onnx.ModelProto, canvas: tuple[int, int]) -> None:
    """Give the input `picture` this height and width; how many pictures come at once stays free."""
    for value in model.graph.input:
        if value.name == "picture":
            for side, size in zip(value.type.tensor_type.shape.dim[1:3], canvas, strict=True):
                side.dim_value = size
    del model.graph.value_info[:]  # which may name sides that are no longer free
    for value in model.graph.output:  # inferred anew, too
        for side in value.type.tensor_type.shape.dim[1:]:
            if side.dim_param:
                side.Clear()


def _scalars(graph: onnx.GraphProto) -> None:
    """Replace constants with one value by scalars, where the other side of the operator has all the dimensions."""
    constants = {one.name: one for one in graph.initializer}
    made: dict[str, str] = {}
    for node in graph.node:
        places = [place for place, name in enumerate(node.input) if name in constants]
        if node.op_type not in BROADCAST or len(places) != 1:
            continue
        (place,) = places
        name = node.input[place]
        values = numpy_helper.to_array(constants[name])
        if values.size > 1 and max(values.shape) == values.shape[0] == values.size and (values == values.flat[0]).all():
            if name not in made:
                made[name] = f"{name}_scalar"
                graph.initializer.append(numpy_helper.from_array(np.asarray(values.flat[0]), made[name]))
            node.input[place] = made[name]
    used = {name for node in graph.node for name in node.input}
    kept = [one for one in graph.initializer if one.name in used or one.name not in made]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """What ONNX Runtime makes of a graph before anything that only it can run."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 4
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "before.onnx"), Path(folder, "after.onnx")
        onnx.save(model, before)
        options.optimized_model_filepath = str(after)
        try:
            onnxruntime.InferenceSession(before, options, ["CPUExecutionProvider"])
            made = onnx.load(after)
        except Exception as error:  # ONNX Runtime's errors share no other parent
            logger.debug("the graph cannot be simplified", exc_info=True)
            kind = type(error).__name__
            raise ModelError(f"ONNX Runtime cannot simplify the graph ({kind}); nothing was kept.") from error
    check_operators(made)
    standard = [entry for entry in made.opset_import if entry.domain in STANDARD]
    del made.opset_import[:]
    made.opset_import.extend(standard)
    made.ir_version = model.ir_version
    return made
