"""A memory that is carried from frame to frame: a gated recurrent unit of convolutions.

    z = sigmoid(conv([x, h]))    r = sigmoid(conv([x, h]))    n = tanh(conv([x, r h]))    h' = (1 - z) h + z n

Ballas, Yao, Pal and Courville 2016, https://arxiv.org/abs/1511.06432; convolutions are depth-wise separable as in
UNISAL (Droste, Jiao and Noble 2020, https://arxiv.org/abs/2003.05477), whose memory still pictures bypass.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

State = dict[str, Float[Tensor, "b _ _ _"]]  # what is carried from frame to frame, by name


def empty(
    memory: Mapping[str, tuple[int, int]], count: int, canvas: Sequence[int], device: torch.device | None = None
) -> State:
    """What `count` streams remember before their first frame: zeros.

    `memory` names the channels of each map and how many pixels of the canvas (height, width) a cell of it is.
    """
    return {
        name: torch.zeros(count, channels, *(side // stride for side in canvas), device=device)
        for name, (channels, stride) in memory.items()
    }


def separable(inside: int, outside: int) -> nn.Sequential:
    """A 3 x 3 convolution of each channel, then one across channels."""
    return nn.Sequential(
        nn.Conv2d(inside, inside, 3, padding=1, groups=inside, bias=False), nn.Conv2d(inside, outside, 1)
    )


class ConvGRU(nn.Module):
    """One step of the memory.

    Args:
        inside: channels of what is seen.
        width: channels of what is remembered.
    """

    def __init__(self, inside: int, width: int) -> None:
        super().__init__()
        self.gates = separable(inside + width, 2 * width)
        self.new = separable(inside + width, width)

    def forward(self, x: Float[Tensor, "b c g v"], hidden: Float[Tensor, "b d g v"]) -> Float[Tensor, "b d g v"]:
        """What is remembered after seeing `x`."""
        update, reset = torch.sigmoid(self.gates(torch.cat([x, hidden], 1))).chunk(2, 1)
        new = torch.tanh(self.new(torch.cat([x, reset * hidden], 1)))
        return (1 - update) * hidden + update * new
