"""Any table of samples: a CSV or TSV with a column of time, of x and of y, however they are named.

    time        s, ms, us or ns
    x, y        px, norm (0 to 1 from the top-left corner), deg (right of and below the middle of the screen) or
                height (PsychoPy's)
    subject, stimulus, trial        optional; a file without them is one trial

A map {"time": "t_ms", "x": "gx", "y": "gy"} names the columns; without it the usual names are recognised, and which is
said. Pixels count from the top-left corner of the screen as this project does, unless `origin` is "centre": then all
units count upwards from its middle, as PsychoPy does. Of two eyes ("left x", "right x") the mean is taken. Cells that
are no number (empty, ".", "NaN", "NA") are lost samples. Fixations are not read, nor pupils.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders.detect_format import Evidence, Recorder
from data.recorders.stages import lost_eyes, text_table, trials, units
from data.recorders.stages.recording_names import stem
from data.recorders.stages.scene_clock import Clocked
from data.recorders.stages.text_table import TextTable, Warn, plain

RECORDER = Recorder("csv", Evidence.ANY_TABLE, (".csv", ".tsv", ".txt"))

USUAL = {  # written in any case, with blanks, marks or brackets
    "time": "time|t|timestamp|timestamps|t ms|time ms|timestamp ms|time s|time sec|timestamp s|"
    "time us|timestamp us|timestamp ns|gaze timestamp|recording timestamp|system time stamp|device time stamp|seconds",
    "x": "x|gaze x|x gaze|x px|gaze x px|x pixel|gaze point x|gaze point x px|x coordinate|pos x|"
    "x pos|norm pos x|x norm|gaze x norm|x deg|gaze x deg|fp x",
    "y": "y|gaze y|y gaze|y px|gaze y px|y pixel|gaze point y|gaze point y px|y coordinate|pos y|"
    "y pos|norm pos y|y norm|gaze y norm|y deg|gaze y deg|fp y",
    "subject": "subject|subject id|participant|participant id|participant name|observer|user|sub",
    "stimulus": "stimulus|image|picture|stimulus name|image name|filename|stim file|media|media name|img",
    "trial": "trial|trial id|trial index|trial number|trial nr",
}
OF_ONE_EYE = (  # the side in a word or a letter
    *("{0} gaze x", "gaze {0} x", "gaze x {0}", "{0} x", "x {0}", "{0} gaze point x", "gaze point x {0}"),
    *("{1}x", "x{1}", "{1} gaze x", "gaze x {1}", "{0} pos x", "pos x {0}"),
)
ORIGINS = {"topleft": units.CORNER, "centre": units.PSYCHOPY}


def sniff(path: Path, start: str) -> bool:
    """Every text may be a table, unless it is JSON; `read` says when it is none."""
    return not re.match(r'\s*[\[{]\s*["{}\[\]]', start)


def read(
    path: Path | str,
    screen: Screen | units.Setup | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    time_unit: str = "",
    unit: str = "",
    origin: str = "topleft",
    subject: str = "",
    stimulus: str = "",
    stimulus_column: str = "",
    tell: Warn = warnings.warn,
) -> Iterator[Samples]:
    """The trials of a table; `subject` and `stimulus` are used where no column says them.

    Without a column, the subject is the file's name.

    Raises:
        RecordingError: The file is no such table, or an option is none; an `UnlikeError` where a column cannot be told.
    """
    path = Path(path)
    given = dict(columns or {}) | ({"stimulus": stimulus_column} if stimulus_column else {})
    wrong = sorted(set(given) - set(USUAL))
    if wrong:
        raise RecordingError(f"{path}: no column is known as {wrong[0]!r}; name {', '.join(USUAL)}.")
    if origin not in ORIGINS:
        raise RecordingError(f"{path}: no origin {origin!r}; choose one of {', '.join(ORIGINS)}.")
    table, names = _table(path, given, tell)
    display = units.geometry(path, screen, units.Setup())
    time = units.milliseconds(path, table.numbers(names["time"]), time_unit, time_hint(names["time"]), tell)
    xy = _places(table, names, display, (unit, origin), tell)
    people, pictures = (
        table.words(names[role]) if names[role] else np.full(len(table), other, object)
        for role, other in (("subject", subject or stem(path)), ("stimulus", stimulus))
    )
    trial = table.words(names["trial"]) if names["trial"] else None
    yield from trials.trials(path, time, xy, display, (people, pictures), trial, tell)


def on_clock(path: Path | str, screen: Screen | units.Setup | None = None, *, tell: Warn = warnings.warn) -> Clocked:
    """The whole table, its times as they are written; a column `duration_ms` makes fixations of the rows.

    A column `time_ms` says that times count from the video's first frame.

    Raises:
        RecordingError: As in `read`, or it is of several people.
    """
    path = Path(path)
    table, names = _table(path, {}, tell)
    display = units.geometry(path, screen, units.Setup())
    people = set(table.words(names["subject"])) if names["subject"] else {stem(path)}
    if len(people) > 1:
        raise RecordingError(
            f"{path}: it is of {len(people)} people, but a video is of one; give the rows of that one."
        )
    time, known = table.numbers(names["time"]), names["time"] == "time_ms"
    if not known:
        time = units.milliseconds(path, time, "", time_hint(names["time"]), tell)
    xy = _places(table, names, display, ("", "topleft"), tell)
    lasting = table.numbers("duration_ms") if "duration_ms" in table.names else None
    return Clocked(time, xy, display, str(people.pop()), 0.0 if known else None, lasting)


def _table(path: Path, given: Mapping[str, str], tell: Warn) -> tuple[TextTable, dict[str, str]]:
    """The table, and the column of each role; what of it is guessed is told."""
    table = text_table.read(path, tell=tell, fits=lambda header: _names(path, header, given))
    names = _names(path, table.names, given)
    names["stimulus"] = names["stimulus"] or table.column_of_pictures()
    guesses = [f"{role} is {name!r}" for role, name in names.items() if role not in given and name]
    if any(plain(names[role]) not in (role, "timems") for role in USUAL if role not in given and names[role]):
        tell(f"{path}: {', '.join(guesses)}.")
    return table, names


def _places(
    table: TextTable, names: Mapping[str, str], display: Screen, how: tuple[str, str], tell: Warn
) -> Float[np.ndarray, "n 2"]:
    """Pixels of the screen; `how` are the unit, "" where it is to be guessed, and the origin."""
    path, (unit, origin) = table.path, how
    eyes = [(names["x"], names["y"]), *_other_eye(table.names, names["x"])]
    places = [np.stack([table.numbers(axis) for axis in eye], 1) for eye in eyes]
    unit = unit or place_hint(names["x"])
    xy, *other = np.split(units.pixels(path, np.concatenate(places), display, unit, tell, ORIGINS[origin]), len(eyes))
    if other:
        tell(f"{path}: of both eyes the mean is taken, {names['x']!r} and {eyes[1][0]!r}.")
        xy = lost_eyes.joined(xy, other[0])
    return xy


def _names(path: Path, header: list[str], given: Mapping[str, str]) -> dict[str, str]:
    """The column of each role; "" where there is none, which only some may lack."""
    columns: dict[str, str] = {}
    for role, usual in USUAL.items():
        if role in given:
            columns[role] = text_table.match(header, given[role]) or given[role]
            continue
        columns[role] = text_table.match(header, *usual.split("|"))
        if role in ("x", "y") and not columns[role]:
            left, right = (_of_eye(header, side, role) for side in ("left", "right"))
            columns[role] = left or right
    unknown = [role for role in ("time", "x", "y") if not columns[role]]
    if unknown:
        few = ", ".join(name[:40] for name in header[:12])
        mend = f"give it, as in --columns {','.join(f'{role}=NAME' for role in unknown)}, among {few}"
        raise text_table.UnlikeError(f"{path}: no column is known as its {', '.join(unknown)}; {mend}.")
    if len({columns[role] for role in ("time", "x", "y")}) < 3:
        what = ", ".join(f"{role} is {columns[role]!r}" for role in ("time", "x", "y"))
        raise RecordingError(f"{path}: {what}; give three columns.")
    return columns


def _of_eye(header: list[str], side: str, axis: str) -> str:
    """The column of one eye's x or y; "" where there is none."""
    return text_table.match(header, *(it.format(side, side[0]).replace("x", axis) for it in OF_ONE_EYE))


def _other_eye(header: list[str], x: str) -> list[tuple[str, str]]:
    """The columns of the right eye, where `x` is that of the left."""
    if x != _of_eye(header, "left", "x"):
        return []
    pair = _of_eye(header, "right", "x"), _of_eye(header, "right", "y")
    return [pair] if all(pair) else []


def time_hint(name: str) -> str:
    """The unit that a column's name gives: s, ms, us, ns or "".

    >>> [time_hint(it) for it in ("t_ms", "timestamp [ns]", "Recording timestamp [μs]", "seconds", "timestamp")]
    ['ms', 'ns', 'us', 's', '']
    """
    words = re.findall(r"[a-z]+", name.casefold().replace("μ", "u").replace("µ", "u"))
    written = {"sec": "s", "seconds": "s", "milliseconds": "ms", "microseconds": "us"}
    return next((written.get(word, word) for word in reversed(words) if written.get(word, word) in units.TIMES), "")


def place_hint(name: str) -> str:
    """The unit that a column's name gives: px, norm, deg or "".

    >>> [place_hint(it) for it in ("gaze x [px]", "norm_pos_x", "x_deg", "x")]
    ['px', 'norm', 'deg', '']
    """
    words = re.findall(r"[a-z]+", name.casefold())
    written = {
        "pixel": "px",
        "pixels": "px",
        "normalized": "norm",
        "normalised": "norm",
        "degrees": "deg",
        "dva": "deg",
    }
    return next((written.get(word, word) for word in words if written.get(word, word) in units.PLACES), "")
