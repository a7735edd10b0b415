"""Fits the mixture of `app.predict.center_bias` to the fixations of training pictures, and prints its numbers.

    python tests/bench/center_bias.py ../shared/data/osie ../shared/data/crowd ../shared/data/scene

Expectation-maximisation on a histogram of 48 x 64 cells, each set with the same weight; the last lines say how many
bits a fixation of each set's val pictures is dearer under an even spread, and under the histogram itself.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from app.predict.center_bias import center_bias
from data.table.read import read_splits, read_table

CELLS = (48, 64)
START = ((0.5, 0.3, 0.2), ((0.5, 0.48), (0.5, 0.5)), ((0.14, 0.14), (0.25, 0.22)))


def histogram(root: Path, split: str) -> np.ndarray:
    """The share of a split's fixations in each cell."""
    names, total = set(read_splits(root)[split]), np.zeros(CELLS)
    for picture, scanpaths in read_table(root):
        if picture.name in names:
            xy = np.vstack([scanpath.xy for scanpath in scanpaths]) / (picture.width, picture.height)
            total += np.histogram2d(xy[:, 1], xy[:, 0], CELLS, ((0, 1), (0, 1)))[0]
    return total / total.sum()


def fit(counted: np.ndarray, rounds: int = 2000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, middles and deviations of two Gaussians and an even spread."""
    weights, middles, deviations = (np.array(part) for part in START)
    y, x = (np.arange(side) + 0.5 for side in CELLS)
    places = np.stack(np.meshgrid(x / CELLS[1], y / CELLS[0]), -1).reshape(-1, 2)
    looks = counted.ravel()
    for _ in range(rounds):
        parts = [
            weight * np.exp(-(((places - middle) / deviation) ** 2).sum(1) / 2)
            for weight, middle, deviation in zip(
                weights[:-1] / [truncated(m, d) for m, d in zip(middles, deviations, strict=True)],
                middles,
                deviations,
                strict=True,
            )
        ]
        parts.append(np.full(len(places), weights[-1] / len(places)))
        table = np.stack(parts) / np.sum(parts, 0) * looks
        weights = table.sum(1)
        middles = (table[:-1, :, None] * places).sum(1) / weights[:-1, None]
        apart = (places - middles[:, None]) ** 2
        deviations = np.sqrt((table[:-1, :, None] * apart).sum(1) / weights[:-1, None])
    return weights, middles, deviations


def truncated(middle: np.ndarray, deviation: np.ndarray) -> float:
    """The sum of a Gaussian over the cells of the picture."""
    y, x = ((np.arange(side) + 0.5) / side for side in CELLS)
    return float(
        np.exp(-(((x - middle[0]) / deviation[0]) ** 2) / 2).sum()
        * np.exp(-(((y - middle[1]) / deviation[1]) ** 2) / 2).sum()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roots", type=Path, nargs="+")
    roots = parser.parse_args().roots
    counted = np.mean([histogram(root, "train") for root in roots], 0)
    for name, values in zip(("WEIGHTS", "MIDDLES", "DEVIATIONS"), fit(counted), strict=True):
        print(name, "=", np.round(values, 3).tolist())
    fitted = center_bias(CELLS)
    for root in roots:
        val = histogram(root, "val")
        even, table = np.log2(fitted * fitted.size), np.log2(fitted / (0.999 * counted + 0.001 / counted.size))
        print(f"{root.name}, val: even {(val * even).sum():.3f}, histogram {(val * table).sum():.3f} bit")


if __name__ == "__main__":
    main()
