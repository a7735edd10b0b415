"""Proto-objects: found where something was put, within their limits, the same every time; and flat inputs."""

import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import maps
from data.errors import GazeError
from data.gaze import Objects
from data.objects import assign, check, overlap
from data.picture import read
from data.table.read import read_splits, read_table
from scanpath.proto_objects import LARGEST, POWER, SMALLEST, _merges, _neighbours, _pieces, _Tree, proto_objects

FLAT = np.full((120, 160), -np.log(120 * 160), np.float32)


def blobs(size: tuple[int, int], *centres: tuple[int, int], sigma: float = 12.0) -> np.ndarray:
    """A log density with a hill on each centre (x, y)."""
    y, x = np.indices(size)
    hills = sum(np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2)) for cx, cy in centres)
    return np.log(np.asarray(hills) + 1e-4).astype(np.float32)


def painted(*rectangles: tuple[int, int, int, int]) -> np.ndarray:
    """A grey picture of 160 x 120 pixels with coloured rectangles x, y, width, height."""
    picture = np.full((120, 160, 3), 128, np.uint8)
    colours = [(220, 30, 30), (30, 40, 220), (240, 220, 20), (20, 160, 60)]
    for colour, (x, y, w, h) in zip(colours, rectangles, strict=False):
        picture[y : y + h, x : x + w] = colour
    return picture


def union(objects: Objects, size: tuple[int, int]) -> float:
    covered = np.zeros(size, bool)
    for x, y, right, bottom in np.rint(np.hstack([objects.boxes[:, :2], objects.boxes[:, :2] + objects.boxes[:, 2:]])):
        covered[int(y) : int(bottom), int(x) : int(right)] = True
    return float(covered.mean())


def test_a_coloured_thing_that_is_looked_at_is_an_object() -> None:
    things = [(20, 30, 30, 40), (100, 20, 40, 30), (90, 80, 30, 20)]
    found = proto_objects(painted(*things), blobs((120, 160), (35, 50), (120, 35), (105, 90)))
    assert (overlap(np.array(things, float), found.boxes[:3]).max(1) > 0.8).all()


def test_what_is_not_looked_at_is_no_object() -> None:
    found = proto_objects(painted((20, 30, 30, 40), (100, 20, 40, 30)), blobs((120, 160), (35, 50), sigma=8))
    assert overlap(np.array([[100.0, 20, 40, 30]]), found.boxes).max(initial=0) < 0.1


def test_boxes_hold_their_regions_and_confidences_are_the_regions_mass() -> None:
    density = blobs((90, 130), (30, 40), (100, 60))
    found = proto_objects(np.random.default_rng(0).integers(0, 256, (90, 130, 3)).astype(np.uint8), density)
    assert found.masks is not None
    assert found.confidences is not None
    probability = np.exp(density) / np.exp(density).sum()
    for box, mask, confidence in zip(found.boxes, found.masks, found.confidences, strict=True):
        y, x = np.nonzero(mask)
        assert (x.min(), y.min(), x.max() + 1, y.max() + 1) == (*box[:2], *(box[:2] + box[2:]))
        assert probability[mask].sum() == pytest.approx(confidence, rel=1e-3)
    assert (np.diff(found.confidences) <= 0).all()
    assert not (found.masks.sum(0) > 1).any()  # the regions divide the picture


@given(
    st.tuples(st.integers(1, 70), st.integers(1, 70)),
    st.integers(1, 14),
    st.floats(0.05, 1),
    st.integers(0, 1000),
    st.sampled_from([0, 3, 9]),
)
def test_objects_are_within_their_limits(
    size: tuple[int, int], most: int, share: float, seed: int, smooth: int
) -> None:
    chance = np.random.default_rng(seed)
    pixels = chance.integers(0, 256, (*size, 3)).astype(np.uint8)
    density = chance.normal(size=size).astype(np.float32) * 3
    if smooth:
        pixels = np.asarray(cv2.blur(pixels, (smooth, smooth)), np.uint8).reshape(*size, 3)
        density = np.asarray(cv2.blur(density, (smooth, smooth)), np.float32)
    found = proto_objects(pixels, density, most, share)
    assert len(found) <= most
    assert union(found, size) <= share + 1e-9
    assert len(check(found, size[1], size[0])) == len(found)
    assert (found.boxes[:, 2:].prod(1) >= SMALLEST * size[0] * size[1] * (1 - 1e-9)).all()


def test_no_object_is_the_whole_scene() -> None:
    x = np.linspace(-1, 1, 160, dtype=np.float32)
    found = proto_objects(
        np.full((120, 160, 3), 50, np.uint8), np.tile(-(x**2) / 4, (120, 1))
    )  # a little more in the middle
    assert 0 < found.boxes[:, 2:].prod(1).max() <= LARGEST * 0.4 * 120 * 160


def test_the_same_input_gives_the_same_objects_and_stays_as_it_was() -> None:
    pixels, density = painted((20, 30, 30, 40)), blobs((120, 160), (35, 50))
    before = pixels.copy(), density.copy()
    one, other = proto_objects(pixels, density), proto_objects(pixels, density)
    np.testing.assert_array_equal(one.boxes, other.boxes)
    np.testing.assert_array_equal(pixels, before[0])
    np.testing.assert_array_equal(density, before[1])


def test_under_a_flat_density_the_colours_decide() -> None:
    things = [(20, 30, 30, 40), (100, 20, 40, 30)]
    found = proto_objects(painted(*things), FLAT)
    assert (overlap(np.array(things, float), found.boxes).max(1) > 0.8).all()


def test_in_a_picture_of_one_colour_the_density_decides() -> None:
    found = proto_objects(np.full((120, 160, 3), 77, np.uint8), blobs((120, 160), (35, 50), (120, 80)))
    assert len(found) > 0
    points = np.array([[35.0, 50], [120, 80]])
    assert (assign(points, replace(found, masks=None)) >= 0).all()


@pytest.mark.parametrize("size", [(1, 1), (120, 160), (2, 300)])
def test_where_nothing_stands_out_there_is_no_object(size: tuple[int, int]) -> None:
    found = proto_objects(np.full((*size, 3), 200, np.uint8), np.full(size, -3.0, np.float32))
    assert found.boxes.shape == (0, 4)
    assert found.masks is not None
    assert found.masks.shape == (0, *size)


def test_a_density_of_one_pixel_is_taken() -> None:
    density = np.full((40, 60), -np.inf, np.float32)
    density[10, 20] = 0
    found = proto_objects(np.zeros((40, 60, 3), np.uint8), density)
    assert assign(np.array([[20.5, 10.5]]), found).tolist() == [0]


@pytest.mark.parametrize(("most", "share"), [(0, 0.4), (12, 0.0), (12, 1.5), (12, float("nan"))])
def test_limits_that_cannot_be_are_refused(most: int, share: float) -> None:
    with pytest.raises(GazeError, match="allow 1 or more"):
        proto_objects(painted(), FLAT, most, share)


@pytest.mark.parametrize(
    ("pixels", "density"),
    [
        (painted(), FLAT[1:]),
        (painted().astype(np.float32), FLAT),
        (painted(), np.full_like(FLAT, np.nan)),
        (painted(), np.full_like(FLAT, -np.inf)),
        (painted()[:0], FLAT[:0]),
    ],
)
def test_what_is_no_picture_or_no_density_is_refused(pixels: np.ndarray, density: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"must|does not fit"):
        proto_objects(pixels, density)


def test_pieces_are_connected_and_all_there() -> None:
    piece = _pieces(read_noise())
    for number in range(piece.max() + 1):
        count, _ = cv2.connectedComponents((piece == number).astype(np.uint8), connectivity=8)
        assert count == 2  # the background and one piece


def read_noise() -> np.ndarray:
    chance = np.random.default_rng(3)
    return np.asarray(cv2.resize(chance.integers(0, 256, (6, 8, 3)).astype(np.uint8), (64, 48)))


def test_merges_are_those_that_raise_the_variance_least() -> None:
    """Against a loop that tries every two neighbours each time, and takes the variance from the pixels."""
    chance = np.random.default_rng(5)
    piece = np.repeat(np.repeat(np.arange(12).reshape(3, 4), 2, 0), 3, 1)
    values = chance.normal(size=piece.shape)
    means = np.array([[values[piece == i].mean()] for i in range(12)])
    regions, expected = {i: piece == i for i in range(12)}, []
    pairs = {(a, b) for a, b in _neighbours(piece)}
    for new in range(12, 23):

        def rise(pair: tuple[int, int]) -> float:
            parts = [regions[i] for i in pair]
            within = sum(values[p].var() * p.sum() for p in parts)
            both = parts[0] | parts[1]
            return float(values[both].var() * both.sum() - within)

        a, b = min(pairs, key=rise)
        expected.append({a, b})
        regions[new] = regions[a] | regions[b]
        moved = {tuple(sorted(new if i in (a, b) else i for i in pair)) for pair in pairs if set(pair) != {a, b}}
        pairs = {(i, j) for i, j in moved}
    got = _merges(means, np.full(12, 6.0), _neighbours(piece))
    assert [set(merge) for merge in got] == expected


def test_the_division_is_the_best_of_all() -> None:
    """Against every division of a tree of six pieces."""
    chance = np.random.default_rng(6)
    piece = np.repeat(np.repeat(np.arange(6).reshape(2, 3), 4, 0), 4, 1)
    looks = chance.dirichlet(np.full(piece.size, 0.2)).reshape(piece.shape)
    tree = _Tree.grow(piece, looks[..., None] * 100, looks)

    def divisions(region: int) -> list[tuple[int, ...]]:
        found: list[tuple[int, ...]] = [(), (region,)]
        if tree.children[region]:
            a, b = tree.children[region]
            found += [(*one, *other) for one in divisions(a) for other in divisions(b)]
        return found

    area = tree.boxes[:, 2:].prod(1) / piece.size
    for price in (0.0, 0.3, 0.8, 1.5):
        values = tree.mass**POWER - price * area - 0.04
        best = max(float(values[list(each)].sum()) for each in divisions(len(tree.mass) - 1))
        assert float(values[tree._best(price, 1.0)[0]].sum()) == pytest.approx(best)


@pytest.mark.slow
def test_the_objects_of_osie_hold_most_fixations_of_other_people(shared: Path) -> None:
    """Half of the people make the density, the other half are counted."""
    root = shared / "osie"
    names = read_splits(root)["val"][:12]
    held = total = 0
    for picture, viewers in read_table(root):
        if picture.name in names and picture.path:
            size = picture.height, picture.width
            xy = np.concatenate([viewer.xy for viewer in viewers[::2]])
            density = np.log(maps.density(maps.counts(xy, size), 20.0) + 1e-9)
            found = proto_objects(read(picture.path), density)
            others = np.concatenate([viewer.xy for viewer in viewers[1::2]])
            held += int((assign(others, replace(found, masks=None)) >= 0).sum())
            total += len(others)
            assert 2 <= len(found) <= 12
            assert union(found, size) <= 0.405
    assert held / total > 0.75


def test_a_megapixel_takes_less_than_a_second() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (51, 77, 3)).astype(np.uint8)
    pixels = np.asarray(cv2.resize(noise, (1224, 816)))
    density = blobs((816, 1224), (300, 300), (900, 500), sigma=90)
    proto_objects(pixels, density)
    start = time.perf_counter()
    proto_objects(pixels, density)
    assert time.perf_counter() - start < 1  # 0.10 s on an idle core
