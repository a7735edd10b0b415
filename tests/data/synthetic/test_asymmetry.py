"""Are the displays of search asymmetry what the experiments had, from a seed, with the target where they say?"""

import itertools

import numpy as np
import pytest

from data.errors import GazeError
from data.synthetic.asymmetry import PARADIGMS, PIXELS_PER_DEGREE, SIDES, Side, Trial, trial, trials

PAIRS = [(name, side) for name in PARADIGMS for side in SIDES]


def made(name: str, side: Side, size: int | None = None, seed: int = 0) -> Trial:
    paradigm = PARADIGMS[name]
    return trial(paradigm, side, size or paradigm.set_sizes[-1], seed)


def cut(display: Trial, box: "tuple[int, ...] | np.ndarray") -> np.ndarray:
    x, y, width, height = (int(number) for number in box)
    return display.picture[y : y + height, x : x + width]


@pytest.mark.parametrize(("name", "side"), PAIRS)
def test_the_target_is_where_the_display_says(name: str, side: Side) -> None:
    for size in PARADIGMS[name].set_sizes:
        display = made(name, side, size)
        np.testing.assert_array_equal(cut(display, display.box), display.target)
        np.testing.assert_array_equal(display.items[0], display.box)


@pytest.mark.parametrize(("name", "side"), PAIRS)
def test_a_display_has_the_size_of_its_field_and_as_many_items_as_are_asked_for(name: str, side: Side) -> None:
    paradigm = PARADIGMS[name]
    for size in paradigm.set_sizes:
        display = made(name, side, size)
        extent = round(paradigm.field * PIXELS_PER_DEGREE)
        assert display.picture.shape == (extent, extent, 3)
        assert display.picture.dtype == np.uint8
        assert display.items.shape == (size, 4)
        assert display.cells.shape == (paradigm.grid**2, 4)
        assert (display.cells[:, 2] * display.cells[:, 3]).sum() == extent**2


@pytest.mark.parametrize(("name", "side"), PAIRS)
def test_items_do_not_touch_and_only_ground_is_between_them(name: str, side: Side) -> None:
    display = made(name, side)
    for one, other in itertools.combinations(display.items, 2):
        apart = np.abs(one[:2] + one[2:] / 2 - other[:2] - other[2:] / 2)
        assert (apart >= (one[2:] + other[2:]) / 2).any()
    rest = display.picture.copy()
    for x, y, width, height in display.items.astype(int):
        assert rest[y : y + height, x : x + width].std() > 1
        rest[y : y + height, x : x + width] = PARADIGMS[name].ground
    assert (rest == PARADIGMS[name].ground).all()


@pytest.mark.parametrize(("name", "side"), PAIRS)
def test_no_other_item_looks_like_the_target(name: str, side: Side) -> None:
    for seed in range(4):
        display = made(name, side, seed=seed)
        for box in display.items[1:]:
            other = cut(display, box)
            for pose in (
                (other, other[::-1], other[:, ::-1], other[::-1, ::-1]) if name in ("cross", "letters") else (other,)
            ):
                assert np.abs(pose.astype(int) - display.target).mean() > 1


def test_every_tilt_comes_once_before_any_comes_again() -> None:
    display = made("mixed-tilt", "easy", 12)
    shapes = [cut(display, box).tobytes() for box in display.items[1:]]
    assert len(set(shapes)) == 8
    assert max(shapes.count(shape) for shape in shapes) == 2
    assert len({cut(made("mixed-tilt", "easy", 8), box).tobytes() for box in made("mixed-tilt", "easy", 8).items}) == 8


def test_a_disc_is_lit_from_where_it_says() -> None:
    top, left = made("lighting", "easy", 1), made("lighting", "hard", 1)
    assert top.target[:15].mean() > top.target[16:].mean() + 50
    assert left.target[:, :15].mean() > left.target[:, 16:].mean() + 50


def test_a_tilted_bar_leans_to_the_right() -> None:
    ink = np.argwhere(made("tilt", "easy", 1).target[..., 0] < 128).astype(float)
    upper, lower = ink[ink[:, 0] < 25, 1].mean(), ink[ink[:, 0] > 38, 1].mean()
    assert upper > lower + 5
    assert np.degrees(np.arctan2(upper - lower, ink[ink[:, 0] > 38, 0].mean() - ink[ink[:, 0] < 25, 0].mean())) == (
        pytest.approx(20, abs=1)
    )


def test_a_bar_is_two_degrees_long_and_smooth_at_its_edges() -> None:
    target = made("tilt", "hard", 1).target[..., 0]
    ink = (255 - target.astype(float)) / 255
    assert ink.sum() == pytest.approx(2 * PIXELS_PER_DEGREE * 0.3 * PIXELS_PER_DEGREE, rel=0.02)
    assert ((made("tilt", "easy", 1).target > 20) & (made("tilt", "easy", 1).target < 235)).any()


def test_displays_come_from_their_seed_alone() -> None:
    again = [a.picture.tobytes() for a in trials("letters", 3, 2)]
    assert again == [a.picture.tobytes() for a in trials("letters", 3, 2)]
    assert len(set(again)) == len(again)
    assert again[0] == made("letters", "easy", 3, seed=3).picture.tobytes()
    assert set(again).isdisjoint(a.picture.tobytes() for a in trials("letters", 4, 2))


@pytest.mark.parametrize("name", PARADIGMS)
def test_each_search_has_as_many_trials_as_the_experiment(name: str) -> None:
    paradigm = PARADIGMS[name]
    assert sum(1 for _ in trials(name, 0, 1)) == 2 * len(paradigm.set_sizes)
    assert paradigm.trials == (36 if name in ("cross", "letters") else 30)
    assert all(len(paradigm.people[side]) == len(paradigm.set_sizes) for side in SIDES)


def test_people_are_slower_in_the_hard_search_at_every_set_size() -> None:
    for paradigm in PARADIGMS.values():
        assert (np.array(paradigm.people["hard"]) > paradigm.people["easy"]).all()


def test_an_unknown_paradigm_is_named() -> None:
    with pytest.raises(GazeError, match="no paradigm 'colour'; choose one of curvature, lighting"):
        next(trials("colour", 0))
