"""100 observers, up to 20 fixations, a layout of 85 objects: the exported model in one batch against one by one.

    python tests/bench/bench_paths.py [--observers 100] [--limit 20] [--objects 85] [--naive 3] [--rounds 5]

Ours is ONNX Runtime with the scene encoded once and all observers in each step; its time is counted after the encoder.
The naive side, in the same run, is what the model would be without both: observer after observer, and for each fixation
PyTorch encodes the scene and reads the whole path again. It walks the paths that ours gave, of `--naive` observers, and
is scaled to all by the number of fixations. Each side runs on one thread and on two, and the faster counts: on a busy
machine PyTorch's two threads wait for each other. The network is the default one with random weights; no path ends
before it has all of its fixations. A ratio is only printed when the probabilities of the naive side's choices agree
with ours. The last line is JSON.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from data.gaze import (
    Objects,
    Picture,
    Scene,
)
from data.objects import grid
from export.runtime.contract import Contract
from export.runtime.scanpath import ScanpathPredictor
from export.scanpath_onnx import export
from scanpath import decode
from scanpath.datamodule import collate
from scanpath.inputs import InputSpec
from scanpath.models.oat import OAT
from tests.contracts import scanpath

CATEGORIES = ("cup", "book", "lamp")
THREADS = (1, 2)


def shelf(objects: int) -> Scene:
    """A grid of about 6 x 14 cells, of which the first so many are objects."""
    columns = max(1, round((objects * 14 / 6) ** 0.5))
    cells = grid(1400, 900, -(-objects // columns), columns).boxes[:objects]
    chance = np.random.default_rng(0)
    names = tuple(str(name) for name in chance.choice(CATEGORIES, objects))
    return Scene(
        Picture("shelf.png", 1400, 900), Objects(cells, names), (objects // 2,), (names[objects // 2],), "search"
    )


def build() -> OAT:
    """The default network; only its last layer is set, against the end."""
    torch.manual_seed(0)
    network = OAT(("shelf",), CATEGORIES).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    return network


class Endless:
    """A walker whose paths do not end by themselves."""

    def __init__(self, walker: decode.StepModel) -> None:
        self.walker, self.count = walker, walker.count

    def start(self, observers: int) -> decode.State:
        return self.walker.start(observers)

    def step(self, last: np.ndarray, state: decode.State) -> decode.Step:
        logits, pace, state = self.walker.step(last, state)
        logits[:, -1] = -1e9
        return logits, pace, state


def contract(network: OAT) -> Contract:
    return scanpath(network, name="bench", canvas=(192, 256), categories=CATEGORIES, appearance="none", scores={})


@torch.no_grad()
def naive(network: OAT, batch: dict[str, torch.Tensor], path: np.ndarray) -> tuple[float, float]:
    """Seconds for one observer without memory, and the log probability of the path's choices (the end left out)."""
    start, total = time.perf_counter(), 0.0
    for place in range(len(path)):
        logits, _ = network(batch, torch.from_numpy(path[None, None, : max(1, place)]))
        total += logits[0, 0, place, :-1].log_softmax(-1)[path[place]].item()
    return time.perf_counter() - start, total


def fast(
    finders: list[ScanpathPredictor], scene: Scene, options: argparse.Namespace
) -> tuple[decode.Rollouts, list[float], list[float]]:
    """The paths; for each number of threads the best time of the encoder and the median of all steps, seconds."""
    looks, walks = [], []
    for finder in finders:
        look, walk = [], []
        for _ in range(options.rounds + 1):
            start = time.perf_counter()
            walker = Endless(finder.encode(scene))
            looked = time.perf_counter()
            found = decode.sample(walker, options.observers, limit=options.limit)
            look.append(looked - start)
            walk.append(time.perf_counter() - looked)
        looks.append(min(look[1:]))  # the first one is for warming up
        walks.append(float(np.median(walk[1:])))
    return found, looks, walks


def main() -> None:
    """Export, walk both ways, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("observers", 100), ("limit", 20), ("objects", 85), ("naive", 3), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    network, scene = build(), shelf(options.objects)
    fed = InputSpec(CATEGORIES).inputs(scene)
    two = {**fed, "sought": np.zeros(2, np.int64), "sought_present": np.ones(2, bool)}
    with tempfile.TemporaryDirectory() as folder:
        export(network, Path(folder) / "bench.onnx", contract(network), [two, fed])
        finders = [ScanpathPredictor(Path(folder) / "bench.onnx", provider="cpu", threads=count) for count in THREADS]
        found, looks, walks = fast(finders, scene, options)
    batch = collate([fed])
    runs = []
    for count in THREADS:
        torch.set_num_threads(count)
        naive(network, batch, found.order[0, :2])
        runs.append([naive(network, batch, found.order[i]) for i in range(options.naive)])
    slow = min(runs, key=lambda run: sum(seconds for seconds, _ in run))
    look, ours = min(looks), min(walks)
    worst = max(abs(total - found.log_p[i]) for i, (_, total) in enumerate(slow))
    if not worst < 1e-2:
        sys.exit(f"The probabilities of the same paths differ by {worst:.1e} nats: no ratio of different things.")
    steps = int((found.order >= 0).sum())
    theirs = sum(seconds for seconds, _ in slow) * steps / int((found.order[: options.naive] >= 0).sum())
    print(f"{options.observers} observers x {options.limit} fixations over {options.objects} objects\n")
    print(f"{'encoder, once':42}{look:10.3f} s   best of {options.rounds}")
    print(f"{'all steps after it, ONNX Runtime':42}{ours:10.3f} s   median of {options.rounds}")
    print(f"{'one by one without memory, torch':42}{theirs:10.1f} s   scaled from {options.naive} observers")
    print(f"{'ratio':42}{theirs / ours:10.0f}     probabilities agree to {worst:.0e} nats\n")
    result = {"seconds": round(ours, 4), "encoder": round(look, 4), "naive": round(theirs, 2)}
    given = {"observers": options.observers, "limit": options.limit, "objects": options.objects}
    print(json.dumps({"bench": "paths", **given, "ratio": round(theirs / ours, 1), **result}))


if __name__ == "__main__":
    main()
