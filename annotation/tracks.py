"""Boxes of one thing, frame after frame: each box goes on with the one of the frames before that costs least.

    cost = (1 - overlap) / 2 + (1 - likeness) / 2

`overlap` is the shared over the united area once the earlier box has moved as the head did (`annotation.camera`),
`likeness` the cosine between the features of the two, centred and scaled. A pair that costs more than `DEAREST`, or
whose centres lie too far apart, is none. Of all pairs of a frame those are taken that cost least together (Kuhn 1955,
https://doi.org/10.1002/nav.3800020109). A track waits `PATIENCE` seconds for its thing to be seen again; a cut ends it,
and so does a jump in time.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32, Int64

from annotation import camera
from annotation.boxes import Boxes, Frames
from data.objects import overlap

DEAREST = 0.72
PATIENCE = 1.0  # seconds
REACH = 1.0  # of the larger box's diagonal: how far its centre may have moved, beside the head's motion
LOST_REACH = 2.5  # the same where the head's motion is not known
UNSURE = 0.6  # what a link is worth where the head's motion is not known
JUMP = 3.0  # of the usual step between frames


@dataclass
class _Track:
    number: int
    last: int  # the number of its last box
    box: Float[np.ndarray, " 4"]  # where that is expected in this frame
    seen_s: float
    sure: bool = True  # whether the head's motion since then is known


def tracked(frames: Frames, boxes: Boxes) -> Boxes:
    """The boxes with their tracks, numbered in the order in which they begin, and how sure each link is."""
    track, link = np.full(len(boxes), -1, np.int64), np.ones(len(boxes), np.float32)
    likeness = unit(boxes.features)
    alive: list[_Track] = []
    count = 0
    usual = float(np.median(np.diff(frames.times))) if len(frames) > 1 else 0.0
    for frame, now in enumerate(frames.times.tolist()):
        own = boxes.of_frame(frame)
        if frame and (frames.cut[frame] or now - frames.times[frame - 1] > JUMP * usual + 1e-9):
            alive = []
        alive = [each for each in alive if now - each.seen_s <= max(PATIENCE, 1.5 * usual)]
        for each in alive:
            _move(each, frames.motion[frame])
        pairs = _pairs(alive, boxes.box[own], likeness, own.start)
        for old, new, cost in pairs:
            number = own.start + new
            track[number], link[number] = alive[old].number, (1 - cost) * (1.0 if alive[old].sure else UNSURE)
            alive[old].last, alive[old].box, alive[old].seen_s = number, boxes.box[number], now
            alive[old].sure = True
        for number in range(own.start, own.stop):
            if track[number] < 0:
                track[number] = count
                alive.append(_Track(count, number, boxes.box[number], now))
                count += 1
    return replace(boxes, track=track, link=link)


def unit(features: Float32[np.ndarray, "n f"]) -> Float32[np.ndarray, "n f"]:
    """Features centred, each scaled by its spread over all boxes, and of length one."""
    if not len(features):
        return features
    centred = features - features.mean(0)
    centred /= np.maximum(centred.std(0), 1e-6)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6), np.float32)


def _move(track: _Track, by: Float32[np.ndarray, "2 3"]) -> None:
    if not np.isfinite(by).all():
        track.sure = False
        return
    size = float(np.hypot(by[0, 0], by[1, 0]))
    centre = camera.moved(track.box[:2] + track.box[2:] / 2, by)
    track.box = np.concatenate([centre - track.box[2:] * size / 2, track.box[2:] * size])


def _pairs(
    alive: list[_Track], new: Float[np.ndarray, "m 4"], likeness: Float32[np.ndarray, "n f"], first: int
) -> list[tuple[int, int, float]]:
    """Which track goes on with which new box, and at which cost."""
    if not alive or not len(new):
        return []
    old = np.stack([each.box for each in alive])
    alike = np.clip(likeness[[each.last for each in alive]] @ likeness[first : first + len(new)].T, 0, 1)
    sure = np.array([each.sure for each in alive])
    shared = np.where(sure[:, None], overlap(old, new), alike)  # where the head went is not known: looks decide
    cost = (1 - shared) / 2 + (1 - alike) / 2
    away = np.linalg.norm((old[:, None, :2] + old[:, None, 2:] / 2) - (new[None, :, :2] + new[None, :, 2:] / 2), axis=2)
    diagonal = np.maximum(np.linalg.norm(old[:, 2:], axis=1)[:, None], np.linalg.norm(new[:, 2:], axis=1)[None])
    reach = np.where(sure, REACH, LOST_REACH)[:, None] * diagonal
    fits = (cost <= DEAREST) & (away <= reach)
    return [(i, j, float(cost[i, j])) for i, j in cheapest(cost, fits)]


def cheapest(cost: Float[np.ndarray, "a b"], fits: np.ndarray) -> list[tuple[int, int]]:
    """The pairs of a row and a column that cost least together, of those that fit; as many as costs below 1 pay for.

    >>> cheapest(np.array([[0.1, 0.2], [0.1, 0.9]]), np.ones((2, 2), bool))
    [(0, 1), (1, 0)]
    """
    pairs: list[tuple[int, int]] = []
    for rows, columns in _groups(fits):
        if len(rows) == 1 or len(columns) == 1:
            part = np.where(fits[np.ix_(rows, columns)], cost[np.ix_(rows, columns)], np.inf)
            i, j = divmod(int(part.argmin()), len(columns))
            pairs.append((int(rows[i]), int(columns[j])))
            continue
        part = np.where(fits[np.ix_(rows, columns)], cost[np.ix_(rows, columns)], 1.0)
        turned = len(rows) > len(columns)
        for i, j in enumerate(assigned(part.T if turned else part)):
            row, column = (int(rows[j]), int(columns[i])) if turned else (int(rows[i]), int(columns[j]))
            if fits[row, column]:
                pairs.append((row, column))
    return sorted(pairs)


def _groups(fits: np.ndarray) -> list[tuple[Int64[np.ndarray, " a"], Int64[np.ndarray, " b"]]]:
    """Rows and columns that are joined by pairs that fit; what fits nothing is in none."""
    left = set(np.flatnonzero(fits.any(1)).tolist())
    groups = []
    while left:
        rows: np.ndarray = np.zeros(len(fits), bool)
        rows[min(left)] = True
        while True:
            columns = fits[rows].any(0)
            more = np.asarray(fits[:, columns].any(1))
            if (more == rows).all():
                break
            rows = more
        groups.append((np.flatnonzero(rows), np.flatnonzero(columns)))
        left -= set(np.flatnonzero(rows).tolist())
    return groups


def assigned(cost: Float[np.ndarray, "a b"]) -> Int64[np.ndarray, " a"]:
    """The column of each row in the cheapest assignment; there are at least as many columns as rows.

    Shortest augmenting paths with potentials (Jonker & Volgenant 1987, https://doi.org/10.1007/BF02278710).
    """
    rows, columns = cost.shape
    row_price, column_price = np.zeros(rows + 1), np.zeros(columns + 1)
    owner = np.full(columns + 1, -1, np.int64)  # the row of each column; the last column is the root of the search
    for row in range(rows):
        owner[columns], column = row, columns
        least, way, done = np.full(columns, np.inf), np.full(columns, columns, np.int64), np.zeros(columns + 1, bool)
        while owner[column] >= 0:
            done[column] = True
            at = owner[column]
            reduced = cost[at] - row_price[at] - column_price[:columns]
            nearer = ~done[:columns] & (reduced < least)
            least[nearer], way[nearer] = reduced[nearer], column
            following = int(np.where(done[:columns], np.inf, least).argmin())
            step = least[following]
            row_price[owner[done]] += step
            column_price[done] -= step
            least[~done[:columns]] -= step
            column = following
        while column != columns:
            owner[column], column = owner[way[column]], int(way[column])
    answer = np.empty(rows, np.int64)
    taken = np.flatnonzero(owner[:columns] >= 0)
    answer[owner[taken]] = taken
    return answer
