"""WebGazer, eye tracking by webcam in a browser: jsPsych's data and the lists of its own listener, as JSON or CSV.

    [{"trial_type": "image-keyboard-response", "stimulus": "forest.jpg",                              jsPsych
      "webgazer_data": [{"x": 412, "y": 230, "t": 34}, {"x": 415, "y": 231, "t": 68}], "webgazer_targets": {}}]

    [{"x": 412.3, "y": 230.1, "elapsedTime": 34.2}, null, {"x": 415.0, "y": 231.7, "elapsedTime": 101.5}]    listener

Places are pixels of the browser's window from its top-left corner, which is taken for the screen: give its size. Times
are milliseconds from the onset of the trial, in a listener's list from its start. Nothing says how valid a sample is:
while no face is seen there is none, or null. In jsPsych's CSV the samples stand as JSON in the column webgazer_data.
The stimulus may be a path or HTML that shows a picture. All trials are of one person; those that calibrate and validate
have no gaze on pictures and are left out.
Written from the published documentation; no real file was at hand. https://www.jspsych.org/latest/extensions/webgazer,
https://webgazer.cs.brown.edu.
"""

import html
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from data.errors import RecordingError, short_reason
from data.gaze import Samples, Screen
from data.recorders.detect_format import Evidence, Recorder
from data.recorders.stages import text_table, trials, units
from data.recorders.stages.recording_names import stem
from data.recorders.stages.text_table import Warn

RECORDER = Recorder("webgazer", Evidence.LINES, (".json",), common=True)

CLOCK = ("t", "elapsedTime", "elapsed_time", "elapsed", "time", "timestamp")
STIMULUS = ("stimulus", "image", "picture", "stimulus_name")
PERSON = ("subject", "subject_id", "participant", "participant_id")
SETUP = re.compile("webgazer-(calibrate|validate|init)")
POINT = re.compile(r"^\s*\[\s*(null\s*,\s*)*\{[^{}\[\]]*\}")
Trial = dict[str, Any]


def sniff(path: Path, start: str) -> bool:
    """Whether a file has jsPsych's samples of WebGazer, or is a list of places with times."""
    if "webgazer_data" in start:
        return True
    point = POINT.match(start)
    keys = set(re.findall(r'"(\w+)"\s*:', point[0])) if point else set()
    return {"x", "y"} <= keys and bool(keys & set(CLOCK))


def read(
    path: Path | str,
    screen: Screen | units.Setup | None = None,
    *,
    subject: str = "",
    stimulus: str = "",
    stimulus_column: str = "",
    tell: Warn = warnings.warn,
) -> Iterator[Samples]:
    """The trials of a session; `subject` and `stimulus` are used where the file names none.

    Raises:
        RecordingError: The file is damaged or holds no gaze, or nothing says the browser's window.
    """
    path = Path(path)
    found = _trials_of(path, tell)
    display = units.geometry(path, screen, units.Setup())
    clocks: list[Float[np.ndarray, " n"]] = []
    places: list[Float[np.ndarray, "n 2"]] = []
    names: list[tuple[str, str]] = []
    for trial, samples in found:
        time, xy = _samples(path, samples)
        clocks.append(time)
        places.append(xy)
        shown = _shown(path, trial, stimulus_column)
        who = next((str(trial[key]) for key in PERSON if trial.get(key) not in (None, "")), "")
        names.append((who or subject or stem(path), shown or stimulus))
    written = np.concatenate(places)
    xy = units.seen(path, written, written, display, tell)
    counts = np.cumsum([0, *map(len, clocks)])
    for (trial, _), name, time, start in zip(found, names, clocks, counts[:-1], strict=True):
        own = xy[start : start + len(time)]
        yield from trials.whole(path, time, own, display, name, None, tell, zero=0.0 if trial else None)


def _trials_of(path: Path, tell: Warn) -> list[tuple[Trial, list[Any]]]:
    """Each trial with its samples; a listener's list is one trial, of which nothing else is known."""
    content = text_table.text(path, tell)
    if not content.lstrip().startswith(("[", "{")):
        table = text_table.parse(path, content, tell=tell)
        columns = {name: table.words(name) for name in table.names}
        trials = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        for number, trial in enumerate(trials):
            trial["webgazer_data"] = _json(path, trial.get("webgazer_data") or "null", f", row {number + 1}")
    else:
        document = _json(path, content)
        trials = document if isinstance(document, list) else document.get("trials", [document])
    if isinstance(trials, list) and any(_is_point(it) for it in trials) and not any(map(_gaze, trials)):
        return [({}, trials)]
    gaze = [(it, _gaze(it)) for it in trials if _gaze(it)] if isinstance(trials, list) else []
    gaze = [(trial, samples) for trial, samples in gaze if not SETUP.search(str(trial.get("trial_type", "")))]
    if not gaze:
        raise text_table.UnlikeError(f"{path}: no trial of it has webgazer_data; add the extension to the trials.")
    return gaze


def _json(path: Path, content: str, where: str = "") -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        problem = f"it is no JSON ({short_reason(error)[:60]})"
        raise RecordingError(f"{path}{where}: {problem}; save the data of the experiment again.") from error


def _is_point(it: object) -> bool:
    return isinstance(it, dict) and "x" in it and "y" in it and any(key in it for key in CLOCK)


def _gaze(trial: object) -> list[Any]:
    samples = trial.get("webgazer_data") if isinstance(trial, dict) else None
    return samples if isinstance(samples, list) else []


def _samples(path: Path, samples: list[Any]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n 2"]]:
    """Times and places of a trial; a sample without a time is left out, one without a place is lost."""
    clock = next((key for key in CLOCK if any(isinstance(it, dict) and key in it for it in samples)), "")
    if not clock:
        raise RecordingError(f"{path}: its samples have no t; save them as {{x, y, t}} in milliseconds.")
    rows = [[_number(it.get(key)) for key in (clock, "x", "y")] for it in samples if isinstance(it, dict)]
    table = np.array(rows, float).reshape(-1, 3)
    table = table[np.isfinite(table[:, 0])]
    return table[:, 0], table[:, 1:]


def _number(value: object) -> float:
    """A number of JSON; NaN for null and whatever is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15:
        return float("nan")
    return float(value)


def _shown(path: Path, trial: Trial, column: str) -> str:
    """The picture of a trial: a path, or that of the first picture in HTML; "" if there is none.

    Raises:
        RecordingError: The trial has no such entry as `column`.
    """
    if column and trial and column not in trial:
        few = ", ".join(sorted(map(str, trial))[:12])
        raise RecordingError(f"{path}: a trial with gaze has no {column!r}; choose among {few}.")
    value = trial.get(column) if column else next((trial[key] for key in STIMULUS if trial.get(key)), "")
    while isinstance(value, list):
        value = value[0] if value else ""
    words = value if isinstance(value, str) else "" if value is None else str(value)
    picture = re.search(r"<img[^>]*\bsrc\s*=\s*[\"']?([^\"'\s>]+)", words, re.IGNORECASE)
    return html.unescape(picture[1]) if picture else "" if "<" in words else words
