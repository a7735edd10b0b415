"""Trains any model of videos: losses frame by frame, and the scores shown while it runs."""

from pathlib import Path

import torch
from jaxtyping import Bool, Float
from pytorch_lightning.cli import OptimizerCallable
from torch import Tensor, nn

from saliency import MODELS, losses
from saliency.task import begin_encoder, chosen_losses, groups
from training import weights
from training.task import Group, Training


class VideoTask(Training):
    """One training run of one network.

    Args:
        network: the model.
        optimizer: makes the optimiser from the parameters.
        losses: weight of each loss of `saliency.LOSSES`.
        peak: learning rate at the top of the one-cycle schedule.
        warmup: share of the steps in which the rate rises.
        stride: canvas pixels per cell of the maps that are compared.
        start: .safetensors to begin from.
        seed: of dropout; the same batch of the same step draws the same numbers in every run, resumed or not.
        still: weights of the still network that the network builds on; it stays as it is.
        pretrained: whether a `lite` backbone begins with ImageNet's weights where there is neither.
        encoder_rate: a backbone's learning rate as a share of `peak`.
    """

    watched = ("cc", "nss", "kl")

    def __init__(  # noqa: PLR0913 - the options of a recipe
        self,
        network: nn.Module,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        losses: dict[str, float] | None = None,
        peak: float = 2e-3,
        warmup: float = 0.1,
        stride: int = 4,
        start: str | None = None,
        seed: int = 0,
        still: str | None = None,
        pretrained: bool = True,
        encoder_rate: float = 0.3,
    ) -> None:
        super().__init__(network, optimizer, peak, warmup, start, seed)
        inner = getattr(network, "still", None)
        if isinstance(inner, nn.Module):
            if still and not start:
                inner.load_state_dict(weights.load(Path(still), MODELS).state_dict())
            inner.requires_grad_(False)
        begin_encoder(network, pretrained and not start, freeze_norms=True)
        self.losses = chosen_losses(losses)
        self.stride, self.encoder_rate = stride, encoder_rate

    def forward(self, batch: dict[str, Tensor]) -> Float[Tensor, "b f g v"]:
        """Log densities per cell of every frame."""
        inputs = (batch["picture"], batch["content"], batch["condition"], batch["step_s"])
        log_p: Tensor = self.network(*inputs, stride=self.stride)[0]
        return log_p

    def train(self, mode: bool = True) -> "VideoTask":
        """Into training, or out of it; a still network predicts as it does."""
        super().train(mode)
        inner = getattr(self.network, "still", None)
        if isinstance(inner, nn.Module):
            inner.eval()
        return self

    def on_train_start(self) -> None:
        """Convolutions are fastest on the channels-last layout, on CPUs as on GPUs."""
        self.train()
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _compared(self, batch: dict[str, Tensor], keep: Bool[Tensor, "b f"]) -> tuple[Tensor, Tensor, Tensor]:
        return self(batch)[keep], batch["density"][keep], batch["counts"][keep]

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """The weighted losses of the frames that anybody looked at."""
        keep = batch["valid"]
        arguments = self._compared(batch, keep)
        total: Tensor = arguments[0].sum() * 0
        if keep.any():
            total = total + torch.stack([w * loss(*arguments).mean() for loss, w in self.losses]).sum()
        return self._whole(total)

    def _evaluate(self, batch: dict[str, Tensor], stage: str) -> None:
        """CC, NSS and KL on the cells of the canvas; `gaze evaluate video` scores at the frames' own size."""
        arguments = self._compared(batch, batch["valid"])
        self._count("cc", 1 - losses.cc(*arguments))
        self._count("nss", -losses.nss(*arguments))
        self._count("kl", losses.kl(*arguments))

    def _groups(self) -> list[Group]:
        """Norms, biases and the finisher are not decayed; a backbone has its own rate."""
        return groups(self.network, self.encoder_rate)
