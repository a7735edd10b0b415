"""The rates of behaviour and the search curves agree with a count by hand; odd trials have stated answers."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.table.read import read_table
from scanpath.metrics import behaviour

ORDERS = st.lists(st.integers(0, 4), min_size=1, max_size=15)


def order(*symbols: int) -> np.ndarray:
    return np.array(symbols, np.int64)


@given(ORDERS, st.sets(st.integers(0, 4), min_size=1))
def test_each_fixation_is_search_refixation_or_revisit(symbols: list[int], targets: set[int]) -> None:
    kinds = {"search": 0, "refixation": 0, "revisit": 0}
    for k, symbol in enumerate(symbols):
        if k and symbols[k - 1] == symbol:
            kinds["refixation"] += 1
        elif symbol in symbols[:k]:
            kinds["revisit"] += 1
        else:
            kinds["search"] += 1
    expected = [symbols[-1] in targets, len(symbols), *(kinds[name] / len(symbols) for name in behaviour.RATES[2:])]
    np.testing.assert_allclose(behaviour.rates(order(*symbols), targets), expected, atol=1e-15)


def test_an_empty_path_and_free_viewing_have_stated_rates() -> None:
    np.testing.assert_array_equal(behaviour.rates(order(), [1]), [0, 0, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(behaviour.rates(order(1, 1)), [np.nan, 2, 0.5, 0.5, 0])


def table(*rows: list[float]) -> np.ndarray:
    return np.array(rows)


def test_delta_is_the_mean_relative_distance_of_the_five_means() -> None:
    human = table([1, 10, 0.6, 0.3, 0.1], [0, 14, 0.8, 0.1, 0.1])
    model = table([0, 12, 0.7, 0.2, 0.2], [0, 12, 0.7, 0.2, 0.2])
    assert behaviour.delta(model, human) == pytest.approx((1 + 0 + 0 + 0 + 1) / 5)
    assert behaviour.delta(human, human) == 0


def test_the_right_means_with_the_wrong_trials_are_noticed_trial_by_trial() -> None:
    human = table([1, 10, 0.6, 0.3, 0.1], [0, 14, 0.8, 0.1, 0.1])
    swapped = human[::-1]
    assert behaviour.delta(swapped, human) == pytest.approx(0)
    by_trial = (1 / 0.5 + 4 / 12 + 0.2 / 0.7 + 0.2 / 0.2 + 0) / 5
    assert behaviour.delta_by_trial(swapped, human) == pytest.approx(by_trial)
    assert behaviour.delta_by_trial(human, human) == 0


@given(st.integers(0, 1000))
def test_trial_by_trial_is_never_less_than_the_means(seed: int) -> None:
    model, human = np.random.default_rng(seed).uniform(0, 1, (2, 6, 5))
    assert behaviour.delta_by_trial(model, human) >= behaviour.delta(model, human) - 1e-12


def test_what_people_never_do_counts_nothing_or_one() -> None:
    human = table([1, 5, 1, 0, 0])
    assert behaviour.delta(table([1, 5, 1, 0, 0]), human) == 0
    assert behaviour.delta(table([1, 5, 1, 0.01, 0]), human) == pytest.approx(1 / 5)
    assert behaviour.delta_by_trial(table([1, 5, 1, 0.01, 0.4]), human) == pytest.approx(2 / 5)


def test_unknown_rates_are_left_out() -> None:
    free = table([np.nan, 8, 0.5, 0.25, 0.25], [np.nan, 4, 0.5, 0.25, 0.25])
    other = table([np.nan, 9, 0.5, 0.25, 0.25], [np.nan, 9, np.nan, np.nan, np.nan])
    assert behaviour.delta(other, free) == pytest.approx(0.5 / 4)
    assert behaviour.delta_by_trial(other, free) == pytest.approx(0.5 / 4)
    assert math.isnan(behaviour.delta(np.full((2, 5), np.nan), free))
    with pytest.raises(ValueError, match="shape"):
        behaviour.delta_by_trial(free[:1], free)


def test_a_search_curve_counts_the_trials_that_have_found_by_each_step() -> None:
    first = [1, 3, 3, math.inf, 9]
    curve = behaviour.tfp(first, 4)
    np.testing.assert_allclose(curve, [0.2, 0.2, 0.6, 0.6])
    assert behaviour.tfp_auc(curve) == pytest.approx(1.6)
    assert behaviour.tfp_auc(behaviour.tfp([1, 1], 7)) == 7
    assert np.isnan(behaviour.tfp([], 3)).all()


def test_the_first_fixation_on_a_target_is_counted_from_one() -> None:
    assert behaviour.first_on(order(4, 2, 2), [2]) == 2
    assert behaviour.first_on(order(4, 2, 2), [7, 4]) == 1
    assert behaviour.first_on(order(4), []) == behaviour.first_on(order(), [4]) == math.inf
    box = (10.0, 20.0, 5.0, 5.0)
    assert behaviour.first_inside(np.array([[15.0, 25], [9, 20], [10, 20]]), box) == 3  # the far edges are outside
    assert behaviour.first_inside(np.empty((0, 2)), box) == math.inf


def test_the_mismatch_sums_over_the_steps() -> None:
    assert behaviour.mismatch(np.array([0.1, 0.5, 1]), np.array([0.3, 0.4, 1])) == pytest.approx(0.3)
    with pytest.raises(ValueError, match="steps"):
        behaviour.mismatch(np.array([0.1]), np.array([0.1, 0.2]))


def test_the_ratio_of_a_straight_search_is_one_and_of_a_detour_less() -> None:
    box = (90.0, -10.0, 20.0, 20.0)
    straight, detour = np.array([[0.0, 0], [50, 0], [100, 0]]), np.array([[0.0, 0], [0, 100], [100, 0], [500, 500]])
    assert behaviour.scanpath_ratio(straight, box) == 1
    assert behaviour.scanpath_ratio(detour, box) == pytest.approx(100 / (100 + math.hypot(100, 100)))
    assert behaviour.scanpath_ratio(straight[2:], box) == 1
    assert behaviour.scanpath_ratio(np.array([[0.0, 0], [91, 0]]), box) == 1  # shorter than the way to the centre
    assert math.isnan(behaviour.scanpath_ratio(straight[:2], box))


@pytest.mark.slow
def test_on_the_book_covers_people_search_refixate_and_rarely_come_back(shared: Path) -> None:
    """OAT's paper's data; all 600 trials end on the target in 84 %, and 5 % of the fixations are revisits."""
    found, hits, ratios = [], [], []
    for picture, paths in read_table(shared / "amazon_covers"):
        for path in paths:
            assert path.box is not None
            cells = (path.xy // [picture.width / 14, picture.height / 6]).astype(np.int64)
            centre = np.array(path.box[:2]) + np.array(path.box[2:]) / 2
            column, row = (centre // [picture.width / 14, picture.height / 6]).astype(int)
            found.append(behaviour.rates(cells[:, 0] + 14 * cells[:, 1], [column + 14 * row]))
            hits.append(behaviour.first_inside(path.xy, path.box))
            ratios.append(behaviour.scanpath_ratio(path.xy, path.box))
    means = dict(zip(behaviour.RATES, np.nanmean(found, axis=0), strict=True))
    assert means == pytest.approx(
        {"ends_on_target": 0.84, "length": 14.5, "search": 0.78, "refixation": 0.17, "revisit": 0.05}, rel=0.02
    )
    curve = behaviour.tfp(hits, 30)
    assert (np.diff(curve) >= 0).all()
    assert curve[-1] > 0.7 > curve[2]
    assert 0 < np.nanmin(ratios) <= np.nanmean(ratios) < 1
