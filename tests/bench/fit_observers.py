"""How the numbers of `app.predict.observers` were found: the likelihood of people's looks given their earlier ones.

    python tests/bench/fit_observers.py ../shared/data/osie ../shared/data/crowd ../shared/data/scene [--split val]

Six people on 50 pictures of each set, drawn with a seed. Prints nats a look, the mean of the sets' means: of the map
alone, of the numbers in use, and with --search of the best found by going through a grid number by number, twice.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from app.predict.observers import AVOID, FADING, FIRST_SHARPNESS, NEAR, RETURN, START
from app.predict.picture_maps import PictureMaps
from data import maps
from data.picture import read
from data.table.read import read_splits, read_table
from export.runtime.saliency import Predictor

SIDE, PICTURES, PEOPLE, MEMORY = 48, 50, 6, 12
IN_USE = {
    "sharpness": FIRST_SHARPNESS,
    "start": START[0],
    "start_width": START[1],
    "near": NEAR[0],
    "near_width": NEAR[1],
    "avoid": AVOID[0],
    "avoid_width": AVOID[1],
    "return": RETURN[0],
    "return_width": RETURN[1],
    "fading": FADING,
}
GRID = {
    "sharpness": (1.0, 1.1, 1.2, 1.3, 1.5),
    "start": (1.0, 1.5, 2.0, 2.5, 3.0),
    "start_width": (0.05, 0.07, 0.1, 0.14, 0.2),
    "near": (1.0, 1.3, 1.6, 2.0, 2.5),
    "near_width": (0.02, 0.03, 0.05, 0.08, 0.12),
    "avoid": (0.0, 0.2, 0.4, 0.6, 0.8, 1.5),
    "avoid_width": (0.1, 0.13, 0.17, 0.22, 0.3),
    "return": (0.0, 0.4, 0.6, 0.8, 1.0),
    "return_width": (0.02, 0.03, 0.04),
    "fading": (0.7, 0.8, 0.85, 0.9, 0.95),
}


@dataclass(frozen=True)
class Look:
    """One look of a person: the map of its second, where it fell, and how far each cell is from earlier looks."""

    map: np.ndarray  # log probabilities of the cells
    cell: int
    from_middle: np.ndarray  # of each cell, in diagonals
    earlier: np.ndarray  # the same from each earlier look, the last first


def looks_of(root: Path, split: str, eyes: Predictor) -> list[Look]:
    """Of some people on some pictures."""
    seconds, found = 5.0 if root.name == "crowd" else 3.0, []
    names = read_splits(root)[split]
    chosen = {names[number] for number in np.random.default_rng(1).permutation(len(names))[:PICTURES]}
    for picture, scanpaths in read_table(root):
        if picture.name not in chosen or picture.path is None:
            continue
        planes = np.exp(PictureMaps.of(eyes(read(picture.path))).maps[1:])
        size = np.array([picture.width, picture.height])
        columns, rows = (max(1, round(SIDE * side / size.max())) for side in size)
        small = [cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA).ravel() for plane in planes]
        logs = [np.log(plane / plane.sum() + 1e-12) for plane in small]
        y, x = (np.indices((rows, columns)).reshape(2, -1) + 0.5).astype(np.float32)
        for path in scanpaths[:PEOPLE]:
            onset = maps.onsets(path, seconds)
            some = maps.on(path.xy, (picture.height, picture.width)) & (onset < seconds * 1000)
            at = path.xy[some] * (columns, rows) / size
            away = np.hypot(x - at[:, :1], y - at[:, 1:]) / np.hypot(columns, rows)
            middle = np.hypot(x - columns / 2, y - rows / 2) / np.hypot(columns, rows)
            for number, (place, moment) in enumerate(zip(at.astype(int), onset[some], strict=True)):
                plane = logs[min(int(moment // 1000), len(logs) - 1)]
                earlier = away[max(0, number - MEMORY) : number][::-1]
                found.append(Look(plane, int(place[1] * columns + place[0]), middle, earlier))
    return found


def nats(look: Look, values: dict[str, float] | None) -> float:
    """How surprising a look is; None: to whoever knows the map alone."""
    wish = look.map
    if values and not len(look.earlier):
        wish = values["sharpness"] * wish - values["start"] * np.log1p(look.from_middle / values["start_width"])
    elif values:
        wish = wish - values["near"] * np.log1p(look.earlier[0] / values["near_width"])
        old = look.earlier[1:]
        memory = values["return"] * np.exp(-((old / values["return_width"]) ** 2))
        memory -= values["avoid"] * np.exp(-((old / values["avoid_width"]) ** 2))
        wish = wish + (values["fading"] ** np.arange(len(old))[:, None] * memory).sum(0)
    top = wish.max()
    return float(top + np.log(np.exp(wish - top).sum()) - wish[look.cell])


def likelihood(sets: list[list[Look]], values: dict[str, float] | None) -> tuple[float, float]:
    """Nats of a first and of a later look, the mean over sets of their means."""
    table = [[(nats(look, values), bool(len(look.earlier))) for look in looks] for looks in sets]
    means = [[np.mean([n for n, later in rows if later == which]) for rows in table] for which in (False, True)]
    return float(np.mean(means[0])), float(np.mean(means[1]))


def search(sets: list[list[Look]]) -> dict[str, float]:
    """The best numbers, each in turn."""
    best, values = sum(likelihood(sets, IN_USE)), dict(IN_USE)
    for _ in range(2):
        for name, choices in GRID.items():
            for choice in choices:
                tried = values | {name: choice}
                if choice != values[name] and (found := sum(likelihood(sets, tried))) < best - 1e-5:
                    best, values = found, tried
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roots", type=Path, nargs="+")
    parser.add_argument("--split", default="train")
    parser.add_argument("--search", action="store_true")
    args = parser.parse_args()
    eyes = Predictor("tempsal", provider="cpu", threads=1)
    sets = [looks_of(root, args.split, eyes) for root in args.roots]
    print(f"{sum(map(len, sets))} looks, split {args.split}; nats of a first and of a later look")
    for name, values in (("map alone", None), ("in use", IN_USE)):
        first, later = likelihood(sets, values)
        print(f"{name}: {first:.3f}, {later:.3f}")
    if args.search:
        values = search(sets)
        print(values, "{:.3f}, {:.3f}".format(*likelihood(sets, values)))


if __name__ == "__main__":
    main()
