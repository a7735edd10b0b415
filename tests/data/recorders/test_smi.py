"""SMI: iView X and BeGaze exports of samples with messages, blinks and both eyes; exports of events."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RecordingError
from data.gaze import Fixations, Samples, Screen
from data.recorders import detect_format
from data.recorders.smi import read
from data.recorders.stages.units import Setup
from tests.damage import assert_survives

HEAD = """## [iView]
## Converted from:\tC:\\test.idf
## Sample Rate:\t500
## [Run]
## Subject:\tP01
## [Calibration]
## Calibration Area:\t1680\t1050
## [Geometry]
## Stimulus Dimension [mm]:\t474\t297
## Head Distance [mm]:\t700
## Format:\tLEFT, RIGHT, POR, MSG
##
"""
COLUMNS = "Time\tType\tTrial\tL POR X [px]\tL POR Y [px]\tR POR X [px]\tR POR Y [px]\tL Event Info\tR Event Info"
START = 8_006_667_512


def idf(path: Path, pictures: str = "ab", messages: bool = True, head: str = HEAD, comma: bool = False) -> Path:
    """A trial of 50 samples at 500 Hz for each picture, whose message comes 3 ms after the trial's first sample."""
    lines = []
    for trial, name in enumerate(pictures, 1):
        for i in range(50):
            time = START + 1_000_000 * trial + 2000 * i
            if messages and i == 2:
                lines.append(f"{time - 1000}\tMSG\t{trial}\t# Message: {name}.jpg")
            left, right, info = "800.00\t500.00", "820.00\t510.00", "Fixation\tFixation"
            if i == 10:  # both eyes lost
                left = right = "0.00\t0.00"
            elif i == 11:  # stale places in a blink
                info = "Blink\tBlink"
            elif i == 12:  # the left eye lost
                left = "0.00\t0.00"
            lines.append(f"{time}\tSMP\t{trial}\t{left}\t{right}\t{info}")
    body = "\n".join([COLUMNS, f"{START}\tMSG\t1\t# Message: hello", *lines]) + "\n"
    path.write_text(head + (body.replace(".00", ",00") if comma else body))
    return path


def all_of(path: Path, screen: Any = None, **options: Any) -> tuple[list[Any], list[str]]:
    told: list[str] = []
    return list(read(path, screen, tell=told.append, **options)), told


@pytest.mark.parametrize("comma", [False, True])
def test_messages_that_name_pictures_begin_trials_and_the_header_says_the_screen(tmp_path: Path, comma: bool) -> None:
    path = idf(tmp_path / "run_samples.txt", comma=comma)
    assert detect_format.detect(path) == "smi"
    found, told = all_of(path)
    assert [(type(it), it.subject, it.stimulus) for it in found] == [(Samples, "P01", f"{name}.jpg") for name in "ab"]
    first = found[0]
    assert first.screen == Screen(1680, 1050, 47.4, 29.7, 70.0)
    np.testing.assert_allclose(first.time[:3], [-3, -1, 1])
    assert first.rate == pytest.approx(500)
    assert (len(first), len(found[1])) == (50, 50)
    np.testing.assert_allclose(first.xy[0], [810, 505])
    assert np.flatnonzero(np.isnan(first.xy).all(1)).tolist() == [10, 11]
    np.testing.assert_allclose(first.xy[12], [810, 505])
    assert told == []


def test_a_trial_without_a_picture_is_not_that_of_the_one_before(tmp_path: Path) -> None:
    path = idf(tmp_path / "a.txt", "abc")
    path.write_text(path.read_text().replace("# Message: b.jpg", "# Message: key"))
    found, _ = all_of(path)
    assert [(it.stimulus, len(it)) for it in found] == [("a.jpg", 50), ("", 50), ("c.jpg", 50)]
    assert [it.stimulus for it in all_of(path, stimulus="d.jpg")[0]] == ["a.jpg", "d.jpg", "c.jpg"]


def test_rows_may_end_before_columns_that_are_empty(tmp_path: Path) -> None:
    path = idf(tmp_path / "a.txt")
    path.write_text(path.read_text().replace("R Event Info", "R Event Info\tStimulus\tAux1"))
    assert [(it.stimulus, len(it)) for it in all_of(path)[0]] == [("a.jpg", 50), ("b.jpg", 50)]


def test_without_messages_each_trial_is_one(tmp_path: Path) -> None:
    found, _ = all_of(idf(tmp_path / "a.txt", messages=False), subject="anna", stimulus="c.jpg")
    assert [(it.subject, it.stimulus, len(it), it.time[0]) for it in found] == [("P01", "c.jpg", 50, 0)] * 2


def test_what_the_header_does_not_say_of_the_screen_is_asked_for(tmp_path: Path) -> None:
    head = HEAD.replace("\t700", "\t0").replace("\t474\t297", "")
    with pytest.raises(
        RecordingError, match="does not say of the screen its width in cm, height in cm, distance in cm"
    ):
        all_of(idf(tmp_path / "a.txt", head=head))
    found, _ = all_of(tmp_path / "a.txt", Setup(width_cm=40.0, height_cm=30.0, distance_cm=60.0))
    assert found[0].screen == Screen(1680, 1050, 40.0, 30.0, 60.0)
    one = HEAD.replace("\t1680\t1050", "\t1680 1050").replace("## Subject:\tP01", "## Subject:")
    assert all_of(idf(tmp_path / "b.txt", head=one))[0][0].subject == "b"


@pytest.mark.parametrize(("separator", "ending"), [(",", ".csv"), ("\t", ".txt")])
def test_begaze_names_stimulus_and_participant_in_columns(tmp_path: Path, separator: str, ending: str) -> None:
    names = ["RecordingTime [ms]", "Stimulus", "Participant", "Trial", "Category Binocular"]
    names += ["Point of Regard Binocular X [px]", "Point of Regard Binocular Y [px]"]
    rows = [
        [f"{5000 + 8.333 * i:.3f}", "a.jpg" if i < 30 else "b.jpg", "Ann", "Trial001", what, x, "200.5"]
        for i in range(60)
        for what, x in [("Blink", "-") if i == 5 else ("Visual Intake", "300.5")]
    ]
    path = tmp_path / f"export{ending}"
    path.write_text("\n".join(separator.join(row) for row in [names, *rows]))
    assert detect_format.detect(path) == "smi"
    found, _ = all_of(path, Screen(1680, 1050, 47.4, 29.7, 70.0))
    assert [(it.subject, it.stimulus, len(it)) for it in found] == [("Ann", "a.jpg", 30), ("Ann", "b.jpg", 30)]
    assert np.flatnonzero(np.isnan(found[0].xy).all(1)).tolist() == [5]
    assert found[0].rate == pytest.approx(120, rel=1e-3)
    assert [it.stimulus for it in all_of(path, found[0].screen, stimulus_column="Trial")[0]] == ["Trial001"]


def events(path: Path) -> Path:
    rows = ["UserEvent\t1\t1\t8006667512\t# Message: hello", "UserEvent\t1\t2\t8006668000\t# Message: a.jpg"]
    rows += ["Fixation L\t1\t9\t8006567512\t0\t150000\t840.00\t525.00\t1\t1"]  # under way when the picture came
    rows += [f"Fixation L\t1\t{i}\t{8006668512 + 300000 * i}\t0\t200000\t{100 + i}.5\t417.50\t1\t1" for i in range(3)]
    rows += ["Fixation R\t1\t1\t8006668512\t0\t200000\t803.12\t417.50\t1\t1"]
    rows += ["Saccade L\t1\t1\t8006668512\t0\t200000\t1\t2\t3\t4", "Blink L\t1\t1\t8006668512\t0\t200000"]
    rows += [f"Fixation L\t2\t{i}\t{9006668512 + 300000 * i}\t0\t200000\t0.00\t0.00\t1\t1" for i in range(1)]
    rows += [f"Fixation L\t2\t{i}\t{9006968512 + 300000 * i}\t0\t200000\t20.00\t30.00\t1\t1" for i in range(2)]
    names = "Event Type\tTrial\tNumber\tStart\tEnd\tDuration\tLocation X\tLocation Y\tDispersion X\tDispersion Y"
    path.write_text(HEAD + f"Table Header for Fixations:\n{names}\n\n" + "\n".join(rows) + "\n")
    return path


def test_events_give_the_fixations_of_one_eye(tmp_path: Path) -> None:
    path = events(tmp_path / "run_events.txt")
    assert detect_format.detect(path) == "smi"
    found, told = all_of(path, stimulus="other.jpg")
    assert [(type(it), it.stimulus, len(it)) for it in found] == [(Fixations, "a.jpg", 4), (Fixations, "other.jpg", 2)]
    np.testing.assert_allclose(found[0].onset, [-100.488, 0.512, 300.512, 600.512])
    np.testing.assert_allclose(found[0].duration, [150, 200, 200, 200])
    np.testing.assert_allclose(found[0].xy[3], [102.5, 417.5])
    assert [any(word in it for it in told) for word in ("L is taken", "1 of 7 fixations")] == [True, True]


def test_an_export_without_places_or_times_says_what_to_export(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(HEAD + "Time\tType\tTrial\tL Dia X [px]\n1000\tSMP\t1\t3\n3000\tSMP\t1\t3\n")
    with pytest.raises(RecordingError, match="export the points of regard"):
        all_of(path)
    path.write_text(HEAD + "Type\tTrial\tL POR X [px]\tL POR Y [px]\nSMP\t1\t3\t4\n")
    with pytest.raises(RecordingError, match="no column Time"):
        all_of(path)


@given(data=st.data(), make=st.sampled_from([idf, events]))
def test_a_damaged_export_gives_samples_or_a_sentence(tmp_path: Path, data: Any, make: Any) -> None:
    assert_survives(tmp_path / "a.txt", make(tmp_path / "whole.txt").read_bytes()[:2500], data, all_of)
