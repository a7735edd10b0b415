"""Reports of SR Research's Data Viewer: the fixation report and the sample report of EyeLink recordings.

    RECORDING_SESSION_LABEL  TRIAL_INDEX  CURRENT_FIX_START  CURRENT_FIX_DURATION  CURRENT_FIX_X  CURRENT_FIX_Y  image
    anna                     1            212                186                   512.3          384.9          a.jpg

    RECORDING_SESSION_LABEL  TRIAL_INDEX  TIMESTAMP  LEFT_GAZE_X  LEFT_GAZE_Y  LEFT_IN_BLINK  RIGHT_GAZE_X ...

Places are pixels of the screen, times milliseconds: CURRENT_FIX_START and _END from the trial's start, TIMESTAMP of the
tracker's clock. What is unknown is empty or ".". People choose the columns: without CURRENT_FIX_START and _END onsets
are unknown, and stay so in the data set; without a duration the two make one. The picture is a variable of the trial
(image, page_name or the like), or the column that is named. Of samples the mean of both eyes is taken, and those in a
blink are lost. The screen is in no report. SR Research, EyeLink Data Viewer User's Manual, "Fixation Report".
"""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data.errors import RecordingError
from data.gaze import Fixations, Samples, Screen
from data.recorders.detect_format import Evidence, Recorder
from data.recorders.stages import maker_fixations, text_table, trials, units
from data.recorders.stages.recording_names import stem
from data.recorders.stages.text_table import TextTable, Warn

RECORDER = Recorder("eyelink-report", Evidence.COLUMNS, (".csv", ".tsv", ".txt", ".xls"))

PERSON = ("RECORDING_SESSION_LABEL", "Session_Name_", "DATA_FILE")
STIMULUS = (
    "image",
    "image_name",
    "image_file",
    "imagefile",
    "img",
    "picture",
    "picture_name",
    "pic",
    "stimulus",
    "stimulus_name",
    "stim",
    "stim_file",
    "filename",
    "file",
    "photo",
    "scene",
    "page_name",
    "trial_image",
)
UNKNOWN = (*text_table.UNKNOWN, "undefined", "undefinednull")
EYES = ("LEFT", "RIGHT")


def sniff(path: Path, start: str) -> bool:
    """Whether the header has the fixations of a fixation report, or the gaze of a sample report."""
    names = set(text_table.first_names(start))
    samples = {"leftgazex", "rightgazex", "averagegazex"} & names and {"recordingsessionlabel", "sampleindex"} & names
    return "currentfixx" in names or bool(samples)


def read(
    path: Path | str,
    screen: Screen | units.Setup | None = None,
    *,
    subject: str = "",
    stimulus: str = "",
    stimulus_column: str = "",
    tell: Warn = warnings.warn,
) -> Iterator[Samples] | Iterator[Fixations]:
    """The trials of a report; `subject` and `stimulus` are used where no column names them.

    Raises:
        RecordingError: The report lacks a column that is needed, or nothing says the screen.
    """
    path = Path(path)
    table = text_table.read(path, tell=tell)
    fixations = bool(table.find("CURRENT_FIX_X"))
    few = ("CURRENT_FIX_X", "CURRENT_FIX_Y") if fixations else ("TIMESTAMP", "TRIAL_INDEX")
    missing = [name for name in few if not table.find(name)]
    if missing:
        raise RecordingError(f"{path}: no column {missing[0]}; export it with the report of fixations or of samples.")
    display = units.geometry(path, screen, units.Setup())
    who = table.words_or(table.find(*PERSON), subject or stem(path))
    shown = table.column(stimulus_column) if stimulus_column else _named_picture(table, tell)
    pictures = np.array([name if name.casefold() not in UNKNOWN else stimulus for name in table.words_or(shown, "")])
    keys = who, pictures.astype(object), table.words_or(table.find("TRIAL_INDEX"), "")
    if not fixations:
        time = units.milliseconds(path, table.numbers(table.find("TIMESTAMP")), "", "ms", tell)
        return trials.trials(path, time, _gaze(table, display, tell), display, keys[:2], keys[2], tell)
    onset, duration = _times(table)
    written = np.stack([table.numbers(table.find(f"CURRENT_FIX_{axis}")) for axis in "XY"], 1)
    xy = units.seen(path, written, written, display, tell)
    return maker_fixations.trials(path, onset, duration, xy, display, keys, tell)


def _named_picture(table: TextTable, tell: Warn) -> str:
    """The column that seems to name the pictures; "" if none does."""
    found = next((name for it in STIMULUS if (name := table.find(it)) and _says_something(table, name)), "")
    if found:
        tell(f"{table.path}: stimulus is {found!r}.")
    return found


def _says_something(table: TextTable, name: str) -> bool:
    return any(word.casefold() not in UNKNOWN for word in table.words(name))


def _times(table: TextTable) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Onset and duration of each fixation in milliseconds, NaN where they are unknown.

    Raises:
        RecordingError: Nothing says how long they last.
    """
    names = [table.find(f"CURRENT_FIX_{what}") for what in ("START", "END", "DURATION")]
    unknown = np.full(len(table), np.nan)
    start, end, duration = (table.numbers(name) if name else unknown for name in names)
    if not names[2] and not all(names[:2]):
        problem = "it says neither CURRENT_FIX_DURATION nor both CURRENT_FIX_START and CURRENT_FIX_END"
        raise RecordingError(f"{table.path}: {problem}; export one of them.")
    duration = np.where(np.isnan(duration), end - start, duration)
    return np.where(np.isnan(start), end - duration, start), duration


def _gaze(table: TextTable, screen: Screen, tell: Warn) -> Float[np.ndarray, "n 2"]:
    """Where the eyes looked, pixels of the screen, NaN where they were lost."""
    eyes: list[Float[np.ndarray, "n 2"]] = []
    for side in EYES if table.find("LEFT_GAZE_X", "RIGHT_GAZE_X") else ("AVERAGE",):
        if not table.find(f"{side}_GAZE_X"):
            continue
        xy = np.stack([table.numbers(table.column(f"{side}_GAZE_{axis}")) for axis in "XY"], 1)
        blink = table.find(f"{side}_IN_BLINK")
        if blink:
            xy[table.numbers(blink) > 0] = np.nan
        eyes.append(xy)
    return units.of_eyes(table.path, eyes, screen, tell=tell)
