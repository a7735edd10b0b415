import json
from pathlib import Path

import pytest

from annotation.clicks import Clicks, class_name
from data.errors import GazeError


def read(path: Path) -> Clicks:
    return Clicks.read(path, 10)


def test_a_click_is_on_the_disk_when_the_call_returns(tmp_path: Path) -> None:
    file = tmp_path / "clicks.jsonl"
    clicks = read(file)
    clicks.label(3, "cup")
    assert [json.loads(line) for line in file.read_text().splitlines()] == [{"label": 3, "class": "cup"}]
    clicks.label(4, "")
    clicks.label(3, "mug")
    assert read(file).labels == {4: "", 3: "mug"}


@pytest.mark.parametrize("cut", range(1, 30, 4))
def test_a_file_cut_off_in_the_last_click_holds_the_others_and_takes_new_ones(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "clicks.jsonl"
    clicks = read(file)
    clicks.label(1, "cup")
    clicks.label(2, "a pen that is long")
    file.write_bytes(file.read_bytes()[:-cut])
    again = read(file)
    assert again.labels in ({1: "cup"}, {1: "cup", 2: "a pen that is long"})
    again.label(5, "book")
    assert read(file).labels == again.labels | {5: "book"}


def test_undo_takes_back_one_click_after_the_other_also_in_a_new_process(tmp_path: Path) -> None:
    file = tmp_path / "clicks.jsonl"
    clicks = read(file)
    clicks.label(1, "cup")
    clicks.label(1, "mug")
    clicks.rename("mug", "jug")
    clicks.undo()
    assert read(file).labels == clicks.labels == {1: "mug"}
    clicks.undo()
    assert read(file).labels == clicks.labels == {1: "cup"}
    clicks.undo()
    with pytest.raises(GazeError, match="no click that could be undone"):
        clicks.undo()
    assert read(file).labels == {}


def test_a_class_that_takes_another_s_name_is_one_with_it(tmp_path: Path) -> None:
    clicks = read(tmp_path / "clicks.jsonl")
    for box, name in ((1, "cup"), (2, "cupp"), (3, "")):
        clicks.label(box, name)
    clicks.rename("cupp", "cup")
    assert clicks.labels == {1: "cup", 2: "cup", 3: ""}
    with pytest.raises(GazeError, match="There is no class 'cupp'"):
        clicks.rename("cupp", "x")
    with pytest.raises(GazeError, match="needs a name"):
        clicks.rename("cup", " ")


@pytest.mark.parametrize(
    "line",
    [
        "[1]",
        "nonsense",
        '{"label": 99, "class": "a"}',
        '{"label": true, "class": "a"}',
        '{"label": 1.5, "class": "a"}',
        '{"label": 1}',
        '{"label": 1, "class": "a\\u001bb"}',
        '{"label": 1, "class": 7}',
        '{"undo": 1}',
        '{"rename": "a", "to": ""}',
        "[" * 100_000,
        '{"label": NaN, "class": "a"}',
        b"\xff\xfe\x00",
    ],
    ids=str,
)
def test_lines_that_are_no_clicks_are_passed_over_and_counted(tmp_path: Path, line: str | bytes) -> None:
    file = tmp_path / "clicks.jsonl"
    odd = line if isinstance(line, bytes) else line.encode()
    file.write_bytes(b'{"label": 1, "class": "cup"}\n' + odd + b'\n{"label": 2, "class": "pen"}\n')
    clicks = read(file)
    assert (clicks.labels, clicks.passed) == ({1: "cup", 2: "pen"}, 1)


@pytest.mark.parametrize("box", [-1, 10])
def test_a_label_of_no_box_is_refused_and_not_saved(tmp_path: Path, box: int) -> None:
    clicks = read(tmp_path / "clicks.jsonl")
    with pytest.raises(GazeError, match=f"no box {box} among 10"):
        clicks.label(box, "cup")
    assert not (tmp_path / "clicks.jsonl").exists()


@pytest.mark.parametrize("name", ["a" * 101, "a\x1b[2J", "a‮b"], ids=["long", "escape", "turned"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(GazeError, match="cannot be one"):
        class_name(name)


def test_blanks_in_a_name_are_made_one() -> None:
    assert class_name("  left   tablet ") == "left tablet"


def test_a_click_that_the_disk_does_not_take_does_not_count(tmp_path: Path) -> None:
    clicks = Clicks(10, tmp_path / "missing" / "clicks.jsonl")
    with pytest.raises(GazeError, match="cannot be saved"):
        clicks.label(1, "cup")
    assert clicks.labels == {}
