"""The map of what changes: no change leaves the picture, swapping swaps, and colour-blind people tell the colours."""

import cv2
import numpy as np
import pytest
from jaxtyping import Float, UInt8

from data.draw.difference import FEWER, MORE, changes, difference, difference_legend, relative_change, signed_share

# what is left of colours, in linear RGB, for people without one kind of cone (Machado, Oliveira & Fernandes 2009,
# severity 1.0, https://doi.org/10.1109/TVCG.2009.113)
DEFICIENCIES = {
    "protanopia": [(0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)],
    "deuteranopia": [(0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)],
    "tritanopia": [(1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)],
}


def spot(x: float, y: float, width: int = 96, height: int = 64, sigma: float = 6.0) -> Float[np.ndarray, "h w"]:
    rows, columns = np.mgrid[:height, :width]
    log = -((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2)
    return np.asarray(log - np.log(np.exp(log).sum()), np.float32)


def noise(width: int = 96, height: int = 64) -> UInt8[np.ndarray, "h w 3"]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_no_difference_leaves_the_picture_as_it_is() -> None:
    picture, density = noise(), spot(30, 30)
    np.testing.assert_array_equal(difference(picture, density, density), picture)


def test_the_callers_arrays_are_not_written_to() -> None:
    picture, a, b = noise(), spot(30, 30), spot(60, 30)
    for array in (picture, a, b):
        array.flags.writeable = False
    assert (difference(picture, a, b) != picture).any()


def test_swapping_the_maps_swaps_the_signs_and_the_colours() -> None:
    a, b = spot(25, 30), spot(70, 30)
    np.testing.assert_array_equal(relative_change(a, b), -relative_change(b, a))
    white = np.full((64, 96, 3), 255, np.uint8)
    more, fewer = (difference(white, *pair, labels=False)[30, 70].astype(int) for pair in ((a, b), (b, a)))
    assert more[0] > more[2]  # orange where looks come
    assert fewer[2] > fewer[0]  # blue where they go
    shares = [[change.share for change in changes(*pair)] for pair in ((a, b), (b, a))]
    assert sorted(shares[0]) == pytest.approx(sorted(-share for share in shares[1]))


def test_places_say_how_many_looks_they_win_or_lose() -> None:
    found = changes(spot(25, 30), spot(70, 30))
    assert {(change.share > 0, change.at) for change in found} == {(True, (70, 30)), (False, (25, 30))}
    assert all(0.5 < abs(change.share) < 1 for change in found)
    assert changes(spot(25, 30), spot(25, 30)) == ()


def test_a_small_difference_stays_faint() -> None:
    a = spot(30, 30)
    b = np.log(0.99 * np.exp(a) + 0.01 * np.exp(spot(70, 30))).astype(np.float32)
    assert np.abs(relative_change(a, b)).max() < 0.06
    assert np.abs(relative_change(a, spot(70, 30))).max() == 1


def _seen(colour: tuple[int, int, int], matrix: list[tuple[float, float, float]]) -> Float[np.ndarray, "3"]:
    """CIE Lab of a colour as someone with a deficiency sees it."""
    linear = np.power(np.array(colour) / 255, 2.2)
    left = np.clip(np.array(matrix) @ linear, 0, 1).astype(np.float32)
    return np.asarray(cv2.cvtColor(np.power(left, 1 / 2.2).astype(np.float32)[None, None], cv2.COLOR_RGB2LAB)[0, 0])


@pytest.mark.parametrize("kind", DEFICIENCIES)
def test_colour_blind_people_tell_more_from_fewer(kind: str) -> None:
    matrix = DEFICIENCIES[kind]
    apart = np.linalg.norm(_seen(MORE, matrix) - _seen(FEWER, matrix))
    assert apart > 50  # 2.3 is just noticeable (CIE76)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (20, 20), (3, 300), (700, 40)])
def test_any_size_is_drawn(height: int, width: int) -> None:
    a, b = spot(0, 0, width, height), spot(width - 1, height - 1, width, height)
    assert difference(noise(width, height), a, b).shape == (height, width, 3)


def test_maps_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        difference(noise(), spot(3, 3), spot(3, 3, 10, 10))


@pytest.mark.parametrize("width", [1, 40, 300, 1600])
def test_the_legend_runs_from_fewer_to_more_with_nothing_in_the_middle(width: int) -> None:
    bar = difference_legend(width)
    assert bar.shape[1] == width
    if width > 40:
        row = bar[bar.shape[0] // 2].astype(int)
        blue, orange = np.argmax(row[:, 2] - row[:, 0]), np.argmax(row[:, 0] - row[:, 2])
        assert blue < orange


def test_signs_are_as_people_write_them() -> None:
    assert signed_share(0.0312) == "+3.1 %"
    assert signed_share(-0.5) == "−50 %"
