"""Pictures as eccNET reads them, with their border going on, and its maps from 0 to 1."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

MULTIPLE = 32  # of both sides of what a backbone reads
MARGIN = 32  # pixels by which a picture's border goes on, so that its edge is no contour; twice that about a target


def planes(picture: UInt8[Tensor, "1 h w 3"]) -> Float[Tensor, "1 3 h w"]:
    """A picture as the networks read it."""
    return picture.permute(0, 3, 1, 2).float()


def filled(x: Float[Tensor, "1 c h w"], margin: int = 0) -> Float[Tensor, "1 c y x"]:
    """Sides of a multiple of 32: below and right the last row and column go on, and on all sides for a margin."""
    for axis in (2, 3):
        side = x.shape[axis]
        at = torch.arange(_up(side) + 2 * margin, device=x.device) - margin
        x = x.index_select(axis, at.clamp(0, side - 1))
    return x


def centred(target: Float[Tensor, "1 3 y x"]) -> tuple[Float[Tensor, "1 3 h w"], tuple[int, int]]:
    """The target about a pixel that is a cell's centre in every layer, and how far that is from the corner: n 32."""
    middle = []
    for axis in (2, 3):
        side = target.shape[axis]
        before = (side + 1) // 2
        middle.append(_up(before + 2 * MARGIN))
        at = torch.arange(2 * middle[-1], device=target.device) - (middle[-1] - before)
        target = target.index_select(axis, at.clamp(0, side - 1))
    return target, (middle[0], middle[1])


def minmax(x: Tensor) -> Tensor:
    """From 0 to 1; a map of one number is 0."""
    low, high = x.min(), x.max()
    return (x - low) / (high - low).clamp(min=1e-12)


def _up(side: int) -> int:
    """The next multiple of 32."""
    return (side + MULTIPLE - 1) // MULTIPLE * MULTIPLE
