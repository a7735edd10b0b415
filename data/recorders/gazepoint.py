"""Gazepoint Analysis exports: `NAME_all_gaze.csv` with samples, `NAME_fixations.csv` with its own fixations.

    MEDIA_ID,MEDIA_NAME,CNT,TIME(2023/05/26 10:20:30.123),FPOGX,FPOGY,FPOGS,FPOGD,FPOGID,FPOGV,BPOGX,BPOGY,BPOGV,
    0,forest.jpg,1,0.01666,0.51200,0.48100,0.00000,0.01666,1,1,0.51310,0.47905,1,

Places are shares of the screen from its top-left corner and may leave 0 to 1; times are seconds, which begin anew with
each medium. The best point of gaze (BPOG, the mean of the valid eyes) is taken, else both eyes (LPOG, RPOG). A sample
is lost where its validity (BPOGV) is 0: its place is then 0, 0 or the last one seen. The fixations (FPOG: place, begin
FPOGS and duration FPOGD in seconds, number FPOGID) are read where a file holds nothing else, or one row for each: of a
file with several rows for each, the last valid one has its whole duration. A trial is a stretch of one medium.
Written from the published documentation; no real file was at hand. Gazepoint Open Gaze API, "Data records"; Cuve et al.
2022, https://doi.org/10.3758/s13428-021-01763-7.
"""

import re
import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data.errors import RecordingError
from data.gaze import Fixations, Samples, Screen
from data.recorders.detect_format import Evidence, Recorder
from data.recorders.stages import maker_fixations, text_table, trials, units
from data.recorders.stages.recording_names import stem
from data.recorders.stages.text_table import TextTable, Warn

RECORDER = Recorder("gazepoint", Evidence.COLUMNS, (".csv",))

ENDING = re.compile(r"[ _-](all_gaze|fixations)$", re.IGNORECASE)  # of a file's name, after the person's
MEDIA = ("MEDIA_NAME", "MEDIA_ID")


def sniff(path: Path, start: str) -> bool:
    """Whether the header has one of Gazepoint's points of gaze."""
    return bool({"bpogx", "fpogx", "lpogx"} & set(text_table.first_names(start)))


def left_out(paths: Sequence[Path], given: Collection[Path]) -> dict[Path, str]:
    """The fixations in folders whose samples lie beside them, each with the reason."""
    samples = {path.with_name(f"{_person(path)}.csv") for path in paths if stem(path).lower().endswith("all_gaze")}
    others = (path for path in set(paths).difference(given) if stem(path).lower().endswith("fixations"))
    beside = [path for path in others if path.with_name(f"{_person(path)}.csv") in samples]
    return dict.fromkeys(beside, "Gazepoint's own fixations of recordings whose samples are there")


def read(
    path: Path | str,
    screen: Screen | units.Setup | None = None,
    *,
    subject: str = "",
    stimulus: str = "",
    stimulus_column: str = "",
    tell: Warn = warnings.warn,
) -> Iterator[Samples] | Iterator[Fixations]:
    """The trials of an export; `subject` is else the file's name, `stimulus` is used where no medium has a name.

    Raises:
        RecordingError: The file has no points of gaze or no time, or nothing says the screen.
    """
    path = Path(path)
    table = text_table.read(path, tell=tell)
    display = units.geometry(path, screen, units.Setup())
    who = np.full(len(table), ENDING.sub("", subject) or _person(path), object)
    shown = table.chosen(stimulus_column, *MEDIA)
    media = table.words_or(shown, stimulus)
    if _holds_fixations(table):
        return _fixations(table, display, who, media, tell)
    time = _milliseconds(table, tell)
    return trials.trials(path, time, _places(table, display, tell), display, (who, media), tell=tell)


def _person(path: Path) -> str:
    return ENDING.sub("", stem(path))


def _holds_fixations(table: TextTable) -> bool:
    """Whether there are no samples, or a row for each fixation."""
    if not all(table.find(name) for name in ("FPOGX", "FPOGS", "FPOGD")):
        return False
    if not table.find("BPOGX", "LPOGX"):
        return True
    number = table.numbers(table.find("FPOGID")) if table.find("FPOGID") else np.zeros(len(table))
    new = np.diff(number) != 0
    return bool(new.mean() > 0.9) if len(new) else stem(table.path).lower().endswith("fixations")


def _milliseconds(table: TextTable, tell: Warn) -> Float[np.ndarray, " n"]:
    """The clock: TIME(date) in seconds, else TIMETICK(f=10000000)."""
    clock = next((name for name in table.names if re.fullmatch(r"TIME *(\(.*\))?", name, re.IGNORECASE)), "")
    if clock:
        return units.milliseconds(table.path, table.numbers(clock), "", "s", tell)
    ticks = ((name, re.match(r"TIMETICK\D*(\d+)", name, re.IGNORECASE)) for name in table.names)
    clock, rate = next(((name, int(match[1])) for name, match in ticks if match), ("", 0))
    if not rate:
        raise RecordingError(f"{table.path}: no column TIME; export it with the samples.")
    return units.milliseconds(table.path, table.numbers(clock) / rate, "", "s", tell)


def _point(table: TextTable, name: str) -> Float[np.ndarray, "n 2"]:
    """One of the points of gaze, NaN where it is not valid."""
    valid = table.find(f"{name}V")
    xy = np.stack([table.numbers(table.column(f"{name}{axis}")) for axis in "XY"], 1)
    return np.where((table.numbers(valid) > 0)[:, None], xy, np.nan) if valid else xy


def _places(table: TextTable, screen: Screen, tell: Warn) -> Float[np.ndarray, "n 2"]:
    eyes = [name for name in ("LPOG", "RPOG") if table.find(f"{name}X")]
    best = [name for name in ("BPOG", "FPOG") if table.find(f"{name}X")]
    names = best[:1] if best[:1] == ["BPOG"] or not eyes else eyes
    if not names:
        raise RecordingError(f"{table.path}: no column BPOGX and BPOGY; export the best point of gaze.")
    size = (float(screen.width), float(screen.height))
    return units.of_eyes(table.path, [_point(table, name) for name in names], screen, size, tell)


def _fixations(table: TextTable, screen: Screen, who: np.ndarray, media: np.ndarray, tell: Warn) -> Iterator[Fixations]:
    """Gazepoint's own fixations; those of one medium that is shown again are told apart by their times."""
    point = _point(table, "FPOG")
    onset, duration = (1000 * table.numbers(table.find(name)) for name in ("FPOGS", "FPOGD"))
    medium = table.words(table.find("MEDIA_ID")) if table.find("MEDIA_ID") else media
    number = maker_fixations.clock_restarts(onset, medium)
    if table.find("FPOGID"):  # the last valid row of each
        identity = list(zip(number, table.words(table.find("FPOGID")), strict=True))
        last = {key: row for row, key in enumerate(identity) if np.isfinite(point[row]).all()}
        rows = np.array(sorted(last.values()), int)
    else:
        rows = np.arange(len(table))
    size = (screen.width, screen.height)
    xy = units.seen(table.path, point[rows], point[rows] * size, screen, tell)
    keys = who[rows], media[rows], number[rows]
    yield from maker_fixations.trials(table.path, onset[rows], duration[rows], xy, screen, keys, tell)
