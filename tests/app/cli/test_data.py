import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from app.cli import console
from app.cli.main import main
from data.datasets import CLIPS, READERS, catalog, download
from data.datasets import mit1003 as reader
from data.datasets.catalog import PUBLISHED
from data.table.read import read_objects, read_splits, read_table
from tests.data.datasets import tiny


def gaze(*words: object) -> Result:
    return CliRunner().invoke(main, ["data", *map(str, words)], catch_exceptions=False)


@pytest.fixture
def mit1003(tmp_path: Path) -> Path:
    """A tiny MIT1003 in its authors' layout."""
    root = tmp_path / "mit1003"
    root.mkdir()
    tiny.mit1003(root)
    return root


def test_list_tells_of_every_set_its_licence_and_whether_commercial_use_is_allowed() -> None:
    result = gaze("list")
    assert result.exit_code == 0
    for name, it in PUBLISHED.items():
        assert any(line.startswith(name) and f" {it.commercial} " in line for line in result.output.splitlines())
        assert f"Licence: {it.licence}" in result.output
    assert "gaze data get osie FOLDER" in result.output
    assert "download it from Google Drive" in result.output


def test_list_gives_programs_the_same_in_json() -> None:
    told = json.loads(gaze("list", "--format", "json").output)
    assert list(told) == list(PUBLISHED)
    assert told["ueyes"]["licence"] == "CC BY 4.0"
    assert told["ueyes"]["commercial"] == "yes"
    assert told["ueyes"]["download"]
    assert told["salicon"]["people"] is None
    assert not told["salicon"]["download"]
    assert all(entry["reader"] == READERS.get(name) for name, entry in told.items())
    assert all(entry["clips"] == CLIPS.get(name) for name, entry in told.items())


def test_get_says_what_came_its_checksum_and_the_licence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def arrive(published: catalog.Published, out: Path, progress: Any) -> list[download.Arrived]:
        progress("a.zip", 1, 2)
        return [download.Arrived("a.zip", 1234, "ab" * 32, False), download.Arrived("b.mat", 5, "cd" * 32, True)]

    monkeypatch.setattr(download, "get", arrive)
    result = gaze("get", "osie", tmp_path / "osie")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"a.zip: 1,234 bytes, no checksum is published; sha256 {'ab' * 32}"
    assert lines[1].startswith("b.mat: 5 bytes, its md5 is the published one; ")
    assert "licence MIT; cite Xu" in lines[2]
    assert lines[3] == f"Go on with: gaze data convert osie {tmp_path / 'osie'} FOLDER"


def test_get_of_what_needs_a_person_or_is_unknown_is_one_sentence(tmp_path: Path) -> None:
    result = gaze("get", "dhf1k", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: DHF1K cannot be downloaded from here; ")
    assert PUBLISHED["dhf1k"].url in result.stderr
    assert (
        gaze("get", "dhf2k", tmp_path / "out").stderr == "Error: There is no data set 'dhf2k'; choose one of: dhf1k.\n"
    )
    assert os.listdir(tmp_path) == []


def test_get_that_is_stopped_says_how_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> list[download.Arrived]:
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "get", stop)
    result = gaze("get", "osie", tmp_path / "osie")
    assert (result.exit_code, result.stderr) == (130, "Error: Stopped; the same command goes on from here.\n")


def test_convert_counts_and_lets_the_validator_speak(mit1003: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = gaze("convert", "mit1003", mit1003, out)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [f"{out}: 2 pictures, 4 scanpaths, 8 fixations", f"{out}: no defects"]
    assert sum(len(path) for _, paths in read_table(out) for path in paths) == 8
    more = gaze("convert", "mit1003", mit1003, tmp_path / "more", "--option", "initial=true")
    assert " 12 fixations" in more.stdout


def test_convert_takes_splits_and_objects_along_and_tells_of_defects(tmp_path: Path) -> None:
    for name in ("amazon", "salicon"):
        (tmp_path / name).mkdir()
        tiny.WRITERS[name](tmp_path / name)
    train, val = (next((tmp_path / "salicon" / "images" / part).iterdir()) for part in ("train", "val"))
    val.write_bytes(train.read_bytes())
    result = gaze("convert", "salicon2015", tmp_path / "salicon", tmp_path / "out", "--option", "times=paper")
    assert result.exit_code == 1  # one picture in two splits
    assert "; splits train, val\n" in result.stdout
    assert result.stdout.endswith(f": 1 defect; 1 in splits.json; `gaze data check {tmp_path / 'out'}` names them\n")
    assert list(read_splits(tmp_path / "out")) == ["train", "val", "test"]
    assert gaze("convert", "amazon", tmp_path / "amazon", tmp_path / "covers").exit_code == 0
    assert {len(it) for it in read_objects(tmp_path / "covers").values()} == {84}


def test_convert_that_is_stopped_goes_on_from_there(
    mit1003: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = reader.read

    def stopped(root: Path) -> Iterator[Any]:
        yield next(whole(root))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(reader, "read", stopped)
        result = gaze("convert", "mit1003", mit1003, tmp_path / "out")
    assert (result.exit_code, result.stderr) == (130, "Error: Stopped; the same command goes on from here.\n")
    (kept,) = (tmp_path / ".out.part" / "images").iterdir()
    before = kept.stat().st_ino
    assert gaze("convert", "mit1003", mit1003, tmp_path / "out").exit_code == 0
    assert (tmp_path / "out" / "images" / kept.name).stat().st_ino == before
    assert sorted(os.listdir(tmp_path)) == ["mit1003", "out"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["table", "x"], "The table format is what data sets are converted to; use such a folder as it is."),
        (["mit1004", "x"], "There is no data set 'mit1004'; choose one of: mit1003."),
        (
            ["mit1003", "{root}", "--option", "size=3"],
            "mit1003 has no option 'size=3'; write NAME=VALUE; it has: initial.",
        ),
        (["mit1003", "nowhere"], "nowhere/DATA: no recordings are there; give the folder of the MIT1003 release."),
    ],
)
def test_convert_refuses_in_one_sentence_and_leaves_nothing(
    mit1003: Path, tmp_path: Path, words: list[str], sentence: str
) -> None:
    name, root, *rest = [word.replace("{root}", str(mit1003)) for word in words]
    result = gaze("convert", name, root, tmp_path / "out", *rest)
    assert (result.exit_code, result.stderr) == (2, f"Error: {sentence}\n")
    assert os.listdir(tmp_path) == ["mit1003"]


def test_convert_leaves_a_folder_that_holds_something_alone(mit1003: Path, tmp_path: Path) -> None:
    result = gaze("convert", "mit1003", mit1003, mit1003)
    assert result.exit_code == 2
    assert "exists already; give a new folder" in result.stderr


@pytest.mark.slow
def test_show_prints_numbers_and_draws_a_page(mit1003: Path, tmp_path: Path) -> None:
    assert gaze("convert", "mit1003", mit1003, tmp_path / "out").exit_code == 0
    result = gaze("show", tmp_path / "out", "-o", tmp_path / "report.png")
    assert result.exit_code == 0
    lines = {line[:30].strip(): line[30:].split() for line in result.stdout.splitlines()}
    assert lines["pictures"] == ["2"]
    assert lines["people"] == ["2"]
    assert lines["fixations per trial"][0] == "2"
    with Image.open(tmp_path / "report.png") as page:
        assert page.format == "PNG"
        assert page.width > 1000
    told = json.loads(gaze("show", tmp_path / "out", "--format", "json").stdout)
    assert told["fixations"] == 8
    assert told["saccade_pixels"]["median"] > 100


def test_show_of_a_real_set_tells_what_its_makers_tell(shared: Path) -> None:
    told = json.loads(gaze("show", shared / "scene", "--format", "json").stdout)
    assert (told["pictures"], told["people"], told["times"]) == (450, 12, "recorded")
    assert 270 <= told["first_onset_ms"]["median"] <= 290  # 279 ms in the whole release
    assert told["outside_share"] == 0


@pytest.mark.parametrize("task", ["[/b] x", "[red]x[/red]", "median", "min", "$a^$b"])
def test_show_tells_a_task_of_any_name(tmp_path: Path, task: str) -> None:
    header = "image,subject,index,x,y,duration_ms,start_ms,task"
    (tmp_path / "images").mkdir()
    Image.new("RGB", (20, 10)).save(tmp_path / "images" / "a.png")
    tasks = (task, "q1", "q3", "max")
    rows = [f"a.png,s{i},0,1,2,3,4,{name}" for i, name in enumerate(tasks)]
    (tmp_path / "fixations.csv").write_text("\n".join((header, *rows)))
    result = gaze("show", tmp_path)
    assert result.exit_code == 0
    told = ", ".join(f"{name} 1" for name in sorted(tasks))
    assert " ".join(f"tasks {told}".split()) in " ".join(result.stdout.split())


def test_a_bar_may_have_any_name_and_shows_nothing_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with console.bar() as bar:
        bar("[/b] x", 1, 2)
    assert capsys.readouterr().out == ""


def test_show_refuses_what_it_cannot_tell(tmp_path: Path) -> None:
    assert "the file is missing" in gaze("show", tmp_path).stderr
    result = gaze("show", tmp_path, "-o", tmp_path / "report.pdf")
    assert result.exit_code == 2
    assert "are written as PNG; give a name that ends in .png." in result.stderr


LARGER = ("osie", "crowd", "scene", "interiors", "amazon_covers", "lund2013")  # sets that take seconds each


@pytest.mark.parametrize("name", ["hsem", *(pytest.param(name, marks=pytest.mark.slow) for name in LARGER)])
def test_check_works_on_each_real_set(shared: Path, name: str) -> None:
    result = gaze("check", shared / name)
    sound = name in ("osie", "scene", "hsem", "amazon_covers")
    assert result.exit_code == (not sound)
    assert result.stdout.splitlines()[-1].startswith(f"{shared / name}: {'no defects' if sound else ''}")
    if name == "lund2013":
        assert "is there twice" in result.stdout
