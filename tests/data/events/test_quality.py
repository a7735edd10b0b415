"""How noisy recordings are, and what is said of those in which no fixation is sure."""

import numpy as np
import pytest

from data.events.quality import Quality, doubt, precision
from data.gaze import Samples, Screen

SCREEN = Screen(1920, 1080, 52, 30, 65)


def noisy(degrees: float, rate: float, looks: int = 40, lost: float = 0.0) -> Samples:
    """Looks of 300 ms at places far apart, with white noise of so many degrees from sample to sample."""
    random = np.random.default_rng(0)
    time = np.arange(0, 300 * looks, 1000 / rate)
    places = random.uniform([500, 300], [1400, 800], (looks, 2))
    xy = places[(time // 300).astype(int)] + random.normal(0, degrees / 2 * SCREEN.pixels_per_degree, (len(time), 2))
    xy[random.random(len(time)) < lost] = np.nan
    return Samples("anna", "", time, xy, SCREEN)


@pytest.mark.parametrize("rate", [1000, 250, 60, 30])
@pytest.mark.parametrize("degrees", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("lost", [0.0, 0.3])
def test_the_noise_is_measured_whatever_the_rate_the_saccades_and_the_losses(
    rate: float, degrees: float, lost: float
) -> None:
    assert precision(noisy(degrees, rate, lost=lost)) == pytest.approx(degrees, rel=0.12)


def test_samples_that_are_none_or_do_not_move_have_no_noise() -> None:
    time = np.arange(5.0)
    assert np.isnan(precision(Samples("a", "", time, np.full((5, 2), np.nan), SCREEN)))
    assert np.isnan(precision(Samples("a", "", time[:1], np.zeros((1, 2)), SCREEN)))
    assert precision(Samples("a", "", time, np.full((5, 2), 300.0), SCREEN)) == 0


def test_what_no_detector_copes_with_is_told_with_its_number() -> None:
    assert doubt(1000, 0.05) == doubt(np.nan, np.nan) == doubt(61, 0.3) == ""
    assert doubt(60, 0.05).startswith("60 samples a second; ")
    assert "--method ivt is recommended" in doubt(60, 0.05)
    assert "--method idt is recommended" in doubt(25, 0.05)
    assert doubt(500, 0.456).startswith("a noise of 0.46 degrees from sample to sample (RMS); no detector is sure")
    assert doubt(50, 0.456).startswith("50 samples a second and a noise of 0.46 degrees")


def test_the_quality_of_a_recording_is_that_of_its_trials() -> None:
    it = Quality(samples=1000, lost=50, rates=[250.0, 251.0, 1.0], noises=[0.1, np.nan, 0.3])
    assert (it.loss, it.rate, it.precision) == (0.05, 250, pytest.approx(0.2))
    assert all(np.isnan(value) for value in (Quality().loss, Quality().rate, Quality().precision))
