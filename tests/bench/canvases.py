"""What a canvas by the picture's shape is worth: a model on its own canvas and by shape, scored in one run.

    python tests/bench/canvases.py ../shared/data/osie [--model tempsal] [--split val] [--crop 3:4] [--upright]

`--crop` cuts the middle out of each picture, as wide by high as it says, with the fixations in it: no open set with
upright photographs and gaze is at hand. `--upright` keeps only pictures that are higher than wide. Prints a line a row:
CC, NSS and milliseconds a picture on one thread.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from data import picture
from data.gaze import Picture, Scanpath
from data.table.read import read_splits, read_table
from data.table.write import write_table
from evaluation.saliency import protocol
from export.runtime.saliency import Predictor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--model", default="tempsal")
    parser.add_argument("--split", default="val")
    parser.add_argument("--crop", metavar="W:H")
    parser.add_argument("--upright", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = cut(args.root, Path(folder), args.split, args.crop, args.upright)
        rows = {name: predict(args.model, root, name, args.root.name) for name in ("own", "by-shape")}
        settings = protocol.Settings(split="val", baselines=False)
        result = json.loads(protocol.evaluate(root, [str(root / name) for name in rows], settings, workers=1).to_json())
    print(f"{args.root.name}, {result['protocol']['pictures']} pictures, {args.model}")
    for name, (took, canvases) in rows.items():
        scores = result["scores"]["whole"][name]
        cc, nss = (scores[score]["mean"] for score in ("cc", "nss"))
        print(f"{name:8}  cc {cc:.4f}  nss {nss:.4f}  {took:.0f} ms  {', '.join(canvases)}")


def cut(source: Path, folder: Path, split: str, crop: str | None, upright: bool) -> Path:
    """A set of the pictures of a split, or of their middles, all of them in its val split and its train split."""
    kept, items = {*read_splits(source)[split]}, []
    for whole, paths in read_table(source):
        if whole.name not in kept or whole.path is None or (upright and whole.height <= whole.width):
            continue
        width, height = whole.width, whole.height
        if crop:
            ratio = int(crop.split(":")[0]) / int(crop.split(":")[1])
            width, height = min(width, round(height * ratio)), min(height, round(width / ratio))
        left, top = (whole.width - width) // 2, (whole.height - height) // 2
        path = folder / "cut" / Path(whole.name).with_suffix(".png")
        path.parent.mkdir(exist_ok=True, parents=True)
        picture.save(path, picture.read(whole.path)[top : top + height, left : left + width])
        items.append(
            (Picture(path.name, width, height, path), [inside(one, left, top, width, height) for one in paths])
        )
    names = [item[0].name for item in items]
    write_table(folder / "set", items, {"train": names, "val": names})
    return folder / "set"


def inside(path: Scanpath, left: int, top: int, width: int, height: int) -> Scanpath:
    """The fixations of a path that lie in a part of the picture, in its pixels."""
    moved = path.xy - (left, top)
    held = ((moved >= 0) & (moved < (width, height))).all(1)
    return Scanpath(path.subject, moved[held], path.onset[held], path.duration[held])


def predict(model: str, root: Path, name: str, condition: str) -> tuple[float, set[str]]:
    """Writes densities beside the set; how long one takes in milliseconds, and the canvases that were taken."""
    predictor = Predictor(model, provider="cpu", threads=1, canvas="own" if name == "own" else "by-shape")
    known = condition if condition in predictor.contract.conditions else "any"
    took, canvases = [], set()
    (root / name).mkdir()
    for path in sorted((root / "images").iterdir()):
        pixels = picture.read(path)
        start = time.perf_counter()
        density = predictor(pixels, known).density
        took.append(1e3 * (time.perf_counter() - start))
        canvases.add(" x ".join(map(str, predictor.canvas(density.shape))))
        np.save(root / name / f"{path.stem}.density.npy", density)
    return float(np.median(took)), canvases


if __name__ == "__main__":
    main()
