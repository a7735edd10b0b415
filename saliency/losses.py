"""Losses between log densities and what people did; one number per map.

    kl    sum Q (log Q - log P)
    cc    1 - Pearson(P, Q)
    nss   - mean over fixations of (P - mean P) / std P
    sim   1 - sum min(P, Q)
    euclidean   sum (P - Q)^2 / sum Q^2

`log_p` is `(n, g, g')`, a log density per cell; Q the density and `counts` the fixations of the same cells. All are
differentiable and finite for every density whose logarithm is finite, flat ones included. A map without a density
has to be left out by the caller; without fixations its nss is zero.
"""

import torch
from jaxtyping import Float
from torch import Tensor

Maps = Float[Tensor, "n g v"]
Losses = Float[Tensor, " n"]

FLAT = 1e-4  # of a map's level: what varies less counts as flat, so that rounding is not taken for structure


def kl(log_p: Maps, truth: Maps, counts: Maps) -> Losses:
    """Kullback-Leibler divergence in nats: what the truth holds that the prediction does not say."""
    return (torch.xlogy(truth, truth) - truth * log_p).sum((1, 2))


def cc(log_p: Maps, truth: Maps, counts: Maps) -> Losses:
    """One minus the linear correlation of the two densities."""
    p, q = log_p.exp().flatten(1), truth.flatten(1)
    p, q = p - p.mean(1, keepdim=True), q - q.mean(1, keepdim=True)
    lengths: Tensor = torch.maximum(p.norm(dim=1), FLAT * log_p.exp().flatten(1).norm(dim=1)) * q.norm(dim=1)
    return 1 - (p * q).sum(1) / lengths.clamp_min(1e-12)


def nss(log_p: Maps, truth: Maps, counts: Maps) -> Losses:
    """Minus the mean standardised value at the fixations."""
    p = log_p.exp().flatten(1)
    mean = p.mean(1, keepdim=True)
    z = (p - mean) / torch.maximum(p.std(1, correction=0, keepdim=True), FLAT * mean)
    n = counts.flatten(1)
    return -(z * n).sum(1) / n.sum(1).clamp_min(1)


def sim(log_p: Maps, truth: Maps, counts: Maps) -> Losses:
    """One minus the shared mass of the two densities."""
    return 1 - torch.minimum(log_p.exp(), truth).sum((1, 2))


def euclidean(log_p: Maps, truth: Maps, counts: Maps) -> Losses:
    """The squared distance of the two densities, as a share of the truth's own: 0 is the truth, 1 is nothing at all.

    Networks that give a map from 0 to 1 are compared with one (Pan et al. 2016, https://arxiv.org/abs/1603.00845).
    Ours give densities, whose cells hold the less the more there are: as a share, the loss is the same on any grid. A
    flat prediction has less than 1; one that is sure of a wrong place has far more.
    """
    return (log_p.exp() - truth).square().sum((1, 2)) / truth.square().sum((1, 2)).clamp_min(1e-12)
