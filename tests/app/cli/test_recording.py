"""`gaze data recording`: from eye trackers' files to a data set, and from there to training."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.cli.main import main
from app.cli.recording import recording
from data.errors import RecordingError
from data.events.detect import METHODS
from data.picture import save
from data.recorders.delimited import ORIGINS
from data.recorders.detect_format import detect, files
from data.recorders.eyelink import EYES
from data.recorders.stages.units import PLACES, TIMES
from data.table.read import read_table
from data.table.validate import check_table
from tests.opened import counted

SCREEN = ("--screen", "1000x800", "--screen-cm", "40x32", "--distance-cm", "60")


def gaze(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


def asc(path: Path, pictures: list[str], seed: int) -> Path:
    """An EyeLink file of 250 samples a second: two seconds a picture, seven looks each, the first on the cross."""
    random = np.random.default_rng(seed)
    lines = ["** CONVERTED FROM x.edf", "MSG\t1 DISPLAY_COORDS 0 0 999 799"]
    for number, name in enumerate(pictures):
        start = 10_000 * (number + 1)
        grid = [(x, y) for x in (440, 500, 560) for y in (350, 400, 450) if (x, y) != (500, 400)]
        xy = np.concatenate([[[500, 400]], random.permutation(grid)[:7]]).repeat(65, 0)
        lines += [f"MSG\t{start - 9} TRIALID {number}", f"MSG\t{start - 8} !V IMGLOAD CENTER {name} 500 400"]
        lines += [f"START\t{start}\tRIGHT\tSAMPLES\tEVENTS", "SAMPLES\tGAZE\tRIGHT\tRATE\t250.00\tTRACKING\tCR"]
        for i, (x, y) in enumerate(xy + random.normal(0, 0.3, xy.shape)):
            lines += [f"MSG\t{start + 4 * i} SYNCTIME"] if i == 25 else []
            lines += [f"{start + 4 * i}\t{x:.1f}\t{y:.1f}\t1200.0\t..."]
        lines += [f"END\t{start + 4 * len(xy)}\tSAMPLES\tEVENTS\tRES\t30.00\t30.00"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(10):
        shade = np.full((120, 160, 3), 20 * number, np.uint8)
        save(folder / f"{number}.png", shade)
    return folder


def csv(path: Path, rows: int = 300) -> Path:
    """A table in which the eye jumps once, at 500 samples a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{2 * i},{450 if i < rows // 2 else 520},{400 + i % 2}" for i in range(rows)]
    path.write_text("\n".join(["time,x,y", *lines]))
    return path


def test_recordings_become_a_data_set_without_defects(tmp_path: Path, pictures: Path) -> None:
    names = [f"{number}.png" for number in range(10)]
    files = [asc(tmp_path / "asc" / f"{name}.asc", names, seed) for seed, name in enumerate(("anna", "ben"))]
    out = tmp_path / "set"
    done = gaze("data", "recording", *files, "-o", out, "--pictures", pictures, *SCREEN)
    assert done.exit_code == 0
    assert "20 trials, 140 fixations: 7.0 a trial, 0.0% beside their picture" in done.output
    assert "250 samples a second, 0.0% of them lost\nleft out: 20 fixations under way at the onset" in done.output
    assert f"{out}: 10 pictures, 2 people; train with --data.root {out}" in done.output
    assert check_table(out) == []
    again = gaze("data", "recording", tmp_path / "asc", "-o", out, "--pictures", pictures, *SCREEN)
    assert (again.exit_code, again.output.count("\n")) == (2, 1)
    assert "exists already; give a new folder" in again.output


def test_a_broken_file_is_named_and_skipped_and_the_status_says_so(tmp_path: Path, pictures: Path) -> None:
    (tmp_path / "cut.asc").write_text("** CONVERTED")
    good = asc(tmp_path / "anna.asc", ["0.png"], 0)
    done = gaze(
        "data", "recording", tmp_path / "cut.asc", good, "-o", tmp_path / "set", "--pictures", pictures, *SCREEN
    )
    assert done.exit_code == 3
    assert f"skipped: {tmp_path / 'cut.asc'}: not an EyeLink ASC file" in done.output
    assert len(list(read_table(tmp_path / "set"))) == 1
    done = gaze("data", "recording", tmp_path / "cut.asc", "-o", tmp_path / "none", "--pictures", pictures, *SCREEN)
    assert done.exit_code == 2
    assert "No file could be read, so no data set was made" in done.output
    assert not (tmp_path / "none").exists()


def test_each_recording_is_read_once(tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data.recorders.stages.text_table.START", 8192)
    folder = tmp_path / "all"
    names = [f"{number}.png" for number in range(3)]
    recordings = [asc(folder / f"{who}.asc", names, seed) for seed, who in enumerate(("anna", "ben"))]
    recordings += [csv(folder / "cem.csv", 3000), csv(folder / "dan.csv", 3200)]
    (folder / "eve.csv").write_text(recordings[-1].read_text().replace("520", "530"))  # of the same size
    flags = ("--stimulus", "1", "--pictures", pictures, *SCREEN)
    with counted(monkeypatch) as read:
        done = gaze("data", "recording", folder, "-o", tmp_path / "set", *flags)
    assert (done.exit_code, len(people(tmp_path / "set"))) == (0, 3)
    for path in recordings:
        size = path.stat().st_size
        assert size > 3 * 8192
        assert size <= read[path] <= size + 2 * 8192


def test_names_of_files_say_subject_and_stimulus(tmp_path: Path, pictures: Path) -> None:
    files = [csv(tmp_path / f"{who}_{what}.csv", rows) for who, what, rows in (("ann", "0", 300), ("ben", "1", 320))]
    flags = ("--names", "{subject}_{stimulus}", "--pictures", pictures, *SCREEN)
    assert gaze("data", "recording", *files, "-o", tmp_path / "set", *flags).exit_code == 0
    found = {picture.name: [path.subject for path in paths] for picture, paths in read_table(tmp_path / "set")}
    assert found == {"0.png": ["ann"], "1.png": ["ben"]}
    odd = csv(tmp_path / "odd.csv", 310)
    done = gaze("data", "recording", files[0], odd, "-o", tmp_path / "other", *flags)
    assert done.exit_code == 3
    assert "odd.csv: its name does not fit --names {subject}_{stimulus}" in done.output


def test_two_files_of_one_name_are_two_people_and_a_copy_is_one(tmp_path: Path, pictures: Path) -> None:
    files = [
        csv(tmp_path / "ann" / "rec.csv", 300),
        csv(tmp_path / "ben" / "rec.csv", 320),
        csv(tmp_path / "copy.csv", 300),
    ]
    done = gaze("data", "recording", *files, "-o", tmp_path / "set", "--stimulus", "0", "--pictures", pictures, *SCREEN)
    assert done.exit_code == 0
    assert "copy.csv: the same as" in done.output
    ((_, paths),) = read_table(tmp_path / "set")
    assert [path.subject for path in paths] == ["ann_rec", "ben_rec"]


def people(root: Path) -> dict[str, list[str]]:
    return {picture.name: sorted(path.subject for path in paths) for picture, paths in read_table(root)}


def test_names_with_dots_are_people_of_their_own(tmp_path: Path, pictures: Path) -> None:
    recordings = [asc(tmp_path / f"01.05.2024_{who}.asc", ["0.png"], i) for i, who in enumerate(("anna", "ben"))]
    done = gaze("data", "recording", *recordings, "-o", tmp_path / "set", "--pictures", pictures, *SCREEN)
    assert done.exit_code == 0
    assert people(tmp_path / "set") == {"0.png": ["01.05.2024_anna", "01.05.2024_ben"]}


def test_files_that_only_their_endings_tell_apart_are_not_mixed(tmp_path: Path, pictures: Path) -> None:
    paths = [asc(tmp_path / "anna.asc", ["0.png"], 0), csv(tmp_path / "anna.csv")]
    flags = ("--stimulus", "1", "--pictures", pictures, *SCREEN)
    done = gaze("data", "recording", *paths, "-o", tmp_path / "set", *flags)
    assert done.exit_code == 3
    assert f"anna.csv: named like {paths[0]}, so whose it is cannot be told; rename one" in done.output
    named = gaze("data", "recording", *paths, "-o", tmp_path / "named", *flags, "--names", "{stimulus}")
    assert (named.exit_code, "named like" in named.output) == (3, True)
    paths[1].write_text("response,correct\nyes,1\n")  # what a program wrote beside the recording
    assert gaze("data", "recording", tmp_path, "-o", tmp_path / "other", *flags).exit_code == 0


def test_names_of_files_may_hold_more_than_subject_and_stimulus(tmp_path: Path, pictures: Path) -> None:
    paths = [csv(tmp_path / f"anna_{what}_block{what}.csv", 300 + what) for what in (1, 2)]
    flags = ("--names", "{subject}_{stimulus}_{block}", "--pictures", pictures, *SCREEN)
    assert gaze("data", "recording", *paths, "-o", tmp_path / "set", *flags).exit_code == 0
    assert people(tmp_path / "set") == {"1.png": ["anna"], "2.png": ["anna"]}


def test_what_lies_in_a_folder_beside_the_recordings_is_told_and_nothing_is_broken(
    tmp_path: Path, pictures: Path
) -> None:
    folder = tmp_path / "all"
    recordings = [csv(folder / name, rows) for name, rows in (("anna.csv", 300), ("gaze_ben.csv", 320))]
    (folder / "README.txt").write_text("Recorded by me.\nOn a Monday.\n")
    (folder / "notes.csv").write_text("person,age\nanna,30\n")
    (folder / "._anna.csv").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    (folder / "old.csv").mkdir()
    flags = ("--stimulus", "0", "--pictures", pictures, *SCREEN)
    done = gaze("data", "recording", folder, "-o", tmp_path / "set", *flags)
    assert done.exit_code == 0
    assert "README.txt, line 1: only one column" in done.output
    assert "notes.csv: no column is known as its time, x, y;" in done.output
    assert "._anna" not in done.output
    assert people(tmp_path / "set") == {"0.png": ["anna", "gaze_ben"]}
    (folder / "gaze_ben.csv").unlink()
    (folder / "anna.csv").rename(folder / "anna_1.csv")
    named = gaze("data", "recording", folder, "-o", tmp_path / "named", *flags, "--names", "{subject}_{session}")
    assert (named.exit_code, people(tmp_path / "named")) == (0, {"0.png": ["anna"]})
    recordings = [csv(folder / "ben.csv", 320)]
    given = gaze("data", "recording", *recordings, folder / "notes.csv", "-o", tmp_path / "other", *flags)
    assert given.exit_code == 3
    alone = gaze("data", "recording", folder / "notes.csv", "-o", tmp_path / "none", *flags)
    assert "No file could be read, so no data set was made" in alone.output


def test_a_file_that_cannot_be_read_is_told_and_skipped(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, locked = csv(tmp_path / "anna.csv"), csv(tmp_path / "ben.csv", 320)
    whole = Path.read_bytes

    def read(path: Path) -> bytes:
        if path == locked:
            raise PermissionError(13, "Permission denied")
        return whole(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    flags = ("--stimulus", "0", "--pictures", pictures, *SCREEN)
    done = gaze("data", "recording", good, locked, "-o", tmp_path / "set", *flags)
    assert done.exit_code == 3
    assert f"skipped: {locked}: cannot be read (Permission denied)" in done.output


def test_places_from_the_middle_are_read_when_it_is_said(tmp_path: Path, pictures: Path) -> None:
    path = csv(tmp_path / "ann.csv")
    rows = [row.split(",") for row in path.read_text().splitlines()[1:]]
    path.write_text("\n".join(["time,x,y", *(f"{t},{float(x) - 500},{400 - float(y)}" for t, x, y in rows)]))
    flags = ("--stimulus", "0", "--pictures", pictures, *SCREEN, "--origin", "centre")
    assert gaze("data", "recording", path, "-o", tmp_path / "set", *flags).exit_code == 0
    ((_, (path_found,)),) = read_table(tmp_path / "set")
    np.testing.assert_allclose(path_found.xy, [[100, 60.5]], atol=0.6)


def test_choices_are_those_of_the_recorders() -> None:
    options = {option.name: getattr(option.type, "choices", ()) for option in recording.params}
    known = {"method": METHODS, "unit": PLACES, "time_unit": TIMES, "eye": EYES, "origin": ORIGINS}
    assert {name: set(options[name]) for name in known} == {name: set(words) for name, words in known.items()}


def test_columns_and_units_are_given_as_flags(tmp_path: Path, pictures: Path) -> None:
    path = csv(tmp_path / "ann.csv")
    path.write_text(path.read_text().replace("time,x,y", "zeit,links,oben"))
    flags = ("--stimulus", "0", "--pictures", pictures, *SCREEN)
    done = gaze("data", "recording", path, "-o", tmp_path / "set", *flags)
    assert (done.exit_code, "no column is known as its time, x, y;" in done.output) == (2, True)
    named = ("--columns", "time=zeit,x=links,y=oben", "--time-unit", "ms", "--unit", "px")
    assert gaze("data", "recording", path, "-o", tmp_path / "set", *flags, *named).exit_code == 0


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--screen", "big"), "--screen is 'big'; write width and height, as in --screen 1024x768"),
        (("--columns", "time"), "--columns has 'time'; write time=NAME,x=NAME,y=NAME"),
        (("--names", "{who}"), "--names is '{who}'; write {subject} and {stimulus} once"),
        (("--method", "magic"), "'magic' is not one of 'adaptive', 'ivt', 'idt'"),
        (("--eye", "third"), "'third' is not one of 'auto', 'left', 'right', 'both'"),
        (("--unit", "inch"), "'inch' is not one of 'px', 'norm', 'deg', 'height'"),
        (("--time-unit", "h"), "'h' is not one of 's', 'ms', 'us', 'ns'"),
        (("--names", "{subject}_{subject}"), "write {subject} and {stimulus} once"),
        (("--placed", "left"), "placed is 'left'; write centre, fit, fill"),
        (("--pictures", "nowhere"), "nowhere: there is no such folder"),
    ],
)
def test_wrong_flags_are_said_in_one_sentence(
    tmp_path: Path, pictures: Path, flags: tuple[str, str], sentence: str
) -> None:
    path = csv(tmp_path / "ann.csv")
    base = ("--stimulus", "0", "--pictures", pictures, *SCREEN)
    done = gaze("data", "recording", path, "-o", tmp_path / "set", *base, *flags)
    assert done.exit_code == 2
    assert sentence in done.output
    assert not (tmp_path / "set").exists()


def test_formats_are_recognised(tmp_path: Path) -> None:
    headers = {
        "eyelink.txt": "** CONVERTED\nMSG\t1 x\n",
        "csv.csv": "time,x,y\n1,2,3\n",
        "tobii.tsv": "Recording timestamp\tGaze point X\tGaze point Y\n",
        "tobii.txt": "RecordingTimestamp\tGazePointX (ADCSpx)\tGazePointY (ADCSpx)\n",
        "pupil.csv": "gaze_timestamp,norm_pos_x,norm_pos_y\n",
        "pupil_neon.csv": "timestamp [ns],gaze x [px],gaze y [px]\n",
        "bids_physio.tsv": "1\t2\t3\n",
    }
    for name, content in headers.items():
        (tmp_path / name).write_text(content)
        assert detect(tmp_path / name) == name.split(".")[0].split("_")[0], name
    with pytest.raises(RecordingError, match="the file is missing"):
        detect(tmp_path / "none.csv")


def test_of_a_folder_of_pupil_labs_only_the_gaze_on_the_surface_is_read(tmp_path: Path, pictures: Path) -> None:
    surfaces = tmp_path / "000" / "surfaces"
    surfaces.mkdir(parents=True)
    rows = [f"{1000 + i / 200},{0.45 if i < 150 else 0.55},0.5,0.9" for i in range(300)]
    header = "gaze_timestamp,x_norm,y_norm,confidence"
    (surfaces / "gaze_positions_on_surface_screen.csv").write_text("\n".join([header, *rows]))
    (surfaces / "surface_visibility.csv").write_text("a,b\n1,2")
    (tmp_path / "000" / "gaze_positions.csv").write_text("gaze_timestamp,norm_pos_x,norm_pos_y\n1,0.5,0.5")
    (tmp_path / "000" / "blinks.csv").write_text("id\n1")
    (tmp_path / "000" / "annotations.csv").write_text("index,timestamp,label\n1,1000.2,3.png\n")
    done = gaze("data", "recording", tmp_path / "000", "-o", tmp_path / "set", "--pictures", pictures, *SCREEN)
    assert done.exit_code == 0, done.output
    assert "an export of Pupil Labs; left out are blinks.csv, gaze_positions.csv" in done.output
    assert "an export of Pupil Labs; left out are surface_visibility.csv" in done.output
    ((picture, (path,)),) = read_table(tmp_path / "set")
    assert (picture.name, len(path)) == ("3.png", 1)
    np.testing.assert_allclose(path.xy, [[130, 60]], atol=0.5)


def test_two_people_recorded_with_pupil_core_are_two_people(tmp_path: Path, pictures: Path) -> None:
    header = "gaze_timestamp,x_norm,y_norm,confidence"
    for who, count in (("anna", 300), ("ben", 320)):
        surfaces = tmp_path / "core" / who / "000" / "exports" / "000" / "surfaces"
        surfaces.mkdir(parents=True)
        rows = [f"{1000 + i / 200},{0.45 if i < 150 else 0.55},0.5,0.9" for i in range(count)]
        (surfaces / "gaze_positions_on_surface_Screen.csv").write_text("\n".join([header, *rows]))
    flags = ("--stimulus", "3", "--pictures", pictures, *SCREEN)
    done = gaze("data", "recording", tmp_path / "core", "-o", tmp_path / "set", *flags)
    assert done.exit_code == 0
    assert people(tmp_path / "set") == {"3.png": ["anna_000", "ben_000"]}


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no recording in this folder"):
        files([tmp_path], print)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Lightning warns of its own dependencies
def test_one_command_leads_from_a_recording_to_training(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{number}.png" for number in range(10)]
    files = [asc(tmp_path / f"{name}.asc", names, seed) for seed, name in enumerate(("anna", "ben", "cem"))]
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "own"
    assert gaze("data", "recording", *files, "-o", out, "--pictures", pictures, *SCREEN).exit_code == 0
    quiet = ("--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false")
    small: tuple[str, ...] = (
        "--trainer.max_epochs",
        "1",
        "--trainer.accelerator",
        "cpu",
        "--trainer.precision",
        "32-true",
    )
    small += ("--data.canvas", "[96,128]", "--data.workers", "0")
    done = gaze("train", "tempsal", "--data.root", out, *quiet, *small)
    assert done.exit_code == 0, done.output
    checkpoint = next(tmp_path.rglob("last.ckpt"))
    assert checkpoint.stat().st_size > 10_000
    assert json.dumps(str(out))[1:-1] in next(tmp_path.rglob("config.yaml")).read_text()
