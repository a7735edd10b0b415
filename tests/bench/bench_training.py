"""How long training waits for its data: the share of a step spent in the loader, and what the loader costs by itself.

    python tests/bench/bench_training.py [--data FOLDER] [--steps 20] [--threads 2]

Without --data a synthetic set of 512 x 384 pictures with 15 viewers is made. Prints a table and one line of JSON.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from data.synthetic import scenes as synthetic_scenes
from saliency.datamodule import GazeData
from saliency.models.tempsal import TempSAL
from saliency.task import SaliencyTask
from training.augment import Natural


def measure(root: Path, steps: int, warm: int = 3) -> dict[str, Any]:
    """Seconds spent waiting for batches and seconds in all, over `steps` steps after the warm-up."""
    data = GazeData(str(root), augment=Natural(), batch_size=16, workers=1)
    data.setup()
    task = SaliencyTask(TempSAL(data.conditions))
    task.log = lambda *_, **__: None  # type: ignore[method-assign,assignment]
    task.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(task.network.parameters(), 1e-3)
    loader = data.train_dataloader()
    waited = total = 0.0
    done = epoch = 0
    while done < steps + warm:
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        epoch, batches = epoch + 1, iter(loader)
        for _ in range(len(loader)):
            start = time.perf_counter()
            batch = next(batches)
            middle = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16):
                loss = task.training_step(batch, done)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if done >= warm:
                waited, total = waited + middle - start, total + time.perf_counter() - start
            done += 1
            if done >= steps + warm:
                break
    return {"steps": steps, "step_s": round(total / steps, 3), "waiting_share": round(waited / total, 4)}


def main() -> None:
    """Runs the bench."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        root = options.data or Path(folder) / "set"
        if options.data is None:
            synthetic_scenes.write(root, 100, 0, size=(384, 512), viewers=15)
        result = measure(root, options.steps)
    print(f"a step takes {result['step_s']} s; {result['waiting_share']:.1%} of it is waiting for data")
    print(json.dumps({"bench": "training", **result}))


if __name__ == "__main__":
    main()
