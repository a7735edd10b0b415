"""YOLOX, NanoDet and YuNet: made answers whose boxes are known, and public files where they are at hand."""

from pathlib import Path

import numpy as np
import pytest

from data.picture import read
from export.runtime.detector import Detector
from export.runtime.detector_layouts import BINS, COCO, LAYOUTS, STRIDES, cells, layout_of
from tests.export.runtime.test_detector import PICTURE, detector, write

SIZE = (64, 64)  # of the input: 64 + 16 + 4 cells
ANCHORS = 84
BOX = (50.0, 25.0, 100.0, 50.0)  # x, y, width, height in the picture, whichever way it comes
PUBLIC = Path(__file__).parents[4] / "shared" / "weights"
SAMPLES = Path(__file__).parents[3] / "data" / "samples"


def anchor(strides: tuple[int, ...], column: int, row: int, stride: int) -> int:
    """The row of a cell in the answer."""
    return int(np.flatnonzero((cells(SIZE, strides) == (column, row, stride)).all(1))[0])


def yolox(decoded: bool, classes: int = 3) -> np.ndarray:
    """A dog at (32, 32) of the input, 32 x 16 pixels, told by the cell at column 1, row 2 of stride 16."""
    answer = np.zeros((1, ANCHORS, 5 + classes), np.float32)
    where = cells(SIZE, STRIDES)
    if decoded:
        answer[0, :, :2], answer[0, :, 2:4] = where[:, :2] * where[:, 2:], where[:, 2:]
    place = anchor(STRIDES, 1, 2, 16)
    answer[0, place, :4] = (32, 32, 32, 16) if decoded else (32 / 16 - 1, 32 / 16 - 2, np.log(2), 0)
    answer[0, place, 4:7] = (0.9, 0.1, 1.0)
    return answer


@pytest.mark.parametrize("decoded", [False, True])
def test_yolox_is_read_decoded_or_not(tmp_path: Path, decoded: bool) -> None:
    file = detector(write(tmp_path / "a.onnx", {"output": yolox(decoded)}, {"names": "['cat', 'dog', 'cup']"}))
    found = file.objects(PICTURE)
    assert file.layout == "yolox"
    assert found.categories == ("dog",)
    np.testing.assert_allclose(found.boxes, [BOX], atol=1e-3)
    assert found.confidences == pytest.approx([0.9])


def test_eighty_classes_without_names_are_those_of_coco(tmp_path: Path) -> None:
    assert len(COCO) == 80
    assert (COCO[0], COCO[41], COCO[79]) == ("person", "cup", "toothbrush")
    assert detector(write(tmp_path / "a.onnx", {"output": yolox(False, 80)})).objects(PICTURE).categories == (
        "bicycle",
    )
    assert detector(write(tmp_path / "b.onnx", {"output": yolox(False, 7)})).objects(PICTURE).categories == ("class 1",)


@pytest.mark.parametrize("strides", [(8, 16, 32), (8, 16, 32, 64)])
def test_nanodet_tells_distances_to_the_sides(tmp_path: Path, strides: tuple[int, ...]) -> None:
    """One cell of stride 16 to the left and right, half a one above and below, of a stretched picture."""
    where = cells(SIZE, strides)
    answer = np.full((1, len(where), 3 + 4 * BINS), -1.0, np.float32)
    answer[0, :, :3] = 0.01
    place = anchor(strides, 2, 2, 16)
    middle = 32.0 if len(strides) == 4 else 2.5 * 16 - 0.5
    answer[0, place, 1] = 0.8
    bins = np.full((4, BINS), -50.0)
    bins[0, 1] = bins[2, 1] = bins[1, :2] = bins[3, :2] = 0
    answer[0, place, 3:] = bins.ravel()
    file = detector(write(tmp_path / "a.onnx", {"output": answer}))
    found = file.objects(PICTURE)
    assert file.layout == "nanodet"
    assert found.categories == ("class 1",)
    x, y = middle * 200 / 64, middle * 100 / 64
    np.testing.assert_allclose(found.boxes, [[x - 50, y - 12.5, 100, 25]], atol=1e-3)


def test_yunet_finds_faces(tmp_path: Path) -> None:
    outputs = {}
    for stride in STRIDES:
        count = len(cells(SIZE, (stride,)))
        outputs |= {f"{kind}_{stride}": np.zeros((1, count, 1), np.float32) for kind in ("cls", "obj")}
        outputs[f"bbox_{stride}"] = np.zeros((1, count, 4), np.float32)
        outputs[f"kps_{stride}"] = np.zeros((1, count, 10), np.float32)
    place = 2 * 4 + 1
    outputs["cls_16"][0, place] = outputs["obj_16"][0, place] = 0.81
    outputs["bbox_16"][0, place] = (32 / 16 - 1, 32 / 16 - 2, np.log(2), 0)
    file = detector(write(tmp_path / "a.onnx", outputs))
    found = file.objects(PICTURE)
    assert file.layout == "yunet"
    assert found.categories == ("face",)
    assert found.confidences == pytest.approx([0.81])
    np.testing.assert_allclose(found.boxes, [BOX], atol=1e-3)


def test_rows_that_are_no_cells_are_no_layout_by_cells() -> None:
    for answer in (yolox(False)[:, 1:], yolox(False) - 1, yolox(False)[..., :5]):
        assert layout_of({"output": answer}, SIZE, 0, 1) not in ("yolox", "nanodet")


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_layout_says_how_its_input_is_made(name: str) -> None:
    layout = LAYOUTS[name]
    blue = np.zeros((4, 6, 3), np.uint8)
    blue[..., 2] = 255
    fed = layout.prepare(blue)
    assert fed.shape == (1, 3, 4, 6)
    assert fed.dtype == np.float32
    assert fed[0].mean((1, 2)).argmax() == (0 if layout.bgr else 2)


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="the public detectors are not beside the project")
@pytest.mark.parametrize(
    ("file", "name", "box"),
    [
        ("yolox_nano/yolox_nano.onnx", "car", (0.14, 0.75, 0.28, 0.16)),
        ("yolox_nano/yolox_nano.onnx", "person", (0.5, 0.56, 0.1, 0.29)),
        ("yunet/yunet_n_640_640.onnx", "face", (0.52, 0.57, 0.05, 0.07)),
        ("yunet/yunet_n_dynamic.onnx", "face", (0.52, 0.57, 0.05, 0.07)),
    ],
)
def test_public_detectors_find_what_is_in_the_street(file: str, name: str, box: tuple[float, ...]) -> None:
    picture = read(SAMPLES / "street.jpg")
    found = Detector(PUBLIC / file, provider="cpu", threads=1).objects(picture)
    shares = found.boxes / np.tile(picture.shape[1::-1], 2)
    near = [
        np.abs(each - box).max() < 0.04 for each, kind in zip(shares, found.categories, strict=True) if kind == name
    ]
    assert any(near), (found.categories, shares)
