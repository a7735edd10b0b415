"""Boxes follow a moved picture, and become maps of their centres."""

import json
from pathlib import Path

import numpy as np
import pytest

from data.center_maps import NEAR, SEEN, Boxes, center_maps, read
from data.errors import TableError

SIZE = (60, 80)
BOTH = np.array([True, True])


def boxes(*corners: tuple[float, float, float, float], kind: int = 0) -> Boxes:
    count = len(corners)
    return Boxes(np.array(corners, np.float64).reshape(-1, 4), np.full(count, kind), np.zeros(count, bool))


def test_a_mirror_image_mirrors_boxes() -> None:
    mirror = np.array([[-1.0, 0, 80], [0, 1, 0]])
    assert boxes((10, 20, 30, 50)).moved(mirror, SIZE).corners.tolist() == [[50, 20, 70, 50]]


def test_a_turned_box_touches_its_turned_sides() -> None:
    turn = np.array([[0.0, -1, 60], [1, 0, 0]])  # a quarter, clockwise
    assert boxes((10, 20, 30, 50)).moved(turn, (80, 60)).corners.tolist() == [[10, 10, 40, 30]]


def test_what_leaves_the_picture_is_gone_and_what_is_cut_is_uncertain() -> None:
    right = np.array([[1.0, 0, 60], [0, 1, 0]])
    moved = boxes((0, 0, 10, 10), (10, 0, 30, 10), (15, 0, 65, 10), (30, 0, 40, 10)).moved(right, SIZE)
    assert moved.corners.tolist() == [[60, 0, 70, 10], [70, 0, 80, 10], [75, 0, 80, 10]]
    assert moved.uncertain.tolist() == [False, SEEN > 10 / 20, True]


def test_the_centre_is_a_bump_and_its_cell_knows_the_box() -> None:
    bumps, goals, known = center_maps(boxes((2, 1, 6, 4)), (8, 10), BOTH)
    assert np.argwhere(bumps == 1).tolist() == [[0, 2, 4]]
    assert bumps[0, 2, 5] == bumps[0, 2, 3] > bumps[0, 2, 6]
    assert np.allclose(goals[0, :, 2, 4], [np.log(4), np.log(3), 0, 0.5])
    assert known.all()
    assert not bumps[1].any()


def test_cells_near_a_centre_know_the_box_and_where_its_centre_lies() -> None:
    bumps, goals, _ = center_maps(boxes((4, 2, 20, 18)), (20, 24), BOTH)
    there = (goals[0] != 0).any(0)
    np.testing.assert_array_equal(there, bumps[0] >= NEAR)
    assert there.sum() > 4
    assert np.allclose(goals[0, :, 10, 13], [np.log(16), np.log(16), -1, 0])
    assert np.allclose(goals[0, :, 9, 12], [np.log(16), np.log(16), 0, 1])


def test_a_kind_that_is_not_annotated_is_not_known() -> None:
    bumps, _, known = center_maps(boxes((2, 1, 6, 4)), (8, 10), np.array([True, False]))
    assert known[0].all()
    assert not known[1].any()
    assert bumps.shape == (2, 8, 10)


def test_cells_of_an_uncertain_box_are_not_known_but_for_the_centre_of_another() -> None:
    both = boxes((0, 0, 8, 8), (2, 2, 4, 4))
    bumps, _, known = center_maps(Boxes(both.corners, both.kind, np.array([True, False])), (8, 10), BOTH)
    assert np.argwhere(bumps[0] == 1).tolist() == [[3, 3]]
    assert known[0, 3, 3]
    assert known[0].sum() == 8 * 2 + 1


def test_of_two_boxes_with_one_centre_the_smaller_is_asked_for() -> None:
    _, goals, _ = center_maps(boxes((2, 2, 4, 4), (0, 0, 6, 6)), (8, 10), BOTH)
    assert np.allclose(goals[0, :2, 3, 3], np.log(2))


def test_a_picture_without_boxes_has_none(tmp_path: Path) -> None:
    bumps, goals, known = center_maps(Boxes.none(), (8, 10), BOTH)
    assert not bumps.any()
    assert not goals.any()
    assert known.all()
    assert len(Boxes.none().moved(np.eye(2, 3), SIZE).corners) == 0


def test_an_objects_file_tells_kinds_and_what_is_uncertain(tmp_path: Path) -> None:
    path = tmp_path / "objects.json"
    entry = {"image_id": 1, "iscrowd": 0, "area": 100.0}
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 80, "height": 60}],
        "categories": [{"id": 1, "name": "face"}, {"id": 2, "name": "car"}],
        "annotations": [
            {"id": 1, "category_id": 1, "bbox": [1, 2, 10, 10], **entry},
            {"id": 2, "category_id": 2, "bbox": [20, 2, 10, 10], **entry},
        ],
        "uncertain_annotations": [{"id": 3, "category_id": 2, "bbox": [40, 2, 10, 10], **entry}],
    }
    path.write_text(json.dumps(content))
    found = read(path, ("object", "face"))["a.jpg"]
    assert found.corners.tolist() == [[1, 2, 11, 12], [20, 2, 30, 12], [40, 2, 50, 12]]
    assert found.kind.tolist() == [1, 0, 0]
    assert found.uncertain.tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("box", "is no box"),
        ({"image_id": 1}, "is no box"),
        ({"image_id": 1, "bbox": [1, 2, 3]}, "is no box"),
        ({"image_id": [1], "bbox": [1, 2, 3, 4]}, "is on none of its pictures"),
        ({"image_id": 7, "bbox": [1, 2, 3, 4]}, "is on none of its pictures"),
    ],
)
def test_an_uncertain_entry_that_is_none_is_named(tmp_path: Path, entry: object, problem: str) -> None:
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 80, "height": 60}],
        "categories": [],
        "annotations": [],
        "uncertain_annotations": [entry],
    }
    (tmp_path / "objects.json").write_text(json.dumps(content))
    with pytest.raises(TableError, match=rf"uncertain_annotations\[0\] {problem}"):
        read(tmp_path / "objects.json", ("object", "face"))


@pytest.mark.parametrize("angle", [0.0, 0.1, 0.6])
def test_a_moved_box_holds_the_middle_of_the_old_one(angle: float) -> None:
    matrix = np.array([[np.cos(angle), -np.sin(angle), 3], [np.sin(angle), np.cos(angle), -2]])
    (x0, y0, x1, y1) = boxes((30, 20, 50, 40)).moved(matrix, SIZE).corners[0]
    middle = matrix @ (40, 30, 1)
    assert np.allclose([(x0 + x1) / 2, (y0 + y1) / 2], middle)
