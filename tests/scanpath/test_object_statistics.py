"""Do the numbers per object agree with counting by hand, and is the drawn path the typical one?"""

import csv
import io

import numpy as np
import pytest

from data.gaze import ObjectPath, Objects
from scanpath.decode import Rollouts
from scanpath.object_statistics import BOX, COLUMNS, Statistics, begin, representative, statistics


def rollouts(*paths: list[int], duration: float = 200.0) -> Rollouts:
    longest = max(map(len, paths), default=0)
    order = np.array([path + [-1] * (longest - len(path)) for path in paths], np.int64).reshape(len(paths), longest)
    times = np.where(order >= 0, duration, np.nan)
    return Rollouts(order, times, np.zeros(len(paths)), np.ones(len(paths), bool))


def person(order: list[int], duration: list[float]) -> ObjectPath:
    return ObjectPath("p", np.array(order, np.int64), np.array(duration, np.float64), np.zeros((len(order), 2)))


def test_the_numbers_are_those_counted_by_hand() -> None:
    summary = statistics([person([0, 1, 1, 0], [100, 200, 300, 400]), person([1, 2], [150, 250])], 4)
    assert summary.observers == 2
    np.testing.assert_array_equal(summary.seen, [0.5, 1, 0.5, 0])
    np.testing.assert_array_equal(summary.first, [0.5, 0.5, 0, 0])
    np.testing.assert_array_equal(summary.rank, [1, 1.5, 2, np.nan])
    np.testing.assert_array_equal(summary.rank_sd, [0, 0.5, 0, np.nan])
    np.testing.assert_array_equal(summary.time_to_first_ms, [0, 75, 200, np.nan])  # (100 + 50 + 0) / 2; 150 + 50
    np.testing.assert_array_equal(summary.dwell_ms, [250, 325, 125, 0])
    np.testing.assert_array_equal(summary.looks, [1, 1.5, 0.5, 0])
    np.testing.assert_array_equal(summary.revisits, [0.5, 0, 0, 0])


def test_known_onsets_are_used_as_they_are() -> None:
    summary = statistics([person([1, 0], [100, 100])], 2, [np.array([130.0, 400.0])])
    np.testing.assert_array_equal(summary.time_to_first_ms, [400, 130])


def test_simulated_observers_and_people_with_the_same_paths_have_the_same_numbers() -> None:
    paths = [[0, 2, 0], [1], [], [2, 1, 1, 0]]
    simulated = statistics(rollouts(*paths), 3)
    people = statistics([person(path, [200.0] * len(path)) for path in paths], 3)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(simulated, name), getattr(people, name))


def test_unknown_durations_leave_times_unknown_and_orders_known() -> None:
    summary = statistics(rollouts([0, 1], [0, 1], duration=np.nan), 3)
    np.testing.assert_array_equal(summary.rank, [1, 2, np.nan])
    np.testing.assert_array_equal(summary.time_to_first_ms, [0, np.nan, np.nan])
    np.testing.assert_array_equal(summary.dwell_ms, [np.nan, np.nan, 0])


def test_nobody_and_nothing_have_an_answer() -> None:
    nobody = statistics([], 2)
    assert nobody.observers == 0
    assert np.isnan([list(row.values()) for row in nobody.rows()]).all()
    assert len(statistics(rollouts([], []), 0)) == 0
    np.testing.assert_array_equal(statistics(rollouts([], []), 1).seen, [0])


def test_fixations_begin_after_those_before_them_and_a_saccade() -> None:
    np.testing.assert_array_equal(begin(np.array([[200, 300, np.nan, 100]])), [[0, 250, 600, np.nan]])
    assert begin(np.zeros(0)).shape == (0,)


def test_the_table_reads_back_and_leaves_out_what_is_unknown() -> None:
    summary = statistics(rollouts([0, 1, 0]), 3)
    objects = Objects(np.arange(12.0).reshape(3, 4), ("cat, grey", "dog", ""))
    rows = list(csv.DictReader(io.StringIO(summary.to_csv(objects))))
    assert [row["category"] for row in rows] == ["cat, grey", "dog", ""]
    assert rows[2]["rank"] == ""
    for number, row in enumerate(rows[:2]):
        assert int(row["object"]) == number
        assert [float(row[name]) for name in BOX] == objects.boxes[number].tolist()
        assert {name: float(row[name]) for name in COLUMNS} == summary.rows()[number]
    assert isinstance(summary, Statistics)


def test_the_typical_path_is_the_one_nearest_to_the_others() -> None:
    assert representative(rollouts([5, 6, 7], [0, 1, 2, 3], [0, 1, 2], [1, 2, 3, 4])) == 1
    assert representative(rollouts([3, 4], [0, 1], [0, 1], [0, 1], [2])) == 1


def test_the_typical_path_agrees_with_comparing_all_pairs() -> None:
    from scanpath.metrics.sequence import sequence_score

    draws = np.random.default_rng(0)
    paths = rollouts(*(draws.integers(0, 5, draws.integers(1, 8)).tolist() for _ in range(12)))
    rows = paths.paths()
    means = [np.mean([sequence_score(a, b) for j, b in enumerate(rows) if i != j]) for i, a in enumerate(rows)]
    assert means[representative(paths)] == pytest.approx(max(means))


def test_one_observer_is_typical_and_empty_paths_do_no_harm() -> None:
    assert representative(rollouts([1, 2])) == 0
    assert representative(rollouts([], [])) == 0
    assert representative(rollouts([], [1, 2], [1, 2])) == 1
