"""What `gaze evaluate video` scores: clips and entries, one clip after another.

The frames of a clip are decoded once for all rows, and one of them is held at a time. What remembers sees every frame;
only every so-manyth is scored. A clip that breaks on the way is named and left out.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from jaxtyping import UInt8

from data.errors import GazeError, ModelError
from data.video.clips import GazeClip
from evaluation.processes import share_out
from evaluation.results import WHOLE, Values
from evaluation.video import scoring
from evaluation.video.entries import Entry, open_entries
from evaluation.video.gallery import Snapshot
from evaluation.video.gaze import ClipGaze, Truth
from evaluation.video.scoring import CENTRE, PEOPLE, ClipScores, People
from export.runtime.frame_changes import Watch
from export.runtime.video import VideoPredictor, resized

Frame = UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True)
class ClipResult:
    """What came out of one clip."""

    name: str
    rows: dict[str, dict[str, float]] = field(default_factory=dict)  # row -> score -> mean over its frames
    frames: int = 0  # that were scored
    places: int = 0  # looked at in these
    viewers: int = 0  # 0: unknown
    problem: str = ""  # why it is left out
    snapshot: Snapshot | None = None


@dataclass(frozen=True)
class Run:
    """What is scored; it travels to every process."""

    clips: Sequence[GazeClip]
    entries: Sequence[Entry]
    every: int  # which frames are scored
    side: int  # pixels: the longer side of the grid at most
    as_challenge: bool

    def open(self) -> Callable[[int], ClipResult]:
        """Opens every model, and gives the function that scores a clip by its number."""
        return partial(self._tried, open_entries(self.entries))

    def _tried(self, predictors: dict[str, VideoPredictor], number: int) -> ClipResult:
        clip = self.clips[number]
        try:
            clip.check()
            return self._scored(predictors, clip, number)
        except ModelError:
            raise
        except GazeError as error:
            return ClipResult(clip.name, problem=str(error))
        finally:
            clip.forget()

    def _scored(self, predictors: dict[str, VideoPredictor], clip: GazeClip, number: int) -> ClipResult:
        gaze = ClipGaze.of(clip, grid(clip.size, self.side), number)
        people, middle = People(gaze, self.as_challenge), scoring.centre(gaze.size)
        shown, snapshot = self._shown(gaze), None
        found, places = ClipScores(), 0
        for predictor in predictors.values():
            predictor.reset()
        for index, frame, since in self._frames(clip):
            scored = index % self.every == 0
            truth = Truth.of(clip, gaze, index) if scored else None
            densities = {CENTRE: middle} if truth else {}
            for entry in self.entries:
                if entry.remembers or truth:
                    small = predictors[entry.row].step(frame, float(clip.times[index])).small
                    if truth:
                        densities[entry.row] = np.exp(resized(small, gaze.size))
            if truth is None:
                continue
            rows = {row: scoring.scores(density, truth, self.as_challenge) for row, density in densities.items()}
            found.add(rows | people.rows(index), since)
            places += int(truth.counts.sum())
            if index >= shown and snapshot is None:
                snapshot = Snapshot.of(frame, float(clip.times[index]), densities, truth.density[0])
        if not found.frames:
            raise GazeError(f"{clip.name}: nobody looked at any of its frames; remove it.")
        return ClipResult(clip.name, found.means(), found.frames, places, gaze.viewers, snapshot=snapshot)

    def _shown(self, gaze: ClipGaze) -> int:
        """The frame that the report shows: in the middle of those that were looked at."""
        looked = np.flatnonzero(np.diff(gaze.first)[:: self.every]) * self.every
        return int(looked[len(looked) // 2]) if len(looked) else len(gaze.times) // 2

    def _frames(self, clip: GazeClip) -> Iterator[tuple[int, Frame, float]]:
        """The frames that anybody has to see: their numbers, pixels, and seconds since the last cut."""
        all_of_them = clip.cuts is None or any(entry.remembers for entry in self.entries)
        stride = 1 if all_of_them else self.every
        watch, cut = Watch(), float(clip.times[0])
        cuts = np.array(clip.cuts or ())
        for number, frame in enumerate(clip.frames(stride=stride)):
            index = number * stride
            if index >= len(clip):
                return
            time = float(clip.times[index])
            if clip.cuts is None:
                cut = time if watch.see(frame, time).cut else cut
            else:
                cut = float(max(cuts[cuts <= time + 1e-9], default=cut))
            yield index, frame, time - cut


def grid(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Height and width of the grid on which a clip is scored: its own, or smaller in the same proportions.

    >>> grid((1080, 1920), 640), grid((198, 352), 640)
    ((360, 640), (198, 352))
    """
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def score_clips(run: Run, workers: int) -> Iterator[ClipResult]:
    """What came out of each clip, in order, from as many processes as `workers` (1: this one).

    Raises:
        ModelError: A model cannot be opened or run.
        GazeError: A process was ended from outside.
    """
    return share_out(run, len(run.clips), workers)


def by_row(results: Sequence[ClipResult], entries: Sequence[Entry]) -> Values:
    """From rows by clip to clips by row: the centre, the entries as they came, people."""
    values: dict[str, dict[str, np.ndarray]] = {}
    for row in (CENTRE, *(entry.row for entry in entries), *PEOPLE):
        names = dict.fromkeys(name for result in results for name in result.rows.get(row, ()))
        columns = {n: np.array([result.rows.get(row, {}).get(n, math.nan) for result in results]) for n in names}
        if columns:
            values[row] = columns
    return {WHOLE: values}
