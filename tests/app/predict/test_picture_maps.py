"""Are maps on cells densities of the same places, and is the part of a cell that an area covers exact?"""

import numpy as np
import pytest

from app.predict.picture_maps import PictureMaps, coverage
from data.areas import rectangle
from export.runtime.saliency import Prediction
from tests.app.predict.made_maps import made, spot


def test_maps_of_a_prediction_sum_to_one_and_keep_their_place() -> None:
    planes = np.log(np.stack([spot(0.25, 0.5, rows=90, columns=120), spot(0.75, 0.5, rows=90, columns=120)]) + 1e-9)
    planes = planes.astype(np.float32)
    prediction = Prediction(planes.mean(0), planes, ((0, 1), (1, 2)), "toy", "1", "any", "cpu")
    maps = PictureMaps.of(prediction)
    assert maps.size == (120, 90)
    np.testing.assert_allclose(np.exp(maps.maps).sum((1, 2)), 1, rtol=1e-5)
    left = coverage(maps, [rectangle("", (0, 0, 60, 90))])[0]
    assert (np.exp(maps.maps[1:]) * left).sum((1, 2)) == pytest.approx([1, 0], abs=0.01)


def test_coverage_is_the_part_of_each_cell() -> None:
    maps = made(np.ones((2, 2)), (100, 100))
    half = coverage(maps, [rectangle("", (0, 0, 75, 50)), rectangle("", (10, 10, 1e-3, 1e-3))])
    np.testing.assert_allclose(half[0], np.array([[1, 0.5], [0, 0]]), atol=2 / 600)
    assert half[1].sum() > 0  # what is smaller than a subcell is not lost
    assert coverage(maps, []).shape == (0, 2, 2)
