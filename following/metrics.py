"""Scores of what a person in a picture is said to look at, as they are published for two sets.

    GazeFollow              auc, average_distance, minimum_distance
    VideoAttentionTarget    auc_cells, average_distance (of one annotator), average_precision

    auc                 the chance that a pixel at which an annotator points is above another one; ties earn half.
                        The map is of the picture's own size, and positives are the annotators' pixels: a pixel at which
                        two point counts once
    auc_cells           the same over 64 x 64 cells, where positives are the 19 x 19 cells around the target, as far
                        as they are there: those of a Gaussian with a sigma of 3 cells that is drawn to 3 sigmas
    average_distance    from the map's highest cell to the mean of the annotators' points
    minimum_distance    from it to the nearest of them
    average_precision   of in the frame (positive) against outside, over all heads of a set

Distances are of shares of the picture, x by its width and y by its height: the upper left corner is 0, 0 and the lower
right one 1, 1. A cell stands for its upper left corner (its number / 64), as in the published scripts, which is half a
cell off; of equal maxima the first counts, row by row. All are monotone in the map: densities, logarithms and heatmaps
score alike, as long as they are resized in the same way (the scripts resize heatmaps bilinearly to the picture).

Recasens et al. 2015, Where are they looking?; Chong et al. 2020, https://arxiv.org/abs/2003.02501, whose evaluation is
at https://github.com/ejcgt/attention-target-detection.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Num

from data.finite import extremes

CELLS = 64  # a side of the map that distances are of
REACH = 9  # cells on each side of a target that count as it: three sigmas

Map = Num[np.ndarray, "h w"]
Points = Float[np.ndarray, "k 2"]


def auc(prediction: Map, points: Points) -> float:
    """Area under the ROC curve of the pixels at which annotators point; NaN where nobody does, or all pixels are.

    `points` are pixels x, y; a point beyond the border is moved to it.

    Raises:
        ValueError: The map or a point holds NaN or infinity, or the map is empty.

    >>> auc(np.array([[0.1, 0.2], [0.2, 0.4]]), np.array([[0.5, 1.5]]))
    0.5
    """
    height, width = _checked("prediction", prediction).shape
    positive = np.zeros((height, width), bool)
    columns, rows = _checked("points", np.asarray(points, np.float64).reshape(-1, 2), empty=True).T
    positive[_whole(rows, height), _whole(columns, width)] = True
    return _area(prediction, positive)


def auc_cells(prediction: Map, gaze: Sequence[float] | Float[np.ndarray, "2"]) -> float:
    """The same for the square of cells around a target, given as shares x, y of the picture.

    Raises:
        ValueError: The map or the target holds NaN or infinity, or the map is empty.
    """
    height, width = _checked("prediction", prediction).shape
    x, y = _checked("gaze", np.asarray(gaze, np.float64).reshape(2)) * (width, height)
    positive = np.zeros((height, width), bool)
    positive[_square(y), _square(x)] = True
    return _area(prediction, positive)


def peak(prediction: Map) -> Float[np.ndarray, "2"]:
    """Where a map is highest, as shares x, y of the picture: the upper left corner of that cell.

    >>> peak(np.eye(2)[::-1])
    array([0.5, 0. ])
    """
    height, width = _checked("prediction", prediction).shape
    row, column = divmod(int(np.argmax(prediction)), width)
    return np.array([column / width, row / height])


def average_distance(prediction: Map, gaze: Points) -> float:
    """From the highest cell to the mean of the annotators' points, which are shares x, y; NaN where there is none.

    >>> average_distance(np.eye(4)[::-1], np.array([[0.75, 0.3], [0.75, 0.1]])).__round__(6)
    0.2
    """
    points = _checked("gaze", np.asarray(gaze, np.float64).reshape(-1, 2), empty=True)
    if not len(points):
        return math.nan
    return float(np.hypot(*(peak(prediction) - points.mean(0))))


def minimum_distance(prediction: Map, gaze: Points) -> float:
    """From the highest cell to the nearest of the annotators' points, shares x, y; NaN where there is none."""
    points = _checked("gaze", np.asarray(gaze, np.float64).reshape(-1, 2), empty=True)
    if not len(points):
        return math.nan
    return float(np.hypot(*(peak(prediction) - points).T).min())


def average_precision(scores: Num[np.ndarray, " n"], in_frame: Bool[np.ndarray, " n"]) -> float:
    """The precision of in the frame at each recall, averaged; heads of equal score come together.

        sum over thresholds of (recall - the recall before) * precision

    NaN where no head looks into the frame; 1 where all do, whatever the scores are.

    Raises:
        ValueError: Shapes differ, or a score is NaN or infinite.

    >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True])).__round__(4)
    0.8333
    """
    values, labels = np.asarray(scores, np.float64), np.asarray(in_frame, bool)
    if values.shape != labels.shape or values.ndim != 1:
        raise ValueError(f"in_frame has shape {labels.shape}, but scores has {values.shape}; both must be (n,).")
    if not labels.any():
        return math.nan
    extremes("scores", values)
    order = np.argsort(-values, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(values[order])), len(values) - 1)
    hits = np.cumsum(labels[order])[ends]
    recall = np.concatenate([[0.0], hits / labels.sum()])
    return float((np.diff(recall) * hits / (ends + 1)).sum())


def _area(prediction: Map, positive: Bool[np.ndarray, "h w"]) -> float:
    """The chance that a positive pixel is above a negative one; NaN where there is only one kind."""
    count, above = int(positive.sum()), prediction[positive]
    others = positive.size - count
    if not count or not others:
        return math.nan
    rest = np.sort(prediction[~positive], axis=None)
    below = np.searchsorted(rest, above, "left") + np.searchsorted(rest, above, "right")
    return float(below.sum() / 2 / count / others)


def _square(place: float) -> slice:
    """The cells of a line around a place in cells, cut as the published scripts do: towards zero."""
    return slice(max(0, int(place - REACH)), max(0, int(place + REACH + 1)))


def _whole(places: Float[np.ndarray, " k"], length: int) -> Num[np.ndarray, " k"]:
    return np.asarray(np.clip(np.floor(places).astype(np.int64), 0, length - 1))


def _checked(name: str, values: Num[np.ndarray, "*n"], empty: bool = False) -> Num[np.ndarray, "*n"]:
    if values.size:
        extremes(name, values)
    elif not empty:
        raise ValueError(f"{name} is empty.")
    return values
