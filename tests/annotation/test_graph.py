import numpy as np
import pytest

from annotation import graph
from annotation.graph import RELATIONS, Edges
from tests.annotation import made


def between(edges: Edges, target: int, source: int) -> dict[str, float]:
    """The weights of the edges from one box to another, by relation."""
    rows = np.flatnonzero((edges.target == target) & (edges.source == source))
    return {RELATIONS[edges.relation[row]]: float(edges.weight[row]) for row in rows}


def cross() -> Edges:
    """A box in the middle and one on each of its sides, and one right above at 45 degrees."""
    box = [[90, 90, 20, 20], [40, 90, 20, 20], [140, 90, 20, 20], [90, 40, 20, 20], [90, 140, 20, 20]]
    return graph.space(made.boxes_of([0] * 5, box, np.eye(5, 4)))


@pytest.mark.parametrize(("source", "relation"), [(1, "left"), (2, "right"), (3, "above"), (4, "below")])
def test_a_neighbour_counts_for_the_side_on_which_it_lies(source: int, relation: str) -> None:
    assert set(between(cross(), 0, source)) == {relation}


def test_a_neighbour_between_two_directions_counts_for_both_alike() -> None:
    found = between(graph.space(made.boxes_of([0, 0], [[0, 0, 10, 10], [50, 50, 10, 10]], np.eye(2))), 0, 1)
    assert set(found) == {"right", "below"}
    assert found["right"] == pytest.approx(found["below"])


def test_only_boxes_of_one_frame_are_neighbours_in_space_and_at_most_so_many() -> None:
    frame = [0] * 12 + [1] * 3
    box = np.random.default_rng(0).uniform(10, 200, (15, 4))
    edges = graph.space(made.boxes_of(frame, box, np.ones((15, 2))))
    assert (np.array(frame)[edges.source] == np.array(frame)[edges.target]).all()
    assert {len(set(edges.source[edges.target == target])) for target in range(12)} == {graph.NEAREST}


def test_the_nearer_of_two_boxes_on_one_side_counts_more() -> None:
    edges = graph.space(made.boxes_of([0, 0, 0], [[0, 0, 20, 20], [30, 0, 20, 20], [200, 0, 20, 20]], np.eye(3)))
    assert between(edges, 0, 1)["right"] > 2 * between(edges, 0, 2)["right"]


def test_neighbours_in_time_are_those_of_the_track_and_the_nearest_count_most() -> None:
    boxes = made.boxes_of([0, 1, 2, 3, 4, 5], np.ones((6, 4)), np.ones((6, 2)), track=[0, 1, 0, 0, 0, 0])
    edges = graph.time(boxes.track, boxes.link)
    assert between(edges, 2, 1) == {}
    assert set(between(edges, 2, 0)) == {"before"}
    assert set(between(edges, 2, 3)) == {"after"}
    assert between(edges, 2, 3)["after"] > between(edges, 2, 4)["after"] > between(edges, 2, 5)["after"]


def test_a_link_that_is_not_sure_says_less() -> None:
    boxes = made.boxes_of([0, 1, 2], np.ones((3, 4)), np.ones((3, 2)), track=[0, 0, 0])
    weak = graph.time(boxes.track, np.array([1, 0.9, 0.1], np.float32))
    assert between(weak, 1, 2)["after"] < 0.8 * between(weak, 1, 0)["before"]


def test_the_weights_of_a_relation_sum_to_one() -> None:
    _, boxes, _ = made.desk(6)
    edges = graph.edges(graph.space(boxes), graph.time(boxes.track, boxes.link))
    key = edges.target * len(RELATIONS) + edges.relation
    assert (np.diff(key) >= 0).all()
    np.testing.assert_allclose(np.bincount(key, edges.weight)[np.unique(key)], 1, rtol=1e-5)


def test_twins_are_told_on_which_side_the_other_one_lies() -> None:
    _, boxes, truth = made.desk(10, noise=0.1)
    found = graph.twins(boxes)
    left, right, others = (found[truth == name] for name in ("tablet-left", "tablet-right", "pen"))
    assert (left[:, 1] > 0).all()
    assert (right[:, 1] < 0).all()
    assert np.abs(others).max() < left[:, 1].min()


def test_features_keep_their_distances_along_the_main_directions() -> None:
    _, boxes, truth = made.desk(10, noise=0.1)
    main = graph.main_directions(boxes.features)
    centre = {name: main[truth == name].mean(0) for name in set(truth)}
    twins = np.linalg.norm(centre["tablet-left"] - centre["tablet-right"])
    assert 5 * twins < np.linalg.norm(centre["tablet-left"] - centre["pen"])


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_boxes_are_a_graph_too(count: int) -> None:
    boxes = made.boxes_of([0] * count, np.ones((count, 4)), np.ones((count, 3)))
    assert len(graph.nodes(boxes, (10, 10))) == count
    assert np.isfinite(graph.nodes(boxes, (10, 10))).all()
    graph.edges(graph.space(boxes), graph.time(boxes.track, boxes.link))
