"""Neon's own folders: parts, blinks, glasses taken off, events, the wearer; a real recording."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders import detect_format, recording_names
from data.recorders.pupil_neon import read
from tests.damage import assert_survives
from tests.data.recorders.real import recording

START = 1_760_676_790_465_965_534


def neon(folder: Path, fast: bool = True, parts: int = 1, count: int = 120) -> Path:
    """200 samples a second, x 100, 101, ...; fast, else in parts at the same times."""
    folder.mkdir(parents=True, exist_ok=True)
    time = START + 5_000_000 * np.arange(count, dtype="<i8")
    xy = np.stack([100 + np.arange(count), np.full(count, 600.5)], 1).astype("<f4")
    names = ["gaze_200hz"] if fast else [f"gaze ps{number + 1}" for number in range(parts)]
    for name, rows in zip(names, np.array_split(np.arange(count), len(names)), strict=True):
        (folder / f"{name}.raw").write_bytes(xy[rows].tobytes())
        (folder / f"{name}.time").write_bytes(time[rows].tobytes())
    (folder / "gaze.dtype").write_text('[\n("x", "float32"),\n("y", "float32"),\n]\n')
    return folder / f"{names[0]}.raw"


def ns(milliseconds: float) -> int:
    return START + round(milliseconds * 1e6)


def events(folder: Path, marks: list[tuple[float, str]]) -> None:
    (folder / "event.txt").write_text("".join(f"{name}\n" for _, name in marks))
    (folder / "event.time").write_bytes(struct.pack(f"<{len(marks)}q", *(ns(time) for time, _ in marks)))


def all_of(path: Path, screen: Any = None, **options: Any) -> tuple[list[Samples], list[str]]:
    told: list[str] = []
    return list(read(path, screen, tell=told.append, **options)), told


@pytest.mark.parametrize(("fast", "parts"), [(True, 1), (False, 1), (False, 11)])
@pytest.mark.parametrize("given_folder", [False, True])
def test_the_parts_of_a_recording_are_one(tmp_path: Path, fast: bool, parts: int, given_folder: bool) -> None:
    path = neon(tmp_path / "anna", fast, parts)
    assert detect_format.detect(path) == "neon"
    (found,), told = all_of(path.parent if given_folder else path, stimulus="a.png")
    assert (found.subject, found.stimulus, len(found), found.time[0]) == ("anna", "a.png", 120, 0)
    np.testing.assert_allclose(found.xy[:, 0], 100 + np.arange(120))
    assert found.rate == pytest.approx(200, rel=1e-4)
    assert found.screen.pixels_per_degree == pytest.approx(15.53, abs=0.01)
    assert ["scene camera, which moves with the head" in it for it in told] == [True]


def test_the_gaze_of_200_hz_is_preferred(tmp_path: Path) -> None:
    neon(tmp_path, fast=False, count=3)
    path = neon(tmp_path)
    assert len(all_of(tmp_path / "gaze ps1.raw")[0][0]) == 120
    events(tmp_path, [(0, "recording.begin")])
    told: list[str] = []
    assert detect_format.files([tmp_path], told.append) == [path]
    assert told == [
        f"{tmp_path}: a recording of Neon, read as a whole from gaze_200hz.raw; left out are event.txt, gaze ps1.raw."
    ]


@pytest.mark.parametrize("old", [False, True])
def test_blinks_and_glasses_taken_off_are_lost(tmp_path: Path, old: bool) -> None:
    path = neon(tmp_path)
    blink = struct.pack("<qq", ns(50), ns(70))
    (tmp_path / "blinks ps1.raw").write_bytes(blink if old else struct.pack("<i", 4) + blink)
    (tmp_path / "worn_200hz.raw").write_bytes(bytes([255] * 100 + [0] * 20))
    (found,), _ = all_of(path)
    assert np.flatnonzero(np.isnan(found.xy).all(1)).tolist() == [*range(10, 15), *range(100, 120)]
    (tmp_path / "worn_200hz.raw").unlink()
    (tmp_path / "worn ps1.raw").write_bytes(bytes([1, 0]))
    (tmp_path / "worn ps1.time").write_bytes(struct.pack("<qq", ns(0), ns(300)))
    assert np.isnan(all_of(path)[0][0].xy).all(1).sum() == 5 + 60


def test_each_event_begins_a_trial_and_the_edges_only_end(tmp_path: Path) -> None:
    path = neon(tmp_path)
    marks = [(-2000.0, "recording.begin"), (100.0, "a.jpg"), (300.0, "b.jpg"), (500.0, "recording.end")]
    events(tmp_path, marks)
    found, told = all_of(path)
    assert [(it.stimulus, round(it.time[0]), round(it.time[-1])) for it in found] == [
        ("a.jpg", -100, 195),
        ("b.jpg", 0, 195),
    ]
    assert "2 trials from event.txt" in told[1]


def test_the_wearer_is_in_the_folder(tmp_path: Path) -> None:
    path = neon(tmp_path / "rec")
    (tmp_path / "rec" / "info.json").write_text(json.dumps({"wearer_id": "a156b10c", "recording_id": "d69b"}))
    assert all_of(path, subject="x")[0][0].subject == "a156b10c"
    (tmp_path / "rec" / "wearer.json").write_text(json.dumps({"name": "Anna", "uuid": "a156b10c"}))
    assert all_of(path, subject="x")[0][0].subject == "Anna"


def test_recordings_are_named_by_their_folders(tmp_path: Path) -> None:
    paths = [neon(tmp_path / name) for name in ("ann", "ben")]
    assert list(recording_names(paths).values()) == ["ann", "ben"]
    paths[1].write_bytes(paths[1].read_bytes()[:-8])
    assert detect_format.files([tmp_path], print) == paths


def test_the_calibration_says_the_focal_length(tmp_path: Path) -> None:
    path = neon(tmp_path)
    (tmp_path / "calibration.bin").write_bytes(b"\x01123456" + np.diag([445.0, 445.0, 1.0]).tobytes())
    assert all_of(path)[0][0].screen.pixels_per_degree == pytest.approx(7.77, abs=0.01)
    half = all_of(path, Screen(800, 600, 50.0, 40.0, 60.0))[0][0]
    assert (half.screen.width, half.xy[0, 0]) == (800, 50)


def test_the_camera_is_that_of_the_glasses(tmp_path: Path) -> None:
    path = neon(tmp_path, fast=False)
    assert all_of(path)[0][0].screen.width == 1600
    (tmp_path / "info.json").write_text(json.dumps({"module_serial_number": "578846"}))
    assert all_of(path)[0][0].screen.width == 1600
    (tmp_path / "info.json").write_text(json.dumps({"glasses_serial_number": "mwbzd"}))
    (found,), _ = all_of(path)
    assert (found.screen.width, found.screen.height, found.xy[0, 0]) == (1088, 1080, 100)
    assert found.screen.pixels_per_degree == pytest.approx(13.23, abs=0.01)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    path = neon(tmp_path)
    with pytest.raises(RecordingError, match="no column 'image'"):
        all_of(path, stimulus_column="image")
    (tmp_path / "gaze_200hz.time").unlink()
    with pytest.raises(RecordingError, match=r"gaze_200hz\.time: it is missing"):
        all_of(path)
    path.write_bytes(b"")
    (tmp_path / "gaze_200hz.time").write_bytes(b"")
    with pytest.raises(RecordingError, match="no gaze in it"):
        all_of(path)


def test_a_real_recording() -> None:
    folder = recording("pupil_neon_native")
    told: list[str] = []
    (path,) = detect_format.files([folder], told.append)
    assert (path.name, detect_format.detect(path)) == ("gaze_200hz.raw", "neon")
    (found,), _ = all_of(path)
    assert (found.subject, len(found)) == ("a156b10c-96ff-4951-ad80-cd9cf8aaa7c6", 1788)
    assert found.rate == pytest.approx(200, rel=1e-3)
    blinks = np.frombuffer((folder / "blinks ps1.raw").read_bytes(), [("t", "<i4"), ("start", "<i8"), ("end", "<i8")])
    seconds = (blinks["end"] - blinks["start"]).sum() / 1e9
    assert np.isnan(found.xy).all(1).sum() == pytest.approx(200 * seconds, abs=4)
    fixations = np.frombuffer((folder / "fixations ps1.raw").read_bytes(), np.uint8).reshape(45, 60)
    pixels, degrees = fixations[:, 44:52].copy().view("<f4").T
    assert found.screen.pixels_per_degree == pytest.approx(np.min(pixels / degrees), rel=0.01)


@given(
    data=st.data(), name=st.sampled_from(["gaze_200hz.raw", "gaze_200hz.time", "event.time", "gaze.dtype", "event.txt"])
)
def test_a_damaged_folder_gives_samples_or_a_sentence(tmp_path: Path, data: Any, name: str) -> None:
    path = neon(tmp_path)
    events(tmp_path, [(100.0, "a.jpg"), (300.0, "b.jpg")])
    assert_survives(tmp_path / name, (tmp_path / name).read_bytes(), data, lambda _: all_of(path))
