"""Scores: how well a predicted map agrees with where people looked, one number per picture.

    auc_judd  P(a fixated pixel's value > any pixel's) + half of P(equal)                      0.5 is chance
    sauc      the same against pixels that were fixated on other pictures                      0.5 is chance
    nss       mean over fixations of (p - mean p) / std p                                      0 is chance
    cc        Pearson correlation of p and q
    sim       sum over pixels of min(p, q)
    kl        sum over pixels of q log(eps + q / (p + eps)), nats, eps = 2.2204e-16            0 is best
    ig        mean over fixations of log2 p - log2 baseline, bit per fixation                  0 is the baseline

`prediction` p and `truth` q are plain maps, not logarithms: a house prediction goes in as `log_density.exp()`. `sim`
and `kl` divide each map by its sum (a map that is zero everywhere becomes uniform) and refuse negative values; the
others take any real map. Only `ig` takes logarithms: log densities that sum to one over the pixels. `fixations` and
`negatives` count the fixations in each pixel. All maps of a call lie on one pixel grid; nothing is resized. Sums are in
float64, and so are the scores.

Two conventions, by name:
    "tuebingen"  every fixation counts, also repeated ones; `auc_judd` compares with all pixels, `sauc` with all
                 `negatives`; ties earn half. Equal to pysaliency, https://github.com/matthias-k/pysaliency.
    "mit"        a pixel is fixated or not, however often; `auc_judd` compares with unfixated pixels and joins the
                 points of its curve by straight lines; `sauc` averages over 100 seeded draws of as many negatives as
                 fixations, with thresholds in steps of 0.1; `sim` and `ig` first stretch each map to 0 to 1.
                 After https://github.com/cvzoya/saliency, with three differences: no random noise against ties, a
                 standard deviation over n (not n - 1) in `nss`, and the answers below for flat maps.
`cc` and `kl` are the same in both.

Stated answers: a flat prediction has AUC 0.5, CC 0 and NSS 0. A picture without fixations (`truth` zero everywhere) has
NaN everywhere, so that `nanmean` skips it; so has `cc` with a flat truth, `sauc` without negatives and, in "mit",
`auc_judd` when all pixels are fixated. NaN in an input raises.
Bylinskii et al. 2018, https://doi.org/10.1109/TPAMI.2018.2815601; Kümmerer et al. 2018, https://arxiv.org/abs/1704.08615.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Num
from torch import Tensor

from evaluation.bootstrap import DRAWS

Convention = Literal["tuebingen", "mit"]
Maps = Float[Tensor, "b h w"]
Counts = Num[Tensor, "b h w"]
Scores = Float[Tensor, " b"]

EPS = 2.2204e-16  # as written in both conventions' code
BINS = 16  # bits: how finely `_ranks` sorts pixels into bins before it looks closer


def auc_judd(prediction: Maps, fixations: Counts, *, convention: Convention = "tuebingen") -> Scores:
    """Area under the ROC curve of fixated pixels against all (`mit`: all unfixated) pixels.

    >>> auc_judd(torch.tensor([[[0.1, 0.2, 0.7]]]), torch.tensor([[[0, 0, 1]]])).item()  # 2.5 of 3
    0.8333333333333334
    """
    _check(convention, prediction=prediction, fixations=fixations)
    return _each(_auc_judd if convention == "tuebingen" else _auc_judd_mit, prediction, fixations)


def sauc(
    prediction: Maps, fixations: Counts, negatives: Counts, *, convention: Convention = "tuebingen", seed: int = 0
) -> Scores:
    """Shuffled AUC: the negatives are fixations on other pictures, so that a centre bias earns nothing.

    In a batch of one size these are `fixations.sum(0) - fixations`. `mit` draws from the pixels of `negatives` (the
    original: ten other pictures) with `seed`, afresh for each picture: a score does not depend on the batch.
    """
    _check(convention, prediction=prediction, fixations=fixations, negatives=negatives)
    if convention == "tuebingen":
        return _each(_sauc, prediction, fixations, negatives)
    return _each(partial(_sauc_mit, seed=seed), prediction, fixations, negatives)


def nss(prediction: Maps, fixations: Counts, *, convention: Convention = "tuebingen") -> Scores:
    """Normalised scanpath saliency: the mean z-score of the prediction at the fixations."""
    _check(convention, prediction=prediction, fixations=fixations)
    return _each(partial(_nss, convention=convention), prediction, fixations)


def cc(prediction: Maps, truth: Maps, *, convention: Convention = "tuebingen") -> Scores:
    """Pearson's correlation of prediction and truth."""
    _check(convention, prediction=prediction, truth=truth)
    return _each(_cc, prediction, truth)


def sim(prediction: Maps, truth: Maps, *, convention: Convention = "tuebingen") -> Scores:
    """Similarity: the probability that prediction and truth share."""
    _check(convention, ("prediction", "truth"), prediction=prediction, truth=truth)
    return _each(partial(_sim, convention=convention), prediction, truth)


def kl(prediction: Maps, truth: Maps, *, convention: Convention = "tuebingen") -> Scores:
    """Kullback-Leibler divergence of the prediction from the truth in nats; zeros in the prediction cost up to 36."""
    _check(convention, ("prediction", "truth"), prediction=prediction, truth=truth)
    return _each(_kl, prediction, truth)


def ig(
    log_prediction: Maps,
    fixations: Counts,
    log_baseline: Float[Tensor, "#b h w"],
    *,
    convention: Convention = "tuebingen",
) -> Scores:
    """Information gain of log densities in bit per fixation; the baseline may be one map for all pictures."""
    if len(log_baseline) == 1:
        log_baseline = log_baseline.expand(len(log_prediction), -1, -1)
    _check(convention, log_prediction=log_prediction, fixations=fixations, log_baseline=log_baseline)
    return _each(partial(_ig, convention=convention), log_prediction, fixations, log_baseline)


def _check(convention: str, densities: tuple[str, ...] = (), **maps: Tensor) -> None:
    """Raise ValueError, naming the argument: unknown convention, unequal shapes, NaN, what is no density or no log."""
    if convention not in get_args(Convention):
        raise ValueError(f"convention is {convention!r}, but must be one of {get_args(Convention)}.")
    first, shape = next((name, value.shape) for name, value in maps.items())
    for name, value in maps.items():
        if value.shape != shape:
            raise ValueError(f"{name} has shape {tuple(value.shape)}, but {first} has {tuple(shape)}.")
        if not value.numel():
            continue
        low, high = value.aminmax()
        if low.isnan() or high.isnan():
            raise ValueError(f"{name} holds NaN.")
        if low < 0 and name in ("fixations", "negatives"):
            raise ValueError(f"{name} holds negative values, but counts fixations.")
        if low < 0 and name in densities:
            raise ValueError(f"{name} holds negative values; a log density goes in as log_density.exp().")
        if high > 1e-3 and name.startswith("log_"):
            raise ValueError(f"{name} holds values above 0: ig takes log densities, so pass the logarithm.")


def _each(score: Callable[..., Tensor], *maps: Tensor) -> Scores:
    """`score` of each picture: one picture's maps fit into a processor's cache, a whole batch is three times slower."""
    scores = [score(*picture) for picture in zip(*maps, strict=True)]
    return torch.stack(scores) if scores else maps[0].new_empty(0, dtype=torch.float64)


def _fixated(counts: Num[Tensor, "h w"], *maps: Float[Tensor, "h w"]) -> list[Tensor]:
    """The counts (float64) and each map's values at the pixels that were fixated."""
    pixels = counts.flatten().nonzero().squeeze(1)
    return [counts.flatten()[pixels].double(), *(values.flatten()[pixels] for values in maps)]


def _order(values: Float[Tensor, " l"]) -> Int[Tensor, " l"]:
    """Integers in the order of the values: the bits of a float, with those of negative numbers turned round."""
    wide = values.detach() if values.dtype in (torch.float32, torch.float64) else values.detach().float()
    bits = (wide + 0.0).view(torch.int32 if wide.dtype == torch.float32 else torch.int64)  # + 0.0: no negative zero
    if not bits.numel() or bits.min() >= 0:
        return bits
    return bits ^ ((bits >> (8 * bits.itemsize - 1)) & torch.iinfo(bits.dtype).max)


def _sorted(values: Int[Tensor, " n"], chosen: Bool[Tensor, " n"]) -> Int[Tensor, " m"]:
    """The chosen values, rising; by numpy on the CPU, where it is several times faster than torch at both."""
    if values.device.type == "cpu":
        return torch.from_numpy(np.sort(values.numpy()[chosen.numpy()]))
    return values[chosen].sort().values


def _ranks(values: Float[Tensor, " n"], some: Float[Tensor, " l"]) -> tuple[Int[Tensor, " l"], Int[Tensor, " l"]]:
    """How many of `values` are below, and how many are at most, each of `some` of them.

    Sorting all pixels to rank a hundred is slow: they are counted in about 2**BINS bins, and only those pixels that
    share a bin with one of `some` are sorted.
    """
    order, wanted = _order(values), _order(some)
    low, high = (int(end) for end in order.aminmax())
    shift = max(0, (high - low).bit_length() - BINS)
    bins, own = (order >> shift) - (low >> shift), (wanted >> shift) - (low >> shift)
    counts = torch.bincount(bins)
    near = torch.zeros_like(counts, dtype=torch.bool).index_fill(0, own.long(), True)
    close = _sorted(order, near.index_select(0, bins))
    far = (counts * ~near).cumsum(0)[own]
    return far + torch.searchsorted(close, wanted), far + torch.searchsorted(close, wanted, right=True)


def _auc_judd(prediction: Tensor, fixations: Tensor) -> Tensor:
    counts, values = _fixated(fixations, prediction)
    below, up_to = _ranks(prediction.flatten(), values)
    return ((below + up_to) / 2 * counts).sum() / counts.sum() / prediction.numel()


def _auc_judd_mit(prediction: Tensor, fixations: Tensor) -> Tensor:
    """One minus the area left of the curve: the false positive rate's mean over the steps of the true positive rate."""
    positives = _fixated(fixations, prediction)[1].sort().values
    below, _ = _ranks(prediction.flatten(), positives)
    hits = len(positives) - torch.searchsorted(positives, positives)
    rate = (prediction.numel() - below - hits).double() / (prediction.numel() - len(positives))
    following = torch.searchsorted(positives, positives, right=True)  # the next threshold above
    before = torch.cat([rate, rate.new_zeros(1)])[following]
    return 1 - (rate + before).mean() / 2


def _sauc(prediction: Tensor, fixations: Tensor, negatives: Tensor) -> Tensor:
    """The negatives, of which there may be millions, are looked up among the few positives, not sorted."""
    counts, values = _fixated(fixations, prediction)
    times, others = _fixated(negatives, prediction)
    ordered, place = torch.unique(_order(values), return_inverse=True)
    twice = torch.zeros(len(ordered) + 1, dtype=torch.float64, device=values.device)
    for right in (False, True):  # at most, and below, each positive
        twice.index_add_(0, torch.searchsorted(ordered, _order(others), right=right), times)
    return (twice.cumsum(0)[place] / 2 * counts).sum() / counts.sum() / times.sum()


def _sauc_mit(prediction: Tensor, fixations: Tensor, negatives: Tensor, seed: int) -> Tensor:
    low, high = prediction.double().aminmax()
    positives, others = (_fixated(counts, prediction)[1].double() for counts in (fixations, negatives))
    if not (len(positives) and len(others)):
        return low.new_tensor(math.nan)
    if low == high:
        return low.new_tensor(0.5)
    generator = torch.Generator().manual_seed(seed)
    draws = torch.stack([torch.randperm(len(others), generator=generator)[: len(positives)] for _ in range(DRAWS)])
    steps = torch.arange(10, -1, -1, device=low.device) / 10 * (high - low) + low
    hits = (positives[:, None] >= steps).double().mean(0)
    false = (others[draws.to(others.device)][..., None] >= steps).double().mean(1)
    hits, false = (torch.nn.functional.pad(rates, (1, 0)) for rates in (hits, false))
    return torch.trapezoid(hits.expand_as(false), false).mean()


def _nss(prediction: Tensor, fixations: Tensor, convention: Convention) -> Tensor:
    counts, values = _fixated(fixations, prediction)
    counts = counts if convention == "tuebingen" else torch.ones_like(counts)
    low, high = prediction.aminmax()
    if low == high:
        return counts.mean() * 0
    wide = prediction.flatten().double()
    mean = wide.mean()
    centred = wide - mean
    return ((values.double() - mean) * counts).sum() / counts.sum() / (centred.dot(centred) / len(wide)).sqrt()


def _cc(prediction: Tensor, truth: Tensor) -> Tensor:
    if truth.min() == truth.max():
        return truth.new_tensor(math.nan, dtype=torch.float64)
    if prediction.min() == prediction.max():
        return truth.new_tensor(0.0, dtype=torch.float64)
    p, q = prediction.flatten().double(), truth.flatten().double()
    p, q = p - p.mean(), q - q.mean()
    return p.dot(q) / (p.dot(p) * q.dot(q)).sqrt()


def _density(values: Tensor, convention: Convention = "tuebingen") -> Tensor:
    """The map as a density in float64; `mit` first takes its minimum off. A map of zeros becomes uniform."""
    wide = values.double()
    if convention == "mit":
        wide = wide - wide.min()
    total = wide.sum()
    return wide / total if total > 0 else torch.full_like(wide, 1 / wide.numel())


def _sim(prediction: Tensor, truth: Tensor, convention: Convention) -> Tensor:
    if truth.max() == 0:
        return truth.new_tensor(math.nan, dtype=torch.float64)
    return torch.minimum(_density(prediction, convention), _density(truth, convention)).sum()


def _kl(prediction: Tensor, truth: Tensor) -> Tensor:
    if truth.max() == 0:
        return truth.new_tensor(math.nan, dtype=torch.float64)
    q = _density(truth).flatten()
    return q.dot((q / _density(prediction).flatten().add_(EPS)).add_(EPS).log_())


def _ig(log_prediction: Tensor, fixations: Tensor, log_baseline: Tensor, convention: Convention) -> Tensor:
    if convention == "mit":
        logs = ((EPS + _density(log.double().exp(), "mit")).log() for log in (log_prediction, log_baseline))
        log_prediction, log_baseline = logs
    counts, values, chance = _fixated(fixations, log_prediction, log_baseline)
    counts = counts if convention == "tuebingen" else torch.ones_like(counts)
    return ((values.double() - chance.double()) * counts).sum() / counts.sum() / math.log(2)
