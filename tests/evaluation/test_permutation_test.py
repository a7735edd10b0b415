"""Is the paired test right about nothing, about something, and about what cannot be known?"""

import itertools
import math

import numpy as np
import pytest

from evaluation.permutation_test import permutation_test


def test_p_is_the_share_of_all_signs_that_do_as_well() -> None:
    difference = np.array([0.3, -0.1, 0.5, 0.2, 0.4, -0.3, 0.1, 0.6, 0.05, 0.2])
    signs = np.array(list(itertools.product((-1, 1), repeat=10)))
    exact = np.mean(np.abs(signs @ difference) >= abs(difference.sum()) - 1e-12)
    found = permutation_test(difference + 2.0, np.full(10, 2.0), 1)
    assert found["p"] == pytest.approx(exact, abs=0.01)
    assert found["difference"] == pytest.approx(0.195)
    assert found["win_rate"] == pytest.approx(0.8)
    assert found["low"] < 0.195 < found["high"]
    assert found["pictures"] == 10


def test_of_rows_that_differ_by_chance_p_is_small_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    p = [permutation_test(rng.normal(size=30), rng.normal(size=30), 1)["p"] for _ in range(100)]
    assert 0.0 <= np.mean(np.array(p) < 0.1) <= 0.2
    assert 0.4 <= np.mean(p) <= 0.6


def test_turning_the_rows_round_turns_the_difference_and_keeps_p() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=20), rng.normal(0.5, size=20)
    here, there = permutation_test(one, other, 1), permutation_test(other, one, 1)
    assert here["difference"] == -there["difference"]
    assert here["p"] == there["p"]
    assert here["win_rate"] == pytest.approx(1 - there["win_rate"])
    assert permutation_test(one, other, -1)["win_rate"] == pytest.approx(there["win_rate"])
    assert math.isnan(permutation_test(one, other, 0)["win_rate"])


def test_equal_rows_are_no_different() -> None:
    same = np.random.default_rng(2).random(12)
    found = permutation_test(same, same, 1)
    assert (found["difference"], found["p"], found["win_rate"]) == (0, 1, 0.5)


def test_p_is_never_zero_and_never_small_with_few_pictures() -> None:
    assert 0 < permutation_test(np.arange(50.0) + 9, np.arange(50.0), 1)["p"] < 0.001
    assert permutation_test(np.arange(5.0) + 9, np.arange(5.0), 1)["p"] == pytest.approx(1 / 16, abs=0.01)


def test_pictures_that_one_row_lacks_are_left_out() -> None:
    found = permutation_test(np.array([1.0, np.nan, 3.0]), np.array([0.0, 5.0, np.nan]), 1)
    assert (found["pictures"], found["difference"]) == (1, 1.0)
    nothing = permutation_test(np.array([np.nan]), np.array([1.0]), 1)
    assert nothing["pictures"] == 0
    assert all(math.isnan(nothing[name]) for name in ("difference", "low", "high", "p", "win_rate"))
