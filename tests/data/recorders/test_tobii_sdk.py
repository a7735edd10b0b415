"""Tobii's gaze data written through its SDKs: validity, both eyes, two real recordings."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders import detect_format
from data.recorders.tobii_sdk import read
from tests.damage import assert_survives
from tests.data.recorders.real import recording

SCREEN = Screen(1920, 1080, 50.9, 28.6, 65.0)
OLD = "Time\tLGazePos2dx\tLGazePos2dy\tLValidity\tRGazePos2dx\tRGazePos2dy\tRValidity"
NEW = OLD.replace("Time", "device_time_stamp").replace("Pos2d", "_gaze_point_on_display_area_")
NEW = NEW.replace("LGaze", "left").replace("RGaze", "right").replace("LValidity", "left_gaze_point_validity")
NEW = NEW.replace("RValidity", "right_gaze_point_validity")


def gaze(path: Path, new: bool = False, count: int = 30) -> Path:
    """300 samples a second; 3: both eyes lost, 4: the left lost, 5: the right probably not found."""
    codes = {3: (4, 4), 4: (4, 0), 5: (1, 3)}
    rows = []
    for i in range(count):
        row = [str(2_598_385_135 + 3333 * i)]
        for side, code in enumerate(codes.get(i, (0, 0))):
            lost = code == 4
            place = (["nan", "nan"] if new else ["-1.0000", "-1.0000"]) if lost else [f"{0.4 + side / 10}", "0.5000"]
            row += [*place, str(int(code < 2) if new else code)]
        rows.append("\t".join(row))
    path.write_text("\n".join([NEW if new else OLD, *rows]))
    return path


def all_of(path: Path, screen: Any = SCREEN, **options: Any) -> tuple[list[Samples], list[str]]:
    told: list[str] = []
    return list(read(path, screen, tell=told.append, **options)), told


@pytest.mark.parametrize("new", [False, True])
def test_an_eye_is_lost_by_its_validity_and_the_other_stands_in(tmp_path: Path, new: bool) -> None:
    path = gaze(tmp_path / "4.tsv", new)
    assert detect_format.detect(path) == "tobii-sdk"
    (found,), told = all_of(path, subject="anna")
    assert (found.subject, found.stimulus, found.time[0], told) == ("anna", "4", 0, [])
    assert found.rate == pytest.approx(300, rel=1e-3)
    assert np.flatnonzero(np.isnan(found.xy).all(1)).tolist() == [3]
    np.testing.assert_allclose(found.xy[[0, 4, 5]], [[864, 540]] * 3)


def test_codes_are_lost_without_any_validity(tmp_path: Path) -> None:
    path = gaze(tmp_path / "a.tsv")
    path.write_text(path.read_text().replace("Validity", "Quality"))
    (found,), _ = all_of(path, stimulus="b.jpg")
    assert (found.stimulus, np.flatnonzero(np.isnan(found.xy).all(1)).tolist()) == ("b.jpg", [3])
    whole = path.read_text()
    path.write_text(whole.replace("Pos2dy", "Pos3dy"))
    with pytest.raises(RecordingError, match="no columns of x and y of an eye"):
        all_of(path)
    path.write_text(whole.replace("Time", "When"))
    with pytest.raises(RecordingError, match="no column Time"):
        all_of(path)


@pytest.mark.parametrize(("name", "count", "lost"), [("p1_4", 434, 9), ("p2_1", 1210, 113)])
def test_a_real_recording_of_a_tx300(name: str, count: int, lost: int) -> None:
    path = recording(f"tobii/i2mc_tobii_tx300_{name}.tsv")
    assert detect_format.detect(path) == "tobii-sdk"
    (found,), _ = all_of(path, stimulus="a.jpg")
    assert (len(found), np.isnan(found.xy).any(1).sum(), found.stimulus) == (count, lost, "a.jpg")
    assert found.rate == pytest.approx(298.3, abs=0.1)
    measured = found.xy[np.isfinite(found.xy).all(1)]
    assert ((measured >= 0) & (measured < (1920, 1080))).all(1).mean() > 0.99


@given(data=st.data())
def test_a_damaged_file_gives_samples_or_a_sentence(tmp_path: Path, data: Any) -> None:
    assert_survives(tmp_path / "a.tsv", gaze(tmp_path / "whole.tsv").read_bytes(), data, all_of)
