import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.errors import GazeError
from data.gaze import ObjectPath, Objects, Picture, Scene
from data.table import scenes as table_scenes
from data.table.read import read_splits
from scanpath.baselines import chance
from scanpath.baselines.chance import START, Chance, Kind, Trials, fit

KINDS: list[tuple[Kind, bool]] = [("uniform", False), ("marginal", False), ("markov", False), ("markov", True)]


def scene(count: int, seed: int = 0, targets: tuple[int, ...] = ()) -> Scene:
    rng = np.random.default_rng(seed)
    boxes = np.concatenate([rng.uniform(0, 80, (count, 2)), rng.uniform(5, 20, (count, 2))], 1)
    return Scene(Picture(f"{seed}.png", 100, 80), Objects(boxes), targets)


def path(*order: int, ended: bool = True) -> ObjectPath:
    return ObjectPath("s", np.array(order, np.int64), np.full(len(order), np.nan), np.zeros((len(order), 2)), 0, ended)


def people(merged: bool, scenes: int = 6, count: int = 5, viewers: int = 8) -> Trials:
    """Walks at random that end at random, a third of them on the target."""
    rng = np.random.default_rng(7)
    trials = []
    for number in range(scenes):
        paths = []
        for viewer in range(viewers):
            order = list(rng.integers(0, count, rng.integers(1, 9)))
            order += [2] * (viewer % 3 == 0)
            if merged:
                order = [now for before, now in zip([-1, *order], order, strict=False) if before != now]
            paths.append(path(*order, ended=viewer != 1))
        trials.append((scene(count, number, (2,)), paths))
    return trials


def bits(model: Chance, trials: Trials) -> float:
    """The logarithm of all choices of objects, by a loop."""
    total = 0.0
    for where, paths in trials:
        for p in paths:
            rows = model.likelihood(where, p.order)
            total += sum(rows[k, i] - math.log1p(-math.exp(rows[k, -1])) for k, i in enumerate(p.order))
    return total


@pytest.mark.parametrize(("kind", "target_known"), KINDS)
@pytest.mark.parametrize("merged", [False, True])
def test_every_row_is_a_distribution_in_which_little_is_impossible(
    kind: Kind, target_known: bool, merged: bool
) -> None:
    model = fit(kind, people(merged), merged=merged, target_known=target_known)
    order = np.array([0, 3, 2, 4])
    p = np.exp(model.likelihood(scene(5, 1, (2,)), order))
    assert p.shape == (5, 6)
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-12)
    stays = {(k + 1, int(i)) for k, i in enumerate(order)} if merged else set()
    assert {(int(k), int(i)) for k, i in np.argwhere(p == 0)} == {(0, 5)} | stays


def test_uniform_is_one_over_the_others() -> None:
    for merged, others in ((False, 5), (True, 4)):
        model = fit("uniform", people(merged), merged=merged)
        p = np.exp(model.next(scene(5), np.array([START, 1])))
        np.testing.assert_allclose(p[0], 1 / 5)
        np.testing.assert_allclose(np.delete(p[1], 1), 1 / others)


def test_the_end_is_the_share_of_paths_that_end_there() -> None:
    trials = [(scene(3), [path(), path(0), path(0, 1), path(0, 1), path(0, 1, ended=False), path(0, 1, 2)])]
    model = fit("uniform", trials, merged=True)
    pooled = (4 + 0.5) / (5 + 3 + 1 + 1)  # ends over steps at risk: after each fixation
    expected = [0, *((e + pooled) / (n + 1) for e, n in ((1, 5), (2, 3), (1, 1)))]
    np.testing.assert_allclose(np.exp(model.likelihood(scene(3), np.array([0, 1, 2])))[:, -1], expected)
    later = np.exp(model.likelihood(scene(3), np.array([0, 1, 2, 0, 1])))[:, -1]
    np.testing.assert_allclose(later[3:], expected[-1])


def test_who_is_told_ends_on_the_target_as_often_as_people_do() -> None:
    trials = [(scene(4, targets=(3,)), [path(0, 1, 3)] * 50 + [path(0, 3, 2, 3)] * 50 + [path(0, 1)] * 10)]
    model = fit("marginal", trials, merged=True, target_known=True)
    end = np.exp(model.likelihood(trials[0][0], np.array([0, 3, 2, 3])))[:, -1]
    np.testing.assert_allclose(end, [0, 0, 0, 0, 1], atol=0.05)
    on, off = (model.likelihood(trials[0][0], np.array([0, 1, i]))[-1, -1] for i in (3, 2))
    assert on > off
    blind = fit("marginal", trials, merged=True)
    on, off = (blind.likelihood(trials[0][0], np.array([0, 1, i]))[-1, -1] for i in (3, 2))
    assert on == off


@pytest.mark.parametrize(("kind", "target_known"), KINDS[1:])
def test_no_coefficients_near_the_fitted_ones_are_likelier(kind: Kind, target_known: bool) -> None:
    trials = people(merged=True)
    model = fit(kind, trials, merged=True, target_known=target_known)
    best, rng, choices = bits(model, trials), np.random.default_rng(0), sum(len(p) for _, ps in trials for p in ps)
    for _ in range(10):
        weights = model.weights + rng.normal(size=model.weights.shape) * 0.1
        ridge = chance.RIDGE / 2 * (weights @ weights - model.weights @ model.weights) * choices
        assert bits(replace(model, weights=weights), trials) - ridge < best


def test_richer_rows_fit_people_at_least_as_well() -> None:
    trials = people(merged=False)
    scores = [bits(fit(kind, trials, merged=False, target_known=target_known), trials) for kind, target_known in KINDS]
    assert scores == sorted(scores)


def test_marginal_learns_places_and_sizes_that_it_is_shown() -> None:
    rng = np.random.default_rng(3)
    truth = Chance("marginal", False, False, np.array([0.5, 0, -4, -2, 1.5]), np.full((1, 2), 0.02))
    trials = []
    for number in range(60):
        where = scene(6, number)
        paths = [path(*order) for order in truth.sample(where, 20, seed=int(rng.integers(1 << 30)), limit=40).paths()]
        trials.append((where, paths))
    model = fit("marginal", trials, merged=False)
    np.testing.assert_allclose(model.weights, truth.weights, atol=0.2)


def test_markov_learns_to_go_next_door() -> None:
    row = Scene(Picture("row.png", 80, 10), Objects(np.array([[10.0 * i, 0, 10, 10] for i in range(8)])))
    trials = [(row, [path(*range(8)), path(*range(7, -1, -1))] * 5)]
    p = np.exp(fit("markov", trials, merged=True).next(row, np.array([3])))[0]
    assert p[2] + p[4] > 0.9
    flat = np.exp(fit("marginal", trials, merged=True).next(row, np.array([3])))[0]
    assert flat[2] + flat[4] < 0.5


@pytest.mark.parametrize(("kind", "target_known"), KINDS)
def test_samples_are_as_frequent_as_the_likelihood_says(kind: Kind, target_known: bool) -> None:
    model = fit(kind, people(merged=True), merged=True, target_known=target_known)
    where, many = scene(3, 2, (2,)), 20_000
    rollouts = model.sample(where, many, seed=1, limit=2)
    p0 = np.exp(model.likelihood(where, np.array([], np.int64)))[0]
    first = rollouts.order[:, 0]
    counts = np.array([(first == i).sum() for i in (0, 1, 2, -1)]) / many
    np.testing.assert_allclose(counts, p0, atol=4 * 0.5 / math.sqrt(many))
    for i in range(3):
        some = rollouts.order[first == i]
        p = np.exp(model.likelihood(where, np.array([i])))[1]
        counts = np.array([(some[:, 1] == j).mean() for j in (0, 1, 2, -1)])
        np.testing.assert_allclose(counts, p, atol=4 * 0.5 / math.sqrt(len(some)))


@pytest.mark.parametrize("merged", [False, True])
def test_the_probability_of_a_sample_is_its_likelihood(merged: bool) -> None:
    where = scene(5, 2, (2,))
    model = fit("markov", people(merged), merged=merged, target_known=True)
    rollouts = model.sample(where, 50, seed=3, limit=6)
    assert 0 < rollouts.ended.sum() < 50
    for order, ended, log_p in zip(rollouts.paths(), rollouts.ended, rollouts.log_p, strict=True):
        rows = model.likelihood(where, order)
        want = sum(rows[k, i] for k, i in enumerate(order)) + (rows[-1, -1] if ended else 0)
        assert log_p == pytest.approx(want, abs=1e-9)
    assert np.isnan(rollouts.duration).all()
    assert rollouts.duration.shape == rollouts.order.shape


def test_endless_paths_go_on_to_the_limit() -> None:
    model = fit("markov", people(merged=True), merged=True, target_known=True)
    assert (model.sample(scene(4, targets=(1,)), 50, seed=0, limit=30, unterminated=True).order >= 0).all()
    assert model.sample(scene(1), 5, seed=0, limit=30, unterminated=True).order.shape == (5, 1)


def test_a_seed_gives_the_same_paths_again_and_another_seed_does_not() -> None:
    model = fit("markov", people(merged=True), merged=True)
    one, same, other = (model.sample(scene(5), 20, seed=seed).order for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert one.shape != other.shape or (one != other).any()


def test_merged_paths_never_stay() -> None:
    order = fit("uniform", people(merged=True), merged=True).sample(scene(2), 200, seed=0, limit=10).order
    assert not ((order[:, 1:] == order[:, :-1]) & (order[:, 1:] >= 0)).any()


def test_scenes_of_no_and_of_one_object_end() -> None:
    model = fit("markov", people(merged=True), merged=True, target_known=True)
    np.testing.assert_allclose(model.likelihood(scene(0), np.array([], np.int64)), [[0.0]])
    assert model.sample(scene(0), 3, seed=0).order.shape == (3, 0)
    np.testing.assert_allclose(np.exp(model.likelihood(scene(1), np.array([0]))[1]), [0, 1])
    assert model.sample(scene(1), 30, seed=0).order.shape == (30, 1)


def test_five_thousand_objects_are_no_trouble() -> None:
    model = fit("markov", people(merged=True), merged=True, target_known=True)
    crowd = scene(5000, targets=(17,))
    assert model.sample(crowd, 2, seed=0, limit=5).order.max() < 5000
    np.testing.assert_allclose(np.exp(model.likelihood(crowd, np.array([4999]))).sum(1), 1)


def test_people_who_look_at_nothing_are_refused() -> None:
    for trials in ([], [(scene(3), [])], [(scene(3), [path()])]):
        with pytest.raises(GazeError, match="no path has a fixation"):
            fit("markov", trials, merged=True)


@pytest.mark.slow
def test_on_real_pictures_each_row_knows_more_than_the_one_before(shared: Path) -> None:
    root = shared / "osie"
    split = {name: number for number, names in enumerate(read_splits(root).values()) for name in names}
    trials = table_scenes.scenes(root, merge=True)
    train, val = ([trial for trial in trials if split[trial[0].picture.name] == number] for number in (0, 1))
    fixations = sum(len(p) for _, paths in val for p in paths)
    kinds: tuple[Kind, ...] = ("uniform", "marginal", "markov")
    uniform, marginal, markov = (-bits(fit(k, train, merged=True), val) / fixations / math.log(2) for k in kinds)
    assert 2.4 < markov < marginal - 0.05 < uniform - 0.15 < 2.7
