import csv
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from annotation import finders
from app.cli.main import main
from tests.annotation import made


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return made.film(tmp_path / "walk.mp4", 20)


@pytest.fixture(autouse=True)
def squares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finders, "Finder", made.Squares)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["annotate", *map(str, arguments)])


def test_a_video_with_gaze_becomes_a_project_and_the_page_is_named(tmp_path: Path, film: Path) -> None:
    done = run(film, made.gaze(tmp_path / "anna.csv", 2), "-o", tmp_path / "P")
    assert done.exit_code == 0, done.output
    assert "10 frames, 20 boxes in 2 tracks" in done.output
    assert "of anna, 0 labels" in done.output
    assert f"gaze app --annotate {tmp_path / 'P'}" in done.output


@pytest.mark.parametrize(
    "table",
    ["time_ms,x,y,class\n400,30,35,red\n400,110,85,blue\n9000,1,1,none\n", "box,class\n0,red\n1,blue\n99,none\n"],
    ids=["places", "numbers"],
)
def test_labels_from_a_table_stand_for_clicks(tmp_path: Path, film: Path, table: str) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(table)
    arguments = (film, made.gaze(tmp_path / "anna.csv", 2), "-o", tmp_path / "P", "--labels", labels, "--export")
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    assert "1 of 3 rows are on no box and are left out" in done.output
    assert str(tmp_path / "P" / "results" / "areas.csv") in done.output
    with (tmp_path / "P" / "results" / "boxes.csv").open() as file:
        assert [row["object"] for row in csv.DictReader(file)] == ["red", "blue"] * 10
    again = run(*arguments)
    assert again.exit_code == 0, again.output
    assert len((tmp_path / "P" / "clicks.jsonl").read_text().splitlines()) == 2


def test_a_video_without_gaze_still_gives_labels_and_boxes(tmp_path: Path, film: Path) -> None:
    done = run(film, "-o", tmp_path / "P", "--export")
    assert done.exit_code == 0, done.output
    assert "no gaze" in done.output
    assert sorted(path.name for path in (tmp_path / "P" / "results").iterdir()) == [
        "boxes.csv",
        "objects.json",
        "results.json",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "no table of labels"),
        ("box,class\n77,cup\n", "no row of it is on a box"),
        ("", "empty"),
        (f"box,class\n1,{'x' * 200}\n", "cannot be one"),
    ],
    ids=["columns", "no-box", "empty", "long"],
)
def test_labels_that_cannot_be_used_end_in_one_sentence(tmp_path: Path, film: Path, text: str, words: str) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(text)
    done = run(film, "-o", tmp_path / "P", "--labels", labels)
    assert done.exit_code == 2
    assert words in done.output


def test_clocks_that_do_not_meet_are_told_and_the_rest_is_done(tmp_path: Path, film: Path) -> None:
    gaze = made.gaze(tmp_path / "anna.csv", 2, late=50.0)
    done = run(film, gaze, "-o", tmp_path / "P")
    assert done.exit_code == 0, done.output
    assert "give --offset in seconds. Labels and boxes are there without gaze." in done.output
    assert "fixations of anna" in run(film, gaze, "-o", tmp_path / "P", "--offset", -50).output


def test_two_sources_of_objects_are_refused(tmp_path: Path, film: Path) -> None:
    done = run(film, "-o", tmp_path / "P", "--detector", "a.onnx", "--objects", "b.csv")
    assert done.exit_code == 2
    assert "--objects and --detector both say" in done.output


def test_a_detector_that_is_missing_is_named(tmp_path: Path, film: Path) -> None:
    done = run(film, "-o", tmp_path / "P", "--detector", tmp_path / "none.onnx")
    assert done.exit_code == 2
    assert "none.onnx: cannot be read" in done.output


def test_a_stop_says_that_the_same_command_goes_on(tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(made.Squares, "__call__", stop)
    done = run(film, "-o", tmp_path / "P")
    assert "the same command goes on from here" in done.output
