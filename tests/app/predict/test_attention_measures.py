"""Do focus and clarity behave on made maps, and are they the same at every size and shape?"""

import json
import math

import numpy as np
import pytest

from app.predict.attention_measures import TABLE, attention_measures, percentile, places
from app.predict.center_bias import center_bias
from tests.app.predict.made_maps import spot

SIZE = (640, 480)


def measured(plane: np.ndarray, size: tuple[int, int] = SIZE) -> tuple[float, float, int]:
    told = attention_measures(np.log(np.maximum(plane / plane.sum(), 1e-12)).astype(np.float32), size)
    return told.focus, told.clarity, told.peaks


def dots(count: int, rows: int = 192, columns: int = 256) -> np.ndarray:
    places = [(x, y) for y in (0.2, 0.5, 0.8) for x in (0.2, 0.5, 0.8)][:count]
    return np.asarray(np.sum([spot(x, y, 0.03, rows, columns) for x, y in places], 0))


def test_one_dot_has_almost_a_hundred_of_both() -> None:
    focus, clarity, peaks = measured(dots(1))
    assert focus > 97
    assert clarity > 92
    assert peaks == 1


def test_even_and_centre_bias_have_no_focus_and_noise_has_no_clarity() -> None:
    assert measured(np.ones((192, 256))) == pytest.approx((0, 0, 0), abs=0.01)
    assert measured(center_bias((192, 256)))[0] == pytest.approx(0, abs=0.5)
    noise = np.exp(np.random.default_rng(0).normal(size=(192, 256)))
    assert measured(noise)[1] < 3


def test_more_equal_dots_have_less_of_both() -> None:
    told = [measured(dots(count)) for count in (1, 2, 4, 9)]
    assert (np.diff([each[0] for each in told]) < 0).all()
    for count, (_, clarity, peaks) in zip((1, 2, 4, 9), told, strict=True):
        assert peaks == count
        part_above_even = 1 - count * 0.0255  # of a dot of 3 %: its tails lie below an even spread
        assert clarity == pytest.approx(100 * part_above_even / math.sqrt(count), abs=6)


def test_one_headline_is_clear_and_less_focused_than_a_dot() -> None:
    down, across = np.indices((192, 256))
    headline = np.exp(-(((across - 128) / 70) ** 8) - ((down - 50) / 12) ** 8) + 0.02
    focus, clarity, peaks = measured(headline)
    assert 15 < focus < 60
    assert clarity > 55
    assert peaks == 1


def test_a_sharper_map_is_never_less_focused() -> None:
    plane = np.exp(2 * np.random.default_rng(1).normal(size=(12, 16)).repeat(16, 0).repeat(16, 1))
    values = [measured(plane**power)[0] for power in (0.5, 1, 2, 4, 8)]
    assert values == sorted(values)


@pytest.mark.parametrize("cells", [(96, 128), (192, 256), (48, 64), (600, 800)])
def test_the_cells_of_the_map_do_not_matter(cells: tuple[int, int]) -> None:
    told, same = measured(dots(4, *cells)), measured(dots(4))
    assert told[:2] == pytest.approx(same[:2], abs=2)


def test_mirror_images_have_the_same() -> None:
    plane = 0.7 * spot(0.2, 0.3, 0.1) + 0.3 * spot(0.8, 0.6, 0.05)
    assert measured(plane)[1:] == pytest.approx(measured(plane[:, ::-1])[1:], abs=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (8000, 10), (10, 8000), (3000, 400)])
def test_every_shape_has_numbers(size: tuple[int, int]) -> None:
    focus, clarity, _ = measured(np.ones((4, 4)), size)
    assert 0 <= focus <= 100
    assert 0 <= clarity <= 100


def test_the_shares_of_places_are_what_stands_out() -> None:
    cells = np.array([[6.0, 1, 4, 1, 1, 1]])
    even = 14 / 6
    assert np.multiply(places(cells / 14), 14) == pytest.approx([6 - even, 4 - even])
    ridge = np.array([[6.0, 3, 4, 0, 0, 0]]) / 13  # the pass between them is above an even spread
    assert np.multiply(places(ridge), 13) == pytest.approx([13 - 3 * 13 / 6 - 1, 1])


def test_percentiles_rise_and_are_known_of_every_model_that_ships() -> None:
    table = json.loads(TABLE.read_text())
    assert set(table) == {"tempsal", "tempsal-fast"}
    for model, measures in table.items():
        for name, values in measures.items():
            assert len(values) == 101
            assert values == sorted(values)
            assert percentile(values[50], model, name) == pytest.approx(50, abs=1)
            assert (percentile(-1, model, name), percentile(101, model, name)) == (0, 100)
    assert math.isnan(percentile(50, "toy", "focus"))
