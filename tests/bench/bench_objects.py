"""How well found objects and proto-objects stand for objects: fixations that they hold, size, number, time.

    python tests/bench/bench_objects.py ../shared/data/osie [--split val] [--model tempsal] [--most 12] [--share 0.4]
        [--graphics 40]

`found 10` and `found 20` are the surest objects and faces that the model finds (`export.runtime.found_objects`).
Coverage counts every fixation of the split's pictures; `in boxes` is the target of the task, `in regions` counts
only what lies in the regions inside the boxes. Where the set has objects of its own (objects.json), it also tells how
well the boxes agree with them: for each annotated object the best overlap (intersection over union) with any box,
also weighted by how often the object is fixated, and the share of objects that are met with an overlap of at least 0.5
(recall).
`grid` is the yardstick that knows nothing but the density: of 6 x 8 cells the 12 with the most mass, within the share.
The path is the mean number of objects that one person visits, repeats merged. `graphics` are drawn screens that no
network was trained on, which show pictures of the split: how many of their things are met, and how many faces a graphic
has where no picture is shown, all of which are false. The last line is JSON.
"""

import argparse
import json
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from data.gaze import (
    Objects,
    Scanpath,
)
from data.objects import (
    assign,
    grid,
    overlap,
    path,
)
from data.picture import read
from data.synthetic.graphics import graphic
from data.table.read import (
    read_objects,
    read_splits,
    read_table,
)
from export.runtime.saliency import Predictor
from scanpath.proto_objects import proto_objects


def cells(density: Float[np.ndarray, "h w"], most: int, share: float) -> Objects:
    """The cells of a grid that are looked at most, as many as are allowed."""
    objects = grid(density.shape[1], density.shape[0], 6, 8)
    y, x = np.indices(density.shape).reshape(2, -1)
    cell = assign(np.stack([x, y], 1) + 0.5, objects)
    mass = np.bincount(cell, np.exp(density.ravel().astype(np.float64)), len(objects))
    best = np.argsort(-mass, kind="stable")[: min(most, int(share * len(objects)))]
    return Objects(objects.boxes[best])


def first(objects: Objects, count: int) -> Objects:
    """The surest of what was found."""
    return Objects(objects.boxes[:count], objects.categories[:count])


def union(objects: Objects, size: tuple[int, int]) -> float:
    """The share of a picture of this height and width that the boxes cover together."""
    covered = np.zeros(size, bool)
    for x, y, x_end, y_end in np.rint(np.hstack([objects.boxes[:, :2], objects.boxes[:, :2] + objects.boxes[:, 2:]])):
        covered[int(y) : int(y_end), int(x) : int(x_end)] = True
    return float(covered.mean())


def agreement(objects: Objects, known: Objects, xy: Float[np.ndarray, "l 2"]) -> dict[str, float]:
    """How well the boxes agree with those that people drew."""
    best = overlap(known.boxes, objects.boxes).max(1, initial=0)
    under = assign(xy, known)
    looks = np.bincount(under[under >= 0], minlength=len(known))
    return {
        "overlap": float(best.mean()),
        "overlap by looks": float(np.average(best, weights=looks) if looks.any() else 0),
        "met": float((best >= 0.5).mean()),
    }


def measure(
    objects: Objects, size: tuple[int, int], viewers: tuple[Scanpath, ...], known: Objects | None
) -> dict[str, float]:
    """The numbers of one picture; those that count fixations as sums."""
    xy = np.concatenate([viewer.xy for viewer in viewers])
    boxed = replace(objects, masks=None)
    found = {
        "fixations": float(len(xy)),
        "in boxes": float((assign(xy, boxed) >= 0).sum()),
        "in regions": float((assign(xy, objects) >= 0).sum()),
        "union": union(objects, size),
        "number": float(len(objects)),
        "biggest": float((objects.boxes[:, 2:].prod(1) / (size[0] * size[1])).max(initial=0)),
        "path": float(np.mean([len(path(viewer, boxed, merge=True)) for viewer in viewers])),
    }
    return found | (agreement(objects, known, xy) if known is not None and len(known) else {})


def graphics(predictor: Predictor, count: int, shown: list[UInt8[np.ndarray, "_h _w 3"]]) -> dict[str, float]:
    """How well drawn screens are taken apart."""
    met: dict[int, list[float]] = {10: [], 20: []}
    false = 0
    for seed in range(count):
        drawn = graphic(seed, shown[seed % len(shown) :][:4])
        found = predictor(drawn.pixels).objects or Objects(np.zeros((0, 4)))
        things, photographs = (np.hstack([box[:, :2], box[:, 2:] - box[:, :2]]) for box in drawn[1:])
        for most, shares in met.items():
            shares += (overlap(things, found.boxes[:most]).max(1, initial=0) >= 0.5).tolist()
        faces = found.boxes[[name.startswith("face") for name in found.categories]]
        false += sum(assign(faces[:, :2] + faces[:, 2:] / 2, Objects(photographs)) < 0)
    return {f"met by {most}": float(np.mean(shares)) for most, shares in met.items()} | {"false faces": false / count}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--model", default="tempsal")
    parser.add_argument("--most", type=int, default=12)
    parser.add_argument("--share", type=float, default=0.4)
    parser.add_argument("--graphics", type=int, default=40)
    args = parser.parse_args()
    names = set(read_splits(args.root).get(args.split, ()))
    known = read_objects(args.root)
    predictor = Predictor(args.model, provider="cpu")
    rows: dict[str, list[dict[str, float]]] = defaultdict(list)
    times: list[float] = []
    for picture, viewers in read_table(args.root):
        if picture.name not in names or picture.path is None:
            continue
        pixels = read(picture.path)
        prediction = predictor(pixels)
        density = prediction.density
        start = time.perf_counter()
        found = {"proto": proto_objects(pixels, density, args.most, args.share)}
        times.append(1000 * (time.perf_counter() - start))
        if prediction.objects is not None:
            found |= {f"found {count}": first(prediction.objects, count) for count in (10, 20)}
        found["grid"] = cells(density, args.most, args.share)
        found |= {"annotated": known[picture.name]} if picture.name in known else {}
        for source, objects in found.items():
            rows[source].append(measure(objects, density.shape, viewers, known.get(picture.name)))
    if not times:
        sys.exit(
            f"{args.root}: no picture in the split {args.split!r}; name one of {', '.join(read_splits(args.root))}."
        )
    result = {source: summary(each) for source, each in rows.items() if each}
    if args.graphics:
        shown = [read(args.root / "images" / name) for name in sorted(names)]
        result["graphics"] = graphics(predictor, args.graphics, shown)
    for source, numbers in result.items():
        print(f"{source:>10}: " + ", ".join(f"{name} {value:.3f}" for name, value in numbers.items()))
    milliseconds = statistics.median(times)
    print(f"{len(times)} pictures, {milliseconds:.0f} ms each (median)")
    print(json.dumps({"split": args.split, "pictures": len(times), "ms": milliseconds} | result))


def summary(rows: list[dict[str, float]]) -> dict[str, float]:
    """Means over pictures; shares of fixations over all fixations."""
    total = sum(row["fixations"] for row in rows)
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    means |= {name: sum(row[name] for row in rows) / total for name in ("in boxes", "in regions")}
    least = min(row["in boxes"] / row["fixations"] for row in rows)
    return {"worst picture": least, "most cover": max(row["union"] for row in rows)} | means


if __name__ == "__main__":
    main()
