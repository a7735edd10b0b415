"""Is what people look at drawn where it is, in their colours, at every size, and on nobody else's array?"""

import numpy as np
import pytest

from data.draw.following import COLOURS, Person, following


def density(place: tuple[float, float], size: tuple[int, int]) -> np.ndarray:
    """A peak at a place, on a map of 30 x 40 cells."""
    y, x = np.mgrid[:30, :40] + 0.5
    map_ = -((x - place[0] * 40 / size[1]) ** 2 + (y - place[1] * 30 / size[0]) ** 2) / 8
    return np.asarray(map_ - np.log(np.exp(map_).sum()), np.float32)


def person(size: tuple[int, int], in_frame: float = 0.9, axis: tuple[float, float] | None = (0.9, 0.1)) -> Person:
    height, width = size
    place = 0.8 * width, 0.6 * height
    head = np.array([0.2 * width, 0.2 * height, 0.1 * width, 0.15 * height])
    return Person(head, axis, density(place, size), place, in_frame)


def near(picture: np.ndarray, colour: tuple[int, int, int], place: tuple[float, float], radius: int = 4) -> float:
    """How near the pixels around a place come to a colour, in levels."""
    x, y = (int(value) for value in place)
    part = picture[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1].astype(int)
    return float(np.abs(part - colour).max(-1).min())


@pytest.mark.parametrize("size", [(60, 80), (300, 400), (1500, 2000)], ids=str)
def test_head_cone_and_place_are_drawn_in_the_persons_colour(size: tuple[int, int]) -> None:
    picture = np.full((*size, 3), 128, np.uint8)
    one = person(size)
    drawn = following(picture, [one])
    assert drawn.shape == picture.shape
    assert (picture == 128).all()
    assert near(drawn, COLOURS[0], (one.head[0] + one.head[2] - 1, one.head[1] + 0.9 * one.head[3])) < 60
    assert near(drawn, COLOURS[0], one.place) < 20
    beside = one.head[0] + 1.3 * one.head[2], one.head[1] + 0.55 * one.head[3]
    plain = following(picture, [])[0, 0].astype(int)
    assert np.abs(drawn[int(beside[1]), int(beside[0])].astype(int) - plain).max() > 10  # the wedge


def test_of_who_looks_elsewhere_no_place_is_marked() -> None:
    size = (300, 400)
    picture = np.full((*size, 3), 128, np.uint8)
    inside, outside = (following(picture, [person(size, share)]) for share in (0.9, 0.1))
    assert near(inside, COLOURS[0], person(size).place) < 20
    assert near(outside, COLOURS[0], person(size).place) > 40
    left = slice(0, 160)
    assert (
        np.abs(inside[:, left].astype(int) - outside[:, left]).mean()
        < np.abs(inside[:, 160:].astype(int) - outside[:, 160:]).mean()
    )


def test_without_a_direction_there_is_a_ring_instead_of_a_wedge() -> None:
    size = (300, 400)
    picture = np.full((*size, 3), 128, np.uint8)
    none, flat = (following(picture, [person(size, axis=axis)]) for axis in (None, (0.0, 0.0)))
    np.testing.assert_array_equal(none, flat)
    one = person(size)
    above = one.head[0] + one.head[2] / 2, one.head[1] + one.head[3] / 2 - 0.75 * max(one.head[2:])
    assert near(none, COLOURS[0], above) < 60 < near(following(picture, [one]), COLOURS[0], above)


def test_many_people_at_the_edges_and_nobody_are_drawn_too() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    many = [
        Person(np.array([x, y, 30.0, 30]), (-0.5, 0.5), density((x, y), (90, 120)), (float(x), float(y)), 0.6)
        for x in (0.0, 60, 110)
        for y in (0.0, 50, 80)
    ]
    assert following(picture, many).shape == picture.shape
    assert following(picture, []).shape == picture.shape
    np.testing.assert_array_equal(following(picture, [], veil=0), picture)


def test_a_picture_that_is_no_picture_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="must be uint8"):
        following(np.zeros((10, 10)), [])
