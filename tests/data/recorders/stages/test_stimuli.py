"""Which picture a recorded name stands for: by its path, by a map, by a column that somebody names."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.cli.main import main
from data.errors import RecordingError
from data.picture import save
from data.recorders import PicturesByName, bids, delimited, eyelink, pupil_labs, read_map, tobii
from data.recorders.stages.units import Setup
from data.table.read import read_table
from tests.data.recorders.test_bids import SHOWN, study
from tests.data.recorders.test_eyelink import monocular, trial, write

SCREEN = Setup(1024, 768, 38.0, 30.0, 67.0)
FLAGS = ("--screen", "1024x768", "--screen-cm", "38x30", "--distance-cm", "67", "--initial")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    (tmp_path / "pictures" / "in").mkdir(parents=True)
    for name in ("street", "beach", "one"):
        save(tmp_path / "pictures" / "in" / f"{name}.jpg", np.zeros((700, 900, 3), np.uint8))
    return tmp_path / "pictures"


def recording(path: Path, names: list[str], column: str = "stimulus") -> Path:
    """Half a second of one place for each name."""
    rows = [f"{500 * k + 4 * i};500;{400 + i % 2};{name}" for k, name in enumerate(names) for i in range(125)]
    path.write_text("\n".join([f"time_ms;x;y;{column}", *rows]))
    return path


def run(tmp_path: Path, path: Path, pictures: Path, *flags: object) -> tuple[list[str], Result]:
    words = ["data", "recording", path, "-o", tmp_path / "set", "--pictures", pictures, *FLAGS, *flags]
    done = CliRunner().invoke(main, list(map(str, words)))
    return sorted(picture.name for picture, _ in read_table(tmp_path / "set")) if not done.exit_code else [], done


def test_a_map_names_the_pictures_of_names_that_no_file_can_have(tmp_path: Path, pictures: Path) -> None:
    path = recording(tmp_path / "anna.csv", ["https://x.org/show?id=7&s=1", "", "Condition B "])
    (tmp_path / "map.csv").write_text(
        'recorded,picture\nhttps://x.org/show?id=7&s=1,street.jpg\n"",in/one.jpg\n condition b,BEACH\n'
    )
    names, done = run(tmp_path, path, pictures, "--map", tmp_path / "map.csv")
    assert names == ["in/beach.jpg", "in/one.jpg", "in/street.jpg"], done.output
    assert "no picture" not in done.output


def test_names_without_a_picture_are_listed_with_their_counts(tmp_path: Path, pictures: Path) -> None:
    path = recording(tmp_path / "anna.csv", ["street", "cross", "http://a", "cross", "street", "break"])
    names, done = run(tmp_path, path, pictures)
    assert names == ["in/street.jpg"]
    assert "no picture for 4 trials ('cross' (2), 'http://a' (1), 'break' (1)); they are left out" in done.output


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("recorded,picture\nx,nothing.jpg\n", "no picture 'nothing.jpg' in it, which stands for 'x'"),
        ("a,street.jpg\na,beach.jpg\n", "line 2: 'a' has two pictures"),
        ("recorded,picture\nx,\n", "line 2: no picture for 'x'"),
        ("recorded,picture\nx,street.jpg,3\n", "line 2: 3 columns, not two"),
        ("", "the file is empty"),
        ('recorded,picture\n"x,street.jpg', "line 2: 1 columns"),
    ],
)
def test_maps_that_are_none_are_refused(tmp_path: Path, pictures: Path, content: str, problem: str) -> None:
    (tmp_path / "map.csv").write_text(content)
    _, done = run(tmp_path, recording(tmp_path / "a.csv", ["x"]), pictures, "--map", tmp_path / "map.csv")
    assert (done.exit_code, problem in done.output, done.output.count("\n")) == (2, True, 1), done.output


def test_maps_may_lack_a_header_and_use_any_separator(tmp_path: Path, pictures: Path) -> None:
    (tmp_path / "map.tsv").write_text("a, b\tstreet.jpg\nc\tin/beach.jpg\n")
    stimuli = read_map(tmp_path / "map.tsv")
    assert stimuli == {"a, b": "street.jpg", "c": "in/beach.jpg"}
    by_name = PicturesByName(pictures, stimuli)
    found = [by_name.find(name) for name in ("A, B ", "c", "one", "d")]
    assert [it.name if it else None for it in found] == ["in/street.jpg", "in/beach.jpg", "in/one.jpg", None]


def test_a_column_that_names_pictures_is_found_however_it_is_named(tmp_path: Path, pictures: Path) -> None:
    path = recording(tmp_path / "anna.csv", ["street.jpg", "in/beach.jpg"], column="what was there")
    names, done = run(tmp_path, path, pictures, "--stimulus", "one")
    assert names == ["in/beach.jpg", "in/street.jpg"]
    assert "it names itself what 2 trials were of ('street.jpg', 'in/beach.jpg'), so --stimulus is not" in done.output


def stimuli_of(found: object) -> list[str]:
    return [it.stimulus for it in found]  # type: ignore[attr-defined]


def test_every_reader_takes_the_column_of_the_stimuli(tmp_path: Path) -> None:
    path = recording(tmp_path / "a.csv", ["p1", "p2"], column="shown now")
    path.write_text(path.read_text().replace("time_ms;x;y;", "time_ms;x;y;stimulus;").replace(";p", ";wrong;p"))
    told: list[str] = []
    options = {"stimulus_column": "Shown_Now", "tell": told.append}
    assert stimuli_of(delimited.read(path, SCREEN, **options)) == ["p1", "p2"]  # type: ignore[arg-type]
    header = "Recording timestamp [ms]\tGaze point X\tGaze point Y\tMedia name\tshown now"
    rows = [f"{4 * i}\t500\t{400 + i % 2}\twrong\t{'p1' if i < 60 else 'p2'}" for i in range(120)]
    (tmp_path / "a.tsv").write_text("\n".join([header, *rows]))
    assert stimuli_of(tobii.read(tmp_path / "a.tsv", SCREEN, **options)) == ["p1", "p2"]  # type: ignore[arg-type]
    rows = [f"{1000 + 4 * i}000000,500,400" for i in range(120)]
    (tmp_path / "gaze.csv").write_text("\n".join(["timestamp [ns],gaze x [px],gaze y [px]", *rows]))
    (tmp_path / "events.csv").write_text("timestamp [ns],name,shown now\n1000000000,go,p1\n1240000000,go,p2\n")
    found = pupil_labs.read(tmp_path / "gaze.csv", SCREEN, **options)  # type: ignore[arg-type]
    assert stimuli_of(found) == ["p1", "p2"]
    with pytest.raises(RecordingError, match="no column 'nothing'; choose among time_ms"):
        list(delimited.read(path, SCREEN, stimulus_column="nothing", tell=told.append))


def test_the_events_of_bids_name_the_stimuli_in_any_column(tmp_path: Path) -> None:
    path = study(tmp_path)
    (tmp_path / "task-look_events.json").write_text(json.dumps({"StimulusPresentation": SHOWN}))
    beside = path.with_name("sub-01_task-look_events.tsv")
    beside.write_text("onset\tduration\ttrial_type\tpic\n0.02\t0.05\tlook\ta.jpg\n0.1\t0.05\tlook\tb.jpg\n")
    assert stimuli_of(bids.read(path, tell=lambda _: None)) == ["a.jpg", "b.jpg"]
    assert stimuli_of(bids.read(path, stimulus_column="trial_type", tell=lambda _: None)) == ["look", "look"]


def test_a_variable_of_eyelink_trials_names_the_stimuli(tmp_path: Path) -> None:
    variable = "MSG\t2030 !V TRIAL_VAR scene_id indoor 7\n"
    path = write(tmp_path, trial(1, 2000, "wrong.jpg", monocular(2000), variable))
    (found,) = eyelink.read(path, SCREEN, stimulus_column="Scene_ID", tell=lambda _: None)
    assert found.stimulus == "indoor 7"
