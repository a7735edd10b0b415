"""Pictures side by side: what people looked at, and what models predict. To look at, not to count.

    python tests/bench/contact_sheet.py -o sheet.png --data ../shared/data/osie ... --count 8 --models old.onnx tempsal
    python tests/bench/contact_sheet.py -o sheet.png --pictures data/samples --models old.onnx tempsal

With `--data` the rows are val pictures of each set, spread evenly: picture, people, then each model under "any" with
its correlation with people. With `--pictures` a row is a picture of a folder, and the objects and faces that the last
model finds are drawn into the first column.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from data import maps, picture
from data.draw.heatmap import heatmap
from data.gaze import Objects
from data.table.read import read_splits, read_table
from export.runtime.saliency import Predictor
from saliency.metrics import cc

SIDE = (240, 180)  # pixels of a tile: width, height
SIGMA = 15.36  # pixels of the sets' pictures


def tile(pixels: UInt8[np.ndarray, "h w 3"], words: str) -> UInt8[np.ndarray, "h w 3"]:
    """A small copy on grey, with a word in its corner."""
    scale = min(SIDE[0] / pixels.shape[1], SIDE[1] / pixels.shape[0])
    size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
    full = np.full((SIDE[1], SIDE[0], 3), 230, np.uint8)
    full[: size[1], : size[0]] = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    cv2.rectangle(full, (0, 0), (7 * len(words) + 4, 13), (255, 255, 255), -1)
    cv2.putText(full, words, (2, 10), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (0, 0, 0), 1)
    return full


def outlined(pixels: UInt8[np.ndarray, "h w 3"], objects: Objects | None) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with its objects: faces green, the rest red."""
    shown = pixels.copy()
    thick = max(1, round(pixels.shape[1] / 300))
    for (x, y, w, h), name in zip(objects.boxes, objects.categories, strict=True) if objects is not None else ():
        colour = (0, 200, 0) if name.startswith("face") else (230, 0, 0)
        cv2.rectangle(shown, (int(x), int(y)), (int(x + w), int(y + h)), colour, thick)
    return shown


def row(
    pixels: UInt8[np.ndarray, "h w 3"], predictors: list[Predictor], people: Float[np.ndarray, "h w"] | None, name: str
) -> UInt8[np.ndarray, "h w 3"]:
    """The tiles of one picture."""
    predictions = [predictor(pixels) for predictor in predictors]
    first = pixels if people is not None else outlined(pixels, predictions[-1].objects)
    tiles = [tile(first, name)]
    if people is not None:
        tiles.append(tile(heatmap(pixels, np.log(people + 1e-12).astype(np.float32)), "people"))
    for predictor, prediction in zip(predictors, predictions, strict=True):
        words = predictor.path.stem
        if people is not None:
            score = cc(np.exp(prediction.density)[None], people[None].astype(np.float32)).item()
            words = f"{words} {score:.2f}"
        tiles.append(tile(heatmap(pixels, prediction.density), words))
    return np.hstack(tiles)


def rows_of(root: Path, count: int, predictors: list[Predictor]) -> list[UInt8[np.ndarray, "h w 3"]]:
    """Rows of val pictures of a set."""
    chosen = sorted(read_splits(root)["val"])
    chosen = chosen[:: max(1, len(chosen) // count)][:count]
    found = []
    for shown, viewers in read_table(root):
        if shown.name in chosen and shown.path is not None:
            pixels = picture.read(shown.path)
            xy = np.concatenate([viewer.xy for viewer in viewers])
            people = maps.rendered(xy[maps.on(xy, pixels.shape[:2])], pixels.shape[:2], SIGMA)
            found.append(row(pixels, predictors, people, f"{root.name} {shown.name}"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--data", type=Path, nargs="*", default=[])
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--models", nargs="+", default=["tempsal"])
    args = parser.parse_args()
    predictors = [Predictor(model, provider="cpu") for model in args.models]
    rows = [each for root in args.data for each in rows_of(root, args.count, predictors)]
    if args.pictures:
        paths = sorted(p for p in args.pictures.iterdir() if p.suffix in (".jpg", ".png"))
        rows += [row(picture.read(path), predictors, None, path.stem) for path in paths]
    picture.save(args.output, np.vstack(rows))


if __name__ == "__main__":
    main()
