"""What Ray costs: a folder of 1-megapixel JPEGs by `gaze predict`, with `--engine ray` and without, in turns.

    python tests/bench/bench_ray.py [--pictures 2000] [--rounds 1] [--model tempsal-fast] [--format png,json]

A tenth of the pictures differ, the others are links to these. Each run is a fresh process on this computer, with all of
its cores. A run of a picture for each core tells how long each takes to start; pictures a second are those of the rest.
Both must give the same numbers, else nothing is compared. The last line is JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from export.runtime.session import cores
from tests.bench.bench_predict import make

ENGINES = ("local", "ray")


def pictures(folder: Path, count: int) -> list[Path]:
    """Write so many pictures; to make them all would take longer than to predict them."""
    make(folder, distinct := max(1, count // 10))
    made = sorted(folder.iterdir())
    for number in range(distinct, count):
        os.link(made[number % distinct], folder / f"{number:05}.jpg")
    return sorted(folder.iterdir())


def seconds(engine: str, sources: list[Path], out: Path, options: argparse.Namespace) -> float:
    """One run of `gaze predict`."""
    command = [sys.executable, "-m", "app.cli.main", "predict", *map(str, sources), "-o", str(out)]
    command += ["--engine", engine, "--model", options.model, "--format", options.format, "--provider", "cpu"]
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - start


def different(first: Path, second: Path) -> list[str]:
    """The names of the JSON files of two runs that say something else."""

    def told(file: Path) -> dict[str, object]:
        return {key: value for key, value in json.loads(file.read_text()).items() if key != "picture"}

    return [file.name for file in first.glob("*.json") if told(file) != told(second / file.name)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--model", default="tempsal-fast")
    parser.add_argument("--format", default="png,json")
    options = parser.parse_args()
    times: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    starts: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "in")
        folder.mkdir()
        paths = pictures(folder, options.pictures)
        for turn in range(options.rounds):
            for engine in ENGINES:
                starts[engine].append(seconds(engine, paths[: cores()], Path(place, f"few-{engine}-{turn}"), options))
                times[engine].append(seconds(engine, [folder], Path(place, f"{engine}-{turn}"), options))
        if names := different(Path(place, "local-0"), Path(place, "ray-0")):
            raise SystemExit(f"{len(names)} pictures have other numbers with Ray, the first is {names[0]}.")
    whole, start = ({engine: min(values) for engine, values in kind.items()} for kind in (times, starts))
    rates = {engine: (options.pictures - cores()) / max(1e-9, whole[engine] - start[engine]) for engine in ENGINES}
    for engine in ENGINES:
        print(
            f"{engine:6} {whole[engine]:8.1f} s, {start[engine]:6.1f} s of it to start, {rates[engine]:6.2f} pictures/s"
        )
    print(
        f"Ray takes {whole['ray'] / whole['local']:.3f} times as long; without the start of both "
        f"{rates['local'] / rates['ray']:.3f} times"
    )
    result = {"cores": cores(), "pictures": options.pictures, "seconds": whole, "start": start, "per_second": rates}
    print(json.dumps(result | {"ratio": whole["ray"] / whole["local"], "started": rates["local"] / rates["ray"]}))


if __name__ == "__main__":
    main()
