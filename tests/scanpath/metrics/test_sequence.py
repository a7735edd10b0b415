"""The scores of scanpaths agree with formulas by hand, and have stated answers for odd paths."""

import functools
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import GazeError
from data.table.read import read_table
from scanpath.metrics import _alignment, sequence

ORDERS = st.lists(st.integers(0, 5), max_size=12).map(lambda symbols: np.array(symbols, np.int64))
PLACES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=7).map(
    lambda points: np.array(points, float).reshape(-1, 2)
)


def order(*symbols: int) -> np.ndarray:
    return np.array(symbols, np.int64)


def subsequence(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    """The longest common subsequence, by definition: the longest selection from a that is one from b."""
    for length in range(len(a), 0, -1):
        for kept in itertools.combinations(a, length):
            rest = iter(b)
            if all(symbol in rest for symbol in kept):
                return length
    return 0


@functools.cache
def levenshtein(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    if not a or not b:
        return len(a) + len(b)
    replaced = levenshtein(a[:-1], b[:-1]) + (a[-1] != b[-1])
    return min(replaced, levenshtein(a[:-1], b) + 1, levenshtein(a, b[:-1]) + 1)


@given(ORDERS, ORDERS)
def test_the_sequence_score_is_the_longest_common_subsequence_over_the_longer(a: np.ndarray, b: np.ndarray) -> None:
    longer = max(len(a), len(b))
    expected = subsequence(tuple(a), tuple(b)) / longer if longer else 1.0
    assert sequence.sequence_score(a, b) == pytest.approx(expected)


@given(ORDERS, ORDERS)
def test_the_edit_distance_is_levenshteins(a: np.ndarray, b: np.ndarray) -> None:
    assert sequence.edit_distance(a, b) == levenshtein(tuple(a.tolist()), tuple(b.tolist()))


def test_two_empty_orders_are_equal_and_one_has_nothing_in_common() -> None:
    assert sequence.sequence_score(order(), order()) == 1
    assert sequence.sequence_score(order(), order(1, 2)) == sequence.sequence_score(order(1), order()) == 0
    assert sequence.edit_distance(order(), order()) == 0
    assert sequence.edit_distance(order(), order(1, 2)) == 2


def test_many_pairs_score_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    pairs = [tuple(random.integers(0, 6, n) for n in random.integers(0, 25, 2)) for _ in range(150)]
    places = [tuple(random.uniform(0, 500, (n, 2)) for n in random.integers(0, 15, 2)) for _ in range(50)]
    for cells in (5, 3000, _alignment.CELLS):
        monkeypatch.setattr(_alignment, "CELLS", cells)
        assert sequence.sequence_scores(pairs).tolist() == [sequence.sequence_score(a, b) for a, b in pairs]
        assert sequence.edit_distances(pairs).tolist() == [sequence.edit_distance(a, b) for a, b in pairs]
        np.testing.assert_array_equal(sequence.dtws(places), [sequence.dtw(a, b) for a, b in places])
    for many in (sequence.sequence_scores, sequence.edit_distances, sequence.dtws):
        assert many([]).shape == (0,)


def test_a_matrix_scores_each_row_with_each_column() -> None:
    rows, columns = [order(1, 2, 3), order(), order(2, 2)], [order(1, 3), order(2)]
    expected = [[sequence.sequence_score(a, b) for b in columns] for a in rows]
    assert sequence.sequence_matrix(rows, columns).tolist() == expected
    assert sequence.sequence_matrix(rows, []).shape == (3, 0)


def test_real_paths_over_a_five_by_five_grid_score_above_chance(shared: Path) -> None:
    picture, paths = next(iter(read_table(shared / "osie")))
    cells = [p.xy // [picture.width / 5, picture.height / 5] for p in paths]
    orders = [(c[:, 0] + 5 * c[:, 1]).astype(np.int64) for c in cells]
    random = np.random.default_rng(0)
    chance = [random.integers(0, 25, len(o)) for o in orders]
    scores = sequence.sequence_matrix(orders, orders)
    assert np.array_equal(scores, scores.T)
    assert (np.diag(scores) == 1).all()
    assert scores[~np.eye(len(orders), dtype=bool)].mean() > sequence.sequence_matrix(chance, orders).mean() + 0.05


def test_binning_repeats_each_symbol_for_its_time_and_drops_none() -> None:
    symbols, durations = order(4, 5, 6, 7), np.array([149.0, 20.0, 25.0, 75.0])
    assert sequence.binned(symbols, durations).tolist() == [4, 4, 4, 5, 6, 7, 7]
    assert sequence.binned(symbols, durations, truncate=True).tolist() == [4, 4, 7]
    assert sequence.binned(symbols, durations, 1000).tolist() == [4, 5, 6, 7]
    assert sequence.binned(order(), np.array([])).tolist() == []
    with pytest.raises(GazeError, match="duration is unknown"):
        sequence.binned(order(1), np.array([np.nan]))


def warp(a: np.ndarray, b: np.ndarray) -> float:
    """The cheapest alignment in time, by definition."""

    @functools.cache
    def cost(i: int, j: int) -> float:
        here = float(np.linalg.norm(a[i] - b[j]))
        before = [cost(k, m) for k, m in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if k >= 0 and m >= 0]
        return here + (min(before) if before else 0)

    return cost(len(a) - 1, len(b) - 1)


@given(PLACES, PLACES)
def test_time_warping_finds_the_cheapest_alignment(a: np.ndarray, b: np.ndarray) -> None:
    if len(a) and len(b):
        assert sequence.dtw(a, b) == pytest.approx(warp(a, b))
    else:
        assert math.isnan(sequence.dtw(a, b))


def stretches(a: np.ndarray, b: np.ndarray, k: int) -> list[float]:
    return [
        min(
            sum(np.linalg.norm(a[i + t] - b[j + t]) for t in range(k)) / k  # the mean distance of two stretches
            for j in range(len(b) - k + 1)
        )
        for i in range(len(a) - k + 1)
    ]


@given(PLACES, PLACES, st.integers(1, 4))
def test_time_delay_embedding_compares_stretches(a: np.ndarray, b: np.ndarray, k: int) -> None:
    if min(len(a), len(b)) < k:
        assert math.isnan(sequence.tde(a, b, k))
        return
    expected = stretches(a, b, k)
    assert sequence.tde(a, b, k) == pytest.approx(np.mean(expected))
    assert sequence.tde(a, b, k, worst=True) == pytest.approx(max(expected))


@given(PLACES, PLACES)
def test_the_scaled_embedding_averages_over_all_stretches(a: np.ndarray, b: np.ndarray) -> None:
    longest = min(len(a), len(b))
    if not longest:
        assert math.isnan(sequence.stde(a, b, (20, 10)))
        return
    each = [math.exp(-np.mean(stretches(a / 20, b / 20, k))) for k in range(1, longest + 1)]
    assert sequence.stde(a, b, (20, 10)) == pytest.approx(np.mean(each))
    assert sequence.stde(a, a, (20, 10)) == pytest.approx(1)


def test_no_score_changes_its_arguments() -> None:
    random = np.random.default_rng(3)
    a, b = random.uniform(0, 500, (8, 2)), random.uniform(0, 500, (6, 2))
    copies = a.copy(), b.copy()
    first = sequence.stde(a, b, (640, 480)), sequence.tde(a, b), sequence.dtw(a, b)
    assert first == (sequence.stde(a, b, (640, 480)), sequence.tde(a, b), sequence.dtw(a, b))
    assert np.array_equal(a, copies[0])
    assert np.array_equal(b, copies[1])


def test_eyenalysis_is_the_mean_distance_to_the_nearest() -> None:
    a, b = np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([[0.0, 3.0], [10.0, 0.0], [100.0, 0.0]])
    assert sequence.eyenalysis(a, b) == pytest.approx((3 + 0 + 3 + 0 + 90) / 5)
    assert sequence.eyenalysis(a, a[::-1]) == 0
    assert math.isnan(sequence.eyenalysis(a, b[:0]))


def test_a_path_recurs_on_its_own_diagonal_and_on_a_later_copy_after_it() -> None:
    path = np.column_stack([np.arange(6) * 100.0, np.zeros(6)])
    assert sequence.recurrence(path, path, 10) == (100 * 6 / 36, 100, 0, 0)
    late = np.concatenate([np.full((2, 2), 5000.0), path[:4]])
    assert sequence.recurrence(path, late, 10) == (100 * 4 / 36, 100, 0, 100 * 2 / 5)


def test_dwelling_where_the_other_dwells_is_laminar_and_not_an_order() -> None:
    path = np.array([[0.0, 0], [900, 0], [900, 900]])
    dwell = np.array([[0.0, 0], [0, 0], [0, 900]])
    found = sequence.recurrence(path, dwell, 10)
    assert found == (100 * 2 / 9, 0, 50, 100 * 1 / 2 / 2)


def test_paths_that_never_meet_or_are_empty_have_stated_recurrence() -> None:
    a, b = np.zeros((3, 2)), np.full((4, 2), 900.0)
    apart, none = sequence.recurrence(a, b, 10), sequence.recurrence(a[:0], b, 10)
    assert apart.recurrence == 0
    assert math.isnan(none.recurrence)
    assert np.isnan([*apart[1:], *none[1:]]).all()


def test_spread_is_zero_for_one_path_repeated_and_one_for_paths_without_common_objects() -> None:
    assert sequence.spread([order(1, 2)] * 4) == 0
    assert sequence.spread([order(1, 2), order(3), order(4, 5, 6)]) == 1
    assert sequence.spread([order(1, 2), order(1, 2), order(1, 3)]) == pytest.approx(1 - (1 + 0.5 + 0.5) / 3)
    assert math.isnan(sequence.spread([order(1)]))


def test_recall_counts_the_people_that_some_path_of_the_model_matches() -> None:
    human = [order(1, 2, 3), order(1, 2, 4), order(7, 8, 9)]
    assert sequence.recall([order(1, 2, 3)], human, 0.6) == pytest.approx(2 / 3)
    assert sequence.recall([order(1, 2, 3)], human, 0.7) == pytest.approx(1 / 3)
    assert sequence.recall([order(1, 2, 3), order(7, 8, 9)], human) == 1  # people score 0.22 with each other
    assert sequence.recall([order(5)], human) == 0


def test_people_recall_themselves_and_recall_grows_with_the_number_of_paths() -> None:
    random = np.random.default_rng(1)
    human = [random.integers(0, 8, n) for n in random.integers(4, 12, 10)]
    model = [random.integers(0, 8, n) for n in random.integers(4, 12, 20)]
    assert sequence.recall(human, human) == 1
    shares = [sequence.recall(model[:count], human) for count in range(1, 21)]
    assert all(a <= b for a, b in itertools.pairwise(shares))


def test_recall_without_paths_or_threshold_has_no_answer() -> None:
    assert math.isnan(sequence.recall([], [order(1), order(2)]))
    assert math.isnan(sequence.recall([order(1)], []))
    assert math.isnan(sequence.recall([order(1)], [order(1)]))
    assert sequence.recall([order(1)], [order(1)], 0.5) == 1


def test_a_uniform_choice_among_eight_objects_costs_three_bits() -> None:
    log_p = np.log(np.full(5, 1 / 8))
    assert sequence.bits(log_p) == pytest.approx(3)
    assert sequence.information_gain(log_p, np.log(np.full(5, 1 / 32))) == pytest.approx(2)
    assert math.isnan(sequence.bits(np.array([])))


def test_the_gain_is_the_baselines_bits_less_the_models() -> None:
    random = np.random.default_rng(2)
    model, baseline = np.log(random.uniform(0.01, 1, (2, 30)))
    assert sequence.information_gain(model, baseline) == pytest.approx(sequence.bits(baseline) - sequence.bits(model))
    with pytest.raises(ValueError, match="2 probabilities"):
        sequence.information_gain(model[:2], baseline)
