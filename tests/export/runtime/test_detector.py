"""Detectors that answer with constants, one for each layout, and files that are no detector."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from data.errors import GazeError, ModelError
from data.objects import overlap
from export.runtime.detector import Detector, thin

NAMES = "{0: 'cat', 1: 'dog', 2: 'cup'}"
PICTURE = np.zeros((100, 200, 3), np.uint8)  # in an input of 64 x 64: scale 0.32, bars of 16 above and below


def write(
    path: Path,
    outputs: Mapping[str, np.ndarray],
    metadata: Mapping[str, str] | None = None,
    shape: tuple[int | str, ...] = (1, 3, 64, 64),
    kind: int = TensorProto.FLOAT,
    sized: bool = False,
) -> Path:
    """An .onnx file that takes a picture and always answers the same."""
    inputs = [helper.make_tensor_value_info("images", kind, shape)]
    inputs += [helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, (1, 2))] if sized else []
    nodes = [helper.make_node("Constant", [], [name], value=numpy_helper.from_array(v)) for name, v in outputs.items()]
    made = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
        for name, v in outputs.items()
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "detector", inputs, made), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    helper.set_model_props(model, dict(metadata or {}))
    onnx.save(model, path)
    return path


def detector(path: Path) -> Detector:
    return Detector(path, provider="cpu", threads=1)


def yolo(*found: tuple[float, ...]) -> dict[str, np.ndarray]:
    """A YOLOv8 output for three classes with 12 anchors: centre, size, scores of each found one."""
    answer = np.zeros((1, 7, 12), np.float32)
    for i, values in enumerate(found):
        answer[0, :, i] = values
    return {"output0": answer}


def test_yolo_boxes_come_back_from_the_letterbox_with_their_names(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.onnx", yolo((32, 32, 32, 16, 0.1, 0.9, 0.2), (16, 24, 8, 8, 0.6, 0, 0)), {"names": NAMES}
    )
    found = detector(file).objects(PICTURE)
    assert detector(file).layout == "yolo"
    assert found.categories == ("dog", "cat")
    np.testing.assert_allclose(found.boxes, [[50.0, 25.0, 100.0, 50.0], [37.5, 12.5, 25.0, 25.0]], atol=1e-4)
    assert found.confidences is not None
    np.testing.assert_allclose(found.confidences, [0.9, 0.6], atol=1e-6)


def test_of_boxes_of_one_class_that_overlap_the_surest_stays(tmp_path: Path) -> None:
    same = [(32, 32, 20, 20, 0.5, 0, 0), (33, 32, 20, 20, 0.8, 0, 0), (32, 33, 20, 20, 0, 0.7, 0)]
    file = detector(write(tmp_path / "a.onnx", yolo(*same)))
    found = file.objects(PICTURE)
    assert found.categories == ("class 0", "class 1")
    assert len(file.objects(PICTURE, overlap=1.0)) == 3
    assert len(file.objects(PICTURE, confidence=0.75)) == 1


def test_thinning_out_is_the_textbook_loop() -> None:
    chance = np.random.default_rng(0)
    boxes = np.hstack([chance.uniform(0, 50, (200, 2)), chance.uniform(5, 40, (200, 2))])
    classes = chance.integers(0, 3, 200)
    shared, expected = overlap(boxes, boxes), list[int]()
    for i in range(200):
        if not any(classes[i] == classes[j] and shared[i, j] > 0.3 for j in expected):
            expected.append(i)
    assert thin(boxes, classes, 0.3).tolist() == expected
    assert 10 < len(expected) < 190


def test_end_to_end_boxes_are_corners_with_score_and_class(tmp_path: Path) -> None:
    answer = np.zeros((1, 8, 6), np.float32)
    answer[0, :3] = [[16, 24, 48, 40, 0.7, 2], [0, 0, 64, 64, 0.9, 1], [1, 1, 2, 2, 0.1, 0]]
    file = detector(write(tmp_path / "a.onnx", {"output0": answer}, {"names": "['cat', 'dog', 'cup']"}))
    found = file.objects(PICTURE)
    assert file.layout == "end-to-end"
    assert found.categories == ("dog", "cup")
    np.testing.assert_allclose(found.boxes, [[0, 0, 200, 100], [50, 25, 100, 50]], atol=1e-4)


@pytest.mark.parametrize("names", [{}, {"names": NAMES}])
def test_queries_are_shares_of_a_stretched_picture(tmp_path: Path, names: dict[str, str]) -> None:
    answer = np.zeros((1, 20, 7), np.float32)
    answer[0, :2] = [[0.5, 0.5, 0.5, 0.5, 0.1, 0.2, 0.8], [0.9, 0.5, 0.4, 1.0, 0.6, 0.0, 0.0]]
    file = detector(write(tmp_path / "a.onnx", {"output0": answer}, names))
    found = file.objects(PICTURE)
    assert file.layout == "queries"
    assert found.categories == (("cup", "cat") if names else ("class 2", "class 0"))
    np.testing.assert_allclose(found.boxes, [[50, 25, 100, 50], [140, 0, 60, 100]], atol=1e-3)


def test_queries_of_two_classes_are_not_taken_for_corners(tmp_path: Path) -> None:
    answer = np.full((1, 20, 6), 0.5, np.float32)
    file = detector(write(tmp_path / "a.onnx", {"output0": answer}, {"names": "{0: 'cat', 1: 'dog'}"}))
    assert file.layout == "queries"


def test_logits_become_probabilities(tmp_path: Path) -> None:
    logits = np.full((1, 5, 3), -9, np.float32)
    logits[0, 0, 1] = np.log(4)  # a probability of 0.8
    boxes = np.full((1, 5, 4), 0.5, np.float32)
    found = detector(write(tmp_path / "a.onnx", {"logits": logits, "pred_boxes": boxes})).objects(PICTURE)
    assert found.categories == ("class 1",)
    assert found.confidences is not None
    assert found.confidences[0] == pytest.approx(0.8, abs=1e-6)
    np.testing.assert_allclose(found.boxes, [[50, 25, 100, 50]])


def test_lists_are_in_pixels_of_the_picture_whose_size_the_file_was_told(tmp_path: Path) -> None:
    outputs: dict[str, np.ndarray] = {
        "labels": np.array([[2, 0]], np.int64),
        "boxes": np.array([[[10, 20, 50, 90], [0, 0, 5, 5]]], np.float32),
        "scores": np.array([[0.8, 0.1]], np.float32),
    }
    file = detector(write(tmp_path / "a.onnx", outputs, {"names": NAMES}, sized=True))
    found = file.objects(PICTURE)
    assert file.layout == "lists"
    assert found.categories == ("cup",)
    np.testing.assert_allclose(found.boxes, [[10, 20, 40, 70]])


def test_boxes_are_cut_at_the_border_and_what_is_no_box_is_left_out(tmp_path: Path) -> None:
    wrong = [(np.nan, 1, 1, 1, 0.9, 0, 0), (32, 32, 0, 9, 0.9, 0, 0), (32, 4, 10, 10, 0.9, 0, 0)]  # the last: on a bar
    out = [(0, 32, 40, 16, 0.9, 0, 0)]
    found = detector(write(tmp_path / "a.onnx", yolo(*wrong, *out))).objects(PICTURE)
    np.testing.assert_allclose(found.boxes, [[0, 25, 62.5, 50]], atol=1e-4)


def test_no_object_is_an_answer(tmp_path: Path) -> None:
    found = detector(write(tmp_path / "a.onnx", yolo())).objects(np.zeros((1, 1, 3), np.uint8))
    assert found.boxes.shape == (0, 4)
    assert found.categories == ()


def test_of_five_thousand_objects_the_surest_thousand_are_kept(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    answer = np.zeros((1, 5000, 7), np.float32)
    answer[0, :, :4] = chance.uniform(0.2, 0.4, (5000, 4))
    answer[0, :, 5] = chance.uniform(0.3, 1, 5000)
    found = detector(write(tmp_path / "a.onnx", {"o": answer}, {"names": NAMES})).objects(PICTURE)
    assert len(found) == 1000
    assert found.confidences is not None
    np.testing.assert_allclose(found.confidences, np.sort(answer[0, :, 5])[::-1][:1000], rtol=1e-6)


def test_the_picture_comes_to_the_file_as_rgb_from_0_to_1_with_grey_bars(tmp_path: Path) -> None:
    """The file answers with the mean of each channel of its input, as the scores of one box."""
    start = numpy_helper.from_array(np.array([[[32], [32], [20], [20]]], np.float32), "box")
    shape = numpy_helper.from_array(np.array([1, 3, 1], np.int64), "shape")
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Reshape", ["mean", "shape"], ["scores"]),
        helper.make_node("Concat", ["box", "scores"], ["one"], axis=1),
        helper.make_node("Concat", ["one"] * 9, ["output0"], axis=2),
    ]
    picture = helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, "height", "width"))
    answer = helper.make_tensor_value_info("output0", TensorProto.FLOAT, (1, 7, 9))
    graph = helper.make_graph(nodes, "mean", [picture], [answer], [start, shape])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"imgsz": "[64, 64]", "names": NAMES})
    onnx.save(model, tmp_path / "a.onnx")
    file = detector(tmp_path / "a.onnx")
    assert file.size == (64, 64)
    blue = np.zeros((100, 200, 3), np.uint8)
    blue[..., 2] = 255
    found = file.objects(blue, confidence=0)
    assert found.categories == ("cup",)  # channel 2 is the brightest: half of it is blue, half is bar
    assert found.confidences is not None
    assert found.confidences[0] == pytest.approx((255 + 114) / 2 / 255, abs=1e-5)


def test_half_precision_is_fed_and_read(tmp_path: Path) -> None:
    outputs = {"output0": yolo((32, 32, 32, 16, 0.5, 0, 0))["output0"].astype(np.float16)}
    found = detector(write(tmp_path / "a.onnx", outputs, kind=TensorProto.FLOAT16)).objects(PICTURE)
    np.testing.assert_allclose(found.boxes, [[50, 25, 100, 50]], atol=0.1)


@pytest.mark.parametrize(
    ("outputs", "metadata", "options", "words"),
    [
        ({"o": np.zeros((1, 1000), np.float32)}, {}, {}, r"answers with o \(1, 1000\), which is no layout"),
        ({"o": np.zeros((1, 85, 99), np.float32)}, {"names": NAMES}, {}, "3 class names, which is no layout"),
        ({"o": np.full((1, 99, 85), 9, np.float32)}, {}, {}, "no layout"),  # YOLOv5: an objectness before the classes
        (yolo() | {"proto": np.zeros((1, 32, 8, 8), np.float32)}, {}, {}, "no layout"),
        (yolo(), {"task": "pose"}, {}, "made for the task 'pose'"),
        (yolo(), {"names": "{0: person"}, {}, "class names that cannot be read"),
        (yolo(), {}, {"shape": (1, 64, 64, 3)}, r"of shape \[1, 64, 64, 3\]"),
        (yolo(), {}, {"shape": (4, 3, 64, 64)}, "4 pictures at once"),
        (yolo(), {}, {"kind": TensorProto.UINT8}, "takes tensor"),
        ({"logits": np.zeros((1, 5, 3), np.float32), "pred_boxes": np.zeros((1, 4, 4), np.float32)}, {}, {}, "layout"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_in_one_sentence(
    tmp_path: Path, outputs: dict[str, np.ndarray], metadata: dict[str, str], options: dict[str, object], words: str
) -> None:
    file = write(tmp_path / "a.onnx", outputs, metadata, **options)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=words) as refusal:
        detector(file)
    assert str(refusal.value).endswith(".")
    assert "\n" not in str(refusal.value)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no such file"):
        detector(tmp_path / "none.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"broken\.onnx"):
        detector(tmp_path / "broken.onnx")


@pytest.mark.parametrize("wrong", [{"confidence": 1.5}, {"overlap": -0.1}, {"confidence": float("nan")}])
def test_a_confidence_or_overlap_beyond_0_to_1_is_refused(tmp_path: Path, wrong: dict[str, float]) -> None:
    file = detector(write(tmp_path / "a.onnx", yolo()))
    with pytest.raises(GazeError, match="must lie between 0 and 1"):
        file.objects(PICTURE, **wrong)
