"""Exports of Tobii Pro Lab and Studio: stimuli, units, validity, other sensors, coordinates of the picture."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RecordingError
from data.gaze import Samples
from data.recorders.stages.units import Setup
from data.recorders.tobii import read
from tests.damage import assert_survives

SETUP = Setup(1920, 1080, 53.0, 30.0, 65.0)
HEADER = [
    "Recording timestamp [μs]", "Sensor", "Participant name", "Recording name", "Recording resolution width [px]",
    "Recording resolution height [px]", "Event", "Gaze point X [DACS px]", "Gaze point Y [DACS px]", "Validity left",
    "Validity right", "Presented Stimulus name", "Eye movement type",
]  # fmt: skip


def export(path: Path, encoding: str = "utf-8-sig", comma: bool = False) -> Path:
    """A calibration, a picture, a pause, the picture again; every fifth row is of the mouse."""
    rows = ["\t".join(HEADER)]
    for number, name in enumerate(["Eyetracker Calibration", "forest.jpg", "", "forest.jpg"]):
        for i in range(30):
            time, lost = round((number * 30 + i) * 1e6 / 60), name and i == 10
            gaze = ["", "", "Invalid", "Invalid"] if lost else [f"{800 + i}.5", "500", "Valid", "Invalid"]
            rows.append(
                "\t".join([str(time), "Eye Tracker", "P01", "Recording1", "1920", "1080", "", *gaze, name, "Fixation"])
            )
            if i % 5 == 0:
                rows.append(
                    "\t".join(
                        [str(time + 3), "Mouse", "P01", "Recording1", "1920", "1080", "", "", "", "", "", name, ""]
                    )
                )
    text = "\n".join(rows) + "\n"
    path.write_bytes((text.replace(".5\t", ",5\t") if comma else text).encode(encoding))
    return path


def all_of(path: Path, screen: Any = SETUP, **options: Any) -> tuple[list[Samples], list[str]]:
    told: list[str] = []
    return list(read(path, screen, tell=told.append, **options)), told


@pytest.mark.parametrize(("encoding", "comma"), [("utf-8-sig", False), ("utf-16", True)])
def test_each_showing_of_a_picture_is_a_trial(tmp_path: Path, encoding: str, comma: bool) -> None:
    path = export(tmp_path / "p.tsv", encoding, comma)
    found, told = all_of(path, Setup(None, None, 53, 30, 65))
    assert [(it.subject, it.stimulus, len(it)) for it in found] == [("P01", "forest.jpg", 30)] * 2
    assert found[0].rate == pytest.approx(60, rel=1e-3)
    assert found[1].time[0] == 0
    np.testing.assert_allclose(found[0].xy[[0, 29]], [[800.5, 500], [829.5, 500]])
    assert np.isnan(found[0].xy[10]).all()
    assert (found[0].screen.width, found[0].screen.height) == (1920, 1080)
    assert told == []


def test_a_studio_export_is_read_with_the_position_of_the_picture(tmp_path: Path) -> None:
    header = "ParticipantName;MediaName;MediaPosX (ADCSpx);MediaPosY (ADCSpx);RecordingTimestamp;GazePointIndex;"
    header += "GazePointX (MCSpx);GazePointY (MCSpx);ValidityLeft;ValidityRight"
    rows = [f"P1;a.jpg;448;156;{8 + 17 * i};{i + 1};{300 + i};200;{0 if i else 4};4" for i in range(20)]
    rows.insert(3, "P1;a.jpg;448;156;50;;;;;")  # a click
    (tmp_path / "s.tsv").write_text("\n".join([header, *rows]).replace(";", "\t"))
    (found,), _ = all_of(tmp_path / "s.tsv")
    assert (found.subject, found.stimulus, len(found)) == ("P1", "a.jpg", 20)
    np.testing.assert_allclose(found.xy[1], [749, 356])
    assert np.isnan(found.xy[0]).all()
    (tmp_path / "s.tsv").write_text("\n".join([header.replace("MediaPos", "No"), *rows]).replace(";", "\t"))
    with pytest.raises(RecordingError, match=r"count from the picture's corner \(MCS\); export Gaze point X"):
        all_of(tmp_path / "s.tsv")


def test_times_without_a_unit_are_recognised(tmp_path: Path) -> None:
    for divisor, header in (
        (1, "Recording timestamp"),
        (1000, "Recording timestamp"),
        (1000, "Recording timestamp [ms]"),
    ):
        lines = export(tmp_path / "p.tsv").read_text("utf-8-sig").splitlines()
        cells = [line.split("\t") for line in lines[1:]]
        rows = ["\t".join([str(int(time) / divisor), *rest]) for time, *rest in cells]
        (tmp_path / "p.tsv").write_text("\n".join([lines[0].replace("Recording timestamp [μs]", header), *rows]))
        assert all_of(tmp_path / "p.tsv")[0][0].rate == pytest.approx(60, rel=1e-3)


def test_what_lacks_gaze_or_a_stimulus_is_said(tmp_path: Path) -> None:
    path = export(tmp_path / "p.tsv")
    text = path.read_text("utf-8-sig")
    for old, new, sentence in (
        ("Gaze point X", "Fixation point X", "not a Tobii export with samples"),
        ("forest.jpg", "", "no stimulus is named in 'Presented Stimulus name'"),
        ("Eye Tracker", "Mouse", "no row of it is a sample"),
        ("1080", "1200", "recorded on a screen of 1920 x 1200 pixels"),
    ):
        path.write_text(text.replace(old, new))
        with pytest.raises(RecordingError, match=sentence):
            all_of(path)
    path.write_text(text.replace("Gaze point Y", "Gaze Y"))
    with pytest.raises(RecordingError, match="no column 'Gaze point Y"):
        all_of(path)


@pytest.mark.parametrize("blank", [" ", "_"])
def test_headers_in_lower_case_name_x_and_y(tmp_path: Path, blank: str) -> None:
    path = export(tmp_path / "p.tsv")
    header, rest = path.read_text("utf-8-sig").split("\n", 1)
    path.write_text(header.lower().replace(" ", blank) + "\n" + rest)
    np.testing.assert_allclose(all_of(path)[0][0].xy[0], [800.5, 500])


def test_a_picture_shown_smaller_is_scaled_and_one_of_no_size_is_lost(tmp_path: Path) -> None:
    header = "ParticipantName;MediaName;MediaPosX (ADCSpx);MediaPosY (ADCSpx);MediaWidth;MediaHeight;"
    header += "Original media width;Original media height;RecordingTimestamp;GazePointX (MCSpx);GazePointY (MCSpx)"
    for original, want in ((1600, [448 + 150, 156 + 50]), (0, [np.nan, np.nan])):
        rows = [f"P1;a.jpg;448;156;800;600;{original};2400;{17 * i};300;200" for i in range(20)]
        (tmp_path / "s.tsv").write_text("\n".join([header, *rows]).replace(";", "\t"))
        (found,), told = all_of(tmp_path / "s.tsv")
        np.testing.assert_allclose(found.xy[0], want)
        assert told == []
    rows = [row.replace(";300;200", ";4300;200") for row in rows]
    (tmp_path / "s.tsv").write_text("\n".join([header, *rows]).replace(";0;2400;", ";800;600;").replace(";", "\t"))
    assert "more than one screen away" in all_of(tmp_path / "s.tsv")[1][0]


def test_two_recordings_of_one_person_are_two_trials(tmp_path: Path) -> None:
    header = "Recording timestamp [ms]\tParticipant name\tRecording name\tGaze point X\tGaze point Y\tMedia name"
    rows = [f"{17 * i}\tP\t{name}\t{x}\t500\ta.jpg" for name, x in (("R1", 700), ("R2", 900)) for i in range(20)]
    shifted = [row if "R1" in row else f"{int(row.split(chr(9))[0]) + 5000}\t{row.split(chr(9), 1)[1]}" for row in rows]
    (tmp_path / "p.tsv").write_text("\n".join([header, *shifted]))
    found, _ = all_of(tmp_path / "p.tsv")
    assert [(len(it), it.xy[0, 0], it.time[0]) for it in found] == [(20, 700, 0), (20, 900, 0)]


def test_rows_of_events_are_no_samples_but_lost_samples_are(tmp_path: Path) -> None:
    header = "Recording timestamp [ms]\tEvent\tGaze point X\tGaze point Y\tMedia name"
    rows = [f"{17 * i}\t\t{700 if i else ''}\t500\ta.jpg" for i in range(20)]
    rows.insert(5, "70\tKeyboardEvent\t\t\ta.jpg")
    (tmp_path / "p.tsv").write_text("\n".join([header, *rows]))
    (found,), _ = all_of(tmp_path / "p.tsv")
    assert (len(found), int(np.isnan(found.xy[:, 0]).sum())) == (20, 1)


@given(data=st.data())
def test_a_damaged_export_gives_samples_or_a_sentence(tmp_path: Path, data: Any) -> None:
    assert_survives(tmp_path / "a.tsv", export(tmp_path / "whole.tsv").read_bytes(), data, all_of)
