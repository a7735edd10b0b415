"""Can everybody tell how hot a colour is, on white and on black, and is what lies under the hottest spot still seen?"""

import cv2
import numpy as np
import pytest

from data.draw.heatmap import heatmap
from data.draw.palettes import DEFAULT, FOG, LEVELS, PALETTES, palette_table
from data.errors import GazeError

OPACITY = 0.6  # of the command line, the server and the app
SIGHT = {  # Machado, Oliveira, Fernandes 2009, severity 1, on linear RGB, row by row
    "all": (1, 0, 0, 0, 1, 0, 0, 0, 1),
    "no red": (0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998),
    "no green": (0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881),
    "no blue": (1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039),
}


def lab(colours: np.ndarray, sight: str = "all") -> np.ndarray:
    """CIELAB of colours from 0 to 255, as somebody sees them."""
    coded = colours / 255
    linear = (
        np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4) @ np.reshape(SIGHT[sight], (3, 3)).T
    )
    linear = np.clip(linear, 0, 1)
    seen = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(cv2.cvtColor(seen.astype(np.float32).reshape(1, -1, 3), cv2.COLOR_RGB2LAB)[0])


def over(ground: float, palette: str, opacity: float = OPACITY) -> np.ndarray:
    table = palette_table(palette, opacity).astype(float)
    alpha = table[:, 3:] / 255
    return np.asarray(alpha * table[:, :3] + (1 - alpha) * ground)


def between(colours: np.ndarray, sight: str, apart: float, least: float) -> float:
    """The smallest difference (CIE76) of two heats above `least` that are `apart` or more."""
    seen, heat = lab(colours, sight), np.linspace(0, 1, LEVELS)
    told = np.linalg.norm(seen[:, None] - seen[None], axis=2)
    far = (np.abs(heat[:, None] - heat[None]) >= apart) & (np.minimum(heat[:, None], heat[None]) >= least)
    return float(told[far].min())


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("opacity", [0.0, 0.5, 1.0])
def test_a_table_has_256_colours_that_begin_with_nothing(palette: str, opacity: float) -> None:
    table = palette_table(palette, opacity)
    assert table.shape == (256, 4)
    assert table.dtype == np.uint8
    quiet, hot = (-1, 0) if palette == "fog" else (0, -1)
    assert table[quiet, 3] == 0
    assert table[hot, 3] == round(255 * opacity)
    steps = np.diff(table[:, 3].astype(int))
    assert (steps <= 0).all() if palette == "fog" else (steps >= 0).all()
    assert np.abs(steps).max() <= 5, "an edge would be seen where there is none"


@pytest.mark.parametrize("sight", SIGHT)
def test_lightness_rises_all_the_way_whatever_colours_somebody_sees(sight: str) -> None:
    lightness = lab(palette_table()[:, :3].astype(float), sight)[:, 0]
    assert np.diff(lightness).min() > -0.25  # colours are whole numbers
    assert (lightness[8:] > lightness[:-8]).all()
    assert lightness[0] < 24
    assert 80 < lightness[-1] < 88, "too dark to see under it, or too light to be seen on white"


def test_turbo_would_not_do() -> None:
    lightness = lab(palette_table("turbo")[:, :3].astype(float))[:, 0]
    assert lightness[-1] < 30
    assert between(over(0, "turbo"), "no red", 0.15, 0.1) < 1


@pytest.mark.parametrize("sight", SIGHT)
def test_neighbours_can_be_told_apart(sight: str) -> None:
    seen = lab(palette_table()[::16, :3].astype(float), sight)
    assert np.linalg.norm(np.diff(seen, axis=0), axis=1).min() > 2.3  # a just noticeable difference


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("ground", [0, 255])
def test_the_heat_is_told_by_the_colour_on_white_and_on_black(ground: int, sight: str) -> None:
    assert between(over(ground, DEFAULT), sight, 0.15, 0.1) > 5.8


@pytest.mark.parametrize("ground", [0, 255])
def test_low_heat_fades_to_nothing(ground: int) -> None:
    seen = lab(over(ground, DEFAULT))
    away = np.linalg.norm(seen - seen[0], axis=1)
    assert away[0] == 0
    assert away[2] < 5
    assert away[128] > 15


def test_what_lies_under_the_hottest_spot_keeps_two_fifths_of_its_contrast_and_gets_no_darker_than_half() -> None:
    faces = np.random.default_rng(0).integers(60, 200, (40, 40, 3), np.uint8)
    density = np.zeros((40, 40), np.float32)
    density[0] = -20  # all but the first row is hottest
    before = lab(faces[1:].reshape(-1, 3).astype(float))[:, 0]
    after = lab(heatmap(faces, density, OPACITY)[1:].reshape(-1, 3).astype(float))[:, 0]
    turbo = lab(heatmap(faces, density, OPACITY, "turbo")[1:].reshape(-1, 3).astype(float))[:, 0]
    assert after.std() > 0.36 * before.std()
    assert np.corrcoef(before, after)[0, 1] > 0.9
    assert after.mean() > before.mean() > turbo.mean()


def test_text_where_people_look_is_read_through_the_fog() -> None:
    page = np.full((20, 20, 3), 255, np.uint8)
    page[5:15, 5:15] = 0
    for heat, least, most in ((1.0, 254, 255), (0.25, 200, 250), (0.0, 20, 60)):
        level = round(255 * heat)
        cover, colour = palette_table("fog", 0.85)[level, 3] / 255, np.array(FOG)
        ink, paper = (colour * cover + shade * (1 - cover) for shade in (0, 255))
        assert least <= (paper - ink).max() <= most


def test_what_is_no_palette_and_no_opacity_is_said_in_a_sentence() -> None:
    with pytest.raises(GazeError, match=r"no palette 'jet'; choose one of: plasma, .*fog\."):
        palette_table("jet")
    with pytest.raises(GazeError, match=r"opacity is 1\.5"):
        palette_table("plasma", 1.5)


def test_a_table_is_shared_and_cannot_be_written_to() -> None:
    assert palette_table() is palette_table()
    with pytest.raises(ValueError, match="read-only"):
        palette_table()[0] = 1
