"""The ground truth of one picture, and the scores of every row on it: chance, models, and the people themselves.

What the rows are and how they are made stands in `evaluation.saliency.protocol`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int32

from data import maps
from evaluation.saliency.fixations import OtherImages, ViewedImage
from export.runtime.saliency import Prediction
from saliency import metrics

SCORES = ("cc", "nss", "sim", "kl", "auc", "sauc", "ig")
OF_A_SECOND = ("cc", "nss", "kl", "ig")
UNIFORM, CENTRE, HALVES, LEFT_OUT = "uniform", "centre bias", "half of the observers", "leave one observer out"
BLIND, LESS_BLIND = ", time-blind", " - time-blind"  # ends of the names of a second's rows
ROWS = (UNIFORM, CENTRE, HALVES, LEFT_OUT)
FLOOR = 1e-3  # share of a uniform density in the centre bias, so that no place is impossible
CENTRE_SHARE = 0.1  # of the centre bias in `leave one observer out`
SEED = 0  # of the halves

Rows = dict[str, dict[str, float]]  # row -> score -> value on one picture
Plane = Float[np.ndarray, "h w"]


@dataclass(frozen=True)
class GroundTruth:
    """What a map of one picture is compared with."""

    density: Float32[np.ndarray, "1 h w"]
    counts: Float32[np.ndarray, "1 h w"]
    negatives: Float32[np.ndarray, "1 h w"]
    log_centre: Float32[np.ndarray, "1 h w"]

    @classmethod
    def of(cls, image: ViewedImage, chosen: OtherImages, train: OtherImages, sigma: float) -> "GroundTruth":
        """The truth of a picture; the negatives of sauc are of all `chosen`, the centre bias is of all `train`."""
        counts, others = maps.counts(image.xy, image.size), train.counts(image)
        centre = maps.density(others, sigma) if others.any() else np.full(image.size, 1 / counts.size)
        log_centre = np.log((1 - FLOOR) * centre + FLOOR / counts.size)
        negatives = chosen.counts(image)
        return cls(*(_batch(values) for values in (maps.density(counts, sigma), counts, negatives, log_centre)))

    def scores(self, names: Sequence[str], log_density: Plane, own: Plane | None = None) -> dict[str, float]:
        """A map's scores; `own` are counts of fixations that take the place of everybody's."""
        log, counts = _batch(log_density), self.counts if own is None else _batch(own)
        p = np.exp(log)
        score: dict[str, Callable[[], metrics.Scores]] = {
            "cc": lambda: metrics.cc(p, self.density),
            "nss": lambda: metrics.nss(p, counts),
            "sim": lambda: metrics.sim(p, self.density),
            "kl": lambda: metrics.kl(p, self.density),
            "auc": lambda: metrics.auc_judd(p, counts),
            "sauc": lambda: metrics.sauc(p, counts, self.negatives),
            "ig": lambda: metrics.ig(log, counts, self.log_centre),
        }
        return {name: score[name]().item() for name in names}


def chance_rows(truth: GroundTruth, names: Sequence[str]) -> Rows:
    """The rows that know nothing of the picture."""
    flat = np.full(truth.counts.shape[1:], -np.log(truth.counts.size), np.float32)
    return {UNIFORM: truth.scores(names, flat), CENTRE: truth.scores(names, truth.log_centre[0])}


def human_rows(image: ViewedImage, truth: GroundTruth, sigma: float, seed: int, names: Sequence[str]) -> Rows:
    """The rows of observers, who predict each other; nothing with fewer than two of them."""
    everyone = np.random.default_rng((SEED, seed)).permutation(np.unique(image.observer))
    if len(everyone) < 2:
        return {}
    halves: dict[str, Callable[..., metrics.Scores]] = {"cc": metrics.cc, "sim": metrics.sim, "kl": metrics.kl}
    half = np.isin(image.observer, everyone[: len(everyone) // 2])
    p, q = (_batch(maps.rendered(image.xy[chosen], image.size, sigma)) for chosen in (half, ~half))
    agreement = {name: score(p, q).item() for name, score in halves.items() if name in names}
    of_one = [name for name in names if name not in halves]
    left = [truth.scores(of_one, others, own) for others, own in left_out(image, truth, sigma, everyone)]
    return {HALVES: agreement, LEFT_OUT: {name: float(np.mean([scores[name] for scores in left])) for name in left[0]}}


def left_out(
    image: ViewedImage, truth: GroundTruth, sigma: float, observers: Sequence[int] | Int32[np.ndarray, " o"]
) -> Iterator[tuple[Plane, Plane]]:
    """For each of some observers the log density that all others make, and the counts of this one's fixations."""
    centre = np.exp(truth.log_centre[0])
    for observer in observers:
        own = image.observer == observer
        others = (1 - CENTRE_SHARE) * maps.rendered(image.xy[~own], image.size, sigma) + CENTRE_SHARE * centre
        yield np.log(others), maps.counts(image.xy[own], image.size)


def model_rows(predictions: Mapping[str, Prediction], truth: GroundTruth, second: int | None) -> Rows:
    """The rows of what predicts: in a second its slice, its time-blind density, and the first less the second."""
    rows: Rows = {}
    for name, prediction in predictions.items():
        blind = truth.scores(SCORES if second is None else OF_A_SECOND, prediction.density)
        if second is not None and prediction.times[second : second + 1] == ((second, second + 1),):
            timed = rows[name] = truth.scores(OF_A_SECOND, prediction.slices[second])
            rows[name + BLIND] = blind
            rows[name + LESS_BLIND] = {score: timed[score] - blind[score] for score in timed}
        else:
            rows[name if second is None else name + BLIND] = blind
    return rows


def _batch(values: Plane) -> Float32[np.ndarray, "1 h w"]:
    return np.ascontiguousarray(values, np.float32)[None]
