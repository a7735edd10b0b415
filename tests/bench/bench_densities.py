"""How much faster densities are rendered than with one `scipy.ndimage.gaussian_filter` a picture; both in one run.

    python tests/bench/bench_densities.py [--threads 1] [--repeats 5]

Pictures of 640 x 480 with 100 to 300 fixations and a sigma of 19 pixels, from points and from counts; and what the
loader makes for a picture of OSIE: the maps of the whole viewing of 3 s and of each of 5 seconds, 64 x 48 cells, cut at
the picture's edge. Prints a table and one line of JSON; the best of the repeats counts.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from data import maps

PICTURES = 32


def best(work: Callable[[], Any], repeats: int) -> float:
    """Milliseconds a picture."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * min(times) / PICTURES


def theirs(counted: np.ndarray, sigma: float, inside: np.ndarray | None = None) -> list[np.ndarray]:
    """One call a map, in single precision, truncated at 4 sigma, divided by the sum."""
    densities = []
    for one in counted:
        blurred = gaussian_filter(one, sigma, mode="constant")
        blurred = blurred if inside is None else blurred * inside
        densities.append(blurred / (blurred.sum() or 1))
    return densities


def pictures(repeats: int) -> dict[str, float]:
    """From the fixations of whole pictures to their densities."""
    chance, size, sigma = np.random.default_rng(0), (480, 640), 19.0
    points = [chance.uniform(0, size[::-1], (chance.integers(100, 301), 2)) for _ in range(PICTURES)]
    counted = np.stack([maps.counts(xy, size) for xy in points])
    ours = [maps.rendered(xy, size, sigma) for xy in points]
    worst = max(abs(a - b).max() / b.max() for a, b in zip(ours, theirs(counted.astype(float), sigma), strict=True))
    return {
        "scipy_ms": best(lambda: theirs(np.stack([maps.counts(xy, size) for xy in points]), sigma), repeats),
        "points_ms": best(lambda: [maps.rendered(xy, size, sigma) for xy in points], repeats),
        "counts_ms": best(lambda: maps.density(counted, sigma), repeats),
        "worst": float(worst),
    }


def cells(repeats: int) -> dict[str, float]:
    """From the counts of the loader to its densities."""
    chance, sigma = np.random.default_rng(0), 15.36 * 256 / 512 / 4
    counted = chance.poisson(0.02, (PICTURES, 6, 48, 64)).astype(np.float32)
    counted[:, 4:] = 0
    counted[:, 0] = counted[:, 1:].sum(1)
    inside = np.ones((48, 64), bool)
    worst = max(
        abs(a - b).max() / b.max()
        for maps_of_one in counted
        for a, b in zip(maps.density(maps_of_one, sigma), theirs(maps_of_one.astype(float), sigma), strict=True)
        if b.any()
    )
    return {
        "scipy_ms": best(lambda: [theirs(one, sigma, inside) for one in counted], repeats),
        "counts_ms": best(lambda: [maps.density(one, sigma, inside) for one in counted], repeats),
        "worst": float(worst),
    }


def main() -> None:
    """Runs the bench."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)
    for name, measured in (("pictures", pictures(options.repeats)), ("cells", cells(options.repeats))):
        for way in ("points", "counts"):
            if f"{way}_ms" in measured:
                ratio = measured[f"{way}_ratio"] = measured["scipy_ms"] / measured[f"{way}_ms"]
                print(f"{name}, from {way}: {measured[f'{way}_ms']:.3f} ms, {ratio:.1f} times faster than scipy")
        rounded = {key: float(f"{value:.3g}") for key, value in measured.items()}
        print(json.dumps({"bench": "densities", "of": name, **rounded}))


if __name__ == "__main__":
    main()
