"""Features of several scales become fit for each other: as many channels, the same size."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate


def resized(x: Float[Tensor, "b c h w"], like: Float[Tensor, "_ _ g v"]) -> Float[Tensor, "b c g v"]:
    """A map at the size of another one, bilinear."""
    return interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)


def projection(inside: int, outside: int) -> nn.Sequential:
    """Each place by itself to so many channels, and their batch norm."""
    return nn.Sequential(nn.Conv2d(inside, outside, 1, bias=False), nn.BatchNorm2d(outside))
