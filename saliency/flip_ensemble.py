"""A picture and its mirror image: two looks of one network, believed equally.

    p(x, y) = ( p1(x, y) + p2(w - x, y) ) / 2

People have no side they prefer by much, but a network trained on a thousand pictures does; the mean of both looks errs
less, at twice the cost. Nothing is trained here.
"""

import math

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from saliency.layers.finalizer import Density, Slices
from saliency.layers.object_head import Raw


class FlipEnsemble(nn.Module):
    """The network's mean density over the picture and its mirror image; same inputs and outputs.

    Boxes of objects, where the network gives any, are those of the picture itself.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        picture: UInt8[Tensor, "b h w 3"],
        content: Float[Tensor, "b 4"],
        condition: Int[Tensor, " b"],
        stride: int = 1,
    ) -> tuple[Density, Slices] | tuple[Density, Slices, Raw]:
        """Log densities per cell of `stride` canvas pixels: the whole viewing, and each second."""
        density, slices, *raw = self.network(picture, content, condition, stride)
        turned, others = self._mirrored(picture, content, condition, stride)
        return _mean(density, turned), _mean(slices, others), *raw

    def _mirrored(self, picture: Tensor, content: Tensor, condition: Tensor, stride: int) -> tuple[Tensor, Tensor]:
        """What the network says of the mirror image, as that lies."""
        x0, y0, x1, y1 = content.unbind(1)
        mirrored = torch.stack([picture.shape[2] - x1, y0, picture.shape[2] - x0, y1], 1)
        turned, others, *_ = self.network(picture.flip(2), mirrored, condition, stride)
        return turned, others

    def outputs(
        self, picture: UInt8[Tensor, "b h w 3"], content: Float[Tensor, "b 4"], condition: Int[Tensor, " b"]
    ) -> dict[str, Tensor]:
        """All that the network gives, with the mean densities."""
        found = outputs(self.network, picture, content, condition)
        turned, others = self._mirrored(picture, content, condition, 1)
        return {**found, "density": _mean(found["density"], turned), "slices": _mean(found["slices"], others)}


def outputs(network: nn.Module, picture: Tensor, content: Tensor, condition: Tensor) -> dict[str, Tensor]:
    """All that an exported file of a network gives; of most networks the densities alone."""
    if hasattr(network, "outputs"):
        found: dict[str, Tensor] = network.outputs(picture, content, condition)  # type: ignore[operator]
        return found
    density, slices, *_ = network(picture, content, condition)
    return {"density": density, "slices": slices}


def _mean(straight: Tensor, mirrored: Tensor) -> Tensor:
    turned = mirrored.flip(-1)
    # not torch.logaddexp: its exported form takes the logarithm of zero in the bars
    return torch.maximum(straight, turned) + torch.log1p(torch.exp(-(straight - turned).abs())) - math.log(2)
