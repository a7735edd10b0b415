"""What multimatch-gaze and GazeParser say: writes `scanpaths.json`, which the tests of scanpath scores compare with.

Run in an environment of its own:

    pip install "multimatch-gaze==0.1.3" "scipy==1.17.*"
    pip install --no-deps "GazeParser==0.12.3"          (only its ScanMatch.py is read, which needs numpy alone)
    python tests/scanpath/reference/make_reference.py DATA

No path is stored. Random pairs are made from a seed by `random_pairs`, here and in the tests; real pairs are named by
picture and people and read from DATA, the folder that holds `osie` and `interiors` (both MIT licence).
"""

import csv
import importlib.util
import json
import math
import os
import sys
import warnings
from collections.abc import Iterator
from importlib.metadata import files, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

FILE = Path(__file__).with_name("scanpaths.json")
KINDS = {"anywhere": 200, "whole pixels": 100, "one grid": 100, "near copies": 100, "short": 100}
REAL = {"osie": 300, "interiors": 100}
SCREENS = {**dict.fromkeys(KINDS, (1280, 1024)), "osie": (512, 384), "interiors": (512, 384)}
GROUPING = {"direction": 45.0, "amplitude": 0.1, "duration": 300.0}  # degrees, of the screen's diagonal, milliseconds
SCANMATCH: dict[str, dict[str, float]] = {"order": {}, "time": {"bin": 50.0}, "gap": {"bin": 100.0, "gap": -0.5}}


class Gaze(NamedTuple):
    """A path, as `scanpath.metrics._alignment.Path` wants it."""

    xy: np.ndarray  # pixels
    duration: np.ndarray  # milliseconds


Pairs = list[tuple[Gaze, Gaze]]


def random_pairs(kind: str) -> Pairs:
    """The pairs of one kind. RandomState, because its stream never changes."""
    random = np.random.RandomState(sum(map(ord, kind)))
    return [_pair(kind, random) for _ in range(KINDS[kind])]


def _pair(kind: str, random: np.random.RandomState) -> tuple[Gaze, Gaze]:
    a, b = (_path(random.randint(1, 7) if kind == "short" else random.randint(3, 21), random) for _ in range(2))
    if kind == "whole pixels":
        a, b = (Gaze(np.floor(p.xy), np.floor(p.duration)) for p in (a, b))
    elif kind == "one grid":
        a, b = (Gaze(np.floor(p.xy / [320, 256]) * [320, 256] + [160, 128], p.duration) for p in (a, b))
    elif kind == "near copies":
        b = Gaze(a.xy + 5 * random.randn(*a.xy.shape), a.duration)
    return a, b


def _path(length: int, random: np.random.RandomState) -> Gaze:
    """A walk with steps of all sizes; some fixations are beyond the screen's border."""
    steps = random.randn(length, 2) * random.gamma(1, 150, (length, 1))
    return Gaze(steps.cumsum(0) % [1400, 1100] - [60, 38], random.gamma(4, 60, length))


def chosen(root: Path, name: str) -> list[list[str]]:
    """Picture and two people, as many as REAL says, drawn with a seed."""
    people: dict[str, set[str]] = {}
    with open(root / name / "fixations.csv", newline="") as file:
        for row in csv.DictReader(file):
            people.setdefault(row["image"], set()).add(row["subject"])
    random = np.random.RandomState(0)
    images = sorted(image for image, subjects in people.items() if len(subjects) > 1)
    drawn = [images[random.randint(len(images))] for _ in range(REAL[name])]
    return [[image, *map(str, random.choice(sorted(people[image]), 2, replace=False))] for image in drawn]


def real_pairs(root: Path, name: str, named: list[list[str]]) -> Pairs:
    """The paths of named pairs."""
    wanted = {(image, subject) for image, *two in named for subject in two}
    rows: dict[tuple[str, str], list[list[float]]] = {key: [] for key in wanted}
    with open(root / name / "fixations.csv", newline="") as file:
        for row in csv.DictReader(file):
            if (row["image"], row["subject"]) in wanted:
                numbers = [float(row[key]) for key in ("index", "x", "y", "duration_ms")]
                rows[row["image"], row["subject"]].append(numbers)
    paths = {key: np.array(sorted(numbers)) for key, numbers in rows.items()}
    gaze = {key: Gaze(path[:, 1:3], path[:, 3]) for key, path in paths.items()}
    return [(gaze[image, a], gaze[image, b]) for image, a, b in named]


def multimatch(pair: tuple[Gaze, Gaze], screen: tuple[int, int], grouping: bool) -> list[float | None] | None:
    """The package's five numbers; None for NaN, and None altogether where it fails."""
    from multimatch_gaze import docomparison

    names = [("start_x", "f8"), ("start_y", "f8"), ("duration", "f8")]
    arrays = [np.array([(x, y, d / 1000) for (x, y), d in zip(*path, strict=True)], names) for path in pair]
    options = {
        "grouping": grouping,
        "TDir": GROUPING["direction"],
        "TDur": GROUPING["duration"] / 1000,
        "TAmp": GROUPING["amplitude"] * math.hypot(*screen),
    }
    try:
        values = docomparison(*arrays, screensize=list(screen), **options)
    except (IndexError, ValueError):
        return None
    return [_rounded(float(value)) for value in values]


def scanmatch(pair: tuple[Gaze, Gaze], screen: tuple[int, int], bin: float = 0.0, gap: float = 0.0) -> float | None:
    """GazeParser's score; None where a path has nothing left."""
    options = {"Xres": screen[0], "Yres": screen[1], "Xbin": 12, "Ybin": 8, "Threshold": 3.5}
    match = _gazeparser().ScanMatch(**options, TempBin=bin, GapValue=gap)
    sequences = [match.fixationToSequence(np.column_stack(path)).astype(int) for path in pair]
    if not all(map(len, sequences)):
        return None
    return _rounded(float(match.match(*sequences)[0]))


def _gazeparser() -> Any:
    """Its ScanMatch.py alone: the package itself wants a window toolkit."""
    path = next(f for f in files("GazeParser") or [] if f.name == "ScanMatch.py").locate()
    spec = importlib.util.spec_from_file_location("ScanMatch", str(path))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.10g}")


def score(pairs: Pairs, name: str) -> dict[str, Any]:
    """All values of one group of pairs, and a sum that tells whether they are the same pairs."""
    screen = SCREENS[name]
    return {
        "sum": float(sum(path.xy.sum() + path.duration.sum() for pair in pairs for path in pair)),
        "multimatch": [multimatch(pair, screen, False) for pair in pairs],
        "grouped": [multimatch(pair, screen, True) for pair in pairs],
        "scanmatch": {key: [scanmatch(p, screen, **options) for p in pairs] for key, options in SCANMATCH.items()},
    }


def groups(root: Path) -> Iterator[tuple[str, Pairs, list[list[str]] | None]]:
    """Name and pairs of each group, and what the real ones are called."""
    for kind in KINDS:
        yield kind, random_pairs(kind), None
    for name in REAL:
        named = chosen(root, name)
        yield name, real_pairs(root, name, named), named


def main() -> None:
    """Score all pairs and write the file whole."""
    warnings.simplefilter("ignore")  # of 0 / 0 inside the package
    values = {}
    for name, pairs, named in groups(Path(sys.argv[1])):
        values[name] = {"pairs": named, **score(pairs, name)}
    versions = {name: version(name) for name in ("multimatch-gaze", "GazeParser", "numpy", "scipy")}
    text = json.dumps({"versions": versions, "groups": values}, separators=(",", ":"))
    part = FILE.with_suffix(".part")
    part.write_text(text.replace('"},', '"},\n').replace("]],", "]],\n") + "\n")
    os.replace(part, FILE)


if __name__ == "__main__":
    main()
