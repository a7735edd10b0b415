"""What an object looks like, as numbers, from a crop of the picture.

Shapes: `b` scenes, `n` objects, `k` the side of a crop in pixels.
"""

from jaxtyping import Float, UInt8
from torch import Tensor, nn


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
