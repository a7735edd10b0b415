"""What of a recording is lost and what is bridged, and how fast the gaze was, on clocks of all kinds."""

import numpy as np
import pytest
from scipy.signal import savgol_filter

from data.events.detect import BLINK, FIXATION, METHODS, SACCADE, detect, detect_fixations
from data.events.velocity import angles, speed, trusted, usual, velocity
from data.gaze import Samples
from tests.data.events.made_gaze import HOLD, SCREEN, WAY, four, gaze, record


def test_velocity_is_the_derivative_of_savitzky_and_golay() -> None:
    degrees = gaze(np.arange(0, 1350, 2.0))
    found = velocity(np.arange(0, 1350, 2.0), degrees, 20.0)
    expected = savgol_filter(degrees, 11, 2, deriv=1, delta=0.002, axis=0)
    np.testing.assert_allclose(found[5:-5], expected[5:-5], atol=1e-8)


def test_velocity_of_an_irregular_clock_is_that_of_a_line_fit() -> None:
    random = np.random.default_rng(3)
    time = np.cumsum(random.uniform(1.0, 3.0, 60))
    degrees = random.normal(0, 1, (60, 2))
    degrees[[10, 11, 40]] = np.nan
    found = velocity(time, degrees, 12.0)
    step = usual(time)
    half = max(1, int(6.0 / step + 0.5))
    for i in range(60):
        near = [j for j in range(max(0, i - half), min(60, i + half + 1)) if not np.isnan(degrees[j, 0])]
        near = [j for j in near if abs(time[j] - time[i]) <= (half + 1.5) * step]
        if np.isnan(degrees[i, 0]) or len(near) <= half:
            assert np.isnan(found[i]).all()
        else:
            slope = np.polyfit(time[near] - time[i], degrees[near], 1)[0] * 1000
            np.testing.assert_allclose(found[i], slope, rtol=1e-6, atol=1e-6)


def test_an_even_and_a_jittering_clock_give_the_same_velocity() -> None:
    time = np.arange(0, 1350, 2.0)
    jitter = time + np.random.default_rng(0).uniform(-0.2, 0.2, len(time))
    one, two = velocity(time, gaze(time), 20.0), velocity(jitter, gaze(jitter), 20.0)
    assert np.abs(one - two).max() < 0.02 * np.abs(one).max()


def test_a_jittering_clock_changes_no_fixation() -> None:
    even = np.arange(0, 1350, 4.0)
    time = even + np.random.default_rng(1).uniform(-1.5, 1.5, len(even))
    path = detect_fixations(samples := record(gaze(time), 250, time), detect(samples))
    assert len(path) == 4
    np.testing.assert_allclose(path.onset, np.arange(4) * (HOLD + WAY), atol=20)


def test_a_short_loss_in_a_fixation_is_bridged_and_a_long_one_ends_it() -> None:
    samples = four(500)
    samples.xy[60:80] = np.nan  # 40 ms
    assert len(detect_fixations(samples, detect(samples))) == 4
    assert len(detect_fixations(samples, detect(samples, max_gap=0.0))) == 5
    samples.xy[50:110] = np.nan  # 120 ms
    labels = detect(samples)
    assert len(detect_fixations(samples, labels)) == 5
    assert (labels[30:130] == BLINK).all()  # 40 ms on both sides are lost, too
    assert (labels[:29] == FIXATION).all()


def test_a_loss_during_which_the_gaze_moved_is_not_bridged() -> None:
    samples = four(500)
    samples.xy[150:175] = np.nan  # the first saccade
    labels = detect(samples)
    assert (labels[150:175] == BLINK).all()
    assert len(detect_fixations(samples, labels)) == 4


def test_missing_rows_are_a_loss() -> None:
    samples = four(500)
    kept = np.ones(len(samples), bool)
    kept[145:180] = False  # from one fixation into the next
    cut = Samples("anna", "", samples.time[kept], samples.xy[kept], SCREEN)
    path = detect_fixations(cut, detect(cut))
    assert len(path) == 4
    assert path.onset[0] + path.duration[0] <= samples.time[145]
    filled = trusted(cut.time, angles(cut), 0.0, 75.0, 0.5)
    assert np.flatnonzero(np.isnan(filled[:, 0])).tolist() == [144, 145]


@pytest.mark.parametrize("back", [False, True])
def test_one_large_hole_does_not_spread_over_later_small_ones(back: bool) -> None:
    time = np.arange(0, 1000, 2.0)
    degrees = np.zeros((500, 2))
    degrees[250:, 0] = 5.0
    degrees[245:255] = np.nan
    degrees[270 if not back else 5 :: 15] = np.nan
    degrees = degrees[::-1].copy() if back else degrees
    filled = trusted(time, degrees, 40.0, 75.0, 0.5)
    lost = np.flatnonzero(np.isnan(filled[:, 0]))
    hole = np.flatnonzero(np.isnan(degrees[:, 0]) & (np.abs(np.arange(500) - 249.5) < 6))
    around = np.arange(hole[0] - 21, hole[-1] + 22)
    assert set(lost) - {0, 499} == set(around)


def test_a_recording_read_backwards_loses_the_same() -> None:
    random = np.random.default_rng(5)
    for drop in (0.02, 0.1, 0.3):
        degrees = np.cumsum(random.normal(0, 0.1, (400, 2)), 0)
        degrees[random.random(400) < drop] = np.nan
        degrees[100:130] = np.nan
        time = np.arange(0, 800, 2.0)
        there = trusted(time, degrees, 10.0, 40.0, 0.2)
        back = trusted(time, degrees[::-1], 10.0, 40.0, 0.2)[::-1]
        np.testing.assert_allclose(there, back, atol=1e-9)
        assert 0 < np.isnan(there[:, 0]).sum() < 400


@pytest.mark.parametrize("rate", [125, 250, 500, 1000, 2000])
def test_one_lost_sample_in_a_saccade_is_no_blink(rate: float) -> None:
    samples = four(rate)
    before = detect(samples)
    samples.xy[round(0.325 * rate)] = np.nan
    labels = detect(samples)
    assert not (labels == BLINK).any()
    assert (labels == before).mean() > 0.995
    assert (detect(samples, max_gap=0.0) == BLINK).any()


def test_two_lost_samples_in_a_saccade_may_be_a_blink() -> None:
    samples = four(1000)
    samples.xy[325:327] = np.nan
    assert (detect(samples) == BLINK).any()


def test_the_margins_of_two_losses_may_overlap() -> None:
    degrees = np.zeros((500, 2))
    degrees[200:250] = degrees[260:310] = np.nan
    labels = detect(record(degrees, 500), margin=40.0)
    assert np.flatnonzero(labels == BLINK).tolist() == list(range(179, 331))


def test_one_lost_sample_of_a_slow_tracker_may_be_a_blink() -> None:
    samples = four(60)
    samples.xy[19] = np.nan  # 33 ms within the first saccade
    assert (detect(samples) == BLINK).any()


@pytest.mark.parametrize(("small", "large", "share"), [(1.0, 7.0, 0.6), (1.0, 7.0, 0.88), (0.3, 8.0, 0.5)])
@pytest.mark.parametrize("method", METHODS)
def test_a_clock_with_steps_of_two_lengths_loses_nothing(small: float, large: float, share: float, method: str) -> None:
    random = np.random.default_rng(0)
    time = np.cumsum(np.where(random.random(2000) < share, small, large))
    time = time[time < 4 * (HOLD + WAY) - WAY]
    samples = record(gaze(time) + random.normal(0, 0.02, (len(time), 2)), 1, time)
    labels = detect(samples, method)
    assert not (labels == BLINK).any()
    path = detect_fixations(samples, labels)
    long = path.duration > 200
    assert long.sum() == 4
    np.testing.assert_allclose(path.onset[long], np.arange(4) * (HOLD + WAY), atol=45)


def test_an_alternating_clock_finds_what_an_even_one_finds() -> None:
    time = np.cumsum(np.tile([0.3, 7.7], 200))
    time = time[time < 4 * (HOLD + WAY) - WAY]
    path = detect_fixations(samples := record(gaze(time), 1, time), detect(samples))
    assert len(path) == 4
    np.testing.assert_allclose(path.onset, np.arange(4) * (HOLD + WAY), atol=20)


@pytest.mark.parametrize(("length", "lost"), [(35, False), (39, True)])
def test_a_loss_of_up_to_75_ms_is_bridged(length: int, lost: bool) -> None:
    degrees = np.zeros((400, 2))
    degrees[200 : 200 + length] = np.nan  # a sample more from side to side
    assert (detect(record(degrees, 500)) == BLINK).any() == lost


@pytest.mark.parametrize(("rate", "length"), [(300, 11), (120, 8), (90, 5), (700, 20)])
def test_a_loss_exactly_as_long_as_the_bridge_is_bridged_anywhere(rate: float, length: int) -> None:
    for place in range(100, 200, 3):
        degrees = np.zeros((300, 2))
        degrees[place : place + length] = np.nan
        time = np.arange(300) * 1000 / rate + 1234.5678
        labels = detect(record(degrees, rate, time), max_gap=(length + 1) * 1000 / rate)
        assert (labels == FIXATION).all()


@pytest.mark.parametrize(("way", "lost"), [(0.4, False), (0.6, True), (1.5, True)])
def test_a_loss_is_bridged_where_the_gaze_came_back_within_half_a_degree(way: float, lost: bool) -> None:
    degrees = np.zeros((400, 2))
    degrees[220:, 0] = way
    degrees[200:220] = np.nan
    assert (detect(record(degrees, 500)) == BLINK).any() == lost


def test_a_loss_up_to_the_last_sample_but_one_is_bridged() -> None:
    degrees = np.zeros((100, 2))
    degrees[90:99] = np.nan
    assert (detect(record(degrees, 500)) == FIXATION).all()
    degrees[99] = np.nan
    assert (detect(record(degrees, 500))[70:] == BLINK).all()


def test_a_few_missing_rows_within_a_movement_are_a_loss() -> None:
    time = np.delete(np.arange(0, 800, 2.0), np.arange(200, 205))  # 12 ms, six steps
    degrees = np.where(np.arange(395)[:, None] < 200, 0.0, [3.0, 0.0])
    labels = detect(record(degrees, 500, time))
    assert (labels[190:210] == BLINK).all()
    assert not (labels == SACCADE).any()


def test_the_edge_of_a_wide_screen_can_be_looked_at() -> None:
    labels = detect(record(np.full((300, 2), 45.0), 500))
    assert (labels == FIXATION).all()
    assert (detect(record(np.full((300, 2), 85.0), 500)) == BLINK).all()


def test_what_a_lid_drags_along_is_lost() -> None:
    time = np.arange(0, 1000, 2.0)
    degrees = np.zeros((500, 2))
    degrees[200:230, 1] = np.linspace(0, 12, 30)
    degrees[230:280] = np.nan
    degrees[280:310, 1] = np.linspace(12, 0, 30)
    labels = detect(record(degrees, 500), margin=10.0)
    assert (labels[202:308] == BLINK).all()
    assert not (labels == SACCADE).any()
    assert len(detect_fixations(record(degrees, 500, time), labels)) == 2


def test_the_windows_of_the_default_differ_at_usual_rates() -> None:
    for rate in (250, 300, 500, 1000):
        time = np.arange(100) * 1000 / rate
        degrees = np.zeros((100, 2))
        degrees[50, 0] = 1.0
        reach = [np.ptp(np.flatnonzero(speed(time, degrees, window))) for window in (12.0, 20.0, 32.0, 48.0)]
        assert sorted(set(reach)) == reach
    assert np.flatnonzero(speed(np.arange(100) * 4.0, degrees, 12.0)).tolist() == [48, 49, 51, 52]


def test_a_long_recording_with_a_jittering_clock_has_a_velocity_everywhere() -> None:
    time = np.arange(9000) * 2 + np.random.default_rng(0).uniform(-0.5, 0.5, 9000)
    degrees = np.stack([0.01 * time, 0 * time], 1)
    np.testing.assert_allclose(velocity(time, degrees, 20.0), np.tile([10.0, 0.0], (9000, 1)), atol=1e-6)
