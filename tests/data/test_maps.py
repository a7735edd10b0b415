"""Counts, densities and onsets against loops, scipy, hand examples and a set whose onsets are known."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from data import maps
from data.gaze import Scanpath, Screen
from data.table.read import read_table


def scanpath(onset: list[float], duration: list[float]) -> Scanpath:
    return Scanpath("s", np.zeros((len(onset), 2)), np.array(onset, float), np.array(duration, float))


def test_a_degree_at_the_centre_of_a_screen_has_its_pixels() -> None:
    screen = Screen(1000, 800, 50.0, 40.0, 60.0)
    assert maps.sigma_pixels(1.0, screen) == pytest.approx(2 * 60 * math.tan(math.pi / 360) * 1000 / 50)
    assert maps.sigma_pixels(0.5, screen) == pytest.approx(maps.sigma_pixels(1.0, screen) / 2)


@given(
    st.lists(st.tuples(st.floats(-3, 12, width=32), st.floats(-3, 9, width=32)), max_size=30),
    st.tuples(st.integers(1, 6), st.integers(1, 9)),
)
def test_counts_are_those_of_a_loop(points: list[tuple[float, float]], size: tuple[int, int]) -> None:
    expected = np.zeros(size, np.float32)
    for x, y in points:
        if 0 <= x < size[1] and 0 <= y < size[0]:
            expected[int(y), int(x)] += 1
    got = maps.counts(np.array(points, float).reshape(-1, 2), size)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, expected)


def test_an_unknown_place_counts_nowhere() -> None:
    assert maps.counts(np.array([[np.nan, 1.0], [1.0, np.nan]]), (3, 3)).sum() == 0


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.5, 7.0])
def test_a_density_is_scipys_gaussian_divided_by_its_sum(sigma: float) -> None:
    chance = np.random.default_rng(0)
    counted = chance.poisson(0.1, (23, 31)).astype(np.float32)
    radius = max(1, math.ceil(4 * sigma))
    expected = gaussian_filter(counted.astype(float), sigma, mode="constant", radius=radius)
    got = maps.density(counted, sigma)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected / expected.sum(), atol=1e-6)
    assert got.sum(dtype=float) == pytest.approx(1, abs=1e-6)


CASES = {
    "some": (100, 1),
    "many": (5000, 1),
    "at the border": (40, 1),
    "repeated": (20, 30),
    "one": (1, 1),
}


@pytest.mark.slow
@pytest.mark.parametrize("size", [(48, 64), (240, 520), (700, 200), (1, 40)])
@pytest.mark.parametrize("sigma", [0.25, 0.5, 1.5, 5.0, 19.0, 300.0])
@pytest.mark.parametrize("case", CASES)
def test_a_density_is_scipys_to_a_millionth_of_its_maximum(case: str, sigma: float, size: tuple[int, int]) -> None:
    chance = np.random.default_rng(1)
    count, times = CASES[case]
    xy = chance.uniform(0, size[::-1], (count, 2)).repeat(times, 0)
    if case == "at the border":
        xy *= chance.integers(0, 2, xy.shape) * (1 - 1e-9)
    outside = [[-0.1, 0.0], [size[1], 0.0], [0.0, size[0] + 5.0], [np.nan, 0.0]]
    counted = maps.counts(xy, size)
    expected = gaussian_filter(counted.astype(float), sigma, mode="constant", truncate=4)  # 4 sigma is whole
    expected /= expected.sum()
    for got in (maps.rendered(np.concatenate([xy, outside]), size, sigma), maps.density(counted, sigma)):
        assert got.dtype == np.float32
        assert np.abs(got - expected).max() <= 1e-6 * expected.max()


@pytest.mark.slow
@pytest.mark.parametrize("size", [(20, 30), (400, 300)])
def test_a_stack_of_maps_is_blurred_map_by_map(size: tuple[int, int]) -> None:
    counted = np.random.default_rng(0).poisson(50 / (size[0] * size[1]), (2, 70, *size)).astype(np.float32)
    counted[0, 3] = 0
    before = counted.copy()
    inside = np.ones(size, bool)
    inside[:3] = False
    got = maps.density(counted, 2.5, inside)
    assert got.shape == counted.shape
    np.testing.assert_array_equal(counted, before)
    for one, other in zip(got.reshape(-1, *size), counted.reshape(-1, *size), strict=True):
        np.testing.assert_allclose(one, maps.density(other, 2.5, inside), rtol=0, atol=1e-6 * one.max())
    assert (got[0, 3] == 0).all()
    np.testing.assert_allclose(np.delete(got.reshape(-1, *size), 3, 0).sum((1, 2), dtype=float), 1, atol=1e-5)


@pytest.mark.parametrize("points", [[], [[-1.0, 2.0], [np.nan, np.nan]]])
def test_points_that_are_nowhere_render_a_map_of_zeros(points: list[list[float]]) -> None:
    got = maps.rendered(np.array(points).reshape(-1, 2), (5, 7), 2.0)
    np.testing.assert_array_equal(got, np.zeros((5, 7)))


def test_a_very_sharp_point_stays_in_its_pixel() -> None:
    for got in (maps.rendered(np.array([[3.5, 1.5]]), (4, 5), 1e-200), maps.density(np.eye(4, dtype=np.float32), 1e-3)):
        assert got.max() == pytest.approx(got.sum() / np.count_nonzero(got))


def test_what_is_blurred_over_the_border_or_out_of_the_picture_is_lost() -> None:
    counted = np.zeros((9, 12), np.float32)
    counted[0, 0], counted[4, 6] = 1, 1
    inside = np.zeros((9, 12), bool)
    inside[:, :7] = True
    blurred = gaussian_filter(counted.astype(float), 1.5, mode="constant", radius=6) * inside
    got = maps.density(counted, 1.5, inside)
    assert (got[~inside] == 0).all()
    np.testing.assert_allclose(got, blurred / blurred.sum(), atol=1e-6)


def test_nobody_looked_is_a_map_of_zeros() -> None:
    nothing = np.zeros((4, 5), np.float32)
    assert (maps.density(nothing, 1.0) == 0).all()
    assert (maps.density(np.ones((4, 5), np.float32), 1.0, np.zeros((4, 5), bool)) == 0).all()


def test_known_onsets_are_kept() -> None:
    known = scanpath([10, 500, 2900], [100, np.nan, 100])
    np.testing.assert_array_equal(maps.onsets(known, 3.0), [10, 500, 2900])
    partly = scanpath([np.nan, 700, np.nan], [300, 300, 300])
    np.testing.assert_array_equal(maps.onsets(partly, 3.0), [280, 700, 280 + 600 + 200])


@pytest.mark.parametrize(
    ("durations", "gap"),
    [
        ([500, 400, 600], 100),  # (3000 - 280 - 1500) / 3 = 407: at most 100
        ([800, 900, 870], 50),  # (3000 - 280 - 2570) / 3 = 50
        ([1000, 900, 810], 20),  # (3000 - 280 - 2710) / 3 = 3: at least 20
    ],
)
def test_without_onsets_the_first_is_at_280_ms_and_gaps_fill_the_viewing(durations: list[float], gap: float) -> None:
    unknown = scanpath([np.nan] * 3, durations)
    first, second, _ = durations
    expected = [280, 280 + first + gap, 280 + first + second + 2 * gap]
    np.testing.assert_allclose(maps.onsets(unknown, 3.0), expected)


def test_an_estimated_fixation_begins_within_the_viewing() -> None:
    onsets = maps.onsets(scanpath([np.nan] * 4, [1500, 1500, 1500, 1500]), 3.0)
    np.testing.assert_allclose(onsets, [280, 1800, 2999, 2999])


def test_without_durations_the_fixations_are_spread_evenly() -> None:
    np.testing.assert_allclose(maps.onsets(scanpath([np.nan] * 3, [np.nan] * 3), 2.0), [500, 1000, 1500])
    np.testing.assert_allclose(maps.onsets(scanpath([np.nan, 40], [200, np.nan]), 3.0), [1000, 40])


def test_one_fixation_and_none_have_onsets() -> None:
    np.testing.assert_allclose(maps.onsets(scanpath([np.nan], [200]), 3.0), [280])
    np.testing.assert_allclose(maps.onsets(scanpath([np.nan], [np.nan]), 3.0), [1500])
    assert maps.onsets(scanpath([], []), 3.0).shape == (0,)


def test_a_fixation_belongs_to_the_second_in_which_it_begins() -> None:
    onset = np.array([-30, 0, 999, 1000, 1999.9, 2000, 2999, 3000, 9000])
    np.testing.assert_array_equal(maps.second(onset, 3.0), [0, 0, 0, 1, 1, 2, 2, 2, 2])
    np.testing.assert_array_equal(maps.second(onset, 2.5), [0, 0, 0, 1, 1, 2, 2, 2, 2])
    np.testing.assert_array_equal(maps.second(onset, 0.4), np.zeros(9))


def test_the_estimate_is_as_good_on_real_data_as_its_docstring_says(shared: Path) -> None:
    """`scene` has onsets and was viewed 3 s: hide them, estimate them, compare; beside stretching the durations."""
    ours: list[np.ndarray] = []
    stretched: list[np.ndarray] = []
    truth: list[np.ndarray] = []
    for _, paths in read_table(shared / "scene"):
        for path in paths:
            hidden = scanpath([np.nan] * len(path), path.duration.tolist())
            ours.append(maps.onsets(hidden, 3.0))
            before = np.cumsum(path.duration) - path.duration
            stretched.append(3000 * before / path.duration.sum())
            truth.append(path.onset)
    true = np.concatenate(truth)

    def score(estimates: list[np.ndarray]) -> tuple[float, float]:
        estimate = np.concatenate(estimates)
        same = maps.second(estimate, 3.0) == maps.second(true, 3.0)
        return round(100 * same.mean()), round(np.abs(estimate - true).mean())

    assert score(ours) == (91, 116)
    assert score(stretched) == (89, 183)
