"""How well a prediction agrees with people who were recorded on one picture, beside chance and beside the people.

All maps lie on the cells of one grid, no finer than `SIDE`. Scores are those of `saliency.metrics` (convention
"tuebingen"), rows those of `evaluation.saliency.scoring`: the prediction; every place alike; what knows only the centre
bias; half of the people against the other half (cc, sim); and one person against all others (nss, auc), the human
ceiling. `ceiling_share` is the prediction's nss over that of the ceiling, with an interval that resamples people.

Shapes: `g v` cells, `o` people.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Float32, Int32

from data import maps
from data.gaze import Scanpath
from evaluation.saliency import scoring
from evaluation.saliency.fixations import ViewedImage
from evaluation.saliency.scoring import FLOOR, GroundTruth
from saliency import metrics

SIDE = 480  # cells: the longest side of the grid
NAMES = ("auc", "nss", "cc", "sim")
LEAST_PEOPLE = 2  # for a ceiling
FEW = 8  # people, below which the ceiling is rough
DRAWS, SEED = 2000, 0
WIDTH_SHARE = 0.03  # of the picture's width: sigma where no screen is known, a degree in the sets of the models
Density = Float32[np.ndarray, "g v"]


@dataclass(frozen=True)
class Agreement:
    """Scores by row and name; rows that people are needed for are empty where there are too few."""

    people: int
    looks: int  # on the picture
    prediction: dict[str, float]
    anywhere: dict[str, float]  # every place alike: chance
    middle: dict[str, float]  # the centre bias
    ceiling: dict[str, float]  # one from the others; cc and sim: half from the other half
    ceiling_share: float  # NaN without a ceiling above chance
    low: float  # of 95 of 100 resamples of the people
    high: float


def cells(size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the grid for a picture of this width and height."""
    scale = min(1.0, SIDE / max(size))
    return max(1, round(size[1] * scale)), max(1, round(size[0] * scale))


def sigma(size: tuple[int, int], degree: float) -> float:
    """Pixels of the picture by which looks are blurred: a degree of visual angle, or `WIDTH_SHARE` where unknown."""
    return degree if np.isfinite(degree) and degree > 0 else WIDTH_SHARE * size[0]


def on_grid(log_density: Float[np.ndarray, "h w"], shape: tuple[int, int]) -> Density:
    """A log density on the cells of a grid."""
    enlarged = log_density.shape[0] < shape[0]
    wide = cv2.resize(log_density, shape[::-1], interpolation=cv2.INTER_LINEAR if enlarged else cv2.INTER_AREA)
    wide = wide - wide.max()
    return np.asarray(wide - np.log(np.exp(wide).sum(dtype=np.float64)), np.float32)


def during(paths: Sequence[Scanpath], second: int | None, seconds: float) -> list[Scanpath]:
    """What of the paths begins in a second of a viewing of so many; None is all."""
    if second is None:
        return list(paths)
    kept = [maps.second(maps.onsets(path, seconds), seconds) == second for path in paths]
    return [
        Scanpath(path.subject, path.xy[keep], path.onset[keep], path.duration[keep])
        for path, keep in zip(paths, kept, strict=True)
    ]


def real_map(paths: Sequence[Scanpath], size: tuple[int, int], blur: float, shape: tuple[int, int]) -> Density:
    """The density of everybody's looks on a picture of some width and height; `blur` is its sigma in pixels of it.

    A picture that nobody looked at has a density of zeros.
    """
    image = _image(paths, size, shape)
    return maps.rendered(image.xy, shape, blur * shape[1] / size[0])


def agreement(
    paths: Sequence[Scanpath],
    log_density: Float[np.ndarray, "h w"],
    size: tuple[int, int],
    blur: float,
    middle: Float[np.ndarray, "g v"],
) -> Agreement:
    """How well a log density agrees with what people looked at; `middle` is the centre bias on the same grid.

    Somebody has to have looked at the picture.
    """
    shape = middle.shape[0], middle.shape[1]
    image, fine = _image(paths, size, shape), blur * middle.shape[1] / size[0]
    truth = _truth(image, middle, fine)
    predicted = on_grid(log_density, shape)
    chance = scoring.chance_rows(truth, NAMES)
    everyone = np.unique(image.observer)
    ceiling: dict[str, float] = {}
    for row in scoring.human_rows(image, truth, fine, 0, NAMES).values():
        ceiling |= row
    share, low, high = _share(image, truth, predicted, fine, everyone)
    return Agreement(
        len(everyone),
        len(image.xy),
        truth.scores(NAMES, predicted),
        chance[scoring.UNIFORM],
        chance[scoring.CENTRE],
        ceiling,
        share,
        low,
        high,
    )


def _image(paths: Sequence[Scanpath], size: tuple[int, int], shape: tuple[int, int]) -> ViewedImage:
    """Everybody's looks on the picture, as places on the grid."""
    xy = np.concatenate([np.zeros((0, 2)), *(path.xy for path in paths)]) * (shape[1] / size[0], shape[0] / size[1])
    names = {name: number for number, name in enumerate(dict.fromkeys(path.subject for path in paths))}
    numbers = np.array([names[path.subject] for path in paths], np.int32)
    observer = np.repeat(numbers, [len(path) for path in paths])
    on = maps.on(xy, shape)
    return ViewedImage("", Path(), shape, xy[on], np.zeros(int(on.sum()), np.int16), observer[on])


def _truth(image: ViewedImage, middle: Float[np.ndarray, "g v"], fine: float) -> GroundTruth:
    counts = maps.counts(image.xy, image.size)
    centre = (1 - FLOOR) * middle / middle.sum() + FLOOR / middle.size
    nothing = np.zeros_like(counts)
    planes = (maps.rendered(image.xy, image.size, fine), counts, nothing, np.log(centre))
    return GroundTruth(*(np.ascontiguousarray(plane, np.float32)[None] for plane in planes))


def _share(
    image: ViewedImage, truth: GroundTruth, predicted: Density, fine: float, everyone: Int32[np.ndarray, " o"]
) -> tuple[float, float, float]:
    """The prediction's nss over that of one person from the others, both means over people, and its interval."""
    if len(everyone) < LEAST_PEOPLE:
        return float("nan"), float("nan"), float("nan")
    rows = []
    for others, own in scoring.left_out(image, truth, fine, everyone):
        maps_of = np.exp(np.stack([predicted, others]))
        rows.append(metrics.nss(maps_of, np.stack([own, own])))
    by_person = np.array(rows)
    mean = by_person.mean(0)
    if mean[1] <= 0:
        return float("nan"), float("nan"), float("nan")
    draws = np.random.default_rng(SEED).integers(0, len(by_person), (DRAWS, len(by_person)))
    means = by_person[draws].mean(1)
    shares = means[:, 0] / np.maximum(means[:, 1], 1e-6)
    low, high = np.quantile(shares, (0.025, 0.975))
    return float(mean[0] / mean[1]), float(low), float(high)
