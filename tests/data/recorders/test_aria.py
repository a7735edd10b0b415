"""Project Aria: directions in the glasses' frame become pixels of a rectified view; four real files."""

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders import detect_format
from data.recorders.aria import read
from data.recorders.stages.units import Setup
from tests.damage import assert_survives
from tests.data.recorders.real import recording

VIEW = Screen(1000, 800, 200.0, 160.0, 100.0)  # 500 pixels for a tangent of 1
ONE = "tracking_timestamp_us,yaw_rads_cpf,pitch_rads_cpf,depth_m"
TWO = "tracking_timestamp_us,left_yaw_rads_cpf,right_yaw_rads_cpf,pitch_rads_cpf,depth_m"


def mps(path: Path, rows: list[str], head: str = ONE) -> Path:
    path.write_text("\n".join([head, *(f"{148_502_622 + 100_000 * i},{row}" for i, row in enumerate(rows))]))
    return path


def all_of(path: Path, screen: Any = VIEW, **options: Any) -> tuple[list[Samples], list[str]]:
    told: list[str] = []
    return list(read(path, screen, tell=told.append, **options)), told


def test_yaw_is_to_the_wearers_left_and_pitch_is_up(tmp_path: Path) -> None:
    angle = math.atan(0.5)
    path = mps(
        tmp_path / "eyegaze.csv", ["0,0,", f"{angle},0,1", f"0,{angle},1", f"{-angle},{-angle},1", ",,", "1.6,0,1"]
    )
    assert detect_format.detect(path) == "aria"
    (found,), told = all_of(path, subject="anna", stimulus="frame.png")
    assert (found.subject, found.stimulus, found.time[1]) == ("anna", "frame.png", 100)
    np.testing.assert_allclose(found.xy[:4], [[500, 400], [250, 400], [500, 150], [750, 650]], atol=0.01)
    assert np.isnan(found.xy[4:]).all()
    assert ["scene camera, which moves with the head" in it for it in told] == [True]


def test_two_directions_meet_where_the_eyes_lie_31_mm_beside_the_middle(tmp_path: Path) -> None:
    x, z, half = 0.2, 0.8, 0.0315  # metres to the left and ahead; the left eye is at +half
    left, right = math.atan((x - half) / z), math.atan((x + half) / z)
    path = mps(tmp_path / "a.csv", [f"{left},{right},0,1", f"{left},,0,1"], TWO)
    (found,), _ = all_of(path)
    np.testing.assert_allclose(found.xy[0], [500 - 500 * x / z, 400], atol=1e-6)
    np.testing.assert_allclose(found.xy[1], [500 - 500 * math.tan(left), 400], atol=1e-6)


@pytest.mark.parametrize("view", [None, Setup(), Setup(width=1408, height=1408), Setup(1408, 1408, 200.0, 200.0)])
def test_without_a_rectified_view_a_sentence_says_what_is_missing(tmp_path: Path, view: Setup | None) -> None:
    with pytest.raises(RecordingError, match=r"only the device's calibration makes pixels .* rectify its frames"):
        all_of(mps(tmp_path / "a.csv", ["0,0,1"]), view)


REAL = {"gen1_eyegaze_old": (123, 10), "gen1_generalized_eye_gaze": (123, 10), "gen1_vergence": (123, 10)}
REAL |= {"gen2_general_eye_gaze": (5, 90)}


@pytest.mark.parametrize("name", REAL)
def test_a_real_recording(name: str) -> None:
    path = recording(f"aria/{name}.csv")
    assert detect_format.detect(path) == "aria"
    (found,), _ = all_of(path, Screen(1408, 1408, 300.0, 300.0, 100.0))
    assert (len(found), np.isnan(found.xy).sum()) == (REAL[name][0], 0)
    assert found.rate == pytest.approx(REAL[name][1], rel=1e-3)
    with path.open() as file:
        first = next(csv.DictReader(file))
    yaw = [float(first[key]) for key in ("yaw_rads_cpf", "left_yaw_rads_cpf", "right_yaw_rads_cpf") if key in first]
    tangent = math.tan(yaw[0]) if "yaw_rads_cpf" in first else (math.tan(yaw[0]) + math.tan(yaw[1])) / 2
    want = [704 - tangent * 1408 / 3, 704 - math.tan(float(first["pitch_rads_cpf"])) * 1408 / 3]
    np.testing.assert_allclose(found.xy[0], want)


def test_the_two_ways_of_gen1_agree_within_a_few_degrees() -> None:
    one, two = (all_of(recording(f"aria/gen1_{name}.csv"), VIEW)[0][0] for name in ("eyegaze_old", "vergence"))
    assert np.median(np.abs(one.xy - two.xy)) < 500 * math.tan(math.radians(5))


@given(data=st.data())
def test_a_damaged_file_gives_samples_or_a_sentence(tmp_path: Path, data: Any) -> None:
    path = mps(tmp_path / "whole.csv", ["0.1,0.2,", "0.2,-0.1,1.5", "0,0,2"])
    assert_survives(tmp_path / "a.csv", path.read_bytes(), data, all_of)
