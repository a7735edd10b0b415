"""The latency of a run: a warm-up that does not count, then at least three runs, and as many as fit into the time."""

import time

import pytest

from export.runtime.latency import Latency, latency


def measured(monkeypatch: pytest.MonkeyPatch, durations: list[float]) -> Latency:
    """The latency, measured for a second, of what takes so long each time, by a clock that moves for it alone."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def run() -> None:
        now[0] += durations.pop(0)

    return latency(run, 1.0)


def test_the_first_run_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measured(monkeypatch, [30.0, 0.25, 0.25, 0.25, 0.25]) == Latency(p50_ms=250, p95_ms=250, runs=4)


def test_a_run_longer_than_the_time_is_measured_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    found = measured(monkeypatch, [1.0, 5.0, 7.0, 6.0])
    assert (found.p50_ms, found.runs) == (6000, 3)


def test_a_slow_run_among_many_moves_p95_but_not_p50(monkeypatch: pytest.MonkeyPatch) -> None:
    found = measured(monkeypatch, [0.0, *[0.125] * 4, 0.5])
    assert (found.p50_ms, found.runs) == (125, 5)
    assert found.p95_ms == pytest.approx(125 + 0.8 * 375)  # between the fourth and the fifth of five


def test_what_the_run_raises_is_raised() -> None:
    def broken() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        latency(broken, 0)
