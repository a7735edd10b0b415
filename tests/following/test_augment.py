"""What is moved together stays together."""

import numpy as np
import pytest
from jaxtyping import Float

from following.augment import Followed, FollowingAugment

HEAD = np.array([20.0, 10.0, 24.0, 20.0])
GAZE = np.array([[100.5, 70.5]])


def marked(head: Float[np.ndarray, "4"] = HEAD, gaze: Float[np.ndarray, "k 2"] = GAZE) -> Followed:
    """A dark picture on which the head is red and the target is green."""
    image = np.full((96, 128, 3), 20, np.uint8)
    x, y, width, height = head.astype(int)
    image[y : y + height, x : x + width] = (250, 20, 20)
    for column, row in gaze.astype(int):
        image[row - 3 : row + 4, column - 3 : column + 4] = (20, 250, 20)
    return Followed(image, head, gaze)


def where(image: np.ndarray, channel: int) -> tuple[float, float, float, float]:
    other = 1 - channel
    rows, columns = np.nonzero(image[..., channel].astype(int) - image[..., other] > 60)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize("seed", range(8))
def test_the_box_lies_on_the_head_and_the_point_on_the_target_whatever_happens(seed: int) -> None:
    moved = FollowingAugment(jitter=0, colour=0)(marked(), seed)
    x, y, width, height = moved.head
    assert np.abs(np.array(where(moved.image, 0)) - (x, y, x + width, y + height)).max() <= 1.5
    left, top, right, bottom = where(moved.image, 1)
    assert np.abs(moved.gaze[0] - ((left + right) / 2, (top + bottom) / 2)).max() <= 1.5


def test_a_part_that_is_cut_out_keeps_head_and_target() -> None:
    cut, sizes = FollowingAugment(flip=0, crop=1, jitter=0, colour=0), set()
    for seed in range(20):
        moved = cut(marked(), seed)
        height, width = moved.image.shape[:2]
        sizes.add((height, width))
        assert (moved.head[:2] >= 0).all()
        assert (moved.head[:2] + moved.head[2:] <= (width, height)).all()
        assert ((moved.gaze >= 0) & (moved.gaze < (width, height))).all()
    assert len(sizes) > 5


def test_a_mirror_is_one() -> None:
    moved = FollowingAugment(flip=1, crop=0, jitter=0, colour=0)(marked(), 0)
    np.testing.assert_allclose(moved.head, [128 - 44, 10, 24, 20], atol=1e-6)
    np.testing.assert_allclose(moved.gaze, [[27.5, 70.5]], atol=1e-6)


def test_a_jittered_box_is_near_the_head_and_on_the_picture() -> None:
    change, found = FollowingAugment(flip=0, crop=0, jitter=1, colour=0), []
    for seed in range(30):
        head = change(marked(), seed).head
        assert (head[:2] >= HEAD[:2] - 0.21 * HEAD[2:]).all()
        assert (head[:2] + head[2:] <= HEAD[:2] + 1.21 * HEAD[2:]).all()
        assert (head[2:] >= 0.79 * HEAD[2:]).all()
        found.append(head)
    assert np.std(found, 0).min() > 0.5


@pytest.mark.parametrize(
    ("head", "gaze"),
    [
        (np.array([0.0, 0.0, 128.0, 96.0]), np.array([[127.9, 95.9]])),
        (np.array([126.5, 94.5, 1.5, 1.5]), np.zeros((0, 2))),
        (np.array([0.0, 0.0, 1.0, 1.0]), np.array([[0.0, 0.0], [127.9, 0.0]])),
    ],
    ids=["all of the picture", "a corner", "the other corner"],
)
def test_heads_and_targets_at_the_border_are_moved_too(
    head: Float[np.ndarray, "4"], gaze: Float[np.ndarray, "k 2"]
) -> None:
    for seed in range(10):
        moved = FollowingAugment()(Followed(np.full((96, 128, 3), 90, np.uint8), head, gaze), seed)
        assert np.isfinite(moved.head).all()
        assert moved.head[2:].min() >= 0.99
        assert moved.gaze.shape == gaze.shape


def test_the_same_seed_gives_the_same() -> None:
    augment = FollowingAugment()
    one, other, third = augment(marked(), 4), FollowingAugment()(marked(), 4), augment(marked(), 5)
    assert np.array_equal(one.image, other.image)
    assert np.array_equal(one.head, other.head)
    assert not np.array_equal(one.image, third.image)
