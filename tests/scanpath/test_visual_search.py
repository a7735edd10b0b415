"""Does the search follow its maps, never go back, and end where it should?"""

import math
from typing import Any

import numpy as np
import pytest

from data.errors import GazeError
from scanpath.visual_search import reaction_time_ms, search

PEAKS = np.zeros((6, 8))
PEAKS[1, 1], PEAKS[4, 6], PEAKS[1, 6] = 3, 2, 1
SIZE, STRIDE = (60, 80), 10


def still(gaze: Any) -> Any:
    return PEAKS


def places(*cells: tuple[int, int]) -> list[list[float]]:
    return [[(x + 0.5) * STRIDE, (y + 0.5) * STRIDE] for y, x in cells]


def test_a_search_goes_from_peak_to_peak_until_it_is_on_the_target() -> None:
    looks = search(still, SIZE, STRIDE, target=(60, 10, 10, 10), window=20)
    assert looks.xy.tolist() == [[40, 30], *places((1, 1), (4, 6), (1, 6))]
    assert looks.found is True
    assert looks.saccades == len(looks.maps) == 3


def test_what_was_fixated_is_inhibited_for_ever() -> None:
    looks = search(still, SIZE, STRIDE, limit=48)
    assert looks.found is None
    assert len({tuple(at) for at in looks.xy[1:].tolist()}) == looks.saccades
    inhibited = looks.maps[3]
    assert inhibited[1, 1] == inhibited[4, 6] == inhibited[1, 6] == 0


def test_the_map_belongs_to_the_fixation_before() -> None:
    asked = []

    def attention(gaze: Any) -> Any:
        asked.append(gaze.tolist())
        return np.arange(48.0).reshape(6, 8) * (len(asked) % 2 or -1)

    looks = search(attention, SIZE, STRIDE, limit=3)
    assert asked == looks.xy[:-1].tolist()
    assert looks.xy[1:].tolist() == places((5, 7), (0, 0), (5, 6))


def test_a_start_on_the_target_needs_no_saccade() -> None:
    looks = search(still, SIZE, STRIDE, target=(40, 30, 10, 10))
    assert (looks.saccades, looks.found, looks.maps) == (0, True, ())


@pytest.mark.parametrize(("within", "saccades"), [(0, 3), (20, 1)])
def test_a_fixation_near_the_target_finds_it_as_far_as_is_allowed(within: float, saccades: int) -> None:
    looks = search(still, SIZE, STRIDE, target=(16, 34, 1, 1), within=within, limit=3)
    assert (looks.saccades, looks.found) == (saccades, within > 0)


def test_a_search_ends_at_its_limit_without_the_target() -> None:
    looks = search(still, SIZE, STRIDE, target=(0, 50, 1, 1), limit=2)
    assert (looks.saccades, looks.found) == (2, False)


def test_a_search_ends_where_everything_is_inhibited() -> None:
    looks = search(still, SIZE, STRIDE, target=(0, 0, 1, 1), window=(80, 60))
    assert (looks.saccades, looks.found) == (0, False)


def test_an_area_is_inhibited_as_a_whole() -> None:
    areas = np.array([[0.0, 0, 40, 60], [40, 0, 40, 30], [40, 30, 40, 30]])
    looks = search(still, SIZE, STRIDE, start=(75, 35), areas=areas, limit=10)
    assert looks.xy.tolist() == [[75, 35], *places((1, 1), (1, 6))]


def test_cells_outside_of_the_picture_are_never_fixated() -> None:
    padded = np.zeros((8, 8))
    padded[7] = padded[:, 7] = 9
    padded[3, 3] = 1
    looks = search(lambda gaze: padded, (45, 52), STRIDE, limit=1)
    assert looks.maps[0].shape == (5, 6)
    assert looks.xy[1].tolist() == [35, 35]


def test_the_last_cell_is_fixated_inside_the_picture() -> None:
    edge = np.zeros((1, 3))
    edge[0, 2] = 1
    assert search(lambda gaze: edge, (4, 22), STRIDE, limit=1).xy[1].tolist() == [22, 4]


@pytest.mark.parametrize("start", [(-1.0, 5.0), (5.0, 61.0), (math.nan, 5.0), (math.inf, 5.0)], ids=str)
def test_a_start_outside_of_the_picture_is_refused(start: tuple[float, float]) -> None:
    with pytest.raises(GazeError, match="outside of the picture of 80 x 60 pixels"):
        search(still, SIZE, STRIDE, start=start)


@pytest.mark.parametrize(
    "seen", [np.full((6, 8), np.nan), np.full((6, 8), np.inf), np.zeros((5, 8))], ids=["nan", "inf", "too small"]
)
def test_a_map_that_is_none_is_refused(seen: Any) -> None:
    with pytest.raises(GazeError, match="map of attention"):
        search(lambda gaze: seen, SIZE, STRIDE)


def test_a_flat_map_is_searched_cell_by_cell() -> None:
    looks = search(lambda gaze: np.ones((6, 8)), SIZE, STRIDE, limit=100)
    assert looks.saccades == 48 - 4  # the start lies where four cells meet


def test_maps_of_the_caller_are_not_written_to() -> None:
    before = PEAKS.copy()
    search(still, SIZE, STRIDE, limit=5, window=30)
    np.testing.assert_array_equal(PEAKS, before)


def test_a_saccade_takes_a_quarter_of_a_second() -> None:
    assert reaction_time_ms(0) == 376.271
    assert reaction_time_ms(3) - reaction_time_ms(2) == pytest.approx(252.359)
