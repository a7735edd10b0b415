"""Maps of how a head looks at a scene become one map of where its person looks: a few small convolutions.

    three times    twice as large, bilinear; 3x3 convolution, batch norm, ReLU        then 1x1

ViTGaze's decoder (Song et al. 2024, https://arxiv.org/abs/2403.12778), but that it reads logarithms of weights, which
add where weights would be multiplied, and that fine features of the picture may come in at its end.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

FLOOR = 1e-2  # of a weight, relative to that of a place that is like all others


class MapDecoder(nn.Module):
    """The decoder.

    Args:
        maps: of weights that it reads.
        extra: channels of the picture's own features at the size of the answer; 0: none.
        widths: channels after each convolution.
    """

    def __init__(self, maps: int, extra: int = 0, widths: tuple[int, ...] = (16, 16, 16)) -> None:
        super().__init__()
        insides = (maps, *widths[:-2], widths[-2] + extra)
        self.steps = nn.ModuleList(
            nn.Sequential(nn.Conv2d(inside, outside, 3, padding=1, bias=False), nn.BatchNorm2d(outside), nn.ReLU())
            for inside, outside in zip(insides, widths, strict=True)
        )
        self.read = nn.Conv2d(widths[-1], 1, 1)

    def forward(
        self, weights: Float[Tensor, "b m g v"], size: tuple[int, int], extra: Float[Tensor, "_ e y x"] | None = None
    ) -> Float[Tensor, "b 1 y x"]:
        """Logits at `size`, of weights that sum to one over the cells of each map."""
        count = weights.shape[-2] * weights.shape[-1]
        x = torch.log(weights * count + FLOOR)
        grid, last = (weights.shape[-2], weights.shape[-1]), len(self.steps) - 1
        for number, step in enumerate(self.steps):
            share = (number + 1) / len(self.steps)
            goal = size if number == last else _between(grid, size, share)
            x = interpolate(x, goal, mode="bilinear", align_corners=False)
            if number == last and extra is not None:
                x = torch.cat([x, extra.expand(x.shape[0], -1, -1, -1).to(x.dtype)], 1)
            x = step(x)
        logits: Tensor = self.read(x)
        return logits


def _between(low: tuple[int, int], high: tuple[int, int], share: float) -> tuple[int, int]:
    """A size between two, its sides growing by equal factors.

    >>> _between((12, 16), (96, 128), 1 / 3)
    (24, 32)
    """
    return tuple(round(a * (b / a) ** share) for a, b in zip(low, high, strict=True))
