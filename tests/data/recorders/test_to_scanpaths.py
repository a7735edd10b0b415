"""Samples and pictures become a data set: where pictures lay, what is left out, what is counted and told."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import GazeError, RecordingError
from data.gaze import Fixations, Samples, Screen
from data.picture import save
from data.recorders import delimited
from data.recorders.stages.units import Setup
from data.recorders.to_scanpaths import Items, Report, scanpaths
from data.table.read import read_table
from data.table.validate import check_table
from data.table.write import write_table

SCREEN = Screen(1000, 800, 40.0, 32.0, 60.0)
LUND = Path(__file__).parents[4] / "shared" / "data" / "lund2013"


def looks(
    *places: tuple[float, float], subject: str = "anna", stimulus: str = "a.png", before: float = 100.0
) -> Samples:
    """Fixations of 300 ms each at 500 Hz, the first of them under way at the onset; jumps are immediate."""
    xy = np.repeat(np.array(places, float), 150, 0)
    noise = np.random.default_rng(0).normal(0, 0.2, xy.shape)
    return Samples(subject, stimulus, np.arange(len(xy)) * 2.0 - before, xy + noise, SCREEN)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    save(folder / "a.png", np.full((200, 400, 3), 99, np.uint8))
    save(folder / "more" / "b.png", np.full((400, 400, 3), 99, np.uint8))
    return folder


def run(trials: Sequence[Samples], pictures: Path, **options: object) -> tuple[Items, Report, list[str]]:
    told: list[str] = []
    report = Report()
    return scanpaths(trials, pictures, report=report, tell=told.append, **options), report, told  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("placed", "want"),
    [("centre", [150, 50]), ("fit", [180, 80]), ("fill", [180, 87.5]), ("250,300,800,400", [100, 25])],
)
def test_fixations_move_to_the_pixels_of_the_picture(pictures: Path, placed: str, want: list[float]) -> None:
    ((picture, (path,)),), report, told = run([looks((500, 400), (450, 350))], pictures, placed=placed)
    assert (picture.name, picture.width, picture.height) == ("a.png", 400, 200)
    assert (path.subject, len(path)) == ("anna", 1)
    np.testing.assert_allclose(path.xy, [want], atol=0.3)
    assert 190 <= path.onset[0] <= 215
    assert 270 <= path.duration[0] <= 300
    assert (report.initial, report.off, report.fixations, report.samples, report.lost) == (1, 0, [1], 250, 0)
    assert told == []


def test_the_fixation_under_way_at_the_onset_may_be_kept(pictures: Path) -> None:
    trial = looks((500, 400), (450, 350), before=0)  # the recording begins with the picture
    assert len(run([trial], pictures)[0][0][1][0]) == 1
    assert len(run([trial], pictures, initial=True)[0][0][1][0]) == 2


@pytest.mark.parametrize("initial", [False, True])
def test_what_the_eye_did_before_the_picture_came_is_never_kept(pictures: Path, initial: bool) -> None:
    trial = looks((300, 300), (700, 500), (500, 400), (450, 350), before=700)  # the third is under way at the onset
    ((_, (path,)),), report, _ = run([trial], pictures, initial=initial)
    np.testing.assert_allclose(path.xy, [[200, 100], [150, 50]][not initial :], atol=0.3)
    assert report.initial == (not initial)


def test_a_fixation_under_way_when_the_recording_began_after_the_onset_is_left_out(pictures: Path) -> None:
    ((_, (path,)),), report, _ = run([looks((500, 400), (450, 350), before=-50)], pictures)
    np.testing.assert_allclose(path.xy, [[150, 50]], atol=0.3)
    assert report.initial == 1


def test_pictures_in_folders_are_found_by_as_much_of_the_path_as_fits(pictures: Path) -> None:
    for folder, side in (("indoor", 300), ("outdoor", 301)):
        (pictures / "set" / folder).mkdir(parents=True)
        save(pictures / "set" / folder / "001.jpg", np.zeros((side, side, 3), np.uint8))
    for stimulus in ("images/indoor/001.jpg", "D:\\exp\\INDOOR\\001.JPG", "indoor/001"):
        items, _, _ = run([looks((500, 400), (450, 350), stimulus=stimulus)], pictures)
        assert [picture.name for picture, _ in items] == ["set/indoor/001.jpg"]
    with pytest.raises(RecordingError, match=r"'else/001.jpg' may be set/indoor/001.jpg and set/outdoor/001.jpg"):
        run([looks((500, 400), (450, 350), stimulus="else/001.jpg")], pictures)


def test_a_trial_that_names_no_picture_is_said_to(pictures: Path) -> None:
    silent = looks((500, 400), (450, 350), stimulus="")
    with pytest.raises(
        RecordingError, match=r"no message, column or name says which.*name the picture with --stimulus"
    ):
        run([silent], pictures)
    _, _, told = run([looks((500, 400), (450, 350)), silent, looks((1, 2), stimulus="cross")], pictures)
    assert "no picture for 2 trials ('cross' (1)); they are left out" in told[0]
    assert "of 1 of them no message, column or name says the picture" in told[1]


def test_fixations_after_some_seconds_are_left_out(pictures: Path) -> None:
    trial = looks((500, 400), (450, 350), (550, 420), (450, 450))
    ((_, (path,)),), _, _ = run([trial], pictures, seconds=0.6)
    assert len(path) == 2


def test_pictures_are_found_by_any_form_of_their_name(pictures: Path) -> None:
    names = ["a", "A.PNG", "stimuli/a.png", "C:\\study\\a.png", "more/b.png", "b", "more\\b"]
    trials = [looks((500, 400), (450, 350), subject=f"s{i}", stimulus=name) for i, name in enumerate(names)]
    items, _, told = run(trials, pictures)
    assert {picture.name: len(paths) for picture, paths in items} == {"a.png": 4, "more/b.png": 3}
    assert told == []


def test_a_stimulus_without_a_picture_is_left_out_and_told(pictures: Path) -> None:
    trials = [looks((500, 400), (450, 350)), looks((500, 400), (450, 350), stimulus="cross.png")]
    items, report, told = run(trials, pictures)
    assert len(items) == 1
    assert report.unknown == {"cross.png": 1}
    assert told == [f"{pictures}: no picture for 1 trials ('cross.png' (1)); they are left out."]
    with pytest.raises(RecordingError, match="name the pictures like the stimuli"):
        run(trials[1:], pictures)


def test_two_pictures_of_one_name_are_refused(pictures: Path) -> None:
    save(pictures / "more" / "a.png", np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(RecordingError, match=r"'a' may be a\.png and more/a\.png; give pictures names of their own"):
        run([looks((500, 400), (450, 350), stimulus="a")], pictures)
    assert run([looks((500, 400), (450, 350), stimulus="more/a.png")], pictures)[0][0][0].width == 9


def test_of_several_looks_at_a_picture_the_first_is_kept_or_each_under_its_own_name(pictures: Path) -> None:
    trials = [looks((500, 400), (450, 350)), looks((500, 400), (550, 450)), looks((500, 400), (400, 450))]
    ((_, (path,)),), report, _ = run(trials, pictures)
    np.testing.assert_allclose(path.xy, [[150, 50]], atol=0.3)
    assert report.repeated == 2
    ((_, paths),), report, _ = run(trials, pictures, repeats="apart")
    assert [it.subject for it in paths] == ["anna", "anna#2", "anna#3"]
    assert report.repeated == 0


def test_fixations_beside_the_picture_are_kept_counted_and_told_when_they_are_most(pictures: Path) -> None:
    ((_, (path,)),), report, told = run([looks((500, 400), (100, 100), (120, 700))], pictures)
    assert len(path) == report.off == 2
    assert told == [
        "100% of the fixations are beside their picture; check the screen and where the pictures were placed on it."
    ]


def test_lost_samples_are_counted_and_told(pictures: Path) -> None:
    trial = looks((500, 400), (450, 350), (450, 350), (450, 350), before=0)
    xy = trial.xy.copy()
    xy[250:] = np.nan
    lost = Samples("anna", "a.png", trial.time, xy, SCREEN)
    _, report, told = run([lost], pictures)
    assert (report.samples, report.lost) == (600, 350)
    assert told == ["58% of the samples are lost; check the recording."]
    assert "500 samples a second, 58.3% of them lost" in str(report)


def test_a_trial_of_one_sample_has_no_fixation(pictures: Path) -> None:
    one = Samples("ben", "a.png", np.zeros(1), np.full((1, 2), 400.0), SCREEN)
    none = Samples("cem", "a.png", np.zeros(0), np.zeros((0, 2)), SCREEN)
    items, report, _ = run([one, none, looks((500, 400), (450, 350))], pictures)
    assert [path.subject for path in items[0][1]] == ["anna"]
    assert report.empty == 2
    with pytest.raises(GazeError, match=r"No fixation on any picture was found \(1 trials without a fixation\)"):
        run([one], pictures)
    with pytest.raises(GazeError, match=r"was found \(1 fixations under way at the onset, 1 trials without a fixation"):
        run([looks((500, 400))], pictures)
    lost = Samples("dan", "a.png", np.arange(9.0), np.full((9, 2), np.nan), SCREEN)
    with pytest.raises(GazeError, match=r"was found \(100% of the samples are lost, 1 trials without a fixation"):
        run([lost], pictures)
    with pytest.raises(GazeError, match=r"was found \(there was no trial\)"):
        run([], pictures)


@pytest.mark.parametrize("placed", ["middle", "1,2,3", "1,2,0,4", "1,2,3,4.5.6"])
def test_wrong_options_are_said(pictures: Path, placed: str) -> None:
    with pytest.raises(RecordingError, match=f"placed is '{placed}'; write centre, fit, fill, or x,y,w,h"):
        run([looks((500, 400))], pictures, placed=placed)
    with pytest.raises(RecordingError, match="choose first or apart"):
        run([looks((500, 400))], pictures, repeats="last")
    with pytest.raises(RecordingError, match="there is no such folder"):
        run([looks((500, 400))], pictures / "none")


def test_what_is_written_is_read_back_without_a_defect(pictures: Path, tmp_path: Path) -> None:
    trials = [looks((500, 400), (450, 350), (550, 420), subject=name) for name in ("anna", "ben")]
    items, _, _ = run(trials, pictures)
    write_table(tmp_path / "set", items)
    assert check_table(tmp_path / "set") == []
    ((picture, paths),) = read_table(tmp_path / "set")
    assert (picture.name, [path.subject for path in paths]) == ("a.png", ["anna", "ben"])
    np.testing.assert_allclose(paths[0].xy, items[0][1][0].xy)


@given(data=st.data())
def test_any_samples_give_a_data_set_or_a_sentence(pictures: Path, data: Any) -> None:
    steps = data.draw(st.lists(st.sampled_from([0.1, 2.0, 4.0, 50.0, 1e4]), max_size=60))
    values = st.sampled_from([math.nan, -1e6, 0.0, 0.5, 399.0, 401.0, 700.0, 1e9])
    xy = data.draw(st.lists(st.tuples(values, values), min_size=len(steps), max_size=len(steps)))
    time = np.cumsum([0.0, *steps])[1:] - data.draw(st.sampled_from([0.0, 20.0, 1e6]))
    samples = Samples("anna", "a", time, np.array(xy, float).reshape(-1, 2), SCREEN)
    method = data.draw(st.sampled_from(["adaptive", "ivt", "idt"]))
    try:
        items, _, _ = run([samples], pictures, method=method, initial=data.draw(st.booleans()))
    except GazeError as error:
        items = []
        said = str(error)
    else:
        said = "."
    assert said.endswith(".")
    assert all(np.isfinite(path.xy).all() and (path.duration > 0).all() for _, paths in items for path in paths)


@pytest.mark.slow
@pytest.mark.skipif(not LUND.is_dir(), reason="needs the recordings of ../shared/data/lund2013")
def test_recordings_of_lund_give_the_fixations_that_a_human_rater_gave() -> None:
    def trial(path: Path) -> Samples:
        subject, stimulus = path.stem.removeprefix("img__").split("_img_")
        names = {"time": "t_ms", "x": "x", "y": "y"}
        screen = Setup(1024, 768, 38, 30, 67)
        return next(
            delimited.read(path, screen, columns=names, subject=subject, stimulus=stimulus, tell=lambda _: None)
        )

    files = sorted((LUND / "samples").glob("img__*.csv"))
    items, report, told = run([trial(path) for path in files], LUND / "images", placed="fill", initial=True)
    assert told == []
    rated = {(picture.name, path.subject): path for picture, paths in by_rater(LUND) for path in paths}
    near = total = 0
    for picture, paths in items:
        for path in paths:
            human = rated[picture.name, path.subject]
            distance = np.linalg.norm(path.xy[:, None] - human.xy[None], axis=2)
            starts, ends = path.onset[:, None], (path.onset + path.duration)[:, None]
            together = (starts < human.onset + human.duration) & (ends > human.onset)
            near += int((np.where(together, distance, np.inf).min(1) < 10).sum())  # 20 of the screen: 0.6 degrees
            total += len(path)
    assert report.off / total < 0.02
    assert near / total > 0.95


def by_rater(root: Path) -> Items:
    """The set of the first rater, which the sets' own table keeps beside the second's."""
    import csv
    import tempfile

    with (root / "fixations.csv").open() as file, tempfile.TemporaryDirectory() as folder:
        rows = [row for row in csv.DictReader(file) if row.pop("rater") == "MN"]
        (Path(folder) / "images").symlink_to(root / "images")
        with (Path(folder) / "fixations.csv").open("w", newline="") as target:
            writer = csv.DictWriter(target, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        return list(read_table(folder))


def test_fixations_whose_onsets_are_unknown_are_kept_and_stay_so(tmp_path: Path, pictures: Path) -> None:
    unknown = np.full(3, np.nan)
    xy = np.array([[500.0, 400.0], [450.0, 350.0], [510.0, 390.0]])
    trial = Fixations("anna", "a.png", unknown, np.array([200.0, 150.0, 300.0]), xy, SCREEN)
    items, report, told = run([trial], pictures, seconds=0.1)  # type: ignore[list-item]
    assert (len(items[0][1][0]), told) == (3, [])
    np.testing.assert_allclose(items[0][1][0].duration, [200, 150, 300])
    assert np.isnan(items[0][1][0].onset).all()
    assert "samples" not in str(report)
    write_table(tmp_path / "set", items)
    assert np.isnan(next(iter(read_table(tmp_path / "set")))[1][0].onset).all()
