"""Head-pose models and detected heads against those that people framed in Saliency in Crowd; and milliseconds a person.

    python -m tests.bench.head_pose --data FOLDER --head-pose 1x1.onnx --head-pose var.onnx [--faces yunet.onnx]

Prints, for crops of several sizes, how far noses of the same head differ between files and mirror images (median), how
far yaw is from 0 on frontal and profile faces, and how well that tells them apart (AUC); how many heads of each kind
are believed to face somewhere; how the boxes of detectors lie to those that people framed; and milliseconds a person.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import click
import numpy as np

from data.objects import overlap
from data.picture import read
from export.runtime.detector import Detector
from export.runtime.heads.following import FollowingPredictor
from export.runtime.heads.head_pose import AGREE, HeadPose
from export.runtime.heads.pose_layouts import LAYOUTS
from export.runtime.saliency import Predictor

KINDS = ("frontal", "profile", "back")
CROPS = (0.0, 0.05, 0.1, 0.2, 0.3)  # of the head's sides, by which the crop is larger on each side


def framed(root: Path, smallest: int) -> Iterator[tuple[Path, np.ndarray, str]]:
    """Pictures, heads that are at least so many pixels high and not occluded, and how they are turned."""
    told = json.loads((root / "objects.json").read_text("utf-8"))
    names = {image["id"]: image["file_name"] for image in told["images"]}
    for each in told["annotations"]:
        about = each["attributes"]
        kind = next((name for name in reversed(KINDS) if about[name]), "")
        if each["bbox"][3] >= smallest and not about["occluded"] and kind:
            yield root / "images" / names[each["image_id"]], np.array(each["bbox"], float), kind


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Saliency in Crowd.")
@click.option("--head-pose", "files", multiple=True, required=True)
@click.option("--faces", help="A detector of faces.")
@click.option("--smallest", default=28, show_default=True, help="Pixels.")
@click.option("--count", default=400, show_default=True, help="Heads at most.")
def main(data: Path, files: tuple[str, ...], faces: str | None, smallest: int, count: int) -> None:
    """Print all of it."""
    every = list(framed(data, smallest))
    chosen = [every[i] for i in np.random.default_rng(0).permutation(len(every))[:count]]
    model = HeadPose(*files, provider="cpu", threads=1)
    kinds = np.array([kind for *_, kind in chosen])
    click.echo(f"{len(chosen)} heads: " + ", ".join(f"{(kinds == kind).sum()} {kind}" for kind in KINDS))
    for more in CROPS:
        layout = model.models[0].layout
        crop = (-more, -more, 1 + more, 1 + more)
        with mock.patch.dict(LAYOUTS, {layout: replace(LAYOUTS[layout], crop=crop)}):
            poses = [model(read(path), head) for path, head, _ in chosen]
        yaw, apart = np.abs([pose.yaw for pose in poses]), np.array([pose.apart for pose in poses])
        front, side = yaw[kinds == "frontal"], yaw[kinds == "profile"]
        auc = (front[:, None] < side).mean()
        words = [
            f"{kind}: apart {np.median(some):.0f}, believed {(some <= AGREE).mean():.0%}"
            for kind, some in ((kind, apart[kinds == kind]) for kind in KINDS)
        ]
        turned = f"yaw {np.median(front):.0f} and {np.median(side):.0f}, AUC {auc:.3f}"
        click.echo(f"crop {more:+.2f}: {turned}; {', '.join(words)}")
    _boxes(data, faces)
    _time(model, chosen)


def _boxes(data: Path, faces: str | None) -> None:
    """How detected boxes lie to those that people framed: sides from the framed upper left corner, in its sides."""
    tempsal = Predictor("tempsal", provider="cpu", threads=1)
    yunet = Detector(faces, provider="cpu", threads=1) if faces else None
    by: dict[Path, list[np.ndarray]] = {}
    for path, head, kind in framed(data, 25):
        if kind == "frontal":
            by.setdefault(path, []).append(head)
    lies: dict[str, list[np.ndarray]] = {"tempsal": [], "detector": []}
    for path in sorted(by)[::4][:60]:
        pixels, heads = read(path), np.array(by[path])
        objects = tempsal(pixels).objects
        found = {"detector": yunet.objects(pixels, confidence=0.5).boxes if yunet else np.zeros((0, 4))}
        if objects is not None:
            faced = [name.startswith("face") for name in objects.categories]
            found["tempsal"] = objects.boxes[np.array(faced, bool)]
        for name, boxes in found.items():
            shared = overlap(heads, boxes) if len(boxes) else np.zeros((len(heads), 1))
            for head, row in zip(heads, shared, strict=True):
                if row.max() > 0.25:
                    box = boxes[row.argmax()]
                    low = (box[:2] - head[:2]) / head[2:]
                    lies[name].append(np.concatenate([low, low + box[2:] / head[2:]]))
    for name, sides in lies.items():
        if sides:
            click.echo(f"{name}: {len(sides)} faces lie at {np.median(sides, 0).round(2).tolist()} of the framed head")


def _time(model: HeadPose, chosen: list[tuple[Path, np.ndarray, str]]) -> None:
    predictor = FollowingPredictor(provider="cpu", threads=1, head_pose=model)
    looks, people = [], []
    for path, head, _ in chosen[:20]:
        pixels = read(path)
        start = time.perf_counter()
        looked = predictor.look(pixels)
        looks.append(time.perf_counter() - start)
        start = time.perf_counter()
        predictor.decode(looked, head[None])
        people.append(time.perf_counter() - start)
    click.echo(f"a picture {1000 * np.median(looks):.0f} ms, a person {1000 * np.median(people):.0f} ms (one thread)")


if __name__ == "__main__":
    main()
