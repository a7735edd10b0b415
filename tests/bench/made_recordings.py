"""Made recordings of mobile eye tracking as projects of `annotation`, with the true class of every box.

Boxes are those of a rough detector: of the things of which it sees `PLAIN` or more, with noise of `NOISE` of the sides;
`MISSED` of them are left out, and one on nothing is in `FALSE` of the frames. Or they are those that the saliency
model's object head finds. A box is of the class of the thing that it overlaps most; of "" where it overlaps none by
`SAME` of the united area.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from annotation.fixated import fixated
from annotation.project import Project
from data.objects import overlap
from data.synthetic.headcam import write

PLAIN, NOISE, MISSED, FALSE = 0.4, 0.06, 0.08, 0.25
SAME = 0.4


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
        if float(row["shown"]) < PLAIN:
            continue
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
