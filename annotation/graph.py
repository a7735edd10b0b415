"""The graph of a video's boxes: a node is a box, and its neighbours lie beside it in the frame or along its track.

    node        [z; p; box]: features in their main directions, the detector's kind and sureness, place and size;
                where the boxes lie that look like this one, which tells twins apart
    edges       to the `NEAREST` boxes of the frame, by where they lie: left, right, above, below; one that lies between
                two directions counts for both, by the squares of sine and cosine; nearer ones count more
                to the `STEPS` boxes before and after in the track, each by how sure the links are

A mean over neighbours of one relation weighs them by these weights, which sum to one for each box and relation.
Shapes: `n` boxes, `e` edges, `d` numbers a node, `r` relations.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from annotation import chains
from annotation.boxes import Boxes
from annotation.tracks import unit

RELATIONS = ("left", "right", "above", "below", "before", "after")
NEAREST = 6
STEPS = 3
MAIN = 32  # directions of the features that are kept
KINDS = 24  # kinds that have a number of their own: the most frequent
FIT = 4000  # boxes of which the main directions are found
TOLD = 20  # numbers of a node that its neighbours are told in the first layer: its main directions
TWIN = 4.0  # how steeply likeness counts


@dataclass(frozen=True)
class Edges:
    """Edges in the order of their targets, and of their relations within a target."""

    source: Int64[np.ndarray, " e"]
    target: Int64[np.ndarray, " e"]
    relation: Int64[np.ndarray, " e"]
    weight: Float32[np.ndarray, " e"]

    def of(self, targets: Int64[np.ndarray, " t"], count: int) -> "Edges":
        """Those that lead to some of `count` boxes (in rising order), which are numbered anew in their order."""
        place = np.full(count, -1, np.int64)
        place[targets] = np.arange(len(targets))
        kept = place[self.target] >= 0
        return Edges(self.source[kept], place[self.target[kept]], self.relation[kept], self.weight[kept])


def nodes(boxes: Boxes, size: tuple[int, int]) -> Float32[np.ndarray, "n d"]:
    """What each box brings itself, of about unit spread."""
    count = len(boxes)
    if not count:
        return np.zeros((0, 1), np.float32)
    height, width = size
    centre = boxes.centres / (width, height) * 2 - 1
    sides = boxes.box[:, 2:] / (width, height)
    shape = np.log(np.stack([sides.prod(1), boxes.box[:, 2] / boxes.box[:, 3]], 1) + 1e-6)
    shape = (shape - shape.mean(0)) / np.maximum(shape.std(0), 0.1)
    frequent = np.argsort(-np.bincount(boxes.kind, minlength=1), kind="stable")[:KINDS]
    kind = (boxes.kind[:, None] == frequent).astype(np.float32) if len(boxes.kinds) > 1 else np.zeros((count, 0))
    parts = [main_directions(boxes.features), kind, boxes.sureness[:, None], centre, sides, shape, twins(boxes)]
    return np.concatenate(parts, 1).astype(np.float32)


def main_directions(features: Float32[np.ndarray, "n f"]) -> Float32[np.ndarray, "n z"]:
    """The features along their `MAIN` principal directions, the first of unit spread."""
    likeness = unit(features)
    if len(likeness) < 2:
        return np.zeros((len(likeness), 1), np.float32)
    few = likeness[np.linspace(0, len(likeness) - 1, min(FIT, len(likeness))).astype(np.int64)]
    strength, directions = np.linalg.eigh(few.T @ few / len(few))
    kept = directions[:, ::-1][:, :MAIN]
    kept = kept * np.where(np.abs(kept).max(0) == kept.max(0), 1, -1)  # the sign that every computer finds
    return np.asarray(likeness @ kept / np.sqrt(max(float(strength[-1]), 1e-9)), np.float32)


def twins(boxes: Boxes) -> Float32[np.ndarray, "n 3"]:
    """How much each box has others that look like it in its frame, and on which side these lie (x, y: -1 to 1)."""
    likeness = unit(boxes.features)
    found = np.zeros((len(boxes), 3), np.float32)
    for own in frames_of(boxes):
        alike = np.clip(likeness[own] @ likeness[own].T, 0, 1) ** TWIN
        np.fill_diagonal(alike, 0)
        away = boxes.centres[own][None] - boxes.centres[own][:, None]
        away /= np.maximum(np.linalg.norm(away, axis=2, keepdims=True), 1e-6)
        found[own, 0] = np.minimum(alike.sum(1), 1)
        found[own, 1:] = np.clip((alike[..., None] * away).sum(1), -1, 1)
    return found


def frames_of(boxes: Boxes) -> list[slice]:
    """The numbers of the boxes of each frame that has some."""
    begins = np.flatnonzero(np.diff(boxes.frame, prepend=-1)).tolist()
    return [slice(first, after) for first, after in itertools.pairwise([*begins, len(boxes)])]


def space(boxes: Boxes) -> Edges:
    """The edges within frames, not yet normalised."""
    sources, targets, relations, weights = [], [], [], []
    for own in frames_of(boxes):
        count = own.stop - own.start
        if count < 2:
            continue
        away = boxes.centres[own][None] - boxes.centres[own][:, None]  # [target, source]
        distance = np.linalg.norm(away, axis=2)
        np.fill_diagonal(distance, np.inf)
        nearest = np.argsort(distance, axis=1, kind="stable")[:, : min(NEAREST, count - 1)]
        rows = np.repeat(np.arange(count), nearest.shape[1])
        columns = nearest.ravel()
        length = distance[rows, columns]
        turn = away[rows, columns] / np.maximum(length, 1e-6)[:, None]
        typical = np.sqrt(boxes.box[own, 2:].prod(1))[rows]
        for relation, share in enumerate((-turn[:, 0], turn[:, 0], -turn[:, 1], turn[:, 1])):
            lies = share > 0
            sources.append(own.start + columns[lies])
            targets.append(own.start + rows[lies])
            relations.append(np.full(int(lies.sum()), relation, np.int64))
            weights.append(share[lies] ** 2 / (1 + length[lies] / typical[lies]))
    return _edges(sources, targets, relations, weights)


def time(track: Int64[np.ndarray, " n"], link: Float32[np.ndarray, " n"]) -> Edges:
    """The edges along tracks, not yet normalised."""
    order = np.argsort(track, kind="stable")  # by track, then by time
    sources, targets, relations, weights = [], [], [], []
    sure = np.log(1 - chains.change(link[order]))
    way = np.concatenate([[0.0], np.cumsum(sure)])
    for step in range(1, STEPS + 1):
        earlier, later = order[:-step], order[step:]
        same = track[earlier] == track[later]
        weight = np.exp(way[step + 1 :] - way[1:-step])[same] / step
        for relation, (source, target) in ((4, (earlier, later)), (5, (later, earlier))):
            sources.append(source[same])
            targets.append(target[same])
            relations.append(np.full(int(same.sum()), relation, np.int64))
            weights.append(weight)
    return _edges(sources, targets, relations, weights)


def _edges(
    sources: list[np.ndarray], targets: list[np.ndarray], relations: list[np.ndarray], weights: list[np.ndarray]
) -> Edges:
    source, target, relation = (
        np.concatenate([np.zeros(0, np.int64), *part]) for part in (sources, targets, relations)
    )
    return Edges(source, target, relation, np.concatenate([np.zeros(0), *weights]).astype(np.float32))


def edges(within: Edges, along: Edges) -> Edges:
    """All edges in order; the weights of each target and relation sum to one."""
    source, target, relation, weight = (
        np.concatenate([getattr(within, name), getattr(along, name)])
        for name in ("source", "target", "relation", "weight")
    )
    key = target * len(RELATIONS) + relation
    order = np.argsort(key, kind="stable")
    key, weight = key[order], weight[order].astype(np.float64)
    begins = np.flatnonzero(np.diff(key, prepend=-1))
    if len(begins):
        total = np.add.reduceat(weight, begins)
        weight = weight / np.repeat(np.maximum(total, 1e-12), np.diff(begins, append=len(key)))
    return Edges(source[order], target[order], relation[order], weight.astype(np.float32))
