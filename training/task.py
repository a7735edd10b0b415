"""What every training run shares, whatever it trains: the start, what chance does, the schedule, what is written down.

A task adds its losses (`training_step`), what is shown meanwhile (`_evaluate`) and which parameters are decayed.
"""

from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.cli import OptimizerCallable
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR

from data.errors import GazeError
from training import weights

BALANCE = (
    0.01  # weight of the load balance of `attention.operators.mixture_of_head`, as in the paper (arXiv 2410.11842)
)


class Training(LightningModule):
    """One training run of one network.

    Args:
        network: the model.
        optimizer: makes the optimiser from the parameters.
        peak: learning rate at the top of the one-cycle schedule.
        warmup: share of the steps in which the rate rises.
        start: .safetensors to begin from, to fine-tune what ships on other data.
        seed: of dropout; the same step draws the same numbers in every run, resumed or not.
    """

    def __init__(
        self, network: nn.Module, optimizer: OptimizerCallable, peak: float, warmup: float, start: str | None, seed: int
    ) -> None:
        super().__init__()
        self.network, self.optimizer = network, optimizer
        if start:
            weights.start(network, Path(start))
        self.peak, self.warmup, self.seed = peak, warmup, seed

    def __getstate__(self) -> dict[str, Any]:
        """A copy, as weight averaging makes one, has no optimiser: its factory may hold the whole command line."""
        return {**super().__getstate__(), "optimizer": None}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Writes down how the network is built, so that the file alone gives it back."""
        checkpoint["network"] = weights.describe(self.network)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Fixes what chance does in this step."""
        torch.manual_seed((self.seed * 1_000_003 + self.global_step) * 1009 + self.global_rank)

    def _whole(self, total: Tensor) -> Tensor:
        """The loss and what keeps the heads of its mixers equally busy, or the end of a run that has lost it."""
        for module in self.network.modules():
            if getattr(module, "balance", None) is not None:
                total = total + BALANCE * module.balance  # type: ignore[operator]
                module.balance = None  # type: ignore[assignment]  # else no copy could be made of it
        if not torch.isfinite(total):
            raise GazeError(
                f"The loss became {total.item()} at step {self.global_step}: training stopped; "
                "begin again with a lower model.peak, or with trainer.gradient_clip_val."
            )
        self.log("train/loss", total)
        return total

    def _evaluate(self, batch: dict[str, Tensor], stage: str) -> None:
        raise NotImplementedError

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """What is shown of the val split."""
        self._evaluate(batch, "val")

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """The same on the test split."""
        self._evaluate(batch, "test")

    def _groups(self) -> dict[bool, list[nn.Parameter]]:
        """The parameters that are trained, by whether they are decayed."""
        raise NotImplementedError

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """One cycle over the whole run; what `_groups` spares is not decayed."""
        groups = self._groups()
        decayed = [{"params": groups[True]}] if groups[True] else []
        optimizer = self.optimizer([*decayed, {"params": groups[False], "weight_decay": 0.0}])
        steps = max(2, int(self.trainer.estimated_stepping_batches))
        schedule = OneCycleLR(optimizer, self.peak, total_steps=steps, pct_start=self.warmup, cycle_momentum=False)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
