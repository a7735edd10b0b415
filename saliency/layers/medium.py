"""What a picture is like: a photograph, a screen or graphic, or a page of text; from statistics of the encoder.

    p = softmax( W z + b ),   z: mean and standard deviation over the picture of each feature at 1/32, standardised

A network that was trained on photographs predicts for everything; this says when something else lies before it.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

MEDIA = ("photograph", "screen or graphic", "text page")
STRIDE = 32  # canvas pixels a cell
DECAY = 3e-3  # of the weights, when they are fitted
SOFT = 1e-3  # of the variance, below which a statistic is constant


def statistics(features: Float[Tensor, "b c g v"], content: Float[Tensor, "b 4"]) -> Float[Tensor, "b c2"]:
    """Mean and standard deviation of each feature over the picture's cells, or all where it has no cell's middle."""
    x0, y0, x1, y1 = (side[:, None] for side in content.unbind(1))
    x = (torch.arange(features.shape[3], device=features.device) + 0.5) * STRIDE
    y = (torch.arange(features.shape[2], device=features.device) + 0.5) * STRIDE
    inside = ((x >= x0) & (x < x1))[:, None, :] & ((y >= y0) & (y < y1))[:, :, None]
    inside = inside | ~inside.any(2, keepdim=True).any(1, keepdim=True)
    weight = (inside.float() / inside.float().sum((1, 2), keepdim=True))[:, None]
    mean = (features * weight).sum((2, 3))
    spread = ((features - mean[..., None, None]) ** 2 * weight).sum((2, 3))
    return torch.cat([mean, (spread + SOFT).sqrt()], 1)


class Medium(nn.Module):
    """Probabilities of each of several media; without `fit` they are equal."""

    mean: Tensor
    scale: Tensor

    def __init__(self, channels: int, media: Sequence[str] = MEDIA) -> None:
        super().__init__()
        self.read = nn.Linear(2 * channels, len(media))
        nn.init.zeros_(self.read.weight)
        nn.init.zeros_(self.read.bias)
        self.register_buffer("mean", torch.zeros(2 * channels))
        self.register_buffer("scale", torch.ones(2 * channels))

    def logits(self, statistics: Float[Tensor, "b c2"]) -> Float[Tensor, "b n"]:
        """Before the softmax."""
        y: Tensor = self.read((statistics - self.mean) * self.scale)
        return y

    def forward(self, features: Float[Tensor, "b c g v"], content: Float[Tensor, "b 4"]) -> Float[Tensor, "b n"]:
        """From the encoder's features at 1/32, and where the picture lies on its canvas."""
        return self.logits(statistics(features.float(), content.float())).softmax(1)

    def fit(self, found: Float[Tensor, "b c2"], medium: Int[Tensor, " b"]) -> float:
        """Learns from pictures whose medium is known, each medium counting alike; the share that it then gets."""
        self.mean.copy_(found.mean(0))
        self.scale.copy_(1 / (found.std(0) + SOFT**0.5))
        each = torch.bincount(medium, minlength=self.read.out_features).clamp_min(1)
        weight = len(medium) / (len(each) * each.float())
        optimiser = torch.optim.LBFGS(self.read.parameters(), max_iter=300, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            optimiser.zero_grad()
            total = cross_entropy(self.logits(found), medium, weight) + DECAY * self.read.weight.square().sum()
            total.backward()  # type: ignore[no-untyped-call]
            return total

        with torch.enable_grad():
            optimiser.step(loss)  # type: ignore[no-untyped-call]
        return float((self.logits(found).argmax(1) == medium).float().mean())
