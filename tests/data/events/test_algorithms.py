"""The three detectors against made gaze whose events are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.events.detect import BLINK, FIXATION, METHODS, PSO, SACCADE, detect, detect_fixations
from data.events.velocity import angles
from tests.data.events.made_gaze import HOLD, PLACES, SCREEN, WAY, four, gaze, pixels, record, steady


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rate", [30, 60, 120, 250, 500, 1000, 2000])
def test_four_fixations_are_found_where_and_when_they_were(method: str, rate: float) -> None:
    samples = four(rate)
    path = detect_fixations(samples, detect(samples, method))
    assert path.subject == "anna"
    assert len(path) == 4
    slack = 30 + 1500 / rate  # speed is judged over three samples or more; a dispersion reaches into the saccades
    np.testing.assert_allclose(path.onset, np.arange(4) * (HOLD + WAY), atol=slack)
    np.testing.assert_allclose(path.duration, HOLD, atol=2 * slack)
    np.testing.assert_allclose(path.xy, pixels(PLACES), atol=0.3 * SCREEN.pixels_per_degree)


def test_the_default_follows_the_noise_where_a_fixed_threshold_drowns() -> None:
    samples = four(250, noise=0.5)
    assert len(detect_fixations(samples, detect(samples))) == 4
    assert len(detect_fixations(samples, detect(samples, "ivt"))) == 0


def test_ringing_after_a_saccade_is_neither_fixation_nor_saccade() -> None:
    time = np.arange(0, 1350, 1.0)
    degrees = gaze(time)
    after = (time - (HOLD + WAY)) * (time >= HOLD + WAY)
    degrees[:, 0] += np.where(time >= HOLD + WAY, 0.6 * np.sin(2 * np.pi * after / 25) * np.exp(-after / 12), 0)
    labels = detect(record(degrees, 1000))
    assert (labels[355:365] == PSO).all()
    assert (labels[400:600] == FIXATION).all()


def test_the_thresholds_are_a_median_and_eight_or_four_deviations() -> None:
    # median 15, median deviation 5, standard deviation 7.4: the thresholds are 74 and 45 degrees per second
    noise = [(15.0, 200), (10.0, 200), (15.0, 200), (20.0, 200)]
    for top, seen in ((68.0, False), (80.0, True)):
        degrees = steady(*noise, (top, 20), *noise, (20.0, 200))
        labels = detect(record(degrees, 500), window=6.0)
        assert (labels[803:817] == SACCADE).all() == seen
        assert (labels == SACCADE).any() == seen
    labels = detect(record(steady(*noise, (38.0, 20), (90.0, 20), (50.0, 20), *noise), 500), window=6.0)
    assert (labels[800:818] == FIXATION).all()
    assert (labels[822:858] == SACCADE).all()


def test_without_noise_the_thresholds_are_twenty_and_ten() -> None:
    labels = detect(record(steady((0.0, 400), (17.0, 20), (0.0, 400)), 500))
    assert (labels == FIXATION).all()
    labels = detect(record(steady((0.0, 400), (14.0, 20), (30.0, 20), (0.0, 400)), 500))
    assert (labels[404:436] == SACCADE).all()
    assert (labels[:396] == FIXATION).all()


@pytest.mark.parametrize("offset", [0.0, 12.3456789, 1234.5678])
def test_the_briefest_saccade_lasts_eight_milliseconds(offset: float) -> None:
    for rate in (375, 500, 750, 1000):
        few = round(rate * 0.008)
        for count, seen in ((few - 1, False), (few, True)):
            degrees = np.zeros((800, 2))
            degrees[400 : 400 + count - 2, 0] = np.linspace(0, 0.5, count)[1:-1]
            degrees[400 + count - 2 :, 0] = 0.5  # a slope over three samples adds one on either side
            time = (np.arange(800) / rate + offset) * 1000
            labels = detect(record(degrees, rate, time), window=2000 / rate)
            assert (labels == SACCADE).any() == seen


def test_what_begins_within_thirty_milliseconds_of_a_saccade_is_its_ringing() -> None:
    for gap, found in ((12, True), (22, False)):  # 24 and 44 ms
        labels = detect(record(steady((0.0, 300), (300.0, 15), (0.0, gap), (60.0, 8), (0.0, 300)), 500))
        ring = labels[315 + gap : 323 + gap]
        assert (ring == (PSO if found else SACCADE)).all()


def test_what_is_lost_between_a_saccade_and_its_ringing_stays_lost() -> None:
    degrees = steady((0.0, 300), (300.0, 15), (0.0, 12), (200.0, 8), (0.0, 300))
    degrees[318:328] = np.nan
    labels = detect(record(degrees, 500), margin=0.0)
    assert (labels[318:328] == BLINK).all()


def test_a_larger_movement_soon_after_a_smaller_one_is_a_saccade() -> None:
    labels = detect(record(steady((0.0, 300), (100.0, 15), (0.0, 8), (300.0, 15), (0.0, 300)), 500))
    assert (labels[302:313] == SACCADE).all()
    assert (labels[325:336] == SACCADE).all()
    assert not (labels == PSO).any()


@pytest.mark.parametrize("offset", [0.0, 1000.0, 1234.5678])
@pytest.mark.parametrize("rate", [60, 90, 120, 300, 1200])
def test_exact_multiples_of_the_step_are_long_enough(rate: float, offset: float) -> None:
    hold = round(rate / 10)  # 100 ms, on the way with 1.6 degrees a sample
    degrees = np.stack([np.concatenate([np.arange(20), np.full(hold - 2, 19), np.arange(19, 39)]) * 1.6 - 30] * 2, 1)
    time = np.arange(len(degrees)) * 1000 / rate + offset
    path = detect_fixations(samples := record(degrees, rate, time), detect(samples, "idt"))
    assert path.duration == pytest.approx([100.0])
    for min_duration, count in ((100.0, 1), (100.1, 0)):
        labels = detect(samples, "idt", duration=50.0, min_duration=min_duration)
        assert len(detect_fixations(samples, labels)) == count


@pytest.mark.parametrize(("way", "count"), [(0.8, 1), (1.3, 2)])
def test_a_dispersion_is_a_degree_by_default(way: float, count: int) -> None:
    samples = record(np.where(np.arange(200)[:, None] < 100, 0.0, [way / 2, way / 2]), 500)
    assert len(detect_fixations(samples, detect(samples, "idt"))) == count


def test_a_long_fixation_remembers_how_far_it_reached() -> None:
    degrees = np.zeros((600, 2))
    degrees[70, 0], degrees[300:, 0] = 0.6, -0.6
    labels = detect(record(degrees, 500), "idt")
    assert np.flatnonzero(labels != FIXATION).tolist() == [300]


def test_a_dispersion_needs_two_samples() -> None:
    degrees = np.stack([np.arange(50) * 1.6 - 30, np.zeros(50)], 1)
    assert (detect(record(degrees, 500), "idt", duration=1.0, min_duration=0.0) == SACCADE).all()


def test_dispersion_needs_its_duration_and_no_velocity() -> None:
    degrees = np.repeat(np.array([[0.0, 0.0], [5.0, 0.0], [5.0, 8.0]]), 6, axis=0)
    samples = record(degrees, 10)  # ten a second: 600 ms each
    path = detect_fixations(samples, detect(samples, "idt", duration=300.0))
    assert path.onset.tolist() == [0.0, 700.0, 1300.0]  # the sample that leaves a fixation belongs to none
    assert path.duration.tolist() == [600.0, 500.0, 500.0]
    labels = detect(samples, "idt", duration=700.0)
    assert (labels == SACCADE).all()


@given(st.integers(2, 40), st.floats(0.5, 6), st.integers(0, 10**6))
def test_dispersion_is_that_of_a_loop(size: int, dispersion: float, seed: int) -> None:
    degrees = np.cumsum(np.random.default_rng(seed).normal(0, 0.4, (300, 2)), 0)
    degrees[150:153] = np.nan
    found = detect(
        record(degrees, 500),
        "idt",
        dispersion=dispersion,
        duration=2.0 * size,
        min_duration=0.0,
        max_gap=0.0,
        margin=0.0,
    )
    known = angles(record(degrees, 500))
    known[[149, 153]] = np.nan  # one sample on each side of a loss is lost
    expected, start = np.zeros(300, bool), 0
    while start + size <= 300:
        stop = start + size
        if not np.ptp(known[start:stop], axis=0).sum() <= dispersion:
            start += 1
            continue
        while stop < 300 and np.ptp(known[start : stop + 1], axis=0).sum() <= dispersion:
            stop += 1
        expected[start:stop] = True
        start = stop + 1
    assert ((found == FIXATION) == expected).all()
