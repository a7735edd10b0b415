"""A round: the labels so far become classes of all boxes, by a network over the graph that is trained anew.

A label holds for the rest of its track as a weak one, by how sure the links between are. Where two labels of a track
differ, the track is cut at the weakest link between them. Each class weighs the same, whatever its count of boxes. What
the network says is averaged along each track; what a person said stands.

Shapes: `n` boxes, `c` classes.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int64

from annotation import chains, familiarity, graph, message_passing
from annotation.boxes import Boxes, Frames
from annotation.tracks import unit

PASSES = (1, 3)  # networks whose answers are averaged; what the first pass doubts counts less in the second
BATCH = 300  # boxes of a step of training
MOST = 1500  # labelled boxes that are trained on, spread over classes and tracks
WEAK = 0.6  # what a label is worth on the next box of its track, at most


@dataclass(frozen=True)
class Prediction:
    """What each box is, as far as a round tells. The class "" is of no interest."""

    classes: tuple[str, ...]
    probabilities: Float32[np.ndarray, "n c"]
    uncertainty: Float32[np.ndarray, " n"]  # 0 sure to 1: entropy of the track over that of a guess
    track: Int64[np.ndarray, " n"]  # the tracks, cut where labels differ

    @property
    def names(self) -> np.ndarray:
        """The likeliest class of each box, as objects (n,); "" where nothing is known."""
        if not self.classes:
            return np.full(len(self.probabilities), "", object)
        return np.asarray(np.array(self.classes, object)[self.probabilities.argmax(1)])


class Scene:
    """What of a project's graph is the same in every round."""

    def __init__(self, frames: Frames, boxes: Boxes) -> None:
        self.boxes = boxes
        self.nodes = graph.nodes(boxes, frames.size)
        self.within = graph.space(boxes)
        self.likeness = unit(boxes.features)
        self.scales = familiarity.scales(boxes, self.likeness)


def train(scene: Scene, labels: Mapping[int, str], seed: int = 0) -> Prediction:
    """A round of training with the labels of some boxes."""
    boxes = scene.boxes
    classes = tuple(dict.fromkeys(labels.values()))
    track, link = cut_tracks(boxes, labels)
    if len(classes) < 2 or len(boxes) < 2:
        shares = np.full((len(boxes), len(classes)), 1.0, np.float32)
        return Prediction(classes, shares, np.ones(len(boxes), np.float32), track)
    number = {name: at for at, name in enumerate(classes)}
    known = np.array(list(labels), np.int64)
    given = np.array([number[name] for name in labels.values()], np.int64)
    reach = told = carried(track, link, known, given)
    edges = graph.edges(scene.within, graph.time(track, link))
    for members in PASSES:
        chosen = _chosen(track, reach, known, len(classes), seed)
        found = _networks(scene, edges, chosen, reach, known, len(classes), (seed, members))
        shares = chains.posterior(found, track, link, known, given)
        reach = reach[0], reach[1] * np.where(reach[0] < 0, 0, shares[np.arange(len(boxes)), reach[0]])
    shares[known] = np.eye(len(classes), dtype=np.float32)[given]
    doubt = np.maximum(entropy(shares), entropy(along_tracks(found, track)) * (1 - told[1]))
    shares = _tempered(scene, shares, track, known, given, told[1], number.get("", -1))
    return Prediction(classes, shares, doubt.astype(np.float32), track)


def _tempered(
    scene: Scene,
    shares: Float32[np.ndarray, "n c"],
    track: Int64[np.ndarray, " n"],
    known: Int64[np.ndarray, " k"],
    given: Int64[np.ndarray, " k"],
    told: Float32[np.ndarray, " n"],
    empty: int,
) -> Float32[np.ndarray, "n c"]:
    """The probabilities, nearer to a guess where no label reaches and `familiarity` has its doubts."""
    labels = dict(zip(known.tolist(), given.tolist(), strict=True))
    double = familiarity.doubled(scene.boxes, track, shares.argmax(1), labels, empty)
    trust = familiarity.known(scene.likeness, track, known, scene.scales) * (1 - double / 2)
    trust = np.maximum(trust, told)[:, None]
    return np.asarray(trust * shares + (1 - trust) / shares.shape[1], np.float32)


Reach = tuple[Int64[np.ndarray, " n"], Float32[np.ndarray, " n"]]  # the class that a label brings, and how surely


def cut_tracks(boxes: Boxes, labels: Mapping[int, str]) -> tuple[Int64[np.ndarray, " n"], Float32[np.ndarray, " n"]]:
    """Tracks and links, cut at the weakest link between two labels that differ."""
    track, link = boxes.track.copy(), boxes.link.copy()
    fresh = int(track.max(initial=-1)) + 1
    by_track: dict[int, list[int]] = {}
    for box in sorted(labels):
        by_track.setdefault(int(track[box]), []).append(box)
    for number, given in by_track.items():
        if len({labels[box] for box in given}) < 2:
            continue
        own = np.flatnonzero(boxes.track == number)
        for one, other in itertools.pairwise(given):
            if labels[one] == labels[other]:
                continue
            between = own[(own > one) & (own <= other)]
            weakest = between[int(link[between].argmin())]
            track[own[own >= weakest]] = fresh
            link[weakest] = 1
            fresh += 1
    return track, link


def carried(
    track: Int64[np.ndarray, " n"],
    link: Float32[np.ndarray, " n"],
    known: Int64[np.ndarray, " k"],
    given: Int64[np.ndarray, " k"],
) -> Reach:
    """Each label along its track: the class of the nearest one, and the product of the links to it; 0: none."""
    order = np.argsort(track, kind="stable")
    position = np.empty(len(order), np.int64)
    position[order] = np.arange(len(order))
    way = np.cumsum(np.log(1 - chains.change(link[order])))  # links before the box, the first of a track among them
    classes, sure = np.full(len(track), -1, np.int64), np.zeros(len(track), np.float32)
    ranked = position[known]
    by_place = np.argsort(ranked)
    places, brought = ranked[by_place], given[by_place]
    own = track[order]
    for side in (0, 1):  # the nearest label at or before, then behind
        at = np.searchsorted(places, np.arange(len(order)), "right" if side == 0 else "left") - (side == 0)
        inside = (at >= 0) & (at < len(places))
        place = places[np.clip(at, 0, len(places) - 1)]
        inside &= own[place] == own
        reached = np.where(inside, np.exp(-np.abs(way - way[place])), 0).astype(np.float32)
        better = reached > sure[order]
        sure[order[better]] = reached[better]
        classes[order[better]] = brought[np.clip(at, 0, len(places) - 1)][better]
    return classes, sure


def _chosen(
    track: Int64[np.ndarray, " n"], reach: Reach, known: Int64[np.ndarray, " k"], classes: int, seed: int
) -> Int64[np.ndarray, " t"]:
    """The boxes to train on: all labelled ones, and of those that labels reach some of each class."""
    rng = np.random.default_rng(seed)
    taken = np.zeros(len(track), bool)
    taken[known] = True
    for number in range(classes):
        rows = np.flatnonzero((reach[0] == number) & (reach[1] > 0.05))
        few = max(1, MOST // classes)
        taken[rows if len(rows) <= few else rng.choice(rows, few, replace=False)] = True
    return np.flatnonzero(taken)


def _networks(
    scene: Scene,
    edges: graph.Edges,
    chosen: Int64[np.ndarray, " t"],
    reach: Reach,
    known: Int64[np.ndarray, " k"],
    classes: int,
    seeds: tuple[int, int],
) -> Float32[np.ndarray, "n c"]:
    """The mean probabilities of several networks."""
    count = len(scene.boxes)
    means = message_passing.Means(edges, count, count)
    inputs = np.concatenate([scene.nodes, means(scene.nodes[:, : graph.TOLD])], 1)
    labels = reach[0][chosen]
    weights = np.where(np.isin(chosen, known), 1.0, WEAK * reach[1][chosen])
    total = np.bincount(labels, weights, classes)
    weights = weights / total[labels] / max(1, (total > 0).sum())
    mixed = np.random.default_rng(seeds[0]).permutation(len(chosen))
    parts = [np.sort(part) for part in np.array_split(mixed, -(-len(chosen) // BATCH))]
    batches = [_batch(edges, inputs, chosen[part], labels[part], weights[part] * len(parts)) for part in parts]
    answers = [
        message_passing.classify(message_passing.fit(batches, classes, seeds[0] + member), inputs, means)
        for member in range(seeds[1])
    ]
    return np.asarray(np.mean(answers, 0))


def _batch(
    edges: graph.Edges,
    inputs: Float32[np.ndarray, "n i"],
    chosen: Int64[np.ndarray, " t"],
    labels: Int64[np.ndarray, " t"],
    weights: Float[np.ndarray, " t"],
) -> message_passing.Batch:
    """Some labelled boxes and those that they look at."""
    part = edges.of(chosen, len(inputs))
    seen = np.unique(np.concatenate([chosen, part.source]))
    place = np.full(len(inputs), -1, np.int64)
    place[seen] = np.arange(len(seen))
    small = graph.Edges(place[part.source], part.target, part.relation, part.weight)
    means = message_passing.Means(small, len(chosen), len(seen))
    return message_passing.Batch(inputs[seen], place[chosen], means, labels, weights.astype(np.float32))


def along_tracks(shares: Float32[np.ndarray, "n c"], track: Int64[np.ndarray, " n"]) -> Float32[np.ndarray, "n c"]:
    """The geometric mean of the probabilities along each track."""
    _, own = np.unique(track, return_inverse=True)
    logs = np.log(np.maximum(shares, 1e-4))
    mean = np.stack([np.bincount(own, column) for column in logs.T], 1) / np.bincount(own)[:, None]
    mean = np.exp(mean - mean.max(1, keepdims=True))
    return np.asarray((mean / mean.sum(1, keepdims=True))[own], np.float32)


def entropy(shares: Float[np.ndarray, "n c"]) -> Float[np.ndarray, " n"]:
    """Of each row, over that of a guess: 0 to 1."""
    if shares.shape[1] < 2:
        return np.ones(len(shares))
    logs = np.log(np.maximum(shares, 1e-9))
    return np.asarray(-(shares * logs).sum(1) / np.log(shares.shape[1]))
