"""Which mixer should the models use? Each is trained alike on real gaze, and compared on pictures it has not seen.

    python tests/bench/ablation.py FOLDER [--task saliency|scanpath] [--epochs 10] [--seeds 1] [--mixers NAME ...]

saliency    the recipe `tempsal` with each mixer over space, on FOLDER's train split; CC and NSS of each val picture
scanpath    the recipe `oat` with each mixer in the encoder; bits per next object of each val choice

Both are trained for `--epochs` instead of the recipe's, with weights averaged over the last steps (EMA .98), and are
compared with the default mixer by a paired bootstrap over val pictures (scanpath: val choices), seeds together.
Saliency models are exported (verified to 1e-4) and timed on one thread in turns; the time is a ratio to the default's
in the same run. What is trained already lies in --out and is not trained again. Prints one line of JSON a mixer.
"""

import argparse
import json
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning import Trainer, seed_everything
from pytorch_lightning.callbacks import EMAWeightAveraging
from torch.optim import AdamW

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from attention import MIXERS
from data.errors import ModelError
from export.onnx import (
    export,
    inputs,
)
from export.runtime.session import session
from saliency import losses
from saliency.datamodule import GazeData
from saliency.models.tempsal import TempSAL
from saliency.task import SaliencyTask
from scanpath.datamodule import SceneData
from scanpath.models.oat import OAT
from scanpath.task import ScanpathTask
from tests.contracts import contract
from training.augment import Natural

DEFAULT = "interleaved"
CANVAS = (192, 256)


class _Decayed:
    """The recipes' optimiser."""

    def __call__(self, parameters: Any) -> AdamW:
        return AdamW(parameters, weight_decay=0.05)


def saliency(root: str, mixer: str, seed: int, epochs: int) -> tuple[SaliencyTask, dict[str, list[float]]]:
    """A trained TempSAL, and the scores of each val picture."""
    data = GazeData(root, augment=Natural(), batch_size=16, workers=1, seed=seed)
    data.setup()
    network = TempSAL(data.conditions, data.slices, mixer=mixer)
    task = SaliencyTask(network, _Decayed(), {"kl": 1.0, "cc": 0.5, "nss": 0.1}, peak=0.003, seed=seed)  # type: ignore[arg-type]
    _fit(task, data, epochs, "bf16-mixed")
    found: dict[str, list[float]] = {"cc": [], "nss": []}
    with torch.no_grad():
        for batch in data.val_dataloader():
            arguments = (task(batch)[:, :1].flatten(0, 1), batch["density"][:, 0], batch["counts"][:, 0])
            found["cc"] += (1 - losses.cc(*arguments)).tolist()
            found["nss"] += (-losses.nss(*arguments)).tolist()
    return task, found


def scanpath(root: str, mixer: str, seed: int, epochs: int) -> tuple[ScanpathTask, dict[str, list[float]]]:
    """A trained OAT, and the bits of each choice of val."""
    data = SceneData(root, appearance="saliency", merge=True, flip="x", batch_size=16, seed=seed)
    data.setup()
    reads = (data.fingerprint, data.features, data.crop)
    network = OAT(data.conditions, data.categories, "saliency", *reads, encoder=1, decoder=1, drop=0.1, mixer=mixer)
    task = ScanpathTask(network, _Decayed(), peak=0.0015, seed=seed)  # type: ignore[arg-type]
    _fit(task, data, epochs, "32-true")
    found: list[float] = []
    with torch.no_grad():
        for batch in data.val_dataloader():
            found += task._losses(batch)[0].tolist()
    return task, {"bits": found}


def _fit(task: Any, data: Any, epochs: int, precision: Any) -> None:
    trainer = Trainer(
        accelerator="cpu",
        precision=precision,
        max_epochs=epochs,
        gradient_clip_val=1.0,
        callbacks=[EMAWeightAveraging(decay=0.98)],
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    trainer.fit(task, datamodule=data)
    task.eval()


def run(task: str, root: str, mixer: str, seed: int, epochs: int, out: Path) -> None:
    """Trains one model unless it lies there, and keeps its scores and its file."""
    kept = out / f"{task}-{mixer}-{seed}.json"
    if kept.exists():
        there = json.loads(kept.read_text())
        if (there["epochs"], there["folder"]) != (epochs, root):
            sys.exit(f"{kept} holds another trial ({there['folder']}, {there['epochs']} epochs): take another --out.")
        return
    seed_everything(seed)
    start = time.perf_counter()
    trained, found = (saliency if task == "saliency" else scanpath)(root, mixer, seed, epochs)
    count = sum(p.numel() for p in trained.network.parameters() if p.requires_grad)
    row = {"mixer": mixer, "seed": seed, "epochs": epochs, "folder": root, "parameters": count, "scores": found}
    if isinstance(trained.network, TempSAL):
        file = out / f"{mixer}-{seed}.onnx"
        told = {"name": "ablation", "description": "A trial of the ablation; not for use.", "canvas": CANVAS}
        trial = contract(trained.network, **told, training=(), scores={})
        try:
            row |= {"parity": export(trained.network, file, trial), "bytes": file.stat().st_size}
        except ModelError as error:
            row |= {"refused": str(error)}
    kept.write_text(json.dumps(row))
    print(f"{task} {mixer} seed {seed}: trained in {time.perf_counter() - start:.0f} s", flush=True)


def latency(out: Path, mixers: list[str], seed: int, rounds: int = 15) -> dict[str, float]:
    """Seconds a picture on one thread, all files in turns; medians."""
    rng = np.random.default_rng(0)
    feeds = inputs([rng.integers(0, 256, (*CANVAS, 3), dtype=np.uint8)], CANVAS, 1)
    opened = {mixer: session(out / f"{mixer}-{seed}.onnx", "cpu", 1) for mixer in mixers}
    times: dict[str, list[float]] = {mixer: [] for mixer in mixers}
    for _ in range(rounds + 2):
        for mixer, one in opened.items():
            start = time.perf_counter()
            one.run(None, feeds)
            times[mixer].append(time.perf_counter() - start)
    return {mixer: statistics.median(some[2:]) for mixer, some in times.items()}


def difference(mine: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of the mean difference of two models on the same pictures (rows: seeds)."""
    gain = (mine - other).mean(0)
    index = np.random.default_rng(0).integers(0, len(gain), (2000, len(gain)))
    low, high = np.quantile(gain[index].mean(1), (0.025, 0.975))
    return float(low), float(high)


def table(task: str, out: Path, mixers: list[str], seeds: int) -> None:
    """What came out."""
    kept = {m: [json.loads((out / f"{task}-{m}-{s}.json").read_text()) for s in range(seeds)] for m in mixers}
    times = latency(out, [m for m in mixers if "bytes" in kept[m][0]], 0) if task == "saliency" else {}
    for mixer, rows in kept.items():
        line: dict[str, Any] = {
            "bench": "ablation",
            "task": task,
            "mixer": mixer,
            "epochs": rows[0]["epochs"],
            "seeds": seeds,
        }
        line["parameters"] = rows[0]["parameters"]
        for score in rows[0]["scores"]:
            mine, other = (np.array([r["scores"][score] for r in some]) for some in (rows, kept[DEFAULT]))
            low, high = difference(mine, other)
            line |= {score: round(float(mine.mean()), 4), f"{score}_gain": [round(low, 4), round(high, 4)]}
            line |= {f"{score}_seeds": [round(float(x), 4) for x in mine.mean(1)]}
        line |= {"refused": [row["refused"] for row in rows if "refused" in row]}
        if mixer in times:
            line |= {"time_ratio": round(times[mixer] / times[DEFAULT], 2), "ms": round(1000 * times[mixer], 1)}
            line |= {"mb": round(rows[0]["bytes"] / 1e6, 2), "parity": rows[0]["parity"]}
        print(json.dumps(line))


def main() -> None:
    """Trains what is missing, and prints all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--task", choices=("saliency", "scanpath"), default="saliency")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--mixers", nargs="+", default=list(MIXERS), choices=list(MIXERS))
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "ablation")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")  # Lightning's advice on workers and loggers
    options.out.mkdir(parents=True, exist_ok=True)
    mixers = list(dict.fromkeys([DEFAULT, *options.mixers]))
    for seed in range(options.seeds):
        for mixer in mixers:
            run(options.task, options.folder, mixer, seed, options.epochs, options.out)
    table(options.task, options.out, mixers, options.seeds)


if __name__ == "__main__":
    main()
