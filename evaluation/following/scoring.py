"""The scores of every row on one head: chance, priors, what predicts, and the annotators themselves.

What the rows are and how they are made stands in `evaluation.following.protocol`.
"""

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, Float32

from data.following.people import Person
from following import metrics
from following.metrics import CELLS

AUC, AUC_CELLS, AVERAGE, MINIMUM, PRECISION = "auc", "auc_cells", "avg_dist", "min_dist", "ap"
SCORES = (AUC, AUC_CELLS, AVERAGE, MINIMUM)  # of a head; PRECISION is of all of them
CHANCE, CENTRE, PRIOR, PEOPLE = "chance", "centre", "prior around the head", "annotators"
ROWS = (CHANCE, CENTRE, PRIOR, PEOPLE)
LEAST, DIGITS = 1e-30, 5  # of a density relative to its highest; of its logarithm
SIGMA = 3.0  # cells: of the map that one annotator makes for the others

Map = Float32[np.ndarray, "g v"]
HeadScores = dict[str, float]


def grid(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Height and width at which AUC is computed: the picture's own, or smaller in the same proportions.

    >>> grid((480, 640), 1024), grid((3000, 4000), 1000)
    ((480, 640), (750, 1000))
    """
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def scores(log_density: Map, person: Person, side: int) -> HeadScores:
    """The scores of a map that covers the person's picture; {} where nobody points at anything.

    The map is resized bilinearly, for AUC to the picture (whose longer side is `side` at most), for distances to
    64 x 64 cells; where it is larger than these by the mean of its parts.
    """
    if not len(person.gaze):
        return {}
    density = np.exp(log_density - log_density.max())
    plane, cells = _resized(density, grid(person.size, side)), _resized(density, (CELLS, CELLS))
    shares = person.gaze / person.size[::-1]
    found = {
        AUC: metrics.auc(plane, shares * plane.shape[::-1]),
        AVERAGE: metrics.average_distance(cells, shares),
        MINIMUM: metrics.minimum_distance(cells, shares),
    }
    return found | ({AUC_CELLS: metrics.auc_cells(cells, shares[0])} if len(shares) == 1 else {})


def chance(person: Person) -> HeadScores:
    """What a place drawn at random is expected to score; a flat map's AUC."""
    if not len(person.gaze):
        return {}
    shares = person.gaze / person.size[::-1]
    corners = np.stack(np.meshgrid(*[np.arange(CELLS) / CELLS] * 2), -1).reshape(-1, 2)
    away = np.hypot(*(corners[:, None] - shares[None]).transpose(2, 0, 1))
    mean = np.hypot(*(corners - shares.mean(0)).T).mean()
    found = {AUC: 0.5, AVERAGE: float(mean), MINIMUM: float(away.min(1).mean())}
    return found | ({AUC_CELLS: 0.5} if len(shares) == 1 else {})


def annotators(person: Person, side: int) -> HeadScores:
    """How well each annotator predicts all others, by a Gaussian around the own point; the mean. {} of fewer than two.

    A distance is from the point itself.
    """
    if len(person.gaze) < 2:
        return {}
    shares, size = person.gaze / person.size[::-1], grid(person.size, side)
    found: dict[str, list[float]] = {AUC: [], AVERAGE: [], MINIMUM: []}
    for number, own in enumerate(shares):
        others = np.delete(shares, number, 0)
        parts = [
            np.exp(-((((np.arange(length) + 0.5) / length - place) * CELLS / SIGMA) ** 2) / 2)
            for length, place in zip(size, own[::-1], strict=True)
        ]
        plane = np.outer(*parts)
        found[AUC].append(metrics.auc(plane, others * plane.shape[::-1]))
        found[AVERAGE].append(float(np.hypot(*(own - others.mean(0)))))
        found[MINIMUM].append(float(np.hypot(*(own - others).T).min()))
    return {name: float(np.mean(values)) for name, values in found.items()}


def resampled(
    score: Callable[[Any, Any], float],
    values: Float[np.ndarray, " n"],
    labels: Float[np.ndarray, " n"],
    seed: int,
    draws: int,
) -> tuple[float, float, float]:
    """A score of all heads together, and the ends of its 95 % interval over resampled heads; NaN is left out."""
    known = np.isfinite(values) & np.isfinite(labels)
    values, labels = values[known], labels[known] > 0.5
    if not labels.any() or labels.all():
        return math.nan, math.nan, math.nan
    generator = np.random.default_rng(seed)
    drawn = [generator.integers(0, len(values), len(values)) for _ in range(draws)]
    each = [score(values[chosen], labels[chosen]) for chosen in drawn]
    low, high = np.nanpercentile(each, (2.5, 97.5))
    return score(values, labels), float(low), float(high)


def _resized(density: Map, size: tuple[int, int]) -> Map:
    """The logarithm of a density at another size, rounded: what resizing makes of equal numbers is equal again."""
    if density.shape != size:
        shrinks = density.shape[0] > size[0] or density.shape[1] > size[1]
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        density = np.asarray(cv2.resize(density.astype(np.float32), size[::-1], interpolation=method), np.float32)
    return np.asarray(np.round(np.log(np.maximum(density, LEAST)), DIGITS), np.float32)
