"""What a saliency model sees of each object: masses, levels, scores and means over boxes."""

import numpy as np
import pytest

from data.picture import Letterbox
from export.scanpath_onnx import random_look
from scanpath.object_features import FeatureSizes, Look, object_features

SIZES = FeatureSizes(3, 2, 4, 5)


def look(size: tuple[int, int] = (64, 96)) -> Look:
    made = random_look(list(vars(SIZES).values()), 0)
    return Look(made.log_density, made.fine, made.coarse, made.scores, Letterbox.fit(size, (64, 96)))


def parts(features: np.ndarray) -> list[np.ndarray]:
    """Log mass, log level, scores, fine, coarse."""
    return np.split(features, np.cumsum([SIZES.maps, SIZES.maps, SIZES.kinds, SIZES.fine]), axis=1)


def test_masses_of_boxes_that_tile_the_picture_sum_to_one() -> None:
    boxes = np.array([[x, y, 48.0, 32.0] for y in (0, 32) for x in (0, 48)])
    features = object_features(look(), boxes)
    assert features.shape == (4, SIZES.total)
    assert features.dtype == np.float32
    mass, level, *_ = parts(features)
    np.testing.assert_allclose(np.exp(mass).sum(0), 1, atol=1e-4)
    np.testing.assert_allclose(np.exp(level).mean(0), 1, atol=1e-4)  # each box is a quarter


def test_cells_count_by_their_covered_share() -> None:
    given = look()
    boxes = np.array([[10.5, 3.25, 33.0, 7.5], [-4, -4, 200, 200], [90, 60, 30, 30]])
    mass, _, _, fine, coarse = parts(object_features(given, boxes))
    for row, (x, y, w, h) in enumerate(boxes):
        for maps, cell, found in (
            (np.exp(given.log_density), 1, np.exp(mass)),
            (given.fine, 4, fine),
            (given.coarse, 16, coarse),
        ):
            rows, columns = maps.shape[1:]
            down = [max(0.0, min((y + h) / cell, i + 1) - max(y / cell, i)) for i in range(rows)]
            across = [max(0.0, min((x + w) / cell, i + 1) - max(x / cell, i)) for i in range(columns)]
            weight = np.outer(down, across)
            wanted = (maps * weight).sum((1, 2)) / (1 if cell == 1 else weight.sum())
            np.testing.assert_allclose(found[row], wanted, rtol=1e-3, atol=1e-5)


def test_a_score_is_the_highest_in_the_box() -> None:
    given = look()
    given.scores[:] = 0
    given.scores[1, 5, 7] = 0.9
    scores = parts(object_features(given, np.array([[24.0, 16, 8, 8], [0, 0, 20, 20], [29, 21, 0.5, 0.5]])))[2]
    assert scores.tolist() == pytest.approx(np.array([[0, 0.9], [0, 0], [0, 0.9]]))


def test_boxes_are_in_pixels_of_the_picture() -> None:
    """On a picture three times as large, and on one with bars, the same places have the same numbers."""
    boxes = np.array([[12.0, 8, 40, 24]])
    np.testing.assert_allclose(object_features(look(), boxes), object_features(look((192, 288)), 3 * boxes), atol=1e-4)
    barred = look((64, 48))  # 24 columns of bar on either side
    barred.log_density[:, :, :24] = barred.log_density[:, :, 72:] = -1e4
    shifted = np.array([[12.0 + 24, 8, 30, 24]])
    fine, coarse = (
        parts(object_features(look(), shifted))[3:],
        parts(object_features(barred, shifted - (24, 0, 0, 0)))[3:],
    )
    for one, other in zip(fine, coarse, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_without_kinds_and_objects_there_is_nothing_to_score() -> None:
    made = random_look([1, 0, 2, 3], 1)
    assert object_features(made, np.array([[0.0, 0, 9, 9]])).shape == (1, FeatureSizes(1, 0, 2, 3).total)
    assert object_features(made, np.zeros((0, 4))).shape == (0, 7)
