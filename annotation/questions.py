"""Which boxes to label next: those whose label would tell most, of as many sorts as there are questions.

    worth of a track = (doubt + novelty + double) x length ^ `LENGTH` x (1 + its share of the gaze)

`doubt` is what the round does not know. `novelty` is how little a track looks like any that is labelled: a class that
nobody named yet is sure to be called something else. `double` is how much of it is seen beside a labelled thing of the
class that it is taken for, as long as no two things of that class were labelled in one frame: it may be a twin with a
name of its own. Asked one after another, each question lowers the worth of what looks like it and of what it is seen
beside no more. Before the first label novelty alone is left, so that one of each sort comes first. Of a track the box
is asked that is most doubtful, and of such the one that is most like the others.

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
NOVEL, DOUBLE = 1.0, 0.5
SAME = 0.85  # how much of its worth a track loses to one that looks the same and is asked
LEAST = 1e-3  # of doubt


@dataclass(frozen=True)
class _Tracks:
    """What is known of each track."""

    own: Int64[np.ndarray, " n"]  # the track of each box, from 0
    length: Int64[np.ndarray, " q"]
    looks_like: Float32[np.ndarray, "q f"]  # the mean of its features, of length one
    told: np.ndarray  # bool (q,): whether a box of it is labelled
    name: np.ndarray  # objects (q,): the class that most of it is taken for


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
    worth = _worth(boxes, tracks, prediction, looks)
    chosen: list[int] = []
    for _ in range(len(tracks.length)):
        best = int(worth.argmax())
        if len(chosen) == count or worth[best] <= 0:
            break
        rows = np.flatnonzero(tracks.own == best)
        box = _doubtful(rows, likeness, tracks.looks_like[best], prediction.uncertainty, labels)
        if box is not None:
            chosen.append(box)
            worth = worth * (1 - SAME * np.clip(tracks.looks_like @ tracks.looks_like[best], 0, 1))
        worth[best] = 0
    return chosen


def _tracks(prediction: Prediction, likeness: Float32[np.ndarray, "n f"], labels: Mapping[int, str]) -> _Tracks:
    _, own, length = np.unique(prediction.track, return_inverse=True, return_counts=True)
    order = np.argsort(own, kind="stable")
    means = np.add.reduceat(likeness[order], np.concatenate([[0], np.cumsum(length)[:-1]]))
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6)
    told = np.zeros(len(length), bool)
    told[own[list(labels)]] = True
    votes = np.stack([np.bincount(own, shares) for shares in prediction.probabilities.T], 1) if labels else None
    name = np.full(len(length), "", object)
    if votes is not None:
        name[:] = np.array(prediction.classes, object)[votes.argmax(1)]
    return _Tracks(own, length, means.astype(np.float32), told, name)


def _worth(
    boxes: Boxes, tracks: _Tracks, prediction: Prediction, looks: Int64[np.ndarray, " n"]
) -> Float[np.ndarray, " q"]:
    """What a label of each track is worth."""
    doubt = np.bincount(tracks.own, prediction.uncertainty) / tracks.length
    near = np.zeros(len(tracks.length), np.float32)
    for each in np.flatnonzero(tracks.told):
        near = np.maximum(near, tracks.looks_like @ tracks.looks_like[each])
    novel = np.where(tracks.told, 0, NOVEL * (1 - np.clip(near, 0, 1)))
    gaze = np.bincount(tracks.own, looks)
    share = gaze / max(1.0, float(gaze.mean()))
    return (LEAST + doubt + novel + DOUBLE * _double(boxes, tracks)) * tracks.length**LENGTH * (1 + share)


def _double(boxes: Boxes, tracks: _Tracks) -> Float[np.ndarray, " q"]:
    """The share of each track that is seen beside a labelled one that it is taken for the same as; 0 to 1."""
    found = np.zeros(len(tracks.length))
    frames = int(boxes.frame[-1]) + 1
    for name in sorted(set(tracks.name[tracks.told]) - {""}):
        seen = np.zeros(frames, np.int64)  # how many labelled things of the class are in each frame
        np.add.at(seen, boxes.frame[(tracks.told & (tracks.name == name))[tracks.own]], 1)
        if seen.max() > 1:  # the class has several things
            continue
        rivals = ~tracks.told & (tracks.name == name)
        beside = np.bincount(tracks.own, seen[boxes.frame] > 0, len(tracks.length)) / tracks.length
        found[rivals] = beside[rivals]
    return found


def _doubtful(
    rows: Int64[np.ndarray, " k"],
    likeness: Float32[np.ndarray, "n f"],
    mean: Float[np.ndarray, " f"],
    uncertainty: Float32[np.ndarray, " n"],
    labels: Mapping[int, str],
) -> int | None:
    """The box of a track to ask, of those without a label."""
    free = np.array([row for row in rows.tolist() if row not in labels], np.int64)
    if not len(free):
        return None
    return int(free[(uncertainty[free] + 0.5 * (likeness[free] @ mean)).argmax()])
