"""A model may keep tensors in files of its own folder; whatever else it names is refused before it is opened."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import AttributeProto, ModelProto, SparseTensorProto, TensorProto, helper, numpy_helper

from data import checksums
from data.errors import ModelError
from export.runtime import external_data
from export.runtime.saliency import Predictor
from tests.damage import assert_survives
from tests.toy_model import sessions, write


def outside(location: str, name: str = "elsewhere") -> TensorProto:
    """A tensor that is kept in another file."""
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("offset", "0"), ("location", location), ("length", "16")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def initializer(model: ModelProto, location: str) -> None:
    model.graph.initializer.append(outside(location))


def sparse(model: ModelProto, location: str) -> None:
    indices = numpy_helper.from_array(np.arange(4), "indices")
    model.graph.sparse_initializer.append(SparseTensorProto(values=outside(location), indices=indices, dims=[4]))


def constant(model: ModelProto, location: str) -> None:
    model.graph.node.append(helper.make_node("Constant", [], ["more"], value=outside(location)))


def branch(model: ModelProto, location: str) -> None:
    output = helper.make_tensor_value_info("elsewhere", TensorProto.FLOAT, [4])
    inner = helper.make_graph([], "inner", [], [output], [outside(location)])
    outer = helper.make_graph(
        [helper.make_node("If", ["c"], ["o"], then_branch=inner, else_branch=inner)], "outer", [], [output]
    )
    model.graph.node.append(helper.make_node("If", ["condition"], ["branched"], then_branch=outer, else_branch=outer))


def function(model: ModelProto, location: str) -> None:
    node = helper.make_node("Constant", [], ["y"], value=outside(location))
    model.functions.append(helper.make_function("mine", "F", [], ["y"], [node], [helper.make_opsetid("", 20)]))


def listed(model: ModelProto, location: str) -> None:
    attribute = AttributeProto(name="many", type=AttributeProto.TENSORS, tensors=[outside(location)])
    model.graph.node.append(helper.make_node("Other", [], ["many"], domain="mine"))
    model.graph.node[-1].attribute.append(attribute)


def with_data(path: Path, place: Callable[[ModelProto, str], None], location: str) -> Path:
    """The toy, with one more tensor that is kept in another file."""
    model = onnx.load(write(path))
    place(model, location)
    path.write_bytes(model.SerializeToString())
    return path


def split(source: Path, path: Path, location: str) -> Path:
    """A model whose numbers lie in another file; those that tell shapes stay, as ONNX Runtime wants them."""
    model, content = onnx.load(source), b""
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (("location", location), ("offset", len(content)), ("length", len(tensor.raw_data))):
                tensor.external_data.add(key=key, value=str(value))
            content += tensor.raw_data
            tensor.ClearField("raw_data")
    (path.parent / location).write_bytes(content)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("place", [initializer, sparse, constant, branch, function, listed])
def test_data_outside_is_refused_wherever_the_graph_names_it(
    place: Callable[[ModelProto, str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = with_data(tmp_path / "a.onnx", place, "../../etc/passwd")
    assert external_data.names(path) == ("../../etc/passwd",)
    opened = sessions(monkeypatch)
    with pytest.raises(
        ModelError, match=r"a\.onnx: the model wants to read '\.\./\.\./etc/passwd', which is outside its folder; .*\.$"
    ):
        Predictor(path, provider="cpu")
    assert opened == []


@pytest.mark.parametrize(
    "location",
    ["/etc/passwd", "..", "w/../../x", "C:\\x", "C:x", "\\\\host\\x", "..\\x", ".", "", "w/link", "folder/x"],
)
def test_no_way_of_writing_a_path_leads_out(location: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(16))
    folder = tmp_path / "models"
    (folder / "w").mkdir(parents=True)
    (folder / "w" / "link").symlink_to(tmp_path / "secret")
    (folder / "folder").symlink_to(tmp_path)
    with pytest.raises(ModelError, match=r"a\.onnx: the model wants to read .* outside its folder"):
        external_data.check(with_data(folder / "a.onnx", initializer, location))


@pytest.mark.parametrize("location", ["x" * 5000, "a\0b", "loop"])
def test_a_name_that_cannot_be_is_a_broken_model_or_a_missing_file(location: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ModelError, match=r"a\.onnx.*(missing beside it|can open)") as caught:
        external_data.check(with_data(tmp_path / "a.onnx", initializer, location))
    assert "\n" not in str(caught.value)


def test_a_model_with_its_data_beside_it_predicts_as_before(tmp_path: Path, toy_model: Path) -> None:
    path, picture = tmp_path / "split.onnx", np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    (tmp_path / "w").mkdir()
    split(toy_model, path, "w/weights")
    assert external_data.names(path) == ("w/weights",)
    got, wanted = (Predictor(file, provider="cpu", threads=1)(picture) for file in (path, toy_model))
    assert np.array_equal(got.density, wanted.density)
    (tmp_path / "w" / "weights").rename(tmp_path / "moved")
    with pytest.raises(ModelError, match=r"'w/weights', where it keeps its weights, is missing beside it; copy both"):
        Predictor(path, provider="cpu")


def test_data_of_another_checksum_are_refused(tmp_path: Path, toy_model: Path) -> None:
    path = tmp_path / "split.onnx"
    split(toy_model, path, "weights")
    checksums.write(tmp_path, ["split.onnx", "weights"])
    Predictor(path, provider="cpu", threads=1)
    content = bytearray((tmp_path / "weights").read_bytes())
    content[3] ^= 1
    (tmp_path / "weights").write_bytes(content)
    assert hashlib.sha256(content).hexdigest() not in (tmp_path / checksums.FILE).read_text()
    with pytest.raises(ModelError, match="weights: the file is damaged, or another"):
        Predictor(path, provider="cpu", threads=1)


@given(data=st.data())
def test_a_damaged_file_gives_names_or_a_sentence(data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / "damaged.onnx"
    if not path.exists():
        with_data(path, branch, "weights")
        (tmp_path / "sound").write_bytes(path.read_bytes())
    assert_survives(path, (tmp_path / "sound").read_bytes(), data, external_data.names)


def test_messages_within_messages_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b""
    for _ in range(3000):  # an attribute that holds a graph that holds a node that holds an attribute ...
        for number in (6, 5, 1):
            length, groups = len(content), []
            while length > 0x7F:
                groups.append(length & 0x7F | 0x80)
                length >>= 7
            content = bytes([number << 3 | 2, *groups, length]) + content
    path = tmp_path / "deep.onnx"
    head = b"\x3a" + bytes([len(content) & 0x7F | 0x80, len(content) >> 7 & 0x7F | 0x80, len(content) >> 14])
    path.write_bytes(head + content)
    assert external_data.names(path) == ()
    monkeypatch.setattr(external_data, "MOST", 1000)
    with pytest.raises(ModelError, match="can open"):
        external_data.names(path)
