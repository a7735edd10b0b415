"""Detectors against made gaze whose events are known, against two human raters, and against nonsense."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.signal import savgol_filter

from data import GazeError, events
from data.events import FIXATION, LOST, METHODS, OSCILLATION, PURSUIT, SACCADE, UNDEFINED
from data.gaze import Samples, Screen
from data.velocity import angles, runs, trusted, velocity
from tests.bench import bench_events as bench

SCREEN = Screen(1024, 768, 38.0, 30.0, 67.0)
PLACES = [(-8.0, -3.0), (2.0, 4.0), (9.0, 1.0), (-1.0, -5.0)]  # degrees
HOLD, WAY = 300.0, 50.0  # milliseconds of a fixation and of a saccade


def record(degrees: np.ndarray, rate: float, time: np.ndarray | None = None) -> Samples:
    """Samples of a gaze in degrees."""
    cm = np.tan(np.radians(degrees)) * SCREEN.distance_cm
    xy = cm * [SCREEN.width / SCREEN.width_cm, SCREEN.height / SCREEN.height_cm] + [SCREEN.width / 2, SCREEN.height / 2]
    at = np.arange(len(degrees)) * 1000 / rate if time is None else time
    return Samples("anna", "001.jpg", at, xy, SCREEN)


def gaze(time: np.ndarray) -> np.ndarray:
    """Four fixations of `HOLD` with smooth saccades of `WAY` between them, degrees."""
    place, within = np.divmod(time, HOLD + WAY)
    share = np.clip((within - HOLD) / WAY, 0, 1)
    share = share - np.sin(2 * np.pi * share) / (2 * np.pi)
    stops = np.array([*PLACES, PLACES[-1]])
    index = np.minimum(place.astype(int), len(PLACES) - 1)
    return stops[index] + share[:, None] * (stops[index + 1] - stops[index])


def four(rate: float, noise: float = 0.02) -> Samples:
    """Those fixations at a rate, with noise in degrees."""
    time = np.arange(0, 4 * (HOLD + WAY) - WAY, 1000 / rate)
    return record(gaze(time) + np.random.default_rng(0).normal(0, noise, (len(time), 2)), rate)


def pixels(degrees: list[tuple[float, float]]) -> np.ndarray:
    return record(np.array(degrees), 1.0).xy


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rate", [30, 60, 120, 250, 500, 1000, 2000])
def test_four_fixations_are_found_where_and_when_they_were(method: str, rate: float) -> None:
    samples = four(rate)
    path = events.fixations(samples, events.detect(samples, method))
    assert path.subject == "anna"
    assert len(path) == 4
    slack = 30 + 1500 / rate  # speed is judged over three samples or more; a dispersion reaches into the saccades
    np.testing.assert_allclose(path.onset, np.arange(4) * (HOLD + WAY), atol=slack)
    np.testing.assert_allclose(path.duration, HOLD, atol=2 * slack)
    np.testing.assert_allclose(path.xy, pixels(PLACES), atol=0.3 * SCREEN.pixels_per_degree)


def test_the_default_follows_the_noise_where_a_fixed_threshold_drowns() -> None:
    samples = four(250, noise=0.3)
    assert len(events.fixations(samples, events.detect(samples))) == 4
    assert len(events.fixations(samples, events.detect(samples, "ivt"))) == 0


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
    step = float(np.median(np.diff(time)))
    half = max(1, round(6.0 / step))
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
    path = events.fixations(samples := record(gaze(time), 250, time), events.detect(samples))
    assert len(path) == 4
    np.testing.assert_allclose(path.onset, np.arange(4) * (HOLD + WAY), atol=20)


def test_a_short_loss_in_a_fixation_is_bridged_and_a_long_one_ends_it() -> None:
    samples = four(500)
    samples.xy[60:80] = np.nan  # 40 ms
    assert len(events.fixations(samples, events.detect(samples))) == 4
    assert len(events.fixations(samples, events.detect(samples, bridge=0.0))) == 5
    samples.xy[50:110] = np.nan  # 120 ms
    labels = events.detect(samples)
    assert len(events.fixations(samples, labels)) == 5
    assert (labels[30:130] == LOST).all()  # 40 ms on both sides are lost, too
    assert (labels[:29] == FIXATION).all()


def test_a_loss_during_which_the_gaze_moved_is_not_bridged() -> None:
    samples = four(500)
    samples.xy[150:175] = np.nan  # the first saccade
    labels = events.detect(samples)
    assert (labels[150:175] == LOST).all()
    assert len(events.fixations(samples, labels)) == 4


def test_missing_rows_are_a_loss() -> None:
    samples = four(500)
    kept = np.ones(len(samples), bool)
    kept[145:180] = False  # from one fixation into the next
    cut = Samples("anna", "", samples.time[kept], samples.xy[kept], SCREEN)
    path = events.fixations(cut, events.detect(cut))
    assert len(path) == 4
    assert path.onset[0] + path.duration[0] <= samples.time[145]
    filled = trusted(cut.time, angles(cut), 0.0, 75.0, 0.5)
    assert np.flatnonzero(np.isnan(filled[:, 0])).tolist() == [144, 145]


def test_what_a_lid_drags_along_is_lost() -> None:
    time = np.arange(0, 1000, 2.0)
    degrees = np.zeros((500, 2))
    degrees[200:230, 1] = np.linspace(0, 12, 30)
    degrees[230:280] = np.nan
    degrees[280:310, 1] = np.linspace(12, 0, 30)
    labels = events.detect(record(degrees, 500), margin=10.0)
    assert (labels[202:308] == LOST).all()
    assert not (labels == SACCADE).any()
    assert len(events.fixations(record(degrees, 500, time), labels)) == 2


def test_ringing_after_a_saccade_is_neither_fixation_nor_saccade() -> None:
    time = np.arange(0, 1350, 1.0)
    degrees = gaze(time)
    after = (time - (HOLD + WAY)) * (time >= HOLD + WAY)
    degrees[:, 0] += np.where(time >= HOLD + WAY, 0.6 * np.sin(2 * np.pi * after / 25) * np.exp(-after / 12), 0)
    labels = events.detect(record(degrees, 1000))
    assert (labels[355:365] == OSCILLATION).all()
    assert (labels[400:600] == FIXATION).all()


def test_what_follows_a_moving_thing_is_pursuit_when_asked_for() -> None:
    time = np.arange(0, 1000, 2.0)
    degrees = np.stack([10 * time / 1000, np.zeros(500)], 1)
    samples = record(degrees + np.random.default_rng(0).normal(0, 0.02, degrees.shape), 500)
    assert (events.detect(samples) == FIXATION).all()
    assert (events.detect(samples, pursuit=3.0) == PURSUIT).all()
    still = record(0 * degrees, 500)
    assert (events.detect(still, pursuit=3.0) == FIXATION).all()


def test_neighbours_merge_only_where_time_and_way_are_short() -> None:
    degrees = np.zeros((400, 2))
    degrees[180:200, 0] = 3 * np.sin(np.linspace(0, np.pi, 20))  # away and back in 40 ms
    degrees[200:, 0] = 0.3
    samples = record(degrees, 500)
    for options, count in (({}, 2), ({"merge": 80.0}, 1), ({"merge": 80.0, "apart": 0.2}, 2), ({"merge": 10.0}, 2)):
        assert len(events.fixations(samples, events.detect(samples, "ivt", **options))) == count


def test_a_short_fixation_is_undefined() -> None:
    degrees = np.zeros((400, 2))
    degrees[200:230, 0] = 5.0  # 60 ms, of which a velocity sees less
    degrees[230:, 0] = 10.0
    samples = record(degrees, 500)
    assert len(events.fixations(samples, events.detect(samples, shortest=20.0))) == 3
    labels = events.detect(samples, shortest=100.0)
    assert len(events.fixations(samples, labels)) == 2
    assert labels[215] == UNDEFINED


def test_dispersion_needs_its_duration_and_no_velocity() -> None:
    degrees = np.repeat(np.array([[0.0, 0.0], [5.0, 0.0], [5.0, 8.0]]), 6, axis=0)
    samples = record(degrees, 10)  # ten a second: 600 ms each
    path = events.fixations(samples, events.detect(samples, "idt", duration=300.0))
    assert path.onset.tolist() == [0.0, 700.0, 1300.0]  # the sample that leaves a fixation belongs to none
    assert path.duration.tolist() == [600.0, 500.0, 500.0]
    labels = events.detect(samples, "idt", duration=700.0)
    assert (labels == SACCADE).all()


@given(st.integers(2, 40), st.floats(0.5, 6), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_dispersion_is_that_of_a_loop(size: int, dispersion: float, seed: int) -> None:
    degrees = np.cumsum(np.random.default_rng(seed).normal(0, 0.4, (300, 2)), 0)
    degrees[150:153] = np.nan
    found = events.detect(
        record(degrees, 500), "idt", dispersion=dispersion, duration=2.0 * size, shortest=0.0, bridge=0.0, margin=0.0
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


def test_labels_of_a_person_become_fixations() -> None:
    samples = record(np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0], [5.0, 5.0], [np.nan, np.nan], [2.0, 2.0]]), 100)
    path = events.fixations(samples, np.array([1, 1, 2, 1, 1, 0], np.int8))
    np.testing.assert_allclose(path.xy, [samples.xy[:2].mean(0), samples.xy[3]])
    assert path.onset.tolist() == [0.0, 30.0]
    assert path.duration.tolist() == [20.0, 20.0]
    assert len(events.fixations(samples, np.array([0, 0, 0, 0, 1, 0], np.int8))) == 0  # it was nowhere


@pytest.mark.parametrize("count", [0, 1, 2, 3])
@pytest.mark.parametrize("method", METHODS)
def test_too_few_samples_hold_no_event(count: int, method: str) -> None:
    samples = record(np.zeros((count, 2)), 500)
    labels = events.detect(samples, method)
    assert labels.dtype == np.int8
    assert len(labels) == count
    path = events.fixations(samples, labels)
    assert len(path) == 0
    assert path.xy.shape == (0, 2)


@pytest.mark.parametrize("method", METHODS)
def test_a_recording_of_nothing_is_lost(method: str) -> None:
    samples = record(np.full((500, 2), np.nan), 500)
    assert (events.detect(samples, method) == LOST).all()
    assert len(events.fixations(samples, events.detect(samples, method))) == 0


@pytest.mark.parametrize(
    ("rate", "method", "options", "sentence"),
    [
        (10, "ivt", {}, "10 samples per second are too few for velocities; give the method 'idt'"),
        (10, "adaptive", {}, "too few for velocities"),
        (500000, "idt", {}, "give the times in milliseconds"),
        (500, "hmm", {}, "no method 'hmm'; choose one of adaptive, ivt, idt"),
        (500, "ivt", {"dispersion": 1.0}, "ivt has no option dispersion; it has threshold, window, margin"),
        (500, "ivt", {"threshold": 0.0}, "threshold is 0.0, but must be a number above 0"),
        (500, "ivt", {"window": 900.0}, "a window of 900 ms averages saccades away"),
        (500, "idt", {"dispersion": math.nan}, "dispersion is nan, but must be a number above 0"),
        (500, "adaptive", {"edge": 9.0}, "edge is 9 and peak 8"),
        (500, "adaptive", {"peak": None}, "peak is None, but must be a number above 0"),
        (500, "adaptive", {"margin": -1.0}, "margin is -1.0, but must be a number of 0 or more"),
        (500, "adaptive", {"shortest": math.inf}, "shortest is inf, but must be"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(
    rate: float, method: str, options: dict[str, float], sentence: str
) -> None:
    with pytest.raises(GazeError, match=r"^Events: [^.].*\.$") as error:
        events.detect(record(np.zeros((100, 2)), rate), method, **options)
    assert sentence in str(error.value)


def test_labels_of_other_samples_are_refused() -> None:
    with pytest.raises(GazeError, match="3 labels for 4 samples; give one label a sample"):
        events.fixations(record(np.zeros((4, 2)), 500), np.zeros(3, np.int8))


NUMBERS = st.one_of(
    st.floats(-2000, 3000), st.floats(), st.just(math.nan), st.just(math.inf), st.just(512.0), st.just(384.0)
)


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS, st.floats(0.01, 3), st.integers(1, 30)), max_size=25),
    st.sampled_from(list(METHODS)),
    st.sampled_from([1.0, 2.0, 16.0, 33.0, 200.0]),
    st.fixed_dictionaries({}, optional={name: st.floats(0, 500) for name in ("margin", "bridge", "apart", "merge")}),
    st.fixed_dictionaries({}, optional={name: st.floats(0, 100) for name in ("shortest", "pursuit")}),
    st.one_of(st.none(), st.floats(0.5, 250)),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_gaze_gives_labels_and_fixations_inside_it_or_a_sentence(
    rows: list[tuple[float, float, float, int]],
    method: str,
    step: float,
    losses: dict[str, float],
    events_: dict[str, float],
    window: float | None,
) -> None:
    options = {**losses, **events_, **({"window": window} if window and method != "idt" else {})}
    many = [row for row in rows for _ in range(row[3])]
    time = np.cumsum([step * row[2] for row in many]) - 100
    samples = Samples("anna", "", time, np.array([row[:2] for row in many]).reshape(-1, 2), SCREEN)
    try:
        labels = events.detect(samples, method, **options)
    except GazeError:
        return
    assert labels.shape == time.shape
    assert labels.dtype == np.int8
    assert set(labels.tolist()) <= set(range(6))
    path = events.fixations(samples, labels)
    assert len(path) == len(runs(labels == FIXATION)[0])
    assert np.isfinite(path.xy).all()
    assert (path.duration > 0).all()
    if len(path):
        assert path.onset[0] >= time[0]
        assert path.onset[-1] + path.duration[-1] <= time[-1] + np.median(np.diff(time)) + 1e-6
        assert (path.onset[1:] >= path.onset[:-1] + path.duration[:-1] - 1e-6).all()


def test_the_default_agrees_with_people_as_people_do(shared: Path) -> None:
    if not (shared / "lund2013").is_dir():
        pytest.skip(f"no lund2013 in {shared}: it is the data of Andersson et al. 2017")
    pictures = [each for each in bench.lund(shared) if each.kind == "img"]
    assert len(pictures) == 14
    found = [events.detect(each.samples) for each in pictures]
    raters = bench.compare(pictures, [each.raters["RA"] for each in pictures], "MN")
    assert raters.f1 == pytest.approx(0.966, abs=5e-4)
    for rater in ("MN", "RA"):
        assert bench.compare(pictures, found, rater).f1 > raters.f1 - 0.05
        assert bench.compare(pictures, found, rater).kappa > raters.kappa - 0.1
