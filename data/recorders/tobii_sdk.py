"""Tobii's gaze data as programs write them through Tobii's SDKs: MATLAB, PsychToolbox, Python, Titta.

    Time        LGazePos2dx  LGazePos2dy  LValidity  RGazePos2dx  RGazePos2dy  RValidity          Analytics SDK
    2598391800  0.4553       0.5272       0          0.4616       0.4249       0

    device_time_stamp  left_gaze_point_on_display_area_x  ..._y  left_gaze_point_validity ...     Pro SDK
    2598391800         0.4553                             0.5272 1

Places are shares of the screen from its top-left corner, times microseconds. The Analytics SDK codes validity from 0
(certain) to 4 (not found) and writes -1, -1 for a lost eye; 2 and more are lost, as Tobii advises. The Pro SDK writes 1
for a valid eye, else 0 and NaN. Of both eyes the mean is taken. A file is one trial where no column names the pictures;
named by a number, as 4.tsv, it is that of the picture 4. Tobii Analytics SDK Developer Guide, "Gaze data"; Tobii Pro
SDK, "Gaze data", https://developer.tobiipro.com/commonconcepts/gaze-data.html.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders.detect_format import Evidence, Recorder
from data.recorders.stages import text_table, trials, units
from data.recorders.stages.recording_names import stem
from data.recorders.stages.text_table import TextTable, Warn

RECORDER = Recorder("tobii-sdk", Evidence.COLUMNS, (".tsv", ".csv"))


@dataclass(frozen=True)
class _Layout:
    """How an SDK's programs name the columns of one eye, and which validity is seen."""

    eyes: tuple[str, str]
    x: str
    y: str
    validity: str
    least: int
    most: int


LAYOUTS = (
    _Layout(("L", "R"), "{}GazePos2dx", "{}GazePos2dy", "{}Validity", 0, 1),
    _Layout(
        ("left", "right"),
        "{}_gaze_point_on_display_area_x",
        "{}_gaze_point_on_display_area_y",
        "{}_gaze_point_validity",
        1,
        1,
    ),
)
CLOCK = ("Time", "device_time_stamp", "system_time_stamp", "timestamp", "RelTimestamp")
PERSON, STIMULUS = ("participant", "subject"), ("stimulus", "image", "picture", "stimulus_name", "image_name")


def sniff(path: Path, start: str) -> bool:
    """Whether the header has one of the SDKs' places on the screen."""
    names = set(text_table.first_names(start))
    return any(text_table.plain(it.x.format(eye)) in names for it in LAYOUTS for eye in it.eyes)


def read(
    path: Path | str,
    screen: Screen | units.Setup | None = None,
    *,
    subject: str = "",
    stimulus: str = "",
    stimulus_column: str = "",
    tell: Warn = warnings.warn,
) -> Iterator[Samples]:
    """The trials of a file; `subject` and `stimulus` are used where no column names them.

    Raises:
        RecordingError: The file has no places or no time, or nothing says the screen.
    """
    path = Path(path)
    table = text_table.read(path, tell=tell)
    layout = next((it for it in LAYOUTS if table.find(*(it.x.format(eye) for eye in it.eyes))), None)
    clock = table.find(*CLOCK)
    if layout is None or not clock:
        what = "LGazePos2dx and LGazePos2dy" if layout is None else "Time"
        raise RecordingError(f"{path}: no column {what}; write it, as Tobii's SDK gives it.")
    display = units.geometry(path, screen, units.Setup())
    time = units.milliseconds(path, table.numbers(clock), "", "ms" if clock == "RelTimestamp" else "us", tell)
    eyes = [found for eye in layout.eyes if (found := _eye(table, layout, eye)) is not None]
    size = (float(display.width), float(display.height))
    xy = units.of_eyes(path, eyes, display, size, tell)
    shown = table.chosen(stimulus_column, *STIMULUS)
    pictures = table.words_or(shown, stimulus or (stem(path) if stem(path).isdigit() else ""))
    people = table.words_or(table.find(*PERSON), subject or stem(path))
    yield from trials.trials(path, time, xy, display, (people, pictures), tell=tell)


def _eye(table: TextTable, layout: _Layout, eye: str) -> Float[np.ndarray, "n 2"] | None:
    """Where an eye looked as written, NaN where it is not valid; None where it is not in the file."""
    x, y, validity = (table.find(name.format(eye)) for name in (layout.x, layout.y, layout.validity))
    if not (x and y):
        return None
    xy = np.stack([table.numbers(x), table.numbers(y)], 1)
    if validity:
        code = table.numbers(validity)
        xy[~((code >= layout.least) & (code <= layout.most))] = np.nan
    return xy
