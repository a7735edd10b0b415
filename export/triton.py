"""Write exported models as a repository for NVIDIA's Triton Inference Server.

    FOLDER/NAME/config.pbtxt      what the server is told: inputs, outputs, batching
    FOLDER/NAME/1/model.onnx      the file, linked where that can be, else copied

NAME is the file's without `.onnx`; what is neither letter, digit, `-` nor `_` becomes `_`: `oat-free.step.onnx` is
`oat-free_step`. Types and shapes are read from the graph. Where all inputs and outputs begin with the batch, requests
are gathered into batches; where not, as in the two graphs of a scanpath model, `max_batch_size` is 0 and a request is
run as it is. The server does what the graph does: a client letterboxes pictures, as the contract in the file says
(`export.runtime.saliency.graph_inputs`).

https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/model_configuration.html
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, ValueInfoProto
from onnx.external_data_helper import uses_external_data

from data.atomic import atomic_write
from data.errors import ModelError
from export.runtime.metadata import broken
from export.runtime.registry import contract_in

BATCH = "b"  # what `gaze export` calls the dimension
TYPES: dict[int, str] = {
    TensorProto.BOOL: "TYPE_BOOL",
    TensorProto.UINT8: "TYPE_UINT8",
    TensorProto.INT8: "TYPE_INT8",
    TensorProto.INT32: "TYPE_INT32",
    TensorProto.INT64: "TYPE_INT64",
    TensorProto.FLOAT16: "TYPE_FP16",
    TensorProto.FLOAT: "TYPE_FP32",
    TensorProto.DOUBLE: "TYPE_FP64",
}
Shape = list[int | str]  # a number, or the name of a dimension that is known when it runs


def write_repository(files: Sequence[Path], folder: Path, *, batch: int = 8, delay_ms: float = 2.0) -> list[Path]:
    """Write the models in `files` as a repository; gives the folder of each.

    Args:
        files: ONNX files with a contract, as `gaze export` writes them.
        folder: The repository; models of the same name that are there are replaced.
        batch: Pictures of a batch at most.
        delay_ms: How long a request waits for others.

    Raises:
        ModelError: A file is no such model, has parts in other files, or two would have one name; or `folder` cannot
            be written.
    """
    names: dict[str, Path] = {}
    configurations = {path: configuration(path, batch, delay_ms) for path in files}
    for path in files:
        other = names.setdefault(model_name(path), path)
        if other != path:
            raise ModelError(f"{path} and {other} would both be {model_name(path)!r}; rename one of them.")
    written = []
    try:
        for name, path in names.items():
            place = folder / name
            (place / "1").mkdir(parents=True, exist_ok=True)
            _put(path, place / "1" / "model.onnx")
            with atomic_write(place / "config.pbtxt") as file:
                file.write(configurations[path].encode())
            written.append(place)
    except OSError as error:
        raise ModelError(f"{folder} cannot be written ({error.strerror}); give another folder.") from error
    return written


def model_name(path: Path) -> str:
    """What the server calls the model in a file.

    >>> model_name(Path("models/oat-free.step.onnx"))
    'oat-free_step'
    """
    return re.sub(r"[^A-Za-z0-9_-]", "_", path.name.removesuffix(".onnx"))


def configuration(path: Path, batch: int, delay_ms: float) -> str:
    """The text of `config.pbtxt` for the model in a file."""
    contract_in(path)
    graph = _graph(path)
    held = {tensor.name for tensor in graph.initializer}
    inputs = {node.name: _tensor(node, path) for node in graph.input if node.name not in held}
    outputs = {node.name: _tensor(node, path) for node in graph.output}
    shapes = [shape for _, shape in (*inputs.values(), *outputs.values())]
    batches = all(shape[:1] == [BATCH] for shape in shapes)
    lines = [
        f'name: "{model_name(path)}"',
        'platform: "onnxruntime_onnx"',
        f"max_batch_size: {batch if batches else 0}",
        *_tensors("input", inputs, batches),
        *_tensors("output", outputs, batches),
        "instance_group [ { count: 1 kind: KIND_AUTO } ]",
        "version_policy { latest { num_versions: 1 } }",
    ]
    if batches:
        sizes = [2**power for power in range(1, batch.bit_length()) if 2**power <= batch] or [batch]
        preferred = f"preferred_batch_size: [ {', '.join(map(str, sizes))} ]"
        lines += [f"dynamic_batching {{ {preferred} max_queue_delay_microseconds: {round(1000 * delay_ms)} }}"]
    return "\n".join(lines) + "\n"


def _graph(path: Path) -> onnx.GraphProto:
    try:
        graph = onnx.load(path, load_external_data=False).graph
    except (DecodeError, ValueError) as error:
        raise broken(path) from error
    if any(uses_external_data(tensor) for tensor in graph.initializer):
        raise ModelError(f"{path} has parts in other files; export the model again as one file.")
    return graph


def _tensor(node: ValueInfoProto, path: Path) -> tuple[str, Shape]:
    """The type of an input or output, as the server names it, and its shape."""
    tensor = node.type.tensor_type
    if tensor.elem_type not in TYPES:
        raise ModelError(f"{path}: the type of {node.name} is none that a server is told of; export the model again.")
    return TYPES[tensor.elem_type], [
        one.dim_value if one.HasField("dim_value") else one.dim_param for one in tensor.shape.dim
    ]


def _tensors(kind: str, tensors: dict[str, tuple[str, Shape]], batches: bool) -> Iterable[str]:
    """The block of all inputs, or of all outputs."""
    yield f"{kind} ["
    for number, (name, (of_type, shape)) in enumerate(tensors.items(), 1):
        dims = [size if isinstance(size, int) else -1 for size in shape[batches:]]
        said = ", ".join(map(str, dims or [1]))
        # No shape may be empty: one number a picture is a vector of one; one alone is one in the file, too (`_put`).
        scalar = " reshape { shape: [ ] }" if batches and not dims else ""
        comma = "," * (number < len(tensors))
        yield f'  {{ name: "{name}" data_type: {of_type} dims: [ {said} ]{scalar} }}{comma}'
    yield "]"


def _without_scalars(path: Path) -> onnx.ModelProto | None:
    """The model with inputs of one number as vectors of one, all that the server can hand on; None: it has none."""
    model = onnx.load(path)
    scalars = [node for node in model.graph.input if not node.type.tensor_type.shape.dim]
    if not scalars:
        return None
    axis = model.graph.initializer.add()
    axis.CopyFrom(onnx.numpy_helper.from_array(np.array([0]), "triton_axis"))
    for scalar in scalars:
        inner = f"{scalar.name}_scalar"
        for node in model.graph.node:
            node.input[:] = [inner if name == scalar.name else name for name in node.input]
        scalar.type.tensor_type.shape.dim.add().dim_value = 1
        squeeze = onnx.helper.make_node("Squeeze", [scalar.name, "triton_axis"], [inner], name=f"squeeze_{scalar.name}")
        model.graph.node.insert(0, squeeze)
    onnx.checker.check_model(model)
    return model


def _put(path: Path, target: Path) -> None:
    """The file at another place, where it appears whole: as a link to the same content, else as a copy."""
    made = _without_scalars(path)
    if made is not None:
        with atomic_write(target) as file:
            file.write(made.SerializeToString())
        return
    with contextlib.suppress(OSError):
        if target.samefile(path):
            return
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    temporary.unlink(missing_ok=True)
    try:
        os.link(path.resolve(), temporary)
    except OSError:  # another disk, or one without links
        with path.open("rb") as source, atomic_write(target) as file:
            shutil.copyfileobj(source, file)
        return
    os.replace(temporary, target)
