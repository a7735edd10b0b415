"""Clocks that begin anew, jump, or have late rows; in every reader rows are sorted within a segment, never across."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RecordingError
from data.gaze import Samples
from data.recorders import bids, delimited, eyelink, pupil_labs, tobii
from data.recorders.stages.segments import segments
from data.recorders.stages.units import Setup
from tests.data.recorders.test_bids import SHOWN, SIDECAR, events, study
from tests.data.recorders.test_eyelink import monocular, trial
from tests.data.recorders.test_eyelink import write as write_asc

SCREEN = Setup(1024, 768, 38.0, 30.0, 67.0)


def spans(time: np.ndarray) -> list[list[float]]:
    return [time[rows].tolist() for rows in segments(time)]


def test_a_clock_that_goes_on_is_one_segment() -> None:
    time = np.arange(0, 2000.0, 4)
    assert len(segments(time)) == 1
    late = np.concatenate([time[:100], time[130:200], time[100:130], time[200:]])  # a block that was written late
    assert spans(late) == [time.tolist()]
    assert spans(np.delete(time, slice(50, 300))) == [np.delete(time, slice(50, 300)).tolist()]  # a pause
    wild = np.insert(time, 100, 9e9)  # one stamp of another world: sorted to the end, and left out as far away
    assert [len(rows) for rows in segments(wild)] == [len(wild)]
    assert segments(np.array([])) == []
    assert [rows.tolist() for rows in segments(np.array([np.nan, 5, np.nan, 7]))] == [[1, 3]]


@given(st.integers(30, 300), st.integers(30, 300), st.floats(0.5, 20), st.floats(-1e5, 1e5), st.integers(0, 2**32 - 1))
def test_two_sessions_are_two_segments(first: int, second: int, step: float, start: float, seed: int) -> None:
    """The second begins anywhere before the end of the first, more than a tenth of the shorter one before."""
    random = np.random.default_rng(seed)
    one = np.cumsum(random.uniform(0.9, 1.1, first)) * step
    overlap = max(0.1 * min(first, second) * step, 25 * step)
    two = np.cumsum(random.uniform(0.9, 1.1, second)) * step + min(start, one[-1] - overlap)
    if len(one) * step < overlap:
        return
    found = spans(np.concatenate([one, two]))
    assert [len(times) for times in found] == [first, second]
    assert found == [one.tolist(), two.tolist()]


def csv_of(path: Path, header: str, form: str, clocks: list[np.ndarray], unit: float) -> Path:
    """Sessions one after the other: in the first the gaze is at x 100, in the second at 200, and so on."""
    rows = [form.format(t=time * unit, x=100.0 * (k + 1)) for k, clock in enumerate(clocks) for time in clock]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


CLOCKS = {
    "anew": [np.arange(1000, 3000, 4.0), np.arange(1000, 3000, 4.0)],
    "overlapping": [np.arange(1000, 3000, 4.0), np.arange(2500, 4500, 4.0)],
    "after": [np.arange(1000, 3000, 4.0), np.arange(3_601_000, 3_603_000, 4.0)],
    "before": [np.arange(900_000, 902_000, 4.0), np.arange(1000, 3000, 4.0)],
}
READERS = {
    "delimited": (delimited.read, "a.csv", "time_ms,x,y", "{t:.3f},{x},300", 1.0),
    "pupil": (pupil_labs.read, "gaze.csv", "timestamp [ns],gaze x [px],gaze y [px]", "{t:.0f},{x},300", 1e6),
    "tobii": (
        tobii.read,
        "a.tsv",
        "Recording timestamp [μs]\tGaze point X [DACS px]\tGaze point Y [DACS px]",
        "{t:.0f}\t{x}\t300",
        1e3,
    ),
}


@pytest.mark.parametrize("clocks", CLOCKS)
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_keeps_sessions_apart(tmp_path: Path, reader: str, clocks: str) -> None:
    read, name, header, form, unit = READERS[reader]
    path = csv_of(tmp_path / name, header, form, CLOCKS[clocks], unit)
    told: list[str] = []
    found: list[Samples] = list(read(path, SCREEN, stimulus="a.png", tell=told.append))  # type: ignore[operator]
    assert [len(it) for it in found] == [500, 500]
    assert [np.unique(it.xy[:, 0]).tolist() for it in found] == [[100], [200]]
    assert [it.time[0] for it in found] == [0, 0]
    assert sum("begins anew or jumps; it is read as 2 parts" in sentence for sentence in told) == 1


@pytest.mark.parametrize("shift", [0, 300, -1000, 3000])
def test_joined_eyelink_files_are_read_as_parts(tmp_path: Path, shift: int) -> None:
    """The second session begins `shift` milliseconds after the first one did; each of its trials is its own."""
    one = trial(1, 2000, "a.jpg", monocular(2000)) + trial(2, 4000, "b.jpg", monocular(4000))
    two = trial(1, 2000 + shift, "c.jpg", monocular(2000 + shift)).replace("  300.5", "  600.5")
    told: list[str] = []
    found = list(eyelink.read(write_asc(tmp_path, one, two), Setup(None, None, 38, 30, 67), tell=told.append))
    places = {Path(it.stimulus).stem: np.unique(it.xy[:, 1]).tolist() for it in found}
    assert places == {"a": [301], "b": [301], "c": [601]}
    assert [len(it) for it in found] == [100, 100, 100]
    assert sum("its clock begins anew" in sentence for sentence in told) == (shift < 2000)


def test_marks_belong_to_the_part_of_the_clock_that_they_lie_in(tmp_path: Path) -> None:
    _, _, header, form, _ = READERS["pupil"]
    path = csv_of(tmp_path / "gaze.csv", header, form, CLOCKS["before"], 1e6)
    marks = tmp_path / "events.csv"
    marks.write_text("timestamp [ns],name\n900500000000,a.png\n1500000000,b.png\n")
    found = {it.stimulus: it for it in pupil_labs.read(path, SCREEN, tell=lambda _: None)}
    assert {name: np.unique(it.xy[:, 0]).tolist() for name, it in found.items()} == {"a.png": [100], "b.png": [200]}
    assert found["a.png"].time[-1] == 1496
    csv_of(path, header, form, CLOCKS["anew"], 1e6)
    marks.write_text("timestamp [ns],name\n1500000000,a.png\n1400000000,b.png\n")  # one each, as the file has them
    found = {it.stimulus: it for it in pupil_labs.read(path, SCREEN, tell=lambda _: None)}
    assert {name: np.unique(it.xy[:, 0]).tolist() for name, it in found.items()} == {"a.png": [100], "b.png": [200]}
    marks.write_text("timestamp [ns],name\n1500000000,a.png\n1600000000,b.png\n")
    with pytest.raises(RecordingError, match="clock begins anew, and events may belong to either part; split"):
        list(pupil_labs.read(path, SCREEN, tell=lambda _: None))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("away", [74_000_000.0, -800_000.0])
def test_a_few_far_times_are_left_out_and_told(tmp_path: Path, reader: str, away: float) -> None:
    read, name, header, form, unit = READERS[reader]
    base = np.arange(1_000_000, 1_002_000, 4.0)
    path = csv_of(tmp_path / name, header, form, [base, base[:100] + away], unit)
    told: list[str] = []
    (found,) = read(path, SCREEN, stimulus="a.png", tell=told.append)  # type: ignore[operator]
    assert (len(found), found.time[-1]) == (500, 1996)
    assert sum("100 times of" in sentence and "are far from all others" in sentence for sentence in told) == 1


@pytest.mark.parametrize("metadata", [{"OnsetSource": "timestamp"}, {}])
@pytest.mark.parametrize("begin", [0, 5])
def test_bids_events_may_be_on_the_clock_of_timestamp(tmp_path: Path, metadata: dict[str, str], begin: int) -> None:
    path = study(tmp_path, SIDECAR | {"StartTime": begin})
    about = metadata | {"StimulusPresentation": SHOWN, "onset": {"Units": "ms"}, "duration": {"Units": "ms"}}
    (tmp_path / "task-look_events.json").write_text(json.dumps(about))
    events(path, "70100 50 look a.jpg")
    told: list[str] = []
    (found,) = bids.read(path, tell=told.append)
    assert (found.stimulus, found.time[0], found.time[-1]) == ("a.jpg", -100, 48)
    assert sum("lie on the clock of the column timestamp" in it for it in told) == (not metadata)


def test_an_onset_source_that_is_no_column_is_refused(tmp_path: Path) -> None:
    path = study(tmp_path)
    (tmp_path / "task-look_events.json").write_text(json.dumps({"StimulusPresentation": SHOWN, "OnsetSource": "tick"}))
    events(path, "0.02 0.05 look a.jpg")
    with pytest.raises(RecordingError, match="OnsetSource is 'tick', no column of it; name 'timestamp'"):
        list(bids.read(path))
