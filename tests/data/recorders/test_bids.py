"""Eye tracking in BIDS: sidecars and their inheritance, clocks, units, the screen, events."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders.bids import read
from tests.damage import assert_survives

SIDECAR: dict[str, Any] = {
    "PhysioType": "eyetrack",
    "SamplingFrequency": 500,
    "StartTime": 0,
    "Columns": ["timestamp", "x_coordinate", "y_coordinate", "pupil_size"],
    "RecordedEye": "right",
    "SampleCoordinateSystem": "gaze-on-screen",
    "timestamp": {"Units": "ms"},
    "x_coordinate": {"Units": "pixel"},
    "y_coordinate": {"Units": "pixel"},
}
SHOWN = {
    "ScreenDistance": 0.6,
    "ScreenOrigin": ["top", "left"],
    "ScreenResolution": [1024, 768],
    "ScreenSize": [0.38, 0.3],
}
NAME = "sub-01_task-look_recording-eye1_physio"


def study(root: Path, sidecar: dict[str, Any] | None = None, shown: dict[str, Any] | None = None) -> Path:
    """One person and 100 samples, in the layout of a BIDS data set."""
    folder = root / "sub-01" / "beh"
    folder.mkdir(parents=True)
    (root / "dataset_description.json").write_text('{"Name": "tiny", "BIDSVersion": "1.11.1"}')
    rows = [f"{70000 + 2 * i}\t{400 + i}.5\t{'n/a' if i == 3 else 300}\t1200" for i in range(100)]
    (folder / f"{NAME}.tsv.gz").write_bytes(gzip.compress(("\n".join(rows) + "\n").encode()))
    (folder / f"{NAME}.json").write_text(json.dumps(SIDECAR if sidecar is None else sidecar))
    (root / "task-look_events.json").write_text(json.dumps({"StimulusPresentation": SHOWN if shown is None else shown}))
    return folder / f"{NAME}.tsv.gz"


def all_of(path: Path, screen: Any = None, **options: Any) -> tuple[list[Samples], list[str]]:
    told: list[str] = []
    return list(read(path, screen, tell=told.append, **options)), told


def test_a_recording_brings_its_screen(tmp_path: Path) -> None:
    (found,), told = all_of(study(tmp_path), stimulus="a.jpg")
    assert (found.subject, found.stimulus, found.rate, told) == ("sub-01", "a.jpg", 500, [])
    assert found.screen == Screen(1024, 768, 38.0, 30.0, 60.0)
    np.testing.assert_allclose(found.xy[0], [400.5, 300])
    assert np.isnan(found.xy[3, 1])


def test_events_are_trials(tmp_path: Path) -> None:
    path = study(tmp_path)
    rows = [
        "onset duration trial_type stim_file",
        "0.02 0.1 look images/a.jpg",
        "0.1 0.05 rest n/a",
        "0.15 0.1 look images/b.jpg",
    ]
    events = "\n".join(rows).replace(" ", "\t")
    (path.parent / "sub-01_task-look_events.tsv").write_text(events)
    found, _ = all_of(path)
    assert [it.stimulus for it in found] == ["images/a.jpg", "images/b.jpg"]
    assert [found[0].time[0], found[0].time[-1]] == pytest.approx([-20, 98])
    assert found[1].time[-1] == pytest.approx(48)


def test_a_sidecar_may_lie_above_and_the_rate_may_be_the_clock(tmp_path: Path) -> None:
    own = {key: value for key, value in SIDECAR.items() if key not in ("timestamp", "SamplingFrequency")}
    path = study(tmp_path, own | {"Columns": ["count", *SIDECAR["Columns"][1:]]})
    with pytest.raises(RecordingError, match="neither a column timestamp nor a SamplingFrequency"):
        all_of(path)
    (tmp_path / "task-look_physio.json").write_text('{"SamplingFrequency": 250}')
    assert all_of(path)[0][0].rate == 250
    (tmp_path / "task-other_physio.json").write_text('{"SamplingFrequency": 100}')
    assert all_of(path)[0][0].rate == 250


@pytest.mark.parametrize(
    ("origin", "want"),
    [(["top", "left"], [400.5, 300]), (["bottom", "left"], [400.5, 468]), (["center", "center"], [912.5, 684])],
)
def test_places_count_from_the_origin_of_the_screen(tmp_path: Path, origin: list[str], want: list[float]) -> None:
    (found,), _ = all_of(study(tmp_path, shown=SHOWN | {"ScreenOrigin": origin}))
    np.testing.assert_allclose(found.xy[0], want)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"Columns": None}, "no JSON beside it names its Columns"),
        ({"Columns": ["timestamp", "a", "b", "c"]}, "it has no column x_coordinate and y_coordinate"),
        ({"Columns": ["timestamp", "x_coordinate"]}, "its rows do not fit its 2 columns"),
        ({"SampleCoordinateSystem": "eye-in-head"}, "its coordinates are eye-in-head"),
        ({"x_coordinate": {"Units": "cm"}}, "its x_coordinate is in 'cm'; gaze reads px, deg, norm: convert it"),
        ({"timestamp": {"Units": "frames"}}, "its timestamp is in 'frames'; gaze reads ms, s, us, ns"),
    ],
)
def test_a_sidecar_that_does_not_fit_is_said(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecordingError, match=sentence):
        all_of(study(tmp_path, SIDECAR | change))


def events(path: Path, *rows: str) -> None:
    lines = ["onset duration trial_type stim_file", *rows]
    (path.parent / "sub-01_task-look_events.tsv").write_text("\n".join(lines).replace(" ", "\t"))


def test_a_picture_lasts_for_its_duration_or_to_the_next_picture(tmp_path: Path) -> None:
    path = study(tmp_path)
    events(path, "0.02 0.05 look a.jpg", "0.03 0 response n/a", "0.1 n/a look b.jpg", "0.12 0 response n/a")
    found, _ = all_of(path)
    assert [(it.stimulus, round(it.time[-1])) for it in found] == [("a.jpg", 48), ("b.jpg", 98)]
    events(path, "0.02 0 look a.jpg", "0.1 0.02 look b.jpg")
    assert [round(it.time[-1]) for it in all_of(path)[0]] == [78, 18]


@pytest.mark.parametrize("start", [None, 70000, "soon", pytest.param(10**400, id="huge")])
def test_events_of_another_clock_are_refused(tmp_path: Path, start: Any) -> None:
    path = study(tmp_path, SIDECAR | {"StartTime": start})
    events(path, "0.02 0.05 look a.jpg", "0.1 0.05 look b.jpg")
    with pytest.raises(RecordingError, match="but all events lie elsewhere; write its StartTime in seconds"):
        all_of(path)


def test_single_events_beside_the_samples_are_told(tmp_path: Path) -> None:
    path = study(tmp_path)
    events(path, "0.02 0.05 look a.jpg", "9 0.05 look b.jpg")
    found, told = all_of(path)
    assert [it.stimulus for it in found] == ["a.jpg"]
    assert "its samples last from 0 to 0.198 s, but 1 of 2 events lie elsewhere" in told[0]


@pytest.mark.parametrize("names", [("X", "Y"), ("Gaze_X", "Gaze_Y"), ("XPOS_LEFT", "YPOS_LEFT")])
def test_columns_may_be_written_in_capitals(tmp_path: Path, names: tuple[str, str]) -> None:
    (found,), _ = all_of(study(tmp_path, SIDECAR | {"Columns": ["timestamp", *names, "P"]}))
    np.testing.assert_allclose(found.xy[0], [400.5, 300])


def test_a_screen_may_be_measured_in_centimetres_and_numbers_beyond_reason_are_unknown(tmp_path: Path) -> None:
    (found,), _ = all_of(study(tmp_path, shown=SHOWN | {"ScreenSize": [38, 30], "ScreenDistance": 60}))
    assert found.screen == Screen(1024, 768, 38.0, 30.0, 60.0)
    path = study(tmp_path / "more", shown=SHOWN | {"ScreenDistance": 10**400})
    with pytest.raises(RecordingError, match="of the screen its distance in cm"):
        all_of(path)


def test_shares_of_the_screen_count_from_its_origin_too(tmp_path: Path) -> None:
    own = {key: value for key, value in SIDECAR.items() if "coordinate" not in key}
    path = study(tmp_path, own, SHOWN | {"ScreenOrigin": ["bottom", "left"]})
    rows = [f"{70000 + 2 * i}\t0.25\t0.25\t1200" for i in range(9)]
    path.write_bytes(gzip.compress("\n".join(rows).encode()))
    (found,), told = all_of(path)
    np.testing.assert_allclose(found.xy[0], [256, 576])
    assert "taken for shares of the screen" in told[0]


def test_a_cut_off_archive_and_a_broken_sidecar_are_said(tmp_path: Path) -> None:
    path = study(tmp_path)
    path.write_bytes(path.read_bytes()[:80])
    with pytest.raises(RecordingError, match="cut off or damaged"):
        all_of(path)
    path.with_name(f"{NAME}.json").write_text("{")
    with pytest.raises(RecordingError, match="not JSON"):
        all_of(path)


@given(data=st.data(), which=st.sampled_from(["table", "sidecar", "screen", "events"]))
def test_a_damaged_file_gives_samples_or_a_sentence(tmp_path: Path, data: Any, which: str) -> None:
    path = tmp_path / "x" / "sub-01" / "beh" / f"{NAME}.tsv.gz"
    if not path.exists():
        events(study(tmp_path / "x"), "0.02 0.05 look a.jpg", "0.1 n/a look b.jpg")
    broken = {
        "table": path,
        "sidecar": path.with_name(f"{NAME}.json"),
        "screen": tmp_path / "x" / "task-look_events.json",
        "events": path.with_name("sub-01_task-look_events.tsv"),
    }[which]
    whole = broken.read_bytes()
    assert_survives(broken, whole, data, lambda _: all_of(path))
    broken.write_bytes(whole)


@pytest.mark.parametrize("name", ["ScreenResolution", "ScreenSize", "ScreenDistance"])
@pytest.mark.parametrize(
    "value", [[1024, float("nan")], [float("nan"), 1], [1e999, 2], [0, 5], ["wide", 2], float("nan"), -1, None]
)
def test_a_screen_that_is_none_is_asked_for(tmp_path: Path, name: str, value: Any) -> None:
    with pytest.raises(RecordingError, match="it does not say of the screen its"):
        all_of(study(tmp_path, shown=SHOWN | {name: value}))
