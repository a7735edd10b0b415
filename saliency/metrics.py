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
`negatives` count the fixations in each pixel. All maps of a call lie on one pixel grid; nothing is resized. Maps are
NumPy arrays or torch tensors; sums are in float64, and the scores are a NumPy array of float64.

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
`auc_judd` when all pixels are fixated. NaN and infinity in an input raise: a log density has a floor.
Bylinskii et al. 2018, https://doi.org/10.1109/TPAMI.2018.2815601; Kümmerer et al. 2018, https://arxiv.org/abs/1704.08615.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, Protocol, get_args

import numpy as np
from jaxtyping import Float, Int, Num

from data.finite import extremes


class Tensor(Protocol):
    """A torch tensor, also one with a gradient or on a GPU; this file does not import torch."""

    def detach(self) -> Any:
        """The same values without a gradient."""


Convention = Literal["tuebingen", "mit"]
Map = Float[np.ndarray, "h w"]
Maps = Float[np.ndarray, "b h w"] | Tensor
Counts = Num[np.ndarray, "b h w"] | Tensor
Scores = Float[np.ndarray, " b"]

EPS = 2.2204e-16  # as written in both conventions' code
DRAWS = 100  # of `sauc` in the convention "mit"


def auc_judd(prediction: Maps, fixations: Counts, *, convention: Convention = "tuebingen") -> Scores:
    """Area under the ROC curve of fixated pixels against all (`mit`: all unfixated) pixels.

    >>> auc_judd(np.array([[[0.1, 0.2, 0.7]]]), np.array([[[0, 0, 1]]])).item()  # 2.5 of 3
    0.8333333333333334
    """
    maps = _checked(convention, prediction=prediction, fixations=fixations)
    return _each(_auc_judd if convention == "tuebingen" else _auc_judd_mit, *maps)


def sauc(
    prediction: Maps, fixations: Counts, negatives: Counts, *, convention: Convention = "tuebingen", seed: int = 0
) -> Scores:
    """Shuffled AUC: the negatives are fixations on other pictures, so that a centre bias earns nothing.

    In a batch of one size these are `fixations.sum(0) - fixations`. `mit` draws from the pixels of `negatives` (the
    original: ten other pictures) with `seed`, afresh for each picture: a score does not depend on the batch.
    """
    maps = _checked(convention, prediction=prediction, fixations=fixations, negatives=negatives)
    return _each(_sauc if convention == "tuebingen" else partial(_sauc_mit, seed=seed), *maps)


def nss(prediction: Maps, fixations: Counts, *, convention: Convention = "tuebingen") -> Scores:
    """Normalised scanpath saliency: the mean z-score of the prediction at the fixations."""
    maps = _checked(convention, prediction=prediction, fixations=fixations)
    return _each(partial(_nss, convention=convention), *maps)


def cc(prediction: Maps, truth: Maps, *, convention: Convention = "tuebingen") -> Scores:
    """Pearson's correlation of prediction and truth."""
    return _each(_cc, *_checked(convention, prediction=prediction, truth=truth))


def sim(prediction: Maps, truth: Maps, *, convention: Convention = "tuebingen") -> Scores:
    """Similarity: the probability that prediction and truth share."""
    maps = _checked(convention, ("prediction", "truth"), prediction=prediction, truth=truth)
    return _each(partial(_sim, convention=convention), *maps)


def kl(prediction: Maps, truth: Maps, *, convention: Convention = "tuebingen") -> Scores:
    """Kullback-Leibler divergence of the prediction from the truth in nats; zeros in the prediction cost up to 36."""
    return _each(_kl, *_checked(convention, ("prediction", "truth"), prediction=prediction, truth=truth))


def ig(log_prediction: Maps, fixations: Counts, log_baseline: Maps, *, convention: Convention = "tuebingen") -> Scores:
    """Information gain of log densities in bit per fixation; the baseline may be one map for all pictures."""
    log_prediction, log_baseline = _array(log_prediction), _array(log_baseline)
    if len(log_baseline) == 1:
        log_baseline = np.broadcast_to(log_baseline, (len(log_prediction), *log_baseline.shape[1:]))
    maps = _checked(convention, log_prediction=log_prediction, fixations=fixations, log_baseline=log_baseline)
    return _each(partial(_ig, convention=convention), *maps)


def _array(values: Maps | Counts) -> Num[np.ndarray, "b h w"]:
    """The values of an array or a torch tensor; NumPy has no bfloat16, so that it is widened first."""
    if not hasattr(values, "detach"):
        return np.asarray(values)
    tensor = values.detach().cpu()
    return np.asarray((tensor.float() if tensor.is_floating_point() and tensor.itemsize < 4 else tensor).numpy())


def _checked(convention: str, densities: tuple[str, ...] = (), **maps: Maps | Counts) -> list[Num[np.ndarray, "b h w"]]:
    """The maps as arrays; raises ValueError, naming the argument.

    What is refused: an unknown convention, unequal shapes, NaN, infinity, what is no density, no count or no logarithm.
    """
    if convention not in get_args(Convention):
        raise ValueError(f"convention is {convention!r}, but must be one of {get_args(Convention)}.")
    arrays = {name: _array(values) for name, values in maps.items()}
    first, shape = next((name, values.shape) for name, values in arrays.items())
    for name, values in arrays.items():
        if values.shape != shape:
            raise ValueError(f"{name} has shape {values.shape}, but {first} has {shape}.")
        if not values.size:
            continue
        low, high = extremes(name, values)
        if low < 0 and name in ("fixations", "negatives"):
            raise ValueError(f"{name} holds negative values, but counts fixations.")
        if low < 0 and name in densities:
            raise ValueError(f"{name} holds negative values; a log density goes in as log_density.exp().")
        if high > 1e-3 and name.startswith("log_"):
            raise ValueError(f"{name} holds values above 0: ig takes log densities, so pass the logarithm.")
    return list(arrays.values())


def _each(score: Callable[..., float], *maps: Num[np.ndarray, "b h w"]) -> Scores:
    """`score` of each picture: one picture's maps fit into a processor's cache, a whole batch is three times slower.

    What is divided by no fixations is NaN without a warning.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.array([score(*picture) for picture in zip(*maps, strict=True)], np.float64)


def _fixated(counts: Num[np.ndarray, "h w"], *maps: Map) -> list[Float[np.ndarray, " l"]]:
    """The counts (float64) and each map's values at the pixels that were fixated."""
    pixels = np.flatnonzero(counts != 0)
    return [counts.ravel()[pixels].astype(np.float64), *(values.ravel()[pixels] for values in maps)]


def _mean(values: Float[np.ndarray, " l"], counts: Float[np.ndarray, " l"]) -> np.float64:
    """The mean over fixations; NaN without one."""
    return np.float64((values * counts).sum() / counts.sum())


def _dot(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> np.float64:
    """The inner product, by one thread: `np.dot` shares long vectors out, and its last digits depend on the cores."""
    return np.float64(np.einsum("i,i", a, b))


def _floats(values: Num[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """The values in float32 where it holds them, else in float64."""
    return values.astype(np.float32 if np.can_cast(values.dtype, np.float32) else np.float64, copy=False)


def _ranks(
    values: Num[np.ndarray, " n"], chosen: Num[np.ndarray, " l"]
) -> tuple[Int[np.ndarray, " l"], Int[np.ndarray, " l"]]:
    """How many of `values` are below, and how many are at most, each of the `chosen` of them."""
    ordered, wanted = np.sort(_floats(values)), _floats(chosen)
    return np.searchsorted(ordered, wanted), np.searchsorted(ordered, wanted, side="right")


def _auc_judd(prediction: Map, fixations: Num[np.ndarray, "h w"]) -> float:
    counts, values = _fixated(fixations, prediction)
    below, up_to = _ranks(prediction.ravel(), values)
    return _mean((below + up_to) / 2, counts) / prediction.size


def _auc_judd_mit(prediction: Map, fixations: Num[np.ndarray, "h w"]) -> float:
    """One minus the area left of the curve: the false positive rate's mean over the steps of the true positive rate."""
    positives = np.sort(_fixated(fixations, prediction)[1])
    below, _ = _ranks(prediction.ravel(), positives)
    hits = len(positives) - np.searchsorted(positives, positives)
    rate = (prediction.size - below - hits) / (prediction.size - len(positives))
    following = np.searchsorted(positives, positives, side="right")  # the next threshold above
    before = np.append(rate, 0)[following]
    return float(1 - (rate + before).sum() / len(positives) / 2)


def _sauc(prediction: Map, fixations: Num[np.ndarray, "h w"], negatives: Num[np.ndarray, "h w"]) -> float:
    """The negatives, of which there may be millions, are looked up among the few positives, not sorted."""
    counts, values = _fixated(fixations, prediction)
    times, others = _fixated(negatives, prediction)
    ordered, place = np.unique(values, return_inverse=True)
    twice = np.zeros(len(ordered) + 1)
    for side in ("right", "left"):  # at most, and below, each positive
        twice += np.bincount(np.searchsorted(ordered, others, side), times, len(ordered) + 1)
    return float(_mean(twice.cumsum()[place] / 2, counts) / times.sum())


def _sauc_mit(
    prediction: Map, fixations: Num[np.ndarray, "h w"], negatives: Num[np.ndarray, "h w"], seed: int
) -> float:
    positives, others = (_floats(_fixated(counts, prediction)[1]) for counts in (fixations, negatives))
    if not (len(positives) and len(others)):
        return math.nan
    low, high = _floats(prediction.min()), _floats(prediction.max())
    if low == high:
        return 0.5
    generator = np.random.RandomState(seed % 2**32)
    draws = [_shuffled(len(others), len(positives), generator) for _ in range(DRAWS)]
    steps = np.arange(10, -1, -1).astype(low.dtype) / 10 * (high - low) + low  # in the map's own precision: ties
    hits = np.append(0, (positives >= steps[:, None]).mean(1))
    false = np.pad((others[np.array(draws)] >= steps[:, None, None]).mean(2), ((1, 0), (0, 0)))
    return float(np.trapezoid(hits[:, None], false, axis=0).mean())


def _shuffled(total: int, count: int, generator: np.random.RandomState) -> list[int]:
    """The first `count` numbers of a shuffled range(total): the same as `torch.randperm` gives with this seed.

    Fisher and Yates swap place i with one of the places from i on; only places that were swapped are kept.
    """
    steps = min(count, total - 1)
    random = generator.randint(0, 2**32, total - 1, np.uint32)[:steps]
    partners = random % np.arange(total, total - steps, -1) + np.arange(steps)
    swapped: dict[int, int] = {}
    chosen = []
    for i, j in enumerate(partners.tolist()):
        chosen.append(swapped.get(j, j))
        swapped[j] = swapped.get(i, i)
    return chosen if count < total else [*chosen, swapped.get(total - 1, total - 1)]


def _nss(prediction: Map, fixations: Num[np.ndarray, "h w"], convention: Convention) -> float:
    counts, values = _fixated(fixations, prediction)
    counts = counts if convention == "tuebingen" else np.ones_like(counts)
    if prediction.min() == prediction.max():
        return _mean(np.zeros_like(counts), counts)
    wide = prediction.ravel().astype(np.float64)
    mean = wide.mean()
    wide -= mean
    return float(_mean(values.astype(np.float64) - mean, counts) / np.sqrt(_dot(wide, wide) / len(wide)))


def _cc(prediction: Map, truth: Map) -> float:
    if truth.min() == truth.max():
        return math.nan
    if prediction.min() == prediction.max():
        return 0.0
    p, q = (values.ravel().astype(np.float64) for values in (prediction, truth))
    p -= p.mean()
    q -= q.mean()
    return float(_dot(p, q) / np.sqrt(_dot(p, p) * _dot(q, q)))


def _density(values: Map, convention: Convention = "tuebingen") -> Float[np.ndarray, " n"]:
    """The map as a density in float64, flat; `mit` first takes its minimum off. A map of zeros becomes uniform."""
    wide = values.ravel().astype(np.float64)
    if convention == "mit":
        wide -= wide.min()
    total = wide.sum()
    return wide / total if total > 0 else np.full_like(wide, 1 / wide.size)


def _sim(prediction: Map, truth: Map, convention: Convention) -> float:
    if truth.max() == 0:
        return math.nan
    return float(np.minimum(_density(prediction, convention), _density(truth, convention)).sum())


def _kl(prediction: Map, truth: Map) -> float:
    if truth.max() == 0:
        return math.nan
    q = _density(truth)
    return _dot(q, np.log(EPS + q / (EPS + _density(prediction))))


def _ig(log_prediction: Map, fixations: Num[np.ndarray, "h w"], log_baseline: Map, convention: Convention) -> float:
    if convention == "mit":
        densities = (_density(np.exp(log, dtype=np.float64), "mit") for log in (log_prediction, log_baseline))
        log_prediction, log_baseline = (np.log(EPS + density) for density in densities)
    counts, values, chance = _fixated(fixations, log_prediction, log_baseline)
    counts = counts if convention == "tuebingen" else np.ones_like(counts)
    return _mean(values.astype(np.float64) - chance.astype(np.float64), counts) / math.log(2)
