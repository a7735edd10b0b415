import numpy as np
import pytest

from annotation import message_passing
from annotation.graph import RELATIONS, Edges
from annotation.message_passing import Batch, Means

COUNT, WIDTH, CLASSES, HIDDEN = 9, 4, 3, 5


def edges(seed: int = 0, count: int = COUNT, total: int = 30) -> Edges:
    rng = np.random.default_rng(seed)
    key = np.sort(rng.choice(count * len(RELATIONS), total))
    target, relation = np.divmod(key, len(RELATIONS))
    return Edges(rng.integers(0, count, total), target, relation, rng.random(total).astype(np.float32))


def batch(seed: int = 0) -> Batch:
    """Nodes of random numbers in double precision, some of them labelled."""
    rng = np.random.default_rng(seed)
    own = np.array([1, 4, 6, 7])
    part = edges(seed).of(own, COUNT)
    weights = rng.random(len(own))
    return Batch(rng.normal(size=(COUNT, WIDTH)), own, Means(part, len(own), COUNT), np.array([0, 1, 2, 1]), weights)


def parameters(seed: int = 0) -> dict[str, np.ndarray]:
    found = message_passing.start(WIDTH, CLASSES, seed, HIDDEN)
    rng = np.random.default_rng(seed)
    return {name: value.astype(np.float64) + 0.1 * rng.normal(size=value.shape) for name, value in found.items()}


@pytest.mark.parametrize("seed", range(3))
def test_means_are_those_of_a_loop_over_the_edges(seed: int) -> None:
    graph = edges(seed)
    values = np.random.default_rng(seed).normal(size=(COUNT, WIDTH))
    wanted = np.zeros((COUNT, len(RELATIONS), WIDTH))
    for source, target, relation, weight in zip(graph.source, graph.target, graph.relation, graph.weight, strict=True):
        wanted[target, relation] += weight * values[source]
    np.testing.assert_allclose(Means(graph, COUNT, COUNT)(values), wanted.reshape(COUNT, -1))


def test_the_way_back_is_the_transpose_of_the_way_there() -> None:
    means = Means(edges(), COUNT, COUNT)
    rng = np.random.default_rng(1)
    values, slopes = rng.normal(size=(COUNT, WIDTH)), rng.normal(size=(COUNT, WIDTH * len(RELATIONS)))
    assert (means(values) * slopes).sum() == pytest.approx((values * means.back(slopes)).sum())


def test_no_edge_makes_means_of_zero() -> None:
    none = Edges(*(np.zeros(0, np.int64),) * 3, np.zeros(0, np.float32))
    means = Means(none, 2, 3)
    assert not means(np.ones((3, 2))).any()
    assert not means.back(np.ones((2, 2 * len(RELATIONS)))).any()


@pytest.mark.parametrize("name", ["w1", "b1", "w2", "b2", "w3", "b3"])
def test_the_gradient_is_that_of_finite_differences(name: str) -> None:
    given, at = batch(), parameters()
    _, gradient = message_passing.loss(at, given)
    step = 1e-6
    for place in np.random.default_rng(0).choice(at[name].size, min(12, at[name].size), replace=False):
        index = np.unravel_index(place, at[name].shape)
        changed = [{**at, name: at[name].copy()} for _ in range(2)]
        changed[0][name][index] += step
        changed[1][name][index] -= step
        up, down = (message_passing.loss(each, given)[0] for each in changed)
        assert gradient[name][index] == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-8)


def test_the_loss_is_the_cross_entropy_of_what_classify_says() -> None:
    given, at = batch(), parameters()
    whole = Means(edges(), COUNT, COUNT)
    shares = message_passing.classify(at, given.inputs, whole)
    wanted = -(np.log(shares[given.own, given.labels]) * given.weights).sum()
    assert message_passing.loss(at, given)[0] == pytest.approx(wanted, rel=1e-5)


def test_training_lowers_the_loss_and_is_the_same_again() -> None:
    given = batch()
    small = Batch(
        given.inputs.astype(np.float32), given.own, given.means, given.labels, given.weights / given.weights.sum()
    )
    fitted = [message_passing.fit([small], CLASSES, seed=3) for _ in range(2)]
    before = message_passing.loss(message_passing.start(WIDTH, CLASSES, 3), small)[0]
    assert message_passing.loss(fitted[0], small)[0] < 0.5 * before
    assert all((fitted[0][name] == fitted[1][name]).all() for name in fitted[0])


def test_what_lies_around_a_node_can_decide_what_it_is() -> None:
    """Nodes that look alike: those with a marked one on their left are of class 1."""
    count = 60
    marked = np.arange(count) % 3 == 0
    target = np.arange(1, count)
    left = np.full(count - 1, RELATIONS.index("left"))
    chain = Edges(target - 1, target, left, np.ones(count - 1, np.float32))
    inputs = np.stack([marked, np.ones(count)], 1).astype(np.float32)
    labels = np.roll(marked, 1).astype(np.int64)
    taught = np.arange(1, 20)
    small = Batch(
        inputs, taught, Means(chain.of(taught, count), len(taught), count), labels[taught], np.full(19, 1 / 19)
    )
    fitted = message_passing.fit([small], 2, seed=0)
    shares = message_passing.classify(fitted, inputs, Means(chain, count, count))
    assert (shares.argmax(1)[20:] == labels[20:]).all()
