"""Heads and points: on the picture, or refused in one sentence."""

import math
from pathlib import Path

import numpy as np
import pytest

from data.errors import GazeError
from data.following.people import Person, between, held_out, on_picture, points_on

SIZE = (60, 100)


def person(name: str) -> Person:
    return Person(Path(f"{name}.png"), SIZE, np.array([1.0, 2, 3, 4]), None, np.zeros((0, 2)), None, name)


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ((0, 0, 0, 5), "is less than a pixel wide or high"),
        ((0, 0, -5, 5), "is less than a pixel wide or high"),
        ((100, 0, 5, 5), "lies outside of the picture of 100 x 60 pixels"),
        ((-5, 0, 5, 5), "lies outside of the picture of 100 x 60 pixels"),
        ((99.5, 0, 20, 20), "lies outside of the picture of 100 x 60 pixels"),
        ((math.nan, 0, 5, 5), "is not four numbers of pixels"),
        ((0, 0, math.inf, 5), "is not four numbers of pixels"),
        ((0, 0, 5), "is not four numbers of pixels"),
        ((0, 0, 1e12, 5), "is not four numbers of pixels"),
    ],
    ids=["flat", "negative", "right of it", "left of it", "half a pixel of it", "nan", "infinite", "three", "huge"],
)
def test_a_head_that_is_none_is_refused_in_one_sentence(head: tuple[float, ...], told: str) -> None:
    with pytest.raises(GazeError, match=told) as caught:
        on_picture(head, SIZE, "a.jpg")
    assert str(caught.value).startswith("a.jpg: the head's box")
    assert str(caught.value).count(". ") == 0


def test_a_head_is_cut_to_the_picture_and_one_on_it_stays_as_it_is() -> None:
    assert on_picture((10, 20, 30, 40), SIZE, "").tolist() == [10, 20, 30, 40]
    assert on_picture((-10, 50, 30, 40), SIZE, "").tolist() == [0, 50, 20, 10]


def test_a_box_is_between_its_corners_whichever_comes_first() -> None:
    for corners in ((1, 2, 4, 6), (4, 6, 1, 2), (4, 2, 1, 6)):
        assert between(corners).tolist() == [1, 2, 3, 4]


def test_points_are_moved_onto_the_picture() -> None:
    found = points_on(np.array([[-5, 10], [200, 60], [50, 59.9]]), SIZE)
    assert (found >= 0).all()
    assert (found < (100, 60)).all()
    assert found[2].tolist() == [50, 59.9]


@pytest.mark.parametrize(
    ("groups", "every", "away"),
    [("aabbcc", 2, "b"), ("abc", 5, "c"), ("aa", 5, ""), ("", 3, "")],
    ids=["every second", "fewer than that", "a single one", "nobody"],
)
def test_whole_groups_are_held_out(groups: str, every: int, away: str) -> None:
    everyone = [person(f"{letter}{number}") for number, letter in enumerate(groups)]
    kept, held = held_out(everyone, lambda each: each.name[0], every)
    assert {each.name[0] for each in held} == set(away)
    assert {each.name[0] for each in kept} == set(groups) - set(away)


def test_the_middle_of_a_head() -> None:
    assert person("a").centre.tolist() == [2.5, 4]
