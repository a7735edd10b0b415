"""All scores of 100 maps of 384 x 512: ours in one batch against pysaliency, in one run on the same arrays.

    python tests/bench/bench_metrics.py [--maps 100] [--rounds 3] [--reference .venv-reference/bin/python]

pysaliency lives in an environment of its own (`make reference` makes it), so its side is this same file run there as a
second process; the two sides take turns and the best round of each counts. pysaliency is timed at its fastest: its
functions on arrays of fixations, the AUC as `SaliencyMapModel.AUCs` takes it (one sorted list a map), and maps that are
float64 already, its models' type. Ours gets the same values in float32 and counts of fixations, and does all checks.
A ratio is only printed when all values agree to 1e-6. The last line is JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
NAMES = ("auc_judd", "sauc", "nss", "cc", "sim", "kl", "ig")


def make(count: int, size: tuple[int, int] = (384, 512)) -> dict[str, np.ndarray]:
    """Predictions and truths like real ones: a few blobs over a low floor; 132 fixations a picture, some repeated."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[: size[0], : size[1]]
    blobs = np.full((2, count, *size), 0.02, np.float32)
    for map_ in blobs.reshape(-1, *size):
        for _ in range(5):
            cy, cx, sigma = random.uniform(0, size[0]), random.uniform(0, size[1]), random.uniform(15, 60)
            map_ += np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * sigma**2)).astype(np.float32)
    blobs /= blobs.sum((2, 3), keepdims=True)
    fixations = np.zeros((count, size[0] * size[1]), np.int64)
    for counts, density in zip(fixations, blobs[1].reshape(count, -1).astype(np.float64), strict=True):
        np.add.at(counts, random.choice(counts.size, 130, p=density / density.sum()), 1)
    fixations[:, 0] += 2
    baseline = blobs[1].mean(0, keepdims=True)
    return {
        "prediction": blobs[0],
        "truth": blobs[1],
        "fixations": fixations.reshape(count, *size),
        "baseline": baseline / baseline.sum(),
    }


def ours(arrays: dict[str, np.ndarray]) -> Callable[[], tuple[dict[str, float], dict[str, list[float]]]]:
    """A round of our side: seconds and values by metric."""
    from saliency import metrics

    prediction, truth, fixations = (arrays[name] for name in ("prediction", "truth", "fixations"))
    baseline, log = (np.log(arrays[name].astype(np.float64)) for name in ("baseline", "prediction"))
    negatives = fixations.sum(0) - fixations
    calls: dict[str, Callable[[], Any]] = {
        "auc_judd": lambda: metrics.auc_judd(prediction, fixations),
        "sauc": lambda: metrics.sauc(prediction, fixations, negatives),
        "nss": lambda: metrics.nss(prediction, fixations),
        "cc": lambda: metrics.cc(prediction, truth),
        "sim": lambda: metrics.sim(prediction, truth),
        "kl": lambda: metrics.kl(prediction, truth),
        "ig": lambda: metrics.ig(log, fixations, baseline),
    }
    return lambda: timed({name: lambda c=call: c().tolist() for name, call in calls.items()})


def theirs(arrays: dict[str, np.ndarray]) -> tuple[dict[str, float], dict[str, list[float]]]:
    """A round of pysaliency's side."""
    import warnings

    warnings.simplefilter("ignore")
    from pysaliency import metrics
    from pysaliency.roc import general_rocs_per_positive

    p, q = (arrays[name].astype(np.float64) for name in ("prediction", "truth"))
    log, baseline = np.log(p), np.log(arrays["baseline"].astype(np.float64))
    width = p.shape[2]
    flat = [np.repeat(np.arange(c.size), c.ravel()) for c in arrays["fixations"]]
    where = [(pixels // width, pixels % width) for pixels in flat]

    def auc(i: int) -> float:
        return general_rocs_per_positive(p[i][where[i]], p[i].ravel()).mean()

    def shuffled(i: int) -> float:
        y, x = (np.concatenate([w[axis] for j, w in enumerate(where) if j != i]) for axis in (0, 1))
        return general_rocs_per_positive(p[i][where[i]], p[i][y, x]).mean()

    calls: dict[str, Callable[[int], float]] = {
        "auc_judd": auc,
        "sauc": shuffled,
        "nss": lambda i: metrics.NSS(p[i], where[i][1], where[i][0]).mean(),
        "cc": lambda i: metrics.CC(p[i], q[i]),
        "sim": lambda i: metrics.SIM(p[i], q[i]),
        "kl": lambda i: metrics.MIT_KLDiv(p[i], q[i]),
        "ig": lambda i: (log[i][where[i]] - baseline[0][where[i]]).mean() / np.log(2),
    }
    auc(0)  # compiles
    return timed({name: lambda c=call: [float(c(i)) for i in range(len(flat))] for name, call in calls.items()})


def timed(calls: dict[str, Callable[[], list[float]]]) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Seconds and values of each call."""
    seconds, values = {}, {}
    for name, call in calls.items():
        start = time.perf_counter()
        values[name] = call()
        seconds[name] = time.perf_counter() - start
    return seconds, values


def main() -> None:
    """Let the sides take turns, compare the values, print table and JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--maps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--reference", default=str(ROOT / ".venv-reference" / "bin" / "python"))
    parser.add_argument("--theirs", help=argparse.SUPPRESS)  # the second process: the arrays' file
    options = parser.parse_args()
    if options.theirs:
        print(json.dumps(theirs(dict(np.load(options.theirs)))))
        return
    if not Path(options.reference).is_file():
        sys.exit(f"{options.reference} is missing: make pysaliency's environment with `make reference`.")
    sys.path.insert(0, str(ROOT))
    arrays = make(options.maps)
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "maps.npz")
        np.savez(file, **arrays)
        mine, other = ours(arrays), [options.reference, __file__, "--theirs", file]
        rounds = [
            (mine(), json.loads(subprocess.run(other, check=True, capture_output=True, text=True).stdout))
            for _ in range(options.rounds)
        ]
    report([r[0] for r in rounds], [r[1] for r in rounds], options.maps)


def report(mine: list[Any], other: list[Any], maps: int) -> None:
    """The table and the JSON line; stops when a value differs."""
    worst = {n: float(np.abs(np.subtract(mine[0][1][n], other[0][1][n])).max()) for n in NAMES}
    if max(worst.values()) > 1e-6:
        sys.exit(f"Values differ by {worst}: no ratio of wrong values.")
    best = [{n: min(r[0][n] for r in side) for n in NAMES} for side in (mine, other)]
    totals = [min(sum(r[0].values()) for r in side) for side in (mine, other)]
    print(f"{maps} maps of 384 x 512, milliseconds a map, best of {len(mine)} rounds\n")
    print(f"{'':10}{'ours':>8}{'pysaliency':>12}{'ratio':>8}{'difference':>12}")
    for n in NAMES:
        a, b = (side[n] / maps * 1e3 for side in best)
        print(f"{n:10}{a:8.2f}{b:12.2f}{b / a:8.1f}{worst[n]:12.0e}")
    a, b = (total / maps * 1e3 for total in totals)
    print(f"{'together':10}{a:8.2f}{b:12.2f}{b / a:8.1f}\n")
    ratios = {n: round(best[1][n] / best[0][n], 2) for n in NAMES}
    print(json.dumps({"bench": "metrics", "maps": maps, "ratio": round(b / a, 2), "ratios": ratios}))


if __name__ == "__main__":
    main()
