"""Whether map and path agree about the first look, as people do: over the pictures of a split.

    python tests/bench/bench_first_looks.py ../shared/data/osie [--split val] [--model oat-free] [--objects file]

The map's first look is the object with the largest probability in the first second (the whole viewing where there are
no seconds), where each place belongs to the smallest object that holds it, as fixations do; the path's is the commonest
first fixation of 200 simulated observers, people's that of half of the observers; the other half is the yardstick (mean
over 50 divisions). `--objects` is as in `gaze evaluate scanpath`.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from data.objects import assign
from data.picture import read
from evaluation.scanpath.trials import Settings
from evaluation.scanpath.trials import read as read_trials
from export.runtime.dataset_objects import DENSITY
from export.runtime.saliency import Predictor
from export.runtime.scanpath import ScanpathPredictor

OBSERVERS, DIVISIONS = 200, 50


def commonest(firsts: list[int]) -> int:
    """The most frequent; of equal ones the first in the list of objects."""
    counts = Counter(firsts)
    return min(counts, key=lambda number: (-counts[number], number))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--model", default="oat-free")
    parser.add_argument("--objects", default="file")
    args = parser.parse_args()
    trials = read_trials(args.root, Settings(split=args.split, objects=args.objects, merge=True))
    eyes = Predictor(DENSITY, provider="cpu")
    walker, random = ScanpathPredictor(args.model, provider="cpu"), np.random.default_rng(0)
    agree, right, people, mapped = [], [], [], []
    for number, scene in enumerate(trials.scenes):
        firsts = [int(t.path.order[0]) for t in trials.trials if t.number == number and len(t.path.order)]
        if len(firsts) < 4 or scene.picture.path is None:
            continue
        prediction = eyes(read(scene.picture.path))
        density = np.exp(prediction.slices[0] if len(prediction.slices) else prediction.density)
        y, x = np.indices(density.shape).reshape(2, -1)
        under = assign(np.stack([x, y], 1) + 0.5, scene.objects)
        held = under >= 0
        of_map = int(np.bincount(under[held], density.ravel()[held], len(scene.objects)).argmax())
        rollouts = walker.sample(scene, OBSERVERS)
        of_path = commonest([int(order[0]) for order in rollouts.order if order[0] >= 0])
        agree.append(of_map == of_path)
        shares = []
        for _ in range(DIVISIONS):
            mixed = random.permutation(firsts).tolist()
            halves = mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]
            shares.append(commonest(halves[0]) == commonest(halves[1]))
        people.append(np.mean(shares))
        right.append(of_path == commonest(firsts))
        mapped.append(of_map == commonest(firsts))
    print(f"{len(agree)} pictures, objects: {args.objects}")
    print(f"map and path agree: {np.mean(agree):.3f}")
    print(f"half of the observers and the other half: {np.mean(people):.3f}")
    print(f"path and people: {np.mean(right):.3f}; map and people: {np.mean(mapped):.3f}")


if __name__ == "__main__":
    main()
