"""Does a cone of view point where the nose does, and does it find what made people look at?"""

import numpy as np
import pytest

from data.synthetic import onlookers
from following.baselines.cone import FLAT, Direction, angles, axis, cone, in_frame, view

SIZE = (120, 160)
FLAT_MAP = np.zeros(SIZE)
MIDDLE = np.array([70.0, 50, 20, 20])


def centre(log_density: np.ndarray) -> np.ndarray:
    """The mean place (x, y) of a log density."""
    share = np.exp(log_density.astype(np.float64))
    y, x = np.mgrid[: share.shape[0], : share.shape[1]] + 0.5
    return np.array([(share * x).sum(), (share * y).sum()])


@pytest.mark.parametrize(
    ("direction", "sign"),
    [((70, 0), (-1, 0)), ((-70, 0), (1, 0)), ((0, 70), (0, -1)), ((0, -70), (0, 1)), ((150, 0), (-1, 0))],
    ids=["left", "right", "up", "down", "from-behind-to-the-left"],
)
def test_the_cone_lies_where_the_nose_points(direction: Direction, sign: tuple[int, int]) -> None:
    found = cone(FLAT_MAP, MIDDLE, direction)
    moved = centre(found) - (80, 60)
    assert np.exp(found.astype(np.float64)).sum() == pytest.approx(1, abs=1e-4)
    assert moved @ np.array(sign) > 10
    assert abs(moved @ np.array(sign[::-1])) < 2


@pytest.mark.parametrize("direction", [None, (0.0, 0.0), (180.0, 0.0), (5.0, -5.0)])
def test_without_a_direction_in_the_picture_the_cone_is_a_disc(direction: Direction | None) -> None:
    np.testing.assert_allclose(cone(FLAT_MAP, MIDDLE, direction), cone(FLAT_MAP, MIDDLE), atol=1e-5)
    np.testing.assert_allclose(centre(cone(FLAT_MAP, MIDDLE, direction)), (80, 60), atol=0.1)


@pytest.mark.parametrize("yaw", [-170.0, -91.0, -30.0, 0.0, 45.0, 90.0, 135.0])
@pytest.mark.parametrize("pitch", [-80.0, -20.0, 0.0, 60.0])
def test_angles_and_axis_are_each_others_inverse(yaw: float, pitch: float) -> None:
    axis_ = axis(yaw, pitch)
    assert np.hypot.reduce(axis_) == pytest.approx(1)
    np.testing.assert_allclose(axis(*angles(*axis_)), axis_, atol=1e-9)


def test_the_shorter_the_axis_the_wider_the_cone() -> None:
    share = []
    for yaw in (15, 30, 60, 90):  # of the weight at the distance of 40 pixels, how much lies within 30 degrees
        seen = view(SIZE, MIDDLE, (yaw, 0))
        turns = np.radians(np.arange(-180, 180, 5))
        ring = seen[(60 + 40 * np.sin(turns)).astype(int), (80 - 40 * np.cos(turns)).astype(int)]
        share.append(ring[np.abs(turns) < np.radians(30)].sum() / ring.sum())
    assert share == sorted(share)
    assert share[0] < 0.35 < 0.7 < share[-1]


def test_the_more_doubt_there_is_the_wider_the_cone() -> None:
    far = [centre(cone(FLAT_MAP, MIDDLE, (-80, 0), doubt))[0] for doubt in (0, 20, 40, 90, 360)]
    assert far == sorted(far, reverse=True)
    assert far[0] > far[2] + 2
    assert far[-1] == pytest.approx(80, abs=2)


def test_what_is_salient_in_the_cone_is_looked_at_and_the_head_itself_is_not() -> None:
    map_ = np.full(SIZE, -9.0)
    map_[55:65, 20:30], map_[55:65, 130:140], map_[50:70, 70:90] = 0, 0, 3
    y, x = np.unravel_index(cone(map_, MIDDLE, (-90, 0)).argmax(), SIZE)
    assert 130 <= x < 140
    assert 55 <= y < 65
    assert np.isfinite(cone(map_, MIDDLE, (-90, 0))).all()


@pytest.mark.parametrize(
    "head",
    [(70, 50, 0, 20), (70, 50, 20, -1), (np.nan, 50, 20, 20), (np.inf, 50, 20, 20)],
    ids=["no-width", "negative", "nan", "inf"],
)
def test_a_head_without_an_area_is_a_mistake_of_the_caller(head: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="a head with an area"):
        cone(FLAT_MAP, np.array(head))


@pytest.mark.parametrize("head", [(-30, -30, 20, 20), (155, 115, 30, 30), (0, 0, 160, 120), (80, 60, 0.1, 0.1)])
def test_heads_at_the_edge_and_of_any_size_give_a_density(head: tuple[float, ...]) -> None:
    found = cone(FLAT_MAP, np.array(head, float), (40, 10))
    assert np.isfinite(found).all()
    assert np.exp(found.astype(np.float64)).sum() == pytest.approx(1, abs=1e-4)
    assert 0 <= in_frame(SIZE, np.array(head, float), (40, 10)) <= 1


def test_who_looks_out_over_the_edge_or_into_the_camera_looks_less_likely_at_the_picture() -> None:
    left = np.array([2.0, 50, 20, 20])
    assert in_frame(SIZE, left, (80, 0)) < 0.2 < 0.6 < in_frame(SIZE, left, (-80, 0))
    assert in_frame(SIZE, MIDDLE, (0, 0)) < 0.1 < in_frame(SIZE, MIDDLE, (180, 0))
    assert np.hypot(*axis(10, 0)[:2]) < FLAT


def test_something_salient_in_the_cone_makes_it_likelier_that_it_is_looked_at() -> None:
    here, there = np.full(SIZE, -9.0), np.full(SIZE, -9.0)
    here[55:65, 130:140], there[55:65, 20:30] = 0, 0
    plain, more, less = (in_frame(SIZE, MIDDLE, (-90, 0), 0, map_) for map_ in (FLAT_MAP, here, there))
    assert plain == pytest.approx(in_frame(SIZE, MIDDLE, (-90, 0)), abs=1e-6)
    assert less < plain - 0.1
    assert plain + 0.1 < more < 1


def test_of_made_people_whose_heads_are_known_the_cone_finds_the_targets_far_better_than_chance() -> None:
    away: dict[str, list[float]] = {"cone": [], "disc": [], "chance": []}
    chance, inside, outside = np.random.default_rng(0), list[float](), list[float]()
    for number in range(12):
        made = onlookers.room(7, number)
        height, width = made.pixels.shape[:2]
        salient = np.full((height, width), -3.0)  # a saliency model that knows the things, and nothing of people
        for thing in (*made.things, *(person.head for person in made.people)):
            y, x = np.mgrid[:height, :width] + 0.5
            salient[np.hypot(x - thing.x, y - thing.y) < thing.radius] = 0
        for person in made.people:
            direction = angles(*person.forward.tolist())
            target = person.target
            (outside if target is None else inside).append(in_frame((height, width), person.box, direction))
            if target is None:
                continue
            for name, known in (("cone", direction), ("disc", None)):
                row, column = np.unravel_index(cone(salient, person.box, known).argmax(), (height, width))
                away[name].append(np.hypot((column + 0.5 - target.x) / width, (row + 0.5 - target.y) / height))
            x, y = chance.uniform((0, 0), (width, height))
            away["chance"].append(np.hypot((x - target.x) / width, (y - target.y) / height))
    means = {name: np.mean(values) for name, values in away.items()}
    assert len(away["cone"]) > 12
    assert means["cone"] < 0.5 * min(means["disc"], means["chance"])
    assert np.mean(inside) > np.mean(outside) + 0.1
