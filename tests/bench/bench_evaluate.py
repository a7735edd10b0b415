"""Every row and score of `gaze evaluate saliency` on 200 pictures, with one process and with one a core.

    python tests/bench/bench_evaluate.py [--data ../shared/data/osie] [--limit 200] [--model tempsal]

The pictures are of the split "all", evenly spread; without --data, they are made by `data.synthetic.scenes`, 800 x 600
pixels with 15 viewers each. The time is that of the whole command, from nothing to the printed JSON; it only counts
when both runs print the same scores. The last line is JSON; the aim is under 180 seconds on two cores.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from export.runtime.session import cores

ROOT = Path(__file__).parents[2]
AIM = 180.0  # seconds


def main() -> None:
    """Run the command twice, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--model", default="tempsal")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = options.data or synthetic(Path(folder) / "synthetic", options.limit)
        every = cores()
        runs = {workers: run(root, options.limit, options.model, workers) for workers in (1, every)}
    records = [json.loads(text) for _, text in runs.values()]
    if any(record["scores"] != records[0]["scores"] for record in records):
        sys.exit("The scores depend on the number of processes: no times of wrong values.")
    facts = records[0]["protocol"]
    seconds = {str(workers): round(taken, 1) for workers, (taken, _) in runs.items()}
    rows = list(records[0]["scores"]["whole"])
    print(f"{facts['pictures']} pictures of {facts['data']}, {facts['fixations']} fixations, {len(rows)} rows")
    print("\n".join(f"{workers:>3} processes {taken:7.1f} s" for workers, taken in seconds.items()))
    result = {"bench": "evaluate", "pictures": facts["pictures"], "rows": len(rows), "seconds": seconds}
    print(json.dumps(result | {"cores": every, "under_aim": runs[every][0] < AIM}))


def synthetic(root: Path, count: int) -> Path:
    """A made-up set of so many pictures."""
    sys.path.insert(0, str(ROOT))
    from data.synthetic import scenes as synthetic_scenes

    synthetic_scenes.write(root, count, 0, (600, 800), 15)
    return root


def run(root: Path, limit: int, model: str, workers: int) -> tuple[float, str]:
    """Seconds and output of the command."""
    command = [sys.executable, "-m", "app.cli.main", "evaluate", "saliency", "--data", str(root), "--model", model]
    command += ["--split", "all", "--limit", str(limit), "--workers", str(workers), "--format", "json"]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return time.perf_counter() - start, done.stdout


if __name__ == "__main__":
    main()
