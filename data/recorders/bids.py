"""Eye tracking in the Brain Imaging Data Structure (BIDS): `*_physio.tsv.gz` or `*_eyetrack.tsv.gz`.

    sub-01/beh/sub-01_task-look_recording-eye1_physio.tsv.gz      no header: the JSON names the columns
    sub-01/beh/sub-01_task-look_recording-eye1_physio.json        Columns, SamplingFrequency, StartTime, units
    sub-01/beh/sub-01_task-look_events.tsv                        onset, duration (s), stim_file or trial_type

The JSON may also lie in a folder above, as BIDS inherits them. The column `timestamp` is the clock, moved so that it
begins at StartTime where that is there; without the column, SamplingFrequency makes one. Places are pixels or shares of
the screen from what ScreenOrigin names (the top left corner unless told), or degrees; other units are refused.
ScreenSize, ScreenDistance (m) and ScreenResolution may stand in the JSON or under StimulusPresentation in that of the
events. Rows of events with a stimulus are trials: they last for their duration, or to the next such row where that is
n/a or 0. Without events the recording is one trial. `*_physioevents.tsv.gz` is not read.
https://bids-specification.readthedocs.io/en/stable/modality-specific-files/physiological-recordings.html (BEP020).
"""

import json
import math
import re
import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders.detect_format import Evidence, Recorder
from data.recorders.stages import lost_eyes, text_table, trials, units
from data.recorders.stages.recording_names import stem
from data.recorders.stages.segments import near
from data.recorders.stages.text_table import TextTable, Warn

RECORDER = Recorder(
    "bids",
    Evidence.FILE_NAME,
    ("physio.tsv.gz", "eyetrack.tsv.gz"),
    beside=("events.tsv", "participants.tsv", "channels.tsv", "scans.tsv"),
    subject_in_name=True,
)

UNITS = {"pixel": "px", "pixels": "px", "px": "px", "deg": "deg", "degree": "deg", "degrees": "deg"}
UNITS |= {"normalized": "norm", "normalised": "norm", "norm": "norm"}
CLOCKS = {"milliseconds": "ms", "millisecond": "ms", "seconds": "s", "second": "s", "microseconds": "us", "μs": "us"}
CLOCKS |= {"microsecond": "us", "nanoseconds": "ns", "nanosecond": "ns", "sec": "s", "msec": "ms"}
CLOCKS |= {unit: unit for unit in units.TIMES}
X = (
    "x_coordinate",
    "gaze_x",
    "x",
    "eye1_x_coordinate",
    "right_x_coordinate",
    "left_x_coordinate",
    "xpos_right",
    "xpos_left",
)


def sniff(path: Path, start: str) -> bool:
    """Whether a file has the name of a recording in BIDS."""
    return bool(re.search(r"_(physio|eyetrack)\.tsv(\.gz)?$", path.name.lower()))


def left_out(paths: Sequence[Path], given: Collection[Path]) -> dict[Path, str]:
    """The files of second eyes whose first eye is there, each with the reason."""
    first_eyes = {path: path.with_name(path.name.replace("_recording-eye2_", "_recording-eye1_")) for path in paths}
    second_eyes = {path: first for path, first in first_eyes.items() if first != path and first in first_eyes}
    return {
        path: f"the other eye of {first.name}, which stands in where that is lost"
        for path, first in second_eyes.items()
    }


def read(
    path: Path | str,
    screen: Screen | units.Setup | None = None,
    *,
    subject: str = "",
    stimulus: str = "",
    stimulus_column: str = "",
    tell: Warn = warnings.warn,
) -> Iterator[Samples]:
    """The trials of one recording; the subject is that of the file's name, sub-01.

    Raises:
        RecordingError: The file or its JSON is damaged, lacks something, or holds other coordinates than the screen's.
    """
    path = Path(path)
    about = _inherited(path, stem(path).rsplit("_", 1)[-1])
    names = about.get("Columns")
    if not isinstance(names, list) or not names or len(set(map(str, names))) < len(names):
        raise RecordingError(f"{path}: no JSON beside it names its Columns; add the JSON of the BIDS data set.")
    table = text_table.read(path, [str(name) for name in names], tell)
    x, y = next((pair for it in X if all(pair := (table.find(it), table.find(it.replace("x", "y"))))), ("", ""))
    system = str(about.get("SampleCoordinateSystem", "gaze-on-screen")).casefold()
    if not x or system not in ("gaze-on-screen", "gaze-in-screen", "screen"):
        what = f"its coordinates are {system}" if x else "it has no column x_coordinate and y_coordinate"
        raise text_table.UnlikeError(f"{path}: {what}; gaze needs coordinates on the screen.")
    shown = _shown(path) | about
    display = units.geometry(path, screen, _setup(shown))
    unit = _unit(path, about, x, UNITS)
    frame = _frame(shown) if unit != "deg" else units.CORNER
    xy = units.pixels(path, np.stack([table.numbers(x), table.numbers(y)], 1), display, unit, tell, frame)
    other = _other_eye(path, [str(name) for name in names], table, (x, y))
    if other is not None:
        xy = lost_eyes.joined(xy, units.pixels(path, other, display, unit, tell, frame), "left")
    clock = table.find("timestamp", "time")
    stamps = table.numbers(clock) if clock else None
    who = subject or stem(path).split("_")[0]
    marks = _marks(path, stimulus_column, tell)
    time = _clock(path, about, stamps, clock, len(table), marks, tell)
    yield from trials.whole(path, time, xy, display, (who, stimulus), marks, tell)


def _other_eye(path: Path, names: list[str], table: TextTable, axes: tuple[str, str]) -> np.ndarray | None:
    """The places of the second eye, where its file lies beside and has the same columns and times."""
    beside = path.with_name(path.name.replace("_recording-eye1_", "_recording-eye2_"))
    if beside == path or not beside.is_file():
        return None
    try:
        if [str(name) for name in _inherited(beside, stem(beside).rsplit("_", 1)[-1]).get("Columns", [])] != names:
            return None
        other = text_table.read(beside, names, tell=lambda _: None)
        clock = table.find("timestamp", "time")
        same = len(other) == len(table) and (
            not clock or np.array_equal(other.numbers(clock), table.numbers(clock), equal_nan=True)
        )
        return np.stack([other.numbers(axis) for axis in axes], 1) if same else None
    except RecordingError:  # told of where it is read by itself
        return None


def _document(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise RecordingError(f"{path}: not JSON; mend it.") from error
    if not isinstance(content, dict):
        raise RecordingError(f"{path}: not a JSON object; write {{ ... }}.")
    return content


def _inherited(path: Path, suffix: str) -> dict[str, Any]:
    """All that the JSON files of this suffix say of a file, from the top of the data set down."""
    parts = set(stem(path).split("_")[:-1])
    inherited: dict[str, Any] = {}
    folders = [path.parent, *list(path.absolute().parents)[1:5]]
    root = next((i for i, folder in enumerate(folders) if (folder / "dataset_description.json").is_file()), 0)
    for folder in reversed(folders[: root + 1]):
        mine = [it for it in folder.glob(f"*{suffix}.json") if set(it.stem.split("_")[:-1]) <= parts]
        for file in sorted(mine, key=lambda it: len(it.name)):
            inherited |= _document(file)
    return inherited


def _shown(path: Path) -> dict[str, Any]:
    presentation = _inherited(path, "events").get("StimulusPresentation")
    return presentation if isinstance(presentation, dict) else {}


def _setup(about: dict[str, Any]) -> units.Setup:
    size, cells = (_pair(about.get(name)) for name in ("ScreenSize", "ScreenResolution"))
    distance = about.get("ScreenDistance")
    far = _pair([distance, distance])
    width, height = (round(cells[0]), round(cells[1])) if cells and min(cells) >= 1 else (None, None)
    # Metres, as BIDS has it; a screen of more than 3, or farther than 5, is taken for centimetres.
    wide, high = (side * (100 if max(size) <= 3 else 1) for side in size) if size else (None, None)
    return units.Setup(width, height, wide, high, far[0] * (100 if far[0] <= 5 else 1) if far else None)


def _pair(value: object) -> tuple[float, float] | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    sides = [_number(side) for side in value]
    return (sides[0], sides[1]) if all(side > 0 for side in sides) else None


def _number(value: object) -> float:
    """A number of a JSON file, also one in quotation marks; NaN where it is none, or as large as no float."""
    try:
        number = float(value) if isinstance(value, int | float | str) else math.nan
    except (OverflowError, ValueError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _unit(path: Path, about: dict[str, Any], column: str, units: dict[str, str]) -> str:
    """The unit of a column: its own, else (as drafts of BEP020 had it) that of all places, else ""."""
    own = about.get(column)
    all_places = about.get("SampleCoordinateUnits", about.get("SampleCoordinateUnit")) if units is UNITS else None
    said = str((own.get("Units") if isinstance(own, dict) else None) or all_places or "").strip().casefold()
    if said not in units and said not in text_table.UNKNOWN:
        usual = ", ".join(dict.fromkeys(units.values()))
        raise RecordingError(f"{path}: its {column} is in {said[:40]!r}; gaze reads {usual}: convert it.")
    return units.get(said, "")


def _frame(about: dict[str, Any]) -> units.Frame:
    """What the coordinates count from: a corner or the middle."""
    origin = about.get("ScreenOrigin")
    words = [str(word).casefold() for word in origin] if isinstance(origin, list) else []
    if "center" in words or "centre" in words:
        return 0.5, 0.5, 1, 1
    right, bottom = "right" in words, "bottom" in words
    return float(right), float(bottom), -1 if right else 1, -1 if bottom else 1


def _clock(
    path: Path,
    about: dict[str, Any],
    stamps: Float[np.ndarray, " n"] | None,
    name: str,
    count: int,
    marks: trials.Marks | None,
    tell: Warn,
) -> Float[np.ndarray, " n"]:
    """The time of each sample on the clock of the events, in milliseconds."""
    rate, begin = _number(about.get("SamplingFrequency")), 1000 * _number(about.get("StartTime"))
    if stamps is None:
        if not 0 < rate < units.MAX_RATE:
            raise RecordingError(f"{path}: neither a column timestamp nor a SamplingFrequency; add one to its JSON.")
        return np.arange(count) * 1000 / rate + (0 if math.isnan(begin) else begin)
    time = units.milliseconds(path, stamps, "", _unit(path, about, name, CLOCKS), tell)
    measured = time[np.isfinite(time)]
    if math.isnan(begin) or not len(measured):
        return time
    moved = time - measured[near(measured)][0] + begin
    source = str(_inherited(path, "events").get("OnsetSource") or "").strip()
    if source and source.casefold() not in text_table.UNKNOWN:
        if source.casefold() != name.casefold():
            raise RecordingError(f"{path}: its events' OnsetSource is {source!r}, no column of it; name {name!r}.")
        return time
    if marks is not None and _inside(marks, time) and not _inside(marks, moved):
        tell(f"{path}: its events lie on the clock of the column {name}, not on that of StartTime; they are read so.")
        return time
    return np.asarray(moved)


def _inside(marks: trials.Marks, time: Float[np.ndarray, " n"]) -> bool:
    """Whether most of the events lie among these times."""
    return float(((marks.onset >= np.nanmin(time) - 1000) & (marks.onset <= np.nanmax(time))).mean()) > 0.5


def _marks(path: Path, column: str, tell: Warn) -> trials.Marks | None:
    """When each trial began, from the events of the same run; `column` holds the pictures' names."""
    parts = stem(path).split("_")[:-1]
    beside = path.with_name("_".join([part for part in parts if not part.startswith("recording-")] + ["events.tsv"]))
    if not beside.is_file():
        return None
    table = text_table.read(beside, tell=tell)
    usual = table.find("stim_file", "stimulus", "image", "picture")
    name = table.column(column) if column else usual or table.column_of_pictures() or table.find("trial_type")
    if not table.find("onset") or not name:
        return None
    about = _inherited(path, "events")
    onsets, lasting = (
        table.numbers(found) * units.TIMES[_unit(path, about, found, CLOCKS) or "s"] if found else np.zeros(len(table))
        for found in (table.find("onset"), table.find("duration"))
    )
    labels = table.words(name)
    shown = np.isfinite(onsets) & np.array([label.casefold() not in text_table.UNKNOWN for label in labels], bool)
    mend = "write its StartTime in seconds of the events' clock into its JSON"
    marks = trials.Marks(onsets[shown], lasting[shown], labels[shown], mend)
    return marks if len(marks) else None
