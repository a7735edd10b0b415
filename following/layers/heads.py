"""A head on a canvas: what features are like within its box, and how every place lies to it.

A box is x0, y0, x1, y1 in canvas pixels. Its features are read at `p` times `p` places: each is the mean of the cells
around the middle of a p-th of the box, weighted by a tent as wide as that part, or as a cell where cells are larger. So
a head of two cells is interpolated, and of one of a hundred cells nothing is passed over. All is made of products, so
that an exported graph holds plain operators and any number of heads. Shapes: `g v` cells of `stride` canvas pixels.
"""

import torch
from jaxtyping import Float
from torch import Tensor

Head = Float[Tensor, "b 4"]
Content = Float[Tensor, "b 4"]
PLACES = 7  # along each side of a head's box
SCALE = 4  # canvas pixels a cell of the fine features, and of a decoder's answer
GEOMETRY = 6  # numbers that tell how a place lies to a head
GROWN = 0.1  # of its sides, by which a box is grown all around: what is behind a face tells where it is turned


def grown(head: Head, content: Content, by: float = GROWN) -> Head:
    """The box with a margin, cut to the picture on its canvas."""
    margin = (head[:, 2:] - head[:, :2]) * by
    low = torch.maximum(head[:, :2] - margin, content[:, :2])
    high = torch.minimum(head[:, 2:] + margin, content[:, 2:])
    return torch.cat([low, high], 1)


def tents(
    low: Float[Tensor, " b"], high: Float[Tensor, " b"], parts: int, stride: float, length: int
) -> Float[Tensor, "b p n"]:
    """How much each of `length` cells counts for each of `parts` equal parts of the way from `low` to `high`.

    >>> tents(torch.tensor([0.0]), torch.tensor([16.0]), 2, 8, 3)
    tensor([[[1., 0., 0.],
             [0., 1., 0.]]])
    """
    wide = (high - low)[:, None] / parts
    middle = low[:, None] + wide * (torch.arange(parts, device=low.device) + 0.5)
    middle = middle.clamp(stride / 2, (length - 0.5) * stride)
    cells = (torch.arange(length, device=low.device) + 0.5) * stride
    weights = torch.relu(1 - (middle[..., None] - cells).abs() / wide.clamp(min=stride)[..., None])
    return weights / weights.sum(-1, keepdim=True)


def within(features: Float[Tensor, "_ c g v"], head: Head, parts: int, stride: float) -> Float[Tensor, "b c p p"]:
    """Features at `parts` times `parts` places of each box; of one picture with many heads, or of as many as heads."""
    down = tents(head[:, 1], head[:, 3], parts, stride, features.shape[-2])
    across = tents(head[:, 0], head[:, 2], parts, stride, features.shape[-1])
    rows = torch.matmul(down[:, None].to(features.dtype), features)
    return torch.matmul(rows, across[:, None].transpose(2, 3).to(features.dtype))


def covers(content: Content, stride: float, size: tuple[int, int]) -> Float[Tensor, "b g v"]:
    """1 for every cell on which there is some of the picture, 0 for those of the bars around it."""
    sides = []
    for axis, length in ((1, size[0]), (0, size[1])):
        edges = torch.arange(length, device=content.device) * stride
        low, high = content[:, axis, None], content[:, axis + 2, None]
        sides.append(((edges + stride > low) & (edges < high)).float())
    return sides[0][:, :, None] * sides[1][:, None, :]


def geometry(head: Head, content: Content, stride: float, size: tuple[int, int]) -> Float[Tensor, "b 6 g v"]:
    """How each cell lies to a head: the unit vector from it, its distance in heads (as a logarithm) and in pictures.

    The last two are 1 within the box and constant. A direction is faded out within the head, where it means nothing.
    """
    x = (torch.arange(size[1], device=head.device) + 0.5) * stride
    y = (torch.arange(size[0], device=head.device) + 0.5) * stride
    middle, sides = (head[:, :2] + head[:, 2:]) / 2, head[:, 2:] - head[:, :2]
    dx = (x - middle[:, :1])[:, None, :].expand(-1, size[0], -1)
    dy = (y - middle[:, 1:])[:, :, None].expand(-1, -1, size[1])
    radius = (sides.prod(1).clamp(min=1.0).sqrt() / 2)[:, None, None]
    far = (dx.square() + dy.square() + radius.square() / 4).sqrt()
    whole = (content[:, 2:] - content[:, :2]).square().sum(1).sqrt()[:, None, None]
    inside = ((2 * dx.abs() < sides[:, 0, None, None]) & (2 * dy.abs() < sides[:, 1, None, None])).float()
    return torch.stack([dx / far, dy / far, torch.log(far / radius), far / whole, inside, torch.ones_like(far)], 1)
