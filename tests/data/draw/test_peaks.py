"""Are peaks where people look, told apart, and is the share of each its own?"""

import numpy as np
import pytest

from data.draw._canvas import overlap
from data.draw.contours import contours
from data.draw.peaks import Peak, covered, peaks, rings
from tests.data.draw.test_heatmap import blob


def mixed(*parts: tuple[float, float, float, float], size: tuple[int, int] = (300, 400)) -> np.ndarray:
    """A log density of Gaussians: x, y and sigma in shares of the width, and weight."""
    planes = [np.exp(blob(*size, x, y, sigma)) * weight for x, y, sigma, weight in parts]
    return np.asarray(np.log(np.sum(planes, 0) / sum(part[3] for part in parts) + 1e-30), np.float32)


def test_separate_places_are_found_in_order_of_their_share() -> None:
    found = peaks(mixed((0.2, 0.3, 0.04, 2), (0.8, 0.3, 0.04, 5), (0.5, 0.8, 0.04, 3)))
    np.testing.assert_allclose([(p.x, p.y) for p in found], [(320.5, 90.5), (200.5, 240.5), (80.5, 90.5)], atol=1.01)
    np.testing.assert_allclose([p.share for p in found], [0.45, 0.27, 0.18], atol=0.03)  # 90 % of each Gaussian


def test_shares_are_of_looks_near_the_peak_and_sum_to_at_most_one() -> None:
    draws = np.random.default_rng(0)
    for _ in range(10):
        parts = [(*draws.uniform(0.1, 0.9, 2), draws.uniform(0.02, 0.1), draws.uniform(0.1, 1)) for _ in range(8)]
        found = peaks(mixed(*parts), 20, 0)
        assert found
        assert sum(peak.share for peak in found) <= 1 + 1e-6
        assert all(0 <= peak.x <= 400 and 0 <= peak.y <= 300 for peak in found)


def test_bumps_on_one_hill_are_one_peak() -> None:
    assert len(peaks(mixed((0.45, 0.5, 0.06, 1), (0.55, 0.5, 0.06, 1)))) == 1
    assert len(peaks(mixed((0.3, 0.5, 0.06, 1), (0.7, 0.5, 0.06, 1)))) == 2
    noisy = mixed((0.5, 0.5, 0.1, 1)) + np.random.default_rng(0).normal(0, 0.05, (300, 400)).astype(np.float32)
    assert len(peaks(noisy)) == 1


def test_few_places_are_named_and_small_ones_are_not() -> None:
    many = mixed(*((0.1 + 0.2 * (i % 5), 0.2 + 0.3 * (i // 5), 0.02, 1 + i) for i in range(10)))
    assert len(peaks(many)) == 5
    assert len(peaks(many, 3)) == 3
    assert all(peak.share >= 0.1 for peak in peaks(many, 10, 0.1))


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (20, 20), (200, 8000), (2000, 100)])
def test_odd_sizes_have_peaks_inside(size: tuple[int, int]) -> None:
    found = peaks(blob(*size, 0.6, 0.5, 0.1))
    assert all(0 <= peak.x <= size[1] and 0 <= peak.y <= size[0] for peak in found)
    assert len(found) == (size[0] * size[1] > 1)
    drawn = rings(np.zeros((*size, 3), np.uint8), found)
    assert drawn.shape == (*size, 3)


def test_a_flat_density_has_no_peak_and_another_size_scales_them() -> None:
    assert peaks(np.zeros((30, 40), np.float32)) == ()
    [small], [large] = peaks(blob()), peaks(blob(), size=(1200, 900))
    assert large.x == pytest.approx(10 * small.x)
    assert large.y == pytest.approx(10 * small.y)
    assert large.share == small.share


def test_rings_are_open_and_their_labels_lie_free_in_the_picture() -> None:
    grey = np.full((600, 800, 3), 128, np.uint8)
    found = (Peak(400.5, 300.5, 0.41), Peak(420.5, 300.5, 0.2), Peak(795.5, 5.5, 0.1), Peak(2.5, 598.5, 0.05))
    drawn = rings(grey, found)
    assert (drawn[300, 400] == 128).all()
    assert (drawn[300, 392:410] != 128).any()
    boxes = covered(grey.shape, found)
    words = boxes[len(found) :]
    assert len(words) == 4
    assert all(b[0] >= 0 and b[1] >= 0 and b[2] <= 800 and b[3] <= 600 for b in words)
    assert not any(overlap(one, other) for one in words for other in boxes if one is not other)


def test_contours_and_rings_share_a_picture() -> None:
    grey, density = np.full((600, 800, 3), 128, np.uint8), blob(600, 800, 0.5, 0.5)
    found = peaks(density)
    drawn = contours(grey, density, avoid=covered(grey.shape, found))
    left, top, right, bottom = covered(grey.shape, found)[-1]
    patch = drawn[top:bottom, left:right]
    assert (patch == (28, 30, 36)).all(2).sum() < 0.2 * patch[..., 0].size  # a line may cross, a label does not
