"""The nouns refuse what makes no sense, and know their own units."""

import math

import numpy as np
import pytest

from data.errors import GazeError
from data.gaze import Samples, Screen

SCREEN = Screen(1024, 768, 38.0, 30.0, 67.0)


def samples(time: list[float], xy: list[tuple[float, float]]) -> Samples:
    return Samples("anna", "a.jpg", np.array(time, float), np.array(xy, float).reshape(-1, 2), SCREEN)


def test_degrees_are_counted_from_the_middle_of_the_screen_right_and_down() -> None:
    """19 cm beside the middle at 67 cm is the arc tangent of 19 / 67."""
    seen = samples([0, 2, 4], [(512, 384), (1024, 384), (math.nan, math.nan)]).degrees
    assert seen[0] == pytest.approx((0, 0))
    assert seen[1] == pytest.approx((math.degrees(math.atan(19 / 67)), 0))
    assert np.isnan(seen[2]).all()


def test_near_the_middle_degrees_are_pixels_per_degree() -> None:
    seen = samples([0], [(512 + SCREEN.pixels_per_degree / 2, 384)]).degrees
    assert seen[0, 0] == pytest.approx(0.5, rel=1e-4)


def test_the_rate_is_that_of_the_usual_step_whatever_is_lost() -> None:
    assert samples([0, 2, 4, 6, 300, 302], [(0, 0)] * 6).rate == 500
    assert math.isnan(samples([0], [(0, 0)]).rate)


@pytest.mark.parametrize("time", [[0, 0], [2, 1], [0, math.nan]])
def test_times_that_do_not_rise_are_refused(time: list[float]) -> None:
    with pytest.raises(GazeError, match="do not rise"):
        samples(time, [(0, 0)] * 2)


def test_each_sample_has_a_time() -> None:
    with pytest.raises(GazeError, match=r"time has shape \(2,\) and xy \(1, 2\)"):
        samples([0, 1], [(0, 0)])


@pytest.mark.parametrize("name", ["width", "distance_cm"])
def test_a_screen_without_size_is_refused(name: str) -> None:
    numbers = {"width": 1024, "height": 768, "width_cm": 38.0, "height_cm": 30.0, "distance_cm": 67.0}
    with pytest.raises(GazeError, match=f"{name} is 0"):
        Screen(**(numbers | {name: 0}))  # type: ignore[arg-type]
