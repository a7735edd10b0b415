"""EyeLink recordings as ASC files, which SR Research's `edf2asc` makes of EDF files.

    MSG  2095865 TRIALID 3                              a trial begins
    MSG  2095866 !V IMGLOAD CENTER images/forest.jpg    its picture; or TRIAL_VAR image forest.jpg
    START 2095870 ... END ...                           a stretch of recording
    MSG  2095902 -4 SYNCTIME                            the picture's onset, 4 ms after the message was sent
    MSG  2098910 TRIAL_RESULT 0                         its end; with -1 it was broken off and is left out

A trial lasts from its TRIALID to the next. In a file without any it is a stretch from START to END, or a part of one:
a second onset begins another, and so does another IMGLOAD after the onset, or in a file without onsets. Onset and end
are the first messages that match `onset` and, after it, `end`; without an onset the first sample, which is said, and
the last end. Samples from before the onset keep negative times. The picture is the last that is named up to the onset,
else the first after it; between stretches, IMGLOAD speaks of the next and TRIAL_VAR of the last if that has none.

The tracker's own fixations and saccades are not read. DISPLAY_COORDS 0 0 1023 767 names the outermost pixels of 1024 x
768; EyeLink counts them from 0, which is taken for the centre of the first one: 0.5 is added (assumed; half a pixel at
most). `data.recorders._eyelink_asc` reads the lines. SR Research, EyeLink Data Viewer User's Manual, "Protocol for
EyeLink Data to Viewer Integration".
"""

import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

import numpy as np
from jaxtyping import Float

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.picture_file import SUFFIXES
from data.recorders import _eyelink_asc, _text_table, _trials, _units
from data.recorders._recording_names import stem
from data.recorders._text_table import Warn
from data.recorders.detect_format import Evidence, Recorder

RECORDER = Recorder("eyelink", Evidence.LINES, (".asc",))

ONSET = r"^(SYNCTIME|DISPLAY[ _]ON|(stim\w*|picture|image|display)[ _]?(onset|on\b|start))"
END = (
    r"^(TRIAL_RESULT|TRIAL[ _]OK|TRIAL[ _]END|BLANK_SCREEN|TIMEOUT"
    r"|(stim\w*|picture|image|display)[ _]?(offset|off\b|end))"
)
BROKEN = re.compile(
    r"TRIAL_RESULT\s+-\d|TRIAL[ _](ABORTED|REPEATED|SKIPPED|ERROR)|!V\s+TRIAL_VAR\s+Trial_Recycled_?\s+(True|1)\b", re.I
)
SHOWN = (
    re.compile(r"!V\s+IMGLOAD\s+\w+\s+(?:-?\d+\s+)*(?P<name>.*?\.\w{3,4})(?:\s+-?[\d.]+)*\s*$", re.I),
    re.compile(r"!V\s+IMGLOAD\s+\w+\s+(?:-?\d+\s+)*(?P<name>\S+)", re.I),
)
VARIABLE = re.compile(r"(?:!V\s+TRIAL_VAR|var)\s+(?P<variable>\S+)\s+(?P<name>.+?)\s*$", re.I)
PICTURES = ("image", "img", "picture", "pic", "stimulus", "stim", "filename")  # variables that hold nothing else
LIKELY = re.compile("image|img|pict?|stim|file|photo|scene", re.I)  # those that may
EYES = ("auto", "left", "right", "both")
TOGETHER = 100.0  # milliseconds within which two messages of an onset, as SYNCTIME and DISPLAY ON, are of the same


@dataclass
class _Trial:
    start: float
    end: float = math.inf
    onset: float = math.nan
    stimulus: str = ""
    broken: bool = False  # off before its end


def sniff(path: Path, start: str) -> bool:
    """Whether a file is named .asc, or has lines of messages, of a start or of what is recorded."""
    return path.name.lower().endswith(".asc") or bool(re.search(r"^(MSG|START|SAMPLES)\s", start, re.MULTILINE))


def read(
    path: Path | str,
    screen: Screen | _units.Setup | None = None,
    *,
    eye: str = "auto",
    margin: float = 0.0,
    onset: str = ONSET,
    end: str = END,
    subject: str = "",
    stimulus: str = "",
    tell: Warn = warnings.warn,
) -> Iterator[Samples]:
    """The trials of an ASC file. The subject is the file's name unless it is given.

    `eye` is left, right, both (their mean, or the one that is there) or auto: of two the one lost less often. Samples
    within `margin` milliseconds of a blink are lost too. `onset` and `end` are regular expressions that are searched in
    the messages; `stimulus` is used where no message names a picture, otherwise the path in the message is.

    Raises:
        RecordingError: The file is no ASC file with samples, or an option is none.
    """
    path = Path(path)
    if eye not in EYES:
        raise RecordingError(f"{path}: no eye {eye!r}; choose one of {', '.join(EYES)}.")
    try:
        marks = re.compile(onset, re.IGNORECASE), re.compile(end, re.IGNORECASE)
    except re.error as error:
        raise RecordingError(f"{path}: a pattern of messages is no regular expression ({error}); mend it.") from error
    content = _text_table.text(path, tell)
    if not re.search(r"^(START|MSG|SAMPLES)\s", content, re.MULTILINE):
        raise RecordingError(f"{path}: not an EyeLink ASC file; convert the EDF file with edf2asc.")
    origin, in_file = _eyelink_asc.screen(content)
    display = _units.geometry(path, screen, in_file)
    eyes = _eyelink_asc.samples(path, content, margin, tell).items()
    parts = [(time, _chosen(path, places, eye, names, tell)) for names, (time, places) in eyes if len(time)]
    if not parts:
        raise RecordingError(f"{path}: no sample in it; convert the EDF file with samples (edf2asc without -e).")
    time, xy = _trials.rising(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    xy = xy + 0.5 - origin
    _units.warn_if_off_screen(path, xy, display, tell)
    trials = _unbroken(path, _TrialFinder(list(_eyelink_asc.lines(content)), *marks).trials, tell)
    yield from _samples(trials, time, xy, subject or stem(path), stimulus, display)


def _chosen(path: Path, places: Float[np.ndarray, "n e 2"], eye: str, eyes: str, tell: Warn) -> np.ndarray:
    measured = np.isfinite(places).all(2)
    if eyes != "LR":
        side = {"L": "left", "R": "right"}[eyes]
        if eye in ("left", "right") and eye != side:
            raise RecordingError(f"{path}: only the {side} eye was recorded, not the {eye}; choose auto.")
        return np.asarray(places[:, 0])
    if eye == "both":
        first, second = places[:, 0], places[:, 1]
        mean = (first + second) / 2
        return np.where(measured.all(1)[:, None], mean, np.where(measured[:, :1], first, second))
    index = ("left", "right").index(eye) if eye != "auto" else int(np.argmax(measured.mean(0)))
    if eye == "auto":
        side, share = ("left", "right")[index], measured.mean(0)[index]
        tell(f"{path}: of both eyes the {side} one is taken, seen in {share:.0%}.")
    return np.asarray(places[:, index])


class _TrialFinder:
    """The trials that the messages of a file tell of."""

    def __init__(self, lines: list[_eyelink_asc.Line], onset: re.Pattern[str], end: re.Pattern[str]) -> None:
        messages = [line.words for line in lines if line.kind == "MSG"]
        self.onset, self.end, self.trials = onset, end, list[_Trial]()
        self.numbered = any(words.startswith("TRIALID") for words in messages)
        self.marked = any(onset.search(words) for words in messages)
        self.recording, self.next = False, ""  # whether between START and END; the name of the picture to come
        for line in lines:
            if line.kind == "MSG":
                self._message(line)
            elif not self.numbered:
                self._stretch(line)

    def _begin(self, time: float, stimulus: str = "") -> _Trial:
        for last in self.trials[-1:]:
            last.end = min(last.end, time)
        self.trials.append(_Trial(time, stimulus=stimulus))
        self.next = ""
        return self.trials[-1]

    def _stretch(self, line: _eyelink_asc.Line) -> None:
        self.recording = line.kind == "START"
        if self.recording:
            self._begin(line.time, self.next)
        else:
            self.next = ""

    def _message(self, line: _eyelink_asc.Line) -> None:
        name, variable = _named(line.words)
        if self.numbered and line.words.startswith("TRIALID"):
            self._begin(line.time)
        elif self.trials and BROKEN.match(line.words):
            self.trials[-1].broken = True
        elif self.numbered or self.recording:
            if name:
                self._name(name, variable, line.time)
            if not variable:
                self._mark(line)
        elif name and variable and self.trials and not self.trials[-1].stimulus:
            self.trials[-1].stimulus = name
        elif name:
            self.next = name

    def _name(self, name: str, variable: bool, time: float) -> None:
        """A picture's name, in a trial if there is one."""
        for trial in self.trials[-1:]:
            early = math.isnan(trial.onset) and (self.numbered or self.marked)
            if early or not trial.stimulus:
                trial.stimulus = name
            elif variable:
                self.next = name
            elif not self.numbered and (name != trial.stimulus or trial.end < time):
                self._begin(time, name)

    def _mark(self, line: _eyelink_asc.Line) -> None:
        """A message that may be the onset or the end of the last trial, or the onset of another."""
        for trial in self.trials[-1:]:
            if self.onset.search(line.words):
                if not self.numbered and line.time > trial.onset + TOGETHER:
                    trial = self._begin(line.time, self.next)
                if math.isnan(trial.onset):
                    trial.onset, trial.end = line.time, math.inf
            elif self.end.search(line.words):
                trial.end = line.time if math.isnan(trial.onset) else min(trial.end, line.time)


def _named(words: str) -> tuple[str, bool]:
    """The picture that a message names, and whether it does so as a variable of the trial."""
    variable = VARIABLE.match(words)
    match = variable or next((match for pattern in SHOWN if (match := pattern.match(words))), None)
    name = PureWindowsPath(match["name"].strip("\"'")) if match else PureWindowsPath()
    if variable and variable["variable"].lower() not in PICTURES:
        name = name if LIKELY.search(variable["variable"]) and name.suffix.lower() in SUFFIXES else PureWindowsPath()
    return name.as_posix() if name.name else "", bool(variable)


def _unbroken(path: Path, trials: list[_Trial], tell: Warn) -> list[_Trial]:
    """The trials that were not broken off."""
    kept = [trial for trial in trials if not trial.broken]
    if len(kept) < len(trials):
        broken = f"{len(trials) - len(kept)} of {len(trials)} trials were broken off (TRIAL_RESULT -1 or the like)"
        tell(f"{path}: {broken}; they are left out.")
    unmarked = sum(math.isnan(trial.onset) for trial in kept)
    if unmarked:
        tell(f"{path}: {unmarked} of {len(kept)} trials have no message of the picture's onset; they begin at START.")
    return kept if trials else [_Trial(-math.inf)]


def _samples(
    trials: list[_Trial],
    time: Float[np.ndarray, " n"],
    xy: Float[np.ndarray, "n 2"],
    subject: str,
    stimulus: str,
    screen: Screen,
) -> Iterator[Samples]:
    for trial in trials:
        first, last = np.searchsorted(time, [trial.start, trial.end])
        if last > first:
            onset = time[first] if math.isnan(trial.onset) else trial.onset
            yield Samples(subject, trial.stimulus or stimulus, time[first:last] - onset, xy[first:last], screen)
