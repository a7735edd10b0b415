"""Graph-based visual saliency: a walker who prefers what differs stays longest where the picture is odd; no training.

    features    intensity, two colour opponents, bars at 4 angles, at the scales 2, 3 and 4, each 0 to 1 on a grid M
    activation  w(i -> j) = |M(i) - M(j)| F(i, j)    F = exp(-|i - j|^2 / (2 sigma^2)), sigma 0.15 of the grid's side
    gathering   w(i -> j) = A(j) F(i, j)             A: how long the first walker stays in j; sigma 0.06
    saliency    mean over the three channels of the sum of their maps, blurred a little

The grid has a longer side of 32 nodes, its side is the mean of both. How long a walker stays is the equilibrium of the
Markov chain whose rows are w divided by their sums. Both chains are reversible, so that it needs no iteration:

    activation  A(i) ~ sum over j of |M(i) - M(j)| F(i, j)        gathering  S(i) ~ A(i) sum over j of F(i, j) A(j)

As in the authors' code |M(i) - M(j)| stands for the paper's |log(M(i) / M(j))|. Nodes near the middle have more near
neighbours: the graph has a centre bias of its own, to which it owes a part of its scores.
Harel, Koch and Perona 2006, https://doi.org/10.7551/mitpress/7503.003.0073.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from saliency.models._classical import Classical
from saliency.models.itti_koch import intensities, opponents, orientations, scales, stretch

NODES = 32  # on the grid's longer side
SCALES = (2, 3, 4)
ACTIVATION, GATHERING, BLUR = 0.15, 0.06, 0.02  # sigmas in sides of the grid

Features = Float[Tensor, "f h w"]


class GraphBased(Classical):
    """Graph-based visual saliency in the models' common interface."""

    def see(self, picture: Float[Tensor, "3 h w"]) -> Float[Tensor, "h2 w2"]:
        """The mean of the channels' equilibria on the grid."""
        shape = [max(1, round(side * NODES / max(picture.shape[1:]))) for side in picture.shape[1:]]
        levels = scales(picture, 5)
        side = sum(shape) / 2
        channels = []
        for feature in (intensities, opponents, lambda level: orientations(intensities(level))):
            maps = torch.cat([_small(feature(levels[scale]), shape) for scale in SCALES])
            channels.append(gathered(activation(maps, ACTIVATION * side), GATHERING * side).sum(0))
        return _blurred(torch.stack(channels), BLUR * side).mean(0)


def activation(maps: Features, sigma: float) -> Features:
    """The equilibrium of each map's first chain, summing to one; `sigma` in nodes; a flat map has a flat one."""
    near = _near(maps, sigma)
    values = maps.flatten(1)
    stays = torch.stack([((v[:, None] - v).abs() * near).sum(1) for v in values])
    total = stays.sum(1, keepdim=True)
    return torch.where(total > 0, stays / total, 1 / values.shape[1]).view_as(maps)


def gathered(stays: Features, sigma: float) -> Features:
    """The equilibrium of each map's second chain, summing to one; `sigma` in nodes."""
    values = stays.flatten(1)
    mass = values * (values @ _near(stays, sigma))
    return (mass / mass.sum(1, keepdim=True)).view_as(stays)


def _near(maps: Features, sigma: float) -> Float[Tensor, "n n"]:
    """F between all nodes of a grid."""
    axes = [torch.arange(side, device=maps.device, dtype=maps.dtype) for side in maps.shape[1:]]
    rows, columns = ((-(axis[:, None] - axis).square() / (2 * sigma**2)).exp() for axis in axes)
    return torch.kron(rows, columns)


def _small(maps: Features, shape: list[int]) -> Features:
    return stretch(functional.interpolate(maps[None], shape, mode="bilinear", align_corners=False, antialias=True)[0])


def _blurred(maps: Features, sigma: float) -> Features:
    near = _near(maps, sigma)
    return (maps.flatten(1) @ (near / near.sum(0))).view_as(maps)
