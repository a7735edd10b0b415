"""ScanMatch is GazeParser's, with and without time; odd paths have stated answers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import GazeError
from data.gaze import Scanpath
from scanpath.metrics.scanmatch import scanmatch, scanmatches
from tests.scanpath.reference import make_reference as recipe

GROUPS: dict[str, dict[str, Any]] = json.loads(recipe.FILE.read_text())["groups"]
SCREEN = (120, 80)  # cells of 10 x 10 pixels


def check(name: str, pairs: recipe.Pairs) -> None:
    for key, options in recipe.SCANMATCH.items():
        got = scanmatches(pairs, recipe.SCREENS[name], **options)
        expected = np.array(GROUPS[name]["scanmatch"][key], float)
        known = ~np.isnan(expected)
        assert known.sum() >= 0.9 * len(pairs)
        np.testing.assert_allclose(got[known], expected[known], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", recipe.KINDS)
def test_every_value_of_random_paths_equals_gazeparser(kind: str) -> None:
    check(kind, recipe.random_pairs(kind))


@pytest.mark.parametrize("name", recipe.REAL)
def test_every_value_of_real_paths_equals_gazeparser(name: str, shared: Path) -> None:
    check(name, recipe.real_pairs(shared, name, GROUPS[name]["pairs"]))


def path(xy: Any, duration: Any = None) -> Scanpath:
    xy = np.asarray(xy, float).reshape(-1, 2)
    duration = np.full(len(xy), 200.0) if duration is None else np.asarray(duration, float)
    return Scanpath("s", xy, np.full(len(xy), np.nan), duration)


def wander(seed: int, length: int) -> Scanpath:
    random = np.random.default_rng(seed)
    return path(random.uniform(0, 1, (length, 2)) * SCREEN, random.uniform(60, 500, length))


def by_recursion(a: list[tuple[int, int]], b: list[tuple[int, int]], threshold: float, gap: float) -> float:
    """The best worth of aligning two sequences of cells, by definition."""
    if not a or not b:
        return gap * (len(a) + len(b))
    near = threshold - np.hypot(a[-1][0] - b[-1][0], a[-1][1] - b[-1][1])
    return max(
        near + by_recursion(a[:-1], b[:-1], threshold, gap),
        gap + by_recursion(a[:-1], b, threshold, gap),
        gap + by_recursion(a, b[:-1], threshold, gap),
    )


@pytest.mark.parametrize(("seed", "threshold"), [(0, 3.5), (1, 1.0), (2, 8.0)])
def test_the_score_is_the_best_alignments_worth(seed: int, threshold: float) -> None:
    a, b = wander(seed, 5), wander(seed + 10, 6)
    cells = [[(int(x // 10), int(y // 10)) for x, y in p.xy] for p in (a, b)]
    expected = by_recursion(*cells, threshold, 0) / (6 * threshold)
    assert scanmatch(a, b, SCREEN, threshold=threshold) == pytest.approx(expected, abs=1e-12)


def test_a_path_equals_itself_and_the_order_of_two_paths_does_not_matter() -> None:
    a, b = wander(3, 9), wander(4, 7)
    for bin in (0, 50):
        assert scanmatch(a, a, SCREEN, bin=bin) == pytest.approx(1)
        assert scanmatch(a, b, SCREEN, bin=bin) == pytest.approx(scanmatch(b, a, SCREEN, bin=bin))


def test_a_near_miss_counts_a_little() -> None:
    a = path([[5, 5], [105, 75]])
    for cells, worth in ((0, 1), (1, 2.5 / 3.5), (3, 0.5 / 3.5), (4, 0)):
        assert scanmatch(a, path(np.add(a.xy, [10 * cells, 0])), (200, 80), grid=(20, 8)) == pytest.approx(worth)


def test_time_counts_only_with_a_bin() -> None:
    short, long = path([[5, 5], [95, 65]], [100, 100]), path([[5, 5], [95, 65]], [400, 100])
    assert scanmatch(short, long, SCREEN) == 1
    assert scanmatch(short, long, SCREEN, bin=50) == pytest.approx(4 / 10)


def test_a_fixation_outside_counts_in_the_nearest_cell() -> None:
    inside, outside = path([[5, 5], [115, 75]]), path([[-50, 3], [400, 1000]])
    assert scanmatch(inside, outside, SCREEN) == 1


def test_paths_without_fixations_have_stated_answers() -> None:
    none, some = path([]), wander(0, 3)
    assert scanmatch(none, none, SCREEN) == 1
    assert scanmatch(none, some, SCREEN) == scanmatch(some, none, SCREEN, bin=50) == 0
    blink = path([[5, 5]], [20])  # less than half a bin: it is left out
    assert scanmatch(blink, some, SCREEN, bin=50) == 0
    assert scanmatches([], SCREEN).shape == (0,)


def test_what_is_unknown_is_one_sentence() -> None:
    with pytest.raises(GazeError, match="duration is unknown"):
        scanmatch(path([[5, 5]], [np.nan]), wander(0, 3), SCREEN, bin=50)
    assert 0 <= scanmatch(path([[5, 5]], [np.nan]), wander(0, 3), SCREEN) <= 1
    with pytest.raises(GazeError, match="place is unknown"):
        scanmatch(path([[np.nan, 5]]), wander(0, 3), SCREEN)
    with pytest.raises(ValueError, match="threshold"):
        scanmatch(wander(0, 3), wander(0, 3), SCREEN, threshold=0)
