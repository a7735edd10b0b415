"""Is a picture of a thing found where the thing is, and nowhere else?"""

import cv2
import numpy as np
import pytest

from app.predict.target_location import locate

RANDOM = np.random.default_rng(3)
IMAGE = np.kron(RANDOM.integers(0, 256, (30, 40, 3), np.uint8), np.ones((10, 10, 1), np.uint8))
LARGE = cv2.resize(RANDOM.integers(0, 256, (54, 96, 3), np.uint8), (1920, 1080), interpolation=cv2.INTER_CUBIC)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("image", "box"),
    [
        (IMAGE, (200, 100, 100, 80)),
        (LARGE, (1203, 417, 60, 40)),
        (LARGE, (11, 1001, 30, 24)),
        (IMAGE, (0, 0, 400, 300)),
    ],
    ids=["middle", "off the grid", "small in a large picture", "all of it"],
)
def test_a_crop_cut_from_the_picture_is_found_to_the_pixel(image: np.ndarray, box: tuple[int, int, int, int]) -> None:
    x, y, width, height = box
    assert locate(image, image[y : y + height, x : x + width]) == box


@pytest.mark.parametrize("scale", [0.6, 1.5])
def test_a_crop_of_another_size_is_found(scale: float) -> None:
    crop = cv2.resize(IMAGE[100:180, 200:300], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    box = locate(IMAGE, crop)
    assert box is not None
    np.testing.assert_allclose(box, (200, 100, 100, 80), atol=12)


NOWHERE = {
    "another": RANDOM.integers(0, 256, (80, 100, 3), np.uint8),
    "one colour": np.full((80, 100, 3), 9, np.uint8),
    "two pixels": IMAGE[:2, :2],
    "far too large": RANDOM.integers(0, 256, (1500, 1500, 3), np.uint8),
}


@pytest.mark.parametrize("crop", NOWHERE.values(), ids=NOWHERE)
def test_what_is_not_there_is_nowhere(crop: np.ndarray) -> None:
    assert locate(IMAGE, crop) is None
