"""Trains any saliency model: losses, optimiser, schedule and the scores shown while it runs.

The task knows batches (saliency.datamodule) and log densities; it does not know what the network is made of.
"""

import pkgutil
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from pytorch_lightning.cli import OptimizerCallable
from torch import Tensor, nn

from data.errors import GazeError
from saliency import LOSSES, losses
from saliency.layers.efficientnet_lite import EfficientNetLite
from saliency.layers.object_head import Raw, object_loss
from saliency.models.tempsal import TempSAL
from training import weights
from training.task import Group, Training

Loss = Callable[..., Float[Tensor, " n"]]


class SaliencyTask(Training):
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
        seed: of dropout; the same batch of the same step draws the same numbers in every run, resumed or not.
        pretrained: whether a `lite` backbone begins with ImageNet's weights where there is no `start`.
        encoder_rate: the encoder's learning rate as a share of `peak`.
        freeze_norms: whether a `lite` backbone trains with the batch statistics that it came with.
        object_weight: weight of the loss of boxes, where the data has any.
        only: the part of the network that is trained, such as `objects`; all else stays as it is. null: everything.
    """

    watched = ("cc", "nss", "kl")

    def __init__(  # noqa: PLR0913 - the options of a recipe
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
        pretrained: bool = True,
        encoder_rate: float = 1.0,
        freeze_norms: bool = False,
        object_weight: float = 0.3,
        only: str | None = None,
    ) -> None:
        super().__init__(network, optimizer, peak, warmup, start, seed)
        if start and isinstance(network, TempSAL):
            network.set_any_bias(float(weights.read(Path(start))[0].get("arguments", {}).get("any_bias", 1.0)))
        begin_encoder(network, pretrained and not start, freeze_norms)
        self.encoder_rate, self.object_weight, self.only = encoder_rate, object_weight, only
        if only is not None:
            if not isinstance(getattr(network, only, None), nn.Module):
                raise GazeError(f"model.only: the network has no part {only!r} (a tempsal that finds any has objects).")
            network.requires_grad_(False)
            network.get_submodule(only).requires_grad_(True)
        self.losses = chosen_losses(losses)
        self.slice_share, self.stride = slice_share, stride

    def forward(self, batch: dict[str, Tensor]) -> Float[Tensor, "b m g v"]:
        """Log densities per cell, the whole viewing first, then the slices."""
        return self._see(batch)[0]

    def _see(self, batch: dict[str, Tensor]) -> tuple[Float[Tensor, "b m g v"], list[Raw]]:
        """The log densities, and the raw maps of boxes where the network gives any."""
        inputs = (batch["picture"], batch["content"], batch["condition"], self.stride)
        density, slices, *raw = self.network(*inputs)
        return torch.cat([density[:, None], slices], 1), raw

    def train(self, mode: bool = True) -> "SaliencyTask":
        """Into training, or out of it; what is not trained stays as it predicts, the statistics of its norms too."""
        super().train(mode)
        if self.only is not None:
            self.network.eval()
            self.network.get_submodule(self.only).train(mode)
        return self

    def on_train_start(self) -> None:
        """Convolutions are fastest on the channels-last layout, on CPUs as on GPUs."""
        self.train()  # which Lightning leaves to the model: a part that is not trained begins as it predicts
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """The weighted losses of the whole viewing and of the supervised slices."""
        log_p, raw = self._see(batch)
        valid = batch["valid"]
        total: Tensor = log_p.sum() * 0  # a batch that nobody looked at still has a gradient: none
        for name, maps, share in (("whole", slice(0, 1), 1.0), ("slices", slice(1, None), self.slice_share)):
            keep = valid[:, maps]
            if share and keep.any():
                arguments = (log_p[:, maps][keep], batch["density"][:, maps][keep], batch["counts"][:, maps][keep])
                part = torch.stack([w * loss(*arguments).mean() for loss, w in self.losses]).sum()
                self.log(f"train/{name}", part, prog_bar=True)
                total = total + share * part
        if raw and self.object_weight:
            part = object_loss(raw[0], batch["centres"], batch["boxes"], batch["known"])
            self.log("train/objects", part, prog_bar=True)
            total = total + self.object_weight * part
        return self._whole(total)

    def _evaluate(self, batch: dict[str, Tensor], stage: str) -> None:
        """CC, NSS and KL on the cells of the canvas; `gaze evaluate` scores at the pictures' own size."""
        log_p, raw = self._see(batch)
        valid = batch["valid"]
        if raw:
            part = object_loss(raw[0], batch["centres"], batch["boxes"], batch["known"])
            self._count("objects", part[None])
        for name, maps in (("", slice(0, 1)), ("_slices", slice(1, None))):
            keep = valid[:, maps]
            if not keep.any():
                continue
            arguments = (log_p[:, maps][keep], batch["density"][:, maps][keep], batch["counts"][:, maps][keep])
            self._count(f"cc{name}", 1 - losses.cc(*arguments))
            self._count(f"nss{name}", -losses.nss(*arguments))
            self._count(f"kl{name}", losses.kl(*arguments))

    def _groups(self) -> list[Group]:
        """Norms, biases and the finisher are not decayed; the encoder has its own rate."""
        return groups(self.network, self.encoder_rate)


def chosen_losses(weights: Mapping[str, float] | None) -> list[tuple[Loss, float]]:
    """The functions of `saliency.LOSSES` with their weights; None: those of the recipes.

    Raises:
        GazeError: There is no loss of such a name.
    """
    wanted = weights or {"kl": 1.0, "cc": 0.5, "nss": 0.1}
    unknown = sorted(set(wanted) - set(LOSSES))
    if unknown:
        raise GazeError(f"model.losses: there is no loss '{unknown[0]}'; choose among {', '.join(LOSSES)}.")
    return [(pkgutil.resolve_name(LOSSES[name]), weight) for name, weight in wanted.items()]


def begin_encoder(network: nn.Module, pretrained: bool, freeze_norms: bool) -> None:
    """Gives a `lite` encoder ImageNet's weights, where it is to begin with them, and says how its norms are trained.

    Raises:
        ModelError: The weights' package is not installed.
    """
    encoder = getattr(network, "encoder", None)
    if isinstance(encoder, EfficientNetLite):
        if pretrained:
            encoder.load_pretrained()
        encoder.freeze_norms(freeze_norms)


def groups(network: nn.Module, encoder_rate: float) -> list[Group]:
    """What is trained: norms, biases and the finisher are not decayed, the encoder has its own rate."""
    found: dict[tuple[bool, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        decayed = parameter.ndim > 1 and not name.startswith("finish.")
        rate = encoder_rate if name.startswith("encoder.") else 1.0
        found.setdefault((decayed, rate), []).append(parameter)
    return [Group(found[key], *key) for key in sorted(found, reverse=True)]
