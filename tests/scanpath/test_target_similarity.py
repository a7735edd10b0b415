"""What looks like the thing that is sought is found where it lies, and nothing else is."""

import cv2
import numpy as np
import pytest

from scanpath.target_similarity import target_similarity


def clouds(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


CELLS = np.array([[x, y, 30.0, 20.0] for y in (0, 20) for x in (0, 30, 60)])


@pytest.mark.parametrize("cell", range(6))
def test_the_cell_that_holds_the_crop_is_most_alike(cell: int) -> None:
    picture = clouds(40, 90)
    x, y, width, height = CELLS[cell].astype(int)
    crop = picture[y + 4 : y + height - 4, x + 5 : x + width - 5]
    found = target_similarity(picture, CELLS, [crop])
    assert found.argmax() == cell
    assert found[cell] > 0.999
    assert np.delete(found, cell).max() < 0.6


def test_of_several_things_the_best_counts() -> None:
    picture = clouds(40, 90)
    crops = [picture[2:18, 2:26], picture[22:38, 62:86]]
    assert (target_similarity(picture, CELLS, crops) > 0.9).tolist() == [True, False, False, False, False, True]
    assert np.allclose(
        target_similarity(picture, CELLS, crops), np.maximum(*(target_similarity(picture, CELLS, [c]) for c in crops))
    )


def test_a_large_crop_is_compared_at_a_reduced_size() -> None:
    picture = cv2.resize(clouds(20, 45), (720, 320), interpolation=cv2.INTER_CUBIC)
    found = target_similarity(picture, CELLS * 8, [picture[8 * 22 : 8 * 38, 8 * 32 : 8 * 58]])
    assert found.argmax() == 4
    assert found[4] > 0.8
    assert np.delete(found, 4).max() < 0.6


@pytest.mark.parametrize(
    "crop",
    [
        np.full((10, 10, 3), 90, np.uint8),  # one colour
        clouds(100, 100, 1),  # larger than the picture
        clouds(1, 1, 1),
        clouds(2, 24, 1),
        clouds(1, 400, 1),
    ],
)
def test_what_cannot_be_compared_is_like_nothing(crop: np.ndarray) -> None:
    small = clouds(8, 12)
    assert not target_similarity(small, np.array([[0, 0, 12.0, 8.0]]), [crop]).any()


def test_without_anything_sought_and_in_boxes_beside_the_picture_there_is_no_likeness() -> None:
    picture = clouds(40, 90)
    assert not target_similarity(picture, CELLS, []).any()
    outside = np.array([[-50.0, -50, 10, 10], [200, 200, 10, 10], [5, 5, 0.1, 0.1]])
    assert not target_similarity(picture, outside, [picture[10:20, 10:20]])[:2].any()
    assert target_similarity(picture, np.zeros((0, 4)), [picture[10:20, 10:20]]).shape == (0,)
