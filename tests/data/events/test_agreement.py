"""Agreement of two raters against examples worked by hand, an independent kappa and a slow matching."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from data.errors import GazeError
from data.events.agreement import Agreement, agreement, match

LABELS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60)


def labels(text: str) -> np.ndarray:
    """One digit a sample."""
    return np.array([int(digit) for digit in text], np.int8)


def rate(first: str, second: str, label: int = 1) -> Agreement:
    """Two raters at 500 Hz."""
    return agreement(labels(first), labels(second), np.arange(len(first)) * 2.0, label)


def test_raters_who_say_the_same_agree_wholly() -> None:
    found = rate("1112211001", "1112211001")
    assert (found.hits, found.f1, found.kappa, found.onset, found.offset) == (3, 1.0, 1.0, 0.0, 0.0)


def test_an_example_worked_by_hand() -> None:
    # the first rater's second event is split by the other, who also sees one that is not there
    first_, second = "11110111110000", "01110110110110"
    found = rate(first_, second)
    assert (found.hits, found.first, found.second) == (2, 2, 4)
    assert found.f1 == pytest.approx(4 / 6)
    assert match(labels(first_), labels(second)).tolist() == [[0, 0], [1, 1]]
    assert found.onset == pytest.approx(math.sqrt((2**2 + 0) / 2))
    assert found.offset == pytest.approx(math.sqrt((0 + 6**2) / 2))
    both, ones, twos, count = 7, 9, 9, 14
    observed = (both + count - ones - twos + both) / count
    chance = (ones * twos + (count - ones) * (count - twos)) / count**2
    assert found.kappa == pytest.approx((observed - chance) / (1 - chance))


def test_the_largest_overlap_wins_even_where_that_leaves_an_event_alone() -> None:
    # 0-3 and 3-9 overlap by 1, 3-9 and 5-12 by 5: the latter are one event, the other two have no partner
    first, second = labels("1111000000000"), labels("0001111111000")
    other = labels("0001111111000"), labels("0000011111111")
    assert match(first, second).tolist() == [[0, 0]]
    both = labels("1111011111100"), labels("0001111111000")
    assert match(*both).tolist() == [[1, 0]]
    assert match(*other).tolist() == [[0, 0]]


def test_a_shared_sample_is_a_hit_and_a_touch_is_none() -> None:
    assert rate("1110", "0011").hits == 1
    assert rate("1100", "0011").hits == 0
    assert rate("1100", "0011").f1 == 0.0


def test_saccades_are_rated_like_fixations() -> None:
    assert rate("1122211", "1112211", label=2).f1 == 1.0
    assert rate("1122211", "1112211", label=2).onset == 2.0


def test_an_event_ends_as_its_last_sample_does() -> None:
    time = np.append([0.0, 2.0, 3.0, 7.0, 9.0, 12.0], np.arange(14.0, 50.0, 2.0))  # a usual step of 2

    def rate(first: str, second: str) -> Agreement:
        return agreement(labels(first.ljust(24, "0")), labels(second.ljust(24, "0")), time)

    found = rate("0111", "00111")
    assert found.onset == 1.0
    assert found.offset == 2.0  # from 9 to 11, the usual step after 9; the samples themselves are at 7 and 9
    found = rate("011", "0111")
    assert found.offset == 4.0  # from 5 to 9; the samples are at 3 and 7
    found = rate("000011", "0000111")
    assert found.offset == 2.0
    found = rate("01", "011")
    assert found.offset == 2.0  # from 3 to 5; the samples are at 2 and 3


def test_nothing_to_agree_on_is_nan() -> None:
    none = rate("0000", "0000")
    assert math.isnan(none.f1)
    assert math.isnan(none.kappa)
    assert math.isnan(none.onset)
    empty = agreement(np.zeros(0, np.int8), np.zeros(0, np.int8), np.zeros(0))
    assert empty == Agreement()
    assert math.isnan(empty.kappa)
    assert math.isnan(empty.offset)
    assert rate("1111", "0000").f1 == 0.0


def test_recordings_add_up() -> None:
    one, two = rate("1110", "0110"), rate("1011", "1000")
    total = sum([one, two], Agreement())
    assert total == one + two
    assert (total.hits, total.first, total.second) == (2, 3, 2)
    joined = rate("11101011", "01101000")
    assert total.kappa == pytest.approx(joined.kappa)


@given(LABELS, st.integers(0, 2))
def test_kappa_is_that_of_another_library(pairs: list[tuple[int, int]], label: int) -> None:
    first, second = np.array(pairs, np.int8).T
    found = agreement(first, second, np.arange(float(len(first))), label).kappa
    one, two = first == label, second == label
    if (one.all() and two.all()) or not (one.any() or two.any()):
        assert math.isnan(found)
    else:
        assert found == pytest.approx(cohen_kappa_score(one, two), abs=1e-12)


@given(LABELS)
def test_matching_is_that_of_a_loop_and_does_not_depend_on_who_is_first(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs, np.int8).T

    def spans(rater: np.ndarray) -> list[set[int]]:
        found: list[set[int]] = []
        for place in np.flatnonzero(rater == 1).tolist():
            if found and place - 1 in found[-1]:
                found[-1].add(place)
            else:
                found.append({place})
        return found

    mine, other = spans(first), spans(second)
    left = [(-len(a & b), i, j) for i, a in enumerate(mine) for j, b in enumerate(other) if a & b]
    expected = []
    while left:
        best = min(left)
        expected.append([best[1], best[2]])
        left = [item for item in left if item[1] != best[1] and item[2] != best[2]]
    assert match(first, second).tolist() == sorted(expected)
    time = np.arange(float(len(first)))
    one, two = agreement(first, second, time), agreement(second, first, time)
    assert (one.hits, one.onset, one.offset) == pytest.approx((two.hits, two.onset, two.offset), nan_ok=True)


def test_raters_of_different_samples_are_refused() -> None:
    with pytest.raises(GazeError, match="give both raters' labels of every sample"):
        agreement(labels("111"), labels("1111"), np.arange(4.0))
    with pytest.raises(GazeError, match="give both raters' labels of every sample"):
        agreement(labels("111"), labels("111"), np.arange(4.0))
