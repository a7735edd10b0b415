"""Trains a network that follows gaze: where somebody looks, whether that is in the frame, and where the head is."""

import torch
from jaxtyping import Bool, Float
from pytorch_lightning.cli import OptimizerCallable
from torch import Tensor, nn

from following import losses
from saliency.task import begin_encoder, groups
from training.task import Group, Training


class FollowingTask(Training):
    """One training run of one network.

    Args:
        network: the model.
        optimizer: makes the optimiser from the parameters.
        density_weight: of the Kullback-Leibler divergence of the map, for people who look into the frame.
        in_frame_weight: of the cross-entropy of in or out, for people of whom it is known.
        head_weight: of the auxiliary loss, which asks of each patch whether the head is there.
        focus: of a focal loss of in or out; 0: the plain cross-entropy.
        peak: learning rate at the top of the one-cycle schedule.
        warmup: share of the steps in which the rate rises.
        stride: canvas pixels per cell of the maps that are compared.
        start: .safetensors to begin from.
        seed: of dropout; the same batch of the same step draws the same numbers in every run, resumed or not.
        pretrained: whether a `lite` backbone begins with ImageNet's weights where there is no `start`.
        encoder_rate: a backbone's learning rate as a share of `peak`; 0: it stays as it is, and training is quicker.
    """

    watched = ("kl", "distance", "in_frame")

    def __init__(  # noqa: PLR0913 - the options of a recipe
        self,
        network: nn.Module,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        density_weight: float = 1.0,
        in_frame_weight: float = 1.0,
        head_weight: float = 0.3,
        focus: float = 0.0,
        peak: float = 1e-3,
        warmup: float = 0.1,
        stride: int = 4,
        start: str | None = None,
        seed: int = 0,
        pretrained: bool = True,
        encoder_rate: float = 0.3,
    ) -> None:
        super().__init__(network, optimizer, peak, warmup, start, seed)
        begin_encoder(network, pretrained and not start, freeze_norms=True)
        self.weights = (density_weight, in_frame_weight, head_weight)
        self.focus, self.stride, self.encoder_rate = focus, stride, encoder_rate
        if not encoder_rate:
            network.get_submodule("encoder").requires_grad_(False)

    def forward(self, batch: dict[str, Tensor]) -> tuple[Float[Tensor, "b g v"], Float[Tensor, " b"], Tensor]:
        """Log densities per cell, logits of in the frame, and logits of a head on each patch."""
        features = self.network.encode(batch["picture"], batch["content"])  # type: ignore[operator]
        density, inside = self.network.decode(  # type: ignore[operator]
            batch["head"], batch["content"], *features, stride=self.stride
        )
        return density, inside, self.network.head_patches(*features)  # type: ignore[operator]

    def train(self, mode: bool = True) -> "FollowingTask":
        """Into training, or out of it; a backbone that stays as it is predicts as it does."""
        super().train(mode)
        if not self.encoder_rate:
            self.network.get_submodule("encoder").eval()
        return self

    def on_train_start(self) -> None:
        """Convolutions are fastest on the channels-last layout, on CPUs as on GPUs."""
        self.train()
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """The three losses, weighted; each over the people of whom its truth is known."""
        density, inside, patches = self(batch)
        total: Tensor = density.sum() * 0
        valid, known = batch["valid"], batch["in_frame"] >= 0
        parts = {
            "kl": losses.kl(density[valid], batch["density"][valid]),
            "in_frame": losses.in_frame(inside[known], batch["in_frame"][known], self.focus),
            "heads": losses.head_patches(patches, head_mask(batch["head"], batch["picture"], patches)),
        }
        for (name, part), weight in zip(parts.items(), self.weights, strict=True):
            if weight and len(part):
                self.log(f"train/{name}", part.mean(), prog_bar=True)
                total = total + weight * part.mean()
        return self._whole(total)

    def _evaluate(self, batch: dict[str, Tensor], stage: str) -> None:
        """KL and distance on the canvas, and how often in or out is right; `gaze evaluate following` has all scores."""
        density, inside, _ = self(batch)
        valid, known = batch["valid"], batch["in_frame"] >= 0
        self._count("kl", losses.kl(density[valid], batch["density"][valid]))
        self._count("distance", self._distance(density[valid], batch, valid))
        right = (inside[known] > 0) == (batch["in_frame"][known] > 0.5)
        self._count("in_frame", right.float())

    def _distance(
        self, density: Float[Tensor, "n g v"], batch: dict[str, Tensor], valid: Bool[Tensor, " b"]
    ) -> Float[Tensor, " n"]:
        """From the highest cell to the mean of the annotators' points, in shares of the picture."""
        columns = density.shape[2]
        best = density.flatten(1).argmax(1)
        place = (torch.stack([best % columns, best // columns], 1) + 0.5) * self.stride
        content = batch["content"][valid]
        found = (place - content[:, :2]) / (content[:, 2:] - content[:, :2])
        return (found - batch["points"][valid][:, 0]).square().sum(1).sqrt()

    def _groups(self) -> list[Group]:
        """Norms, biases and the finisher are not decayed; a backbone has its own rate."""
        return groups(self.network, self.encoder_rate)


def head_mask(head: Float[Tensor, "b 4"], picture: Tensor, patches: Float[Tensor, "b g v"]) -> Bool[Tensor, "b g v"]:
    """The patches that lie under a head: whose middle is within its box, and the one at its own middle."""
    rows, columns = patches.shape[1:]
    tall, wide = picture.shape[1] / rows, picture.shape[2] / columns
    x = (torch.arange(columns, device=head.device) + 0.5) * wide
    y = (torch.arange(rows, device=head.device) + 0.5) * tall
    middle = (head[:, :2] + head[:, 2:]) / 2
    across = (x >= head[:, :1]) & (x < head[:, 2:3]) | ((x - middle[:, :1]).abs() <= wide / 2)
    down = (y >= head[:, 1:2]) & (y < head[:, 3:]) | ((y - middle[:, 1:]).abs() <= tall / 2)
    return down[:, :, None] & across[:, None, :]
