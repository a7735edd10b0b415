"""Which boxes to label next: those whose label would tell most, of as many sorts as there are questions.

    worth of a track = (doubt + novelty + double) x length ^ `LENGTH` x (1 + its share of the gaze)

`doubt` is what the round does not know. `novelty` is how little a track looks like any that is labelled: a class that
nobody named yet is sure to be called something else. `double` is how much of it is seen in frames in which two boxes
are taken for one class, as long as no person said so of two boxes of one frame: one may be a twin with a name of its
own, and rather the one without a label. Asked one after another, each question lowers the worth of what looks like it.
Before the first label novelty alone is left, so that one of each sort comes first. Of a track the box is asked that is
most doubtful or double, and of such the one that is most like the others.

Shapes: `n` boxes, `q` tracks.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int64

from annotation.boxes import Boxes
from annotation.rounds import Prediction
from annotation.tracks import unit

LENGTH = 0.8
NOVEL, DOUBLE = 1.0, 1.0
ELSEWHERE = 0.02  # what each label of a track leaves of its doubles: rather the other one is the slip
SAME = 0.85  # how much of its worth a track loses to one that looks the same and is asked
LEAST = 1e-3  # of doubt
TYPICAL = 0.5  # what being like the others of its track counts beside doubt


@dataclass(frozen=True)
class _Tracks:
    """What is known of each track."""

    own: Int64[np.ndarray, " n"]  # the track of each box, from 0
    length: Int64[np.ndarray, " q"]
    looks_like: Float32[np.ndarray, "q f"]  # the mean of its features, of length one
    told: Int64[np.ndarray, " q"]  # how many of its boxes are labelled


def ask(
    boxes: Boxes,
    labels: Mapping[int, str],
    prediction: Prediction,
    looks: Int64[np.ndarray, " n"],
    count: int = 1,
) -> list[int]:
    """At most `count` boxes without a label, the first the most useful."""
    if not len(boxes):
        return []
    likeness = unit(boxes.features)
    tracks = _tracks(prediction, likeness, labels)
    double = doubles(boxes, prediction, labels)
    worth = _worth(tracks, prediction, looks, double)
    typical = (likeness * tracks.looks_like[tracks.own]).sum(1)
    pressing = prediction.uncertainty + double + TYPICAL * typical
    pressing[list(labels)] = -np.inf
    chosen: list[int] = []
    for _ in range(len(tracks.length)):
        best = int(worth.argmax())
        if len(chosen) == count or worth[best] <= 0:
            break
        rows = np.flatnonzero(tracks.own == best)
        box = int(rows[pressing[rows].argmax()])
        if np.isfinite(pressing[box]):
            chosen.append(box)
            worth = worth * (1 - SAME * np.clip(tracks.looks_like @ tracks.looks_like[best], 0, 1))
        worth[best] = 0
    return chosen


def _tracks(prediction: Prediction, likeness: Float32[np.ndarray, "n f"], labels: Mapping[int, str]) -> _Tracks:
    _, own, length = np.unique(prediction.track, return_inverse=True, return_counts=True)
    order = np.argsort(own, kind="stable")
    means = np.add.reduceat(likeness[order], np.concatenate([[0], np.cumsum(length)[:-1]]))
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6)
    told = np.bincount(own[np.array(list(labels), np.int64)], minlength=len(length))
    return _Tracks(own, length, means.astype(np.float32), told)


def _worth(
    tracks: _Tracks, prediction: Prediction, looks: Int64[np.ndarray, " n"], double: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " q"]:
    """What a label of each track is worth."""
    doubt = np.bincount(tracks.own, prediction.uncertainty) / tracks.length
    slip = np.bincount(tracks.own, double > 0) / tracks.length * ELSEWHERE**tracks.told
    near = np.zeros(len(tracks.length), np.float32)
    for each in np.flatnonzero(tracks.told):
        near = np.maximum(near, tracks.looks_like @ tracks.looks_like[each])
    novel = np.where(tracks.told, 0, NOVEL * (1 - np.clip(near, 0, 1)))
    gaze = np.bincount(tracks.own, looks)
    share = gaze / max(1.0, float(gaze.mean()))
    return np.asarray((LEAST + doubt + novel + DOUBLE * slip) * tracks.length**LENGTH * (1 + share))


def doubles(boxes: Boxes, prediction: Prediction, labels: Mapping[int, str]) -> Float[np.ndarray, " n"]:
    """Which boxes share their frame with another of the class that they are taken for, where that may be a slip.

    1, and 2 where a person labelled the other one; 0 for a class that a person found twice in one frame.
    """
    found = np.zeros(len(boxes))
    if len(prediction.classes) < 2:
        return found
    likeliest = prediction.probabilities.argmax(1)
    known = np.array(list(labels), np.int64)
    frames = int(boxes.frame[-1]) + 1
    for number, name in enumerate(prediction.classes):
        told = np.bincount(boxes.frame[known[[labels[box] == name for box in known.tolist()]]], minlength=frames)
        if not name or told.max() > 1:
            continue
        own = likeliest == number
        seen = np.bincount(boxes.frame[own], minlength=frames)[boxes.frame]
        found += own * (seen > 1) * (1 + (told[boxes.frame] > 0))
    found[known] = 0
    return found
