"""The table of people's own annotations, and how sets are found."""

import json
import logging
from pathlib import Path

import pytest

from data.errors import GazeError, TableError
from data.following import table
from data.following.people import Person
from data.following.sets import open_set
from tests.data.datasets import tiny_people

HEADER = "picture,person,head_x,head_y,head_width,head_height,gaze_x,gaze_y,in_frame,annotator\n"
GOOD = "a.png,p,10,5,20,20,50,30,1,x\n"


def made(root: Path, rows: str, header: str = HEADER) -> Path:
    tiny_people.picture(root / "images" / "a.png")
    (root / "people.csv").write_text(header + rows)
    return root


def told(root: Path) -> list[Person]:
    return [person for part in open_set(root).splits.values() for person in part]


def test_a_row_is_a_person(tmp_path: Path) -> None:
    (person,) = told(made(tmp_path, GOOD))
    assert person.name == "a.png:p"
    assert (person.size, person.head.tolist(), person.gaze.tolist()) == ((40, 80), [10, 5, 20, 20], [[50, 30]])
    assert person.in_frame is True


@pytest.mark.parametrize(
    ("rows", "in_frame", "points"),
    [
        (["50,30,1", "52,30,1", ",,0"], True, 2),
        (["50,30,1", ",,0", ",,0"], False, 0),
        (["50,30,", ",,0"], True, 1),
        (["50,30,"], True, 1),
        ([",,"], None, 0),
        (["50,30,0"], False, 0),
    ],
    ids=["most", "few", "half", "a point", "nothing said", "a point that is not meant"],
)
def test_annotators_are_asked_together(tmp_path: Path, rows: list[str], in_frame: bool | None, points: int) -> None:
    lines = "".join(f"a.png,p,10,5,20,20,{row},{number}\n" for number, row in enumerate(rows))
    (person,) = told(made(tmp_path, lines))
    assert person.in_frame is in_frame
    assert person.gaze.shape == (points, 2)


def test_columns_may_come_in_any_order_and_more_may_be_there(tmp_path: Path) -> None:
    header = "eye_y,eye_x,gaze_y,gaze_x,head_height,head_width,head_y,head_x,person,picture,mood\n"
    (person,) = told(made(tmp_path, "12,13,30,50,20,20,5,10,p,a.png,good\n", header))
    assert person.gaze.tolist() == [[50, 30]]
    assert person.eye is not None
    assert person.eye.tolist() == [13, 12]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a.png,q,10,5,20,20,50\n", "7 cells for 10 columns"),
        ("../a.png,q,10,5,20,20,50,30,1,x\n", "picture is '../a.png'"),
        (",q,10,5,20,20,50,30,1,x\n", "picture is ''"),
        ("a.png,,10,5,20,20,50,30,1,x\n", "person is ''"),
        ("a.png,q,,5,20,20,50,30,1,x\n", "the head's box is not four numbers"),
        ("a.png,q,nan,5,20,20,50,30,1,x\n", "the head's box is not four numbers"),
        ("a.png,q,10,5,20,20,50,,1,x\n", "gaze_x and gaze_y are no point"),
        ("a.png,q,10,5,20,20,inf,3,1,x\n", "gaze_x and gaze_y are no point"),
        ("a.png,q,10,5,20,20,1e20,3,1,x\n", "gaze_x and gaze_y are on no picture"),
        ("a.png,q,10,5,20,20,50,30,maybe,x\n", "in_frame is 'maybe'"),
        ("a.png,q,10,5,20,20,,,1,x\n", "in_frame is 1, but there is no gaze_x"),
        ("a.png,q,200,5,20,20,50,30,1,x\n", "lies outside of the picture of 80 x 40"),
        ("b.png,q,10,5,20,20,50,30,1,x\n", "b.png: not a readable picture"),
    ],
    ids=[
        *("cells", "path", "no picture", "no person", "no head", "nan", "half a point", "infinite", "far away"),
        *("word", "no point", "outside", "missing"),
    ],
)
def test_a_row_that_is_wrong_is_named_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, row: str, said: str
) -> None:
    with caplog.at_level(logging.WARNING):
        (person,) = told(made(tmp_path, GOOD + row))
    assert person.name == "a.png:p"
    assert said in caplog.text
    assert caplog.text.count("left out") == 1


def test_a_header_that_lacks_a_column_refuses_the_table(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="head_height"):
        open_set(made(tmp_path, GOOD, HEADER.replace("head_height", "high")))


def test_splits_are_those_of_the_file_and_a_picture_is_in_one_of_them(tmp_path: Path) -> None:
    made(tmp_path, GOOD)
    (tmp_path / "splits.json").write_text(json.dumps({"train": ["a.png"], "hard": []}))
    assert [len(part) for part in open_set(tmp_path).splits.values()] == [1, 0, 0, 0]
    (tmp_path / "splits.json").write_text(json.dumps({"train": ["a.png"], "test": ["a.png"]}))
    with pytest.raises(TableError, match=r"picture 'a\.png' is in 'train' and again in 'test'"):
        open_set(tmp_path)


def test_without_the_file_pictures_are_divided_and_of_fewer_than_three_all_are_tested(tmp_path: Path) -> None:
    assert len(open_set(made(tmp_path, GOOD)).splits["test"]) == 1
    rows = ""
    for number in range(10):
        tiny_people.picture(tmp_path / "images" / f"{number}.png")
        rows += GOOD.replace("a.png", f"{number}.png")
    parts = open_set(made(tmp_path, rows)).splits
    assert [len(parts[name]) for name in ("train", "val", "test")] == [8, 1, 1]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    made(tmp_path, "")
    row = {
        "picture": "a.png",
        "person": "p",
        "head_x": 1,
        "head_y": 2,
        "head_width": 9,
        "head_height": 8,
        "in_frame": 0,
    }
    table.write(tmp_path, [row])
    (person,) = told(tmp_path)
    assert (person.head.tolist(), person.in_frame) == ([1, 2, 9, 8], False)
    with pytest.raises(TableError, match="there is no column 'mood'"):
        table.write(tmp_path, [row | {"mood": "good"}])


def test_a_folder_that_is_no_set_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(GazeError, match=r"give a folder with people\.csv and images/, or a public set \(gazefollow, "):
        open_set(tmp_path)
    with pytest.raises(GazeError, match="there is no such folder"):
        open_set(tmp_path / "nowhere")
    with pytest.raises(GazeError, match="There is no layout 'other' of people"):
        open_set(tmp_path, "other")
    with pytest.raises(GazeError, match="nobody in it can be used"):
        open_set(made(tmp_path, ""))
