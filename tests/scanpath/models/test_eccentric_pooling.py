"""Does pooling from the gaze agree with a loop over cells, in the fovea, far from it, and at the picture's edges?"""

import math

import pytest
import torch
from torch import Tensor

from scanpath.models._eccentric_pooling import box_means, eccentric_pooling, integral, ring_pooling, window_means

SIZES = [(1, 1), (1, 9), (7, 5), (16, 21)]
GAZES = [(0.0, 0.0), (40.0, 30.0), (400.0, -50.0)]


def noise(rows: int, columns: int, channels: int = 3) -> Tensor:
    return torch.randn(1, channels, rows, columns, generator=torch.Generator().manual_seed(rows + columns))


def mean(features: Tensor, top: int, left: int, side: int) -> Tensor:
    """Of the cells of a window that are there."""
    rows, columns = features.shape[2:]
    inside = [
        features[0, :, y, x]
        for y in range(max(0, top), min(rows, top + side))
        for x in range(max(0, left), min(columns, left + side))
    ]
    return torch.stack(inside).mean(0) if inside else torch.zeros(features.shape[1])


@pytest.mark.slow
@pytest.mark.parametrize("gaze", GAZES, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("fovea", "slope"), [(0.0, 0.3), (25.0, 0.16), (60.0, 1.5), (10.0, 0.0)])
def test_windows_grow_with_the_distance_from_the_gaze(
    size: tuple[int, int], gaze: tuple[float, float], fovea: float, slope: float
) -> None:
    features, stride, first = noise(*size), 8, 7.5
    seen = eccentric_pooling(integral(features), torch.tensor([gaze]), stride, first, fovea, slope)
    for i in range(size[0]):
        for j in range(size[1]):
            far = math.hypot(j * stride + first - gaze[0], i * stride + first - gaze[1])
            side = slope * max(0.0, far - fovea) / stride  # in cells; rounded to the nearest odd number
            half = round(side / 2)
            torch.testing.assert_close(seen[0, :, i, j], mean(features, i - half, j - half, 2 * half + 1))


@pytest.mark.parametrize("gaze", [(0.0, 0.0), (9.0, 4.0), (70.0, 60.0)], ids=str)
@pytest.mark.parametrize("size", [(2, 2), (8, 12), (24, 18)], ids=str)
@pytest.mark.parametrize(("degree", "slope"), [(8.0, 0.07), (2.0, 0.16), (1.0, 0.9)])
def test_rings_of_a_degree_have_one_window_each(
    size: tuple[int, int], gaze: tuple[float, float], degree: float, slope: float
) -> None:
    features = noise(*size)
    seen = ring_pooling(integral(features), torch.tensor([gaze]), degree, slope)
    assert seen.shape[2:] == (size[0] // 2, size[1] // 2)
    for i in range(size[0] // 2):
        for j in range(size[1] // 2):
            far = math.hypot(2 * j + 1 - gaze[0], 2 * i + 1 - gaze[1]) / degree
            outer = math.ceil(far)
            side = 2 if far <= 4 else 2 + round(slope * (outer - 4) * degree)
            before = (side - 2) // 2
            torch.testing.assert_close(seen[0, :, i, j], mean(features, 2 * i - before, 2 * j - before, side))


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("down", "across"), [(0, 0), (1, 3), (9, 2)])
def test_a_box_is_the_mean_about_each_cell(size: tuple[int, int], down: int, across: int) -> None:
    features = noise(*size)
    seen = box_means(integral(features), down, across)
    for i in range(size[0]):
        for j in range(size[1]):
            part = features[0, :, max(0, i - down) : i + down + 1, max(0, j - across) : j + across + 1]
            torch.testing.assert_close(seen[0, :, i, j], part.mean((1, 2)))


def test_the_fovea_is_seen_as_it_is() -> None:
    features = noise(12, 12)
    seen = eccentric_pooling(integral(features), torch.tensor([[48.0, 48.0]]), 8, 4.0, 200.0, 5.0)
    torch.testing.assert_close(seen, features)


def test_rings_pool_two_by_two_in_the_fovea() -> None:
    features = noise(12, 10)
    seen = ring_pooling(integral(features), torch.tensor([[5.0, 6.0]]), 8.0, 0.5)
    torch.testing.assert_close(seen, torch.nn.functional.avg_pool2d(features, 2))


def test_a_window_that_holds_nothing_is_zero() -> None:
    features = noise(3, 3)
    far = torch.tensor([[50]])
    assert not window_means(integral(features), far, far, 5, 5).any()


def test_means_keep_their_digits_on_large_maps() -> None:
    features = 1 + 0.1 * noise(256, 256, 1)
    at = torch.tensor([[250]])
    got = window_means(integral(features), at, at, 3, 3)
    exact = features[..., 250:253, 250:253].double().mean()
    half = 2.0**-8  # of the last digit of a sum of 65,536 numbers near one; a mean is made of four of them
    assert abs(float(got) - float(exact)) < 4 * half / 9
