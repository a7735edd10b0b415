"""What all detectors share against made gaze whose events are known, against two human raters, and against nonsense."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import GazeError
from data.events.detect import BLINK, FIXATION, METHODS, PSO, PURSUIT, SACCADE, UNDEFINED, detect, detect_fixations
from data.events.velocity import runs, usual
from data.gaze import Samples
from tests.bench import bench_events as bench
from tests.data.events.made_gaze import SCREEN, four, record, steady


def test_a_movement_and_its_ringing_that_end_in_a_loss_are_lost() -> None:
    pace = np.zeros(500)
    pace[200:210], pace[220:226] = 300.0, 60.0
    degrees = np.stack([np.cumsum(pace) * 0.002, np.zeros(500)], 1)
    free = detect(record(degrees, 500), margin=0.0)
    assert (free == PSO).any()
    degrees[226:300] = np.nan
    labels = detect(record(degrees, 500), margin=0.0)
    assert not np.isin(labels, [SACCADE, PSO]).any()
    assert (labels[202:300] == BLINK).all()


def test_what_follows_a_moving_thing_is_pursuit_when_asked_for() -> None:
    time = np.arange(0, 1000, 2.0)
    degrees = np.stack([10 * time / 1000, np.zeros(500)], 1)
    samples = record(degrees + np.random.default_rng(0).normal(0, 0.02, degrees.shape), 500)
    assert (detect(samples) == FIXATION).all()
    assert (detect(samples, pursuit=3.0) == PURSUIT).all()
    still = record(0 * degrees, 500)
    assert (detect(still, pursuit=3.0) == FIXATION).all()


def test_noise_is_no_pursuit() -> None:
    samples = four(500, noise=0.3)
    assert not (detect(samples, pursuit=3.0) == PURSUIT).any()
    assert len(detect_fixations(samples, detect(samples, pursuit=3.0))) == 4


def test_a_drift_is_judged_over_a_part_of_a_second() -> None:
    back_and_forth = [(6.0, 150), (-6.0, 150)] * 4  # a swing of 600 ms
    assert (detect(record(steady(*back_and_forth), 500), pursuit=3.0) == PURSUIT).all()
    quick = [(6.0, 15), (-6.0, 15)] * 40  # one of 60 ms
    assert (detect(record(steady(*quick), 500), pursuit=3.0) == FIXATION).all()


def test_neighbours_do_not_merge_over_a_loss() -> None:
    degrees = np.zeros((400, 2))
    degrees[180:215] = np.nan
    samples = record(degrees, 500)
    for merge in (0.0, 400.0):
        labels = detect(samples, max_gap=0.0, merge=merge)
        assert (labels[160:235] == BLINK).all()
        assert len(detect_fixations(samples, labels)) == 2


def test_what_was_nowhere_measured_is_no_fixation() -> None:
    degrees = np.zeros((400, 2))
    degrees[180:197, 0] = degrees[238:255, 0] = 5.0
    degrees[200:235] = np.nan  # 72 ms, between two saccades that go away and come back
    labels = detect(record(degrees, 500))
    assert (labels[205:230] == UNDEFINED).all()
    assert len(detect_fixations(record(degrees, 500), labels)) == len(runs(labels == FIXATION)[0])


def test_neighbours_merge_only_where_time_and_way_are_short() -> None:
    degrees = np.zeros((400, 2))
    degrees[180:200, 0] = 3 * np.sin(np.linspace(0, np.pi, 20))  # away and back in 40 ms
    degrees[200:, 0] = 0.3
    samples = record(degrees, 500)
    for options, count in (
        ({}, 2),
        ({"merge": 80.0}, 1),
        ({"merge": 80.0, "max_distance": 0.2}, 2),
        ({"merge": 10.0}, 2),
    ):
        assert len(detect_fixations(samples, detect(samples, "ivt", **options))) == count


def test_a_short_fixation_is_undefined() -> None:
    degrees = np.zeros((400, 2))
    degrees[200:230, 0] = 5.0  # 60 ms, of which a velocity sees less
    degrees[230:, 0] = 10.0
    samples = record(degrees, 500)
    assert len(detect_fixations(samples, detect(samples, min_duration=20.0))) == 3
    labels = detect(samples, min_duration=100.0)
    assert len(detect_fixations(samples, labels)) == 2
    assert labels[215] == UNDEFINED


def test_labels_of_a_person_become_fixations() -> None:
    samples = record(np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0], [5.0, 5.0], [np.nan, np.nan], [2.0, 2.0]]), 100)
    path = detect_fixations(samples, np.array([1, 1, 2, 1, 1, 0], np.int8))
    np.testing.assert_allclose(path.xy, [samples.xy[:2].mean(0), samples.xy[3]])
    assert path.onset.tolist() == [0.0, 30.0]
    assert path.duration.tolist() == [20.0, 20.0]
    assert len(detect_fixations(samples, np.array([0, 0, 0, 0, 1, 0], np.int8))) == 0  # it was nowhere
    samples.xy[1] = 1e7  # where no eye can look
    assert detect_fixations(samples, np.array([1, 1, 2, 2, 2, 0], np.int8)).xy.tolist() == [samples.xy[0].tolist()]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
@pytest.mark.parametrize("method", METHODS)
def test_too_few_samples_hold_no_event(count: int, method: str) -> None:
    samples = record(np.zeros((count, 2)), 500)
    labels = detect(samples, method)
    assert labels.dtype == np.int8
    assert len(labels) == count
    path = detect_fixations(samples, labels)
    assert len(path) == 0
    assert path.xy.shape == (0, 2)


@pytest.mark.parametrize("method", METHODS)
def test_a_recording_of_nothing_is_lost(method: str) -> None:
    samples = record(np.full((500, 2), np.nan), 500)
    assert (detect(samples, method) == BLINK).all()
    assert len(detect_fixations(samples, detect(samples, method))) == 0


@pytest.mark.parametrize(
    ("rate", "method", "options", "sentence"),
    [
        (10, "ivt", {}, "10 samples per second are too few for velocities; give the method 'idt'"),
        (10, "adaptive", {}, "too few for velocities"),
        (30000, "adaptive", {}, "3e+04 samples per second cannot be; give the times in milliseconds"),  # seconds, 30 Hz
        (15000, "idt", {}, "give the times in milliseconds"),  # seconds, 15 Hz
        (1, "adaptive", {}, "1 samples per second cannot be; give the times in milliseconds"),  # microseconds, 1000 Hz
        (0.06, "idt", {}, "give the times in milliseconds"),  # microseconds, 60 Hz
        (26, "ivt", {}, "too few for velocities"),
        (500, "hmm", {}, "no method 'hmm'; choose one of adaptive, ivt, idt"),
        (500, "ivt", {"dispersion": 1.0}, "ivt has no option dispersion; it has threshold, window, margin"),
        (500, "ivt", {"threshold": 0.0}, "threshold is 0.0, but must be a number above 0"),
        (500, "ivt", {"window": 900.0}, "a window of 900 ms averages saccades away"),
        (500, "idt", {"dispersion": math.nan}, "dispersion is nan, but must be a number above 0"),
        (500, "adaptive", {"onset_threshold": 9.0}, "onset_threshold is 9 and peak_threshold 8"),
        (500, "adaptive", {"peak_threshold": None}, "peak_threshold is None, but must be a number above 0"),
        (500, "adaptive", {"margin": -1.0}, "margin is -1.0, but must be a number of 0 or more"),
        (500, "adaptive", {"min_duration": math.inf}, "min_duration is inf, but must be"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(
    rate: float, method: str, options: dict[str, float], sentence: str
) -> None:
    with pytest.raises(GazeError, match=r"^Events: [^.].*\.$") as error:
        detect(record(np.zeros((100, 2)), rate), method, **options)
    assert sentence in str(error.value)


def test_labels_of_other_samples_are_refused() -> None:
    with pytest.raises(GazeError, match="3 labels for 4 samples; give one label a sample"):
        detect_fixations(record(np.zeros((4, 2)), 500), np.zeros(3, np.int8))


NUMBERS = st.one_of(
    st.floats(-2000, 3000), st.floats(), st.just(math.nan), st.just(math.inf), st.just(512.0), st.just(384.0)
)


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS, st.floats(0.01, 3), st.integers(1, 30)), max_size=25),
    st.sampled_from(list(METHODS)),
    st.sampled_from([1.0, 2.0, 16.0, 33.0, 200.0]),
    st.fixed_dictionaries(
        {}, optional={name: st.floats(0, 500) for name in ("margin", "max_gap", "max_distance", "merge")}
    ),
    st.fixed_dictionaries({}, optional={name: st.floats(0, 100) for name in ("min_duration", "pursuit")}),
    st.one_of(st.none(), st.floats(0.5, 250)),
)
@settings(suppress_health_check=[HealthCheck.too_slow])
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
        labels = detect(samples, method, **options)
    except GazeError:
        return
    assert labels.shape == time.shape
    assert labels.dtype == np.int8
    assert set(labels.tolist()) <= set(range(6))
    path = detect_fixations(samples, labels)
    assert len(path) == len(runs(labels == FIXATION)[0])
    assert np.isfinite(path.xy).all()
    assert (path.duration > 0).all()
    if len(path):
        assert path.onset[0] >= time[0]
        assert path.onset[-1] + path.duration[-1] <= time[-1] + usual(time) + 1e-6
        assert (path.onset[1:] >= path.onset[:-1] + path.duration[:-1] - 1e-6).all()


def test_the_default_agrees_with_people_as_people_do(shared: Path) -> None:
    if not (shared / "lund2013").is_dir():
        pytest.skip(f"no lund2013 in {shared}: it is the data of Andersson et al. 2017")
    pictures = [each for each in bench.lund(shared) if each.kind == "img"]
    assert len(pictures) == 14
    found = [detect(each.samples) for each in pictures]
    raters = bench.compare(pictures, [each.raters["RA"] for each in pictures], "MN")
    assert raters.f1 == pytest.approx(0.966, abs=5e-4)
    for rater in ("MN", "RA"):
        assert bench.compare(pictures, found, rater).f1 > raters.f1 - 0.05
        assert bench.compare(pictures, found, rater).kappa > raters.kappa - 0.1
