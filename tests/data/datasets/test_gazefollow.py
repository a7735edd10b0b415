"""GazeFollow, extended: every trap of its lists."""

import logging
from pathlib import Path

import numpy as np
import pytest

from data.datasets import PEOPLE, convert
from data.datasets.gazefollow import people
from data.errors import GazeError, TableError
from data.following.sets import open_set
from tests.data.datasets import tiny_people
from tests.data.datasets.tiny_people import row_of_test, train_row

ONE = "train/00000000/00000000.jpg"


def one(root: Path, **row: object) -> list[object]:
    """The people of train and val where the list holds one row."""
    tiny_people.gazefollow(root, train=train_row(ONE, **row))  # type: ignore[arg-type]
    found = people(root)
    return [*found["train"], *found["val"]]


def test_shares_become_pixels_and_corners_a_box(tmp_path: Path) -> None:
    (person,) = people(tiny_people.gazefollow(tmp_path, train=train_row(ONE)))["train"]
    assert person.path == tmp_path / ONE
    assert person.size == (40, 80)
    assert person.head.tolist() == [10, 10, 20, 20]
    assert person.eye is not None
    assert person.eye.tolist() == [20, 20]
    assert person.gaze.tolist() == [[40, 10]]
    assert person.in_frame is True


@pytest.mark.parametrize(
    ("head", "box"),
    [("30,30,10,10", [10, 10, 20, 20]), ("-20,-5,30,30", [0, 0, 30, 30]), ("60,20,500,90", [60, 20, 20, 20])],
    ids=["swapped", "beyond the upper left", "beyond the lower right"],
)
def test_corners_are_sorted_and_cut_to_the_picture(tmp_path: Path, head: str, box: list[float]) -> None:
    (person,) = one(tmp_path, head=head)
    np.testing.assert_allclose(person.head, box)  # type: ignore[attr-defined]


def test_who_looks_outside_has_no_point_and_who_is_not_to_be_used_is_dropped(tmp_path: Path) -> None:
    rows = train_row(ONE, inout=0, gaze="-1,-1") + train_row(ONE, 2, inout=-1)
    found = people(tiny_people.gazefollow(tmp_path, train=rows))
    (person,) = [*found["train"], *found["val"]]
    assert person.in_frame is False
    assert person.gaze.shape == (0, 2)


def test_rows_of_one_path_and_one_eye_as_text_are_one_person_of_the_test_set(tmp_path: Path) -> None:
    path = "test2/00000000/00000001.jpg"
    rows = [
        row_of_test(path, eye="0.1,0.2"),
        row_of_test(path, eye="0.10,0.2"),
        row_of_test(path, eye="0.1,0.9", gaze="1,1"),
    ]
    first, second = people(tiny_people.gazefollow(tmp_path, test="".join(rows)))["test"]
    assert len(first.gaze) == 2
    assert len(second.gaze) == 1
    assert (first.gaze < (80, 40)).all()
    assert len({first.name, second.name}) == 2


def test_an_annotator_who_saw_the_target_nowhere_has_no_point(tmp_path: Path) -> None:
    (person,) = people(tiny_people.gazefollow(tmp_path))["test"]
    np.testing.assert_allclose(person.gaze, [[40, 20], [48, 20]])
    assert person.in_frame is True


def test_every_twentieth_picture_validates_with_all_of_its_people(tmp_path: Path) -> None:
    tiny_people.gazefollow(tmp_path)
    path = tmp_path / "train_annotations_release.txt"
    path.write_text(path.read_text("utf-8") + train_row("train/00000000/00000019.jpg", 2), "utf-8")
    found = people(tmp_path)
    assert [person.path.stem for person in found["val"]] == ["00000019"] * 2
    assert len(found["train"]) == 20


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("only,three,cells\n", "3 cells, not 17"),
        (train_row("../secret.jpg"), "the picture is '../secret.jpg'"),
        (train_row(ONE, gaze="nan,0.5"), "'nan' is no number"),
        (train_row(ONE, head="a,10,30,30"), "'a' is no number"),
        (train_row(ONE, head="1e400,10,30,30"), "'1e400' is no number"),
        (train_row(ONE, inout=7), "inout is '7'"),
        (train_row(ONE, head="10,10,10,30"), "less than a pixel wide"),
        (train_row(ONE, head="200,200,300,300"), "outside of the picture of 80 x 40"),
        (train_row("train/00000000/missing.jpg"), "not a readable picture"),
    ],
    ids=["cells", "path", "nan", "word", "infinite", "inout", "degenerate", "outside", "missing"],
)
def test_a_row_that_is_wrong_is_named_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, row: str, told: str
) -> None:
    tiny_people.gazefollow(tmp_path, train=train_row(ONE) + row)
    with caplog.at_level(logging.WARNING):
        found = people(tmp_path)
    assert len(found["train"]) == 1
    assert told in caplog.text
    assert caplog.text.count("left out") == 1


def test_many_wrong_rows_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tiny_people.gazefollow(tmp_path, train=train_row(ONE) + "a,b\n" * 30)
    with caplog.at_level(logging.WARNING):
        people(tmp_path)
    assert "25 more rows are left out" in caplog.text


@pytest.mark.parametrize("content", ["", "a,b\n", '"\n'], ids=["empty", "other", "open quote"])
def test_a_list_of_another_kind_is_refused_in_one_sentence(tmp_path: Path, content: str) -> None:
    tiny_people.gazefollow(tmp_path)
    (tmp_path / "train_annotations_release.txt").write_text(content)
    with pytest.raises(TableError, match=r"train_annotations_release\.txt"):
        people(tmp_path)


def test_the_set_is_found_by_its_folder_and_is_not_converted(tmp_path: Path) -> None:
    opened = open_set(tiny_people.gazefollow(tmp_path))
    assert opened.layout == "gazefollow"
    assert "gazefollow" in PEOPLE
    with pytest.raises(GazeError, match="gaze evaluate following"):
        convert.read("gazefollow", tmp_path)
