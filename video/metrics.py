"""Scores of maps of a video: of each frame, of a clip, and the rank of several entries over all scores.

    frame   AUC-Judd, CC, SIM and NSS of `saliency.metrics` (convention "tuebingen"), one number a frame
    clip    their mean over its frames; a frame that nobody looked at has NaN and is left out
    set     the mean over clips: a long clip counts no more than a short one
    rank    of entries by each score's mean over the set, 1 is the best, ties share their mean; the mean over the scores

That is how the video saliency challenges of AIM 2024 and NTIRE 2026 rank their entries. With `as_challenge` numbers can
be compared with those published there, because the following is done as their script (`bench.py`) does it:

    all     the prediction is first stretched to 0 to 1; a flat one becomes zeros
    cc      the truth is stretched too; z-scores with std + 1e-7; sum a b / sqrt(sum a a sum b b + 1e-7)
    sim     both are stretched, so that their least pixels hold nothing, and divided by their sum + 1e-7
    nss     (p - mean p) / (std p + 1e-7); a repeated fixation counts each time, as it does without the flag
    auc     thresholds at each of the N fixations, repeated ones too, the highest first; at the i-th, true positives are
            i / N and false positives (pixels at or above it - i) / (pixels - U); joined by straight lines, (0, 0) and
            (1, 1) with them

The last has two slips. All pixels are taken for possible fixations: `pixels - U` stands where those that nobody fixated
should be counted. And U, meant to be the number of unique fixations, is that of unique columns of the list of
[row, column]: 2, or 1 where each fixation's row equals its column, however many there are. A pixel that ties with a
fixated one is a false positive, where the plain score gives half; further fixations of a pixel take others away.

What the script does and these functions do not: it fails on a frame without fixations (here NaN), reads maps from
videos of 8 bits (here nothing is rounded), adds 1.2e-7 grey levels to the range that is stretched (here nothing), and
resizes predictions to the size of the truth (here both lie on one grid already).

https://github.com/msu-video-group/ECCVW24_Saliency_Prediction; Moskalenko et al. 2024, https://arxiv.org/abs/2409.14827.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float, Num

from data.finite import extremes
from saliency import metrics
from saliency.metrics import Counts, Maps, Scores

SCORES = ("auc_judd", "cc", "sim", "nss")  # all: more is better
TINY = 1e-7  # by which the challenge's script keeps from dividing by zero

Map = Float[np.ndarray, "h w"]
Fixations = Num[np.ndarray, "h w"]


def auc_judd(prediction: Maps, fixations: Counts, *, as_challenge: bool = False) -> Scores:
    """Area under the ROC curve of fixated pixels, for each frame.

    Raises:
        ValueError: Shapes differ, or a map holds NaN or infinity; so of each score here.

    >>> p, f = np.array([[[0.1, 0.2], [0.3, 0.4]]]), np.array([[[0, 0], [0, 1]]])
    >>> auc_judd(p, f).item(), auc_judd(p, f, as_challenge=True).item()
    (0.875, 1.0)
    """
    if not as_challenge:
        return metrics.auc_judd(prediction, fixations)
    return _each(_auc_judd, prediction=prediction, fixations=fixations)


def cc(prediction: Maps, truth: Maps, *, as_challenge: bool = False) -> Scores:
    """Pearson's correlation of prediction and truth, for each frame."""
    return _each(_cc, prediction=prediction, truth=truth) if as_challenge else metrics.cc(prediction, truth)


def sim(prediction: Maps, truth: Maps, *, as_challenge: bool = False) -> Scores:
    """The share of probability that prediction and truth have in common, for each frame."""
    return _each(_sim, prediction=prediction, truth=truth) if as_challenge else metrics.sim(prediction, truth)


def nss(prediction: Maps, fixations: Counts, *, as_challenge: bool = False) -> Scores:
    """The mean z-score of the prediction at the fixations, for each frame."""
    return (
        _each(_nss, prediction=prediction, fixations=fixations) if as_challenge else metrics.nss(prediction, fixations)
    )


def mean(values: Float[np.ndarray, " n"] | Sequence[float]) -> float:
    """The mean over the frames of a clip, or over clips; NaN is left out, and nothing else is NaN.

    >>> mean([1.0, math.nan, 2.0])
    1.5
    """
    return float(_nanmean(np.asarray(values, np.float64), 0))


def mean_rank(means: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The mean rank of each entry over the scores, of which more is better: entry -> score -> mean over clips.

    In each score those are ranked that have it; an entry without any has NaN.

    >>> mean_rank({"a": {"cc": 0.5, "nss": 2.0}, "b": {"cc": 0.4, "nss": 2.0}})
    {'a': 1.25, 'b': 1.75}
    """
    names = dict.fromkeys(name for scores in means.values() for name in scores)
    table = [[scores.get(name, math.nan) for name in names] for scores in means.values()]
    found = mean_ranks(np.array(table, np.float64).reshape(len(means), len(names), 1))
    return dict(zip(means, found[:, 0].tolist(), strict=True))


def mean_ranks(means: Float[np.ndarray, "e s d"]) -> Float[np.ndarray, "e d"]:
    """The same for `d` draws at once: entries by scores by draws."""
    better = (means[None] > means[:, None]).sum(1)
    tied = (means[None] == means[:, None]).sum(1)
    return _nanmean(np.where(np.isnan(means), math.nan, better + (tied + 1) / 2), 1)


def _nanmean(values: Float[np.ndarray, "*n"], axis: int) -> Float[np.ndarray, "*m"]:
    """The mean of what is known; NaN where nothing is."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0).sum(axis) / known.sum(axis))


def _each(score: Callable[[Map, Fixations], float], **pair: Maps | Counts) -> Scores:
    """The score of each frame of a prediction, stretched to 0 to 1, and what it is compared with."""
    (_, first), (name, other) = ((name, _checked(name, values)) for name, values in pair.items())
    if first.shape != other.shape:
        raise ValueError(f"{name} has shape {other.shape}, but prediction has {first.shape}.")
    with np.errstate(divide="ignore", invalid="ignore"):
        frames = [score(_stretched(p), q) if q.any() else math.nan for p, q in zip(first, other, strict=True)]
    return np.array(frames, np.float64)


def _checked(name: str, values: Maps | Counts) -> Num[np.ndarray, "b h w"]:
    array = np.asarray(values.detach().cpu().double() if hasattr(values, "detach") else values)
    if array.size and extremes(name, array)[0] < 0 and name == "fixations":
        raise ValueError("fixations holds negative values, but counts fixations.")
    return array


def _stretched(values: Num[np.ndarray, "h w"]) -> Map:
    wide = values.astype(np.float64)
    low, high = wide.min(), wide.max()
    return (wide - low) / (high - low) if high > low else np.zeros_like(wide)


def _auc_judd(prediction: Map, fixations: Fixations) -> float:
    rows, columns = np.nonzero(fixations)
    values = np.repeat(prediction[rows, columns], fixations[rows, columns].astype(np.int64))
    thresholds = np.sort(values)[::-1]
    unique = 1 if (rows == columns).all() else 2
    above = prediction.size - np.searchsorted(np.sort(prediction, axis=None), thresholds)
    rank = np.arange(1, len(values) + 1)
    hits = np.concatenate([[0], rank / len(values), [1]])
    false = np.concatenate([[0], (above - rank) / np.float64(prediction.size - unique), [1]])
    return float(np.trapezoid(hits, false))


def _nss(prediction: Map, fixations: Fixations) -> float:
    scored = (prediction - prediction.mean()) / (prediction.std() + TINY)
    return float((scored * fixations).sum() / fixations.sum())


def _cc(prediction: Map, truth: Map) -> float:
    a, b = (_standard(values) for values in (prediction, _stretched(truth)))
    return float((a * b).sum() / math.sqrt((a * a).sum() * (b * b).sum() + TINY))


def _sim(prediction: Map, truth: Map) -> float:
    p, q = (values / (values.sum() + TINY) for values in (prediction, _stretched(truth)))
    return float(np.minimum(p, q).sum())


def _standard(values: Map) -> Map:
    return np.asarray((values - values.mean()) / (values.std() + TINY))
