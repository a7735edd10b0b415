"""A large data set: how long its table takes to index, how long batches take, and the most memory that either needs.

    python tests/bench/bench_table.py [--data FOLDER] [--pictures 2000] [--epochs 1] [--workers 1] [--memory 600]

Without --data a synthetic set of pictures with 25 viewers of 20 fixations is made: 2,000 pictures have a million
fixations, 20,000 ten. Each part runs in a process of its own: the first index, the second, which finds the cache,
reading every scanpath, validating the table where objects.json has the sizes of the pictures, an epoch of batches, and
one picture's fixations from Parquet and from the mapped file. Memory is the peak resident set, PyTorch and mapped pages
among it; that of validating is also given above what the program has before it begins. Prints a table and one line of
JSON a part.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CANVAS = (64, 64)


def index(root: Path, options: argparse.Namespace) -> dict[str, Any]:
    """What `GazeData.setup` takes, from the start of the program's work to the sets that batches are drawn from."""
    data = _data(root, options)
    return {"pictures": sum(map(len, data.sets.values()))}


def read(root: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Every scanpath, one after the other."""
    from data.table.read import read_table

    paths = fixations = 0
    for _, scanpaths in read_table(root):
        paths += len(scanpaths)
        fixations += sum(map(len, scanpaths))
    return {"scanpaths": paths, "fixations": fixations}


def validate(root: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Every defect of the same table without its pictures."""
    from data.table import objects_json
    from data.table.read import read_table

    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder)
        (bare / "fixations.csv").symlink_to((root / "fixations.csv").resolve())
        pictures = [picture for picture, _ in read_table(root)]
        (bare / "objects.json").write_text(json.dumps(objects_json.to_coco(pictures, {})))
        command = [sys.executable, "-c", VALIDATE, str(bare)]
        line = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seconds, megabytes, defects = json.loads(line)
    return {"validate_s": round(seconds, 2), "validate_mb_above_start": round(megabytes), "defects": defects}


VALIDATE = """
import json, sys, time
from pathlib import Path
from data.table.validate import check_table

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

before, start = peak(), time.perf_counter()
defects = len(check_table(sys.argv[1]))
print(json.dumps([time.perf_counter() - start, peak() - before, defects]))
"""


def batches(root: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Epochs of training batches, in the shuffled order."""
    data = _data(root, options)
    start, number = time.perf_counter(), 0
    loader = data.train_dataloader()
    for epoch in range(options.epochs):
        loader.sampler.set_epoch(epoch)
        number += sum(1 for _ in loader)
    passed = time.perf_counter() - start
    return {"batches": number, "pictures_per_s": round(16 * number / passed)}


def picture(root: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds for the fixations of one of 200 pictures at random, from either form."""
    from pyarrow.parquet import ParquetFile

    from data.table import cache, parquet

    data = _data(root, options)
    gathered = data.sets["train"].sets[0].gathered
    chosen = np.random.default_rng(0).integers(0, len(gathered.pictures), 200)
    file = cache.rows(root / "fixations.csv")
    assert file is not None
    with ParquetFile(file) as opened:

        def group(row: int) -> None:
            opened.read_row_group(int(gathered.bounds[row, 0]) // parquet.GROUP % opened.num_row_groups, ["x", "y"])

        return {"mapped_ms": _each(gathered.__getitem__, chosen), "parquet_ms": _each(group, chosen)}


def _each(work: Callable[[int], Any], rows: np.ndarray) -> float:
    start = time.perf_counter()
    for row in rows:
        work(int(row))
    return round(1000 * (time.perf_counter() - start) / len(rows), 4)


def _data(root: Path, options: argparse.Namespace) -> Any:
    from saliency.datamodule import GazeData

    data = GazeData(str(root), canvas=CANVAS, workers=options.workers, memory=options.memory)
    data.setup()
    return data


PARTS: dict[str, Callable[[Path, argparse.Namespace], dict[str, Any]]] = {
    "first index": index,
    "second index": index,
    "read": read,
    "validate": validate,
    "batches": batches,
    "picture": picture,
}


def main() -> None:
    """Runs the bench."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--memory", type=int, default=600)
    parser.add_argument("--part", choices=PARTS)
    options = parser.parse_args()
    if options.part:
        start = time.perf_counter()
        measured = PARTS[options.part](options.data, options)
        measured |= {"s": round(time.perf_counter() - start, 2)}
        for name, who in (("peak_mb", resource.RUSAGE_SELF), ("worker_peak_mb", resource.RUSAGE_CHILDREN)):
            measured |= {name: round(resource.getrusage(who).ru_maxrss / 1024)}
        print(json.dumps({"bench": "table", "part": options.part, **measured}))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = options.data or Path(folder) / "set"
        if options.data is None:
            from tests.bench import large_table

            large_table.write_large(root, options.pictures)
        given = [f"--{name}={getattr(options, name)}" for name in ("epochs", "workers", "memory")]
        for part in PARTS:
            command = [sys.executable, __file__, "--data", str(root), "--part", part, *given]
            line = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().splitlines()[-1]
            measured = json.loads(line)
            if part == "validate":
                measured |= {"s": measured["validate_s"]}
                print(
                    f"validate: {measured['validate_mb_above_start']} MB above an empty start, "
                    f"{measured['defects']} defects"
                )
            print(
                f"{part}: {measured['s']} s, at most {measured['peak_mb']} MB, workers {measured['worker_peak_mb']} MB"
            )
            print(line)


if __name__ == "__main__":
    main()
