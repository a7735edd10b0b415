"""A repository for Triton: its configuration is parsed as the server would, and fits the graph that lies beside it."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from data.errors import ModelError
from export.runtime.registry import WEIGHTS
from export.triton import configuration, model_name, write_repository
from tests import toy_model as toy

# of https://github.com/triton-inference-server/common/blob/main/protobuf/model_config.proto: number, name, type
DATA_TYPES = (
    *("INVALID", "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"),
    *("FP16", "FP32", "FP64", "STRING", "BF16"),
)
MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "ModelTensorReshape": {"shape": (1, "repeated int64")},
    "ModelInput": {
        "name": (1, "string"),
        "data_type": (2, "DataType"),
        "dims": (4, "repeated int64"),
        "reshape": (5, "ModelTensorReshape"),
        "allow_ragged_batch": (7, "bool"),
    },
    "ModelOutput": {
        "name": (1, "string"),
        "data_type": (2, "DataType"),
        "dims": (3, "repeated int64"),
        "reshape": (5, "ModelTensorReshape"),
    },
    "ModelInstanceGroup": {"count": (2, "int32"), "gpus": (3, "repeated int32"), "kind": (4, "Kind")},
    "Latest": {"num_versions": (1, "uint32")},
    "ModelVersionPolicy": {"latest": (1, "Latest")},
    "ModelDynamicBatching": {
        "preferred_batch_size": (1, "repeated int32"),
        "max_queue_delay_microseconds": (2, "uint64"),
    },
    "ModelConfig": {
        "name": (1, "string"),
        "platform": (2, "string"),
        "version_policy": (3, "ModelVersionPolicy"),
        "max_batch_size": (4, "int32"),
        "input": (5, "repeated ModelInput"),
        "output": (6, "repeated ModelOutput"),
        "instance_group": (7, "repeated ModelInstanceGroup"),
        "dynamic_batching": (11, "ModelDynamicBatching"),
    },
}
ENUMS = {"DataType": [f"TYPE_{name}" for name in DATA_TYPES]}
ENUMS["Kind"] = ["KIND_AUTO", "KIND_GPU", "KIND_CPU", "KIND_MODEL"]
NUMPY = {"TYPE_UINT8": np.uint8, "TYPE_FP32": np.float32, "TYPE_INT64": np.int64, "TYPE_BOOL": np.bool_}


def parsed(text: str) -> Any:
    """What the server reads in a configuration; what is no field of its records is an error."""
    file = descriptor_pb2.FileDescriptorProto(name="model_config.proto", package="inference", syntax="proto3")
    for name, values in ENUMS.items():
        enum = file.enum_type.add(name=name)
        for number, value in enumerate(values):
            enum.value.add(name=value, number=number)
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, words) in fields.items():
            kind = words.split()[-1]
            made = message.field.add(name=field, number=number, label=3 if words.startswith("repeated") else 1)
            if kind in ENUMS or kind in MESSAGES:
                made.type, made.type_name = (14 if kind in ENUMS else 11), f".inference.{kind}"
            else:
                made.type = getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    record = message_factory.GetMessageClass(pool.FindMessageTypeByName("inference.ModelConfig"))
    return text_format.Parse(text, record())


def kind(number: int) -> str:
    return ENUMS["DataType"][number]


def test_a_repository_holds_each_model_and_what_the_server_is_told_of_it(tmp_path: Path) -> None:
    files = [WEIGHTS / "tempsal-fast.onnx", WEIGHTS / "oat-free.onnx", WEIGHTS / "oat-free.step.onnx"]
    places = write_repository(files, tmp_path / "repository", batch=8, delay_ms=3)
    assert [place.name for place in places] == ["tempsal-fast", "oat-free", "oat-free_step"]
    for file, place in zip(files, places, strict=True):
        assert sorted(path.relative_to(place).as_posix() for path in place.rglob("*")) == [
            "1",
            "1/model.onnx",
            "config.pbtxt",
        ]
        told = parsed((place / "config.pbtxt").read_text())
        scalars = [node for node in onnx.load(file).graph.input if not node.type.tensor_type.shape.dim]
        assert ((place / "1" / "model.onnx").read_bytes() == file.read_bytes()) == (not scalars)
        if not told.max_batch_size:  # the server refuses a model without batches that has an empty reshape
            assert not any(one.HasField("reshape") for one in (*told.input, *told.output))
        assert (told.name, told.platform) == (place.name, "onnxruntime_onnx")
        assert [group.kind for group in told.instance_group] == [0]
        opened = onnxruntime.InferenceSession(place / "1" / "model.onnx", providers=["CPUExecutionProvider"])
        for nodes, tensors in ((opened.get_inputs(), told.input), (opened.get_outputs(), told.output)):
            assert [node.name for node in nodes] == [tensor.name for tensor in tensors]
            for node, tensor in zip(nodes, tensors, strict=True):
                shape = [size if isinstance(size, int) else -1 for size in node.shape]
                whole = [
                    *([-1] if told.max_batch_size else []),
                    *(tensor.reshape.shape if tensor.HasField("reshape") else tensor.dims),
                ]
                assert whole == shape, node.name
    first, scene, step = (parsed((place / "config.pbtxt").read_text()) for place in places)
    assert (first.max_batch_size, scene.max_batch_size, step.max_batch_size) == (8, 0, 0)
    assert list(first.dynamic_batching.preferred_batch_size) == [2, 4, 8]
    assert first.dynamic_batching.max_queue_delay_microseconds == 3000
    assert not scene.HasField("dynamic_batching")
    assert [kind(one.data_type) for one in first.input] == ["TYPE_UINT8", "TYPE_FP32", "TYPE_INT64"]
    assert list(first.input[0].dims) == [-1, -1, 3]
    assert (list(first.input[2].dims), list(first.input[2].reshape.shape)) == ([1], [])


def test_what_the_server_would_be_sent_is_what_the_graph_takes(tmp_path: Path, toy_model: Path) -> None:
    place = write_repository([toy_model], tmp_path)[0]
    told = parsed((place / "config.pbtxt").read_text())
    sizes = iter([16, 24])
    feeds = {}
    for tensor in told.input:
        shape = tensor.reshape.shape if tensor.HasField("reshape") else tensor.dims
        full = [2, *(next(sizes) if size < 0 else size for size in shape)]
        feeds[tensor.name] = np.ones(full, NUMPY[kind(tensor.data_type)])
    opened = onnxruntime.InferenceSession(place / "1" / "model.onnx", providers=["CPUExecutionProvider"])
    answers = opened.run([tensor.name for tensor in told.output], feeds)
    for tensor, answer in zip(told.output, answers, strict=True):
        assert answer.dtype == NUMPY[kind(tensor.data_type)]
        assert len(answer.shape) == 1 + len(tensor.dims)


@pytest.mark.parametrize(("batch", "preferred"), [(1, [1]), (2, [2]), (6, [2, 4]), (32, [2, 4, 8, 16, 32])])
def test_preferred_sizes_of_batches_are_powers_of_two(toy_model: Path, batch: int, preferred: list[int]) -> None:
    told = parsed(configuration(toy_model, batch, 0))
    assert (told.max_batch_size, list(told.dynamic_batching.preferred_batch_size)) == (batch, preferred)


def test_a_repository_is_written_again_and_files_on_another_disk_are_copied(
    tmp_path: Path, toy_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = write_repository([toy_model], tmp_path)[0]
    assert (place / "1" / "model.onnx").samefile(toy_model)
    write_repository([toy_model], tmp_path)

    def refused(*some: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refused)
    other = write_repository([toy_model], tmp_path / "other")[0] / "1" / "model.onnx"
    assert other.read_bytes() == toy_model.read_bytes()
    assert not other.samefile(toy_model)
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("name", ["a b", "a/b".replace("/", ":"), "\u00fcber", "a.int8"])
def test_names_are_those_that_addresses_and_files_take(tmp_path: Path, name: str) -> None:
    path = toy.write(tmp_path / f"{name}.onnx")
    place = write_repository([path], tmp_path / "out")[0]
    assert place.name == model_name(path)
    assert place.name.replace("-", "_").isidentifier()
    assert place.name.isascii()
    assert parsed((place / "config.pbtxt").read_text()).name == place.name


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    files = [toy.write(tmp_path / "a.b.onnx"), toy.write(tmp_path / "a_b.onnx")]
    with pytest.raises(ModelError, match="would both be 'a_b'"):
        write_repository(files, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_broken_models_are_refused_in_one_sentence(tmp_path: Path) -> None:
    for name in toy.spoil(tmp_path / "models"):
        with pytest.raises(ModelError):
            write_repository([tmp_path / "models" / f"{name}.onnx"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_model_with_parts_in_other_files_is_refused(tmp_path: Path, toy_model: Path) -> None:
    model = onnx.load(toy_model)
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value="../../etc/passwd")
    (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="has parts in other files; export the model again as one file"):
        write_repository([tmp_path / "a.onnx"], tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, toy_model: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be written"):
        write_repository([toy_model], tmp_path / "file")


def test_one_number_alone_is_a_vector_of_one_for_the_server_and_the_model_computes_the_same(tmp_path: Path) -> None:
    path = WEIGHTS / "oat-free.onnx"
    (place,) = write_repository([path], tmp_path)
    ours = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    theirs = onnxruntime.InferenceSession(place / "1" / "model.onnx", providers=["CPUExecutionProvider"])
    random, feeds = np.random.default_rng(0), dict[str, np.ndarray]()
    kinds = {
        "tensor(float)": np.float32,
        "tensor(int64)": np.int64,
        "tensor(bool)": np.bool_,
        "tensor(uint8)": np.uint8,
    }
    for node in ours.get_inputs():
        shape = [size if isinstance(size, int) else 3 for size in node.shape]
        feeds[node.name] = np.asarray(random.random(shape)).astype(kinds[node.type])
    vectors = {name: value[None] if not value.ndim else value for name, value in feeds.items()}
    assert any(not value.ndim for value in feeds.values())
    for one, other in zip(ours.run(None, feeds), theirs.run(None, vectors), strict=True):
        np.testing.assert_array_equal(one, other)
