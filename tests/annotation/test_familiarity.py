import numpy as np
import pytest

from annotation import familiarity, rounds
from annotation.rounds import Scene
from annotation.tracks import unit
from tests.annotation import made


def test_things_of_one_frame_are_less_alike_than_the_halves_of_a_track() -> None:
    _, boxes, _ = made.desk(30)
    other, same = familiarity.scales(boxes, unit(boxes.features))
    assert -1 <= other < same <= 1
    assert same > 0.9


@pytest.mark.parametrize("count", [0, 1, 3])
def test_where_tracks_are_too_few_the_usual_scales_hold(count: int) -> None:
    boxes = made.boxes_of(range(count), np.ones((count, 4)), np.ones((count, 3)))
    assert familiarity.scales(boxes, unit(boxes.features)) == (familiarity.OTHER, familiarity.SAME)


def test_the_means_of_tracks_are_those_of_their_boxes() -> None:
    likeness = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    own, found = familiarity.means(likeness, np.array([5, 2, 5, 2, 2, 9]))
    assert own.tolist() == [1, 0, 1, 0, 0, 2]
    wanted = likeness[[1, 3, 4]].mean(0)
    np.testing.assert_allclose(found[0], wanted / np.linalg.norm(wanted), rtol=1e-5)


def test_what_looks_like_a_labelled_thing_is_known_and_another_is_not() -> None:
    _, boxes, truth = made.desk(30)
    likeness = unit(boxes.features)
    labelled = np.flatnonzero(truth == "pen")[:1]
    found = familiarity.known(likeness, boxes.track, labelled, familiarity.scales(boxes, likeness))
    assert found[truth == "pen"].min() == 1
    assert found[truth == "book"].max() < 0.3


def test_two_boxes_of_a_frame_taken_for_one_class_are_doubled_until_a_person_says_so() -> None:
    boxes = made.boxes_of([0, 0, 1, 1, 2], np.ones((5, 4)), np.ones((5, 2)), [0, 1, 0, 1, 0])
    likeliest = np.array([0, 0, 0, 1, 0])
    found = familiarity.doubled(boxes, boxes.track, likeliest, {4: 0}, -1)
    np.testing.assert_allclose(found, [1 / 3, 1 / 2, 1 / 3, 1 / 2, 1 / 3])
    assert not familiarity.doubled(boxes, boxes.track, likeliest, {0: 0, 1: 0}, -1).any()
    assert not familiarity.doubled(boxes, boxes.track, likeliest, {4: 0}, 0).any()


def test_a_round_is_not_sure_of_what_nobody_named_yet() -> None:
    frames, boxes, truth = made.desk(30)
    labels = {int(np.flatnonzero(truth == name)[0]): name for name in ("book", "tablet-left")}
    sure = rounds.train(Scene(frames, boxes), labels).probabilities.max(1)
    assert sure[truth == "pen"].max() < 0.7
    assert sure[truth == "tablet-right"].max() < 0.9  # stands beside the one that it is taken for
    assert sure[truth == "book"].min() > 0.9
