"""Trains any saliency model: losses, optimiser, schedule and the scores shown while it runs.

The task knows batches (data.module) and log densities; it does not know what the network is made of.
"""

import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from pytorch_lightning import LightningModule
from pytorch_lightning.cli import OptimizerCallable
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR

from data import GazeError
from saliency import LOSSES, losses, weights

Loss = Callable[..., Float[Tensor, " n"]]


class SaliencyTask(LightningModule):
    """One training run of one network.

    Args:
        network: the model, built with the conditions of the data.
        optimizer: makes the optimiser from the parameters.
        losses: weight of each loss of `saliency.LOSSES`.
        slice_share: weight of the mean over slices; the whole viewing has weight one.
        peak: learning rate at the top of the one-cycle schedule.
        warmup: share of the steps in which the rate rises.
        stride: canvas pixels per cell of the maps that are compared.
        start: .safetensors to begin from, to fine-tune what ships on other data.
        seed: of dropout; the same step draws the same numbers in every run, resumed or not.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        losses: dict[str, float] | None = None,
        slice_share: float = 0.5,
        peak: float = 2e-3,
        warmup: float = 0.1,
        stride: int = 4,
        start: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.network, self.optimizer = network, optimizer
        if start:
            weights.start(network, Path(start))
        wanted = losses or {"kl": 1.0, "cc": 0.5, "nss": 0.1}
        unknown = sorted(set(wanted) - set(LOSSES))
        if unknown:
            raise GazeError(f"model.losses: there is no loss '{unknown[0]}'; choose among {', '.join(LOSSES)}.")
        self.losses: list[tuple[Loss, float]] = [(pkgutil.resolve_name(LOSSES[n]), w) for n, w in wanted.items()]
        self.slice_share, self.peak, self.warmup, self.stride, self.seed = slice_share, peak, warmup, stride, seed

    def __getstate__(self) -> dict[str, Any]:
        """A copy, as weight averaging makes one, has no optimiser: its factory may hold the whole command line."""
        return {**super().__getstate__(), "optimizer": None}

    def forward(self, batch: dict[str, Tensor]) -> Float[Tensor, "b m g v"]:
        """Log densities per cell, the whole viewing first, then the slices."""
        density, slices = self.network(batch["picture"], batch["content"], batch["condition"], self.stride)
        return torch.cat([density[:, None], slices], 1)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Writes down how the network is built, so that the file alone gives it back."""
        checkpoint["network"] = weights.describe(self.network)

    def on_train_start(self) -> None:
        """Convolutions are fastest on the channels-last layout, on CPUs as on GPUs."""
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Fixes what chance does in this step."""
        torch.manual_seed((self.seed * 1_000_003 + self.global_step) * 1009 + self.global_rank)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """The weighted losses of the whole viewing and of the supervised slices."""
        log_p, valid = self(batch), batch["valid"]
        total: Tensor = log_p.sum() * 0  # a batch that nobody looked at still has a gradient: none
        for name, maps, share in (("whole", slice(0, 1), 1.0), ("slices", slice(1, None), self.slice_share)):
            keep = valid[:, maps]
            if share and keep.any():
                arguments = (log_p[:, maps][keep], batch["density"][:, maps][keep], batch["counts"][:, maps][keep])
                part = torch.stack([w * loss(*arguments).mean() for loss, w in self.losses]).sum()
                self.log(f"train/{name}", part, prog_bar=True)
                total = total + share * part
        if not torch.isfinite(total):
            raise GazeError(
                f"The loss became {total.item()} at step {self.global_step}: training stopped; "
                "begin again with a lower model.peak, or with trainer.gradient_clip_val."
            )
        self.log("train/loss", total)
        return total

    def _evaluate(self, batch: dict[str, Tensor], stage: str) -> None:
        log_p, valid = self(batch), batch["valid"]
        for name, maps in (("", slice(0, 1)), ("_slices", slice(1, None))):
            keep = valid[:, maps]
            if not keep.any():
                continue
            arguments = (log_p[:, maps][keep], batch["density"][:, maps][keep], batch["counts"][:, maps][keep])
            count = int(keep.sum())
            shown = {
                "cc": 1 - losses.cc(*arguments).mean(),
                "nss": -losses.nss(*arguments).mean(),
                "kl": losses.kl(*arguments).mean(),
            }
            scores = {f"{stage}/{key}{name}": value for key, value in shown.items()}
            self.log_dict(scores, prog_bar=name == "", batch_size=count, sync_dist=True, on_epoch=True)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """CC, NSS and KL on the cells of the canvas; `gaze evaluate` scores at the pictures' own size."""
        self._evaluate(batch, "val")

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """The same on the test split."""
        self._evaluate(batch, "test")

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """One cycle over the whole run; norms, biases and the finisher are not decayed."""
        groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
        for name, parameter in self.network.named_parameters():
            groups[parameter.ndim > 1 and not name.startswith("finish.")].append(parameter)
        decayed = [{"params": groups[True]}] if groups[True] else []
        optimizer = self.optimizer([*decayed, {"params": groups[False], "weight_decay": 0.0}])
        steps = max(2, int(self.trainer.estimated_stepping_batches))
        schedule = OneCycleLR(optimizer, self.peak, total_steps=steps, pct_start=self.warmup, cycle_momentum=False)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
