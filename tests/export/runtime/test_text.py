"""Lines of text become blocks named by their words; RapidOCR reads a drawn page without the network."""

import socket
import sys

import cv2
import numpy as np
import pytest

from data.errors import GazeError, ModelError
from data.gaze import Objects
from export.runtime import scene_objects as scenes
from export.runtime import text
from export.runtime.saliency import Prediction
from export.runtime.scene_objects import SOURCES, scene_objects
from export.runtime.text import LONGEST, group, installed, text_blocks


def blocks(*lines: tuple[float, float, float, float, str]) -> Objects:
    corners = np.array([line[:4] for line in lines], np.float64).reshape(-1, 4)
    return group(corners, [line[4] for line in lines], np.full(len(lines), 0.9))


def test_lines_below_each_other_are_a_block() -> None:
    found = blocks((10, 36, 90, 56, "and find"), (10, 10, 100, 30, "Look here"), (12, 60, 60, 80, "it"))
    assert found.categories == ("Look here and find it",)
    assert found.boxes.tolist() == [[10, 10, 90, 70]]
    assert found.confidences == pytest.approx([0.9])


@pytest.mark.parametrize(
    "other",
    [
        (10, 60, 100, 80, "far"),  # more than most of a line below
        (110, 32, 200, 52, "beside"),  # not under it
        (10, 32, 100, 82, "large"),  # a headline
        (105, 10, 190, 30, "column"),  # the same line of the next column
    ],
)
def test_what_is_far_beside_or_larger_is_another_block(other: tuple[float, float, float, float, str]) -> None:
    assert len(blocks((10, 10, 100, 30, "Look here"), other)) == 2


def test_a_line_goes_on_in_the_nearer_of_two_blocks() -> None:
    left, right = (10, 10, 60, 30, "one"), (70, 14, 130, 34, "two")
    assert blocks(left, right, (72, 36, 130, 56, "three")).categories == ("one", "two three")


def test_long_names_are_cut_and_no_line_is_no_block() -> None:
    (name,) = blocks((0, 0, 900, 20, "word " * 30)).categories
    assert len(name) == LONGEST
    assert name.endswith("…")
    assert len(blocks()) == 0


def page() -> np.ndarray:
    picture = np.full((240, 420, 3), 245, np.uint8)
    cv2.putText(picture, "SUMMER SALE", (40, 70), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (10, 10, 10), 3)
    cv2.putText(picture, "Order now", (150, 200), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (120, 0, 0), 2)
    return picture


@pytest.mark.slow
@pytest.mark.skipif(not installed(), reason="the extra 'text' is not installed")
def test_a_page_is_read_without_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the network was asked"))
    found = text_blocks(page())
    assert found.categories == ("SUMMER SALE", "Order now")
    assert np.abs(found.boxes[0] - (40, 35, 300, 40)).max() < 20
    assert len(text_blocks(np.full((64, 64, 3), 200, np.uint8))) == 0


def test_without_the_extra_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    text._reader.cache_clear()
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    with pytest.raises(ModelError, match=r"pip install -e '\.\[text\]'$"):
        text_blocks(page())
    text._reader.cache_clear()


def prediction(objects: Objects | None) -> Prediction:
    y, x = np.mgrid[:60, :80]
    density = -((x - 20.0) ** 2 + (y - 20.0) ** 2) / 200
    density -= np.log(np.exp(density).sum())
    return Prediction(
        density.astype(np.float32), np.empty((0, 60, 80), np.float32), (), "m", "1", "any", "cpu", "", objects
    )


PIXELS = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
THREE = Objects(np.array([[0.0, 0, 10, 10], [20, 20, 30, 10], [50, 5, 20, 20]]), ("face 1", "object 2", "object 3"))
WORDS = Objects(np.array([[21.0, 20, 30, 10], [0, 50, 40, 8]]), ("Sale", "Now"), (), np.array([0.9, 0.8]))


def test_found_objects_are_those_of_the_model_and_proto_objects_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    assert scene_objects(PIXELS, prediction(THREE)) is THREE
    proto = scene_objects(PIXELS, prediction(THREE), "proto")
    assert proto.masks is not None
    for few in (None, Objects(THREE.boxes[:1], THREE.categories[:1])):
        np.testing.assert_array_equal(scene_objects(PIXELS, prediction(few)).boxes, proto.boxes)


def test_text_comes_first_and_takes_the_place_of_what_it_covers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "text_blocks", lambda pixels: WORDS)
    both = scene_objects(PIXELS, prediction(THREE), "found+text")
    assert both.categories == ("Sale", "Now", "face 1", "object 3")
    assert both.confidences == pytest.approx([0.9, 0.8, 1, 1])
    assert scene_objects(PIXELS, prediction(THREE), "text") is WORDS
    assert scene_objects(PIXELS, prediction(None), "proto+text").categories[:2] == ("Sale", "Now")


def test_another_source_is_refused() -> None:
    with pytest.raises(GazeError, match=r"cannot come from 'cats'; choose found, proto, text"):
        scene_objects(PIXELS, prediction(THREE), "cats")
    assert len(set(SOURCES)) == 5
