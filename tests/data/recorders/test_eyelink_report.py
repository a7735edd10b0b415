"""Fixation and sample reports of SR Research's Data Viewer, a real one among them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RecordingError
from data.gaze import Fixations, Samples, Screen
from data.recorders import detect_format
from data.recorders.eyelink_report import read
from tests.damage import assert_survives
from tests.data.recorders.real import recording

SCREEN = Screen(1024, 768, 38.0, 30.0, 67.0)
TIMES = ("CURRENT_FIX_START", "CURRENT_FIX_END", "CURRENT_FIX_DURATION")


def report(path: Path, leave_out: tuple[str, ...] = (), separator: str = "\t") -> Path:
    """Two people, two trials each, three fixations each; the last one of each trial has no place."""
    names = ["RECORDING_SESSION_LABEL", "TRIAL_INDEX", "CURRENT_FIX_X", "CURRENT_FIX_Y", *TIMES, "image"]
    rows = [
        [who, trial, 100.5 + i if i < 2 else ".", 200.5 if i < 2 else ".", 10 + 300 * i, 210 + 300 * i, 200, image]
        for who in ("anna", "ben")
        for trial, image in ((1, "a.jpg"), (2, "UNDEFINED"))
        for i in range(3)
    ]
    kept = [index for index, name in enumerate(names) if name not in leave_out]
    lines = [separator.join(str(row[index]) for index in kept) for row in [names, *rows]]
    path.write_text("\n".join(lines))
    return path


def all_of(path: Path, screen: Any = SCREEN, **options: Any) -> tuple[list[Any], list[str]]:
    told: list[str] = []
    return list(read(path, screen, tell=told.append, **options)), told


@pytest.mark.parametrize("separator", ["\t", ","])
@pytest.mark.parametrize("leave_out", [(), TIMES[1:2], TIMES[:1], TIMES[2:]])
def test_a_trial_of_a_person_has_the_fixations_of_the_report(
    tmp_path: Path, separator: str, leave_out: tuple[str, ...]
) -> None:
    path = report(tmp_path / "Output.csv", leave_out, separator)
    assert detect_format.detect(path) == "eyelink-report"
    found, told = all_of(path, stimulus="b.jpg")
    assert [(type(it), it.subject, it.stimulus, len(it)) for it in found] == [
        (Fixations, who, image, 2) for who in ("anna", "ben") for image in ("a.jpg", "b.jpg")
    ]
    for trial in found:
        np.testing.assert_allclose(trial.onset, [10, 310])
        np.testing.assert_allclose(trial.duration, 200)
        np.testing.assert_allclose(trial.xy, [[100.5, 200.5], [101.5, 200.5]])
    assert "4 of 12 fixations lack a place" in told[-1]


def test_onsets_that_are_in_no_column_stay_unknown_and_it_is_said(tmp_path: Path) -> None:
    found, told = all_of(report(tmp_path / "a.csv", TIMES[:2]))
    assert all(np.isnan(it.onset).all() for it in found)
    assert "no fixation has an onset" in told[-1]


def test_without_durations_the_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="neither CURRENT_FIX_DURATION nor both"):
        all_of(report(tmp_path / "a.csv", TIMES[1:]))
    (tmp_path / "c.csv").write_text("TRIAL_INDEX,TIMESTAMP\n1,2\n1,4\n")
    with pytest.raises(RecordingError, match="no columns of x and y of an eye"):
        all_of(tmp_path / "c.csv")
    with pytest.raises(RecordingError, match="no column CURRENT_FIX_Y"):
        all_of(report(tmp_path / "b.csv", ("CURRENT_FIX_Y",)))


def test_samples_of_both_eyes(tmp_path: Path) -> None:
    head = "RECORDING_SESSION_LABEL,TRIAL_INDEX,TIMESTAMP,SAMPLE_INDEX,LEFT_GAZE_X,LEFT_GAZE_Y,LEFT_IN_BLINK,"
    head += "RIGHT_GAZE_X,RIGHT_GAZE_Y,RIGHT_IN_BLINK,image"
    rows = [
        f"anna,{trial},{5000 * trial + 2 * i},{i},{'.,.' if i in (3, 4) else '500,300'},{int(i == 5)},"
        f"{'.,.' if i == 4 else '510,310'},{int(i == 5)},{trial}.jpg"
        for trial in (1, 2)
        for i in range(20)
    ]
    path = tmp_path / "samples.csv"
    path.write_text("\n".join([head, *rows]))
    assert detect_format.detect(path) == "eyelink-report"
    found, _ = all_of(path)
    assert [(type(it), it.subject, it.stimulus, len(it), it.time[0]) for it in found] == [
        (Samples, "anna", f"{trial}.jpg", 20, 0) for trial in (1, 2)
    ]
    assert np.flatnonzero(np.isnan(found[0].xy).all(1)).tolist() == [4, 5]
    np.testing.assert_allclose(found[0].xy[[0, 3]], [[505, 305], [505, 305]])


def test_a_real_report_without_onsets() -> None:
    path = recording("eyelink_reports/sbsat_fixation_report.csv")
    assert detect_format.detect(path) == "eyelink-report"
    (found,), told = all_of(path)
    assert (found.subject, found.stimulus, len(found)) == ("msd001", "reading-dickens-1", 112)
    np.testing.assert_allclose(found.xy[[0, -1]], [[59.8, 125.4], [819.9, 718.7]])
    assert (found.duration[0], found.duration[-1], np.isnan(found.onset).all()) == (22, 213, True)
    assert ["stimulus is 'page_name'" in told[0], "no fixation has an onset" in told[1]] == [True, True]
    assert {it.stimulus for it in all_of(path, stimulus_column="book_name")[0]} == {"dickens"}


@pytest.mark.parametrize(
    "name", ["eyelink_reports/eyelink_validation_187_mid_chinrest", "gazepoint/gp3_validation_187_mid_chinrest"]
)
def test_tables_of_targets_are_no_reports(name: str) -> None:
    assert detect_format.detect(recording(f"{name}.csv")) == "csv"


@given(data=st.data())
def test_a_damaged_report_gives_fixations_or_a_sentence(tmp_path: Path, data: Any) -> None:
    assert_survives(tmp_path / "a.csv", report(tmp_path / "whole.csv").read_bytes(), data, all_of)


def test_a_table_of_any_program_with_similar_columns_is_no_report(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("timestamp,left_gaze_x,left_gaze_y,right_gaze_x,right_gaze_y\n1,2,3,4,5\n")
    assert detect_format.detect(tmp_path / "a.csv") == "csv"
