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

import re
import statistics
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from data.errors import GazeError, RecordingError
from data.events.detect import detect, detect_fixations
from data.events.quality import Quality, doubt, precision
from data.gaze import Fixations, Picture, Samples, Scanpath, Screen
from data.recorders.stages.stimuli import PicturesByName
from data.recorders.stages.text_table import Warn

REPEATS = ("first", "apart")
MOST = 20  # stimuli without a picture that are named
Box = tuple[float, float, float, float]
Items = list[tuple[Picture, tuple[Scanpath, ...]]]


@dataclass
class Report:
    """What became of the samples."""

    recordings: dict[str, Quality] = field(default_factory=dict)  # of each file
    fixations: list[int] = field(default_factory=list)  # kept, of each trial
    off: int = 0  # fixations beside their picture
    initial: int = 0  # fixations left out because they were under way at the onset
    repeated: int = 0  # trials left out because the person had seen the picture
    empty: int = 0  # trials without a fixation
    unfit: int = 0  # trials that the method cannot take
    unknown: Counter[str] = field(default_factory=Counter)  # trials whose stimulus is no picture

    @property
    def samples(self) -> int:
        """Samples of all recordings from the onsets on."""
        return sum(quality.samples for quality in self.recordings.values())

    @property
    def lost(self) -> int:
        """Samples without an eye."""
        return sum(quality.lost for quality in self.recordings.values())

    def __str__(self) -> str:
        """A few lines for people.

        >>> print(Report({"a.asc": Quality(samples=1000, lost=50, rates=[500.0])}, [9, 8], 1))
        2 trials, 17 fixations: 8.5 a trial, 5.9% beside their picture
        500 samples a second, 5.0% of them lost
        """
        total = sum(self.fixations)
        mean, off = total / max(len(self.fixations), 1), self.off / max(total, 1)
        rates = [rate for quality in self.recordings.values() for rate in quality.rates]
        lines = [
            f"{len(self.fixations)} trials, {total} fixations: {mean:.1f} a trial, {off:.1%} beside their picture",
        ]
        if self.samples:
            lines += [
                f"{statistics.median(rates or [0]):.4g} samples a second, {self.lost / self.samples:.1%} of them lost"
            ]
        out = self.left_out()
        return "\n".join(lines + ([f"left out: {out}"] if out else []))

    def of(self, trial: Samples | Fixations) -> Quality:
        """What is known of the recording of a trial."""
        return self.recordings.setdefault(trial.recording, Quality())

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
    samples: Iterable[Samples | Fixations],
    pictures: Path | str | PicturesByName,
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
    box(placed, (1, 1), Screen(1, 1, 1, 1, 1))
    report = Report() if report is None else report
    by_name = pictures if isinstance(pictures, PicturesByName) else PicturesByName(Path(pictures))
    items = dict[str, tuple[Picture, dict[str, Scanpath]]]()
    unfit: list[GazeError] = []
    for trial in samples:
        picture = by_name.find(trial.stimulus)
        if picture is None:
            report.unknown[trial.stimulus] += 1
            continue
        try:
            looks = fixations(trial, method, options, seconds=seconds, initial=initial, report=report)
        except GazeError as error:
            report.unfit += 1
            unfit.append(error)
            continue
        path = on_picture(looks, (picture.width, picture.height), placed, trial.screen)
        if not len(path):
            report.empty += 1
            continue
        if _keep(items.setdefault(picture.name, (picture, {}))[1], path, repeats, report, picture):
            report.of(trial).add(path)
    if unfit and not items:
        raise unfit[0]
    _warn(items, by_name, report, tell)
    if method == "adaptive":
        _warn_of_noise(report, tell)
    return [(picture, tuple(paths.values())) for picture, paths in items.values()]


def fixations(
    trial: Samples | Fixations,
    method: str = "adaptive",
    options: Mapping[str, float] | None = None,
    *,
    seconds: float = np.inf,
    initial: bool = False,
    report: Report,
) -> Scanpath:
    """The fixations of a trial in pixels of the screen, from its onset on; the rest as `scanpaths` says.

    Raises:
        GazeError: The method is none, or cannot take the trial.
    """
    detected = _detected(trial, method, options or {}, report)
    inside = ~((detected.onset >= 1000 * seconds) | (detected.onset + detected.duration <= 0))  # or unknown when
    first = inside & _under_way(detected, trial) & (not initial)
    report.initial += int(first.sum())
    kept = inside & ~first
    return replace(detected, xy=detected.xy[kept], onset=detected.onset[kept], duration=detected.duration[kept])


def _detected(trial: Samples | Fixations, method: str, options: Mapping[str, float], report: Report) -> Scanpath:
    """The fixations of a trial on the screen; what was there before the onset does not count in the report."""
    if isinstance(trial, Fixations):
        order = np.argsort(trial.onset, kind="stable")
        return Scanpath(trial.subject, trial.xy[order], trial.onset[order], trial.duration[order])
    quality, after_onset = report.of(trial), trial.time >= 0
    quality.samples += int(after_onset.sum())
    quality.lost += int((~np.isfinite(trial.xy).all(1) & after_onset).sum())
    quality.rates += [trial.rate] if len(trial) > 1 else []
    quality.noises.append(precision(trial))
    return detect_fixations(trial, detect(trial, method, **options))


def _under_way(detected: Scanpath, trial: Samples | Fixations) -> np.ndarray:
    """Which fixations had begun when the picture came, or when the recording did."""
    if isinstance(trial, Fixations):
        return np.asarray(detected.onset < 0)
    step = 1000 / trial.rate if len(trial) > 1 else 0.0
    return np.asarray(detected.onset <= max(0.0, float(trial.time[0])) + step) if len(trial) else np.zeros(0, bool)


def box(placed: str, picture: tuple[int, int], screen: Screen) -> Box:
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


def on_picture(path: Scanpath, size: tuple[int, int], placed: str, screen: Screen) -> Scanpath:
    """A path in pixels of the screen as one in pixels of a picture of some width and height that lay there.

    Raises:
        RecordingError: The place is none.
    """
    x, y, width, height = box(placed, size, screen)
    xy = (path.xy - (x, y)) * (size[0] / width, size[1] / height)
    return replace(path, xy=xy.round(2), onset=path.onset.round(2), duration=path.duration.round(2))


def _keep(paths: dict[str, Scanpath], path: Scanpath, repeats: str, report: Report, picture: Picture) -> bool:
    """Adds a path to those of a picture; whether it is kept."""
    name, count = path.subject, 1
    while repeats == "apart" and name in paths:
        count += 1
        name = f"{path.subject}#{count}"
    if name in paths:
        report.repeated += 1
        return False
    paths[name] = Scanpath(name, path.xy, path.onset, path.duration)
    report.fixations.append(len(path))
    report.off += int((~((path.xy >= 0) & (path.xy < (picture.width, picture.height))).all(1)).sum())
    return True


def _warn(items: Mapping[str, object], by_name: PicturesByName, report: Report, tell: Warn) -> None:
    if report.unknown:
        named = [f"{name!r} ({count})" for name, count in report.unknown.most_common() if name]
        few = f"{', '.join(named[:MOST])}{f' and {len(named) - MOST} more' * (len(named) > MOST)}"
        problem = f"no picture for {report.unknown.total()} trials ({few or 'no message, column or name says which'})"
        mend = (
            "name the pictures like the stimuli, or say which is which with --map"
            if named
            else "name the picture with --stimulus or --names"
        )
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


def _warn_of_noise(report: Report, tell: Warn) -> None:
    """Tells of the recordings in which no fixation is sure, each kind of doubt once."""
    doubts: dict[str, list[str]] = {}
    for name, quality in report.recordings.items():
        doubts.setdefault(doubt(quality.rate, quality.precision), []).append(name)
    for words, names in doubts.items():
        if words:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            tell(f"{names[0] or 'The recording'}{more}: {words}.")
