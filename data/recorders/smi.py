"""SMI recordings as text: iView X (IDF Converter) and BeGaze exports of samples, and their exports of events.

    ## Calibration Area:	1680	1050                       the header: screen, its size, the distance
    ## Stimulus Dimension [mm]:	474	297
    ## Head Distance [mm]:	700
    Time	Type	Trial	L POR X [px]	L POR Y [px]	R POR X [px]	R POR Y [px]	L Event Info
    8006667512	MSG	1	# Message: forest.jpg
    8006668512	SMP	1	803.12	417.50	799.87	421.33	Fixation

    RecordingTime [ms]	Stimulus	Participant	Category Binocular	Point of Regard Binocular X [px]       BeGaze

    Table Header for Fixations:                                                                     events
    Event Type	Trial	Number	Start	End	Duration	Location X	Location Y
    Fixation L	1	1	8006668512	8006868512	200000	803.12	417.50

Points of regard (POR) are pixels from the top-left corner of the screen; times are microseconds where nothing else is
said. A sample is lost where both coordinates are 0, and in a blink (Event Info or Category), whose places are stale. Of
both eyes the mean is taken. A message that names a picture begins a trial, which lasts to the next or to the end of its
`Trial`; so does a stretch of one `Stimulus`, or else of one `Trial`. Of events the fixations of the eye that has more
of them are read; their times count from the message, else from the trial's first fixation.
Written from the published documentation; no real file was at hand. SMI, BeGaze Manual, "Export"; iView X Manual, "IDF
Converter".
"""

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

import numpy as np
from jaxtyping import Float

from data.errors import RecordingError
from data.gaze import Fixations, Samples, Screen
from data.picture_file import SUFFIXES
from data.recorders import delimited
from data.recorders.detect_format import Evidence, Recorder
from data.recorders.stages import maker_fixations, text_table, trials, units
from data.recorders.stages.recording_names import stem
from data.recorders.stages.stimuli import tidy
from data.recorders.stages.text_table import TextTable, Warn

RECORDER = Recorder("smi", Evidence.LINES, (".txt", ".csv", ".tsv"))

EVENTS = re.compile(r"^Table Header for Fixations:\s*\n(.+)$", re.MULTILINE | re.IGNORECASE)
MESSAGE = r"^(?P<time>\d+)[\t,;]MSG[\t,;](?P<trial>[^\t,;]*)[\t,;]#? ?(Message: )?(?P<words>.*)$"
USER_EVENT = r"^UserEvent[\t,;](?P<trial>[^\t,;]*)[\t,;][^\t,;]*[\t,;](?P<time>\d+)[\t,;]#? ?(Message: )?(?P<words>.*)$"
CLOCK = ("RecordingTime [ms]", "RecordingTime [us]", "Time", "Timestamp")
EYES = (  # both in one, left, right: x, and what the eye does
    (("Point of Regard Binocular X [px]", "B POR X [px]"), ("Category Binocular", "B Event Info")),
    (("L POR X [px]", "Point of Regard Left X [px]"), ("L Event Info", "Category Left")),
    (("R POR X [px]", "Point of Regard Right X [px]"), ("R Event Info", "Category Right")),
)


def sniff(path: Path, start: str) -> bool:
    """Whether a file begins as SMI's exports do, or has a column of points of regard."""
    begins = re.search(r"\A\s*## \[(iView|BeGaze)", start) or EVENTS.search(start)
    header = re.search(r"^(.*\t)?([LR] POR X|Point of Regard \w+ X) ?\[px\]|[,;]Point of Regard \w+ X", start, re.M)
    return bool(begins or header)


def read(
    path: Path | str,
    screen: Screen | units.Setup | None = None,
    *,
    subject: str = "",
    stimulus: str = "",
    stimulus_column: str = "",
    tell: Warn = warnings.warn,
) -> Iterator[Samples] | Iterator[Fixations]:
    """The trials of an export; `subject` and `stimulus` are used where the file names none.

    Raises:
        RecordingError: The file has no points of regard or no time, or says too little of the screen.
    """
    path = Path(path)
    content = text_table.text(path, tell)
    display = units.geometry(path, screen, _setup(content))
    named = re.search(r"^## ?Subject:(.*)$", content, re.MULTILINE)
    who = (named[1].strip() if named else "") or subject or stem(path)
    events = EVENTS.search(content)
    if events:
        return _fixations(path, content, events[1], display, (who, stimulus), tell)
    table = text_table.parse(path, _padded(content), tell=tell, is_row=_is_sample)
    return _samples(table, content, display, (who, stimulus, stimulus_column), tell)


def _is_sample(line: str) -> bool:
    return not re.match(r"\d+[\t,;]MSG[\t,;]", line)


def _padded(content: str) -> str:
    """The text with a first sample of as many cells as the header: rows may end before the columns that are empty."""
    lines = content.split("\n")
    rows = [number for number, line in enumerate(lines) if line.strip() and line[0] != "#"]
    header, first = rows[:1], [number for number in rows[1:] if _is_sample(lines[number])][:1]
    if header and first:
        short = lines[header[0]].count("\t") - lines[first[0]].count("\t")
        lines[first[0]] += "\t" * short
    return "\n".join(lines)


def _setup(content: str) -> units.Setup:
    """The screen, as far as the header says it."""

    def numbers(what: str) -> list[float]:
        line = re.search(rf"^## ?{what}:?[ \t]*(.*)$", content, re.MULTILINE)
        found = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", line[1])] if line else []
        return found if all(0 < number < 1e6 for number in found) else []

    pixels, size = numbers("Calibration Area"), numbers(r"Stimulus Dimension \[mm\]")
    distance = numbers(r"Head Distance \[mm\]")
    width, height = (round(pixels[0]), round(pixels[1])) if len(pixels) == 2 else (None, None)
    wide, high = (size[0] / 10, size[1] / 10) if len(size) == 2 else (None, None)
    return units.Setup(width, height, wide, high, distance[0] / 10 if distance else None)


def _samples(
    table: TextTable, content: str, screen: Screen, names: tuple[str, str, str], tell: Warn
) -> Iterator[Samples]:
    clock = table.find(*CLOCK)
    if not clock:
        raise RecordingError(f"{table.path}: no column Time or RecordingTime [ms]; export it with the samples.")
    written = table.numbers(clock)
    time = units.milliseconds(table.path, written, "", delimited.time_hint(clock) or "us", tell)
    scale = float(np.nan_to_num(time).max(initial=0) / max(np.nan_to_num(written).max(initial=0), 1e-9)) or 1e-3
    xy = _places(table, screen, tell)
    who, stimulus, column = names
    person, number = table.find("Participant"), table.find("Trial")
    shown = table.chosen(column, "Stimulus")
    trial = table.words(number) if number else np.full(len(table), "", object)
    named = [name if name.casefold() not in text_table.UNKNOWN else "" for name in table.words_or(shown, "")]
    marks = None if any(named) else _marks(content, scale, time, trial, stimulus)
    if marks is not None:
        yield from trials.whole(table.path, time, xy, screen, (who, stimulus), marks, tell)
        return
    pictures = np.array([name or stimulus for name in named], object)
    people = table.words_or(person, who)
    yield from trials.trials(table.path, time, xy, screen, (people, pictures), trial if number else None, tell)


def _places(table: TextTable, screen: Screen, tell: Warn) -> Float[np.ndarray, "n 2"]:
    both, left, right = (_point(table, *names) for names in EYES)
    eyes = [point for point in ((left, right) if both is None else (both,)) if point is not None]
    if not eyes:
        raise RecordingError(f"{table.path}: no column L POR X [px] or the like; export the points of regard.")
    return units.of_eyes(table.path, eyes, screen, tell=tell)


def _point(table: TextTable, names: tuple[str, ...], does: tuple[str, ...]) -> Float[np.ndarray, "n 2"] | None:
    """The point of regard of an eye as written, NaN in blinks; None where it is not exported."""
    x, info = table.find(*names), table.find(*does)
    if not x:
        return None
    xy = np.stack([table.numbers(x), table.numbers(table.column(re.sub(r"\bX\b", "Y", x)))], 1)
    if info:
        xy[np.array([word.casefold() == "blink" for word in table.words(info)], bool)] = np.nan
    return xy


def _marks(
    content: str, scale: float, time: Float[np.ndarray, " n"], trial: np.ndarray, stimulus: str
) -> trials.Marks | None:
    """When each picture came, in milliseconds; a trial without one is that of `stimulus`, and ends the one before too.

    None where no message names a picture.
    """
    shown = _shown(content, MESSAGE, scale)
    if not shown:
        return None
    begins: dict[str, float] = {}  # of each trial
    for number, moment in zip(trial, time, strict=True):
        if np.isfinite(moment):
            begins.setdefault(str(number), moment)
    named = {number for _, number, _ in shown}
    for moment, number, _ in shown:
        begins[number] = min(begins.get(number, moment), moment)
    edges = [(moment, 0, None if number in named else stimulus) for number, moment in begins.items()]
    marks = sorted([*edges, *((moment, 1, name) for moment, _, name in shown)], key=lambda mark: mark[:2])
    onset = np.array([mark[0] for mark in marks])
    return trials.Marks(onset, np.zeros(len(marks)), np.array([mark[2] for mark in marks], object))


def _shown(content: str, pattern: str, scale: float) -> list[tuple[float, str, str]]:
    """When each picture came (milliseconds), in which trial, and its name."""
    messages = re.finditer(pattern, content, re.MULTILINE)
    named = [(float(it["time"]) * scale, it["trial"], tidy(it["words"])) for it in messages]
    return [it for it in named if PureWindowsPath(it[2]).suffix.lower() in SUFFIXES]


def _fixations(
    path: Path, content: str, header: str, screen: Screen, names: tuple[str, str], tell: Warn
) -> Iterator[Fixations]:
    """The fixations of one eye; their times count from their picture's message, else from the trial's first."""
    rows = "\n".join(line for line in content.split("\n") if re.match(r"Fixation [LRB]", line))
    if not rows:
        raise RecordingError(f"{path}: it holds events but no fixation; export the fixations or the samples.")
    table = text_table.parse(path, f"{header}\n{rows}", tell=tell)
    eyes = table.words(table.names[0])
    count = Counter(eyes).most_common()
    if len(count) > 1:
        tell(f"{path}: of both eyes {count[0][0][-1]} is taken, which has {count[0][1]} fixations, not {count[1][1]}.")
    mine = eyes == count[0][0]
    start, duration = (table.numbers(table.column(name))[mine] / 1000 for name in ("Start", "Duration"))
    written = np.stack([table.numbers(table.column(f"Location {axis}"))[mine] for axis in "XY"], 1)
    trial = table.words(table.column("Trial"))[mine]
    shown = sorted(_shown(content, USER_EVENT, 1e-3))
    last = np.searchsorted([moment for moment, _, _ in shown], start + duration, "right") - 1
    zeros: dict[tuple[str, int], float] = {}  # when each trial begins
    pictures, run = np.full(len(start), names[1], object), np.full(len(start), None, object)
    for row, index in enumerate(last):
        own = index >= 0 and shown[index][1] == trial[row]
        run[row] = trial[row], int(index) if own else -1
        pictures[row] = shown[index][2] if own else names[1]
        zeros.setdefault(run[row], shown[index][0] if own else start[row])
    xy = units.seen(path, written, written, screen, tell)
    keys = np.full(len(start), names[0], object), pictures, run
    onset = start - np.array([zeros[key] for key in run])
    yield from maker_fixations.trials(path, onset, duration, xy, screen, keys, tell)
