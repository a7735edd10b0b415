"""A training on two processes, all that people did in the samples of process 0: `python two_processes.py KIND FOLDER`.

KIND is "scanpath", "saliency", or "broken": a loss that is no number in process 0 alone. Each process writes what it
knows at the end to `FOLDER/<its number>.json`.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning import Trainer
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from data.errors import GazeError
from data.gaze import ObjectPath
from saliency.models.tempsal import TempSAL
from saliency.task import SaliencyTask
from scanpath.datamodule import Scenes, collate
from scanpath.task import ScanpathTask
from tests import scanpath_toy as toy
from training.datamodule import Order
from training.task import Training

COUNT, STEPS = 8, 4
CANVAS, CELLS = (32, 64), (8, 16)


class Pictures(Dataset[dict[str, Tensor]]):
    """Noise; nobody looked at every other picture."""

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, at: tuple[int, int]) -> dict[str, Tensor]:
        index = at[1]
        generator = torch.Generator().manual_seed(index)
        counts = torch.randint(0, 2, (3, *CELLS), generator=generator).float() * (index % 2 == 0)
        return {
            "picture": torch.randint(0, 256, (*CANVAS, 3), generator=generator, dtype=torch.uint8),
            "content": torch.tensor([0.0, 0.0, CANVAS[1], CANVAS[0]]),
            "condition": torch.tensor(0),
            "counts": counts,
            "density": counts / counts.sum((1, 2), keepdim=True).clamp(min=1),
            "valid": counts.sum((1, 2)) > 0,
        }


def scenes() -> Scenes:
    """Paths over every other scene."""
    path = ObjectPath("s", np.array([1, 2, 0]), np.array([200.0, 150.0, 300.0]), np.zeros((3, 2)))
    return Scenes(
        [(toy.scene(4, i), (path,) if i % 2 == 0 else ()) for i in range(COUNT)], [1] * COUNT, toy.input_spec()
    )


def loader(kind: str) -> DataLoader[Any]:
    """In order, so that process k has the samples k, k + 2, ..."""
    if kind == "saliency":
        return DataLoader(Pictures(), 2, sampler=Order(COUNT, None))
    return DataLoader(scenes(), 2, sampler=Order(COUNT, None), collate_fn=collate)


def task(kind: str) -> Training:
    """A tiny network in training."""
    torch.manual_seed(0)
    if kind == "saliency":
        return SaliencyTask(TempSAL(["a"], slices=2, width=8, fine=4, blocks=1, heads=2))
    return ScanpathTask(toy.network(durations=False))


def trainer(**options: Any) -> Trainer:
    """Quiet, on CPUs."""
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    return Trainer(accelerator="cpu", num_sanity_val_steps=0, use_distributed_sampler=False, **quiet, **options)


def scores(kind: str, **options: Any) -> dict[str, float]:
    """What validation says of the network as it starts."""
    run = trainer(**options)
    run.validate(task(kind), loader(kind), verbose=False)
    return {name: float(value) for name, value in run.callback_metrics.items()}


def main(kind: str, folder: Path) -> None:
    """One of the two processes."""
    options: dict[str, Any] = {"strategy": "ddp", "devices": 2}
    first = {} if kind == "broken" else scores(kind, **options)
    made, run = task(kind), trainer(max_steps=STEPS, **options)
    result: dict[str, Any] = {"first": first}
    if kind == "broken":
        made.on_train_batch_start = lambda batch, _: spoil(made)  # type: ignore[method-assign]
    try:
        run.fit(made, loader(kind), loader(kind))
        result["steps"], result["metrics"] = run.global_step, sorted(n for n in run.callback_metrics if "val" in n)
        result["weights"] = [float(value.double().sum()) for value in made.state_dict().values()]
    except GazeError as error:
        result["error"] = str(error)
    (folder / f"{made.global_rank}.json").write_text(json.dumps(result))


def spoil(made: Training) -> None:
    """Makes process 0 alone lose its loss."""
    if made.global_rank == 0:
        with torch.no_grad():
            next(iter(made.network.parameters())).fill_(math.nan)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
