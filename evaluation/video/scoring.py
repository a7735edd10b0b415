"""The scores of every row on the frames of one clip: the centre, what predicts, and the people themselves.

What the rows are and how they are made stands in `evaluation.video.protocol`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Float32

from data import maps
from evaluation.video.gaze import ClipGaze, Truth
from video import metrics

SCORES = ("auc", "cc", "sim", "nss")  # of frames; all: more is better
RANK = "rank"  # of all rows but people
CENTRE, ONE_MAP, INSTANT = "centre", "people, one map a clip", "people at the same instant"
PEOPLE = (ONE_MAP, INSTANT)
ROWS = (CENTRE, *PEOPLE)
SPREAD = 0.2  # of the Gaussian in the middle, in sides of the frame
CENTRE_SHARE = 0.1  # of the centre in the maps by which people predict each other
SINCE = {  # seconds since the last cut, or the clip's start
    "nss 0-0.5 s": (0.0, 0.5),
    "nss 0.5-1 s": (0.5, 1.0),
    "nss 1-2 s": (1.0, 2.0),
    "nss 2-4 s": (2.0, 4.0),
    "nss 4 s on": (4.0, math.inf),
}

Plane = Float[np.ndarray, "h w"]
FrameScores = dict[str, float]


@dataclass
class ClipScores:
    """The scores of the frames of a clip, as they come: row -> score -> one number a scored frame."""

    frames: int = 0
    rows: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    since: list[float] = field(default_factory=list)  # seconds from the last cut to each scored frame

    def add(self, rows: Mapping[str, FrameScores], since: float) -> None:
        """One more frame."""
        for row, scores in rows.items():
            for name, value in scores.items():
                self.rows.setdefault(row, {}).setdefault(name, []).append(value)
        self.since.append(since)
        self.frames += 1

    def means(self) -> dict[str, dict[str, float]]:
        """The mean of each score over the frames that have it, and of NSS by the time since the last cut."""
        since, found = np.array(self.since), dict[str, dict[str, float]]()
        for row, scores in self.rows.items():
            nss = np.array(scores["nss"])
            timed = {name: metrics.mean(nss[(since >= low) & (since < high)]) for name, (low, high) in SINCE.items()}
            found[row] = {name: metrics.mean(values) for name, values in scores.items()} | timed
        return found


def centre(size: tuple[int, int]) -> Float32[np.ndarray, "h w"]:
    """A Gaussian in the middle of the frame, as wide and high as the frame in its proportions; sums to one.

    >>> centre((1, 3)).round(2)
    array([[0.17, 0.67, 0.17]], dtype=float32)
    """
    y, x = ((np.arange(length) + 0.5) / length - 0.5 for length in size)
    bump = np.exp(-((y / SPREAD) ** 2) / 2)[:, None] * np.exp(-((x / SPREAD) ** 2) / 2)[None]
    return np.asarray(bump / bump.sum(), np.float32)


def scores(density: Plane, truth: Truth, as_challenge: bool) -> FrameScores:
    """The scores of a map of one frame; NaN where there is no place, or no density, to compare it with."""
    p = np.ascontiguousarray(density, np.float32)[None]
    return {
        "auc": metrics.auc_judd(p, truth.counts, as_challenge=as_challenge).item(),
        "cc": metrics.cc(p, truth.density, as_challenge=as_challenge).item(),
        "sim": metrics.sim(p, truth.density, as_challenge=as_challenge).item(),
        "nss": metrics.nss(p, truth.counts, as_challenge=as_challenge).item(),
    }


class People:
    """The rows of people, who predict each other."""

    def __init__(self, gaze: ClipGaze, as_challenge: bool) -> None:
        self._gaze, self._as_challenge = gaze, as_challenge
        self._centre = centre(gaze.size)

    def rows(self, index: int) -> dict[str, FrameScores]:
        """The scores of a frame; nothing where there are no two who could predict each other."""
        gaze = self._gaze
        if not gaze.can_judge:
            return {}
        about = gaze.about(index)
        xy, fold = gaze.xy[about], gaze.fold[about]
        return {
            ONE_MAP: self._of_places(index, lambda own: gaze.whole[own]) | self._of_halves(index, gaze.whole_of_half),
            INSTANT: self._of_places(index, lambda own: gaze.density(xy[fold != own]))
            | self._of_halves(index, gaze.density(xy[gaze.half[about]])),
        }

    def _of_places(self, index: int, others: Callable[[int], Plane]) -> FrameScores:
        """Each group's places in what the others looked at; the mean over places."""
        gaze, totals, count = self._gaze, {"auc": 0.0, "nss": 0.0}, 0
        at = gaze.at(index)
        for own in np.unique(gaze.fold[at]).tolist():
            places = gaze.xy[at][gaze.fold[at] == own]
            truth = maps.counts(places, gaze.size)[None]
            density = (1 - CENTRE_SHARE) * others(own) + CENTRE_SHARE * self._centre
            p = np.asarray(density, np.float32)[None]
            totals["auc"] += len(places) * metrics.auc_judd(p, truth, as_challenge=self._as_challenge).item()
            totals["nss"] += len(places) * metrics.nss(p, truth, as_challenge=self._as_challenge).item()
            count += len(places)
        return {name: total / count if count else math.nan for name, total in totals.items()}

    def _of_halves(self, index: int, density: Plane) -> FrameScores:
        """What half of the viewers looked at beside what the other half looks at in the frame."""
        gaze, at = self._gaze, self._gaze.at(index)
        truth = gaze.density(gaze.xy[at][~gaze.half[at]])
        if not (truth.any() and density.any()):
            return {"cc": math.nan, "sim": math.nan}
        p, q = density[None], truth[None]
        return {
            "cc": metrics.cc(p, q, as_challenge=self._as_challenge).item(),
            "sim": metrics.sim(p, q, as_challenge=self._as_challenge).item(),
        }
