"""Does the winner take all, does interest return when inhibition fades, and do drawn places follow the density?"""

import numpy as np
import pytest

from data.errors import GazeError
from data.gaze import Objects, Picture, Scene
from data.objects import assign
from scanpath.baselines.winner_take_all import Walk, land, mass, owners, walk, wander


def peaks(*places: tuple[int, int, float], size: tuple[int, int] = (60, 90)) -> np.ndarray:
    """A log density with a narrow peak at each (x, y), of the weight that goes with it."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    values = sum(weight * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 18) for x, y, weight in places) + 1e-6
    return np.log(values / values.sum()).astype(np.float32)


def scene(*boxes: tuple[float, float, float, float]) -> Scene:
    return Scene(Picture("a", 90, 60), Objects(np.array(boxes, np.float64).reshape(-1, 4)))


THREE = peaks((10, 10, 1.0), (45, 40, 0.6), (80, 20, 0.3))
BOXES = scene((0, 0, 20, 20), (35, 30, 20, 20), (70, 10, 20, 20))


def test_the_peaks_are_visited_from_the_highest_to_the_lowest() -> None:
    path = walk(THREE, 3, radius=10)
    np.testing.assert_array_equal(path.xy, [(10.5, 10.5), (45.5, 40.5), (80.5, 20.5)])
    assert np.isnan(path.duration).all()
    assert np.isnan(path.onset).all()


def test_the_walk_agrees_with_a_loop_over_pixels() -> None:
    density = np.random.default_rng(3).normal(size=(7, 9))
    seen: list[tuple[float, float]] = []
    for _ in range(6):
        best, place = -np.inf, (0.0, 0.0)
        for y in range(7):
            for x in range(9):
                tired = sum(
                    2 ** (-(len(seen) - 1 - age) / 4) * 2 ** -(((x + 0.5 - a) ** 2 + (y + 0.5 - b) ** 2) / 2.5**2)
                    for age, (a, b) in enumerate(seen)
                )
                if np.exp(density[y, x]) * max(0, 1 - tired) > best:
                    best, place = np.exp(density[y, x]) * max(0, 1 - tired), (x + 0.5, y + 0.5)
        seen.append(place)
    np.testing.assert_allclose(walk(density, 6, radius=2.5, recovery=4).xy, seen)


def test_interest_returns_as_inhibition_fades_and_never_where_it_does_not() -> None:
    assert len(np.unique(walk(peaks((10, 10, 1.0), (70, 40, 0.9)), 8, radius=8, recovery=0.5).xy, axis=0)) < 4
    forever = walk(THREE, 30, radius=6, recovery=np.inf).xy
    gaps = np.linalg.norm(forever[:, None] - forever, axis=2)[np.triu_indices(30, 1)]
    assert gaps.min() > 3


def test_a_walk_starts_where_it_is_told_to() -> None:
    path = walk(THREE, 4, radius=10, start=(81.0, 20.0))
    np.testing.assert_array_equal(path.xy[0], (81, 20))
    np.testing.assert_array_equal(path.xy[1], (10.5, 10.5))
    with pytest.raises(GazeError, match=r"cannot start at \(90, 5\): the picture is 90 x 60"):
        walk(THREE, start=(90, 5))


def test_a_flat_density_and_a_single_pixel_are_walked_over() -> None:
    assert walk(np.zeros((1, 1)), 3).xy.tolist() == [[0.5, 0.5]] * 3
    flat = walk(np.zeros((20, 30)), 5).xy
    assert len(np.unique(flat, axis=0)) == 5
    assert walk(THREE, 0).xy.shape == (0, 2)


@pytest.mark.parametrize("bad", [{"radius": 0}, {"recovery": -1}])
def test_what_cannot_be_walked_is_refused_in_one_sentence(bad: dict[str, float]) -> None:
    with pytest.raises(GazeError, match="must be positive"):
        walk(THREE, **bad)
    with pytest.raises(ValueError, match="finite maximum"):
        walk(np.full((3, 3), -np.inf))


def test_the_first_places_of_many_wanderers_follow_the_density() -> None:
    density = np.log(np.array([[0.1, 0.2], [0.3, 0.4]]))
    firsts = np.array([path.xy[0] for path in wander(density, 1, observers=4000, seed=5)])
    counts = np.histogram2d(firsts[:, 1], firsts[:, 0], bins=2, range=[[0, 2], [0, 2]])[0] / 4000
    np.testing.assert_allclose(counts, np.exp(density), atol=0.03)


def test_a_seed_gives_the_same_wanderers_and_great_sharpness_gives_the_winner() -> None:
    one, same, other = (wander(THREE, 5, observers=3, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal([path.xy for path in one], [path.xy for path in same])
    assert any((a.xy != b.xy).any() for a, b in zip(one, other, strict=True))
    assert [path.subject for path in one] == ["0", "1", "2"]
    sharp = wander(THREE, 3, radius=10, sharpness=200, observers=2)[1]
    np.testing.assert_array_equal(sharp.xy, walk(THREE, 3, radius=10).xy)


def test_the_mass_of_an_object_is_the_density_in_it_and_smaller_boxes_take_theirs() -> None:
    objects = Objects(np.array([(0, 0, 90, 60), (0, 0, 20, 20), (5, 5, 5, 5)], np.float64))
    probability = np.exp(THREE, dtype=np.float64)
    small, middle, whole = probability[5:10, 5:10].sum(), probability[:20, :20].sum(), probability.sum()
    np.testing.assert_allclose(mass(objects, THREE), [whole - middle, middle - small, small])
    np.testing.assert_array_equal(mass(objects, None), [90 * 60 - 400, 375, 25])


def test_pixels_belong_to_the_objects_that_looks_are_assigned_to() -> None:
    draws = np.random.default_rng(2)
    objects = Objects(np.hstack([draws.integers(0, 40, (15, 2)), draws.integers(1, 20, (15, 2))]).astype(np.float64))
    rows, columns = np.mgrid[:60, :90]
    points = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], 1)
    np.testing.assert_array_equal(owners(objects, (60, 90)).ravel(), assign(points, objects))


def test_a_mask_owns_its_pixels_only_and_background_is_nobodys() -> None:
    masks = np.zeros((1, 60, 90), bool)
    masks[0, 2:4, 3:6] = True
    objects = Objects(np.array([(0, 0, 20.0, 20)]), masks=masks)
    assert (owners(objects, (60, 90)) == 0).sum() == 6
    places = land(objects, np.zeros((1, 50), np.int64), THREE)[0]
    assert masks[0, places[:, 1].astype(int), places[:, 0].astype(int)].all()


def test_everyone_takes_the_winner_when_greedy() -> None:
    paths = Walk(recovery=np.inf).sample(BOXES, 4, density=THREE, limit=3, greedy=True)
    np.testing.assert_array_equal(paths.order, [[0, 1, 2]] * 4)
    assert not paths.ended.any()


def test_first_objects_are_drawn_by_their_mass_and_paths_last_as_long_as_told() -> None:
    paths = Walk(end=0.25).sample(BOXES, 5000, 7, density=THREE, limit=200)
    share = mass(BOXES.objects, THREE)
    np.testing.assert_allclose(np.bincount(paths.order[:, 0]) / 5000, share / share.sum(), atol=0.03)
    assert np.mean([len(path) for path in paths.paths()]) == pytest.approx(4, abs=0.2)
    assert paths.ended.all()
    assert np.isnan(paths.duration).all()


def test_the_probability_of_a_sampled_path_is_what_its_likelihood_says() -> None:
    model = Walk(end=0.2)
    paths = model.sample(BOXES, 30, 1, density=THREE, limit=6)
    for path, log_p, ended in zip(paths.paths(), paths.log_p, paths.ended, strict=True):
        rows = model.likelihood(BOXES, path, density=THREE)
        told = rows[np.arange(len(path)), path].sum() + (rows[-1, -1] if ended else 0)
        assert log_p == pytest.approx(told)


def test_the_likelihood_is_a_distribution_at_every_step_and_a_second_look_is_possible() -> None:
    rows = Walk().likelihood(BOXES, np.array([0, 0, 2]), density=THREE)
    np.testing.assert_allclose(np.exp(rows).sum(1), 1)
    assert rows.shape == (4, 4)
    assert rows[0, -1] == -np.inf
    assert -10 < rows[1, 0] < rows[1, 1]


def test_no_objects_give_empty_paths_and_one_object_is_looked_at_again() -> None:
    nothing = Walk().sample(scene(), 3, density=THREE)
    assert [len(path) for path in nothing.paths()] == [0, 0, 0]
    assert nothing.ended.all()
    alone = Walk(end=0).sample(scene((0, 0, 5, 5)), 2, limit=4)
    np.testing.assert_array_equal(alone.order, np.zeros((2, 4)))


def test_objects_without_any_density_are_still_possible() -> None:
    density = np.full((60, 90), -np.inf, np.float32)
    density[:20, :20] = -np.log(400)
    paths = Walk(end=0).sample(BOXES, 2, density=density, limit=3)
    assert (paths.order >= 0).all()
    assert np.isfinite(paths.log_p).all()


def test_looks_land_in_their_boxes_by_the_density_or_about_the_middle() -> None:
    order = np.array([[0, 1, 2, 0, -1]]).repeat(300, 0)
    for density in (THREE, None):
        places = land(BOXES.objects, order, density, 3)
        assert np.isnan(places[order < 0]).all()
        low, size = BOXES.objects.boxes[order[order >= 0]][:, :2], 20
        inside = places[order >= 0] - low
        assert (inside >= 0).all()
        assert (inside < size).all()
    by_density = land(BOXES.objects, order, THREE, 3)[:, 1]
    np.testing.assert_allclose(by_density.mean(0), (45.5, 40.5), atol=0.6)
    np.testing.assert_array_equal(land(BOXES.objects, order, THREE, 3), land(BOXES.objects, order, THREE, 3))


def test_a_box_smaller_than_a_pixel_still_has_a_place() -> None:
    objects = Objects(np.array([(10.2, 10.2, 0.1, 0.1), (89.9, 59.9, 0.1, 0.1)]))
    places = land(objects, np.array([[0, 1]]), THREE)
    assert (np.abs(places[0] - objects.centres) <= 0.5).all()
