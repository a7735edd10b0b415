"""`gaze evaluate saliency`: how well models predict where people look, beside chance and beside other people.

Every map is a density at the picture's own size and is scored on each picture; a result is the mean over pictures with
its 95 % bootstrap interval. The truth is every fixation of every observer on the picture, as counts (`nss`, `auc`,
`sauc`, `ig`) and as the density that `data.maps.density` makes of them with `sigma` picture pixels (`cc`, `sim`, `kl`).
The scores are those of `saliency.metrics`, convention "tuebingen"; sauc's negatives are the fixations on all other
pictures that are evaluated, and ig's baseline is the centre bias. Fixations off the picture are left out.

Rows:
    centre bias             c = 0.999 b + 0.001 / pixels; b: the fixations on the pictures of the split "train" (without
                            one, or when it is evaluated itself: on all other evaluated pictures), their coordinates
                            scaled to the picture's size, blurred with sigma
    half of the observers   the density of a random half (the smaller one) against that of the other half; kl suffers
                            from the zeros beyond 4 sigma
    leave one observer out  for each observer 0.9 d + 0.1 c, d: the density of all others, on this observer's fixations;
                            the mean over observers
    a model                 its density

A flat map has nss 0, cc 0, auc and sauc 0.5, and is not listed. With `slices` the same for each second of the viewing,
of which the truth and the centre bias are the fixations that begin in it (`data.maps.onsets`): a model's slice, its
density of the whole viewing ("time-blind"), and the difference of the two, picture by picture.
"""

import functools
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from data import GazeError, ModelError, TableError, maps, table
from data.gaze import Picture, Scanpath
from data.picture import read
from export.runtime import Prediction, Predictor
from saliency import metrics

SCORES = ("cc", "nss", "sim", "kl", "auc", "sauc", "ig")
OF_A_SECOND = ("cc", "nss", "kl")
WHOLE, CENTRE, HALVES, LEFT_OUT = "whole", "centre bias", "half of the observers", "leave one observer out"
FLOOR = 1e-3  # of the centre bias: no place is impossible
SHARE = 0.1  # of the centre bias in `leave one observer out`
SEED = 0  # of the halves and of the bootstrap
DRAWS = 1000  # of the bootstrap


@dataclass(frozen=True)
class Score:
    """The mean of a score over pictures and its 95 % interval; NaN where there was nothing to score."""

    mean: float
    low: float
    high: float
    pictures: int


@dataclass(frozen=True)
class Evaluation:
    """Every score of every row on every picture: `values["whole"]["tempsal"]["cc"]` has one number per picture.

    The first key is "whole" or a second such as "0-1 s".
    """

    protocol: dict[str, Any]
    values: dict[str, dict[str, dict[str, Float[np.ndarray, " n"]]]]

    def scores(self, row: str, period: str = WHOLE) -> dict[str, Score]:
        """The scores of a row, over pictures."""
        return {
            name: Score(*metrics.bootstrap(values, SEED, DRAWS), int(np.count_nonzero(~np.isnan(values))))
            for name, values in self.values[period][row].items()
        }

    def record(self) -> dict[str, Any]:
        """The protocol and all scores, to be written as JSON: None stands for NaN."""
        rows = {
            period: {row: {name: _plain(score) for name, score in self.scores(row, period).items()} for row in rows}
            for period, rows in self.values.items()
        }
        return {"protocol": self.protocol, "scores": rows}

    def to_json(self) -> str:
        """`record` as text."""
        return json.dumps(self.record(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def tables(self) -> Iterator[Table]:
        """A table for the whole viewing and one for each second."""
        for period, rows in self.values.items():
            names = SCORES if period == WHOLE else OF_A_SECOND
            shown = Table("", *names, title=period, title_justify="left", box=None, pad_edge=False)
            for row in rows:
                scores = self.scores(row, period)
                shown.add_row(row, *(_cell(scores[name]) if name in scores else "" for name in names))
            yield shown


@dataclass(frozen=True)
class _Viewing:
    """The fixations of all observers on one picture; none lies off it."""

    picture: Picture
    xy: Float[np.ndarray, "l 2"]  # pixels
    second: Float[np.ndarray, " l"]  # in which it begins
    observer: Int[np.ndarray, " l"]  # from 0 to observers - 1
    observers: int

    @property
    def size(self) -> tuple[int, int]:
        return self.picture.height, self.picture.width

    def during(self, second: int | None) -> "_Viewing":
        """What begins in a second; None is the whole viewing."""
        if second is None:
            return self
        keep = self.second == second
        return replace(self, xy=self.xy[keep], second=self.second[keep], observer=self.observer[keep])


@dataclass(frozen=True)
class _Truth:
    """What a map of one picture is compared with; each map `(1, h, w)`."""

    density: Float32[Tensor, "1 h w"]
    counts: Float32[Tensor, "1 h w"]
    negatives: Float32[Tensor, "1 h w"]
    log_centre: Float32[Tensor, "1 h w"]

    @classmethod
    def of(cls, viewing: _Viewing, chosen: Sequence[_Viewing], train: Sequence[_Viewing], sigma: float) -> "_Truth":
        counts = maps.counts(viewing.xy, viewing.size)
        centre = maps.density(_elsewhere(viewing, train), sigma)
        centre = np.where(centre.any(), (1 - FLOOR) * centre, (1 - FLOOR) / centre.size) + FLOOR / centre.size
        density, negatives = maps.density(counts, sigma), _elsewhere(viewing, chosen)
        return cls(*(_tensor(values) for values in (density, counts, negatives, np.log(centre))))

    def scores(
        self, names: Sequence[str], log_density: Float32[np.ndarray, "h w"], fixations: Tensor | None = None
    ) -> dict[str, float]:
        """A map's scores by name; `fixations` are counts that take the place of everybody's."""
        log, counts = _tensor(log_density), self.counts if fixations is None else fixations
        p = log.exp()
        of: dict[str, Callable[[], Tensor]] = {
            "cc": lambda: metrics.cc(p, self.density),
            "nss": lambda: metrics.nss(p, counts),
            "sim": lambda: metrics.sim(p, self.density),
            "kl": lambda: metrics.kl(p, self.density),
            "auc": lambda: metrics.auc_judd(p, counts),
            "sauc": lambda: metrics.sauc(p, counts, self.negatives),
            "ig": lambda: metrics.ig(log, counts, self.log_centre),
        }
        return {name: of[name]().item() for name in names}


def evaluate(
    root: Path | str,
    models: Sequence[str | Path] = ("tempsal",),
    *,
    split: str = "test",
    condition: str | None = None,
    seconds: float = 3.0,
    sigma: float = 15.36,
    slices: bool = False,
    provider: str = "auto",
) -> Evaluation:
    """Score models on a data set in the table format.

    Args:
        root: The data set.
        models: Names in `export/weights`, or .onnx files; none scores people and the centre bias alone.
        split: Of splits.json; "all", or a set without that file, takes every picture.
        condition: Viewing condition; None takes the folder's name where the model knows it, else "any".
        seconds: How long each picture was shown.
        sigma: Of the true densities, in pixels of the pictures.
        slices: Score each second, too.
        provider: What the models run on: "auto", "cuda" or "cpu".
    """
    for name, value in (("sigma", sigma), ("seconds", seconds)):
        if not (math.isfinite(value) and value > 0):
            raise GazeError(f"{name} is {value:g}, but must be a positive number.")
    root = Path(root)
    chosen, train = _viewings(root, split, seconds)
    opened = _open(models, slices)
    conditions = {name: _condition(predictor, condition, root) for name, predictor in opened.items()}
    values: dict[str, dict[str, dict[str, list[float]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    console = Console(stderr=True)
    numbers = range(len(chosen))
    for number in track(numbers, "pictures", console=console, disable=not console.is_terminal, transient=True):
        predictions = {name: it(_pixels(chosen[number], root), conditions[name]) for name, it in opened.items()}
        for second in (None, *range(math.ceil(seconds))) if slices else (None,):
            now = [viewing.during(second) for viewing in chosen]
            truth = _Truth.of(now[number], now, [viewing.during(second) for viewing in train], sigma)
            rows = _people(now[number], truth, sigma, number, SCORES if second is None else OF_A_SECOND)
            rows |= _models(predictions, truth, second)
            period = WHOLE if second is None else f"{second}-{second + 1} s"
            for row, scores in rows.items():
                for name, value in scores.items():
                    values[period][row][name].append(value)
    arrays = {p: {r: {n: np.array(v) for n, v in s.items()} for r, s in rows.items()} for p, rows in values.items()}
    protocol = _protocol(root, split, chosen, sigma, seconds) | {
        "models": [_about(name, predictor, conditions[name]) for name, predictor in opened.items()]
    }
    return Evaluation(protocol, arrays)


def show(evaluation: Evaluation) -> None:
    """Print the tables, each score above its 95 % interval."""
    console = Console()
    facts = evaluation.protocol
    words = f"{facts['data']}, {facts['split']}: {facts['pictures']} pictures, sigma {facts['sigma_pixels']:g} px"
    width = console.width if console.is_terminal else 160
    console.print(f"{words}, {facts['convention']}; 95 % intervals over pictures", width=width, highlight=False)
    for shown in evaluation.tables():
        console.print()
        console.print(shown, width=width)


def _people(
    viewing: _Viewing, truth: _Truth, sigma: float, number: int, names: Sequence[str]
) -> dict[str, dict[str, float]]:
    """The rows that need no model."""
    of_maps = [name for name in names if name in ("cc", "sim", "kl")]
    of_fixations = [name for name in names if name not in of_maps]
    return {
        CENTRE: truth.scores(names, truth.log_centre[0].numpy()),
        HALVES: _halves(viewing, sigma, number, of_maps),
        LEFT_OUT: _left_out(viewing, truth, sigma, of_fixations),
    }


def _halves(viewing: _Viewing, sigma: float, number: int, names: Sequence[str]) -> dict[str, float]:
    order = np.random.default_rng((SEED, number)).permutation(viewing.observers)
    some = np.isin(viewing.observer, order[: viewing.observers // 2])
    if some.all() or not some.any():
        return dict.fromkeys(names, math.nan)
    p, q = (_tensor(density(viewing.xy[half], viewing.size, sigma)) for half in (some, ~some))
    score: dict[str, Callable[..., Tensor]] = {"cc": metrics.cc, "sim": metrics.sim, "kl": metrics.kl}
    return {name: score[name](p, q).item() for name in names}


def _left_out(viewing: _Viewing, truth: _Truth, sigma: float, names: Sequence[str]) -> dict[str, float]:
    centre, scores = np.exp(truth.log_centre[0].numpy()), []
    for observer in np.unique(viewing.observer):
        own = viewing.observer == observer
        if not own.all():
            others = (1 - SHARE) * density(viewing.xy[~own], viewing.size, sigma) + SHARE * centre
            counts = _tensor(maps.counts(viewing.xy[own], viewing.size))
            scores.append(truth.scores(names, np.log(others), counts))
    return {name: float(np.mean([score[name] for score in scores])) if scores else math.nan for name in names}


def _models(predictions: Mapping[str, Prediction], truth: _Truth, second: int | None) -> dict[str, dict[str, float]]:
    rows: dict[str, dict[str, float]] = {}
    for name, prediction in predictions.items():
        if second is None:
            rows[name] = truth.scores(SCORES, prediction.density)
            continue
        blind = rows[f"{name}, time-blind"] = truth.scores(OF_A_SECOND, prediction.density)
        if second < len(prediction.slices):
            timed = rows[name] = truth.scores(OF_A_SECOND, prediction.slices[second])
            rows[f"{name} - time-blind"] = {score: timed[score] - blind[score] for score in timed}
    return rows


def density(xy: Float[np.ndarray, "l 2"], size: tuple[int, int], sigma: float) -> Float32[np.ndarray, "h w"]:
    """What `maps.density` makes of a few hundred points, many times faster: a sum of products of two curves each."""
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
    others = [v.xy / v.size[::-1] for v in viewings if v.picture.name != viewing.picture.name]
    return maps.counts(np.concatenate([np.zeros((0, 2)), *others]) * viewing.size[::-1], viewing.size)


def _viewings(root: Path, split: str, seconds: float) -> tuple[list[_Viewing], list[_Viewing]]:
    """The pictures that are evaluated, and those of the centre bias."""
    named = table.splits(root)
    everything = {picture.name: _viewing(picture, paths, seconds) for picture, paths in table.read(root)}
    if split not in named and named and split != "all":
        known = ", ".join([*named, "all"])
        raise TableError(f"{root / 'splits.json'}: there is no split {split!r}; choose one of: {known}.")
    chosen = [everything[name] for name in named.get(split, everything) if name in everything]
    if not any(len(viewing.xy) for viewing in chosen):
        raise TableError(f"{root}: no picture of the split {split!r} has a fixation; choose another one.")
    train = [everything[name] for name in named.get("train", ()) if name in everything]
    return chosen, train if train and split not in ("train", "all") else chosen


def _viewing(picture: Picture, paths: Sequence[Scanpath], seconds: float) -> _Viewing:
    observers = {name: number for number, name in enumerate(sorted({path.subject for path in paths}))}
    xy = np.concatenate([path.xy for path in paths])
    second = np.concatenate([maps.second(maps.onsets(path, seconds), seconds) for path in paths])
    observer = np.concatenate([np.full(len(path), observers[path.subject]) for path in paths])
    on = maps.on(xy, (picture.height, picture.width))
    return _Viewing(picture, xy[on], second[on], observer[on], len(observers))


def _open(models: Sequence[str | Path], slices: bool) -> dict[str, Predictor]:
    opened: dict[str, Predictor] = {}
    for model in models:
        predictor = Predictor(model)
        name = predictor.contract.name
        wrong = [times for second, times in enumerate(predictor.contract.slices) if times != (second, second + 1)]
        if slices and wrong:
            raise ModelError(f"{name} does not predict whole seconds, but {wrong[0]}; evaluate it without slices.")
        opened[name if name not in opened else str(predictor.path)] = predictor
    return opened


def _condition(predictor: Predictor, condition: str | None, root: Path) -> str:
    if condition is None:
        name = root.resolve().name
        return name if name in predictor.contract.conditions else "any"
    predictor.index(condition)
    return condition


def _pixels(viewing: _Viewing, root: Path) -> np.ndarray:
    path = viewing.picture.path
    if path is None:
        raise TableError(f"{root / 'images' / viewing.picture.name}: the picture is missing; a model needs to see it.")
    return read(path)


def _protocol(root: Path, split: str, chosen: Sequence[_Viewing], sigma: float, seconds: float) -> dict[str, Any]:
    return {
        "data": root.resolve().name,
        "split": split if table.splits(root) else "all",
        "pictures": len(chosen),
        "observers_per_picture": [f([viewing.observers for viewing in chosen]) for f in (min, max)],
        "fixations": sum(len(viewing.xy) for viewing in chosen),
        "sigma_pixels": sigma,
        "seconds": seconds,
        "convention": "tuebingen",
        "size": "of each picture",
        "centre_bias": {"of": "train", "sigma_pixels": sigma, "uniform_share": FLOOR},
        "leave_one_observer_out": {"centre_bias_share": SHARE},
        "interval": {"percent": 95, "over": "pictures", "draws": DRAWS, "seed": SEED},
        "versions": {name: version(name) for name in ("gaze", "numpy", "torch")},
    }


def _about(name: str, predictor: Predictor, condition: str) -> dict[str, str]:
    contract = predictor.contract
    about = {"row": name, "name": contract.name, "version": contract.version, "commit": contract.commit}
    return about | {"condition": condition, "provider": predictor.provider}


def _tensor(values: np.ndarray) -> Float32[Tensor, "1 h w"]:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))[None]


def _plain(score: Score) -> dict[str, float | int | None]:
    return {key: None if math.isnan(value) else value for key, value in asdict(score).items()}


def _cell(score: Score) -> str:
    return "-" if math.isnan(score.mean) else f"{score.mean:.3f}\n{score.low:.2f} {score.high:.2f}"
