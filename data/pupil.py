"""Pupil Labs' exports: Pupil Core's `gaze_positions*.csv`, Neon's and Invisible's `gaze.csv`.

    gaze_positions.csv                      gaze_timestamp (s), norm_pos_x, norm_pos_y (y up), confidence
    gaze_positions_on_surface_NAME.csv      gaze_timestamp (s), x_norm, y_norm (y up), on_surf, confidence
    gaze.csv                                timestamp [ns], gaze x [px], gaze y [px], blink id
    gaze.csv of a marker mapper             timestamp [ns], gaze position on surface x [normalized] (y down)

The screen here is what the coordinates refer to: the surface, which should be the screen or the picture itself, or
the scene camera (1600 x 1200 pixels for Neon). Only on a surface do places stay where they are when the head moves, so
scene camera coordinates are told of. Samples of a confidence below 0.6, which the makers advise, and blinks are lost.
Trials come from `annotations.csv` (Core: timestamp, label) or `events.csv` (timestamp [ns], name) in the same folder,
or in the one above `surfaces`: each of its entries begins one, named by its label, and ends the one before;
recording.begin and .end only end. Without that file the recording is one trial.
https://docs.pupil-labs.com/core/software/pupil-player, https://docs.pupil-labs.com/neon/data-collection/data-format.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data import RecordingError, cut, sheet
from data.gaze import Samples, Screen
from data.sheet import Sheet, Tell

PLACES = (  # x, y, unit, y upwards, on a surface
    ("x_norm", "y_norm", "norm", True, True),
    ("gaze position on surface x [normalized]", "gaze position on surface y [normalized]", "norm", False, True),
    ("gaze position in reference image x [px]", "gaze position in reference image y [px]", "px", False, True),
    ("norm_pos_x", "norm_pos_y", "norm", True, False),
    ("gaze x [px]", "gaze y [px]", "px", False, False),
)
CLOCKS = (("gaze_timestamp", "s"), ("timestamp [ns]", "ns"), ("timestamp [s]", "s"), ("timestamp", "s"))
TIMES = (("annotations.csv", "timestamp", "label"), ("events.csv", "timestamp [ns]", "name"))
EDGES = ("recording.begin", "recording.end")


def read(
    path: Path | str,
    screen: Screen | cut.Setup | None = None,
    *,
    confidence: float = 0.6,
    subject: str = "",
    stimulus: str = "",
    tell: Tell = warnings.warn,
) -> Iterator[Samples]:
    """The trials of an export; `subject`, else the name of the file or of the folder, names the person."""
    path = Path(path)
    table = sheet.read(path, tell=tell)
    clock, unit = next(((name, unit) for it, unit in CLOCKS if (name := table.find(it))), ("", ""))
    known = next((entry for entry in PLACES if table.find(entry[0]) and table.find(entry[1])), None)
    if not clock or known is None:
        raise RecordingError(f"{path}: not an export of gaze by Pupil Labs; give gaze_positions.csv or gaze.csv.")
    display = cut.geometry(path, screen, cut.Setup())
    if not known[4]:
        tell(f"{path}: it counts in pixels of the scene camera, which moves with the head; a surface would be better.")
    time = cut.milliseconds(path, table.numbers(clock), "", unit, tell)
    time, xy = cut.rising(time, _places(table, known, display, confidence))
    if not len(time):
        raise RecordingError(f"{path}: no row has a time; export the recording again.")
    who = subject or (path.parent.name if path.name in ("gaze.csv", "gaze_positions.csv") else "") or path.stem
    marks = _marks(path, tell)
    if marks:
        yield from cut.at(time, xy, marks, who, display)
    else:
        yield Samples(who, stimulus, time - time[0], xy, display)


def _places(
    table: Sheet, known: tuple[str, str, str, bool, bool], screen: Screen, confidence: float
) -> Float[np.ndarray, "n 2"]:
    xy = np.stack([table.numbers(table.find(name)) for name in known[:2]], 1)
    if known[3]:
        xy[:, 1] = 1 - xy[:, 1]
    if known[2] == "norm":
        xy *= (screen.width, screen.height)
    sure, blink = table.find("confidence"), table.find("blink id")
    if sure:
        xy[~(table.numbers(sure) >= confidence)] = np.nan
    if blink:
        xy[np.isfinite(table.numbers(blink))] = np.nan
    return xy


def _marks(path: Path, tell: Tell) -> list[tuple[float, float, str]]:
    """Onset and end (ms of the recording's clock) and label of each trial, from the file beside."""
    above = [path.parent, path.parent.parent] if path.parent.name == "surfaces" else [path.parent]
    places = [(folder / name, clock, label) for name, clock, label in TIMES for folder in above]
    for beside, clock, label in places:
        if not beside.is_file():
            continue
        table = sheet.read(beside, tell=tell)
        if not (table.find(clock) and table.find(label)):
            continue
        scale = cut.TIMES["ns" if "ns" in clock else "s"]
        times = table.numbers(table.find(clock)) * scale
        order = [index for index in np.argsort(times) if np.isfinite(times[index])]
        labels = [str(table.words(table.find(label))[index]) for index in order]
        onsets = [float(times[index]) for index in order]
        found = [mark for mark in zip(onsets, cut.ends(onsets), labels, strict=True) if mark[2] not in EDGES]
        tell(f"{path}: {len(found)} trials from {beside.name}.")
        return found
    return []
