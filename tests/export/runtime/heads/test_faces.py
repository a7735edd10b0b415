"""Which of what was found are heads, how faces grow to heads, and which boxes cannot be heads."""

import json
from pathlib import Path

import numpy as np
import pytest

from data.errors import GazeError, ModelError
from data.gaze import Objects
from data.objects import overlap
from data.picture import read
from export.runtime.detector import Detector
from export.runtime.heads.faces import HeadDetector, check_head, head_of, heads
from export.runtime.saliency import Predictor
from tests.export.runtime.test_detector import write

SIZE = (100, 200)
FACES = np.array([(50.0, 40, 20, 20), (52, 41, 20, 20), (120, 10, 30, 30), (150, 60, 2, 2), (185, 5, 40, 30)])


def test_faces_and_heads_are_taken_the_surest_first_and_each_once() -> None:
    names = ("face 1", "face 2", "object 3", "face 4", "face 5")
    kinds: tuple[dict[str, object], ...] = tuple({"kind": name.split()[0]} for name in names)
    found = heads(Objects(FACES, names, kinds, np.array([0.5, 0.9, 0.95, 0.9, 0.7])), SIZE)
    assert found.categories == ("head 1", "head 2")  # not the object, not the speck, and one of two that overlap
    np.testing.assert_allclose(found.boxes, [(52, 41, 20, 20), (185, 5, 15, 30)])
    assert found.confidences is not None
    np.testing.assert_allclose(found.confidences, [0.9, 0.7])


def test_a_detectors_faces_grow_to_heads_and_its_heads_do_not() -> None:
    found = heads(Objects(FACES[[0, 2]], ("Face", "head"), (), np.array([0.9, 0.8])), SIZE, grow=True)
    np.testing.assert_allclose(found.boxes[0], head_of(FACES[0]))
    assert found.boxes[1].tolist() == [120, 10, 30, 30]
    assert overlap(found.boxes[:1], FACES[:1])[0, 0] == pytest.approx(1 / 1.55**2, abs=1e-3)


@pytest.mark.parametrize("objects", [None, Objects(np.zeros((0, 4))), Objects(FACES[:1], ("cup",))])
def test_no_head_is_an_answer_too(objects: Objects | None) -> None:
    assert len(heads(objects, SIZE)) == 0


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((200, 10, 20, 20), "lies outside of the picture of 200 x 100 pixels"),
        ((-30, 10, 30, 20), "lies outside"),
        ((10, 100.5, 20, 20), "lies outside"),
        ((10, 10, 0, 20), "has no area"),
        ((10, 10, 20, -3), "has no area"),
        ((np.nan, 10, 20, 20), "is not a number"),
        ((10, 10, np.inf, 20), "is not a number"),
    ],
    ids=["right", "left", "below", "no-width", "negative", "nan", "inf"],
)
def test_a_box_that_cannot_be_a_head_is_named(box: tuple[float, ...], words: str) -> None:
    with pytest.raises(GazeError, match=words) as caught:
        check_head(np.array(box, float), SIZE, "a.jpg")
    assert str(caught.value).startswith("a.jpg: the head ")
    check_head(np.array([-5.0, -5, 20, 20]), SIZE)  # which reaches over the edge


def answer(classes: int) -> dict[str, np.ndarray]:
    """What a YOLOv8 file with so many classes says: class 0 at the middle of a 64 x 64 input."""
    made = np.zeros((1, 4 + classes, 12), np.float32)
    made[0, :5, 0] = 32, 32, 16, 16, 0.9
    return {"output0": made}


def test_a_detector_of_faces_finds_heads_and_one_of_other_things_is_refused(tmp_path: Path) -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    for names in ("{0: 'face', 1: 'hand'}", ""):
        file = write(tmp_path / "a.onnx", answer(2), {"names": names} if names else {})
        found = HeadDetector(Detector(file, provider="cpu", threads=1))(picture)
        np.testing.assert_allclose(found.boxes, [head_of(np.array([24.0, 24, 16, 16]))], atol=1e-4)
    file = write(tmp_path / "b.onnx", answer(2), {"names": "{0: 'cat', 1: 'dog'}"})
    with pytest.raises(ModelError, match=r"b\.onnx: the detector finds cat, dog, but neither faces nor heads"):
        HeadDetector(Detector(file, provider="cpu", threads=1))


def test_heads_of_yunet_and_of_the_model_that_ships_are_those_that_people_framed(shared: Path) -> None:
    file = shared.parent / "weights" / "yunet" / "yunet_n_640_640.onnx"
    if not file.is_file():
        pytest.skip(f"no YuNet in {file.parent}: its weights do not come with gaze")
    yunet, tempsal = (
        HeadDetector(Detector(file, provider="cpu", threads=1)),
        Predictor("tempsal", provider="cpu", threads=1),
    )
    told = json.loads((shared / "crowd" / "objects.json").read_text("utf-8"))
    (number,) = [image["id"] for image in told["images"] if image["file_name"] == "009.jpg"]
    framed = np.array([each["bbox"] for each in told["annotations"] if each["image_id"] == number])
    picture = read(shared / "crowd" / "images" / "009.jpg")
    for found in (yunet(picture), heads(tempsal(picture).objects, picture.shape[:2])):
        assert len(found) >= 8
        assert np.median(overlap(found.boxes, framed).max(1)) > 0.6
