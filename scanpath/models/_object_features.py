"""What an object looks like, as numbers: from a crop of the picture, or from what a saliency network sees there.

Shapes: `b` scenes, `n` objects, `k` the side of a crop in pixels, `g v` the cells of a map.
"""

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from attention.operators.dense import exact
from saliency.models.tempsal import TempSAL

FLOOR = 1e-8  # of a probability, before its logarithm


class Crops(nn.Module):
    """Two convolutions and a projection, as in OAT; a crop without any light is no crop and gives zeros.

    Fang et al. 2024, https://arxiv.org/abs/2407.13335, whose crops have 93 x 150 pixels; these are square.
    """

    def __init__(self, side: int, width: int) -> None:
        super().__init__()
        pools = (5, 3) if side >= 64 else (2, 2)
        last = ((side - 4) // pools[0] - 2) // pools[1]
        self.side = side
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 5), nn.ReLU(), nn.MaxPool2d(pools[0]), nn.Conv2d(16, 32, 3), nn.ReLU()
        )
        self.pool, self.out = nn.MaxPool2d(pools[1]), nn.Linear(32 * last * last, width)

    def forward(self, crops: UInt8[Tensor, "b n k k 3"]) -> Float[Tensor, "b n d"]:
        """One vector a crop."""
        flat = crops.flatten(0, 1)
        x = flat.permute(0, 3, 1, 2).float() / 255
        light = x.amax((1, 2, 3))[:, None] > 0
        x = x - x.mean((2, 3), keepdim=True)
        y: Tensor = self.out(self.pool(self.layers(x)).flatten(1)) * light
        return y.unflatten(0, crops.shape[:2])  # type: ignore[no-untyped-call, no-any-return]


class Salient(nn.Module):
    """What a trained TempSAL sees in each box: features, and how much of the looks of each second fall there.

    The network is frozen. Its features do not change while OAT is trained, so that they can be computed once; they are
    float32 under every precision, whether they are computed before the training or in a step.
    """

    def __init__(self, network: TempSAL) -> None:
        super().__init__()
        self.network = network
        self.network.requires_grad_(False).eval()
        fine, width, maps = self.network.fine, self.network.width, 1 + self.network.slices
        self.size = fine + width + 2 * maps
        self.multiple = self.network.multiple

    def train(self, mode: bool = True) -> "Salient":
        """Stays as it predicts."""
        return super().train(False)

    def forward(
        self,
        picture: UInt8[Tensor, "b h w 3"],
        content: Float[Tensor, "b 4"],
        boxes: Float[Tensor, "b n 4"],
        condition: Int[Tensor, " b"],
    ) -> Float[Tensor, "b n f"]:
        """Mean features, log share of the looks, and log density relative to a uniform one; boxes on the canvas."""
        return exact(self._inside)(picture, content, boxes, condition)

    def _inside(self, picture: Tensor, content: Tensor, boxes: Tensor, condition: Tensor) -> Tensor:
        fine, tokens, log_p = self.network.look(picture, content, condition)
        inside = (content[:, 2] - content[:, 0]) * (content[:, 3] - content[:, 1])
        area = (boxes[..., 2] * boxes[..., 3]) / inside[:, None]
        mass = pool(log_p.exp(), boxes / 4) + FLOOR
        level = mass / (area[..., None] + FLOOR)
        parts = [_mean(fine, boxes / 4), _mean(tokens, boxes / 16), mass.log(), level.log()]
        return torch.cat(parts, -1)


def pool(maps: Float[Tensor, "b c g v"], boxes: Float[Tensor, "b n 4"]) -> Float[Tensor, "b n c"]:
    """The sum of each map over each box (x, y, width, height in cells), cells counting by their covered share."""
    x0, y0, width, height = boxes[..., None].unbind(2)
    column = torch.arange(maps.shape[3], device=maps.device)
    row = torch.arange(maps.shape[2], device=maps.device)
    across = (torch.minimum(x0 + width, column + 1.0) - torch.maximum(x0, column + 0.0)).clamp(min=0)
    down = (torch.minimum(y0 + height, row + 1.0) - torch.maximum(y0, row + 0.0)).clamp(min=0)
    columns = maps.flatten(1, 2) @ across.transpose(1, 2)  # (b, c * g, n)
    columns = columns.unflatten(1, maps.shape[1:3])  # type: ignore[no-untyped-call]
    total: Tensor = (columns * down.transpose(1, 2)[:, None]).sum(2).transpose(1, 2)
    return total


def _mean(maps: Float[Tensor, "b c g v"], boxes: Float[Tensor, "b n 4"]) -> Float[Tensor, "b n c"]:
    covered = pool(torch.ones_like(maps[:, :1]), boxes)
    return pool(maps, boxes) / covered.clamp(min=1e-6)
