"""VideoAttentionTarget: every trap of its lists."""

import logging
from pathlib import Path

import numpy as np
import pytest

from data.datasets.video_attention_target import people, smoothed
from data.errors import GazeError
from data.following.sets import open_set
from tests.data.datasets import tiny_people

FRAME = "00000000.jpg"


def test_a_person_is_there_in_every_frame_with_a_name_of_its_own(tmp_path: Path) -> None:
    found = open_set(tiny_people.video_attention_target(tmp_path))
    assert found.layout == "video_attention_target"
    assert len(found.splits["test"]) == 13
    first = found.splits["test"][0]
    assert first.name == f"Last/0_120/s00/{FRAME}"
    assert first.path == tmp_path / "images/Last/0_120" / FRAME
    assert (first.gaze.tolist(), first.in_frame, first.eye) == ([[40, 20]], True, None)


def test_every_eighth_show_of_train_validates(tmp_path: Path) -> None:
    found = people(tiny_people.video_attention_target(tmp_path))
    shows = {split: {person.name.split("/")[0] for person in part} for split, part in found.items()}
    assert shows["val"] == {"Show7"}
    assert shows["train"] == {f"Show{number}" for number in range(9)} - {"Show7"}
    assert shows["test"] == {"Last"}


def test_boxes_are_the_moving_mean_of_eleven_rows_the_ends_repeated(tmp_path: Path) -> None:
    boxes = np.random.default_rng(0).normal(size=(20, 4))
    found = smoothed(boxes)
    for row in range(20):
        near = [boxes[min(max(other, 0), 19)] for other in range(row - 5, row + 6)]
        np.testing.assert_allclose(found[row], np.mean(near, 0))
    told = people(tiny_people.video_attention_target(tmp_path))["test"]
    np.testing.assert_allclose(told[6].head, [16, 5, 10, 10])  # in the middle of a straight line nothing changes
    np.testing.assert_allclose(told[0].head, [10 + 15 / 11, 5, 10, 10])


@pytest.mark.parametrize(
    ("gaze", "points", "inside"),
    [
        ("-1,-1", [], False),
        ("-1,20", [[0, 20]], True),
        ("30,-3", [[30, 0]], True),
        ("500,20", [[np.nextafter(80, 0), 20]], True),
    ],
    ids=["both are -1", "a single negative", "the other", "beyond"],
)
def test_a_gaze_of_minus_one_twice_is_outside_and_a_single_negative_is_the_border(
    tmp_path: Path, gaze: str, points: list[list[float]], inside: bool
) -> None:
    row = f"{FRAME},10,5,20,15,{gaze}\n"
    person = people(tiny_people.video_attention_target(tmp_path, shows=1, frames=1, rows=row))["test"][0]
    assert person.gaze.tolist() == points
    assert person.in_frame is inside


def test_swapped_corners_are_sorted(tmp_path: Path) -> None:
    row = f"{FRAME},20,15,10,5,40,20\n"
    person = people(tiny_people.video_attention_target(tmp_path, shows=1, frames=1, rows=row))["test"][0]
    assert person.head.tolist() == [10, 5, 10, 10]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("a,b\n", "no row of frame, head and gaze"),
        (f"{FRAME},nan,5,20,15,40,20\n", "no row of frame, head and gaze"),
        (f"../{FRAME},10,5,20,15,40,20\n", "no row of frame, head and gaze"),
        ("missing.jpg,10,5,20,15,40,20\n", "the frame missing.jpg is not in"),
    ],
    ids=["cells", "nan", "path", "missing"],
)
def test_a_row_that_is_wrong_is_named_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, row: str, told: str
) -> None:
    rows = f"{FRAME},10,5,20,15,40,20\n{row}"
    tiny_people.video_attention_target(tmp_path, shows=1, frames=1, rows=rows)
    with caplog.at_level(logging.WARNING):
        found = people(tmp_path)
    assert len(found["test"]) == 1
    assert told in caplog.text


def test_a_box_that_is_never_on_the_frame_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    row = f"{FRAME},510,5,520,15,40,20\n"
    with caplog.at_level(logging.WARNING), pytest.raises(GazeError, match="nobody in it can be used"):
        open_set(tiny_people.video_attention_target(tmp_path, shows=1, frames=1, rows=row))
    assert "lies outside of the picture of 80 x 40 pixels" in caplog.text


def test_a_clip_without_pictures_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tiny_people.video_attention_target(tmp_path, shows=1, frames=1)
    (tmp_path / "images/Last/0_120" / FRAME).unlink()
    with caplog.at_level(logging.WARNING):
        assert people(tmp_path)["test"] == []
    assert "none of its frames is there" in caplog.text
