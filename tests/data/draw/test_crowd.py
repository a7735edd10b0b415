"""Everybody's looks drawn at once, and two drawings side by side."""

import numpy as np
import pytest

from data.draw.crowd import colours, crowd
from data.draw.pair import pair


def test_everybody_has_dots_of_their_own_colour_where_they_looked() -> None:
    picture = np.full((200, 300, 3), 90, np.uint8)
    before = picture.copy()
    drawn = crowd(picture, [np.array([[50.0, 50.0], [250.0, 50.0]]), np.array([[150.0, 150.0]])], veil=0)
    one, two = colours(2)
    assert [tuple(drawn[y, x]) for x, y in ((50, 50), (250, 50), (150, 150))] == [one, one, two]
    assert (drawn[195, 5] == 90).all()
    np.testing.assert_array_equal(picture, before)


def test_nobody_and_places_beside_the_picture_are_fine() -> None:
    picture = np.full((20, 30, 3), 90, np.uint8)
    np.testing.assert_array_equal(crowd(picture, [], veil=0), picture)
    assert crowd(picture, [np.array([[-500.0, 9.0], [900.0, 1e5]])], veil=0).shape == picture.shape


@pytest.mark.parametrize("size", [(40, 60), (600, 900), (900, 200)])
def test_two_drawings_stand_beside_each_other_above_their_words(size: tuple[int, int]) -> None:
    left, right = np.full((*size, 3), 10, np.uint8), np.full((*size, 3), 200, np.uint8)
    sheet = pair(left, right, ("What 12 people looked at", "Prediction"), "One scale for both.")
    middle = sheet[size[0] // 2 + 10]
    assert (middle == 10).all(1).sum() == (middle == 200).all(1).sum() == size[1]
    assert sheet.shape[0] > size[0]
    assert (sheet[size[0] + 30 :] < 128).any()  # the words


def test_drawings_of_two_sizes_are_no_pair() -> None:
    with pytest.raises(ValueError, match="one size"):
        pair(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 3, 3), np.uint8), ("", ""))
