"""Eye tracking in the Brain Imaging Data Structure (BIDS): `*_physio.tsv.gz` or `*_eyetrack.tsv.gz`.

    sub-01/beh/sub-01_task-look_recording-eye1_physio.tsv.gz      no header: the JSON names the columns
    sub-01/beh/sub-01_task-look_recording-eye1_physio.json        Columns, SamplingFrequency, StartTime, units
    sub-01/beh/sub-01_task-look_events.tsv                        onset, duration (s), stim_file or trial_type

The JSON may also lie in a folder above, as BIDS inherits them. The column `timestamp` is the clock, moved so that it
begins at StartTime where that is there; without the column, SamplingFrequency makes one. Places are pixels from what
ScreenOrigin names (the top left corner unless told), or degrees. ScreenSize, ScreenDistance (m) and ScreenResolution
may stand in the JSON or under StimulusPresentation in that of the events. Rows of events with a stimulus are trials,
from their onset to the next event; without events the recording is one trial. `*_physioevents.tsv.gz` is not read.
https://bids-specification.readthedocs.io/en/stable/modality-specific-files/physiological-recordings.html (BEP020).
"""

import json
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from data import RecordingError, cut, sheet
from data.check import reason
from data.gaze import Samples, Screen
from data.sheet import Tell

UNITS = {"pixel": "px", "pixels": "px", "px": "px", "deg": "deg", "degree": "deg", "degrees": "deg"}
UNITS |= {"normalized": "norm", "normalised": "norm", "norm": "norm"}
CLOCKS = {"milliseconds": "ms", "millisecond": "ms", "seconds": "s", "second": "s", "microseconds": "us", "μs": "us"}
CLOCKS |= {unit: unit for unit in cut.TIMES}
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


def read(
    path: Path | str,
    screen: Screen | cut.Setup | None = None,
    *,
    subject: str = "",
    stimulus: str = "",
    tell: Tell = warnings.warn,
) -> Iterator[Samples]:
    """The trials of one recording; the subject is that of the file's name, sub-01."""
    path = Path(path)
    about = _inherited(path, path.name.split(".")[0].rsplit("_", 1)[-1])
    names = about.get("Columns")
    if not isinstance(names, list) or not names or len(set(map(str, names))) < len(names):
        raise RecordingError(f"{path}: no JSON beside it names its Columns; add the JSON of the BIDS data set.")
    table = sheet.read(path, [str(name) for name in names], tell)
    x = table.find(*X)
    y = table.find(x.replace("x", "y"))
    system = str(about.get("SampleCoordinateSystem", "gaze-on-screen")).casefold()
    if not x or not y or system not in ("gaze-on-screen", "gaze-in-screen", "screen"):
        what = f"its coordinates are {system}" if x and y else "it has no column x_coordinate and y_coordinate"
        raise RecordingError(f"{path}: {what}; gaze needs coordinates on the screen.")
    display = cut.geometry(path, screen, _setup(_shown(path) | about))
    places = np.stack([table.numbers(x), table.numbers(y)], 1)
    unit = _unit(about, x, UNITS)
    xy = cut.pixels(path, _upright(places, _shown(path) | about, display, unit), display, unit, tell)
    clock = table.find("timestamp", "time")
    stamps = table.numbers(clock) if clock else None
    time, xy = cut.rising(_clock(path, about, stamps, clock, len(table), tell), xy)
    if not len(time):
        raise RecordingError(f"{path}: no row has a time; check the column timestamp.")
    who = subject or path.name.split("_")[0].split(".")[0]
    marks = _marks(path, tell)
    if marks:
        yield from cut.at(time, xy, marks, who, display)
    else:
        yield Samples(who, stimulus, time - time[0], xy, display)


def _document(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise RecordingError(f"{path}: not JSON ({reason(error)}); mend it.") from error
    if not isinstance(found, dict):
        raise RecordingError(f"{path}: not a JSON object; write {{ ... }}.")
    return found


def _inherited(path: Path, suffix: str) -> dict[str, Any]:
    """All that the JSON files of this suffix say of a file, from the top of the data set down."""
    parts = set(path.name.split(".")[0].split("_")[:-1])
    found: dict[str, Any] = {}
    folders = [path.parent, *list(path.absolute().parents)[1:5]]
    root = next((i for i, folder in enumerate(folders) if (folder / "dataset_description.json").is_file()), 0)
    for folder in reversed(folders[: root + 1]):
        mine = [it for it in folder.glob(f"*{suffix}.json") if set(it.name.split(".")[0].split("_")[:-1]) <= parts]
        for file in sorted(mine, key=lambda it: len(it.name)):
            found |= _document(file)
    return found


def _shown(path: Path) -> dict[str, Any]:
    found = _inherited(path, "events").get("StimulusPresentation")
    return found if isinstance(found, dict) else {}


def _setup(about: dict[str, Any]) -> cut.Setup:
    size, cells = (_pair(about.get(name)) for name in ("ScreenSize", "ScreenResolution"))
    distance = about.get("ScreenDistance")
    far = _pair([distance, distance])
    width, height = (round(cells[0]), round(cells[1])) if cells and min(cells) >= 1 else (None, None)
    # Metres, as BIDS has it; a screen of more than 3, or farther than 5, is taken for centimetres.
    wide, high = (side * (100 if max(size) <= 3 else 1) for side in size) if size else (None, None)
    return cut.Setup(width, height, wide, high, far[0] * (100 if far[0] <= 5 else 1) if far else None)


def _pair(value: object) -> tuple[float, float] | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    good = all(isinstance(side, int | float) and math.isfinite(side) and side > 0 for side in value)
    return (float(value[0]), float(value[1])) if good else None


def _unit(about: dict[str, Any], column: str, units: dict[str, str]) -> str:
    """The unit of a column: its own, else (as drafts of BEP020 had it) that of all places, else ""."""
    own = about.get(column)
    all_places = about.get("SampleCoordinateUnits", about.get("SampleCoordinateUnit"))
    said = str((own.get("Units") if isinstance(own, dict) else None) or all_places or "").casefold()
    return units.get(said, said if said in units.values() else "")


def _upright(
    xy: Float[np.ndarray, "n 2"], about: dict[str, Any], screen: Screen, unit: str
) -> Float[np.ndarray, "n 2"]:
    """From the corner or the middle that the coordinates count from to the top-left corner."""
    origin = about.get("ScreenOrigin")
    words = [str(word).casefold() for word in origin] if isinstance(origin, list) else []
    size = np.ones(2) if unit == "norm" else np.array([screen.width, screen.height])
    if unit == "deg" or not words:
        return xy
    if "center" in words or "centre" in words:
        return np.asarray(xy + size / 2)
    return np.where(["right" in words, "bottom" in words], size - xy, xy)


def _clock(
    path: Path, about: dict[str, Any], stamps: Float[np.ndarray, " n"] | None, name: str, count: int, tell: Tell
) -> Float[np.ndarray, " n"]:
    rate, start = about.get("SamplingFrequency"), about.get("StartTime")
    begin = 1000 * start if isinstance(start, int | float) and math.isfinite(start) else None
    if stamps is not None:
        time = cut.milliseconds(path, stamps, "", _unit(about, name, CLOCKS), tell)
        known = time[np.isfinite(time)]
        return time if begin is None or not len(known) else time - known.min() + begin
    if not isinstance(rate, int | float) or not 0 < rate < cut.FASTEST:
        raise RecordingError(f"{path}: neither a column timestamp nor a SamplingFrequency; add one to its JSON.")
    return np.arange(count) * 1000 / rate + (begin or 0)


def _marks(path: Path, tell: Tell) -> list[tuple[float, float, str]]:
    """Onset and end (ms) and stimulus of each trial, from the events of the same run."""
    parts = path.name.split(".")[0].split("_")[:-1]
    beside = path.with_name("_".join([part for part in parts if not part.startswith("recording-")] + ["events.tsv"]))
    if not beside.is_file():
        return []
    table = sheet.read(beside, tell=tell)
    name = table.find("stim_file", "stimulus", "image", "picture", "trial_type")
    if not table.find("onset") or not name:
        return []
    onsets, labels = table.numbers(table.find("onset")) * 1000, table.words(name)
    rows = [row for row in np.argsort(onsets) if np.isfinite(onsets[row])]
    found = zip((float(onsets[row]) for row in rows), cut.ends([float(onsets[row]) for row in rows]), rows, strict=True)
    return [(start, end, labels[row]) for start, end, row in found if labels[row].casefold() not in sheet.UNKNOWN]
