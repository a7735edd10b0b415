"""MultiMatch is multimatch-gaze's, for many pairs at once; odd paths have stated answers."""

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import GazeError
from data.gaze import Scanpath
from scanpath.metrics import _alignment
from scanpath.metrics._multimatch_simplify import Simplification
from scanpath.metrics.multimatch import DIMENSIONS, multimatch, multimatches
from tests.scanpath.reference import make_reference as recipe

GROUPS: dict[str, dict[str, Any]] = json.loads(recipe.FILE.read_text())["groups"]
SCREEN = (1280, 1024)


def simplification(screen: tuple[int, int]) -> Simplification:
    amplitude = recipe.GROUPING["amplitude"] * math.hypot(*screen)
    return Simplification(recipe.GROUPING["direction"], amplitude, recipe.GROUPING["duration"])


def check(name: str, pairs: recipe.Pairs) -> None:
    """All values of one group of pairs, plain and grouped; where the package fails we only answer."""
    screen, expected = recipe.SCREENS[name], GROUPS[name]
    assert sum(p.xy.sum() + p.duration.sum() for pair in pairs for p in pair) == pytest.approx(
        expected["sum"], rel=1e-9
    )
    for key, how in (("multimatch", None), ("grouped", simplification(screen))):
        got = multimatches(pairs, screen, simplification=how)
        known = [k for k, values in enumerate(expected[key]) if values is not None]
        theirs = np.array([expected[key][k] for k in known], float)
        np.testing.assert_allclose(got[known], theirs, rtol=0, atol=1e-6)
        assert len(known) >= 0.8 * len(pairs)


@pytest.mark.parametrize("kind", recipe.KINDS)
def test_every_value_of_random_paths_equals_multimatch_gaze(kind: str) -> None:
    check(kind, recipe.random_pairs(kind))


@pytest.mark.parametrize("name", recipe.REAL)
def test_every_value_of_real_paths_equals_multimatch_gaze(name: str, shared: Path) -> None:
    named = GROUPS[name]["pairs"]
    check(name, recipe.real_pairs(shared, name, named))


def test_the_reference_holds_a_thousand_pairs_and_stays_small() -> None:
    assert sum(len(group["multimatch"]) for group in GROUPS.values()) >= 1000
    assert recipe.FILE.stat().st_size < 300_000


def path(xy: Any, duration: Any = None) -> Scanpath:
    xy = np.asarray(xy, float)
    duration = np.full(len(xy), 200.0) if duration is None else np.asarray(duration, float)
    return Scanpath("s", xy, np.full(len(xy), np.nan), duration)


def wander(seed: int, length: int) -> Scanpath:
    random = np.random.default_rng(seed)
    return path(random.uniform(0, 1, (length, 2)) * SCREEN, random.gamma(4, 60, length))


def best_of_all(a: Scanpath, b: Scanpath) -> np.ndarray:
    """Every alignment, tried in turn: the five numbers of the cheapest."""
    u, v = np.diff(a.xy, axis=0), np.diff(b.xy, axis=0)
    cheapest, answer = math.inf, np.empty(0)
    for moves in itertools.product(((1, 0), (0, 1), (1, 1)), repeat=len(u) + len(v) - 2):
        cells = [(0, 0)]
        for move in moves:
            if cells[-1] == (len(u) - 1, len(v) - 1):
                break
            cells.append((cells[-1][0] + move[0], cells[-1][1] + move[1]))
        if cells[-1] != (len(u) - 1, len(v) - 1) or any(i >= len(u) or j >= len(v) for i, j in cells):
            continue
        i, j = np.transpose(cells)
        shape = np.linalg.norm(u[i] - v[j], axis=1)
        if shape[1:].sum() < cheapest:
            cheapest = shape[1:].sum()
            turn = np.abs(np.angle(np.exp(1j * (np.arctan2(*u[i].T[::-1]) - np.arctan2(*v[j].T[::-1])))))
            lengths = np.abs(np.linalg.norm(u[i], axis=1) - np.linalg.norm(v[j], axis=1))
            apart = np.linalg.norm(a.xy[i] - b.xy[j], axis=1)
            durations = np.abs(a.duration[i] - b.duration[j]) / np.maximum(a.duration[i], b.duration[j])
            answer = np.array([np.median(d) for d in (shape, turn, lengths, apart, durations)])
    diagonal = math.hypot(*SCREEN)
    return 1 - answer / [2 * diagonal, math.pi, diagonal, diagonal, 1]


@pytest.mark.parametrize(("seed", "lengths"), [(0, (3, 3)), (1, (5, 4)), (2, (4, 5)), (3, (3, 6)), (4, (5, 5))])
def test_the_alignment_is_the_cheapest_of_all(seed: int, lengths: tuple[int, int]) -> None:
    a, b = wander(seed, lengths[0]), wander(seed + 100, lengths[1])
    np.testing.assert_allclose(multimatch(a, b, SCREEN), best_of_all(a, b), rtol=0, atol=1e-12)


def test_a_path_equals_itself_in_all_five_dimensions() -> None:
    assert len(DIMENSIONS) == 5
    np.testing.assert_array_equal(multimatch(wander(1, 12), wander(1, 12), SCREEN), np.ones(5))


def test_a_shifted_path_differs_in_position_only_and_a_slower_one_in_duration_only() -> None:
    a = wander(2, 9)
    moved = path(np.add(a.xy, [30, 40]), a.duration)
    np.testing.assert_allclose(multimatch(a, moved, SCREEN), [1, 1, 1, 1 - 50 / math.hypot(*SCREEN), 1], atol=1e-12)
    slower = path(a.xy, 2 * a.duration)
    np.testing.assert_allclose(multimatch(a, slower, SCREEN), [1, 1, 1, 1, 0.5], atol=1e-12)


def test_the_opposite_direction_scores_zero_in_direction() -> None:
    right, left = path([[0, 500], [100, 500], [200, 500]]), path([[900, 500], [800, 500], [700, 500]])
    assert multimatch(right, left, SCREEN)[1] == pytest.approx(0)


def test_a_batch_of_all_lengths_equals_one_pair_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [(wander(k, 1 + k % 23), wander(k + 50, 1 + k * 7 % 31)) for k in range(60)]
    one_by_one = [multimatch(a, b, SCREEN) for a, b in pairs]
    for cells in (10, 1000, _alignment.CELLS):
        monkeypatch.setattr(_alignment, "CELLS", cells)
        np.testing.assert_array_equal(multimatches(pairs, SCREEN), one_by_one)


def test_fewer_than_three_fixations_have_no_answer() -> None:
    for short in range(3):
        assert np.isnan(multimatch(wander(0, short), wander(1, 5), SCREEN)).all()
        assert np.isnan(multimatch(wander(1, 5), wander(0, short), SCREEN)).all()
    assert multimatches([], SCREEN).shape == (0, 5)


def test_an_unknown_duration_leaves_the_other_four() -> None:
    a = wander(3, 8)
    unknown = path(a.xy, np.full(8, np.nan))
    np.testing.assert_array_equal(multimatch(a, unknown, SCREEN), [1, 1, 1, 1, np.nan])
    nothing = path(a.xy, np.zeros(8))
    np.testing.assert_array_equal(multimatch(nothing, nothing, SCREEN), [1, 1, 1, 1, np.nan])


def test_an_unknown_place_or_screen_is_one_sentence() -> None:
    broken = path([[1, 2], [np.nan, 3], [4, 5]])
    for how in (None, simplification(SCREEN)):
        with pytest.raises(GazeError, match="place is unknown"):
            multimatch(broken, wander(0, 5), SCREEN, simplification=how)
    with pytest.raises(GazeError, match="width and height"):
        multimatch(wander(0, 5), wander(1, 5), (0, 0))


def test_the_paths_stay_as_they_were() -> None:
    a, b = wander(5, 10), wander(6, 10)
    before = [array.copy() for array in (a.xy, a.duration, b.xy, b.duration)]
    multimatch(a, b, SCREEN, simplification=simplification(SCREEN))
    for array, copy in zip((a.xy, a.duration, b.xy, b.duration), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_grouping_without_thresholds_changes_nothing() -> None:
    a, b = wander(7, 10), wander(8, 14)
    none = multimatch(a, b, SCREEN, simplification=Simplification(0, 0, 0))
    np.testing.assert_allclose(none, multimatch(a, b, SCREEN), rtol=0, atol=1e-12)


def test_grouping_joins_saccades_that_go_straight_on() -> None:
    straight = path([[0, 0], [100, 0], [200, 0], [200, 300], [200, 600]])
    corner = path([[0, 0], [200, 0], [200, 600]])
    assert multimatch(straight, corner, SCREEN)[0] < 1
    np.testing.assert_allclose(
        multimatch(straight, corner, SCREEN, simplification=Simplification(10, 0, 300)), np.ones(5)
    )


def test_on_a_grid_many_alignments_tie_and_the_answer_does_not_depend_on_the_batch() -> None:
    pairs = recipe.random_pairs("one grid")
    alone = np.stack([multimatch(a, b, SCREEN) for a, b in pairs])
    np.testing.assert_array_equal(multimatches(pairs, SCREEN), alone)
