"""How many clicks it takes until 95 % of the boxes of a recording bear the right name, on made recordings.

    python tests/bench/bench_clicks.py [--seeds 3] [--seconds 60] [--figure clicks.png] [--keep FOLDER] [--found]

Each made recording (`data.synthetic.headcam`; layouts in motion, look-alikes, twins) becomes a project of `annotation` as
any video does: frames are decoded, looked at by the saliency model, boxes tracked. A click is the name of one box, said
by the truth: the class of the thing that it overlaps most, "" where it overlaps none by `SAME`. Boxes are, for a rough
detector, those of the truth with noise of `NOISE` of their sides, `MISSED` of them left out, and on every fourth frame or
so one on nothing; with `--found` they are those that the saliency model's object head finds.

    graph               rounds of `annotation`: asked `ROUND` boxes at a time, from its own choice
    nearest feature     each box is of the class of the labelled box that looks most like it; with the same clicks
    tracks              a click names a track, the longest first; what has none has no name
    tracks, nearest     the same, and what has none is of the class of the named track that looks most like it
    fixations by hand   each fixation is named by itself, as is done today
    boxes by hand       each box is

The count is the first from which on 95 % are right as long as was clicked on. A fixation is right when it is on the
same object as with the true names of all boxes: so detection and gaze are the same for all rules.
"""

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from annotation.project import Project
from annotation.results import fixated
from annotation.rounds import cut_tracks
from annotation.tracks import unit
from data.objects import overlap
from data.synthetic.headcam import write
from data.synthetic.shelf import KINDS

RIGHT = 0.95
NOISE, MISSED, FALSE = 0.06, 0.08, 0.25
SAME = 0.4  # of the united area
ROUND = 5  # clicks
FIRST = ("graph", "nearest feature", "tracks", "tracks, nearest")


@dataclass(frozen=True)
class Case:
    """A project and the truth of it."""

    kind: str
    seed: int
    project: Project
    truth: np.ndarray  # objects (n,): the class of each box
    fixations: np.ndarray  # objects (l,): the class that each fixation is on

    def right(self, names: np.ndarray) -> tuple[float, float]:
        """The shares of boxes and of fixations whose class is right."""
        return float((names == self.truth).mean()), float((on(self.project, names) == self.fixations).mean())


def on(project: Project, names: np.ndarray) -> np.ndarray:
    """The class that each fixation is on, given the classes of the boxes."""
    if project.recording is None:
        raise SystemExit("; ".join(project.notes))
    found = fixated(project.frames, project.boxes, names, np.ones(len(names)), project.recording)
    return np.array([each.name for each in found], object)


def case(root: Path, kind: str, seed: int, seconds: float, found: bool) -> Case:
    """The project of a made recording; one that is there is opened."""
    folder = root / f"{kind}-{seed}-{seconds:g}"
    if not (folder / "made" / "fixations.csv").is_file():
        write(folder / "made", seed, kind, seconds)
        rough(folder / "made" / "truth.csv", folder / "boxes.csv", seed)
    objects = "found" if found else str(folder / "boxes.csv")
    made, place = folder / "made", folder / ("found" if found else "project")
    project = Project.create(place, made / "video.mp4", made / "gaze.csv", objects=objects)
    truth = true_names(project, folder / "made" / "truth.csv")
    return Case(kind, seed, project, truth, on(project, truth))


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def rough(truth: Path, boxes: Path, seed: int) -> None:
    """What a rough detector would find."""
    chance = np.random.default_rng((seed, 9))
    rows = []
    last = ""
    for row in read(truth):
        box = np.array([float(row[name]) for name in ("x", "y", "width", "height")])
        if row["time_ms"] != last and chance.random() < FALSE:
            place = [*chance.uniform((0, 0), (400, 300)), *chance.uniform(25, 80, 2)]
            rows.append([row["time_ms"], *place, round(chance.uniform(0.3, 0.7), 3)])
        last = row["time_ms"]
        if chance.random() < MISSED:
            continue
        size = np.maximum(box[2:] * np.exp(chance.normal(0, NOISE, 2)), 6)
        centre = box[:2] + box[2:] / 2 + chance.normal(0, NOISE, 2) * box[2:]
        rows.append([row["time_ms"], *(centre - size / 2), *size, round(chance.uniform(0.5, 1), 3)])
    with boxes.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["time_ms", "x", "y", "width", "height", "sureness"], *rows])


def true_names(project: Project, path: Path) -> np.ndarray:
    """The class of the thing that each box overlaps most."""
    rows = read(path)
    at = np.array([float(row["time_ms"]) for row in rows]) / 1000
    sides = np.array([[float(row[name]) for name in ("x", "y", "width", "height")] for row in rows])
    names = np.array([row["object"] for row in rows], object)
    truth = np.full(len(project.boxes), "", object)
    for frame, moment in enumerate(project.frames.times):
        own, here = project.boxes.of_frame(frame), np.abs(at - moment) < 0.02
        if own.stop > own.start and here.any():
            shared = overlap(project.boxes.box[own], sides[here])
            truth[own] = np.where(shared.max(1) >= SAME, names[here][shared.argmax(1)], "")
    return truth


Curve = list[tuple[int, float, float]]  # clicks, boxes right, fixations right


def rounds(each: Case, limit: int) -> tuple[Curve, Curve, list[float]]:
    """The curves of the graph and of the nearest feature with its clicks, and the seconds of its rounds."""
    project, likeness = each.project, unit(each.project.boxes.features)
    while project.labels:
        project.undo()
    graph: Curve = []
    nearest: Curve = []
    seconds: list[float] = []
    prediction = project.train()
    while (clicks := len(project.labels)) < limit and not enough(graph):
        asked = project.ask(prediction, ROUND)
        if not asked:
            break
        project.label_all([(box, str(each.truth[box])) for box in asked])
        begin = time.perf_counter()
        prediction = project.train()
        seconds.append(time.perf_counter() - begin)
        clicks = len(project.labels)
        graph.append((clicks, *each.right(prediction.names)))
        nearest.append((clicks, *each.right(nearest_names(likeness, project.labels))))
    return graph, nearest, seconds


def enough(curve: Curve) -> bool:
    """Whether a curve has been above for a while."""
    return len(curve) >= 6 and min(min(point[1:]) for point in curve[-6:]) >= RIGHT + 0.01


def nearest_names(likeness: np.ndarray, labels: Mapping[int, str]) -> np.ndarray:
    """The class of the labelled box that looks most like each."""
    known = np.array(list(labels), np.int64)
    names = np.array(list(labels.values()), object)
    found = names[(likeness @ likeness[known].T).argmax(1)]
    found[known] = names
    return found


def tracked(each: Case, limit: int, nearest: bool) -> Curve:
    """The curve of clicks on tracks, the longest first; the box that is clicked is the one in its middle."""
    boxes, likeness = each.project.boxes, unit(each.project.boxes.features)
    numbers, own, length = np.unique(boxes.track, return_inverse=True, return_counts=True)
    names = np.full(len(boxes), None, object)
    curve: Curve = []
    labels: dict[int, str] = {}
    means = np.stack([likeness[own == track].mean(0) for track in range(len(numbers))])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6)
    told: list[int] = []
    for track in np.argsort(-length, kind="stable").tolist():
        rows = np.flatnonzero(own == track)
        box = int(rows[len(rows) // 2])
        labels[box], told = str(each.truth[box]), [*told, track]
        names[rows] = labels[box]
        if len(labels) % ROUND:
            continue
        given = np.array(list(labels.values()), object)
        others = given[(means @ means[told].T).argmax(1)] if nearest else np.full(len(numbers), "?", object)
        carried = np.where(np.isin(own, told), names, others[own])
        curve.append((len(labels), *each.right(carried)))
        if len(labels) >= limit:
            break
    return curve
