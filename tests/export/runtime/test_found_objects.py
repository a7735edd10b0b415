"""Objects from the maps of a picture: peaks, in the picture's pixels, without repeats."""

import numpy as np
import pytest

from data.picture import Letterbox
from export.runtime.found_objects import ELSE, MOST, SURE, found_objects

KINDS = ("object", "face")
BOX = Letterbox.fit((50, 100), (64, 96))  # 48 rows from the 8th on, and 0.96 canvas pixels a pixel


def maps(*objects: tuple[int, int, int, float, tuple[float, float, float, float]]) -> np.ndarray:
    """Kind, row, column, score and box in canvas pixels of each."""
    found = np.zeros((2, 5, 16, 24), np.float32)
    found[:, 3:] = 1
    for kind, row, column, score, box in objects:
        found[kind, :, row, column] = (score, *box)
    return found


def test_an_object_is_where_it_lies_in_the_picture() -> None:
    found = found_objects(maps((0, 7, 11, 0.9, (24, 20, 72, 44))), KINDS, BOX)
    assert found.categories == ("object 1",)
    assert found.confidences == pytest.approx([0.9])
    np.testing.assert_allclose(found.boxes, [[25, 12.5, 50, 25]])


def test_names_say_the_kind_and_the_place_by_sureness() -> None:
    found = found_objects(
        maps((0, 3, 3, 0.5, (0, 8, 20, 24)), (1, 8, 8, 0.8, (30, 30, 40, 40)), (0, 12, 20, 0.3, (70, 40, 90, 56))),
        KINDS,
        BOX,
    )
    assert found.categories == ("face 1", "object 2", "object 3")


def test_what_is_beside_a_surer_cell_repeats_it_or_hardly_shows_is_left_out() -> None:
    surer = (0, 6, 6, 0.9, (10, 10, 40, 40))
    beside = (0, 6, 7, 0.8, (60, 20, 90, 50))  # of a neighbouring cell
    again = (0, 9, 6, 0.7, (11, 11, 41, 41))
    faint = (0, 12, 20, ELSE / 2, (60, 20, 90, 50))
    unsure_face = (1, 12, 12, (SURE["face"] + ELSE) / 2, (40, 40, 60, 56))
    speck = (0, 2, 20, 0.9, (80, 10, 81, 12))
    outside = (0, 15, 2, 0.9, (0, 57, 20, 64))  # in the bar
    found = found_objects(maps(surer, beside, again, faint, unsure_face, speck, outside), KINDS, BOX)
    np.testing.assert_allclose(found.boxes, [[10 / 0.96, 2 / 0.96, 30 / 0.96, 30 / 0.96]])


def test_a_face_and_its_person_are_both_kept() -> None:
    same = (10, 10, 40, 40)
    assert len(found_objects(maps((0, 6, 6, 0.9, same), (1, 6, 6, 0.9, same)), KINDS, BOX)) == 2


def test_boxes_end_at_the_edge_of_the_picture() -> None:
    found = found_objects(maps((0, 7, 11, 0.9, (-50, -50, 500, 500))), KINDS, BOX)
    np.testing.assert_allclose(found.boxes, [[0, 0, 100, 50]])


def test_no_more_than_asked_for_and_none_is_an_answer() -> None:
    many = maps(
        *(
            (0, r, c, 0.5 + 0.001 * r, (4 * c, 4 * r, 4 * c + 8, 4 * r + 8))
            for r in range(3, 13, 2)
            for c in range(0, 22, 3)
        )
    )
    assert len(found_objects(many, KINDS, BOX)) == MOST
    assert len(found_objects(many, KINDS, BOX, most=3)) == 3
    nothing = found_objects(maps(), KINDS, BOX)
    assert len(nothing) == 0
    assert nothing.boxes.shape == (0, 4)
