"""What every training run shares, whatever it trains: the start, what chance does, the schedule, what is written down.

A task adds its losses (`training_step`), what is shown meanwhile (`_evaluate`) and which parameters are decayed.
"""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
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


class Group(NamedTuple):
    """Parameters that are trained alike."""

    parameters: list[nn.Parameter]
    decayed: bool
    rate: float = 1.0  # of the learning rate


class Training(LightningModule):
    """One training run of one network.

    Args:
        network: the model.
        optimizer: makes the optimiser from the parameters.
        peak: learning rate at the top of the one-cycle schedule.
        warmup: share of the steps in which the rate rises.
        start: .safetensors to begin from, to fine-tune what ships on other data.
        seed: of dropout; the same batch of the same step draws the same numbers in every run, resumed or not.
    """

    watched: tuple[str, ...] = ()  # scores beside the progress bar

    def __init__(
        self, network: nn.Module, optimizer: OptimizerCallable, peak: float, warmup: float, start: str | None, seed: int
    ) -> None:
        super().__init__()
        self.network, self.optimizer = network, optimizer
        if start:
            weights.start(network, Path(start))
        self.peak, self.warmup, self.seed = peak, warmup, seed
        self.resumed: dict[str, Any] | None = None  # the checkpoint, while the run is put back
        self.totals: dict[str, tuple[float, int]] = {}  # of each score of the evaluation in hand: sum and count

    def __getstate__(self) -> dict[str, Any]:
        """A copy, as weight averaging makes one, has no optimiser: its factory may hold the whole command line."""
        return {**super().__getstate__(), "optimizer": None}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Remembers where the run was, and how long it was to be, until the schedule is made."""
        self.resumed = checkpoint

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Writes down how the network is built, so that the file alone gives it back."""
        checkpoint["network"] = weights.describe(self.network)

    def setup(self, stage: str) -> None:
        """Refuses what no network here computes in.

        Raises:
            GazeError: for a precision in which the weights are not float32.
        """
        precision = str(self.trainer.precision)
        if precision.endswith("-true") and precision != "32-true":
            raise GazeError(
                f"trainer.precision is {precision}; weights and densities need float32: use 32-true, bf16-mixed or "
                "16-mixed."
            )

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Fixes what chance does with this batch: several may share a step, where gradients are accumulated."""
        entropy = (self.seed % 2**64, self.global_step, batch_idx, self.global_rank)
        torch.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]))

    def _whole(self, total: Tensor) -> Tensor:
        """The loss and what keeps the heads of its mixers equally busy, or the end of a run that has lost it.

        It depends on every parameter that is trained, if only with a gradient of zero: a process whose batch says
        nothing about some of them would keep the others waiting for theirs.

        Raises:
            GazeError: in every process, where the loss of any is not finite.
        """
        total = total + sum(p.sum() * 0 for p in self.network.parameters() if p.requires_grad)
        for module in self.network.modules():
            if getattr(module, "balance", None) is not None:
                total = total + BALANCE * module.balance  # type: ignore[operator]
                module.balance = None  # type: ignore[assignment]  # else no copy could be made of it
        loss = _summed(total.detach())
        if not torch.isfinite(loss):
            raise GazeError(
                f"The loss became {loss.item()} at step {self.global_step}: training stopped; "
                "begin again with a lower model.peak, or with trainer.gradient_clip_val."
            )
        self.log("train/loss", total)
        return total

    def _evaluate(self, batch: dict[str, Tensor], stage: str) -> None:
        """Gives each score of the batch to `_count`."""
        raise NotImplementedError

    def _count(self, name: str, values: Float[Tensor, " n"]) -> None:
        """Adds the values of a score to those of the evaluation; there may be none."""
        total, count = self.totals.get(name, (0.0, 0))
        self.totals[name] = total + float(values.sum()), count + len(values)

    def _tell(self, stage: str) -> None:
        """Logs the mean of each score over all processes, in all of them; a score that none has is left out."""
        parts = [self.totals]
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            parts = [{} for _ in range(torch.distributed.get_world_size())]
            torch.distributed.all_gather_object(parts, self.totals)
        self.totals = {}
        for name in dict.fromkeys(name for part in parts for name in part):
            pairs = [part[name] for part in parts if name in part]
            count = sum(number for _, number in pairs)
            if count:
                mean = sum(total for total, _ in pairs) / count
                self.log(f"{stage}/{name}", mean, prog_bar=name in self.watched)

    def on_validation_epoch_start(self) -> None:
        """Forgets an evaluation that was broken off."""
        self.totals = {}

    def on_test_epoch_start(self) -> None:
        """The same before the test split."""
        self.totals = {}

    def on_validation_epoch_end(self) -> None:
        """Writes down the scores of the val split."""
        self._tell("val")

    def on_test_epoch_end(self) -> None:
        """Writes down the scores of the test split."""
        self._tell("test")

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """What is shown of the val split."""
        self._evaluate(batch, "val")

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """The same on the test split."""
        self._evaluate(batch, "test")

    def _groups(self) -> list[Group]:
        """The parameters that are trained, by how."""
        raise NotImplementedError

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """One cycle over the whole run; what `_groups` spares is not decayed."""
        groups = self._groups()
        parts = [{"params": group.parameters, **({} if group.decayed else {"weight_decay": 0.0})} for group in groups]
        optimizer = self.optimizer(parts)
        steps = self._planned(max(2, int(self.trainer.estimated_stepping_batches)))
        peaks = [self.peak * group.rate for group in groups]
        schedule = OneCycleLR(optimizer, peaks, total_steps=steps, pct_start=self.warmup, cycle_momentum=False)
        if self.resumed:
            told = {"total_steps": schedule.total_steps, "_schedule_phases": schedule._schedule_phases}
            self.resumed["lr_schedulers"][0].update(told)
            self.resumed = None
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _planned(self, steps: int) -> int:
        """Over how many steps the schedule runs; a resumed run must be as long as it was to be.

        On data that was allowed to change, what is left is as many steps as that data gives.

        Raises:
            GazeError: The checkpoint's run is finished, or was to be of another length.
        """
        if not self.resumed:
            return steps
        done, epoch = int(self.resumed["global_step"]), int(self.resumed["epoch"])
        planned = int(self.resumed["lr_schedulers"][0]["total_steps"])
        begin = "begin anew, or from its weights with --model.start"
        if done >= planned:
            raise GazeError(
                f"The run of this checkpoint is finished: its {planned} steps are done, and its learning rate is back "
                f"at zero; to train longer {begin}."
            )
        if getattr(self.trainer.datamodule, "has_changed", False):  # type: ignore[attr-defined]
            epochs = self.trainer.max_epochs or 0
            left = 1 - epoch / epochs if epochs > epoch else 1
            return max(steps, done + math.ceil(steps * left))
        if planned != steps:
            raise GazeError(
                f"The run of this checkpoint was to take {planned} steps, but with these options it takes {steps}; "
                f"give the trainer.max_epochs, batch size and devices that it began with, or {begin}."
            )
        return steps


def _summed(value: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """The sum over the processes of a run: not finite where that of any is not."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        value = value.clone()
        torch.distributed.all_reduce(value)
    return value
