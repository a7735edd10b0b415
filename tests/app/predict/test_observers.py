"""Do simulated observers look where the maps say, second by second, as fast as people, and alike each time?"""

import time

import numpy as np
import pytest

from app.predict.observers import FIRST, VIEWING, contains, observe
from data.areas import Area, rectangle
from tests.app.predict.made_maps import made, spot

LEFT, RIGHT = rectangle("left", (0, 0, 320, 480)), rectangle("right", (320, 0, 320, 480))


def test_looks_follow_the_map_of_their_second() -> None:
    planes = [0.8 * spot(0.25, 0.5) + 0.2 * spot(0.75, 0.5)] * 2 + [spot(0.75, 0.5)] * 3
    seen = observe(made(planes), 100, seed=1)
    inside = seen.inside([LEFT])[..., 0]
    for second, share in enumerate((0.8, 0.8, 0.0, 0.0, 0.0)):
        some = (seen.onset >= 1000 * second) & (seen.onset < 1000 * (second + 1))
        deviation = np.sqrt(share * (1 - share) / some.sum())  # of independent looks: they scatter no more than that
        assert abs(inside[some].mean() - share) <= 4 * deviation + 0.002


def test_the_place_within_a_cell_follows_the_map() -> None:
    fine = np.zeros((480, 640))
    fine[:, ::10] = 1  # a tenth of the columns, each as narrow as a tenth of a cell
    seen = observe(made(fine), 100)
    known = np.isfinite(seen.onset)
    on = np.floor(seen.xy[..., 0])[known] % 10 == 0
    assert on.mean() > 0.3  # 0.1 by chance; four tries find it in 1 - 0.9 ** 5 = 0.41 of the cells


def test_times_are_those_of_a_viewing() -> None:
    seen = observe(made(spot(0.5, 0.5)), 100)
    known = np.isfinite(seen.onset)
    assert (np.isfinite(seen.duration) == known).all()
    assert (np.isfinite(seen.xy).all(-1) == known).all()
    assert seen.onset[known].max() < 5000
    assert (seen.onset + seen.duration)[known].max() <= 5000
    assert (np.diff(seen.onset, axis=1)[known[:, 1:]] > 0).all()
    assert 2.5 < known.sum() / 100 / 5 < 3.5  # looks a second: 2.5 to 3.2 in the three sets
    assert abs(np.median(seen.onset[:, 0]) - FIRST[0]) < 4 * 1.25 * FIRST[1] / 10


def test_jumps_are_mostly_short_and_nobody_leaves_the_picture() -> None:
    maps = made(np.ones((48, 64)))
    seen = observe(maps, 100)
    steps = np.linalg.norm(np.diff(seen.xy, axis=1), axis=-1) / 800
    assert np.nanmedian(steps) < 0.3  # two places drawn at random are 0.41 diagonals apart
    known = seen.xy[np.isfinite(seen.onset)]
    assert ((known >= 0) & (known < (640, 480))).all()
    halves = seen.inside([LEFT]).sum() / np.isfinite(seen.onset).sum()
    assert abs(halves - 0.5) < 4 * 0.5 / np.sqrt(np.isfinite(seen.onset).sum())


def test_a_seed_gives_the_same_observers_and_another_gives_others() -> None:
    maps = made(spot(0.4, 0.6, 0.2))
    one, same, other = observe(maps, 10, seed=3), observe(maps, 10, seed=3), observe(maps, 10, seed=4)
    np.testing.assert_array_equal(one.xy, same.xy)
    assert not np.array_equal(one.xy[:, 0], other.xy[:, 0])


def test_below_a_temperature_of_one_observers_agree_more() -> None:
    maps = made(0.6 * spot(0.25, 0.5, 0.1) + 0.4 * spot(0.75, 0.5, 0.1))
    shares = []
    for temperature in (0.5, 1.0, 2.0):
        seen = observe(maps, 30, temperature=temperature)
        shares.append(seen.inside([rectangle("", (100, 180, 120, 120))]).sum() / np.isfinite(seen.onset).sum())
    assert shares[0] > shares[1] > shares[2]


def test_a_map_without_seconds_is_looked_at_for_the_usual_time() -> None:
    seen = observe(made(spot(0.5, 0.5), seconds=False), 5)
    assert seen.viewing == VIEWING
    assert np.nanmax(seen.onset) > 1000 * (VIEWING - 1.5)


@pytest.mark.parametrize("size", [(1, 1), (2000, 20), (20, 2000)])
def test_any_shape_can_be_looked_at(size: tuple[int, int]) -> None:
    maps = made(np.ones((max(1, size[1] // 20), max(1, size[0] // 20))), size)
    known = observe(maps, 3).xy
    assert np.nanmin(known) >= 0
    assert (np.nanmax(known, (0, 1)) <= size).all()


def test_a_point_lies_in_a_polygon_by_the_even_odd_rule() -> None:
    star = Area("bow tie", ((0, 0), (10, 10), (10, 0), (0, 10)))
    points = np.array([[1.0, 5.0], [9.0, 5.0], [5.0, 1.0], [5.0, 9.0], [np.nan, np.nan]])
    assert contains(star, points).tolist() == [True, True, False, False, False]
    assert contains(rectangle("", (0, 0, 1, 1)), np.array([[0.0, 0.0], [1.0, 0.5]])).tolist() == [True, False]


def test_a_hundred_observers_take_less_than_300_ms() -> None:
    maps = made(np.ones((192, 256)))
    times = []
    for _ in range(3):
        begun = time.process_time()
        observe(maps, 100)
        times.append(time.process_time() - begun)
    assert min(times) < 0.3
