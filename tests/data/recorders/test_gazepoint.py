"""Gazepoint Analysis: samples with validity, clocks that begin anew with each medium, and its own fixations."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RecordingError
from data.gaze import Fixations, Samples, Screen
from data.recorders import detect_format
from data.recorders.gazepoint import read
from tests.damage import assert_survives

SCREEN = Screen(1000, 500, 50.0, 25.0, 60.0)
HEAD = "MEDIA_ID,MEDIA_NAME,CNT,TIME(2023/05/26 10:20:30.123),TIMETICK(f=10000000),FPOGX,FPOGY,FPOGS,FPOGD,FPOGID,FPOGV"


def all_gaze(path: Path, lost: tuple[int, ...] = (), media: str = "aabb") -> Path:
    """60 samples a second, 30 of each medium in turn, with a clock from 0 in each; of lost ones y is stale."""
    rows = []
    for number, name in enumerate(media):
        for i in range(30):
            valid = int(i not in lost)
            fixation = f"0.25,0.5,{0:.5f},{i / 60:.5f},1,{valid}"
            tick = 696216388878 + 166667 * (30 * number + i)
            rows.append(
                f"{number},{name}.jpg,{i + 1},{i / 60:.5f},{tick},{fixation},{0.25 if valid else 0},0.5,{valid},"
            )
    path.write_text("\n".join([f"{HEAD},BPOGX,BPOGY,BPOGV,", *rows]) + "\n")
    return path


def all_of(path: Path, screen: Any = SCREEN, **options: Any) -> tuple[list[Any], list[str]]:
    told: list[str] = []
    return list(read(path, screen, tell=told.append, **options)), told


def test_samples_are_shares_of_the_screen_and_each_showing_of_a_medium_is_a_trial(tmp_path: Path) -> None:
    path = all_gaze(tmp_path / "User 0_all_gaze.csv", lost=(3, 4))
    assert detect_format.detect(path) == "gazepoint"
    found, _ = all_of(path)
    assert [type(it) for it in found] == [Samples] * 4
    assert [(it.subject, it.stimulus, len(it), it.time[0]) for it in found] == [
        ("User 0", f"{name}.jpg", 30, 0.0) for name in "aabb"
    ]
    for trial in found:
        np.testing.assert_allclose(trial.xy[0], [250, 250])
        assert np.flatnonzero(np.isnan(trial.xy).all(1)).tolist() == [3, 4]
        assert trial.rate == pytest.approx(60, rel=1e-3)


@pytest.mark.parametrize("clock", ["TIME", "TIME(2024/01/01 00:00:00.000)", "Time"])
def test_the_clock_is_in_seconds_however_its_column_is_written(tmp_path: Path, clock: str) -> None:
    path = all_gaze(tmp_path / "a_all_gaze.csv", media="a")
    path.write_text(path.read_text().replace("TIME(2023/05/26 10:20:30.123)", clock))
    assert all_of(path)[0][0].rate == pytest.approx(60, rel=1e-3)


def test_ticks_are_a_clock_where_no_other_is(tmp_path: Path) -> None:
    path = all_gaze(tmp_path / "a_all_gaze.csv", media="a")
    path.write_text(path.read_text().replace("TIME(2023/05/26 10:20:30.123)", "WHEN"))
    assert all_of(path)[0][0].rate == pytest.approx(60, rel=1e-3)
    path.write_text(path.read_text().replace("TIMETICK(f=10000000)", "TICK"))
    with pytest.raises(RecordingError, match="no column TIME"):
        all_of(path)
    path.write_text("TIME,LPMM,\n0,3.5,\n")
    with pytest.raises(RecordingError, match="no column BPOGX"):
        all_of(path)


def test_places_far_outside_and_exact_zeros_are_lost_whatever_their_validity(tmp_path: Path) -> None:
    head = "TIME,BPOGX,BPOGY,BPOGV"
    rows = [
        f"{i / 60:.5f},{xy},1" for i, xy in enumerate(["0.5,0.5"] * 9 + ["0,0", "2.5,0.5", "1.4,-0.3", "9999,9999"])
    ]
    (tmp_path / "a.csv").write_text("\n".join([head, *rows]))
    (found,), _ = all_of(tmp_path / "a.csv")
    assert np.flatnonzero(np.isnan(found.xy).all(1)).tolist() == [9, 10, 12]
    np.testing.assert_allclose(found.xy[11], [1400, -150])


def test_where_one_eye_is_lost_the_other_stands_in(tmp_path: Path) -> None:
    head = "TIME,LPOGX,LPOGY,LPOGV,RPOGX,RPOGY,RPOGV"
    rows = [f"{i / 60:.5f},0.4,0.5,1,0.6,0.5,{int(i != 3)}" for i in range(9)]
    (tmp_path / "a.csv").write_text("\n".join([head, *rows]))
    (found,), _ = all_of(tmp_path / "a.csv")
    np.testing.assert_allclose(found.xy, np.tile([500.0, 250.0], (9, 1)))


def fixation_rows(path: Path, more: str = "") -> Path:
    rows = [
        f"{medium},{name}.jpg,{i},{begin + 0.2},0,{0.1 * i + 0.1},0.5,{begin},0.2,{i},{valid}{more}"
        for medium, name in enumerate("ab")
        for i, begin, valid in ((1, 0.1, 1), (2, 0.4, 1), (3, 0.7, 0))
    ]
    path.write_text("\n".join([HEAD + ",BPOGX,BPOGY,BPOGV" * bool(more) + ",", *(f"{row}," for row in rows)]) + "\n")
    return path


@pytest.mark.parametrize("more", ["", ",0.9,0.9,1"])
def test_a_file_of_fixations_gives_the_makers_own(tmp_path: Path, more: str) -> None:
    found, _ = all_of(fixation_rows(tmp_path / "User 0_fixations.csv", more))
    assert all(isinstance(it, Fixations) for it in found)
    assert [(it.subject, it.stimulus, it.onset.tolist()) for it in found] == [
        ("User 0", "a.jpg", [100, 400]),
        ("User 0", "b.jpg", [100, 400]),
    ]
    np.testing.assert_allclose(found[0].xy, [[200, 250], [300, 250]])
    np.testing.assert_allclose(found[0].duration, [200, 200])


def test_of_samples_that_hold_fixations_only_the_last_row_of_each_is_one(tmp_path: Path) -> None:
    rows = [
        f"{i / 60:.5f},{0.2 if i < 9 else 0.8},0.5,{0.0 if i < 9 else 0.15},{(i % 9 + 1) / 60},{1 + i // 9},1"
        for i in range(18)
    ]
    (tmp_path / "a.csv").write_text("\n".join(["TIME,FPOGX,FPOGY,FPOGS,FPOGD,FPOGID,FPOGV", *rows]))
    (found,), _ = all_of(tmp_path / "a.csv")
    np.testing.assert_allclose(found.duration, [150, 150])
    np.testing.assert_allclose(found.onset, [0, 150])
    np.testing.assert_allclose(found.xy[:, 0], [200, 800])


def test_of_a_folder_only_the_samples_are_read(tmp_path: Path) -> None:
    samples = all_gaze(tmp_path / "User 0_all_gaze.csv")
    fixation_rows(tmp_path / "User 0_fixations.csv")
    other = fixation_rows(tmp_path / "User 1_fixations.csv", ",0.9,0.9,1")
    told: list[str] = []
    assert detect_format.files([tmp_path], told.append) == [samples, other]
    assert "left out are User 0_fixations.csv" in told[0]


def test_a_column_may_name_the_pictures(tmp_path: Path) -> None:
    found, _ = all_of(all_gaze(tmp_path / "a.csv", media="a"), stimulus_column="MEDIA_ID")
    assert found[0].stimulus == "0"
    with pytest.raises(RecordingError, match="no column 'picture'"):
        all_of(tmp_path / "a.csv", stimulus_column="picture")


@given(data=st.data())
def test_a_damaged_export_gives_samples_or_a_sentence(tmp_path: Path, data: Any) -> None:
    whole = all_gaze(tmp_path / "whole.csv", media="a").read_bytes()[:1500]
    assert_survives(tmp_path / "a.csv", whole, data, all_of)
