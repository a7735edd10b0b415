"""Is the centre bias a probability, the same at every size, and highest near the middle?"""

import numpy as np
import pytest

from app.predict.center_bias import WEIGHTS, center_bias


@pytest.mark.parametrize("cells", [(1, 1), (3, 400), (48, 64)])
def test_it_sums_to_one(cells: tuple[int, int]) -> None:
    assert center_bias(cells).sum() == pytest.approx(1)


def test_it_is_the_same_at_every_size_and_highest_near_the_middle() -> None:
    fine, coarse = center_bias((96, 128)), center_bias((24, 32))
    np.testing.assert_allclose(fine.reshape(24, 4, 32, 4).sum((1, 3)), coarse, rtol=0.02)
    y, x = np.unravel_index(fine.argmax(), fine.shape)
    assert (abs(x / 128 - 0.5), abs(y / 96 - 0.5)) < (0.05, 0.1)
    assert fine.min() > 0
    assert sum(WEIGHTS) == pytest.approx(1)
