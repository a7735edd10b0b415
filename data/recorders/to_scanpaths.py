"""From a recording to a data set: fixations are found in the samples and moved to the pixels of the pictures.

    centre    the picture was shown in its own size in the middle of the screen
    fit       as large as fits on the screen, in its own shape, in the middle
    fill      stretched over the whole screen
    x,y,w,h   there, in pixels of the screen

A picture is found by the stimulus' path, in any case, with or without its ending, in the folder or below: by as much of
the path as fits, "indoor/001.jpg" before "001.jpg". What the eye did before the picture came is left out, and so is the
fixation under way then: it is where the cross was. Fixations beside the picture are kept, as the table format allows,
and counted. When one person saw a picture again, the first time is kept: memory guides the others.
"""

import logging
import re
import statistics
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from data.errors import GazeError, RecordingError
from data.events.detect import detect, detect_fixations
from data.gaze import Picture, Samples, Scanpath, Screen
from data.picture import picture_size
from data.picture_file import SUFFIXES, unread
from data.recorders._text_table import Warn

logger = logging.getLogger(__name__)

REPEATS = ("first", "apart")
Box = tuple[float, float, float, float]
Items = list[tuple[Picture, tuple[Scanpath, ...]]]


@dataclass
class Report:
    """What became of the samples."""

    samples: int = 0
    lost: int = 0  # samples without an eye
    rates: list[float] = field(default_factory=list)  # samples per second of each trial
    fixations: list[int] = field(default_factory=list)  # kept, of each trial
    off: int = 0  # fixations beside their picture
    initial: int = 0  # fixations left out because they were under way at the onset
    repeated: int = 0  # trials left out because the person had seen the picture
    empty: int = 0  # trials without a fixation
    unfit: int = 0  # trials that the method cannot take
    unknown: Counter[str] = field(default_factory=Counter)  # trials whose stimulus is no picture

    def __str__(self) -> str:
        """A few lines for people.

        >>> print(Report(1000, 50, [500.0], [9, 8], 1))
        2 trials, 17 fixations: 8.5 a trial, 5.9% beside their picture
        500 samples a second, 5.0% of them lost
        """
        total = sum(self.fixations)
        mean, off, lost = (
            total / max(len(self.fixations), 1),
            self.off / max(total, 1),
            self.lost / max(self.samples, 1),
        )
        lines = [
            f"{len(self.fixations)} trials, {total} fixations: {mean:.1f} a trial, {off:.1%} beside their picture",
            f"{statistics.median(self.rates or [0]):.4g} samples a second, {lost:.1%} of them lost",
        ]
        out = self.left_out()
        return "\n".join(lines + ([f"left out: {out}"] if out else []))

    def left_out(self) -> str:
        """What is in no scanpath, in words; "" if nothing is left out."""
        parts = {
            f"{self.initial} fixations under way at the onset": self.initial,
            f"{self.repeated} trials on a picture seen before": self.repeated,
            f"{self.empty} trials without a fixation": self.empty,
            f"{self.unfit} trials that the method cannot take": self.unfit,
            f"{self.unknown.total()} trials without a picture": self.unknown.total(),
        }
        return ", ".join(words for words, count in parts.items() if count)


def scanpaths(
    samples: Iterable[Samples],
    pictures: Path | str,
    *,
    method: str = "adaptive",
    options: Mapping[str, float] | None = None,
    placed: str = "centre",
    seconds: float = np.inf,
    initial: bool = False,
    repeats: str = "first",
    report: Report | None = None,
    tell: Warn = warnings.warn,
) -> Items:
    """Pictures with scanpaths for `data.table.write.write_table`, in the order of the recording.

    `method` and `options` are those of `data.events.detect.detect`. Fixations that begin after `seconds` are left out.
    `initial` keeps the fixation under way at the onset; `repeats="apart"` keeps later trials of a person on a picture
    under a name of their own, `anna#2`. What happened is added to `report`.

    Raises:
        GazeError: An option is none, there are no pictures, or no fixation on any of them was found.
    """
    if repeats not in REPEATS:
        raise RecordingError(f"repeats is {repeats!r}; choose first or apart.")
    _box(placed, (1, 1), Screen(1, 1, 1, 1, 1))
    report = Report() if report is None else report
    by_name, items = _Pictures(Path(pictures)), dict[str, tuple[Picture, dict[str, Scanpath]]]()
    unfit: list[GazeError] = []
    for trial in samples:
        picture = by_name.find(trial.stimulus)
        if picture is None:
            report.unknown[trial.stimulus] += 1
            continue
        try:
            detected = _fixations(trial, method, options or {}, report)
        except GazeError as error:
            report.unfit += 1
            unfit.append(error)
            continue
        inside = (detected.onset < 1000 * seconds) & (detected.onset + detected.duration > 0)
        first = inside & _under_way(detected, trial) & (not initial)
        path = _moved(detected, inside & ~first, picture, placed, trial.screen)
        report.initial += int(first.sum())
        if not len(path):
            report.empty += 1
            continue
        _keep(items.setdefault(picture.name, (picture, {}))[1], path, repeats, report, picture)
    if unfit and not items:
        raise unfit[0]
    _warn(items, by_name, report, tell)
    return [(picture, tuple(paths.values())) for picture, paths in items.values()]


class _Pictures:
    """The pictures of a folder by their names."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise RecordingError(f"{folder}: there is no such folder; give the folder of the pictures that were shown.")
        self.folder, self._found = folder, dict[str, Picture | None]()
        self._files: dict[str, list[Path]] = {}
        inside = sorted(folder.rglob("*"))
        for words in unread(inside):
            logger.warning("%s: %s.", folder, words)
        for path in (path for path in inside if path.suffix.lower() in SUFFIXES):
            for name in {name for tail in _tails(path.relative_to(folder).as_posix()) for name in tail}:
                self._files.setdefault(name, []).append(path)
        if not self._files:
            raise RecordingError(f"{folder}: no picture in it; give the folder of the pictures that were shown.")

    def find(self, stimulus: str) -> Picture | None:
        """The picture of a stimulus; None if there is none."""
        if stimulus not in self._found:
            names = [name for tail in _tails(stimulus) for name in tail]
            paths = next((self._files[name] for name in names if name in self._files), [])
            if len(paths) > 1:
                two = " and ".join(str(path.relative_to(self.folder)) for path in paths[:2])
                raise RecordingError(f"{self.folder}: {stimulus!r} may be {two}; give pictures names of their own.")
            self._found[stimulus] = self._picture(paths[0]) if paths else None
        return self._found[stimulus]

    def _picture(self, path: Path) -> Picture:
        return Picture(path.relative_to(self.folder).as_posix(), *picture_size(path), path)


def _tails(name: str) -> list[tuple[str, str]]:
    r"""A path, cut from the left folder by folder, with and without its ending.

    >>> _tails("C:\\in\\A.jpg")
    [('c:/in/a.jpg', 'c:/in/a'), ('in/a.jpg', 'in/a'), ('a.jpg', 'a')]
    """
    parts = name.strip().casefold().replace("\\", "/").split("/")
    tails = ["/".join(parts[start:]) for start in range(len(parts)) if parts[-1]]
    return [(tail, tail.removesuffix(PurePosixPath(parts[-1]).suffix)) for tail in tails]


def _fixations(trial: Samples, method: str, options: Mapping[str, float], report: Report) -> Scanpath:
    """The fixations of a trial on the screen; what was there before the onset does not count in the report."""
    after_onset = trial.time >= 0
    report.samples += int(after_onset.sum())
    report.lost += int((~np.isfinite(trial.xy).all(1) & after_onset).sum())
    report.rates += [trial.rate] if len(trial) > 1 else []
    return detect_fixations(trial, detect(trial, method, **options))


def _under_way(detected: Scanpath, trial: Samples) -> np.ndarray:
    """Which fixations had begun when the picture came, or when the recording did."""
    step = 1000 / trial.rate if len(trial) > 1 else 0.0
    return np.asarray(detected.onset <= max(0.0, float(trial.time[0])) + step) if len(trial) else np.zeros(0, bool)


def _box(placed: str, picture: tuple[int, int], screen: Screen) -> Box:
    """Where a picture of some width and height lay: x, y, width, height in pixels of the screen."""
    width, height = float(picture[0]), float(picture[1])
    if placed == "fill":
        return 0.0, 0.0, float(screen.width), float(screen.height)
    if placed in ("centre", "center", "fit"):
        scale = min(screen.width / width, screen.height / height) if placed == "fit" else 1.0
        width, height = width * scale, height * scale
        return (screen.width - width) / 2, (screen.height - height) / 2, width, height
    numbers = re.fullmatch(r"\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)\s*,\s*([\d.]+)\s*,\s*([\d.]+)\s*", placed)
    try:
        x, y, width, height = (float(number) for number in numbers.groups()) if numbers else (0, 0, 0, 0)
    except ValueError:
        width = height = 0
    if not (width > 0 and height > 0):
        raise RecordingError(f"placed is {placed!r}; write centre, fit, fill, or x,y,w,h in pixels of the screen.")
    return x, y, width, height


def _moved(detected: Scanpath, kept: np.ndarray, picture: Picture, placed: str, screen: Screen) -> Scanpath:
    x, y, width, height = _box(placed, (picture.width, picture.height), screen)
    xy = (detected.xy[kept] - (x, y)) * (picture.width / width, picture.height / height)
    return Scanpath(detected.subject, xy.round(2), detected.onset[kept].round(2), detected.duration[kept].round(2))


def _keep(paths: dict[str, Scanpath], path: Scanpath, repeats: str, report: Report, picture: Picture) -> None:
    name, count = path.subject, 1
    while repeats == "apart" and name in paths:
        count += 1
        name = f"{path.subject}#{count}"
    if name in paths:
        report.repeated += 1
        return
    paths[name] = Scanpath(name, path.xy, path.onset, path.duration)
    report.fixations.append(len(path))
    report.off += int((~((path.xy >= 0) & (path.xy < (picture.width, picture.height))).all(1)).sum())


def _warn(items: Mapping[str, object], by_name: _Pictures, report: Report, tell: Warn) -> None:
    if report.unknown:
        named = [repr(name) for name in report.unknown if name]
        few = f"{', '.join(named[:3])}{', ...' * (len(named) > 3)}"
        problem = f"no picture for {report.unknown.total()} trials ({few or 'no message, column or name says which'})"
        mend = "give the pictures the names of the stimuli" if named else "name the picture with --stimulus or --names"
        if not items:
            raise RecordingError(f"{by_name.folder}: {problem}; {mend}.")
        tell(f"{by_name.folder}: {problem}; they are left out.")
        if named and report.unknown[""]:
            tell(f"{by_name.folder}: of {report.unknown['']} of them no message, column or name says the picture.")
    total = sum(report.fixations)
    if total and report.off > total / 2:
        share = f"{report.off / total:.0%} of the fixations are beside their picture"
        tell(f"{share}; check the screen and where the pictures were placed on it.")
    if report.samples and report.lost > report.samples / 2:
        tell(f"{report.lost / report.samples:.0%} of the samples are lost; check the recording.")
    if not items:
        lost = f"{report.lost / report.samples:.0%} of the samples are lost" if report.lost else ""
        why = ", ".join(words for words in (lost, report.left_out()) if words) or "there was no trial"
        raise GazeError(f"No fixation on any picture was found ({why}); check the units of the recording and its rate.")
