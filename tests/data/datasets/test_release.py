from pathlib import Path

import numpy as np
import pytest

from data.datasets import _release
from data.errors import TableError

PATH = Path("fixations.mat")


def test_gaze_that_no_tracker_records_is_refused() -> None:
    _release.pixels(PATH, np.array([[-9e5, 9e5], [3, 4]]), 640, 480)
    for far in (2e6, -2e6, np.inf, np.nan):
        with pytest.raises(TableError, match=r"fixations\.mat: coordinates that are no pixels"):
            _release.pixels(PATH, np.array([[far, 4.0]]), 640, 480)


def test_a_name_that_cannot_be_printed_leaves_the_sentence_whole(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"a\?b\.jpg: the picture is missing"):
        _release.picture(tmp_path / "a\nb.jpg", "a\nb.jpg", "OSIE")


def test_points_to_the_left_of_the_picture_are_no_shares_and_one_point_alone_may_be_in_the_corner() -> None:
    _release.shares(PATH, np.array([[0.5, 0.5], [-3.0, 0.5]]), 640, 480)
    _release.shares(PATH, np.array([[0.5, 0.5]]), 640, 480)
    with pytest.raises(TableError, match="multiply them by 640 x 480"):
        _release.shares(PATH, np.array([[0.5, 0.5], [0, 1]]), 640, 480)


def test_y_before_x_is_guessed_only_where_exchanging_them_helps_by_far() -> None:
    inside, below, right = [100.0, 100], [100.0, 600], [600.0, 500]
    _release.exchanged(PATH, np.array([inside] * 16 + [below] * 2 + [right] * 2), 640, 480)
    with pytest.raises(TableError, match="y seems to come before x"):
        _release.exchanged(PATH, np.array([inside] * 16 + [below] * 4), 640, 480)


def test_times_are_told_from_seconds_and_from_other_numbers() -> None:
    for fine in ([0.0, 0.0], [5.0], [], [0.0, 3000.0]):
        _release.milliseconds(PATH, np.array(fine), "T")
    with pytest.raises(TableError, match="T seems to be in seconds"):
        _release.milliseconds(PATH, np.array([0.2, 3.0]), "T")
    for wrong in (1e10, -1e10, np.nan):
        with pytest.raises(TableError, match="T holds what is no time"):
            _release.milliseconds(PATH, np.array([wrong, 3.0]), "T")
