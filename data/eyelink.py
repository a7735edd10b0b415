"""EyeLink recordings as ASC files, which SR Research's `edf2asc` makes of EDF files.

    MSG  2095865 TRIALID 3                              a trial begins
    MSG  2095866 !V IMGLOAD CENTER forest.jpg ...       its picture
    START 2095870 ... END ...                           a stretch of recording
    MSG  2095902 -4 SYNCTIME                            the picture's onset, 4 ms after the message was sent
    2095903  510.3  381.2  1205.0 ...                   time (ms), x, y, pupil; of each eye; . is lost
    SBLINK R ... EBLINK R 2096400 2096510 110           its samples are lost

pymovements parses samples and blinks (extra `recordings`); trials, onsets and pictures are found here. A trial lasts
from its TRIALID to the next, or without any from START to END; its onset is the first message that matches `onset`,
else the first sample, which is said. Samples from before the onset keep negative times. The tracker's own fixations
and saccades are not read. DISPLAY_COORDS 0 0 1023 767 names the outermost pixels of 1024 x 768; EyeLink counts them
from 0, which is taken for the centre of the first one: 0.5 is added (assumed; half a pixel at most).
SR Research, EyeLink 1000 Plus User Manual, "ASC file format"; https://pymovements.readthedocs.io.
"""

import io
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from jaxtyping import Float

from data import RecordingError, cut, sheet
from data.check import reason
from data.gaze import Samples, Screen
from data.sheet import Tell

ONSET = r"SYNCTIME|DISPLAY[ _]ON|(stim\w*|picture|image|display)[ _]?(onset|on\b|start)"
END = (
    r"TRIAL_RESULT|TRIAL[ _]OK|TRIAL[ _]END|BLANK_SCREEN|TIMEOUT|(stim\w*|picture|image|display)[ _]?(offset|off\b|end)"
)
PICTURE = (
    r"!V\s+IMGLOAD\s+\w+\s+(?:-?\d+\s+)*(?P<name>.*?\.\w{3,4})(?:\s+-?\d+)*\s*$",
    r"!V\s+IMGLOAD\s+\w+\s+(?:-?\d+\s+)*(?P<name>\S+)",
    r"(?:!V\s+TRIAL_VAR|var)\s+(?:image|img|picture|pic|stimulus|stim|filename)\s+(?P<name>.+?)\s*$",
)
EYES = ("auto", "left", "right", "both")


@dataclass
class _Trial:
    start: float
    end: float = math.inf
    onset: float = math.nan
    stimulus: str = ""


def read(
    path: Path | str,
    screen: Screen | cut.Setup | None = None,
    *,
    eye: str = "auto",
    margin: float = 0.0,
    onset: str = ONSET,
    end: str = END,
    subject: str = "",
    stimulus: str = "",
    tell: Tell = warnings.warn,
) -> Iterator[Samples]:
    """The trials of an ASC file. The subject is the file's name unless it is given.

    `eye` is left, right, both (their mean, or the one that is there) or auto: of two the one lost less often. Samples
    within `margin` milliseconds of a blink are lost too. `onset` and `end` are regular expressions for messages;
    `stimulus` is used where no message names a picture.
    """
    path = Path(path)
    if eye not in EYES:
        raise RecordingError(f"{path}: no eye {eye!r}; choose one of {', '.join(EYES)}.")
    try:
        marks = re.compile(onset, re.IGNORECASE), re.compile(end, re.IGNORECASE)
    except re.error as error:
        raise RecordingError(f"{path}: a pattern of messages is no regular expression ({error}); mend it.") from error
    content = sheet.text(path, tell)
    if not re.search(r"^(START|MSG|SAMPLES)\s", content, re.MULTILINE):
        raise RecordingError(f"{path}: not an EyeLink ASC file; convert the EDF file with edf2asc.")
    origin, found = _display(path, content)
    display = cut.geometry(path, screen, found)
    parts = [_parse(path, part, eye, margin, tell) for part in _alike(content)]
    time, xy = cut.rising(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    if not len(time):
        raise RecordingError(f"{path}: no sample in it; convert the EDF file with samples (edf2asc without -e).")
    trials = _trials(content, *marks)
    unmarked = sum(math.isnan(trial.onset) for trial in trials)
    if unmarked:
        tell(f"{path}: {unmarked} of {len(trials)} trials have no message of the picture's onset; they begin at START.")
    yield from _samples(trials, time, xy + 0.5 - origin, subject or path.name.split(".")[0], stimulus, display)


def _display(path: Path, content: str) -> tuple[Float[np.ndarray, " 2"], cut.Setup]:
    pattern = r"^MSG\s+\S+\s+(?:DISPLAY|GAZE)_COORDS\s*=?\s*" + r"[ \t,]+".join([r"(-?[\d.]+)"] * 4)
    match = re.search(pattern, content, re.MULTILINE)
    try:
        left, top, right, bottom = (float(number) for number in match.groups()) if match else (0.0, 0.0, 0.0, 0.0)
    except ValueError:
        left = top = right = bottom = 0.0
    width, height = round(right - left), round(bottom - top)
    if not (width > 1 and height > 1):
        return np.zeros(2), cut.Setup()
    # Some programs name the size, others the last pixel: screens have an even number of them.
    return np.array([left, top]), cut.Setup(width=width + width % 2, height=height + height % 2)


def _alike(content: str) -> Iterator[str]:
    """The file in parts that recorded the same eyes each, because the columns of a sample depend on them."""
    lines = content.split("\n")
    eyes, start = "", 0
    for number, line in enumerate(lines):
        if line.startswith("SAMPLES"):
            now = " ".join(word for word in line.split() if word in ("LEFT", "RIGHT", "L", "R", "LR"))
            if eyes and now != eyes:
                yield "\n".join(lines[start:number])
                start = number
            eyes = now
    yield "\n".join(lines[start:])


def _parse(path: Path, content: str, eye: str, margin: float, tell: Tell) -> tuple[np.ndarray, np.ndarray]:
    """Time and place of every sample of one part, blinks lost."""
    import pymovements

    lines = content.split("\n")
    whole = [line for line in lines if not line[:1].isdigit() or _WHOLE.match(line)]
    cut_off = len(lines) - len(whole)
    if cut_off > 1:
        tell(f"{path}: {cut_off} lines of samples are cut off or damaged; they are left out.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about headers, which we read ourselves
            gaze = pymovements.gaze.from_asc(io.StringIO("\n".join(whole) + "\n"), events=True)
    except Exception as error:  # it raises nearly anything on a broken file
        problem = f"pymovements cannot read it ({reason(error)})"
        raise RecordingError(f"{path}: {problem}; convert the EDF file with edf2asc again.") from error
    if "pixel" not in gaze.samples.columns or not gaze.samples.height:
        return np.zeros(0), np.zeros((0, 2))
    time = gaze.samples["time"].to_numpy().astype(float)
    places = np.array(gaze.samples["pixel"].to_list(), float).reshape(len(time), -1, 2)
    eyes = "LR" if places.shape[1] > 1 else _tracked(content)
    for side, onset, offset in _blinks(gaze.events.frame):
        closed = (time >= onset - margin) & (time <= offset + margin)
        for index in [index for index, name in enumerate(eyes) if name == side]:
            places[closed, index] = np.nan
    return time, _chosen(path, places, eye, eyes, tell)


_WHOLE = re.compile(r"\d+\.?\d*\s+(-?\d*\.\d*)\s+(-?\d*\.\d*)\s+(-?\d*\.\d*)(\s|$)")


def _tracked(content: str) -> str:
    match = re.search(r"^(?:SAMPLES|START)\s.*?\b(LEFT|RIGHT)\b", content, re.MULTILINE)
    return "L" if match and match[1] == "LEFT" else "R"


def _blinks(frame: Any) -> Iterator[tuple[str, float, float]]:
    for row in frame.iter_rows(named=True):
        if str(row["name"]).startswith("blink") and row["offset"] is not None:
            yield str(row.get("eye") or "")[:1].upper(), float(row["onset"]), float(row["offset"])


def _chosen(path: Path, places: Float[np.ndarray, "n e 2"], eye: str, eyes: str, tell: Tell) -> np.ndarray:
    seen = np.isfinite(places).all(2)
    places[~seen] = np.nan
    if places.shape[1] == 1:
        side = {"L": "left", "R": "right"}[eyes]
        if eye in ("left", "right") and eye != side:
            raise RecordingError(f"{path}: only the {side} eye was recorded, not the {eye}; choose auto.")
        return np.asarray(places[:, 0])
    if eye == "both":
        first, second = places[:, 0], places[:, 1]
        mean = (first + second) / 2
        return np.where(seen.all(1)[:, None], mean, np.where(seen[:, :1], first, second))
    index = ("left", "right").index(eye) if eye != "auto" else int(np.argmax(seen.mean(0)))
    if eye == "auto":
        tell(f"{path}: of both eyes the {('left', 'right')[index]} one is taken, seen in {seen.mean(0)[index]:.0%}.")
    return np.asarray(places[:, index])


def _trials(content: str, onset: re.Pattern[str], end: re.Pattern[str]) -> list[_Trial]:
    numbered = bool(re.search(r"^MSG\s+\S+\s+(?:-?\d+\s+)?TRIALID", content, re.MULTILINE))
    found: list[_Trial] = []
    picture = ""
    for match in _LINE.finditer(content):
        kind, words = match["kind"], match["words"] or ""
        time = float(match["time"])
        delay = re.match(r"(-?\d+)\s+", words)
        time, words = (time - float(delay[1]), words[delay.end() :]) if delay and kind == "MSG" else (time, words)
        begins = words.startswith("TRIALID") if numbered else kind == "START"
        if begins and kind != "END":
            picture = "" if numbered else picture
            for last in found[-1:]:
                last.end = min(last.end, time)
            found.append(_Trial(time, stimulus=picture))
        elif kind == "END" and found and not numbered:
            found[-1].end, picture = min(found[-1].end, time), ""
        elif kind == "MSG":
            name = _picture(words)
            picture = name or picture
            if found:
                _mark(found, name, time, words, (onset, end))
    return found


_LINE = re.compile(r"^(?P<kind>MSG|START|END)\s+(?P<time>\d+\.?\d*)(?:[ \t]+(?P<words>.*))?$", re.MULTILINE)


def _picture(words: str) -> str:
    match = next((match for pattern in PICTURE if (match := re.match(pattern, words, re.IGNORECASE))), None)
    return PureWindowsPath(match["name"].strip("\"'")).name if match else ""


def _mark(
    found: list[_Trial], name: str, time: float, words: str, patterns: tuple[re.Pattern[str], re.Pattern[str]]
) -> None:
    trial, (onset, end) = found[-1], patterns
    trial.stimulus = trial.stimulus or name
    if not name and math.isnan(trial.onset) and onset.match(words):
        trial.onset = time
    elif end.match(words) and time > trial.start:
        trial.end = min(trial.end, time)


def _samples(
    trials: list[_Trial],
    time: Float[np.ndarray, " n"],
    xy: Float[np.ndarray, "n 2"],
    subject: str,
    stimulus: str,
    screen: Screen,
) -> Iterator[Samples]:
    for trial in trials or [_Trial(-math.inf)]:
        first, last = np.searchsorted(time, [trial.start, trial.end])
        if last > first:
            onset = time[first] if math.isnan(trial.onset) else trial.onset
            name = trial.stimulus or stimulus
            yield Samples(subject, name, time[first:last] - onset, xy[first:last], screen)
