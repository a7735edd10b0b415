"""Do contours run where they should, as lines and as drawn, and do labels keep off what they name?"""

import cv2
import numpy as np
import pytest

from data import maps
from data.draw._canvas import Box, grain, overlap
from data.draw._text import tag
from data.draw.contours import SHARES, contour_lines, contours, label_places
from tests.data.draw.test_heatmap import blob


def inside(lines: list[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(size, np.uint8)
    for line in lines:
        cv2.fillPoly(mask, [np.rint((line - 0.5) * 16).astype(np.int32)], 1, shift=4)
    return mask.astype(bool)


def test_lines_surround_their_share_in_pixels_of_whatever_picture() -> None:
    density = blob(96, 128, 0.6, 0.4, 0.1)
    for (level, lines), scale in zip(contour_lines(density, (0.5, 0.9), (1280, 960)), (10, 10), strict=True):
        assert len(lines) == 1
        mask = inside(lines, (960, 1280))
        wide = np.exp(cv2.resize(density, (1280, 960))) / scale**2
        assert wide[mask].sum() / wide.sum() == pytest.approx(level, abs=0.02)
        middle = lines[0].min(0) / 2 + lines[0].max(0) / 2
        np.testing.assert_allclose(middle, ((77 + 0.5) * 10, (38 + 0.5) * 10), atol=6)


def test_lines_at_the_maps_own_size_are_the_edges_of_its_regions() -> None:
    density = blob(900, 1200, 0.5, 0.5)
    [(_, [line])] = contour_lines(density, (0.5,))
    region = maps.region(density, 0.5)
    assert (inside([line], region.shape) ^ region).sum() < 0.01 * region.sum()


def test_two_places_have_two_lines_and_a_hole_has_its_own() -> None:
    two = np.logaddexp(blob(x=0.2, sigma=0.05), blob(x=0.8, sigma=0.05))
    assert len(contour_lines(two, (0.5,))[0][1]) == 2
    rows, columns = np.mgrid[:90, :120]
    ring = -((np.hypot(rows - 45, columns - 60) - 25) ** 2) / 20
    assert len(contour_lines(ring.astype(np.float32), (0.5,))[0][1]) == 2


def labels(shape: tuple[int, int]) -> dict[float, tuple[int, int]]:
    return {level: tag(f"{level:.0%}", grain(shape)).shape[1::-1] for level in SHARES}


def free(places: dict[float, Box], shape: tuple[int, int]) -> bool:
    boxes = list(places.values())
    apart = not any(overlap(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    return apart and all(b[0] >= 0 and b[1] >= 0 and b[2] <= shape[1] and b[3] <= shape[0] for b in boxes)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(20, 20), (200, 300), (900, 1200), (200, 3000), (3000, 200)])
@pytest.mark.parametrize("at", [(0.5, 0.5), (0.02, 0.03), (0.97, 0.5)])
def test_labels_lie_inside_of_the_picture_off_the_peak_and_off_each_other(
    shape: tuple[int, int], at: tuple[float, float]
) -> None:
    density = blob(*shape, *at, sigma=0.08 * min(shape) / shape[1])
    places = label_places(density, contour_lines(density), labels(shape), (shape[1], shape[0]))
    assert free(places, shape)
    y, x = np.unravel_index(density.argmax(), shape)
    assert not any(box[0] <= x < box[2] and box[1] <= y < box[3] for box in places.values())
    assert len(places) >= (0 if min(shape) == 20 else 3 if at == (0.5, 0.5) else 2)
    assert contours(np.zeros((*shape, 3), np.uint8), density).shape == (*shape, 3)


def test_labels_keep_off_what_they_are_to_avoid() -> None:
    density = blob(600, 800, 0.5, 0.5)
    first = label_places(density, contour_lines(density), labels((600, 800)), (800, 600))
    taken = list(first.values())
    second = label_places(density, contour_lines(density), labels((600, 800)), (800, 600), taken)
    assert second
    assert not any(overlap(box, other) for box in second.values() for other in taken)


def test_a_label_lies_where_little_is_looked_at() -> None:
    density = blob(600, 800, 0.5, 0.5)
    relative = np.exp(density - density.max())
    for level, (left, top, right, bottom) in label_places(
        density, contour_lines(density), labels((600, 800)), (800, 600)
    ).items():
        assert relative[top:bottom, left:right].mean() < np.exp(maps.edges_of(density, (level,))[0] - density.max())
