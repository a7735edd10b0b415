"""Trains a scanpath model: the likelihood of people's paths and durations, the optimiser, and what is shown meanwhile.

loss = bits per choice (the next object, or the end) + `duration_weight` x nats per known duration
"""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from pytorch_lightning.cli import OptimizerCallable
from torch import Tensor, nn

from training.task import Group, Training


class ScanpathTask(Training):
    """One training run of one network.

    Args:
        network: the model, built with the conditions and categories of the data.
        optimizer: makes the optimiser from the parameters.
        peak: learning rate at the top of the one-cycle schedule.
        warmup: share of the steps in which the rate rises.
        duration_weight: weight of the durations' loss, where the model predicts them.
        start: .safetensors to begin from, to fine-tune what ships on other data.
        seed: of dropout; the same batch of the same step draws the same numbers in every run.
    """

    watched = ("choice",)

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        peak: float = 1e-3,
        warmup: float = 0.1,
        duration_weight: float = 0.2,
        start: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(network, optimizer, peak, warmup, start, seed)
        self.duration_weight = duration_weight

    def _losses(
        self, batch: Mapping[str, Tensor]
    ) -> tuple[Float[Tensor, " c"], Float[Tensor, " c"], Float[Tensor, " k"]]:
        """Bits of every next object and of every end, and nats of every duration."""
        if not batch["order"].shape[1]:  # nobody looked at any of these scenes
            none = batch["duration"].new_zeros(0)
            return none, none, none
        logits, log_duration = self.network(batch, batch["order"])
        log_p = logits.log_softmax(-1)
        order, count = batch["order"], logits.shape[-1] - 1
        objects = order >= 0
        bits = -log_p[:, :, :-1].gather(-1, order.clamp(min=0)[..., None])[..., 0] / math.log(2)
        length = objects.sum(-1, keepdim=True)
        end = -log_p[..., count].gather(-1, length)[..., 0] / math.log(2)
        timed = objects & torch.isfinite(batch["duration"]) & (batch["duration"] > 0)
        fixated = order.clamp(min=0)[..., None, None].expand(-1, -1, -1, 1, 2)
        mean, deviation = log_duration[:, :, :-1].gather(3, fixated)[:, :, :, 0].unbind(-1)
        log = torch.where(timed, batch["duration"], 1.0).log()
        nats = deviation + ((log - mean) * (-deviation).exp()).square() / 2
        return bits[objects], end[batch["ended"] & (length[..., 0] > 0)], nats[timed]

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Bits per choice and nats per duration; zero for scenes that nobody looked at."""
        bits, end, nats = self._losses(batch)
        total = torch.cat([bits, end]).mean() if len(bits) else bits.sum()
        if self.duration_weight and len(nats) and getattr(self.network, "durations", True):
            total = total + self.duration_weight * nats.mean()
        if len(bits):
            self.log("train/bits", bits.mean(), prog_bar=True)
        return self._whole(total)

    def _evaluate(self, batch: dict[str, Tensor], stage: str) -> None:
        """Counts bits per next object, per end and per choice of either, and nats per duration."""
        bits, end, nats = self._losses(batch)
        shown = {"bits": bits, "end": end, "pace": nats, "choice": torch.cat([bits, end])}
        for name, values in shown.items():
            self._count(name, values)

    def _groups(self) -> list[Group]:
        """Norms, biases and embeddings are not decayed; what is frozen is left out."""
        groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
        for module in self.network.modules():
            for name, parameter in module.named_parameters(recurse=False):
                if parameter.requires_grad:
                    groups[name == "weight" and isinstance(module, nn.Linear | nn.Conv2d)].append(parameter)
        return [Group(parameters, decayed) for decayed, parameters in groups.items() if parameters]
