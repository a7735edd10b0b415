"""iMotions: lines about the study, rows of many sensors, media that start and end, lost eyes of -1."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders import detect_format
from data.recorders.imotions import read
from tests.damage import assert_survives

SCREEN = Screen(1920, 1080, 50.9, 28.6, 65.0)
HEAD = "#INFO\n#Study name,Faces\n#Respondent Name,Anna\n#METADATA\n#DATA\n"
COLUMNS = "Row,Timestamp,EventSource,SlideEvent,SourceStimuliName,ET_GazeLeftx,ET_GazeLefty,ET_GazeRightx,ET_GazeRighty"


def export(path: Path, events: bool = True, head: str = HEAD, separator: str = ",") -> Path:
    """120 samples a second, 40 of each of two pictures, a row of another sensor after each; half a second between."""
    codes = {3: "-1,-1,-1,-1", 4: "-1,-1,820,510", 5: "800,500,-1,-1"}
    rows = []
    for number, name in enumerate("ab"):
        begin = 1000 * number
        rows += [f"{begin:.1f},1,StartMedia,{name}.jpg,,,,"] if events else []
        for i in range(40):
            time = begin + 1 + 8.333 * i
            rows += [f"{time:.3f},2,,{name}.jpg,{codes.get(i, '800,500,820,510')}", f"{time + 1:.3f},3,,{name}.jpg,,,,"]
        rows += [f"{begin + 300:.1f},1,EndMedia,{name}.jpg,,,,"] if events else []
    body = "\n".join([COLUMNS, *(f"{i},{row}" for i, row in enumerate(rows))])
    path.write_text(head + body.replace(",", separator) + "\n")
    return path


def all_of(path: Path, screen: Any = SCREEN, **options: Any) -> tuple[list[Samples], list[str]]:
    told: list[str] = []
    return list(read(path, screen, tell=told.append, **options)), told


@pytest.mark.parametrize("head", [HEAD, HEAD.replace("#", '"#').replace("\n", '"\n'), HEAD.replace("#METADATA\n", "")])
def test_a_medium_from_start_to_end_is_a_trial(tmp_path: Path, head: str) -> None:
    path = export(tmp_path / "001_Anna.csv", head=head)
    assert detect_format.detect(path) == "imotions"
    found, _ = all_of(path)
    assert [(it.subject, it.stimulus) for it in found] == [("Anna", f"{name}.jpg") for name in "ab"]
    for trial in found:  # what was recorded after the end of the first is before the onset of the second
        shown = trial.time >= 0
        assert (shown.sum(), round(trial.time[shown][0]), round(trial.time[-1])) == (36, 1, 293)
        assert trial.rate == pytest.approx(120, rel=1e-3)
        assert np.flatnonzero(np.isnan(trial.xy[shown]).all(1)).tolist() == [3]
        np.testing.assert_allclose(trial.xy[shown][[0, 4, 5]], [[810, 505]] * 3)


@pytest.mark.parametrize("separator", [",", "\t"])
def test_without_events_a_stretch_of_one_stimulus_is_a_trial(tmp_path: Path, separator: str) -> None:
    path = export(tmp_path / "anna.txt", events=False, head="", separator=separator)
    assert detect_format.detect(path) == "imotions"
    found, _ = all_of(path)
    assert [(it.subject, it.stimulus, len(it), it.time[0]) for it in found] == [
        ("anna", f"{name}.jpg", 40, 0) for name in "ab"
    ]
    assert [it.stimulus for it in all_of(path, stimulus_column="SourceStimuliName")[0]] == ["a.jpg", "b.jpg"]


def test_an_export_without_an_eye_tracker_says_what_to_export(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEAD + "Timestamp,SourceStimuliName,GSR\n1,a.jpg,2\n")
    assert detect_format.detect(path) == "imotions"
    with pytest.raises(RecordingError, match="no column ET_GazeLeftx"):
        all_of(path)
    path.write_text(HEAD + f"{COLUMNS}\n1,2,3,,a.jpg,,,,\n")
    with pytest.raises(RecordingError, match="no row of it is a sample of an eye tracker"):
        all_of(path)


@given(data=st.data())
def test_a_damaged_export_gives_samples_or_a_sentence(tmp_path: Path, data: Any) -> None:
    assert_survives(tmp_path / "a.csv", export(tmp_path / "whole.csv").read_bytes()[:2500], data, all_of)
