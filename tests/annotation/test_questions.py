import numpy as np

from annotation import questions, rounds
from annotation.questions import ask, doubles
from annotation.rounds import Prediction, Scene
from tests.annotation import made


def nothing(boxes: object) -> np.ndarray:
    return np.zeros(len(boxes), np.int64)  # type: ignore[arg-type]


def guess(boxes: object, names: list[str], uncertainty: float = 0.0) -> Prediction:
    """A prediction that is sure of these names."""
    classes = tuple(dict.fromkeys(names))
    shares = np.array([[name == other for other in classes] for name in names], np.float32)
    return Prediction(classes, shares, np.full(len(names), uncertainty, np.float32), boxes.track)  # type: ignore[attr-defined]


def test_the_first_questions_are_of_one_thing_of_each_sort() -> None:
    frames, boxes, truth = made.desk(20)
    chosen = ask(boxes, {}, rounds.train(Scene(frames, boxes), {}), nothing(boxes), 3)
    assert {truth[box].removesuffix("-left").removesuffix("-right") for box in chosen} == {"tablet", "book", "pen"}


def test_no_box_is_asked_twice_and_none_that_is_labelled() -> None:
    frames, boxes, truth = made.desk(4)
    labels = {box: truth[box] for box in range(0, len(boxes), 2)}
    chosen = ask(boxes, labels, rounds.train(Scene(frames, boxes), labels), nothing(boxes), 100)
    assert len(chosen) == len(set(chosen))
    assert not set(chosen) & set(labels)


def test_everything_labelled_leaves_no_question() -> None:
    frames, boxes, truth = made.desk(3)
    labels = {box: str(name) for box, name in enumerate(truth)}
    assert ask(boxes, labels, rounds.train(Scene(frames, boxes), labels), nothing(boxes), 5) == []


def test_what_was_looked_at_is_asked_first() -> None:
    box = np.array([[0, 0, 10, 10], [50, 0, 10, 10]] * 5, float)
    boxes = made.boxes_of(np.repeat(range(5), 2), box, np.tile(np.eye(2), (5, 1)), [0, 1] * 5)
    looks = np.array([0, 30] * 5)
    assert boxes.track[ask(boxes, {}, guess(boxes, ["a"] * 10, 0.5), looks, 1)[0]] == 1


def test_a_long_track_is_asked_before_a_short_one() -> None:
    boxes = made.boxes_of([0, 1, 2, 3, 3], np.ones((5, 4)), [[1, 0]] * 4 + [[0, 1]], [0, 0, 0, 0, 1])
    assert boxes.track[ask(boxes, {}, guess(boxes, ["a"] * 5, 0.5), nothing(boxes), 1)[0]] == 0


def test_two_boxes_of_a_frame_that_are_taken_for_one_class_are_doubled() -> None:
    frame, track = [0, 0, 1, 1, 2], [0, 1, 0, 1, 0]
    boxes = made.boxes_of(frame, np.ones((5, 4)), np.ones((5, 2)), track)
    sure = guess(boxes, ["tablet", "tablet", "tablet", "pen", "tablet"])
    assert doubles(boxes, sure, {4: "tablet"}).tolist() == [1, 1, 0, 0, 0]
    assert doubles(boxes, sure, {0: "tablet"}).tolist() == [0, 2, 0, 0, 0]


def test_a_class_that_a_person_found_twice_in_a_frame_is_not_doubled() -> None:
    boxes = made.boxes_of([0, 0, 1, 1], np.ones((4, 4)), np.ones((4, 2)), [0, 1, 0, 1])
    sure = guess(boxes, ["cup", "cup", "cup", "cup"])
    two = Prediction(("cup", "pen"), np.hstack([sure.probabilities, np.zeros((4, 1))]), sure.uncertainty, boxes.track)
    assert doubles(boxes, two, {0: "cup", 1: "cup"}).tolist() == [0, 0, 0, 0]


def test_what_is_of_no_interest_may_be_there_many_times() -> None:
    boxes = made.boxes_of([0, 0, 0], np.ones((3, 4)), np.ones((3, 2)), [0, 1, 2])
    assert not doubles(boxes, guess(boxes, ["", "", "cup"]), {0: ""}).any()


def test_a_twin_whose_class_nobody_named_yet_is_asked_next() -> None:
    frames, boxes, truth = made.desk(30, noise=0.2)
    labels = {int(np.flatnonzero(truth == name)[0]): name for name in ("tablet-left", "book", "pen")}
    chosen = ask(boxes, labels, rounds.train(Scene(frames, boxes), labels), nothing(boxes), 1)
    assert truth[chosen[0]] == "tablet-right"


def test_a_labelled_thing_that_is_seen_long_is_not_asked_again_in_place_of_its_double() -> None:
    """Of a track of 40 boxes and one of 8 beside it, both taken for a cup, the long one is looked at and labelled."""
    frame, track = [*range(40), *range(8)], [0] * 40 + [1] * 8
    order = np.argsort(frame, kind="stable")
    box, looks_like = np.ones((48, 4)), np.tile([1.0, 0.5], (48, 1))
    boxes = made.boxes_of(np.sort(frame), box, looks_like, np.array(track)[order])
    shares = np.tile(np.array([1, 0], np.float32), (48, 1))
    sure = Prediction(("cup", "pen"), shares, np.zeros(48, np.float32), boxes.track)
    for labels in ({47: "cup"}, {47: "cup", 20: "cup"}):
        assert boxes.track[ask(boxes, labels, sure, np.where(boxes.track, 0, 5), 1)[0]] == 1


def test_no_box_no_question() -> None:
    boxes = made.boxes_of([], [], [])
    assert questions.ask(boxes, {}, guess(boxes, []), nothing(boxes), 3) == []
