"""Scores against numbers that were counted by hand, and what they answer where there is nothing to score."""

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from following import METRICS
from following.metrics import (
    CELLS,
    auc,
    auc_cells,
    average_distance,
    average_precision,
    minimum_distance,
    peak,
)

CHANCE = np.random.default_rng(0)


def test_auc_counts_pairs_of_pixels() -> None:
    """Of 0.1 0.2 / 0.2 0.4 the pixel of 0.2 is above one, ties with one and is below one of the others."""
    assert auc(np.array([[0.1, 0.2], [0.2, 0.4]]), np.array([[1.5, 0.5]])) == pytest.approx(0.5)
    assert auc(np.array([[0.1, 0.2], [0.2, 0.4]]), np.array([[1.5, 1.5]])) == 1.0
    assert auc(np.array([[0.1, 0.2], [0.2, 0.4]]), np.array([[0.5, 0.5]])) == 0.0


def test_auc_of_several_annotators_is_that_of_their_pixels_each_counted_once() -> None:
    prediction = np.array([[0.1, 0.2], [0.3, 0.4]])
    points = np.array([[1.5, 1.5], [1.9, 1.1], [0.5, 0.5]])  # twice the pixel of 0.4, once that of 0.1
    assert auc(prediction, points) == pytest.approx(0.5)  # 0.4 is above both others, 0.1 above none


@pytest.mark.parametrize("size", [(1, 7), (13, 9), (64, 64)], ids=["a line", "odd", "square"])
def test_auc_is_that_of_scikit_learn(size: tuple[int, int]) -> None:
    prediction = CHANCE.integers(0, 5, size).astype(float)  # with many ties
    points = CHANCE.uniform(0, 1, (3, 2)) * size[::-1]
    positive = np.zeros(size, bool)
    positive[points[:, 1].astype(int), points[:, 0].astype(int)] = True
    assert auc(prediction, points) == pytest.approx(roc_auc_score(positive.ravel(), prediction.ravel()))


def test_auc_does_not_change_where_a_map_is_its_logarithm() -> None:
    prediction, points = CHANCE.uniform(0.1, 1, (20, 30)), np.array([[3.0, 4.0], [20.0, 5.0]])
    assert auc(prediction, points) == auc(np.log(prediction), points)


def test_a_point_beyond_the_border_is_moved_to_it() -> None:
    prediction = np.array([[0.1, 0.2], [0.3, 0.4]])
    assert auc(prediction, np.array([[99.0, 99.0]])) == auc(prediction, np.array([[1.5, 1.5]]))


def test_a_flat_map_has_half() -> None:
    assert auc(np.zeros((5, 6)), np.array([[1.0, 2.0]])) == 0.5
    assert auc_cells(np.zeros((64, 64)), (0.5, 0.5)) == 0.5


def test_nobody_who_points_and_nothing_else_to_point_at_have_no_score() -> None:
    assert math.isnan(auc(np.zeros((2, 2)), np.zeros((0, 2))))
    assert math.isnan(auc(np.zeros((1, 1)), np.array([[0.5, 0.5]])))
    assert math.isnan(average_distance(np.eye(3), np.zeros((0, 2))))
    assert math.isnan(minimum_distance(np.eye(3), np.zeros((0, 2))))


@pytest.mark.parametrize(
    ("gaze", "rows", "columns"),
    [((0.5, 0.5), (23, 42), (23, 42)), ((0.0, 0.25), (7, 26), (0, 10)), ((0.999, 0.0), (0, 10), (54, 64))],
    ids=["in the middle", "at the left", "in a corner"],
)
def test_the_positives_of_video_attention_target_are_nineteen_cells_a_side(
    gaze: tuple[float, float], rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    positive = np.zeros((CELLS, CELLS), bool)
    positive[slice(*rows), slice(*columns)] = True
    assert auc_cells(positive.astype(float), gaze) == 1.0
    prediction = CHANCE.uniform(size=(CELLS, CELLS))
    assert auc_cells(prediction, gaze) == pytest.approx(roc_auc_score(positive.ravel(), prediction.ravel()))


def test_distances_are_shares_of_the_sides_from_the_corner_of_the_highest_cell() -> None:
    prediction = np.zeros((64, 64))
    prediction[16, 32] = 1
    np.testing.assert_allclose(peak(prediction), [0.5, 0.25])
    gaze = np.array([[0.5, 0.25], [0.9, 0.25]])
    assert average_distance(prediction, gaze) == pytest.approx(0.2)  # to their mean, 0.7, 0.25
    assert minimum_distance(prediction, gaze) == pytest.approx(0.0)


def test_of_equal_maxima_the_first_counts() -> None:
    np.testing.assert_allclose(peak(np.zeros((64, 64))), [0, 0])
    assert average_distance(np.zeros((64, 64)), np.array([[0.6, 0.8]])) == pytest.approx(1.0)


def test_average_precision_by_hand() -> None:
    """In, out, in, out from the highest: precision 1 at a recall of 1/2, and 2/3 at 1."""
    found = average_precision(np.array([0.9, 0.8, 0.7, 0.1]), np.array([True, False, True, False]))
    assert found == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_average_precision_with_ties_is_that_of_scikit_learn() -> None:
    for count in (1, 2, 30):
        labels = CHANCE.random(count) < 0.6
        labels[0] = True
        scores = CHANCE.integers(0, 4, count).astype(float)
        assert average_precision(scores, labels) == pytest.approx(average_precision_score(labels, scores))


def test_average_precision_where_all_or_none_look_into_the_frame() -> None:
    assert average_precision(np.array([0.1, 0.2]), np.array([True, True])) == 1.0
    assert math.isnan(average_precision(np.array([0.1, 0.2]), np.array([False, False])))
    assert math.isnan(average_precision(np.zeros(0), np.zeros(0, bool)))
    assert average_precision(np.zeros(4), np.array([True, False, False, False])) == 0.25


@pytest.mark.parametrize("bad", [math.nan, math.inf], ids=["nan", "infinite"])
def test_what_is_no_number_is_refused_by_name(bad: float) -> None:
    broken, good = np.array([[0.0, bad]]), np.array([[0.0, 1.0]])
    for score in (auc, average_distance, minimum_distance):
        with pytest.raises(ValueError, match="prediction holds"):
            score(broken, np.array([[0.5, 0.5]]))
        with pytest.raises(ValueError, match="holds"):
            score(good, np.array([[bad, 0.5]]))
    with pytest.raises(ValueError, match="prediction holds"):
        auc_cells(broken, (0.5, 0.5))
    with pytest.raises(ValueError, match="scores holds"):
        average_precision(np.array([bad, 1.0]), np.array([True, False]))


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"in_frame has shape \(1,\), but scores has \(2,\)"):
        average_precision(np.zeros(2), np.zeros(1, bool))
    with pytest.raises(ValueError, match="prediction is empty"):
        auc(np.zeros((0, 0)), np.zeros((1, 2)))


def test_the_table_names_functions_of_their_own_names() -> None:
    import pkgutil

    for name, place in METRICS.items():
        assert pkgutil.resolve_name(place).__name__ == name
