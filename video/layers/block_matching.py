"""How each place of a frame moved since the frame before, by block matching that an exported graph can hold.

    cost(d)  = the mean squared difference of the neighbourhoods of a place and of the place d away in the frame before
    p(d)     = softmax(-sharpness * cost(d))      over all displacements d of at most REACH cells
    flow     = sum p(d) d                         from each place back to where it was

Frames are grey, relative to their surroundings (so that light does not matter), at a quarter of the canvas. Where the
flow is known, what is remembered is carried along (`carried`), and what a frame shows that the flow does not explain is
what moves by itself.

Exhaustive block matching is the textbook's; the soft minimum makes it smooth (Kendall et al. 2017,
https://arxiv.org/abs/1703.04309).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, grid_sample, pad

REACH = 3  # cells of a quarter of the canvas
BLOCK = 5  # cells: the side of a neighbourhood
AROUND = 9  # cells: what the light of a place is relative to
NOISE = 8.0  # grey levels that are no structure
SHARPNESS = 12.0  # at the start; it is learned

Grey = Float[Tensor, "b 1 g v"]


def structure(picture: Float[Tensor, "b 3 h w"]) -> Grey:
    """A quarter of the canvas in grey, less the mean around each place, divided by the contrast there."""
    grey = avg_pool2d(picture.mean(1, keepdim=True), 4)
    apart = grey - _mean(grey, AROUND)
    return apart / (_mean(apart.square(), AROUND) + NOISE**2).sqrt()


def _mean(x: Float[Tensor, "b c g v"], side: int) -> Float[Tensor, "b c g v"]:
    """Over the square around each place; at the border the last row goes on.

    Sums of shifted copies, for ONNX Runtime pools planes twenty times as slowly on a CPU.
    """
    x = pad(x, (side // 2,) * 4, mode="replicate")
    for dim in (2, 3):
        size = x.shape[dim] - side + 1
        first, *others = (x.narrow(dim, start, size) for start in range(side))
        x = sum(others, first)
    return x / side**2


class BlockMatching(nn.Module):
    """Flow between two frames, in cells of a quarter of the canvas, and how well it explains the second."""

    reach: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.log_sharpness = nn.Parameter(torch.tensor(SHARPNESS).log())
        steps = torch.arange(-REACH, REACH + 1.0)
        self.register_buffer("reach", steps, persistent=False)

    def forward(self, now: Grey, before: Grey) -> tuple[Float[Tensor, "b 2 g v"], Grey]:
        """The flow (x, y) from each place back to where it was, and the error that is left, zero or more."""
        height, width = now.shape[-2:]
        wide = pad(before, (REACH,) * 4, mode="replicate")
        shifted = [wide[..., y : y + height, x : x + width] for y in range(2 * REACH + 1) for x in range(2 * REACH + 1)]
        cost = _mean((now - torch.cat(shifted, 1)).square(), BLOCK)
        likely = torch.softmax(-self.log_sharpness.exp() * cost, 1)
        likely = likely.unflatten(1, (2 * REACH + 1, 2 * REACH + 1))  # type: ignore[no-untyped-call]
        x = (likely.sum(1) * self.reach[:, None, None]).sum(1)
        y = (likely.sum(2) * self.reach[:, None, None]).sum(1)
        return torch.stack([x, y], 1), cost.amin(1, keepdim=True)


def carried(values: Float[Tensor, "b c g v"], flow: Float[Tensor, "b 2 g v"]) -> Float[Tensor, "b c g v"]:
    """A map that moves with what it lies on: each place takes the value of where it was, `flow` cells away."""
    height, width = values.shape[-2:]
    y = torch.arange(height, device=values.device, dtype=values.dtype)
    x = torch.arange(width, device=values.device, dtype=values.dtype)
    across = (x + flow[:, 0] + 0.5) * (2 / width) - 1
    down = (y[:, None] + flow[:, 1] + 0.5) * (2 / height) - 1
    grid = torch.stack([across, down], -1)
    return grid_sample(values, grid, mode="bilinear", padding_mode="border", align_corners=False)
