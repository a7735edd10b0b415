import numpy as np
import pytest

from annotation import rounds
from annotation.boxes import Frames
from annotation.rounds import Scene
from tests.annotation import made


def first_of(truth: np.ndarray, *names: str) -> dict[int, str]:
    """A label on the first box of each of these classes."""
    return {int(np.flatnonzero(truth == name)[0]): name for name in names}


def test_one_label_a_thing_is_enough_where_tracks_hold() -> None:
    frames, boxes, truth = made.desk()
    found = rounds.train(Scene(frames, boxes), first_of(truth, *set(truth)))
    assert (found.names == truth).all()
    np.testing.assert_allclose(found.probabilities.sum(1), 1, rtol=1e-5)


def test_twins_that_no_label_reaches_are_told_apart_by_their_neighbours() -> None:
    frames, boxes, truth = made.desk(60, noise=0.4)
    cut = made.boxes_of(boxes.frame, boxes.box, boxes.features, boxes.track + 100 * (boxes.frame // 20))
    labels = first_of(truth, "tablet-left", "tablet-right", "book", "pen")
    found = rounds.train(Scene(frames, cut), labels)
    later = boxes.frame >= 20
    assert (found.names[later] == truth[later]).mean() > 0.95


def test_twins_are_told_apart_also_where_they_stand_elsewhere_in_the_frame() -> None:
    frames, near, truth = made.desk(30)
    away = made.boxes_of(
        [*near.frame, *(near.frame + 30)],
        np.concatenate([near.box, near.box + np.array([-25, 40, 0, 0])]),
        np.concatenate([near.features, near.features]),
        [*near.track, *(near.track + 50)],
    )
    still = np.tile(frames.motion[:1], (60, 1, 1))
    both = Frames(np.arange(60) / 5, still, np.zeros(60, bool), made.SIZE)
    found = rounds.train(Scene(both, away), first_of(truth, *set(truth)))
    assert (found.names[len(near) :] == truth).mean() > 0.95


def test_what_a_person_said_stands_and_is_sure() -> None:
    frames, boxes, truth = made.desk(20)
    labels = first_of(truth, "book", "pen") | {11: "something else"}
    found = rounds.train(Scene(frames, boxes), labels)
    for box, name in labels.items():
        assert found.names[box] == name
        assert found.probabilities[box].max() == 1
        assert found.uncertainty[box] < 0.2


def test_a_track_is_cut_at_its_weakest_link_where_labels_differ() -> None:
    boxes = made.boxes_of(range(10), np.ones((10, 4)), np.ones((10, 2)), track=[0] * 10)
    boxes.link[:] = [1, 0.9, 0.9, 0.9, 0.9, 0.2, 0.9, 0.9, 0.1, 0.9]
    track, link = rounds.cut_tracks(boxes, {1: "a", 7: "b"})
    assert track.tolist() == [0] * 5 + [1] * 5
    assert link[5] == 1
    assert boxes.track.tolist() == [0] * 10


def test_labels_that_agree_cut_nothing() -> None:
    boxes = made.boxes_of(range(4), np.ones((4, 4)), np.ones((4, 2)), track=[0] * 4)
    assert rounds.cut_tracks(boxes, {0: "a", 3: "a"})[0].tolist() == [0] * 4


def test_the_nearest_label_of_a_track_is_carried_by_how_sure_links_are() -> None:
    track, link = np.array([0, 0, 1, 0, 0]), np.array([1, 0.9, 1, 0.2, 0.9], np.float32)
    classes, sure = rounds.carried(track, link, np.array([0, 4]), np.array([5, 7]))
    assert classes.tolist() == [5, 5, -1, 7, 7]
    assert sure[0] == sure[4] == 1
    assert sure[2] == 0
    assert sure[1] == pytest.approx(1 - np.exp(-9 * 0.9), rel=1e-3)


@pytest.mark.parametrize("labels", [{}, {3: "cup"}, {3: "cup", 4: "cup"}], ids=["none", "one", "one-class"])
def test_fewer_than_two_classes_are_not_trained_on(labels: dict[int, str]) -> None:
    frames, boxes, _ = made.desk(5)
    found = rounds.train(Scene(frames, boxes), labels)
    assert found.classes == tuple(dict.fromkeys(labels.values()))
    assert found.probabilities.shape == (len(boxes), len(found.classes))
    assert set(found.names) == {"cup" if labels else ""}


@pytest.mark.parametrize("count", [0, 1])
def test_a_video_with_hardly_a_box_has_a_round_too(count: int) -> None:
    frames, _, _ = made.desk(2)
    boxes = made.boxes_of([0] * count, np.ones((count, 4)), np.ones((count, 3)))
    assert len(rounds.train(Scene(frames, boxes), {}).names) == count


def test_the_same_labels_give_the_same_answer() -> None:
    frames, boxes, truth = made.desk(20)
    labels = first_of(truth, "book", "pen")
    one, other = (rounds.train(Scene(frames, boxes), labels) for _ in range(2))
    np.testing.assert_array_equal(one.probabilities, other.probabilities)


def test_entropy_is_one_of_a_guess_and_zero_of_what_is_sure() -> None:
    assert rounds.entropy(np.array([[0.25] * 4, [1, 0, 0, 0]])) == pytest.approx([1, 0], abs=1e-6)
