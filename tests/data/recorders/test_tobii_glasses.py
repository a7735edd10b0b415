"""Tobii Pro Glasses 2: packets out of order, lost ones, the clock of the video, segments; two real recordings."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders import detect_format
from data.recorders.stages.units import Setup
from data.recorders.tobii_glasses import read
from tests.damage import assert_survives
from tests.data.recorders.real import recording


def livedata(path: Path, count: int = 50, lost: tuple[int, ...] = (3,), shuffled: bool = True) -> Path:
    """50 samples a second; the video begins with the 11th; the 6th has no gaze point at all."""
    packets: list[dict[str, Any]] = []
    for i in range(count):
        common = {"ts": 84_415_010 + 20_000 * i, "s": int(i in lost), "gidx": 1427 + i}
        packets += [common | {"pd": 3.4, "eye": eye} for eye in ("left", "right")]
        place = [0.0, 0.0] if i in lost else [0.25, 0.5 + i / 1000]
        packets += [common | {"l": 6000, "gp": place}] * (i != 5) + [common | {"gp3": [1, 2, 3]}]
        packets += [{"ts": common["ts"] + 5, "s": 0, "ac": [0.2, -9.8, 0.1]}]
    packets += [{"ts": 84_415_010 + 200_000 + 640_000 * i, "s": 0, "vts": 640_000 * i} for i in range(2)]
    if shuffled:
        random.Random(0).shuffle(packets)
    content = "".join(json.dumps(it, separators=(",", ":")) + "\n" for it in packets).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def all_of(path: Path, screen: Any = None, **options: Any) -> tuple[list[Samples], list[str]]:
    told: list[str] = []
    return list(read(path, screen, tell=told.append, **options)), told


@pytest.mark.parametrize("name", ["livedata.json.gz", "anna_livedata.json"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_packets_are_joined_and_ordered_and_count_from_the_video(tmp_path: Path, name: str, shuffled: bool) -> None:
    path = livedata(tmp_path / name, shuffled=shuffled)
    assert detect_format.detect(path) == "tobii-glasses"
    (found,), told = all_of(path, subject="anna", stimulus="frame.png")
    assert (found.subject, found.stimulus, len(found)) == ("anna", "frame.png", 50)
    np.testing.assert_allclose(found.time[[0, 10, -1]], [-200, 0, 780])
    np.testing.assert_allclose(found.xy[10], [480, 550.8])
    assert np.flatnonzero(np.isnan(found.xy).all(1)).tolist() == [3, 5]
    assert ["scene camera, which moves with the head" in it for it in told] == [True]
    assert found.screen.pixels_per_degree == pytest.approx(19.27, abs=0.01)


def test_a_screen_may_be_given_instead_of_the_cameras(tmp_path: Path) -> None:
    path = livedata(tmp_path / "livedata.json.gz")
    given_screen = Screen(960, 540, 50.0, 30.0, 60.0)
    (found,), _ = all_of(path, given_screen)
    assert (found.screen, found.xy[0, 0]) == (given_screen, 240)
    assert all_of(path, Setup(width=960, height=540))[0][0].screen.width == 960
    with pytest.raises(RecordingError, match="distance in cm"):
        all_of(path, Setup(width_cm=50.0, height_cm=30.0))


def test_segments_of_a_recording_are_one_persons(tmp_path: Path) -> None:
    recording_folder = tmp_path / "recordings" / "t3ic6aq"
    paths = [livedata(recording_folder / "segments" / str(number) / "livedata.json.gz") for number in (1, 2)]
    (paths[0].parent / "segment.json").write_text('{"seg_id": 1}')
    assert [it.subject for path in paths for it in all_of(path, subject="x")[0]] == ["t3ic6aq"] * 2
    (recording_folder / "participant.json").write_text('{"pa_id": "x", "pa_info": {"Name": "Anna"}}')
    assert [it.subject for path in paths for it in all_of(path)[0]] == ["Anna"] * 2
    paths[1].write_bytes(paths[1].read_bytes() + gzip.compress(b"\n"))
    told: list[str] = []
    assert (detect_format.files([tmp_path], told.append), told) == (paths, [])


def test_a_segment_without_gaze_and_a_column_of_pictures_are_refused(tmp_path: Path) -> None:
    path = livedata(tmp_path / "livedata.json.gz", lost=tuple(range(50)))
    with pytest.raises(RecordingError, match="no packet of it is a gaze point"):
        all_of(path)
    with pytest.raises(RecordingError, match="no column 'image'"):
        all_of(path, stimulus_column="image")


@pytest.mark.parametrize(
    ("name", "count", "lost", "first"),
    [("livedata", 965, 5, -959.5), ("glassesviewer_livedata", 1424, 93, -799.5)],
)
def test_a_real_recording(name: str, count: int, lost: int, first: float) -> None:
    path = recording(f"tobii_glasses2/{name}.json.gz")
    assert detect_format.detect(path) == "tobii-glasses"
    (found,), _ = all_of(path, subject="anna")
    assert (len(found), int(np.isnan(found.xy).any(1).sum())) == (count, lost)
    assert found.rate == pytest.approx(50, abs=0.1)
    assert found.time[0] == pytest.approx(first, abs=0.1)
    assert found.screen.pixels_per_degree == pytest.approx(19.27, abs=0.01)


@given(data=st.data())
def test_a_damaged_file_gives_samples_or_a_sentence(tmp_path: Path, data: Any) -> None:
    whole = livedata(tmp_path / "whole.json", count=8).read_bytes()
    assert_survives(tmp_path / "livedata.json", whole, data, all_of)
