"""Which boxes to label next: those whose label would tell most, of as many sorts as there are questions.

    worth of a track = (entropy + novelty) x (1 + its share of the gaze) x the root of its length

`novelty` is how little a track looks like any that is labelled: a class that nobody named yet is sure to be called
something else. Asked one after another, each question lowers the worth of what looks like it. Before the first label
novelty alone is left, so that one of each sort comes first. Of a track the box is asked that is most like its others.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Float32, Int64

from annotation.boxes import Boxes
from annotation.rounds import Prediction
from annotation.tracks import unit

SAME = 0.85  # how much of its worth a track loses to one that looks the same and is asked


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
    numbers, own, length = np.unique(prediction.track, return_inverse=True, return_counts=True)
    likeness = unit(boxes.features)
    means = np.zeros((len(numbers), likeness.shape[1]), np.float32)
    np.add.at(means, own, likeness)
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6)
    doubt = np.bincount(own, prediction.uncertainty) / length
    gaze = np.bincount(own, looks)
    share = gaze / max(1.0, float(gaze.mean()))
    worth = (0.02 + doubt) * np.sqrt(length) * (1 + share)
    known = np.array(sorted(labels), np.int64)
    told = np.unique(own[known]) if len(known) else np.zeros(0, np.int64)
    near = np.zeros(len(numbers), np.float32)
    for each in told:
        near = np.maximum(near, means @ means[each])
    worth = worth * (1.2 - np.clip(near, 0, 1))
    worth[told] *= 0.2
    chosen: list[int] = []
    for _ in range(min(count, len(numbers))):
        best = int(worth.argmax())
        if worth[best] <= 0:
            break
        box = _typical(np.flatnonzero(own == best), likeness, means[best], labels)
        worth[best] = 0
        if box is None:
            continue
        chosen.append(box)
        worth = worth * (1 - SAME * np.clip(means @ means[best], 0, 1))
    return chosen


def _typical(
    rows: Int64[np.ndarray, " k"],
    likeness: Float32[np.ndarray, "n f"],
    mean: Float[np.ndarray, " f"],
    labels: Mapping[int, str],
) -> int | None:
    """The box of a track that is most like its others, of those without a label."""
    free = [int(row) for row in rows if int(row) not in labels]
    return max(free, key=lambda row: float(likeness[row] @ mean)) if free else None
