"""`gaze evaluate saliency`: how well models predict where people look, beside chance and beside other people.

A map is a density at the picture's own size, scored on each picture; a result is the mean over pictures with its 95 %
bootstrap interval. The truth is every fixation of every observer on the picture, as counts (nss, auc, sauc, ig) and as
the density that `data.maps.density` makes of them with `sigma` picture pixels (cc, sim, kl). The scores are those of
`saliency.metrics`, convention "tuebingen"; sauc's negatives are the fixations on all other evaluated pictures, scaled
to the picture's size, and ig's baseline is the centre bias.

    centre bias c           0.999 b + 0.001 / pixels; b: the fixations on the pictures of the split "train" (without
                            one, or when it is evaluated itself: on all other evaluated pictures), scaled to the
                            picture's size and blurred with sigma
    half of the observers   the density of a random half (the smaller one) as a prediction of the other half's; its kl
                            suffers from zeros, which begin 4 sigma from every fixation
    leave one observer out  for each observer 0.9 d + 0.1 c, d: the density of all others, on this observer's fixations;
                            the mean over observers

A flat map has nss 0, cc 0, auc and sauc 0.5, and is not listed. With `slices`, the same for each second, of which truth
and centre bias are the fixations that begin in it (`data.maps.onsets`): a model's slice, its density of the whole
viewing ("time-blind"), and the first less the second, picture by picture.
"""

import functools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, Shaped
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from data import TableError, maps, table
from data.gaze import Picture, Scanpath
from data.picture import read
from export.runtime import Prediction, Predictor
from saliency import metrics

SCORES = ("cc", "nss", "sim", "kl", "auc", "sauc", "ig")
OF_A_SECOND = ("cc", "nss", "kl")
WHOLE, CENTRE, HALVES, LEFT_OUT = "whole", "centre bias", "half of the observers", "leave one observer out"
FLOOR = 1e-3  # of the centre bias: no place is impossible
SHARE = 0.1  # of the centre bias in `leave one observer out`
SEED, DRAWS = 0, 1000  # of the bootstrap; the halves have the same seed

Rows = dict[str, dict[str, float]]  # row -> score -> value on one picture
Models = dict[str, tuple[Predictor, str]]  # row -> model and the viewing condition it is asked for
Values = dict[str, dict[str, dict[str, Float[np.ndarray, " n"]]]]  # period -> row -> score -> values on all pictures


@dataclass(frozen=True)
class Evaluation:
    """Every row's scores on every picture, for the whole viewing ("whole") and perhaps each second ("0-1 s", ...)."""

    protocol: dict[str, Any]
    values: Values

    def scores(self, row: str, period: str = WHOLE) -> dict[str, dict[str, float]]:
        """For each score: mean, low and high end of its 95 % interval, and how many pictures have it."""
        summary = {}
        for name, values in self.values[period][row].items():
            mean, low, high = metrics.bootstrap(values, SEED, DRAWS)
            summary[name] = {"mean": mean, "low": low, "high": high, "pictures": int(np.isfinite(values).sum())}
        return summary

    def to_json(self) -> str:
        """The protocol and all scores; null where there was nothing to score."""
        scores = {period: {row: self.scores(row, period) for row in rows} for period, rows in self.values.items()}
        text = json.dumps({"protocol": self.protocol, "scores": scores})
        return json.dumps(json.loads(text, parse_constant=lambda nan: None), indent=2) + "\n"


@dataclass(frozen=True)
class _Viewing:
    """The fixations of all observers that lie on one picture."""

    name: str
    path: Path  # of the picture
    size: tuple[int, int]  # height, width
    xy: Float[np.ndarray, "l 2"]  # pixels
    second: Float[np.ndarray, " l"]  # in which it begins
    observer: Shaped[np.ndarray, " l"]

    def during(self, second: int | None) -> "_Viewing":
        """What begins in a second; None is the whole viewing."""
        keep = self.second == (self.second if second is None else second)
        return replace(self, xy=self.xy[keep], second=self.second[keep], observer=self.observer[keep])


@dataclass(frozen=True)
class _Truth:
    """What a map of one picture is compared with."""

    density: Float32[Tensor, "1 h w"]
    counts: Float32[Tensor, "1 h w"]
    negatives: Float32[Tensor, "1 h w"]
    log_centre: Float32[Tensor, "1 h w"]

    @classmethod
    def of(cls, viewing: _Viewing, chosen: Sequence[_Viewing], train: Sequence[_Viewing], sigma: float) -> "_Truth":
        counts, elsewhere = maps.counts(viewing.xy, viewing.size), _elsewhere(viewing, train)
        centre = maps.density(elsewhere, sigma) if elsewhere.any() else np.full(viewing.size, 1 / counts.size)
        log_centre = np.log((1 - FLOOR) * centre + FLOOR / counts.size)
        negatives = _elsewhere(viewing, chosen)
        return cls(*(_tensor(values) for values in (maps.density(counts, sigma), counts, negatives, log_centre)))

    def scores(
        self, names: Sequence[str], log_density: Float[np.ndarray, "h w"], own: Float32[np.ndarray, "h w"] | None = None
    ) -> dict[str, float]:
        """A map's scores; `own` are counts of fixations that take the place of everybody's."""
        log, counts = _tensor(log_density), self.counts if own is None else _tensor(own)
        p = log.exp()
        score: dict[str, Callable[[], Tensor]] = {
            "cc": lambda: metrics.cc(p, self.density),
            "nss": lambda: metrics.nss(p, counts),
            "sim": lambda: metrics.sim(p, self.density),
            "kl": lambda: metrics.kl(p, self.density),
            "auc": lambda: metrics.auc_judd(p, counts),
            "sauc": lambda: metrics.sauc(p, counts, self.negatives),
            "ig": lambda: metrics.ig(log, counts, self.log_centre),
        }
        return {name: score[name]().item() for name in names}


def evaluate(
    root: Path | str,
    models: Sequence[str | Path] = ("tempsal",),
    *,
    split: str = "test",
    condition: str | None = None,
    seconds: float = 3.0,
    sigma: float = 15.36,
    slices: bool = False,
) -> Evaluation:
    """Score models on a data set in the table format.

    Args:
        root: The data set.
        models: Names in `export/weights`, or .onnx files.
        split: Of splits.json; "all", or a set without that file, takes every picture.
        condition: Viewing condition; None takes the folder's name where the model knows it, else "any".
        seconds: How long each picture was shown.
        sigma: Of the true densities, in pixels of the pictures.
        slices: Score each second, too.
    """
    root = Path(root)
    opened = _open(models, condition, root)
    chosen, train = _viewings(root, split, seconds)
    values: Values = {}
    periods = {f"{s}-{s + 1} s": s for s in range(math.ceil(seconds))} if slices else {}
    parts = {p: [[v.during(s) for v in some] for some in (chosen, train)] for p, s in {WHOLE: None, **periods}.items()}
    console = Console(stderr=True)
    for i in track(range(len(chosen)), "pictures", console=console, disable=not console.is_terminal, transient=True):
        predictions = {name: model(read(chosen[i].path), known) for name, (model, known) in opened.items()}
        for period, (now, before) in parts.items():
            truth = _Truth.of(now[i], now, before, sigma)
            names = SCORES if period == WHOLE else OF_A_SECOND
            rows = _people(now[i], truth, sigma, i, names) | _models(predictions, truth, periods.get(period))
            for row, scores in rows.items():
                for name, value in scores.items():
                    column = values.setdefault(period, {}).setdefault(row, {})
                    column.setdefault(name, np.full(len(chosen), math.nan))[i] = value
    facts = {"data": root.resolve().name, "split": split if table.splits(root) else "all", "seconds": seconds}
    facts |= {"sigma_pixels": sigma, "centre_bias": "all other pictures" if chosen is train else "train"}
    return Evaluation(facts | _protocol(chosen, opened), values)


def show(evaluation: Evaluation) -> None:
    """Print a table for the whole viewing and one for each second; below each score is its 95 % interval."""
    console = Console()
    console = console if console.is_terminal else Console(width=120)
    facts = evaluation.protocol
    line = f"{facts['data']}, {facts['split']}: {facts['pictures']} pictures, sigma {facts['sigma_pixels']:g} pixels"
    console.print(f"{line}, convention {facts['convention']}; below: 95 % intervals over pictures", highlight=False)
    for period, rows in evaluation.values.items():
        names, digits = (SCORES, 2) if period == WHOLE else (OF_A_SECOND, 3)
        shown = Table(period, *names, box=None, pad_edge=False)
        for row in rows:
            scores = evaluation.scores(row, period)
            shown.add_row(row, *(_cell(scores[name], digits) if name in scores else "" for name in names))
        console.print()
        console.print(shown)


def _people(viewing: _Viewing, truth: _Truth, sigma: float, seed: int, names: Sequence[str]) -> Rows:
    """The rows that need no model; those of observers need two of them."""
    rows = {CENTRE: truth.scores(names, truth.log_centre[0].numpy())}
    everyone = np.random.default_rng((SEED, seed)).permutation(np.unique(viewing.observer))
    if len(everyone) < 2:
        return rows
    halves: dict[str, Callable[..., Tensor]] = {"cc": metrics.cc, "sim": metrics.sim, "kl": metrics.kl}
    half = np.isin(viewing.observer, everyone[: len(everyone) // 2])
    p, q = (_tensor(density(viewing.xy[some], viewing.size, sigma)) for some in (half, ~half))
    rows[HALVES] = {name: score(p, q).item() for name, score in halves.items() if name in names}
    left, centre = [], np.exp(truth.log_centre[0].numpy())
    for observer in everyone:
        own = viewing.observer == observer
        others = (1 - SHARE) * density(viewing.xy[~own], viewing.size, sigma) + SHARE * centre
        counts = maps.counts(viewing.xy[own], viewing.size)
        left.append(truth.scores([name for name in names if name not in halves], np.log(others), counts))
    rows[LEFT_OUT] = {name: float(np.mean([scores[name] for scores in left])) for name in left[0]}
    return rows


def _models(predictions: dict[str, Prediction], truth: _Truth, second: int | None) -> Rows:
    rows: Rows = {}
    for name, prediction in predictions.items():
        blind = truth.scores(SCORES if second is None else OF_A_SECOND, prediction.density)
        rows[name if second is None else f"{name}, time-blind"] = blind
        if second is not None and prediction.times[second : second + 1] == ((second, second + 1),):
            timed = rows[name] = truth.scores(OF_A_SECOND, prediction.slices[second])
            rows[f"{name} - time-blind"] = {score: timed[score] - blind[score] for score in timed}
    return rows


def density(xy: Float[np.ndarray, "l 2"], size: tuple[int, int], sigma: float) -> Float32[np.ndarray, "h w"]:
    """What `maps.density` makes of some hundred points, many times faster: a sum of products of two curves each."""
    columns, rows = np.floor(xy).astype(np.int64).T
    blurred = _curves(size[0], sigma)[rows].T @ _curves(size[1], sigma)[columns]
    return np.asarray(blurred / blurred.sum(dtype=np.float64), np.float32)


@functools.lru_cache(maxsize=64)
def _curves(length: int, sigma: float) -> Float32[np.ndarray, "n n"]:
    """In row p, the Gaussian of a point in pixel p of a line."""
    width = 2 * max(1, math.ceil(4 * sigma)) + 1
    points = np.eye(length, dtype=np.float32)
    return np.asarray(cv2.GaussianBlur(points, (width, 1), sigma, borderType=cv2.BORDER_CONSTANT))


def _elsewhere(viewing: _Viewing, viewings: Sequence[_Viewing]) -> Float32[np.ndarray, "h w"]:
    """The counts of the fixations on all other pictures, scaled to the size of this one."""
    others = [v.xy / v.size[::-1] for v in viewings if v.name != viewing.name]
    return maps.counts(np.concatenate([np.zeros((0, 2)), *others]) * viewing.size[::-1], viewing.size)


def _viewings(root: Path, split: str, seconds: float) -> tuple[list[_Viewing], list[_Viewing]]:
    """The pictures that are evaluated, and those of the centre bias."""
    named = table.splits(root)
    if named and split not in (*named, "all"):
        raise TableError(f"{root / 'splits.json'}: no split {split!r}; choose one of: {', '.join([*named, 'all'])}.")
    everything = {picture.name: _viewing(root, picture, paths, seconds) for picture, paths in table.read(root)}
    chosen = [everything[name] for name in named.get(split, everything) if name in everything]
    if not any(len(viewing.xy) for viewing in chosen):
        raise TableError(f"{root}: no picture of the split {split!r} has a fixation on it; choose another one.")
    train = [everything[name] for name in named.get("train", ()) if name in everything]
    return chosen, train if train and split not in ("train", "all") else chosen


def _viewing(root: Path, picture: Picture, paths: Sequence[Scanpath], seconds: float) -> _Viewing:
    size, path = (picture.height, picture.width), picture.path or root / "images" / picture.name
    xy = np.concatenate([p.xy for p in paths])
    second = np.concatenate([maps.second(maps.onsets(p, seconds), seconds) for p in paths])
    observer = np.repeat([p.subject for p in paths], [len(p) for p in paths])
    on = maps.on(xy, size)
    return _Viewing(picture.name, path, size, xy[on], second[on], observer[on])


def _open(models: Sequence[str | Path], condition: str | None, root: Path) -> Models:
    opened: Models = {}
    for model in models:
        predictor = Predictor(model)
        name, fitting = predictor.contract.name, root.resolve().name
        known = condition or (fitting if fitting in predictor.contract.conditions else "any")
        predictor.index(known)
        opened[name if name not in opened else str(model)] = predictor, known
    return opened


def _protocol(chosen: Sequence[_Viewing], opened: Models) -> dict[str, Any]:
    return {
        "pictures": len(chosen),
        "fixations": sum(len(viewing.xy) for viewing in chosen),
        "size": "each picture's own",
        "convention": "tuebingen",
        "centre_bias_floor": FLOOR,
        "leave_one_observer_out_centre_bias": SHARE,
        "interval": {"percent": 95, "over": "pictures", "draws": DRAWS, "seed": SEED},
        "versions": {name: version(name) for name in ("gaze", "numpy", "torch")},
        "models": {
            row: {"version": model.contract.version, "commit": model.contract.commit, "condition": known}
            for row, (model, known) in opened.items()
        },
    }


def _tensor(values: Float[np.ndarray, "h w"]) -> Float32[Tensor, "1 h w"]:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))[None]


def _cell(score: dict[str, float], digits: int) -> str:
    return f"{score['mean']:.3f}\n{score['low']:.{digits}f} {score['high']:.{digits}f}" if score["pictures"] else "-"
