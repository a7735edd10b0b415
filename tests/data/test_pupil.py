"""Exports of Pupil Labs: Core's surfaces and scene camera, Neon; confidence, blinks, trials from events."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data import RecordingError
from data.gaze import Samples, Screen
from data.pupil import read
from tests.damage import survives

SCREEN = Screen(1000, 500, 50.0, 25.0, 60.0)


def core(path: Path, count: int = 40) -> Path:
    """A surface, 200 samples a second, the eye at a quarter from the left and from the bottom."""
    rows = [
        f"{i},{5000.005 + i / 200},{i},{5000 + i / 200:.6f},0.25,0.25,25,12.5,True,{0.3 if i == 7 else 0.9}"
        for i in range(count)
    ]
    header = "world_timestamp,world_index,gaze_number,gaze_timestamp,x_norm,y_norm,x_scaled,y_scaled,on_surf,confidence"
    path.write_text("\n".join([header, *rows]))
    return path


def all_of(path: Path, screen: Any = SCREEN, **options: Any) -> tuple[list[Samples], list[str]]:
    told: list[str] = []
    return list(read(path, screen, tell=told.append, **options)), told


def test_a_surface_of_core_counts_upwards(tmp_path: Path) -> None:
    path = core(tmp_path / "gaze_positions_on_surface_screen.csv")
    (found,), told = all_of(path, subject="anna", stimulus="a.jpg")
    np.testing.assert_allclose(found.xy[0], [250, 375])
    assert np.isnan(found.xy[7]).all()
    assert (found.subject, found.stimulus, round(found.rate)) == ("anna", "a.jpg", 200)
    assert told == []
    assert np.isfinite(all_of(path, confidence=0.2)[0][0].xy).all()


def test_annotations_begin_trials(tmp_path: Path) -> None:
    (tmp_path / "annotations.csv").write_text("index,timestamp,label\n1,5000.05,a.jpg\n2,5000.1,b.jpg\n")
    found, told = all_of(core(tmp_path / "gaze_positions_on_surface_screen.csv"))
    assert [it.stimulus for it in found] == ["a.jpg", "b.jpg"]
    assert found[0].time[0] == pytest.approx(-50)
    assert found[1].time[0] == pytest.approx(0)
    assert sum(map(len, found)) == 40
    assert "2 trials from annotations.csv" in told[0]


def test_the_scene_camera_of_core_is_told_of(tmp_path: Path) -> None:
    rows = [f"{5000 + i / 200},{i},0.9,0.25,0.75" for i in range(10)]
    path = tmp_path / "gaze_positions.csv"
    path.write_text("\n".join(["gaze_timestamp,world_index,confidence,norm_pos_x,norm_pos_y", *rows]))
    (found,), told = all_of(path)
    np.testing.assert_allclose(found.xy[0], [250, 125])
    assert "pixels of the scene camera, which moves with the head" in told[0]


def test_neon_in_nanoseconds_with_blinks_and_events(tmp_path: Path) -> None:
    start = 1_700_000_000_000_000_000
    rows = [f"s,r,{start + 5_000_000 * i},400.5,300.25,{'1' if i == 30 else ''}" for i in range(60)]
    path = tmp_path / "gaze.csv"
    path.write_text("\n".join(["section id,recording id,timestamp [ns],gaze x [px],gaze y [px],blink id", *rows]))
    times = [(0, "recording.begin"), (50, "a.jpg"), (200, "recording.end")]
    events = [f"r,{start + 1_000_000 * time},{name},recording" for time, name in times]
    (tmp_path / "events.csv").write_text("\n".join(["recording id,timestamp [ns],name,type", *events]))
    (found,), _ = all_of(path, Screen(1600, 1200, 100, 75, 60))
    assert found.stimulus == "a.jpg"
    assert found.rate == pytest.approx(200, rel=1e-3)
    assert found.time[-1] < 150
    assert np.isnan(found.xy).all(1).sum() == 1


def test_a_mapped_surface_of_neon_counts_downwards(tmp_path: Path) -> None:
    header = "timestamp [ns],gaze detected on surface"
    header += "".join(f",gaze position on surface {axis} [normalized]" for axis in "xy")
    rows = [f"{10**18 + 5_000_000 * i},true,0.25,0.25" for i in range(9)]
    (tmp_path / "gaze.csv").write_text("\n".join([header, *rows]))
    (found,), told = all_of(tmp_path / "gaze.csv")
    np.testing.assert_allclose(found.xy[0], [250, 125])
    assert told == []


def test_another_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gaze.csv").write_text("time,x,y\n1,2,3\n")
    with pytest.raises(RecordingError, match="not an export of gaze by Pupil Labs"):
        all_of(tmp_path / "gaze.csv")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_export_gives_samples_or_a_sentence(tmp_path: Path, data: Any) -> None:
    survives(tmp_path / "a.csv", core(tmp_path / "whole.csv", 12).read_bytes(), data, all_of)
