"""What the network has to beat: simpler ways to make a few labels hold for all boxes, each with its own best questions.

    alone       every box is labelled by hand; asked in the order of time
    tracker     a label holds for its track, from the nearest labelled box of it on; the longest track is asked first
    nearest     each box is what the labelled box is whose features are most like its own; asked is what is least like
                any that is labelled
    nearest-track   the same of whole tracks, by their mean features; asked as before, long tracks first

A rule gives the class of each box as objects (n,): None where it says nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from annotation.boxes import Boxes
from annotation.rounds import carried
from annotation.tracks import unit

Labels = Mapping[int, str]


@dataclass(frozen=True)
class Rule:
    """How labels spread, and which boxes are asked next."""

    predict: Callable[[Boxes, Labels], np.ndarray]
    ask: Callable[[Boxes, Labels, int], list[int]]


def alone(boxes: Boxes, labels: Labels) -> np.ndarray:
    """What was labelled, and no more."""
    names: np.ndarray = np.full(len(boxes), None, object)
    for box, name in labels.items():
        names[box] = name
    return names


def tracker(boxes: Boxes, labels: Labels) -> np.ndarray:
    """The nearest label of each track."""
    if not labels:
        return alone(boxes, labels)
    classes = list(dict.fromkeys(labels.values()))
    known = np.array(list(labels), np.int64)
    given = np.array([classes.index(name) for name in labels.values()], np.int64)
    even = np.full(len(boxes), 0.5, np.float32)  # all links alike: the nearest in steps counts
    reached, sure = carried(boxes.track, even, known, given)
    names = np.array([*classes, None], object)[np.where(sure > 0, reached, len(classes))]
    return np.asarray(names, object)


def nearest(boxes: Boxes, labels: Labels) -> np.ndarray:
    """The label of the box whose features are most like each one's."""
    if not labels:
        return alone(boxes, labels)
    likeness, known = unit(boxes.features), list(labels)
    given = np.array(list(labels.values()), object)
    return np.asarray(given[(likeness @ likeness[known].T).argmax(1)], object)


def nearest_track(boxes: Boxes, labels: Labels) -> np.ndarray:
    """The label of the track whose mean features are most like those of each one's track; its own where it has one."""
    own, means = _means(boxes)
    known = list(labels)
    if not known:
        return alone(boxes, labels)
    given = np.array(list(labels.values()), object)
    names = np.asarray(given[(means @ means[own[known]].T).argmax(1)], object)[own]
    carried_over = tracker(boxes, labels)
    return np.asarray(np.where([name is None for name in carried_over], names, carried_over), object)


def in_time(boxes: Boxes, labels: Labels, count: int) -> list[int]:
    """The first boxes without a label."""
    return [box for box in range(min(len(boxes), len(labels) + count)) if box not in labels][:count]


def longest(boxes: Boxes, labels: Labels, count: int) -> list[int]:
    """The middle boxes of the longest tracks without a label, then of the gaps between labels."""
    by_track = np.split(np.argsort(boxes.track, kind="stable"), np.flatnonzero(np.diff(np.sort(boxes.track))) + 1)
    gaps = [gap for rows in by_track for gap in _gaps(rows.tolist(), labels)]
    gaps.sort(key=lambda gap: (-len(gap), gap[0]))
    return [gap[len(gap) // 2] for gap in gaps[:count]]


def _gaps(rows: list[int], labels: Labels) -> list[list[int]]:
    """The runs of boxes of a track without a label; of a track that has one a run counts half of its ends."""
    found: list[list[int]] = [[]]
    for row in rows:
        if row in labels:
            found.append([])
        else:
            found[-1].append(row)
    runs = [run for run in found if run]
    if len(runs) == 1 and len(runs[0]) == len(rows):
        return runs
    return [run[len(run) // 4 : len(run) - len(run) // 4] for run in runs]


def farthest(boxes: Boxes, labels: Labels, count: int) -> list[int]:
    """The boxes that are least like any that is labelled or asked."""
    likeness = unit(boxes.features)
    return _spread(likeness, list(labels), count, np.ones(len(boxes)))


def farthest_track(boxes: Boxes, labels: Labels, count: int) -> list[int]:
    """The same of tracks, those of more boxes first."""
    own, means = _means(boxes)
    length = np.bincount(own)
    tracks = _spread(means, own[list(labels)].tolist(), count, length.astype(np.float64))
    rows = [np.flatnonzero(own == track) for track in tracks]
    return [int(each[len(each) // 2]) for each in rows if int(each[len(each) // 2]) not in labels]


def _means(boxes: Boxes) -> tuple[np.ndarray, np.ndarray]:
    """The track of each box from 0, and the mean features of each track, of length one."""
    _, own, length = np.unique(boxes.track, return_inverse=True, return_counts=True)
    order = np.argsort(own, kind="stable")
    means = np.add.reduceat(unit(boxes.features)[order], np.concatenate([[0], np.cumsum(length)[:-1]]))
    return own, means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6)


def _spread(likeness: np.ndarray, told: list[int], count: int, weight: np.ndarray) -> list[int]:
    near = (likeness @ likeness[told].T).max(1) if told else np.zeros(len(likeness))
    free = np.ones(len(likeness), bool)
    free[told] = False
    chosen: list[int] = []
    for _ in range(min(count, int(free.sum()))):
        best = int(np.where(free, (1.001 - near) * weight, -np.inf).argmax())
        chosen.append(best)
        free[best] = False
        near = np.maximum(near, likeness @ likeness[best])
    return chosen


RULES = {
    "alone": Rule(alone, in_time),
    "tracker": Rule(tracker, longest),
    "nearest": Rule(nearest, farthest),
    "nearest-track": Rule(nearest_track, farthest_track),
}
