"""What a data set holds: how many, how long, how far, and where, as numbers and as what their histograms are made of.

    rate in second s    fixations that begin between s and s + 1 seconds / the trials' time of viewing in that second

A trial's viewing ends with its last fixation. Where no onset was recorded it is estimated from the durations
(`data.maps.onsets`), for which a trial that is too long for the others' viewing, and every search, lasted as long as
`lasted` says: the first 280 ms, its durations, and 50 ms after each. Of all others the viewing is taken to end with the
whole second next above the median trial's. Without durations nothing is said of time. A trial in which a fixation
begins before the one before is half over holds several recordings (two raters', say), and so does one of the viewer
"all", as readers call everybody where viewers are not told apart: it counts, but its saccades and times are left out.
"""

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int64

from data import maps
from data.errors import TableError
from data.gaze import Picture, Scanpath

GAP = 50.0  # ms between two fixations, as far as the length of the viewing is estimated
EVERYBODY = "all"  # the viewer of sets that do not tell viewers apart
MIN_SHARE_OF_TRIALS = 0.05  # of the trials must reach into a second for it to be told
FIVE = ("min", "q1", "median", "q3", "max")  # what a spread says, in this order
MAX_SECONDS = 600.0  # seconds of viewing that are told


@dataclass
class Summary:
    """What was counted; lengths in pixels, times in milliseconds."""

    pictures: list[Picture] = field(default_factory=list)
    people: set[str] = field(default_factory=set)  # empty where viewers are not told apart
    tasks: Counter[str] = field(default_factory=Counter)  # trials of each
    targets: set[str] = field(default_factory=set)
    answers: Counter[bool] = field(default_factory=Counter)  # searches that ended with and without the target
    mixed: int = 0  # trials with several recordings in one
    timing: str = "unknown"  # or "recorded" or "estimated"
    per_picture: Int64[np.ndarray, " p"] = field(default_factory=lambda: np.zeros(0, np.int64))
    per_trial: Int64[np.ndarray, " t"] = field(default_factory=lambda: np.zeros(0, np.int64))
    place: Float[np.ndarray, "l 2"] = field(default_factory=lambda: np.zeros((0, 2)))  # share of width and height
    duration: Float[np.ndarray, " l"] = field(default_factory=lambda: np.zeros(0))
    saccade: Float[np.ndarray, "s 2"] = field(default_factory=lambda: np.zeros((0, 2)))  # rightwards, downwards
    diagonal: Float[np.ndarray, " s"] = field(default_factory=lambda: np.zeros(0))  # of each saccade's picture
    first: Float[np.ndarray, " t"] = field(default_factory=lambda: np.zeros(0))  # onset of the first fixation
    begin: Float[np.ndarray, " l"] = field(default_factory=lambda: np.zeros(0))
    end: Float[np.ndarray, " t"] = field(default_factory=lambda: np.zeros(0))  # of each trial that has times

    @property
    def length(self) -> Float[np.ndarray, " s"]:
        """How far the eyes went from one fixation to the next, in pixels."""
        return np.asarray(np.hypot(*self.saccade.T))

    @property
    def rates(self) -> Float[np.ndarray, " s"]:
        """Fixations per second of viewing, second by second, as long as one trial in twenty goes on."""
        last = float(np.quantile(self.end, 1 - MIN_SHARE_OF_TRIALS)) if len(self.end) else 0.0
        if last < 1:
            return np.zeros(0)
        seconds = math.ceil(min(last / 1000, MAX_SECONDS))
        viewing = np.array([np.clip(self.end / 1000 - second, 0, 1).sum() for second in range(seconds)])
        begin = self.begin[(self.begin >= 0) & (self.begin < 1000 * seconds)]
        return np.asarray(np.bincount((begin // 1000).astype(int), minlength=seconds) / viewing)


def summarise(items: Iterable[tuple[Picture, Sequence[Scanpath]]]) -> Summary:
    """What a reader yields, summed up; only numbers are kept of it, and the trials whose onsets are to be estimated.

    Raises:
        TableError: There is no fixation.
    """
    summary, columns = Summary(), _Columns()
    guessed: list[Scanpath] = []
    for picture, scanpaths in items:
        summary.pictures.append(picture)
        columns.add("per_picture", [sum(map(len, scanpaths))])
        for scanpath in scanpaths:
            if len(scanpath):
                _count(summary, scanpath)
                _measure(columns, picture, scanpath)
                if _mixed(scanpath):
                    summary.mixed += 1
                elif _moves(columns, picture, scanpath):
                    guessed.append(scanpath)
    if not len(columns["per_trial"]):
        raise TableError("There is no fixation in the data set; give one in which somebody looked at something.")
    _estimate(columns, guessed)
    summary.per_picture, summary.per_trial = (columns[name].astype(np.int64) for name in ("per_picture", "per_trial"))
    for name in ("duration", "diagonal", "first", "begin", "end"):
        setattr(summary, name, columns[name])
    summary.place, summary.saccade = columns["place"].reshape(-1, 2), columns["saccade"].reshape(-1, 2)
    if len(summary.end):
        summary.timing = "estimated" if guessed else "recorded"
    return summary


class _Columns:
    """Numbers by the name of their column, eight bytes each."""

    def __init__(self) -> None:
        self.known: dict[str, array[float]] = defaultdict(lambda: array("d"))

    def add(self, name: str, values: Iterable[float] | np.ndarray) -> None:
        self.known[name].frombytes(np.asarray(values, np.float64).tobytes())

    def __getitem__(self, name: str) -> Float[np.ndarray, " n"]:
        return np.array(self.known[name])


def _count(summary: Summary, scanpath: Scanpath) -> None:
    summary.people |= {scanpath.subject} - {EVERYBODY}
    summary.tasks[scanpath.task] += 1
    if scanpath.target:
        summary.targets.add(scanpath.target)
    if scanpath.found is not None:
        summary.answers[scanpath.found] += 1


def _mixed(scanpath: Scanpath) -> bool:
    if scanpath.subject == EVERYBODY:
        return True
    return bool((scanpath.onset[1:] < (scanpath.onset + scanpath.duration / 2)[:-1]).any())


def _measure(columns: _Columns, picture: Picture, scanpath: Scanpath) -> None:
    columns.add("per_trial", [len(scanpath)])
    columns.add("place", scanpath.xy / (picture.width, picture.height))
    columns.add("duration", scanpath.duration[np.isfinite(scanpath.duration)])


def _moves(columns: _Columns, picture: Picture, scanpath: Scanpath) -> bool:
    """Saccades and times of one recording; whether its times have to be estimated."""
    saccade = np.diff(scanpath.xy, axis=0)
    saccade = saccade[np.isfinite(saccade).all(1)]
    columns.add("saccade", saccade)
    columns.add("diagonal", np.full(len(saccade), math.hypot(picture.width, picture.height)))
    if math.isfinite(scanpath.onset[0]):
        columns.add("first", scanpath.onset[:1])
    if np.isfinite(scanpath.onset).all():
        _time(columns, scanpath, scanpath.onset)
        return False
    return bool(np.isfinite(scanpath.duration).all())


def _time(columns: _Columns, scanpath: Scanpath, begin: Float[np.ndarray, " l"]) -> None:
    columns.add("begin", begin)
    columns.add("end", [(begin + np.nan_to_num(scanpath.duration)).max()])


def lasted(scanpath: Scanpath) -> float:
    """For how many seconds somebody looked, by the durations alone."""
    return float(maps.FIRST + scanpath.duration.sum() + GAP * len(scanpath)) / 1000


def _estimate(columns: _Columns, guessed: list[Scanpath]) -> None:
    own = [lasted(scanpath) for scanpath in guessed]
    common = math.ceil(np.median(own)) if own else 0
    for scanpath, seconds in zip(guessed, own, strict=True):
        alone = scanpath.task == "search" or seconds > common
        _time(columns, scanpath, maps.onsets(scanpath, seconds if alone else common))


def numbers(summary: Summary) -> dict[str, object]:
    """The summary in numbers, as JSON can hold them; None is unknown."""
    sizes = np.array([(picture.width, picture.height) for picture in summary.pictures])
    outside = ~((summary.place >= 0) & (summary.place < 1)).all(1)
    inside = summary.place[~outside]
    answers = sum(summary.answers.values())
    whole = summary.end.sum() / 1000
    return {
        "pictures": len(summary.pictures),
        "pictures_with_a_file": sum(picture.path is not None for picture in summary.pictures),
        "width_pixels": spread(sizes[:, 0]),
        "height_pixels": spread(sizes[:, 1]),
        "people": len(summary.people) or None,
        "trials": len(summary.per_trial),
        "trials_of_several_recordings": summary.mixed,
        "tasks": dict(sorted(summary.tasks.items())),
        "targets": len(summary.targets),
        "found_share": summary.answers[True] / answers if answers else None,
        "fixations": int(summary.per_trial.sum()),
        "fixations_per_picture": spread(summary.per_picture),
        "fixations_per_trial": spread(summary.per_trial),
        "times": summary.timing,
        "fixations_per_second": len(summary.begin) / whole if whole > 1e-3 else None,
        "fixations_per_second_by_second": summary.rates.tolist(),
        "duration_ms": spread(summary.duration),
        "first_onset_ms": spread(summary.first),
        "saccade_pixels": spread(summary.length),
        "saccade_share_of_diagonal": spread(summary.length / summary.diagonal),
        "outside_share": float(outside.mean()),
        "mean_place": dict(zip(("x", "y"), inside.mean(0).tolist(), strict=True)) if len(inside) else None,
    }


def spread(values: np.ndarray) -> dict[str, float] | None:
    """Least, lower quartile, median, upper quartile and largest; None of nothing.

    >>> spread(np.array([1.0, 2.0, 3.0]))
    {'min': 1.0, 'q1': 1.5, 'median': 2.0, 'q3': 2.5, 'max': 3.0}
    """
    if not len(values):
        return None
    cuts = np.percentile(values, [0, 25, 50, 75, 100]).tolist()
    return dict(zip(FIVE, cuts, strict=True))
