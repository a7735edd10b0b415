"""Do slopes and the asymmetry index agree with numbers worked out by hand and with those published?"""

import numpy as np
import pytest

from data.synthetic.asymmetry import PARADIGMS
from evaluation.search.protocol import people_slopes
from evaluation.search.slopes import asymmetry_index, slope

PUBLISHED = {  # people's slopes, easy and hard, as eccNET's authors give them
    "curvature": (0.8, 7.6),
    "lighting": (4.2, 23.9),
    "cross": (45.0, 96.0),
    "letters": (14.0, 33.0),
    "tilt": (2.4, 9.9),
    "mixed-tilt": (23.7, 71.1),
}


def test_a_slope_is_that_of_the_line_through_the_points() -> None:
    assert slope((3, 6, 9), (500, 530, 560)) == pytest.approx(10)
    assert slope((1, 2), (7, 4)) == pytest.approx(-3)
    assert slope((1, 4, 8, 12), (5, 5, 5, 5)) == 0


def test_a_slope_agrees_with_least_squares() -> None:
    random = np.random.default_rng(0)
    sizes, times = (1, 6, 12), random.normal(500, 90, 3)
    design = np.array([[size, 1.0] for size in sizes])
    assert slope(sizes, times.tolist()) == pytest.approx(np.linalg.lstsq(design, times, rcond=None)[0][0])


@pytest.mark.parametrize(
    ("easy", "hard", "index"),
    [
        (10, 30, 0.5),
        (30, 10, -0.5),
        (-5, 20, 1),
        (20, -5, -1),
        (-3, -1, 0),
        (0, 0, 0),
        (7, 7, 0),
        (0, 4, 1),
        (1e-14, 0, 0),
    ],
)
def test_negative_slopes_count_as_none_in_the_index(easy: float, hard: float, index: float) -> None:
    assert asymmetry_index(easy, hard) == pytest.approx(index)


@pytest.mark.parametrize("name", PARADIGMS)
def test_peoples_slopes_are_those_published(name: str) -> None:
    slopes = people_slopes(PARADIGMS[name])
    assert (round(slopes["easy"], 1), round(slopes["hard"], 1)) == PUBLISHED[name]


def test_peoples_mean_index_is_the_one_published() -> None:
    indices = [asymmetry_index(*people_slopes(paradigm).values()) for paradigm in PARADIGMS.values()]
    assert np.mean(indices) == pytest.approx(0.564, abs=5e-4)
