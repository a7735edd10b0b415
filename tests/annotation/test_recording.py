import json
from pathlib import Path

import numpy as np
import pytest

from annotation import camera
from annotation.boxes import Frames
from annotation.recording import Recording, read_gaze
from data.errors import RecordingError
from tests.annotation import made

VIDEO = Path("walk.mp4")


def frames(seconds: float = 6.0, size: tuple[int, int] = (120, 160)) -> Frames:
    count = int(seconds * 5)
    return Frames(np.arange(count) / 5, np.tile(camera.STILL, (count, 1, 1)), np.zeros(count, bool), size)


def read(
    path: Path, offset: float = 0.0, seconds: float = 6.0, size: tuple[int, int] = (120, 160)
) -> tuple[Recording, str]:
    notes: list[str] = []
    return read_gaze(path, frames(seconds, size), VIDEO, offset, notes.append), " ".join(notes)


def test_a_table_of_time_ms_counts_from_the_first_frame(tmp_path: Path) -> None:
    found, notes = read(made.gaze(tmp_path / "anna.csv", late=0.5))
    assert found.subject == "anna"
    assert found.time_s[0] == pytest.approx(0.5)
    assert "25 after its end" in notes
    assert found.onset_s[0] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("offset", "first", "count"), [(2.0, 2.0, 200), (-1.0, 0.0, 250)])
def test_an_offset_is_added_to_the_clock_of_the_gaze(tmp_path: Path, offset: float, first: float, count: int) -> None:
    found, _ = read(made.gaze(tmp_path / "gaze.csv"), offset)
    assert found.time_s[0] == pytest.approx(first)
    assert len(found.time_s) == pytest.approx(count, abs=1)


def test_clocks_that_do_not_meet_end_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        RecordingError, match=r"samples lie from 100 to 105.98 s of the video walk.mp4, which has 6 s; give --offset"
    ):
        read(made.gaze(tmp_path / "gaze.csv", late=100.0))


def test_gaze_longer_than_the_video_is_cut_and_counted(tmp_path: Path) -> None:
    found, notes = read(made.gaze(tmp_path / "gaze.csv"), seconds=4.0)
    assert found.time_s.max() < 4.0
    assert "of 300 samples 100 after its end are not of the video" in notes


def test_gaze_outside_of_the_frame_is_told_and_falls_on_nothing(tmp_path: Path) -> None:
    path = tmp_path / "gaze.csv"
    rows = [f"{time},{-30 if time < 1000 else 50},40" for time in range(0, 4000, 20)]
    path.write_text("\n".join(["time_ms,x,y", *rows]))
    _, notes = read(path)
    assert "50 of 200 places lie outside of the frame; they fall on no object" in notes


def test_a_table_of_fixations_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "gaze.csv"
    path.write_text("time_ms,x,y,duration_ms\n-100,5,5,250\n300,20,30,400\n900,40,50,0\n5000,60,60,350\n9000,1,1,100\n")
    found, _ = read(path)
    assert found.onset_s.tolist() == [-0.1, 0.3, 5.0]
    assert found.duration_s.tolist() == [0.25, 0.4, 0.35]


def test_slow_samples_make_fixations_too(tmp_path: Path) -> None:
    path = tmp_path / "gaze.csv"
    rows = [f"{time},{30 if time < 3000 else 120},40" for time in range(0, 6000, 100)]
    path.write_text("\n".join(["time_ms,x,y", *rows]))
    found, _ = read(path)
    assert len(found.onset_s) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("time_ms,x\n1,2\n", "no column is known as its y"),
        ("time_ms,x,y\n,,\n", "at no known time"),
        ("time_ms,x,y,subject\n1,2,3,a\n2,3,4,b\n", "it is of 2 people"),
        ("time_ms,x,y\na,b,c\n", "write a number"),
    ],
    ids=["empty", "no-y", "no-time", "two-people", "words"],
)
def test_what_is_no_gaze_ends_in_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "gaze.csv"
    path.write_text(text)
    with pytest.raises(RecordingError, match=words):
        read(path)


def test_a_clock_of_its_own_counts_from_its_first_sample_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "gaze.csv"
    path.write_text("\n".join(["timestamp,x,y", *(f"{1_700_000_000_000 + time},30,40" for time in range(0, 3000, 20))]))
    found, notes = read(path)
    assert found.time_s[0] == 0
    assert "nothing says when the video began on its clock" in notes


@pytest.mark.parametrize("told", ["world_timestamps", "world_index"])
def test_pupil_core_counts_from_the_frame_that_the_world_camera_saw_first(tmp_path: Path, told: str) -> None:
    rows = ["gaze_timestamp,world_index,confidence,norm_pos_x,norm_pos_y"]
    rows += [
        f"{7000 + 0.5 + number * 0.008:.4f},{int((0.5 + number * 0.008) * 30)},1,0.25,0.75" for number in range(300)
    ]
    (tmp_path / "gaze_positions.csv").write_text("\n".join(rows))
    if told == "world_timestamps":
        (tmp_path / "world_timestamps.csv").write_text("# timestamps [seconds],pts\n7000.0,0\n7000.033,1\n")
    found, _ = read(tmp_path / "gaze_positions.csv")
    assert found.time_s[0] == pytest.approx(0.5, abs=0.0005 if told == "world_timestamps" else 0.035)
    np.testing.assert_allclose(found.xy[0], (40, 30))


def test_neon_of_pupil_cloud_counts_from_its_world_timestamps(tmp_path: Path) -> None:
    zero = 1_700_000_000_000_000_000
    rows = ["section id,recording id,timestamp [ns],gaze x [px],gaze y [px],worn,blink id"]
    rows += [f"s,r,{zero + 250_000_000 + number * 5_000_000},50,60,1," for number in range(300)]
    (tmp_path / "gaze.csv").write_text("\n".join(rows))
    (tmp_path / "world_timestamps.csv").write_text(f"section id,recording id,timestamp [ns]\ns,r,{zero}\n")
    found, _ = read(tmp_path / "gaze.csv")
    assert found.time_s[0] == pytest.approx(0.25, abs=1e-5)


def test_neon_s_own_folder_counts_from_its_scene_camera(tmp_path: Path) -> None:
    zero = 1_700_000_000_000_000_000
    places = np.tile([800.0, 600.0], (300, 1)).astype("<f4")
    places.tofile(tmp_path / "gaze ps1.raw")
    (zero + 300_000_000 + np.arange(300, dtype="<i8") * 5_000_000).tofile(tmp_path / "gaze ps1.time")
    np.array([zero], "<i8").tofile(tmp_path / "Neon Scene Camera v1 ps1.time")
    (tmp_path / "info.json").write_text(json.dumps({"module_serial_number": "1", "wearer_name": "anna"}))
    found, _ = read(tmp_path)
    assert found.subject == "anna"
    assert found.time_s[0] == pytest.approx(0.3, abs=1e-5)
    np.testing.assert_allclose(found.xy[0], (80, 60))


def test_tobii_glasses_count_from_the_moment_that_vts_says(tmp_path: Path) -> None:
    packets = [{"ts": 1_000_000, "s": 0, "vts": 0}]
    for number in range(200):
        packets.append({"ts": 1_400_000 + 20_000 * number, "s": 0, "gidx": number + 1, "l": 1, "gp": [0.5, 0.25]})
    path = tmp_path / "livedata.json"
    path.write_text("\n".join(json.dumps(packet, separators=(",", ":")) for packet in packets))
    found, _ = read(path)
    assert found.time_s[0] == pytest.approx(0.4)
    np.testing.assert_allclose(found.xy[0], (80, 30))


def test_a_folder_with_two_recordings_is_refused(tmp_path: Path) -> None:
    made.gaze(tmp_path / "one.csv")
    made.gaze(tmp_path / "two.csv", 3.0)
    with pytest.raises(RecordingError, match="it holds 2 recordings"):
        read(tmp_path)
