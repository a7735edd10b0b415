"""Itti-Koch: each part of the formula, on pictures whose answer is known."""

import numpy as np
import pytest
import torch

from saliency.models import itti_koch


def test_normalising_promotes_one_peak_and_suppresses_many() -> None:
    one, many = torch.zeros(1, 21, 21), torch.zeros(1, 21, 21)
    one[0, 10, 10] = 5
    many[0, 2::4, 2::4] = 5
    many[0, 10, 10] = 6
    assert itti_koch.normalised(one)[0, 10, 10] == 1
    assert itti_koch.normalised(many)[0, 10, 10] == pytest.approx((1 - 5 / 6) ** 2, abs=1e-6)


def test_normalising_by_hand() -> None:
    """Peaks of 1, 0.5 and 0.25 after stretching, and one too weak to count: (1 - 0.375)^2."""
    values = torch.zeros(1, 9, 9)
    for place, height in ((10, 4.0), (14, 2.0), (64, 1.0), (70, 0.3)):
        values.view(-1)[place] = height
    expected = values / 4 * (1 - (0.5 + 0.25) / 2) ** 2
    assert torch.allclose(itti_koch.normalised(values), expected)


def test_peaks_all_alike_leave_nothing() -> None:
    many = torch.zeros(1, 21, 21)
    many[0, 2::4, 2::4] = 5
    assert not itti_koch.normalised(many).any()


def test_rounding_is_no_feature() -> None:
    """Colours of one intensity: what is left of it is the noise of the sums."""
    noise = 0.4 + 1e-7 * torch.rand(1, 12, 16, generator=torch.Generator().manual_seed(0))
    assert not itti_koch.normalised(noise).any()
    assert itti_koch.stretch(0.4 + 1e-3 * torch.rand(1, 12, 16)).max() == 1


def test_a_flat_map_becomes_zero_and_the_scale_of_a_map_does_not_matter() -> None:
    values = torch.rand(2, 12, 16, generator=torch.Generator().manual_seed(0))
    assert not itti_koch.normalised(torch.full((1, 4, 5), 3.0)).any()
    assert torch.allclose(itti_koch.normalised(values), itti_koch.normalised(7 * values + 2), atol=1e-5)


@pytest.mark.parametrize(
    ("colour", "expected"),
    [((1, 0, 0), (3, 0)), ((0, 1, 0), (-3, 0)), ((0, 0, 1), (0, 3)), ((1, 1, 0), (0, -1.5)), ((1, 1, 1), (0, 0))],
)
def test_opponents_of_pure_colours(colour: tuple[int, ...], expected: tuple[float, float]) -> None:
    """Yellow is as far from red as from green: its red and its green cancel."""
    picture = torch.tensor(colour, dtype=torch.float32).view(3, 1, 1).expand(3, 2, 2)
    assert torch.allclose(itti_koch.opponents(picture)[:, 0, 0], torch.tensor(expected, dtype=torch.float32), atol=1e-5)


def test_in_the_dark_there_is_no_colour() -> None:
    picture = torch.ones(3, 1, 2)
    picture[:, 0, 1] = torch.tensor([0.2, 0.0, 0.0])
    assert not itti_koch.opponents(picture)[:, 0, 1].any()


@pytest.mark.parametrize(("angle", "which"), [(0, 0), (45, 1), (90, 2), (135, 3)])
def test_a_bar_answers_to_its_own_angle(angle: int, which: int) -> None:
    """Bars as a person names them: 0 is level, 45 rises to the right, 90 stands, 135 falls to the right."""
    y, x = np.mgrid[:41, :41] - 20.0
    across = x * np.sin(np.radians(angle)) + y * np.cos(np.radians(angle))
    bar = torch.from_numpy((np.abs(across) < 2).astype(np.float32))[None]
    assert int(itti_koch.orientations(bar)[:, 20, 20].argmax()) == which


def test_a_flat_picture_has_no_bars_anywhere() -> None:
    assert itti_koch.orientations(torch.full((1, 20, 30), 0.7)).abs().max() < 1e-6


def test_the_pyramid_halves_and_keeps_a_flat_picture_flat() -> None:
    levels = itti_koch.pyramid(torch.full((3, 100, 37), 0.4), 9)
    assert [tuple(level.shape[1:]) for level in levels[:3]] == [(100, 37), (50, 19), (25, 10)]
    assert tuple(levels[-1].shape) == (3, 1, 1)
    assert all(torch.allclose(level, torch.tensor(0.4)) for level in levels)


def test_the_bar_that_leans_otherwise_pops_out() -> None:
    picture = np.full((480, 640), 0.2, np.float32)
    for row in range(6):
        for column in range(8):
            y, x = 40 + 80 * row, 40 + 80 * column
            odd = (row, column) == (2, 5)
            picture[
                (slice(y - 3, y + 3), slice(x - 20, x + 20)) if odd else (slice(y - 20, y + 20), slice(x - 3, x + 3))
            ] = 1
    seen = itti_koch.IttiKoch().see(torch.from_numpy(picture)[None].expand(3, -1, -1))
    y, x = divmod(int(seen.argmax()), seen.shape[1])
    assert abs(16 * (y + 0.5) - 200) < 32
    assert abs(16 * (x + 0.5) - 440) < 32
