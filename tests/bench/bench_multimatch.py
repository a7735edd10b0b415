"""MultiMatch of 500 pairs of 10 to 20 fixations: ours in one call against multimatch-gaze, in one run, the same paths.

    python tests/bench/bench_multimatch.py [--pairs 500] [--rounds 5] [--reference .venv-reference/bin/python]

multimatch-gaze 0.1.3 lives in an environment of its own (`make reference` makes it), so its side is this same file run
there as a second process: `docomparison` of each pair in a loop, with the record arrays that it wants made beforehand.
The two sides take turns, each on one thread, and the best round of each counts. A second ratio is for paths over a grid
of places, where alignments tie and ours is slowest. A ratio is only printed when all values agree to 1e-6. The last
line is JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).parents[2]
SCREEN = (1280, 1024)
KINDS = ("anywhere", "on a grid")


class Gaze(NamedTuple):
    """A path, as `scanpath.metrics._alignment.Path` wants it."""

    xy: np.ndarray
    duration: np.ndarray


def make(count: int) -> dict[str, list[tuple[Gaze, Gaze]]]:
    """Random pairs of both kinds."""
    random = np.random.RandomState(0)
    paths = []
    for length in random.randint(10, 21, 2 * count):
        paths.append(Gaze(random.rand(length, 2) * SCREEN, random.gamma(4, 60, length)))
    grid = [Gaze(np.floor(path.xy / [160, 128]) * [160, 128] + [80, 64], path.duration) for path in paths]
    return {
        kind: list(zip(all_[::2], all_[1::2], strict=True)) for kind, all_ in zip(KINDS, (paths, grid), strict=True)
    }


def timed(calls: dict[str, Callable[[], np.ndarray]]) -> dict[str, tuple[float, list[list[float]]]]:
    """Seconds and values of each call."""
    results = {}
    for kind, call in calls.items():
        start = time.perf_counter()
        values = call()
        results[kind] = time.perf_counter() - start, np.asarray(values).tolist()
    return results


def theirs(count: int) -> dict[str, tuple[float, list[list[float]]]]:
    """A round of multimatch-gaze."""
    from multimatch_gaze import docomparison

    warnings.simplefilter("ignore")
    names = [("start_x", "f8"), ("start_y", "f8"), ("duration", "f8")]

    def array(path: Gaze) -> np.ndarray:
        return np.array([(x, y, d / 1000) for (x, y), d in zip(*path, strict=True)], names)

    ready = {kind: [(array(a), array(b)) for a, b in pairs] for kind, pairs in make(count).items()}
    return timed({k: lambda p=p: [docomparison(a, b, list(SCREEN)) for a, b in p] for k, p in ready.items()})


def ours(count: int) -> Callable[[], dict[str, tuple[float, list[list[float]]]]]:
    """Our side, to be called for a round."""
    sys.path.insert(0, str(ROOT))
    from scanpath.metrics.multimatch import multimatches

    pairs = make(count)
    return lambda: timed({kind: lambda p=p: multimatches(p, SCREEN) for kind, p in pairs.items()})


def main() -> None:
    """Let the sides take turns, compare the values, print table and JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--reference", default=str(ROOT / ".venv-reference" / "bin" / "python"))
    parser.add_argument("--theirs", action="store_true", help=argparse.SUPPRESS)  # the second process
    options = parser.parse_args()
    if options.theirs:
        print(json.dumps(theirs(options.pairs)))
        return
    if not Path(options.reference).is_file():
        sys.exit(f"{options.reference} is missing: make multimatch-gaze's environment with `make reference`.")
    mine = ours(options.pairs)
    other = [options.reference, __file__, "--theirs", "--pairs", str(options.pairs)]
    single = {**os.environ, "OMP_NUM_THREADS": "1"}
    rounds = [
        (mine(), json.loads(subprocess.run(other, check=True, capture_output=True, text=True, env=single).stdout))
        for _ in range(options.rounds)
    ]
    report([r[0] for r in rounds], [r[1] for r in rounds], options.pairs)


def report(mine: list[dict[str, Any]], other: list[dict[str, Any]], pairs: int) -> None:
    """The table and the JSON line; stops when a value differs."""
    ratios = {}
    print(f"{pairs} pairs of 10 to 20 fixations, milliseconds, best of {len(mine)} rounds\n")
    print(f"{'':10}{'ours':>10}{'multimatch-gaze':>18}{'ratio':>8}{'difference':>12}")
    for kind in KINDS:
        worst = float(np.abs(np.subtract(mine[0][kind][1], other[0][kind][1])).max())
        if not worst <= 1e-6:
            sys.exit(f"Values of paths {kind} differ by {worst}: no ratio of wrong values.")
        a, b = (min(r[kind][0] for r in side) * 1e3 for side in (mine, other))
        ratios[kind] = round(b / a, 2)
        print(f"{kind:10}{a:10.2f}{b:18.2f}{b / a:8.1f}{worst:12.0e}")
    print()
    print(json.dumps({"bench": "multimatch", "pairs": pairs, "ratio": ratios["anywhere"], "ratios": ratios}))


if __name__ == "__main__":
    main()
