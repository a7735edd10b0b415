"""Eye trackers' files and tables of fixations that a person brings become viewings; nothing stays on the disk.

The files are written into a private folder that is gone when they are read. A file that gives nothing ends in one
sentence, and the others are read.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from app.predict.brought_files import LOOSE, Brought, FolderOfFiles
from data.errors import Defect, GazeError, RecordingError
from data.gaze import Samples, Scanpath, Screen
from data.picture_file import SUFFIXES
from data.recorders import Setup, detect_format, recording_names, to_scanpaths
from data.recorders.read_recordings import Reading, read_recordings
from data.recorders.stages.units import ScreenError
from data.table import schema
from data.table.columns import NEEDED

Lacking = tuple[str, ...]  # fields of a `Setup` that a recording does not say
NAMED = 3  # defects of a table that are told one by one
BESIDE = (".json", ".dtype", ".time", ".raw")  # of files that belong to a recording and may be none
OF_A_SET = ("recordings.csv", "trials.csv", "splits.json", "objects.json")  # beside a table of fixations
FLAGS = {  # of `gaze data recording` in sentences, and what a page says instead
    r"; give the samples of gaze, or name one with --format\.": "; give the file with the samples of gaze.",
    r"give it, as in --columns \S+, among (.*)": r"name its columns time, x and y; it has \1",
    r"give --origin centre if they do, else their unit or the screen": 'say so under "Details", or give the screen',
    r"rectify its frames and give that view, as in --screen.*": "export its gaze in pixels of rectified frames.",
    r"with --pictures of its frames": "with the pictures of its frames",
    r"--method (\w+)": r'the method "\1" (under "Details")',
}


@dataclass(frozen=True)
class Viewing:
    """One person's fixations on one thing that was shown; without a screen in pixels of the picture itself."""

    stimulus: str  # as the recording names it; "" where it does not
    path: Scanpath
    screen: Screen | None
    recording: str  # the file
    method: str  # that found the fixations; "the recorder" where the file holds them


@dataclass(frozen=True)
class How:
    """What a person says of recordings before they are read."""

    setup: Setup = field(default_factory=Setup)  # of those that do not say their screen
    method: str = "adaptive"
    initial: bool = False  # keep the fixation that was under way when the picture came
    reader: Mapping[str, Any] = field(default_factory=dict)  # options of some formats' readers


@dataclass
class Told:
    """What is said of files, with names as the person knows them."""

    folder: Path
    notes: list[str] = field(default_factory=list)  # what was guessed or left out
    problems: list[str] = field(default_factory=list)  # of files that gave nothing
    lacking: dict[str, Lacking] = field(default_factory=dict)  # files, and what of their `Setup` is not known

    def short(self, path: Path) -> str:
        """A file's name within its zip, or as it came."""
        return path.relative_to(self.folder).as_posix().removeprefix(f"{LOOSE}/")

    def note(self, sentence: str) -> None:
        """Something was guessed or left out; the same is told once."""
        words = self.words(sentence)
        if words not in self.notes:
            self.notes.append(words)

    def skip(self, path: Path, error: GazeError) -> None:
        """A file gives nothing; what has been noted already is no problem."""
        words = self.words(str(error))
        if isinstance(error, ScreenError):
            self.lacking[self.short(path)] = error.missing
        elif f"{words} It is left out." not in self.notes:
            self.problems.append(words)

    def new(self, paths: Iterable[Path], report: to_scanpaths.Report) -> list[Path]:
        """Those of some files whose names no recording has that is there already."""
        again = [path for path in paths if self.short(path) in report.recordings]
        self.problems += [
            f"{self.short(path)}: a recording of this name is there already; remove it first." for path in again
        ]
        return [path for path in paths if path not in again]

    def words(self, sentence: str) -> str:
        """A sentence for people who see a page and no command line."""
        for folder in (self.folder / LOOSE, self.folder):
            sentence = sentence.replace(f"{folder}/", "").replace(str(folder), "These files")
        for flag, words in FLAGS.items():
            sentence = re.sub(flag, words, sentence)
        return sentence


def read(
    brought: Sequence[Brought], how: How, report: to_scanpaths.Report, only: Mapping[str, Lacking] | None = None
) -> tuple[list[Viewing], Told]:
    """The viewings in some files, and what is said of them; of how well they were measured, `report` is told.

    `only` names files that are to be read, and what of their screen is taken from `how`; None: all, of any screen
    that says itself what it is.
    """
    with TemporaryDirectory(prefix="gaze-") as folder:
        laid = FolderOfFiles(Path(folder).resolve())
        laid.lay(brought)
        told = Told(laid.folder, problems=[] if only is not None else list(laid.problems))
        tables = told.new([path for path in sorted(laid.folder.rglob("*.csv")) if _is_table(path)], report)
        found = [] if only is not None else [viewing for path in tables for viewing in _of_table(path, told)]
        names = recording_names(_recordings(laid, told))
        for setup, of_setup in _by_screen(told.new(names, report), only, how.setup, told).items():
            reading = Reading(setup, reader=how.reader)
            given = [*laid.loose, laid.folder]
            found += _of_recordings({path: names[path] for path in of_setup}, reading, given, how, report, told)
    if brought and not (found or told.problems or told.lacking or told.notes):
        told.problems.append("There is no recording among these files; bring those with the samples of gaze.")
    return found, told


def _by_screen(
    paths: Sequence[Path], only: Mapping[str, Lacking] | None, given: Setup, told: Told
) -> dict[Setup, list[Path]]:
    """The files that are to be read, by what a person has to say of their screens: no more than they lack."""
    grouped: dict[Setup, list[Path]] = {}
    for path in paths:
        lacking = () if only is None else only.get(told.short(path))
        if lacking is not None:
            grouped.setdefault(Setup(**{name: getattr(given, name) for name in lacking}), []).append(path)
    return grouped


def _of_recordings(
    names: Mapping[Path, str],
    reading: Reading,
    given: Collection[Path],
    how: How,
    report: to_scanpaths.Report,
    told: Told,
) -> Iterator[Viewing]:
    silent = {told.short(path) for path in names}
    skipped: list[str] = []

    def skip(path: Path, error: GazeError) -> None:
        skipped.append(told.short(path))
        told.skip(path, error)

    for trial in read_recordings(names, reading, given, told.note, skip):
        trial = replace(trial, recording=trial.recording.removeprefix(f"{LOOSE}/"))
        try:
            path = to_scanpaths.fixations(trial, how.method, initial=how.initial, report=report)
        except GazeError as error:
            report.unfit += 1
            told.note(f"{trial.recording}: {error}")
            continue
        if not len(path):
            report.empty += 1
            continue
        silent.discard(trial.recording)
        method = how.method if isinstance(trial, Samples) else "the recorder"
        yield Viewing(trial.stimulus, path, trial.screen, trial.recording, method)
    for name in sorted(silent.difference(skipped)):
        quality = report.recordings.pop(name, None)
        lost = f" ({quality.loss:.0%} of its samples saw no eye)" if quality and quality.lost else ""
        told.problems.append(
            f"{name}: there is no look in this recording{lost}; check it in the eye tracker's program."
        )


def _recordings(laid: FolderOfFiles, told: Told) -> list[Path]:
    """The eye trackers' files in a folder; of the others it is told why they are none."""
    tables = [path for path in laid.folder.rglob("*.csv") if _is_table(path)]
    try:
        found = detect_format.files([laid.folder], told.note) if any(laid.folder.iterdir()) else []
    except RecordingError:  # there is none
        found = []
    sets = {path.parent for path in tables}
    found = [path for path in found if path not in tables and not (path.parent in sets and path.name in OF_A_SET)]
    told_of = [*told.problems, *told.notes]
    beside = [*BESIDE, *(ending for name in detect_format.modules() for ending in detect_format.recorder(name).beside)]
    for path in laid.loose:
        if path in found or path in tables or path.name.lower().endswith(tuple(beside)):
            continue
        if not any(path.name in sentence for sentence in told_of):
            told.problems.append(_no_recording(path))
    return found


def _no_recording(path: Path) -> str:
    """Why a file by the name of which no recording is known is none."""
    if path.suffix.lower() in SUFFIXES:
        return f"{path.name}: a picture is no recording; bring it under “Pictures”."
    if not path.stat().st_size:
        return f"{path.name}: the file is empty; export the recording again."
    return f"{path.name}: not a recording that is known here; bring what the eye tracker's program exported."


def _is_table(path: Path) -> bool:
    """Whether a file is a table of fixations in the project's own format (data/README.md)."""
    with path.open("rb") as file:
        header = file.readline(4096).decode("utf-8-sig", errors="replace")
    return {*NEEDED} <= {name.strip().strip('"') for name in header.split(",")}


def _of_table(path: Path, told: Told) -> Iterator[Viewing]:
    """The viewings of a table of fixations; rows that cannot be understood are told and left out."""
    defects: list[Defect] = []
    rows = schema.parse_rows(path, defects.append)
    for defect in defects[:NAMED]:
        told.note(str(defect))
    if len(defects) > NAMED:
        told.note(f"{told.short(path)}: {len(defects) - NAMED} more cells cannot be used, too.")
    order = schema.trial_order(rows.columns)
    columns = {name: values[order] for name, values in rows.columns.items()}
    empty = True
    for name, paths in schema.scanpaths(columns, rows.texts, {}):
        for each in paths:
            known = np.isfinite(each.xy).all(1)
            if known.any():
                empty = False
                kept = replace(each, xy=each.xy[known], onset=each.onset[known], duration=each.duration[known])
                yield Viewing(name, kept, None, told.short(path), "the recorder")
    if empty:
        told.problems.append(f"{told.short(path)}: there is no look in this table; write a row for each.")
