import cv2
import numpy as np
import pytest

from annotation import camera
from annotation.camera import View


def scene(seed: int = 0, size: tuple[int, int] = (300, 400)) -> np.ndarray:
    """A picture of many coloured blocks."""
    rng = np.random.default_rng(seed)
    pixels = np.full((*size, 3), 128, np.uint8)
    for _ in range(150):
        y, x = rng.integers(0, size[0] - 30), rng.integers(0, size[1] - 30)
        pixels[y : y + rng.integers(5, 30), x : x + rng.integers(5, 30)] = rng.integers(0, 256, 3)
    return pixels


@pytest.mark.parametrize(("shift", "turn", "scale"), [((12, -7), 0, 1), ((-60, 20), 0, 1), ((5, 5), 6, 1.1)])
def test_the_motion_of_a_head_is_found_to_a_pixel(shift: tuple[int, int], turn: float, scale: float) -> None:
    before = scene()
    by = cv2.getRotationMatrix2D((200, 150), turn, scale)
    by[:, 2] += shift
    now = cv2.warpAffine(before, by, (400, 300), borderMode=cv2.BORDER_REFLECT)
    found, cut = camera.motion(View.of(before), View.of(now))
    corners = np.array([[50.0, 50], [350, 50], [50, 250], [350, 250]])
    assert not cut
    np.testing.assert_allclose(camera.moved(corners, found), cv2.transform(corners[None], by)[0], atol=1.0)


def test_motion_is_in_pixels_of_the_frame_also_where_a_smaller_one_is_compared() -> None:
    before = scene(size=(900, 1200))
    now = np.roll(before, 80, 1)
    found, _ = camera.motion(View.of(before), View.of(now))
    assert found[0, 2] == pytest.approx(80, abs=3)


def test_another_scene_is_a_cut() -> None:
    dark = (scene(1) // 4).astype(np.uint8)
    found, cut = camera.motion(View.of(scene(0)), View.of(dark))
    assert np.isnan(found).all()
    assert cut


def test_a_blurred_frame_of_the_same_scene_is_no_cut_but_its_motion_is_not_known() -> None:
    before = scene()
    found, cut = camera.motion(View.of(before), View.of(cv2.blur(before, (21, 21))))
    assert np.isnan(found).all()
    assert not cut


def test_walls_without_corners_stand_still() -> None:
    grey = np.full((60, 80, 3), 90, np.uint8)
    found, cut = camera.motion(View.of(grey), View.of(grey))
    np.testing.assert_array_equal(found, camera.STILL)
    assert not cut


def test_two_motions_after_each_other_are_one() -> None:
    one = np.array([[0.0, -1, 5], [1, 0, 2]], np.float32)
    two = np.array([[2.0, 0, 1], [0, 2, -3]], np.float32)
    xy = np.array([[3.0, 4]])
    np.testing.assert_allclose(camera.moved(xy, camera.after(one, two)), camera.moved(camera.moved(xy, one), two))


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (8, 8)])
def test_a_frame_of_any_size_has_a_view(size: tuple[int, int]) -> None:
    view = View.of(np.zeros((*size, 3), np.uint8))
    assert np.isfinite(camera.motion(view, view)[0]).all()
