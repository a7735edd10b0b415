"""Exports of Pupil Labs: Core's surfaces and scene camera, Neon; confidence, blinks, trials from events."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders.pupil_labs import read
from tests.damage import assert_survives

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
    path.write_text(path.read_text().replace(",0.25,", ",1.25,"))
    assert "100% of the samples are off the screen" in all_of(path)[1][0]


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


def cloud(folder: Path) -> Path:
    """A mapped surface of Pupil Cloud with two recordings, whose glasses were taken off at the end."""
    header = "recording id,timestamp [ns],gaze position on surface x [normalized],"
    header += "gaze position on surface y [normalized],worn"
    rows = [
        f"{name},{start + 5_000_000 * i},{x},0.5,{int(i < 30)}"
        for name, start, x in (("r1", 10**18, 0.2), ("r2", 2 * 10**18, 0.4))
        for i in range(40)
    ]
    (folder / "gaze.csv").write_text("\n".join([header, *rows]))
    return folder / "gaze.csv"


def test_each_recording_of_a_file_of_pupil_cloud_is_a_person(tmp_path: Path) -> None:
    path = cloud(tmp_path)
    found, _ = all_of(path, subject="anna")
    assert [(it.subject, it.xy[0, 0], len(it), it.time[0]) for it in found] == [("r1", 200, 40, 0), ("r2", 400, 40, 0)]
    assert [np.isnan(it.xy).all(1).sum() for it in found] == [10, 10]
    sections = tmp_path / "sections.csv"
    sections.write_text("recording id,recording name,wearer name\nr1,first,Anna\nr2,second,\n")
    assert [it.subject for it in all_of(path)[0]] == ["Anna", "second"]
    sections.write_text("recording id,recording name,wearer name\nr1,first,Anna\nr2,second,Anna\n")
    found, told = all_of(path)
    assert [it.subject for it in found] == ["Anna", "Anna"]
    assert told == [f"{path}: 2 recordings are of 'Anna'; they are taken for one person."]
    sections.write_text("a,b\n1,2\n")
    assert [it.subject for it in all_of(path)[0]] == ["r1", "r2"]


def test_events_belong_to_their_recording(tmp_path: Path) -> None:
    path = cloud(tmp_path)
    rows = ["r1,1000000000050000000,a.jpg", "r2,2000000000100000000,b.jpg"]
    (tmp_path / "events.csv").write_text("\n".join(["recording id,timestamp [ns],name", *rows]))
    found, _ = all_of(path)
    assert [(it.subject, it.stimulus, it.time[0], it.time[-1]) for it in found] == [
        ("r1", "a.jpg", -50, 145),
        ("r2", "b.jpg", -100, 95),
    ]


def test_annotations_of_core_last_for_their_duration_and_lie_above_the_surfaces(tmp_path: Path) -> None:
    (tmp_path / "surfaces").mkdir()
    path = core(tmp_path / "surfaces" / "gaze_positions_on_surface_screen.csv")
    (tmp_path / "annotations.csv").write_text("timestamp,label,duration\n5000.05,a.jpg,0.04\n5000.1,b.jpg,0\n")
    found, _ = all_of(path)
    assert [(it.stimulus, round(it.time[-1])) for it in found] == [("a.jpg", 35), ("b.jpg", 95)]
    assert found[1].time[0] == pytest.approx(-10)


def test_a_recording_is_named_by_its_folder_not_by_the_number_of_its_export(tmp_path: Path) -> None:
    folder = tmp_path / "anna" / "000" / "exports" / "000"
    folder.mkdir(parents=True)
    (folder / "gaze_positions.csv").write_text("gaze_timestamp,norm_pos_x,norm_pos_y\n1,0.5,0.5\n1.01,0.5,0.5")
    assert all_of(folder / "gaze_positions.csv")[0][0].subject == "anna_000"


@given(data=st.data())
def test_a_damaged_export_gives_samples_or_a_sentence(tmp_path: Path, data: Any) -> None:
    assert_survives(tmp_path / "a.csv", core(tmp_path / "whole.csv", 12).read_bytes(), data, all_of)


@given(data=st.data(), which=st.sampled_from(["gaze.csv", "sections.csv", "events.csv"]))
def test_a_damaged_file_of_pupil_cloud_gives_samples_or_a_sentence(tmp_path: Path, data: Any, which: str) -> None:
    path = cloud(tmp_path)
    (tmp_path / "sections.csv").write_text("recording id,recording name,wearer name\nr1,a,Anna\nr2,b,Ben\n")
    rows = ["r1,1000000000050000000,a.jpg", "r2,2000000000100000000,b.jpg"]
    (tmp_path / "events.csv").write_text("\n".join(["recording id,timestamp [ns],name", *rows]))
    assert_survives(tmp_path / which, (tmp_path / which).read_bytes(), data, lambda _: all_of(path))
