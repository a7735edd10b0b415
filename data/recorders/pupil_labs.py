"""Pupil Labs' exports: Pupil Core's `gaze_positions*.csv`, Neon's and Invisible's `gaze.csv`.

    gaze_positions.csv                      gaze_timestamp (s), norm_pos_x, norm_pos_y (y up), confidence
    gaze_positions_on_surface_NAME.csv      gaze_timestamp (s), x_norm, y_norm (y up), on_surf, confidence
    gaze.csv                                timestamp [ns], gaze x [px], gaze y [px], blink id
    gaze.csv of a marker mapper             timestamp [ns], gaze position on surface x [normalized] (y down)

The screen here is what the coordinates refer to: the surface, which should be the screen or the picture itself, or
the scene camera (1600 x 1200 pixels for Neon). Only on a surface do places stay where they are when the head moves, so
scene camera coordinates are told of. Samples of a confidence below 0.6, which the makers advise, blinks and those while
the glasses were not worn are lost. A gaze.csv of Pupil Cloud may hold several recordings (recording id): each is a
person, named by `sections.csv` beside it (wearer name, else recording name).
Trials come from `annotations.csv` (Core: timestamp, label, duration) or `events.csv` (timestamp [ns], name) in the same
folder, or in the one above `surfaces`: each of its entries begins one, named by its label, which lasts for its duration
or to the next entry; recording.begin and .end only end. Without that file the recording is one trial.
https://docs.pupil-labs.com/core/software/pupil-player, https://docs.pupil-labs.com/neon/data-collection/data-format.
"""

import re
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders.detect_format import Evidence, Recorder
from data.recorders.stages import scene_camera, scene_clock, text_table, trials, units
from data.recorders.stages.recording_names import PUPIL, recording_names
from data.recorders.stages.scene_clock import Clocked
from data.recorders.stages.text_table import TextTable, Warn

RECORDER = Recorder("pupil", Evidence.COLUMNS, (".csv",), beside=("events.csv", "annotations.csv"))

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


def sniff(path: Path, start: str) -> bool:
    """Whether the header has one of Pupil Labs' clocks, and places as shares or in pixels."""
    names = text_table.first_names(start)
    clock = any(re.search("gazetimestamp|timestampns", name) for name in names)
    return clock and any("norm" in name or "px" in name for name in names)


def left_out(paths: Sequence[Path], given: Collection[Path]) -> dict[Path, str]:
    """The other tables of exports in folders, each with the reason: where surfaces are there, only they hold the gaze.

    What was `given` by name is read.
    """
    in_folders = set(paths).difference(given)
    exports = {path.parent for path in in_folders if PUPIL.fullmatch(path.name)}
    exports |= {folder.parent for folder in exports if folder.name == "surfaces"}
    others = (path for path in in_folders if path.parent in exports and not _is_gaze(path, exports))
    return dict.fromkeys(others, "an export of Pupil Labs")


def _is_gaze(path: Path, exports: Collection[Path]) -> bool:
    """Whether a table of an export holds the gaze: on the surfaces where there are some."""
    return bool(PUPIL.fullmatch(path.name)) and path.parent / "surfaces" not in exports


def read(
    path: Path | str,
    screen: Screen | units.Setup | None = None,
    *,
    confidence: float = 0.6,
    subject: str = "",
    stimulus: str = "",
    stimulus_column: str = "",
    tell: Warn = warnings.warn,
) -> Iterator[Samples]:
    """The trials of an export; where it names no person, `subject` does, else the folder.

    Raises:
        RecordingError: The file is not an export of gaze, or says too little of the screen.
    """
    path = Path(path)
    table, time, xy, display = _samples(path, screen, confidence, tell)
    mark = table.find("recording id")
    recordings = table.words(mark) if mark else np.full(len(table), "", object)
    ids, names = list(dict.fromkeys(recordings)), _wearers(path, tell)
    marks = _marks(path, stimulus_column, tell)
    for recording in ids:
        mine = recordings == recording
        who = names.get(recording) or (str(recording) if len(ids) > 1 else subject) or recording_names([path])[path]
        own = marks.get(recording, marks.get(""))
        yield from trials.whole(path, time[mine], xy[mine], display, (who, stimulus), own, tell)


def on_clock(
    path: Path | str,
    screen: Screen | units.Setup | None = None,
    *,
    confidence: float = 0.6,
    tell: Warn = warnings.warn,
) -> Clocked:
    """The whole recording; when its video began is told by world_timestamps.csv beside it, else by `world_index`.

    Raises:
        RecordingError: As in `read`, or several recordings are in one file.
    """
    path = Path(path)
    table, time, xy, display = _samples(path, screen, confidence, tell)
    mark = table.find("recording id")
    if mark and len(set(table.words(mark))) > 1:
        raise RecordingError(f"{path}: it holds several recordings, but a video is of one; export that one.")
    beside = path.with_name("world_timestamps.csv")
    stamps = ((scene_clock.first_stamp(beside, name), unit) for name, unit in (("timestamp [ns]", "ns"), ("", "s")))
    zero = next((stamp * units.TIMES[unit] for stamp, unit in stamps if stamp is not None), None)
    frame = table.find("world_index")
    if zero is None and frame:
        zero = scene_clock.zero_of_frames(time, table.numbers(frame))
    return Clocked(time, xy, display, recording_names([path])[path], zero)


def _samples(
    path: Path, screen: Screen | units.Setup | None, confidence: float, tell: Warn
) -> tuple[TextTable, Float[np.ndarray, " n"], Float[np.ndarray, "n 2"], Screen]:
    """The table, the times in milliseconds and the places in pixels."""
    table = text_table.read(path, tell=tell)
    clock, unit = next(((name, unit) for it, unit in CLOCKS if (name := table.find(it))), ("", ""))
    columns = next((entry for entry in PLACES if table.find(entry[0]) and table.find(entry[1])), None)
    if not clock or columns is None:
        raise RecordingError(f"{path}: not an export of gaze by Pupil Labs; give gaze_positions.csv or gaze.csv.")
    display = units.geometry(path, screen, units.Setup())
    if not columns[4]:
        scene_camera.tell_that_it_moves(path, tell, ", or export the gaze on a surface")
    time = units.milliseconds(path, table.numbers(clock), "", unit, tell)
    xy = _places(table, columns, display, confidence, tell)
    return table, time, xy, display


def _places(
    table: TextTable, columns: tuple[str, str, str, bool, bool], screen: Screen, confidence: float, tell: Warn
) -> Float[np.ndarray, "n 2"]:
    written = np.stack([table.numbers(table.find(name)) for name in columns[:2]], 1)
    xy = written.copy()
    if columns[3]:
        xy[:, 1] = 1 - xy[:, 1]
    if columns[2] == "norm":
        xy *= (screen.width, screen.height)
    sure, blink, worn = table.find("confidence"), table.find("blink id"), table.find("worn")
    if sure:
        xy[~(table.numbers(sure) >= confidence)] = np.nan
    if blink:
        xy[np.isfinite(table.numbers(blink))] = np.nan
    if worn:
        xy[[word.casefold() in ("0", "0.0", "false") for word in table.words(worn)]] = np.nan
    return units.seen(table.path, written, xy, screen, tell)


def _wearers(path: Path, tell: Warn) -> dict[str, str]:
    """The name of each recording's person, from the file of Pupil Cloud beside."""
    beside = path.with_name("sections.csv")
    table = text_table.read(beside, tell=tell) if beside.is_file() else None
    ids = table.find("recording id") if table else ""
    if not table or not ids:
        return {}
    columns = [table.words(name) for it in ("recording name", "wearer name") if (name := table.find(it))]
    wearers = {who: str(word) for words in columns for who, word in zip(table.words(ids), words, strict=True) if word}
    for name, count in Counter(wearers.values()).items():
        if count > 1:
            tell(f"{path}: {count} recordings are of {name!r}; they are taken for one person.")
    return wearers


def _marks(path: Path, column: str, tell: Warn) -> dict[str, trials.Marks]:
    """When each trial of each recording began, from the file beside; `column` holds the pictures' names."""
    above = [path.parent, path.parent.parent] if path.parent.name == "surfaces" else [path.parent]
    places = [(folder / name, clock, label) for name, clock, label in TIMES for folder in above]
    for beside, clock, label in places:
        if not beside.is_file():
            continue
        table = text_table.read(beside, tell=tell)
        if not (table.find(clock) and table.find(column or label)):
            continue
        scale = units.TIMES["ns" if "ns" in clock else "s"]
        times = table.numbers(table.find(clock)) * scale
        lasting = table.numbers(table.find("duration")) * scale if table.find("duration") else np.zeros(len(table))
        words = table.words(table.find(column or label))
        labels = np.array([None if word in EDGES else word for word in words], object)
        mark = table.find("recording id")
        recordings = table.words(mark) if mark else np.full(len(table), "", object)
        found = {
            str(recording): trials.Marks(times[mine], lasting[mine], labels[mine])
            for recording in dict.fromkeys(recordings)
            if (mine := np.isfinite(times) & (recordings == recording)).any()
        }
        count = sum(label is not None for marks in found.values() for label in marks.stimulus)
        tell(f"{path}: {count} trials from {beside.name}.")
        return found if count else {}
    return {}
