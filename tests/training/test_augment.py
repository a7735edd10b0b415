"""Fixations stay on what they were on; the same seed does the same."""

from typing import Any

import numpy as np
import pytest

from data.picture import FILL
from training.augment import Augment, Natural

SIZE = (72, 96)
STILL = {"motion": 0.0, "colour": 0.0}


def texture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def places(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform((0, 0), SIZE[::-1], (count, 2))


def dot(x: float, y: float) -> np.ndarray:
    """Black but for a small bright blob whose centre is at (x, y), counted from the corner of the first pixel."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    blob = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 2.0**2))
    return np.repeat(np.rint(blob).astype(np.uint8)[..., None], 3, 2)


def test_a_bright_dot_stays_under_its_fixation() -> None:
    augment = Natural(colour=0.0)
    errors = []
    for seed in range(60):
        x, y = np.random.default_rng(seed).uniform((10, 10), (SIZE[1] - 10, SIZE[0] - 10))
        image, moved, kept, _ = augment(dot(x, y), np.array([[x, y]]), seed)
        if len(kept) == 0 or not (3 < moved[0, 0] < SIZE[1] - 3 and 3 < moved[0, 1] < SIZE[0] - 3):
            continue
        bright = image[..., 0].astype(float) * (image[..., 0] != FILL)  # what came in from outside is grey
        top, left = np.unravel_index(bright.argmax(), SIZE)
        brightest = np.array([left + 0.5, top + 0.5])
        errors.append(brightest - moved[0])
    assert len(errors) > 40
    assert np.abs(errors).max() < 1.5
    assert np.abs(np.mean(errors, 0)).max() < 0.25  # no half pixel is lost between the two ways to count


def test_the_same_seed_does_the_same_and_another_does_not() -> None:
    augment, fresh = Natural(), Natural()
    augment(texture(1), places(3), 99)  # what came before does not matter
    for seed in range(5):
        one, other = augment(texture(), places(20), seed), fresh(texture(), places(20), seed)
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    assert (augment(texture(), places(20), 1)[0] != augment(texture(), places(20), 2)[0]).any()


def test_without_motion_and_colour_half_of_the_pictures_are_mirrored() -> None:
    image, xy = texture(), np.array([[30.5, 40.25], [0.5, 0.5], [SIZE[1] - 0.5, 3.0]])
    mirrored = 0
    for seed in range(60):
        new, moved, kept, _ = Natural(**STILL)(image, xy, seed)
        np.testing.assert_array_equal(kept, [0, 1, 2])
        if (new == image).all():
            np.testing.assert_allclose(moved, xy, atol=1e-4)
        else:
            mirrored += 1
            np.testing.assert_array_equal(new, image[:, ::-1])
            np.testing.assert_allclose(moved, xy * (-1, 1) + (SIZE[1], 0), atol=1e-4)
    assert 15 <= mirrored <= 45  # 30 +- 4 standard deviations


def test_what_leaves_the_picture_is_dropped_and_the_rest_is_named() -> None:
    """Each fixation moved alone goes where it goes among the others, so `kept` names the right ones."""
    augment, image, xy = Natural(), texture(), places(40)
    dropped = 0
    for seed in range(12):
        _, moved, kept, _ = augment(image, xy, seed)
        assert moved.dtype == np.float64
        assert kept.dtype == np.int64
        assert (np.diff(kept) > 0).all()
        assert (moved >= 0).all()
        assert (moved <= np.array(SIZE[::-1]) + 0.5).all()
        dropped += len(xy) - len(kept)
        alone = [augment(image, xy[i : i + 1], seed)[1] for i in range(len(xy))]
        np.testing.assert_array_equal(kept, [i for i, points in enumerate(alone) if len(points)])
        np.testing.assert_allclose(moved, np.concatenate(alone), atol=1e-4)
    assert dropped > 0


@pytest.mark.parametrize("seed", range(4))
def test_a_picture_without_fixations_is_moved_all_the_same(seed: int) -> None:
    image, moved, kept, _ = Natural()(texture(), np.zeros((0, 2)), seed)
    assert image.shape == (*SIZE, 3)
    assert image.dtype == np.uint8
    assert moved.shape == (0, 2)
    assert kept.shape == (0,)
    np.testing.assert_array_equal(image, Natural()(texture(), places(5), seed)[0])


@pytest.mark.parametrize("options", [{}, {"zoom": (0.5, 1.6)}, STILL])
def test_the_matrix_tells_where_every_place_went(options: dict[str, Any]) -> None:
    xy = places(30)
    for seed in range(6):
        _, moved, kept, matrix = Natural(**options)(texture(), xy, seed)
        np.testing.assert_allclose(moved, xy[kept] @ matrix[:, :2].T + matrix[:, 2], atol=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1)])
def test_a_picture_of_one_line_is_moved_too(size: tuple[int, int]) -> None:
    for seed in range(4):
        moved = Natural()(np.zeros((*size, 3), np.uint8), np.array([[0.5, 0.5]]), seed)
        assert np.isfinite(moved.matrix).all()


def test_a_zoom_keeps_shapes_and_goes_as_far_as_it_says() -> None:
    scales = []
    for seed in range(80):
        matrix = Natural(motion=0.0, colour=0.0, zoom=(0.5, 2.0))(texture(), places(1), seed).matrix
        wide, high = np.linalg.norm(matrix[:, :2], axis=0)
        assert wide == pytest.approx(high, rel=1e-4)
        scales.append(wide)
    assert 0.5 <= min(scales) < 0.8
    assert 1.6 < max(scales) <= 2.0


def test_holes_hide_parts_and_move_nothing() -> None:
    augment, plain = Natural(**STILL, holes=1.0), Natural(**STILL)
    for seed in range(5):
        covered, bare = augment(texture(), places(9), seed), plain(texture(), places(9), seed)
        hidden = (covered.image != bare.image).any(2)
        assert 0 < hidden.mean() < 4 * 0.2**2 + 0.02
        assert (covered.image[hidden] == FILL).all()
        np.testing.assert_array_equal(covered.points, bare.points)


def test_the_callers_picture_and_fixations_are_left_alone() -> None:
    image, xy = texture(), places(5)
    for seed in range(4):
        Natural()(image, xy, seed)
    np.testing.assert_array_equal(image, texture())
    np.testing.assert_array_equal(xy, places(5))


def test_an_augmentation_says_what_it_does() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Augment()  # type: ignore[abstract]
