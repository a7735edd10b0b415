"""Does a picture that is handed on say in words what its colours mean, at any size, and is it itself uncovered?"""

import numpy as np
import pytest

from data import maps
from data.draw.frame import NARROWEST, framed
from data.draw.heatmap import heatmap
from data.draw.legend import TICKS, legend
from data.draw.palettes import FOG, PALETTES
from tests.data.draw.test_heatmap import blob

WORDS = ("Whole viewing", "A prediction by tempsal 3.0, not a measurement.")


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (20, 20), (300, 300), (768, 1024), (200, 2000), (2000, 200), (2000, 3000)])
def test_the_picture_stands_whole_above_words_on_white(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 200, (*size, 3), np.uint8)
    density = blob(*size)
    drawn = framed(picture, density, caption=WORDS[0], note=WORDS[1])
    places = np.flatnonzero((drawn < 250).any((1, 2)))
    left = (drawn.shape[1] - size[1]) // 2
    np.testing.assert_array_equal(drawn[places[0] : places[0] + size[0], left : left + size[1]], picture)
    assert drawn.shape[1] >= max(NARROWEST, size[1])
    below = drawn[places[0] + size[0] :]
    assert 60 < len(below) < 0.35 * max(size) + 160
    assert (below.max(2) < 100).sum() > 200
    assert (drawn[[0, -1]] == 255).all()
    assert (drawn[:, [0, -1]] == 255).all()


def test_without_words_only_the_legend_is_below() -> None:
    picture, density = np.zeros((300, 400, 3), np.uint8), blob(300, 400)
    assert len(framed(picture, density)) < len(framed(picture, density, caption="Whole viewing"))


@pytest.mark.slow
@pytest.mark.parametrize("width", [300, 1000, 3000])
@pytest.mark.parametrize("palette", PALETTES)
def test_ticks_stand_at_the_colours_whose_regions_hold_these_shares(width: int, palette: str) -> None:
    density = blob(300, 400)
    drawn = legend(width, palette, density)
    assert drawn.shape[1] == width
    white = np.full((300, 400, 3), 255, np.uint8)
    heat = heatmap(white, density, 1.0, palette)
    for share in TICKS:
        edge = maps.edges_of(density, (share,))[0]
        y, x = np.unravel_index(np.abs(density - edge).argmin(), density.shape)
        column = drawn[:, round((1 - share) * (width - 1))].astype(int)
        assert (np.abs(column - heat[y, x].astype(int)).max(1) <= 8).any(), share


def test_letters_grow_with_the_legend() -> None:
    density = blob(300, 400)
    assert 50 < len(legend(300, density=density)) < 110
    assert 150 < len(legend(3000, density=density)) < 300


def test_a_flat_map_has_a_legend_of_one_colour() -> None:
    flat, width = np.zeros((30, 40), np.float32), 400
    for palette, colour in (("plasma", (255, 255, 255)), ("fog", FOG)):
        drawn = legend(width, palette, flat)
        assert any((row[2:-2] == colour).all() for row in drawn)
