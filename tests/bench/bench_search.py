"""A search of places: how long 20 fixations take on a picture of a megapixel, and what computing features once saves.

    python tests/bench/bench_search.py [--model eccnet] [--fixations 20] [--degrees 20] [--threads 2] [--turns 5]

The picture is made of a bundled one at 1152 x 896 pixels, the target a part of 100 x 100 of it whose place is not told,
so that the search goes on to its limit. Times are the medians of some turns, of the whole search (resizing, features
once, all steps) and of one that computes the features anew at each fixation, in turns. The search should take less than
1.5 s on two cores.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from data.picture import read
from export.runtime.session import cores
from export.runtime.visual_search import DEGREES, VisualSearcher, resized
from scanpath import visual_search

SIZE = (896, 1152)  # height and width
TARGET = (slice(120, 220), slice(700, 800))
GOAL = 1.5  # seconds


def once(searcher: VisualSearcher, pixels: np.ndarray, fixations: int, degrees: float) -> int:
    """A search as it is made; how many fixations it had."""
    return searcher.search(pixels, pixels[TARGET], limit=fixations, degrees=degrees).saccades


def anew(searcher: VisualSearcher, pixels: np.ndarray, fixations: int, degrees: float) -> int:
    """The same search, with the features computed anew for each fixation."""
    first = searcher.look(pixels, pixels[TARGET], degrees)

    def attention(gaze: np.ndarray) -> np.ndarray:
        return searcher.look(pixels, pixels[TARGET], degrees).attention(gaze)

    window = max(2 * first.fovea, first.seen[1]), max(2 * first.fovea, first.seen[0])
    return visual_search.search(attention, first.size, first.stride, limit=fixations, window=window).saccades


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="eccnet")
    parser.add_argument("--fixations", type=int, default=20)
    parser.add_argument("--degrees", type=float, default=DEGREES)
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--turns", type=int, default=5)
    asked = parser.parse_args()
    searcher = VisualSearcher(asked.model, provider="cpu", threads=asked.threads)
    pixels = resized(read(min((ROOT / "data" / "samples").glob("*.jpg"))), SIZE)
    searcher.warm_up()
    took: dict[str, list[float]] = {once.__name__: [], anew.__name__: []}
    for _ in range(asked.turns):
        for way in (once, anew):
            start = time.perf_counter()
            assert way(searcher, pixels, asked.fixations, asked.degrees) == asked.fixations
            took[way.__name__].append(time.perf_counter() - start)
    whole, each = (float(np.median(took[name])) for name in took)
    sight = searcher.look(pixels, pixels[TARGET], asked.degrees)
    print(
        f"{asked.model}: {asked.fixations} fixations on {SIZE[1]} x {SIZE[0]} pixels, {asked.degrees:g} degrees wide "
        f"({sight.size[1]} x {sight.size[0]} of the model's pixels), {asked.threads} threads of {os.cpu_count()} cores"
    )
    print(f"features once: {whole:.2f} s (goal {GOAL} s: {'reached' if whole < GOAL else 'missed'})")
    print(f"features at each fixation: {each:.2f} s, {each / whole:.1f} times as long")


if __name__ == "__main__":
    main()
