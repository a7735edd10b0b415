"""Decoding does what its options say, against plain recursions over every path there is."""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from data.errors import GazeError
from data.gaze import Objects, Picture, Scene
from scanpath import decode
from scanpath.decode import RECOVERY, Rollouts, likelihood, sample
from tests import scanpath_toy as toy

NUMBER = 10_000


@dataclass
class Chain:
    """Logits that depend on the last object and on the number of steps; the remembered state is that number."""

    table: np.ndarray  # (n + 1, n + 1), the last row is the start, the last column the end
    hurry: float = 0.3  # how much more likely the end becomes each step
    log_duration: float = 5.5  # mean of the logarithm of the duration on the first object

    def __post_init__(self) -> None:
        self.count = len(self.table) - 1

    def start(self, observers: int) -> np.ndarray:
        return np.zeros(observers, int)

    def step(self, last: np.ndarray, state: np.ndarray) -> decode.Step:
        logits = self.table[last].astype(np.float32)
        logits[:, -1] += self.hurry * state
        log_duration = np.full((len(last), self.count, 2), math.log(0.3), np.float32)
        log_duration[..., 0] = self.log_duration + 0.5 * np.arange(self.count)
        return logits, log_duration, state + 1


def chain(count: int, seed: int = 0, **options: float) -> Chain:
    return Chain(np.random.default_rng(seed).normal(0, 1, (count + 1, count + 1)), **options)


def softmax(values: list[float]) -> np.ndarray:
    found = np.exp(np.array(values) - max(values))
    return np.asarray(found / found.sum())


def logits(model: Chain, last: int, place: int) -> np.ndarray:
    found = model.table[last].astype(np.float32).astype(float)
    found[-1] = found[-1] + np.float32(model.hurry * place) if place else -math.inf
    return found


def objects(model: Chain, path: tuple[int, ...], **options: Any) -> np.ndarray:
    """The probability of each object to follow `path` when it does not end there, as the options are documented."""
    n = model.count
    wanted = softmax(list(logits(model, path[-1] if path else n, len(path))))[:n]
    held: dict[int, float] = {}
    for age, thing in enumerate(reversed(path)):
        held.setdefault(thing, math.exp(-options.get("inhibition", 0.0) * RECOVERY**age))
    others = [i for i in range(n) if not path or i != path[-1]]
    sharp = np.array([(wanted[i] * held.get(i, 1.0)) ** (1 / options.get("temperature", 1.0)) for i in others])
    if sharp.sum():
        wanted[others] = sharp / sharp.sum() * wanted[others].sum()
    wanted /= wanted.sum()
    before, nucleus = 0.0, np.zeros(n)
    for i in np.argsort(-wanted):
        nucleus[i] = wanted[i] if before < options.get("top_p", 1.0) else 0.0
        before += wanted[i]
    return nucleus / nucleus.sum()


def going(left: float, temperature: float) -> float:
    """The share of observers who go on when `left` of them would at temperature 1; below 1 they come together."""
    return min(1.0, max(0.0, (left - 0.5) / min(temperature, 1.0) + 0.5))


def every(
    model: Chain, limit: int, path: tuple[int, ...] = (), left: float = 1.0, **options: Any
) -> dict[tuple[int, ...], float]:
    """The probability of every path and of its beginning; one that ended carries a last -1."""
    warmth = options.get("temperature", 1.0)
    if len(path) == limit:
        return {path: going(left, warmth)}
    end = softmax(list(logits(model, path[-1] if path else model.count, len(path))))[-1]
    later = left * (1 - end)
    found = {(*path, -1): going(left, warmth) - going(later, warmth)}
    for i, p in enumerate(objects(model, path, **options)):
        if p:
            found |= {rest: p * q for rest, q in every(model, limit, (*path, i), later, **options).items()}
    return {rest: p for rest, p in found.items() if p > 0}


def drawn(rollouts: Rollouts) -> Counter[tuple[int, ...]]:
    pairs = zip(rollouts.paths(), rollouts.ended, strict=True)
    return Counter((*path.tolist(), -1) if ended else tuple(path.tolist()) for path, ended in pairs)


def agree(found: Counter[tuple[int, ...]], wanted: dict[tuple[int, ...], float]) -> float:
    """The chance of counts as far from the probabilities as these; rare paths count together."""
    assert sum(wanted.values()) == pytest.approx(1)
    assert set(found) <= set(wanted)
    total = sum(found.values())
    often = [path for path, p in wanted.items() if p * total >= 5]
    counts = [found[path] for path in often]
    hopes = [wanted[path] * total for path in often]
    if total - sum(hopes) >= 5:
        counts, hopes = [*counts, total - sum(counts)], [*hopes, total - sum(hopes)]
    scale = sum(counts) / sum(hopes)
    return float(chisquare(counts, [hope * scale for hope in hopes]).pvalue)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 0.5},
        {"temperature": 2.5},
        {"top_p": 0.7},
        {"inhibition": 1.5},
        {"inhibition": math.inf},
        {"temperature": 0.5, "inhibition": 1.0, "top_p": 0.9},
    ],
    ids=str,
)
@pytest.mark.parametrize("count", [2, 4])
def test_sampled_paths_come_as_often_as_they_should(count: int, options: dict[str, Any]) -> None:
    model = chain(count, 1)
    found = drawn(sample(model, NUMBER, seed=2, limit=4, **options))
    assert agree(found, every(model, 4, **options)) > 1e-3


def test_paths_from_another_model_would_be_noticed() -> None:
    found = drawn(sample(chain(4, 1), NUMBER, seed=2, limit=4))
    slightly = Chain(chain(4, 1).table + 0.2 * chain(4, 2).table)
    assert agree(found, every(slightly, 4)) < 1e-6


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_nobody_returns_before_everything_was_seen_where_inhibition_has_no_end(temperature: float) -> None:
    """Staying is no return; once all were seen, everything is free again."""
    found = sample(chain(4, 5, hurry=-9.0), 300, inhibition=math.inf, temperature=temperature, limit=12)
    for path in found.paths():
        for place in range(1, len(path)):
            seen = set(path[:place].tolist())
            if len(seen) < 4:
                assert path[place] == path[place - 1] or path[place] not in seen
    assert all(len(set(path.tolist())) == 4 for path in found.paths() if len(path) == 12)
    assert np.isfinite(found.log_p).all()


def test_greedy_takes_the_most_likely_object_until_half_would_have_ended() -> None:
    for seed in range(20):
        model, left = chain(5, seed), 1.0
        path: list[int] = []
        while len(path) < 12:
            p = softmax(list(logits(model, path[-1] if path else 5, len(path))))
            left *= 1 - p[-1]
            if left <= 0.5:
                break
            path.append(int(p[:-1].argmax()))
        found = sample(model, 3, seed=seed, greedy=True, limit=12)
        assert [row.tolist() for row in found.paths()] == [path] * 3
        assert found.ended.tolist() == [len(path) < 12] * 3
        np.testing.assert_allclose(found.duration, [np.exp(5.5 + 0.5 * np.array(path))] * 3, rtol=1e-5)


@pytest.mark.parametrize(("temperature", "inhibition"), [(0.2, 0.0), (4.0, 0.0), (1.0, 2.0), (0.5, 2.0)])
def test_staying_and_ending_are_as_likely_at_any_temperature_and_inhibition(
    temperature: float, inhibition: float
) -> None:
    model, last, place = chain(6, 3), 2, 4
    log_p = np.log(softmax(list(logits(model, last, place))))[None]
    held = np.array([[inhibition, 0.0, inhibition, 0.0, 0.0, 0.0, 0.0]])
    wanted = decode._sharpened(log_p, held, np.array([last]), temperature)
    assert np.exp(wanted).sum() == pytest.approx(1)
    np.testing.assert_allclose(wanted[0, [last, -1]], log_p[0, [last, -1]])
    others = [i for i in range(6) if i != last]
    np.testing.assert_allclose(np.diff(wanted[0, others]), np.diff((log_p - held)[0, others]) / temperature)


def test_below_temperature_one_paths_are_of_more_similar_length() -> None:
    lengths = {t: [len(path) for path in sample(chain(4, 1), 2000, temperature=t).paths()] for t in (0.1, 1.0, 5.0)}
    assert np.std(lengths[0.1]) < 0.7 * np.std(lengths[1.0])
    assert np.std(lengths[5.0]) == pytest.approx(np.std(lengths[1.0]), rel=0.15)


def test_at_a_temperature_near_zero_everybody_goes_to_the_same_place() -> None:
    found = sample(chain(5, 4, hurry=-9.0), 200, temperature=1e-3, limit=1)
    assert len(drawn(found)) == 1


def test_a_small_nucleus_holds_the_most_likely_object_only() -> None:
    model = chain(5, 4, hurry=-9.0)
    narrow, greedy = sample(model, 9, top_p=1e-9, limit=6), sample(model, 9, greedy=True, limit=6)
    together = (narrow.order >= 0) & (greedy.order[:, : narrow.order.shape[1]] >= 0)
    assert together[:, :2].all()
    assert np.array_equal(narrow.order[together], greedy.order[:, : narrow.order.shape[1]][together])


def test_inhibition_makes_going_back_rarer_and_fades() -> None:
    """Five objects alike: whoever does not stay goes to each other one equally often, without inhibition."""
    model = Chain(np.zeros((6, 6)), hurry=-9.0)

    def back(inhibition: float, gap: int) -> float:
        order = sample(model, NUMBER, limit=5, inhibition=inhibition).order
        windows = [order[:, i : i + gap + 1] for i in range(4 - gap, 5 - gap)]
        fresh = [w for w in np.concatenate(windows) if len(set(w[:-1].tolist())) == gap and w[-1] != w[-2]]
        return float(np.mean([w[0] == w[-1] for w in fresh if (w >= 0).all()]))

    assert back(0.0, 2) == pytest.approx(1 / 4, abs=0.03)
    assert back(0.0, 3) == pytest.approx(1 / 4, abs=0.03)
    assert back(2.0, 2) < back(2.0, 3) - 0.01 < 0.2


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_no_path_is_longer_than_the_limit(limit: int) -> None:
    found = sample(chain(4, 1, hurry=0.0), 200, limit=limit)
    lengths = np.array([len(path) for path in found.paths()])
    assert 1 <= lengths.min() <= lengths.max() == min(limit, found.order.shape[1])
    assert (lengths[~found.ended] == limit).all()
    assert found.ended.any() == (limit > 1)
    assert np.array_equal(found.order >= 0, np.arange(found.order.shape[1]) < lengths[:, None])
    assert np.array_equal(np.isfinite(found.duration), found.order >= 0)


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 0.5}, {"top_p": 0.8}, {"inhibition": 2.0}, {"greedy": True}], ids=str
)
def test_the_probability_of_a_path_is_what_its_likelihood_says(options: dict[str, Any]) -> None:
    """Under the model, whatever it was sampled with."""
    model = chain(4, 6)
    found = sample(model, 40, limit=6, **options)
    for path, rows, total, ended in zip(
        found.paths(), likelihood(model, found.paths()), found.log_p, found.ended, strict=True
    ):
        steps = sum(rows[i, thing] for i, thing in enumerate(path))
        assert total == pytest.approx(steps + (rows[len(path), -1] if ended else 0.0))


def test_a_likelihood_is_a_distribution_before_each_fixation_and_after_the_last() -> None:
    model = chain(4, 7)
    orders = [np.array(order, np.int64) for order in ([0, 3, 3, 1], [], [2])]
    found = likelihood(model, orders)
    assert [rows.shape for rows in found] == [(5, 5), (1, 5), (2, 5)]
    for order, rows in zip(orders, found, strict=True):
        np.testing.assert_allclose(np.exp(rows).sum(1), 1)
        assert rows[0, -1] == -math.inf  # a path has a fixation
        for place in range(len(order) + 1):
            last = int(order[place - 1]) if place else 4
            np.testing.assert_allclose(np.exp(rows[place]), softmax(list(logits(model, last, place))), atol=1e-12)
    assert likelihood(model, []) == []
    assert likelihood(model, [np.array([], np.int64)])[0].shape == (1, 5)


@pytest.mark.parametrize(("order", "named"), [([0, 4], "object 4"), ([-1, 2], "object -1")])
def test_a_path_over_objects_that_are_not_there_is_refused(order: list[int], named: str) -> None:
    with pytest.raises(GazeError, match=rf"{named}, but the scene has 4 objects \(0 to 3\)\.$"):
        likelihood(chain(4), [np.array([1]), np.array(order)])


def test_a_seed_gives_the_same_paths_again() -> None:
    one, again, other = (sample(chain(4, 1), 30, seed=seed) for seed in (3, 3, 4))
    for name in ("order", "duration", "log_p", "ended"):
        assert np.array_equal(getattr(one, name), getattr(again, name), equal_nan=True)
    assert not np.array_equal(one.duration[:, 0], other.duration[:, 0])


def test_durations_are_log_normal_about_the_pace_of_their_object() -> None:
    found = sample(chain(3, 1), NUMBER, seed=5)
    for thing in range(3):
        logarithms = np.log(found.duration[found.order == thing])
        error = 0.3 / math.sqrt(len(logarithms))
        assert abs(logarithms.mean() - 5.5 - 0.5 * thing) < 4 * error
        assert abs(logarithms.std() - 0.3) < 4 * error


def test_a_model_without_durations_leaves_them_unknown() -> None:
    found = sample(chain(3, 1, log_duration=math.nan), 5)
    assert np.isnan(found.duration).all()
    assert (found.order[:, 0] >= 0).all()


def test_one_object_is_looked_at_until_the_end() -> None:
    for options in ({}, {"temperature": 0.3}, {"inhibition": math.inf}, {"greedy": True}, {"top_p": 0.5}):
        found = sample(chain(1, 0), 50, limit=8, **options)
        assert set(found.order[:, 0].tolist()) == {0}
        assert np.isfinite(found.log_p).all()


def test_an_end_that_the_model_rules_out_is_never_reached() -> None:
    found = sample(Chain(np.zeros((4, 4)), hurry=-1e9), 20, limit=6)
    assert not found.ended.any()
    assert {len(path) for path in found.paths()} == {6}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"observers": 0}, "observers must be at least 1, but it is 0"),
        ({"temperature": 0.0}, "temperature must be above 0, but it is 0.0"),
        ({"temperature": math.nan}, "temperature must be above 0, but it is nan"),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1, but it is 0.0"),
        ({"top_p": 1.1}, "top_p must be above 0 and at most 1, but it is 1.1"),
        ({"limit": 0}, "limit must be at least 1, but it is 0"),
        ({"inhibition": math.nan}, "inhibition must be 0 or more, but it is nan"),
        ({"inhibition": -1.0}, "inhibition must be 0 or more, but it is -1.0"),
    ],
    ids=str,
)
def test_what_cannot_be_simulated_is_said_in_one_sentence(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(GazeError, match=f"^To simulate observers, {problem}\\.$"):
        sample(chain(3), **options)


def test_a_scene_without_objects_cannot_be_walked_over() -> None:
    with pytest.raises(GazeError, match=r"objects must be at least 1, but it is 0\.$"):
        sample(chain(0))


BOXES = np.array([[10.0, 20, 30, 10], [61.5, 2.25, 6.5, 9.5], [0.25, 0.5, 0.5, 0.25]])
SCENE = Scene(Picture("p.png", 80, 60), Objects(BOXES), task="search")


def inside(xy: np.ndarray, box: np.ndarray) -> bool:
    return bool(((xy >= box[:2]) & (xy <= box[:2] + box[2:])).all())


def test_the_models_own_probabilities_are_what_is_sampled() -> None:
    """Two steps of a real network over ten thousand observers, against its logits read path by path."""
    walk = toy.Walk(toy.network(), toy.input_spec().inputs(toy.scene(4)))
    found = drawn(sample(walk, NUMBER, seed=1, limit=2))
    rows = likelihood(walk, [np.array([i, 0]) for i in range(4)])
    wanted = {}
    for i in range(4):
        for j, p in enumerate(np.exp(rows[i][0, i] + rows[i][1])):
            wanted[(i, j if j < 4 else -1)] = float(p)
    assert agree(found, wanted) > 1e-3


@pytest.mark.slow
def test_a_scene_of_5000_objects_works() -> None:
    boxes = np.hstack([np.random.default_rng(0).random((5000, 2)) * 900, np.full((5000, 2), 9.0)])
    crowd = Scene(Picture("p.png", 1000, 1000), Objects(boxes))
    walk = toy.Walk(toy.network(), toy.input_spec().inputs(crowd))
    found = sample(walk, 3, limit=4)
    assert found.order.shape[0] == 3
    assert np.isfinite(found.log_p).all()
    assert found.order.max() < 5000
