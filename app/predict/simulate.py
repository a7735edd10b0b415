"""Observers sent over a picture: which objects they look at, in which order, where, and for how long.

A `SceneModel` says which object comes next: a trained model, or the walk of `scanpath.baselines.winner_take_all`. Where
on the object a look falls is drawn from the density of looks in its box, sharpened by the temperature. The `Trace` that
comes of it can be drawn, and written as tables and as JSON (`export/schema_scanpath.json`). `gaze predict --task
scanpath` and the app share this; it needs no torch. Shapes: `h w` picture, `s` observers, `l` fixations, `n` objects. A
density is a natural-log density per pixel.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float, UInt8
from pydantic import Field

from data.draw.regions import boxes as draw_boxes
from data.draw.scanpath import scanpath as draw_scanpath
from data.errors import ModelError
from data.gaze import Objects, Picture, Scene
from data.objects import check, overlap, window
from data.plain_text import json_safe
from data.spreadsheet import to_csv
from export.runtime.computed import computed
from export.runtime.contract import condition_index
from export.runtime.options import Options
from export.runtime.records import SCANPATH, ScanpathRecord
from export.runtime.registry import STEP
from export.runtime.saliency import Prediction
from export.runtime.scanpath import ScanpathPredictor
from export.runtime.visual_search import checked
from scanpath.baselines.winner_take_all import Walk, land
from scanpath.decode import LIMIT, Rollouts
from scanpath.object_statistics import BOX, Statistics, begin, representative, statistics

WALK, SEARCHER = "walk", "eccnet"  # the baseline without weights; a model that searches places
COLUMNS = ("observer", "index", "object", "x", "y", "duration_ms", "start_ms")
Pixels = UInt8[np.ndarray, "h w 3"]
Crop = UInt8[np.ndarray, "ch cw 3"]


class Settings(Options):
    """How observers are sent over a picture."""

    observers: int = Field(default=20, ge=1)
    temperature: float | None = Field(default=None, gt=0)  # below 1: they agree more, above 1: less; None: the model's
    seed: int = Field(default=0, ge=0)
    limit: int = Field(default=LIMIT, ge=1)  # fixations at most
    condition: str = "any"


@dataclass(frozen=True)
class Target:
    """What is looked for: a box (x, y, width, height) in the picture, or a picture of it."""

    box: tuple[float, float, float, float] | None = None
    crop: Crop | None = None


class SceneModel(Protocol):
    """What sends observers over the objects of a picture."""

    model: str  # its name
    version: str
    provider: str
    conditions: tuple[str, ...]  # viewing conditions that it knows
    temperature: float  # unless told otherwise
    searches: bool  # whether it can look for something
    files: tuple[Path, ...]  # of its weights

    def __call__(
        self,
        scene: Scene,
        pixels: Pixels,
        prediction: Prediction | None,
        target_crops: Sequence[Crop],
        settings: Settings,
    ) -> Rollouts:
        """The paths of several observers; `prediction` is where people look in the picture, where that is known."""
        ...


class Baseline:
    """Winner-take-all (`scanpath.baselines.winner_take_all`): looks where the density is; no weights, no target."""

    model, version, provider = "walk", "1.0.0", "cpu"
    conditions: tuple[str, ...] = ("any",)
    temperature, searches = 1.0, False
    files: tuple[Path, ...] = ()

    def __call__(
        self,
        scene: Scene,
        pixels: Pixels,
        prediction: Prediction | None,
        target_crops: Sequence[Crop],
        settings: Settings,
    ) -> Rollouts:
        """The paths of several observers."""
        del pixels, target_crops
        density = None if prediction is None else prediction.density
        model = Walk(sharpness=1 / (settings.temperature or self.temperature))
        return model.sample(scene, settings.observers, settings.seed, density=density, limit=settings.limit)


class Trained:
    """An exported model of scanpaths."""

    def __init__(self, model: str | Path, provider: str = "auto", threads: int | None = None) -> None:
        self._predictor = ScanpathPredictor(model, provider=provider, threads=threads)
        contract, self.provider = self._predictor.contract, self._predictor.provider
        self.model, self.version, self.conditions = contract.name, contract.version, contract.conditions
        self.temperature, self.searches = contract.decoding.get("temperature", 1.0), contract.searches
        self._reads = contract.saliency
        if contract.saliency:
            _ = self._predictor.saliency  # it is there, or that is said before any picture is read
        first = self._predictor.path
        self.files: tuple[Path, ...] = first, first.with_name(first.stem + STEP)

    def warm_up(self) -> None:
        """Run it once, since the first run takes longer than the next."""
        self._predictor.warm_up()

    def __call__(
        self,
        scene: Scene,
        pixels: Pixels,
        prediction: Prediction | None,
        target_crops: Sequence[Crop],
        settings: Settings,
    ) -> Rollouts:
        """The paths of several observers; a prediction of the model that this one reads is not made again."""
        look = None
        if prediction is not None and (prediction.weights, prediction.condition) == (self._reads, "any"):
            look = prediction.look
        return self._predictor.sample(
            scene,
            settings.observers,
            seed=settings.seed,
            limit=settings.limit,
            decoding={"temperature": settings.temperature or self.temperature},
            condition=settings.condition,
            pixels=pixels,
            target_crops=tuple(target_crops),
            look=look,
        )


def scene_model(model: str | Path, provider: str = "auto") -> SceneModel:
    """The model of this name: "walk", a name from `gaze models`, or an .onnx file.

    Raises:
        ModelError: There is no such model, or it searches places and looks at no objects.
    """
    return Baseline() if str(model) == WALK else Trained(model, provider)


def simulate(
    model: SceneModel,
    name: str,
    pixels: Pixels,
    objects: Objects,
    prediction: Prediction | None = None,
    target: Target | None = None,
    settings: Settings | None = None,
) -> "SimulatedPaths":
    """Send observers over the objects of a picture called `name`; with a target, they search for it.

    The trace keeps the objects' boxes and not their masks, which are as large as the picture.

    Raises:
        GazeError: An object's box is none, or a model does not know the condition or looks for nothing.
    """
    settings = settings or Settings()
    settings = settings.model_copy(update={"temperature": settings.temperature or model.temperature})
    condition_index(settings.condition, model.conditions, model.model)
    density = None if prediction is None else prediction.density
    at, target_crops = scene(Picture(name, pixels.shape[1], pixels.shape[0]), pixels, objects, target)
    if target is not None and not model.searches:
        raise ModelError(f"{model.model} looks for nothing in particular; leave the target out, or take oat-search.")
    alone = not len(at.objects)
    rollouts = _nothing(settings.observers) if alone else model(at, pixels, prediction, target_crops, settings)
    sharp = settings.temperature or model.temperature  # of places as of objects
    about = {"model": model.model, "version": model.version, "provider": model.provider}
    return SimulatedPaths(
        replace(at, objects=replace(at.objects, masks=None)),
        rollouts,
        land(at.objects, rollouts.order, None if density is None else density / sharp, settings.seed),
        settings,
        {**about, "density": None if prediction is None else prediction.model},
    )


def _nothing(observers: int) -> Rollouts:
    """The paths over a picture without objects: nobody looks at any."""
    none = np.full((observers, 1), -1)
    return Rollouts(none, np.full(none.shape, np.nan), np.zeros(observers), np.ones(observers, bool))


def scene(picture: Picture, pixels: Pixels, objects: Objects, target: Target | None) -> tuple[Scene, tuple[Crop, ...]]:
    """The scene, and how what is looked for looks.

    A target's box that shares more than half of the united area with an object is that object; any other becomes an
    object of its own, after all others. A target known by a picture of it may be any of the objects, or none.

    Raises:
        GazeError: A box is none, or lies outside the picture, or the target is larger than it.
    """
    objects = check(objects, picture.width, picture.height)
    if target is None:
        return Scene(picture, objects), ()
    if target.box is None:
        return Scene(picture, objects, (), ("",), "search"), () if target.crop is None else (target.crop,)
    box = checked(target.box, (picture.height, picture.width))[None]
    shared = overlap(objects.boxes, box)[:, 0]
    if shared.max(initial=0) > 0.5:
        number = int(shared.argmax())
    else:
        number, objects = len(objects), _with(objects, box)
    category = objects.categories[number] if objects.categories else ""
    return Scene(picture, objects, (number,), (category,), "search"), (
        pixels[window(box[0], picture.width, picture.height)],
    )


def _with(objects: Objects, box: Float[np.ndarray, "1 4"]) -> Objects:
    """The objects and one more, of which only the box is known."""
    masks = None if objects.masks is None else np.pad(objects.masks, ((0, 1), (0, 0), (0, 0)))
    if masks is not None:
        masks[-1][window(box[0], *masks.shape[:0:-1])] = True
    return Objects(
        np.vstack([objects.boxes, box]),
        (*objects.categories, "") if objects.categories else (),
        (*objects.attributes, {}) if objects.attributes else (),
        None if objects.confidences is None else np.append(objects.confidences, 1.0),
        masks,
    )


@dataclass(frozen=True)
class SimulatedPaths:
    """The paths of several observers over one picture, and what they say of its objects."""

    scene: Scene
    rollouts: Rollouts
    xy: Float[np.ndarray, "s l 2"]  # pixels; NaN after the end
    settings: Settings
    about: dict[str, str | None]  # which model, in which version, ran on which provider, with which density
    damaged: str = ""  # what is wrong with the picture's file, where it was predicted all the same

    @property
    def onset(self) -> Float[np.ndarray, "s l"]:
        """When each fixation begins, milliseconds from the onset of the picture; NaN is unknown."""
        return begin(self.rollouts.duration)

    @computed
    def statistics(self) -> Statistics:
        """When, how often and how long each object is seen."""
        return statistics(self.rollouts, len(self.scene.objects))

    @computed
    def typical(self) -> int:
        """The number of the observer whose path agrees best with all others."""
        return representative(self.rollouts)

    @property
    def precedence(self) -> list[int]:
        """The objects from the first to the last seen: by mean rank, where not to see one counts as after all looks."""
        told, last = self.statistics, self.rollouts.order.shape[1] + 1
        rank = told.seen * np.nan_to_num(told.rank) + (1 - told.seen) * last
        return [int(number) for number in np.argsort(rank, kind="stable")]

    def drawn(
        self, picture: Pixels, observer: int | None = None, labels: Sequence[str] | None = None, size: float = 1.0
    ) -> Pixels:
        """The path of one observer, by default the typical one, over a picture of any size; with labels, objects."""
        number = self.typical if observer is None else observer
        scale = np.array([picture.shape[1] / self.scene.picture.width, picture.shape[0] / self.scene.picture.height])
        some = np.isfinite(self.xy[number]).all(1)
        xy, duration = self.xy[number][some] * scale, self.rollouts.duration[number][some]
        if labels is None:
            return draw_scanpath(picture, xy, duration, size=size)
        boxes = replace(self.scene.objects, boxes=self.scene.objects.boxes * np.tile(scale, 2))
        return draw_scanpath(
            draw_boxes(picture, boxes, labels, self.statistics.seen, 0.25, size), xy, duration, 0, size
        )

    def fixations(self) -> list[dict[str, int | float]]:
        """Every fixation of every observer, keyed by `COLUMNS`; NaN is unknown."""
        times = np.dstack([self.rollouts.duration, self.onset]).round(1)
        values = np.dstack([self.rollouts.order, self.xy.round(2), times])
        return [
            dict(zip(COLUMNS, (observer, index, int(row[0]), *row[1:].tolist()), strict=True))
            for observer, path in enumerate(values)
            for index, row in enumerate(path[path[:, 0] >= 0])
        ]

    def paths_csv(self) -> str:
        """A line a fixation; what is unknown stays empty."""
        return to_csv(COLUMNS, (row.values() for row in self.fixations()))

    def objects_csv(self) -> str:
        """A line an object; what is unknown stays empty."""
        return self.statistics.to_csv(self.scene.objects)

    def record(self, name: str | None = None) -> dict[str, Any]:
        """A `ScanpathRecord` for JSON; what is unknown is None."""
        picture, objects = self.scene.picture, self.scene.objects
        looks: list[list[dict[str, Any]]] = [[] for _ in self.rollouts.order]
        for row in self.fixations():
            looks[int(row["observer"])].append({k: _known(row[k]) for k in COLUMNS[2:]})
        values = {
            "schema": SCANPATH,
            **self.about,
            "task": self.scene.task,
            "width": picture.width,
            "height": picture.height,
            **self.settings.model_dump(),
            "targets": list(self.scene.targets),
            "representative": self.typical if looks else None,
            "objects": [
                {
                    "category": category,
                    "box": dict(zip(BOX, np.round(box, 2).tolist(), strict=True)),
                    **{key: _known(round(value, 4)) for key, value in row.items()},
                }
                for category, box, row in zip(
                    objects.categories or [""] * len(objects), objects.boxes, self.statistics.rows(), strict=True
                )
            ],
            "paths": [
                {"ended": bool(ended), "log_p": round(float(log_p), 4), "fixations": each}
                for ended, log_p, each in zip(self.rollouts.ended, self.rollouts.log_p, looks, strict=True)
            ],
            **({} if name is None else {"picture": name}),
            **({"damaged": self.damaged} if self.damaged else {}),
        }
        return ScanpathRecord.model_validate(values).written()

    def to_json(self, name: str | None = None) -> str:
        """`record` as text."""
        return json_safe(json.dumps(self.record(name), indent=1, ensure_ascii=False, allow_nan=False)) + "\n"


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
