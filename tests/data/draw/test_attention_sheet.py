"""Does the sheet of a search show each map where it lies, hottest where the gaze goes?"""

import numpy as np
import pytest

from data.draw.attention_sheet import MOST, TILE, attention_sheet, relative

GREY = np.full((60, 90, 3), 120, np.uint8)


def maps(count: int, hot: tuple[int, int] = (1, 2)) -> np.ndarray:
    found = np.random.default_rng(0).uniform(0, 0.2, (count, 4, 6)).astype(np.float32)
    found[:, hot[0], hot[1]] = 1
    return found


def test_a_map_lies_on_its_cells_and_the_picture_is_not_written_to() -> None:
    picture = GREY.copy()
    xy = np.array([(80.0, 50.0), (37.5, 22.5)])
    sheet = attention_sheet(picture, maps(1), xy, (15.0, 15.0))
    assert (picture == 120).all()
    gap = round(0.02 * TILE)
    assert sheet.shape == (60 + 2 * gap, 90 + 2 * gap, 3)
    tile = sheet[gap:-gap, gap:-gap].astype(int)
    change = np.abs(tile - 120).sum(2)
    cell = change[16:29, 31:44]
    assert cell.mean() > 3 * change[16:29, 65:78].mean()


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (4, 1, 4), (6, 2, 4), (MOST + 5, MOST // 4, 4)])
def test_maps_stand_in_rows_of_four_and_the_first_of_many_are_shown(count: int, rows: int, columns: int) -> None:
    xy = np.tile([(45.0, 30.0)], (count + 1, 1))
    sheet = attention_sheet(GREY, maps(count), xy, (15.0, 15.0))
    gap = round(0.02 * TILE)
    assert sheet.shape[:2] == (rows * (60 + gap) + gap, columns * (90 + gap) + gap)


def test_a_search_that_ended_where_it_began_shows_its_only_fixation() -> None:
    sheet = attention_sheet(GREY, np.zeros((0, 4, 6), np.float32), np.array([(45.0, 30.0)]), (15.0, 15.0))
    assert (sheet != 255).any()


@pytest.mark.parametrize("size", [(3000, 40), (40, 3000), (1, 1)])
def test_a_picture_of_any_shape_has_a_sheet(size: tuple[int, int]) -> None:
    picture = np.zeros((*size, 3), np.uint8)
    cell = size[1] / 6, size[0] / 4
    sheet = attention_sheet(picture, maps(2), np.zeros((3, 2)), cell)
    assert max(sheet.shape) < 3 * TILE


def test_barred_places_and_flat_maps_have_no_heat() -> None:
    barred = np.array([[-np.inf, 0.0], [1.0, 3.0]], np.float32)
    np.testing.assert_allclose(relative(barred), np.array([[0, 0], [1 / 3, 1]]))
    assert not relative(np.full((2, 2), 7.0, np.float32)).any()
    assert not relative(np.full((2, 2), -np.inf, np.float32)).any()
