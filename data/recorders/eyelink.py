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
from data.recorders import _eyelink_asc
from data.recorders._eyelink_asc import Eyes
from data.recorders.detect_format import Evidence, Recorder
from data.recorders.stages import lost_eyes, text_table, trials, units
from data.recorders.stages.recording_names import stem
from data.recorders.stages.stimuli import tidy
from data.recorders.stages.text_table import Warn

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
    screen: Screen | units.Setup | None = None,
    *,
    eye: str = "auto",
    margin: float = 0.0,
    onset: str = ONSET,
    end: str = END,
    subject: str = "",
    stimulus: str = "",
    stimulus_column: str = "",
    tell: Warn = warnings.warn,
) -> Iterator[Samples]:
    """The trials of an ASC file. The subject is the file's name unless it is given.

    `eye` is left, right, both (their mean) or auto: of two the one lost less often; with these two the other eye stands
    in where one is lost. With left or right, trials that were recorded without that eye are left out. Samples within
    `margin` milliseconds of a blink are lost too. `onset` and `end` are regular expressions that are searched in the
    messages; `stimulus` is used where no message names a picture, otherwise the path in the message is, or the
    variable of the trial that `stimulus_column` names.

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
    content = text_table.text(path, tell)
    if not re.search(r"^(START|MSG|SAMPLES)\s", content, re.MULTILINE):
        raise RecordingError(f"{path}: not an EyeLink ASC file; convert the EDF file with edf2asc.")
    origin, in_file = _eyelink_asc.screen(content)
    display = units.geometry(path, screen, in_file)
    sessions = _eyelink_asc.sessions(path, content, margin, tell)
    if len(sessions) > 1:
        tell(f"{path}: its clock begins anew; it is read as {len(sessions)} parts.")
    parts = [_on_screen(part, origin, display) for _, part in sessions]
    side = _side(path, eye, parts, tell)
    found = [_TrialFinder(list(_eyelink_asc.lines(piece)), *marks, stimulus_column).trials for piece, _ in sessions]
    places = [xy for part in parts for _, eyes in part.values() for xy in eyes.swapaxes(0, 1)]
    units.warn_if_off_screen(path, np.concatenate(places), display, tell)
    _check(path, [trial for trials in found for trial in trials], tell)
    if stimulus_column and not any(trial.stimulus for own in found for trial in own):
        raise RecordingError(f"{path}: no message has a variable {stimulus_column!r}; name one of TRIAL_VAR.")
    cut = list(zip(found, parts, strict=True))
    yield from _samples(path, cut, side, (subject or stem(path), stimulus), display, tell)


def _samples(
    path: Path, cut: list[tuple[list[_Trial], Eyes]], side: str, names: tuple[str, str], display: Screen, tell: Warn
) -> Iterator[Samples]:
    """The trials of each session; `names` are the subject's and, where no message has one, the stimulus'."""
    without: list[_Trial] = []
    partly = 0
    for own, part in cut:
        time, xy, recorded = _chosen(part, side)
        for trial in own or [_Trial(-math.inf)]:
            rows = slice(*np.searchsorted(time, [trial.start, trial.end]))
            if trial.broken or rows.stop <= rows.start:
                continue
            if not recorded[rows].any():
                without.append(trial)
                continue
            partly += int(not recorded[rows].all())
            zero = time[rows][0] if math.isnan(trial.onset) else trial.onset
            shown = names[0], trial.stimulus or names[1]
            yield from trials.one(path, shown, time[rows], xy[rows], display, tell, zero)
    if without:
        named = ", ".join(dict.fromkeys(trial.stimulus or "one without a picture" for trial in without))
        tell(f"{path}: {len(without)} trials were recorded without the {side} eye and are left out: {named}.")
    if partly:
        tell(f"{path}: in {partly} trials the {side} eye was recorded for a part of the time only; the rest is lost.")


def _on_screen(part: Eyes, origin: Float[np.ndarray, " 2"], screen: Screen) -> Eyes:
    """The places of each eye in pixels of the screen, NaN where it was lost."""
    moved = {}
    for names, (time, places) in part.items():
        eyes = [lost_eyes.seen(one, one - origin, screen) + 0.5 for one in places.swapaxes(0, 1)]
        moved[names] = (time, np.stack(eyes, 1))
    return moved


def _side(path: Path, eye: str, parts: list[Eyes], tell: Warn) -> str:
    """Which eye is taken where both were recorded: left, right or both."""
    recorded = {name for part in parts for names, (time, _) in part.items() if len(time) for name in names}
    if not recorded:
        raise RecordingError(f"{path}: no sample in it; convert the EDF file with samples (edf2asc without -e).")
    if eye in ("left", "right") and eye[0].upper() not in recorded:
        other = "right" if eye == "left" else "left"
        raise RecordingError(f"{path}: only the {other} eye was recorded, not the {eye}; choose auto.")
    two = [part["LR"][1] for part in parts if "LR" in part and len(part["LR"][0])]
    if eye != "auto" or not two:
        return eye
    shares = np.isfinite(np.concatenate(two)).all(2).mean(0)
    index = int(np.argmax(shares))
    side = ("left", "right")[index]
    tell(f"{path}: of both eyes the {side} one is taken, seen in {shares[index]:.0%}; where it is lost, the other.")
    return f"auto {side}"


def _chosen(part: Eyes, side: str) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n 2"], np.ndarray]:
    """Times in order, places of one eye or of both in one, and whether that eye was recorded then."""
    times, places, recorded = [np.zeros(0)], [np.zeros((0, 2))], [np.zeros(0, bool)]
    for names, (time, eyes) in part.items():
        there = side not in ("left", "right") or side[0].upper() in names
        if not there:
            xy = np.full((len(time), 2), math.nan)
        elif side in ("left", "right"):
            xy = eyes[:, names.index(side[0].upper())]
        else:
            xy = lost_eyes.joined(eyes[:, 0], eyes[:, 1], side.removeprefix("auto ")) if names == "LR" else eyes[:, 0]
        times.append(time)
        places.append(xy)
        recorded.append(np.full(len(time), there))
    order = np.argsort(np.concatenate(times), kind="stable")
    return np.concatenate(times)[order], np.concatenate(places)[order], np.concatenate(recorded)[order]


class _TrialFinder:
    """The trials that the messages of a file tell of."""

    def __init__(
        self, lines: list[_eyelink_asc.Line], onset: re.Pattern[str], end: re.Pattern[str], variable: str = ""
    ) -> None:
        self.variable = variable  # that holds the picture's name; "": whatever names one
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
        name, variable = _named(line.words, self.variable)
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


def _named(words: str, column: str = "") -> tuple[str, bool]:
    """The picture that a message names, and whether it does so as a variable of the trial (of `column` only)."""
    variable = VARIABLE.match(words)
    if column:
        mine = variable is not None and variable["variable"].casefold() == column.casefold()
        return (variable["name"].strip("\"'") if variable and mine else ""), True
    match = variable or next((match for pattern in SHOWN if (match := pattern.match(words))), None)
    name = tidy(match["name"]) if match else ""
    if variable and variable["variable"].lower() not in PICTURES:
        name = name if LIKELY.search(variable["variable"]) and PureWindowsPath(name).suffix.lower() in SUFFIXES else ""
    return name, bool(variable)


def _check(path: Path, trials: list[_Trial], tell: Warn) -> None:
    """Tells of trials that were broken off, and of those without an onset."""
    broken = sum(trial.broken for trial in trials)
    if broken:
        what = f"{broken} of {len(trials)} trials were broken off (TRIAL_RESULT -1 or the like)"
        tell(f"{path}: {what}; they are left out.")
    unmarked = sum(math.isnan(trial.onset) for trial in trials if not trial.broken)
    if unmarked:
        of = len(trials) - broken
        tell(f"{path}: {unmarked} of {of} trials have no message of the picture's onset; they begin at START.")
