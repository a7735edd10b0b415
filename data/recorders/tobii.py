"""Tobii exports: the TSV files of Pro Lab ("Recording timestamp", "Gaze point X") and of Studio ("RecordingTimestamp").

    Recording timestamp [μs]    Participant name    Presented Stimulus name    Gaze point X [DACS px]    Validity left
    16213                       P01                 forest.jpg                 812                       Valid

DACS (Studio: ADCS) pixels count from the top-left corner of the screen, as here. MCS coordinates count from the corner
of the picture: they are moved to the screen by the exported position and size of the media, or refused without those.
Units stand in the headers of newer exports; the usual step between samples tells them in older ones. A sample is lost
where neither eye is valid (Valid; Studio's codes 0 and 1). Rows of other sensors and of events are no samples; the
stretches without a stimulus and the calibration are left out. Tobii's own eye movement types are not read.
A stimulus' first sample is taken for its onset. Tobii Pro Lab User Manual, "Data export".
"""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders import delimited
from data.recorders.detect_format import Evidence, Recorder
from data.recorders.stages import text_table, trials, units
from data.recorders.stages.recording_names import stem
from data.recorders.stages.text_table import TextTable, Warn

RECORDER = Recorder("tobii", Evidence.COLUMNS, (".tsv",))

TIME = tuple(f"{clock} timestamp{unit}" for clock in ("Recording", "Eyetracker") for unit in (" [μs]", " [ms]", ""))
SCREEN = ("Gaze point X [DACS px]", "Gaze point X (DACSpx)", "Gaze point X (ADCSpx)", "Gaze point X", "Gaze point X px")
MEDIA = ("Gaze point X [MCS px]", "Gaze point X (MCSpx)", "Gaze point X [MCS norm]", "Gaze point X (MCSnorm)")
PERSON = ("Participant name", "Participant", "Recording name")
STIMULUS = ("Presented Stimulus name", "Presented Media name", "Media name", "Recording media name", "Stimulus name")
CALIBRATION = re.compile("eyetracker calibration", re.IGNORECASE)


def sniff(path: Path, start: str) -> bool:
    """Whether the header has a gaze point and one of Tobii's clocks."""
    names = text_table.first_names(start)
    clock = any(re.search("(recording|eyetracker)timestamp", name) for name in names)
    return clock and any("gazepointx" in name for name in names)


def read(
    path: Path | str,
    screen: Screen | units.Setup | None = None,
    *,
    time_unit: str = "",
    unit: str = "",
    subject: str = "",
    stimulus: str = "",
    stimulus_column: str = "",
    tell: Warn = warnings.warn,
) -> Iterator[Samples]:
    """The trials of an export; `subject` and `stimulus` are used where the file names none.

    Raises:
        RecordingError: The file is not an export of samples, or says too little of the screen.
    """
    path = Path(path)
    table = text_table.read(path, tell=tell)
    clock = table.find(*TIME)
    if not clock or not table.find(*SCREEN, *MEDIA):
        few = "Recording timestamp, Gaze point X and Gaze point Y"
        raise RecordingError(f"{path}: not a Tobii export with samples; export {few}.")
    display = units.geometry(path, screen, _setup(table))
    kept = _samples(table)
    if not kept.any():
        raise RecordingError(f"{path}: no row of it is a sample of the eye tracker; export the gaze samples.")
    hint = delimited.time_hint(clock)
    time = units.milliseconds(path, table.numbers(clock)[kept], time_unit, hint, tell)
    xy = _places(table, display, unit, tell)[kept]
    people = table.find(*PERSON)
    who = table.words(people)[kept] if people else np.full(len(time), subject or stem(path), object)
    pictures = table.chosen(stimulus_column, *STIMULUS)
    what = table.words(pictures)[kept] if pictures else np.full(len(time), stimulus, object)
    if pictures and stimulus and not any(what):
        what[:] = stimulus
    shown = np.array([bool(name or not pictures) and not CALIBRATION.match(name) for name in what], bool)
    if not shown.any():
        raise RecordingError(f"{path}: no stimulus is named in {pictures!r}; export it, or name the picture yourself.")
    recordings = table.find("Recording name")
    runs = _runs(what, table.words(recordings)[kept] if recordings else who)
    yield from trials.trials(path, time[shown], xy[shown], display, (who[shown], what[shown]), runs[shown], tell)


def _setup(table: TextTable) -> units.Setup:
    """The resolution of the recorded screen, where it is exported."""
    sides = [
        table.find(f"Recording resolution {side}", f"Recording resolution {side} px") for side in ("width", "height")
    ]
    for both in ("Recording resolution", "RecordingResolution"):
        name = table.find(both)
        match = (
            next((found for it in table.words(name) if (found := re.match(r"(\d+) ?x ?(\d+)", it))), None)
            if name
            else None
        )
        if match and int(match[1]) and int(match[2]):
            return units.Setup(int(match[1]), int(match[2]))
    if not all(sides):
        return units.Setup()
    width, height = (_first(table.numbers(side)) for side in sides)
    return units.Setup(round(width), round(height)) if width >= 1 and height >= 1 else units.Setup()


def _first(numbers: Float[np.ndarray, " n"]) -> float:
    measured = numbers[np.isfinite(numbers)]
    return float(measured[0]) if len(measured) else float("nan")


def _samples(table: TextTable) -> Bool[np.ndarray, " n"]:
    """Which rows are samples of the eye tracker."""
    kept = np.ones(len(table), bool)
    sensor, index, event = table.find("Sensor"), table.find("GazePointIndex"), table.find("Event", "StudioEvent")
    if sensor:
        kept &= np.array([name.casefold() in ("eye tracker", "eyetracker") for name in table.words(sensor)], bool)
    elif index:
        kept &= np.isfinite(table.numbers(index))
    elif event:
        gaze_cells = table.words(table.find(*SCREEN, *MEDIA))
        kept &= ~np.array(
            [bool(what) and not where for what, where in zip(table.words(event), gaze_cells, strict=True)], bool
        )
    return kept


def _runs(what: np.ndarray, recording: np.ndarray) -> np.ndarray:
    """The number of the stretch of one stimulus in one recording, pauses between two of the same counted."""
    new = np.ones(len(what), bool)
    new[1:] = (what[1:] != what[:-1]) | (recording[1:] != recording[:-1])
    return np.cumsum(new)


def _places(table: TextTable, screen: Screen, unit: str, tell: Warn) -> Float[np.ndarray, "n 2"]:
    usual = next(name for name in (*SCREEN, *MEDIA) if table.find(name))
    name, partner = table.find(usual), usual.replace("point X", "point Y")
    xy = np.stack([table.numbers(name), table.numbers(table.find(partner) or partner)], 1)
    lost = [table.find(f"Validity {side}", f"Validity{side}") for side in ("left", "right")]
    if all(lost):
        valid = [[code.casefold() in ("valid", "0", "1") for code in table.words(side)] for side in lost]
        xy[~np.any(valid, 0)] = np.nan
    if table.find(*SCREEN):
        hint = delimited.place_hint(re.sub("dacs|adcs", " ", name, flags=re.IGNORECASE))
        return units.pixels(table.path, xy, screen, unit or hint, tell)
    return units.seen(table.path, xy, _moved(table, xy, "norm" in name.casefold()), screen, tell)


def _moved(table: TextTable, xy: Float[np.ndarray, "n 2"], shares: bool) -> Float[np.ndarray, "n 2"]:
    """From the picture's coordinates to the screen's."""
    axes: list[Float[np.ndarray, " n"]] = []
    for axis, side in (("X", "width"), ("Y", "height")):
        corner = table.find(f"Presented media position {axis} (DACSpx)", f"MediaPos{axis} (ADCSpx)")
        shown = table.find(f"Presented media {side}", f"Presented media {side} px", f"Media{side}")
        original = table.find(f"Original media {side}", f"Original media {side} px")
        if not corner or (shares and not shown):
            problem = "its gaze points count from the picture's corner (MCS)"
            raise RecordingError(f"{table.path}: {problem}; export Gaze point X and Y of the screen (DACS px) too.")
        size = table.numbers(shown) if shown else np.ones(len(table))
        whole = table.numbers(original) if shown and original else size
        whole = np.where(whole > 0, whole, np.nan)
        axes.append(xy[:, len(axes)] * (size if shares else size / whole) + table.numbers(corner))
    return np.stack(axes, 1)
