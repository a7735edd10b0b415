"""iMotions exports: one row a sample of any sensor, those of the eye tracker among them.

    #Respondent Name,Anna                                       lines about the study, each with # before it
    #DATA
    Row,Timestamp,EventSource,SlideEvent,SourceStimuliName,ET_GazeLeftx,ET_GazeLefty,ET_GazeRightx,ET_GazeRighty
    1,16.7,1,StartMedia,forest.jpg,,,,
    2,17.3,2,,forest.jpg,812.4,430.0,815.1,433.2

Timestamps are milliseconds, places pixels of the screen from its top-left corner. A lost eye is -1, -1; of both eyes
the mean is taken. Rows of other sensors, in which all columns of the eye tracker are empty, are no samples. A trial
lasts from StartMedia to EndMedia or to the next StartMedia; without these it is a stretch of one SourceStimuliName.
Written from the published documentation; no real file was at hand. iMotions Help Center, "Sensor data export".
"""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders.detect_format import Evidence, Recorder
from data.recorders.stages import text_table, trials, units
from data.recorders.stages.recording_names import stem
from data.recorders.stages.text_table import TextTable, Warn

RECORDER = Recorder("imotions", Evidence.LINES, (".csv", ".tsv", ".txt"))

EYES = (("ET_GazeLeftx", "GazeLeftx"), ("ET_GazeRightx", "GazeRightx"))
BOTH = ("Gaze X", "GazeX", "ET_GazeX")
STIMULUS = ("SourceStimuliName", "StimulusName", "SourceStimuli")
HEADER = re.compile(r"^[^#\n]*\b(ET_Gaze(Left|Right)?x|SourceStimuliName)\b", re.MULTILINE)


def sniff(path: Path, start: str) -> bool:
    """Whether a line names the columns of an eye tracker in iMotions."""
    return bool(HEADER.search(start))


def read(
    path: Path | str,
    screen: Screen | units.Setup | None = None,
    *,
    subject: str = "",
    stimulus: str = "",
    stimulus_column: str = "",
    tell: Warn = warnings.warn,
) -> Iterator[Samples]:
    """The trials of an export; `subject` and `stimulus` are used where the file names none.

    Raises:
        RecordingError: No row is a sample of an eye tracker, or nothing says the screen.
    """
    path = Path(path)
    content = re.sub(r'^"(?=#)', "#", text_table.text(path, tell), flags=re.MULTILINE)
    table = text_table.parse(path, content, tell=tell)
    clock = table.find("Timestamp", "Timestamp [ms]")
    columns = [name for names in (*EYES, BOTH) if (name := table.find(*names))]
    if not clock or not columns:
        what = "Timestamp" if columns else "ET_GazeLeftx"
        raise RecordingError(f"{path}: no column {what}; export the samples of the eye tracker with their times.")
    display = units.geometry(path, screen, units.Setup())
    kept = _samples(table, columns)
    if not kept.any():
        raise RecordingError(f"{path}: no row of it is a sample of an eye tracker; export ET_GazeLeftx and the others.")
    named = re.search(r"^#+ ?Respondent(?: Name)?[,;\t:]+ *\"?([^,;\t\n\"]+)", content, re.MULTILINE | re.IGNORECASE)
    who = (named[1].strip() if named else "") or subject or stem(path)
    milliseconds = table.numbers(clock)
    time = units.milliseconds(path, milliseconds[kept], "", "ms", tell)
    xy = _places(table, display, kept, tell)
    shown = table.chosen(stimulus_column, *STIMULUS)
    pictures = table.words_or(shown, "")
    marks = None if stimulus_column else _marks(table, milliseconds, pictures)
    if marks is not None:
        yield from trials.whole(path, time, xy, display, (who, stimulus), marks, tell)
        return
    pictures = np.array([name or stimulus for name in pictures], object)[kept]
    yield from trials.trials(path, time, xy, display, (np.full(len(time), who, object), pictures), tell=tell)


def _samples(table: TextTable, columns: list[str]) -> Bool[np.ndarray, " n"]:
    """Which rows are the eye tracker's: those in which it wrote anything."""
    also = table.find("ET_TimeSignal")
    written = [table.words(name) != "" for name in [*columns, *([also] if also else [])]]
    return np.asarray(np.any(written, 0))


def _places(table: TextTable, screen: Screen, kept: Bool[np.ndarray, " n"], tell: Warn) -> Float[np.ndarray, "n 2"]:
    eyes = []
    for name in (table.find(*names) for names in EYES):
        if name:
            partner = table.column(re.sub("x$", "y", name, flags=re.IGNORECASE))
            eyes.append(np.stack([table.numbers(name), table.numbers(partner)], 1)[kept])
    eyes = [np.where((eye == -1).any(1)[:, None], np.nan, eye) for eye in eyes]
    if not eyes:
        name = table.find(*BOTH)
        partner = table.column(re.sub("X$", "Y", name, flags=re.IGNORECASE))
        eyes = [np.stack([table.numbers(name), table.numbers(partner)], 1)[kept]]
    return units.of_eyes(table.path, eyes, screen, tell=tell)


def _marks(table: TextTable, time: Float[np.ndarray, " n"], pictures: np.ndarray) -> trials.Marks | None:
    """When each medium began, and where one ended, which ends its trial; None where the file says neither."""
    column = table.find("SlideEvent")
    if not column or not any(pictures):
        return None
    events = table.words(column)
    begins, ends = events == "StartMedia", events == "EndMedia"
    rows = np.flatnonzero((begins | ends) & np.isfinite(time))
    if not begins[rows].any():
        return None
    names = np.array([pictures[row] if begins[row] else None for row in rows], object)
    return trials.Marks(time[rows], np.zeros(len(rows)), names, "export the events of this recording with its samples")
