"""How many floating-point operations a graph takes: counted from the shapes of a real run, as ONNX Runtime tells them.

Convolutions and matrix products are counted, a multiplication and an addition as two operations, whatever the numbers
are (of an int8 graph, too); everything else takes time, but hardly any operations. The graph is run once as it stands
in the file, neither fused nor laid out anew, so that the count is the model's and not that of one processor's kernels.
https://onnxruntime.ai/docs/performance/tune-performance/profiling-tools.html
"""

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.runtime.records import Record
from export.runtime.session import session

Shape = Sequence[int]

WEIGHTS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3, "ConvTranspose": 1}  # which input they are
PRODUCTS = ("MatMul", "MatMulInteger", "QLinearMatMul")


class Flops(Record):
    """Operations of one run, in billions: `depthwise` in convolutions of one channel at a time, `dense` in all else."""

    dense: float
    depthwise: float

    @property
    def total(self) -> float:
        """Of both kinds."""
        return self.dense + self.depthwise


def count(path: Path, inputs: Mapping[str, np.ndarray]) -> Flops:
    """The operations of a graph for these inputs; it is run once, on the CPU.

    Raises:
        ModelError: The file cannot be opened.
    """
    with tempfile.TemporaryDirectory() as folder:
        opened = session(path, "cpu", 1, profile=Path(folder) / "run")
        opened.run(None, dict(inputs))
        events = json.loads(Path(opened.end_profiling()).read_text("utf-8"))
    dense = depthwise = 0
    for event in events:
        told = event.get("args", {})
        if event.get("cat") == "Node" and "op_name" in told and "output_type_shape" in told:
            amount, single = operations(
                told["op_name"], _shapes(told["input_type_shape"]), _shapes(told["output_type_shape"])
            )
            depthwise += amount * single
            dense += amount * (not single)
    return Flops(dense=dense / 1e9, depthwise=depthwise / 1e9)


def operations(kind: str, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> tuple[int, bool]:
    """The operations of one node, and whether it is a convolution of one channel at a time.

    >>> operations("Conv", [(1, 8, 10, 10), (8, 1, 3, 3)], [(1, 8, 10, 10)])
    (14400, True)
    >>> operations("MatMul", [(2, 5, 4), (4, 3)], [(2, 5, 3)])
    (240, False)
    """
    if kind in WEIGHTS and len(inputs) > WEIGHTS[kind]:
        weights = inputs[WEIGHTS[kind]]  # of each output channel; transposed, of each input channel
        points = math.prod(inputs[0] if kind == "ConvTranspose" else outputs[0])
        return 2 * points * math.prod(weights[1:]), weights[1] == 1 and weights[0] > 1
    if kind in PRODUCTS:
        return 2 * math.prod(outputs[0]) * (inputs[0][-1] if inputs[0] else 1), False
    if kind == "Gemm":  # its first input may be transposed
        rows = outputs[0][0]
        return 2 * math.prod(outputs[0]) * (math.prod(inputs[0]) // rows if rows else 0), False
    return 0, False


def _shapes(told: Sequence[Mapping[str, Any]]) -> list[Shape]:
    """The shapes of a profile, each told beside the type of its numbers."""
    return [next(iter(one.values())) for one in told]
