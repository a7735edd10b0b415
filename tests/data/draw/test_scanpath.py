"""Does a drawn path show every look in its order, can its numbers be read, and do the caller's arrays stay?"""

import numpy as np
import pytest

from data.draw._text import tag
from data.draw.regions import _name
from data.draw.regions import boxes as draw_boxes
from data.draw.scanpath import _badge, _seats, ramp
from data.draw.scanpath import scanpath as draw_scanpath
from data.gaze import Objects

GREY = np.full((300, 400, 3), 128, np.uint8)
PLACES = np.array([(60.0, 60), (200, 150), (340, 60), (340, 240)])


def near(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Which pixels have this colour, about."""
    return np.asarray(np.abs(image.astype(int) - colour).max(2) < 12)


def test_each_look_has_a_badge_of_its_colour_at_its_place_from_warm_to_cool() -> None:
    drawn = draw_scanpath(GREY, PLACES)
    assert drawn.shape == GREY.shape
    assert drawn.dtype == np.uint8
    for (x, y), colour in zip(PLACES, ramp(4), strict=True):
        room = drawn[int(y) - 7 : int(y) + 8, int(x) - 7 : int(x) + 8]
        assert near(room, colour).sum() > 20
    first, *_, last = ramp(4)
    assert first[0] > first[2]
    assert last[2] > last[0]


def test_the_numbers_are_drawn_and_differ() -> None:
    one = draw_scanpath(GREY, PLACES[:1])
    plain = _badge("", ramp(1)[0], 6.75)
    numbered = [_badge(words, ramp(1)[0], 6.75) for words in ("1", "7", "12", "123")]
    inks = [np.abs(patch[..., :3].astype(int) - plain[..., :3]).sum() for patch in numbered]
    assert min(inks) > 500
    assert len({patch.tobytes() for patch in numbered}) == 4
    assert (one != GREY).any()


def test_lines_join_the_looks_in_their_order_only() -> None:
    drawn = draw_scanpath(np.full((1200, 1600, 3), 255, np.uint8), PLACES * 4)
    colours = ramp(4)
    for number in range(3):
        x, y = ((PLACES[number] + PLACES[number + 1]) * 2).astype(int)
        assert near(drawn[y - 3 : y + 4, x - 3 : x + 4], colours[number]).any()
    assert (drawn[700:, :700] == 255).all()


@pytest.mark.parametrize(("longer", "wider"), [(4.0, 2.0), (9.0, 3.0)])
def test_the_area_of_a_halo_is_in_proportion_to_the_duration(longer: float, wider: float) -> None:
    picture = np.full((300, 600, 3), 255, np.uint8)
    xy = np.array([(100.0, 150), (400, 150)])
    radii = []
    for look in range(2):
        lit = draw_scanpath(picture, xy, np.array([100.0, 100 * longer]))[:, int(xy[look, 0])] != 255
        radii.append(np.ptp(np.flatnonzero(lit.any(1))) / 2)
    assert radii[1] / radii[0] == pytest.approx(wider, rel=0.12)


def test_unknown_durations_have_no_halo() -> None:
    for duration in (None, np.full(4, np.nan)):
        np.testing.assert_array_equal(draw_scanpath(GREY, PLACES, duration), draw_scanpath(GREY, PLACES))


def test_badges_that_would_cover_each_other_move_apart_and_stay_near() -> None:
    draws = np.random.default_rng(0)
    for spread in (0, 4, 30):
        xy = np.array([200.0, 150]) + draws.normal(0, spread, (15, 2))
        seats = _seats(xy, 7.0, GREY.shape)
        gaps = np.linalg.norm(seats[:, None] - seats, axis=2)[np.triu_indices(15, 1)]
        assert gaps.min() >= 14
        assert np.linalg.norm(seats - xy, axis=1).max() < 8 * 7
        np.testing.assert_array_equal(seats[0], xy[0])


def test_badges_stay_inside_of_the_picture() -> None:
    xy = np.array([(0.5, 0.5), (399.5, 299.5), (0.5, 0.5), (-20, 150)])
    seats = _seats(xy, 7.0, GREY.shape)
    assert (seats >= 7).all()
    assert (seats <= (393, 293)).all()
    assert draw_scanpath(GREY, xy).shape == GREY.shape


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (150, 200), (3000, 4000)])
def test_pictures_of_all_sizes_take_a_path_and_boxes(size: tuple[int, int]) -> None:
    picture = np.full((*size, 3), 90, np.uint8)
    xy = np.array([(0.5, 0.5), (0.2, 0.8), (0.7, 0.1)]) * size[::-1]
    drawn = draw_scanpath(picture, xy, np.array([200.0, np.nan, 900]))
    assert drawn.shape == picture.shape
    objects = Objects(np.array([(0, 0, size[1], size[0])], np.float64))
    assert draw_boxes(picture, objects, ["all"]).shape == picture.shape


def test_a_badge_keeps_its_share_of_a_large_picture() -> None:
    shares = []
    for width in (1000, 4000):
        picture = np.full((width // 2, width, 3), 128, np.uint8)
        shares.append((draw_scanpath(picture, np.array([[width / 2, width / 4]]), veil=0) != picture).any(2).mean())
    assert shares[0] == pytest.approx(shares[1], rel=0.2)


def test_no_look_leaves_the_picture_under_its_veil() -> None:
    np.testing.assert_array_equal(draw_scanpath(GREY, np.zeros((0, 2)), veil=0), GREY)
    assert (draw_scanpath(GREY, np.zeros((0, 2)), veil=1) == 255).all()


def test_boxes_have_frames_and_labels_that_cover_no_other() -> None:
    objects = Objects(np.array([(50, 50, 100, 80), (60, 55, 80, 60), (250, 150, 60, 60)], np.float64))
    drawn = draw_boxes(GREY, objects, ["house", "door", ""])
    assert (drawn[150:210, 250] != 128).all()
    assert (drawn[180, 280] == 128).all()
    ink = near(drawn, (28, 30, 36))
    assert ink[:50].any()
    taken: list[tuple[int, int, int, int]] = []
    for number, words in enumerate(("house", "door")):
        _name(drawn, tag(words, 0.45), objects.boxes[number], taken)
    (left, top, right, bottom), (x, y, end, below) = taken
    assert right <= x or end <= left or bottom <= y or below <= top


def test_a_label_without_room_is_left_out() -> None:
    same = Objects(np.tile([150.0, 120, 30, 20], (30, 1)))
    once = (draw_boxes(GREY, same, ["a long label"] + [""] * 29) != 128).any(2).sum()
    all_ = (draw_boxes(GREY, same, ["a long label"] * 30) != 128).any(2).sum()
    assert once < all_ < 10 * once


def test_values_make_frames_stronger() -> None:
    objects = Objects(np.array([(50, 50, 60, 60), (200, 50, 60, 60)], np.float64))
    drawn = draw_boxes(GREY, objects, values=np.array([0.1, 1.0])).astype(int)
    weak, strong = (np.abs(drawn[:, left : left + 80] - 128).sum() for left in (40, 190))
    assert strong > 2 * weak > 0


def test_no_drawer_writes_to_its_arguments() -> None:
    picture, xy = GREY.copy(), PLACES.copy()
    objects = Objects(np.array([(50, 50, 60, 60)], np.float64))
    for array in (picture, xy, objects.boxes):
        array.flags.writeable = False
    for drawn in (draw_scanpath(picture, xy, np.full(4, 200.0), 0), draw_boxes(picture, objects, ["a"])):
        assert drawn.flags.writeable
        assert not np.shares_memory(drawn, picture)
    np.testing.assert_array_equal(picture, GREY)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="float64"):
        draw_scanpath(GREY / 255, PLACES)
    with pytest.raises(ValueError, match="uint8"):
        draw_boxes(GREY[..., 0], Objects(np.zeros((0, 4))))


def test_five_thousand_objects_are_drawn_and_two_hundred_at_most_are_named() -> None:
    draws = np.random.default_rng(0)
    boxes = np.hstack([draws.uniform(0, 380, (5000, 2)) * (1, 0.75), draws.uniform(1, 20, (5000, 2))])
    assert draw_boxes(GREY, Objects(boxes), ["x"] * 5000).shape == GREY.shape
