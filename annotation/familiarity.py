"""How far a round may trust itself: what looks like nothing that is labelled is not known, however sure the network is.

Two scales come from the video itself, without a label. Tracks that are seen in one frame are different things: what 9
of 10 such pairs are less like than is `other`. The two halves of a track are one thing: what half of them are more like
than is `same`. A track that is as like a labelled one as `same` is known, one that is as like as `other` is not.

Where two boxes of a frame are taken for one class of which no person labelled two in one frame, at most one of them
need be right: what no label reaches there is half as sure.

Shapes: `n` boxes, `q` tracks, `c` classes.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Float32, Int64

from annotation.boxes import Boxes

LONG = 4  # boxes of a track, or of half of one, whose mean is believed
OTHER, SAME = 0.5, 0.9  # where the video shows too few tracks
LEAST = 0.05  # between the two scales
HIGH = 0.9  # the quantile of what is different


def means(
    likeness: Float32[np.ndarray, "n f"], track: Int64[np.ndarray, " n"]
) -> tuple[Int64[np.ndarray, " n"], Float32[np.ndarray, "q f"]]:
    """The track of each box from 0, and the mean features of each, of length one."""
    _, own, length = np.unique(track, return_inverse=True, return_counts=True)
    order = np.argsort(own, kind="stable")
    begins = np.concatenate([[0], np.cumsum(length)[:-1]])
    total = np.add.reduceat(likeness[order], begins) if len(order) else likeness
    return own, np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-6), np.float32)


def scales(boxes: Boxes, likeness: Float32[np.ndarray, "n f"]) -> tuple[float, float]:
    """How like each other different things are (`other`), and one thing is itself (`same`)."""
    own, looks = means(likeness, boxes.track)
    length = np.bincount(own)
    pairs = _together(boxes, own, length >= LONG)
    other = float(np.quantile((looks[pairs[:, 0]] * looks[pairs[:, 1]]).sum(1), HIGH)) if len(pairs) else OTHER
    late = _late(own, length)
    halves, both = means(likeness, 2 * own + late)
    two = np.flatnonzero(length >= 2 * LONG)
    first = np.array([halves[np.flatnonzero((own == each) & (late == 0))[0]] for each in two], np.int64)
    second = np.array([halves[np.flatnonzero((own == each) & (late == 1))[0]] for each in two], np.int64)
    same = float(np.median((both[first] * both[second]).sum(1))) if len(two) else SAME
    return min(other, same - LEAST), same


def _late(own: Int64[np.ndarray, " n"], length: Int64[np.ndarray, " q"]) -> Int64[np.ndarray, " n"]:
    """Whether each box is in the second half of its track: 0 or 1."""
    order = np.argsort(own, kind="stable")
    place = np.empty(len(own), np.int64)
    place[order] = np.arange(len(own)) - np.repeat(np.cumsum(length) - length, length)
    return np.asarray(2 * place >= length[own], np.int64)


def _together(boxes: Boxes, own: Int64[np.ndarray, " n"], long: np.ndarray) -> Int64[np.ndarray, "k 2"]:
    """The pairs of long tracks that are seen in one frame, each once."""
    found: set[tuple[int, int]] = set()
    begins = np.flatnonzero(np.diff(boxes.frame, prepend=-1))[1:]
    for rows in np.split(own, begins) if len(own) else ():
        kept = np.sort(rows[long[rows]])
        one, two = np.triu_indices(len(kept), 1)
        found.update(zip(kept[one].tolist(), kept[two].tolist(), strict=True))
    return np.array(sorted(found), np.int64).reshape(-1, 2)


def known(
    likeness: Float32[np.ndarray, "n f"],
    track: Int64[np.ndarray, " n"],
    labelled: Int64[np.ndarray, " k"],
    scale: tuple[float, float],
) -> Float[np.ndarray, " n"]:
    """How far each box is known: 0 as like a labelled track as different things are, 1 as one thing is itself."""
    own, looks = means(likeness, track)
    told = np.unique(own[labelled])
    near = (looks @ looks[told].T).max(1)
    return np.asarray(np.clip((near - scale[0]) / (scale[1] - scale[0]), 0, 1)[own])


def doubled(
    boxes: Boxes,
    track: Int64[np.ndarray, " n"],
    likeliest: Int64[np.ndarray, " n"],
    labels: Mapping[int, int],
    empty: int,
) -> Float[np.ndarray, " n"]:
    """The share of each box's track in frames in which another box is taken for the same class; 0 where that is right.

    `labels` are the classes of labelled boxes by number, `empty` is that of no interest, -1 where there is none.
    """
    frames = int(boxes.frame[-1]) + 1
    found = np.zeros(len(boxes))
    rows = np.array(list(labels), np.int64)
    given = np.array(list(labels.values()), np.int64)
    for number in set(given.tolist()) - {empty}:
        if np.bincount(boxes.frame[rows[given == number]]).max() > 1:
            continue
        own = likeliest == number
        found += own & (np.bincount(boxes.frame[own], minlength=frames)[boxes.frame] > 1)
    _, at = np.unique(track, return_inverse=True)
    return np.asarray((np.bincount(at, found) / np.bincount(at))[at])
