"""The models that are served: opened and warm when the server starts; a request names one of them, and no other."""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import BaseModel, Field

from app.predict.simulate import Baseline, SceneModel, Trained
from app.server.options import Options, short
from app.server.problems import RefusedError
from data.errors import GazeError
from export.runtime.contract import condition_index
from export.runtime.dataset_objects import DENSITY
from export.runtime.registry import find_model, named_file, read_contract
from export.runtime.saliency import Predictor
from saliency import TASK as SALIENCY
from scanpath import TASK as SCANPATH

DEFAULTS = (SALIENCY.default_models[0], SCANPATH.default_models[0])
WALK = "walk"  # the baseline, which has no file
Served = TypeVar("Served", Predictor, SceneModel)


class ModelCard(BaseModel):
    """A model that is served."""

    name: str = Field(description="What the option `model` calls it.")
    version: str
    task: str = Field(description="saliency: where people look; scanpath: in which order.")
    description: str
    conditions: list[str] = Field(description="Values of the option `condition`.")
    slices: list[tuple[float, float]] = Field(description="Start and end in seconds; empty where there are none.")
    licence: str
    provider: str = Field(description="What it runs on.")
    default: bool = Field(description="Whether it answers when no model is named.")


class ModelList(BaseModel):
    """The models that are served."""

    models: list[ModelCard]


class Models:
    """Models by name, for each of the two questions.

    Args:
        names: Of models (`gaze models`), or paths of .onnx files; `walk` is the baseline of scanpaths.
        provider: As in `Predictor`.
        threads: CPU threads of one run of a model; None: every core.

    Raises:
        GazeError: There is no such model, it cannot be opened, or two have one name.
    """

    def __init__(
        self, names: Iterable[str | Path] = DEFAULTS, provider: str = "auto", threads: int | None = None
    ) -> None:
        self.saliency: dict[str, Predictor] = {}
        self.scanpath: dict[str, SceneModel] = {}
        tasks = {name: self._task(name) for name in names}
        density = named_file(DENSITY) if SCANPATH.name in tasks.values() else None  # also finds objects
        for name, task in tasks.items():
            if task == SCANPATH.name:
                scene: SceneModel = Baseline() if name == WALK else Trained(name, provider, threads)
                self._add(self.scanpath, scene.model, scene)
            else:
                look = None if find_model(name) == density else False  # so that one session answers both questions
                predictor = Predictor(name, provider=provider, threads=threads, look=look)
                self._add(self.saliency, predictor.contract.name, predictor)
        shared = (predictor for predictor in self.saliency.values() if predictor.path == density)
        self.density = next(shared, None)
        if density is not None and self.density is None:
            self.density = Predictor(density, provider=provider, threads=threads, look=None)
        self.cards = [*map(self._saliency_card, self.saliency), *map(self._scanpath_card, self.scanpath)]
        self.warm()

    @property
    def provider(self) -> str:
        """What they run on, such as "cuda" or "cpu"."""
        return next(iter(self.cards)).provider if self.cards else "cpu"

    @property
    def predictors(self) -> list[Predictor]:
        """Everything that says where people look, each once."""
        own = [] if self.density is None or self.density in self.saliency.values() else [self.density]
        return [*self.saliency.values(), *own]

    def warm(self) -> None:
        """Run each once, so that the first request is as quick as others."""
        for predictor in self.predictors:
            predictor(np.zeros((8, 8, 3), np.uint8), predictor.contract.conditions[0])
        for scene in self.scanpath.values():
            if isinstance(scene, Trained):
                scene.warm_up()

    def for_saliency(self, options: Options, has_more: bool = False) -> Predictor:
        """The model that a request asks for; with `has_more` its form may still name a model or a condition.

        Raises:
            RefusedError: It is not served, or does not know the condition.
        """
        found = _chosen(self.saliency, options, SALIENCY.question)
        _check(options, has_more, found.contract.conditions, found.contract.name)
        return found

    def for_scanpath(self, options: Options, has_more: bool = False) -> SceneModel:
        """The same for scanpaths."""
        found = _chosen(self.scanpath, options, SCANPATH.question)
        _check(options, has_more, found.conditions, found.model)
        return found

    def _task(self, name: str | Path) -> str:
        return SCANPATH.name if name == WALK else read_contract(find_model(name)).task

    def _add(self, models: dict[str, Served], name: str, model: Served) -> None:
        if name in self.saliency or name in self.scanpath:
            raise GazeError(f"Two models have the name {name!r}; serve one of them, or export the other under another.")
        models[name] = model

    def _saliency_card(self, name: str) -> ModelCard:
        predictor = self.saliency[name]
        contract = predictor.contract
        return ModelCard(
            name=name,
            version=contract.version,
            task=SALIENCY.name,
            description=contract.description,
            conditions=list(contract.conditions),
            slices=list(contract.slices),
            licence=contract.licence,
            provider=predictor.provider,
            default=name == next(iter(self.saliency)),
        )

    def _scanpath_card(self, name: str) -> ModelCard:
        scene = self.scanpath[name]
        contract = read_contract(scene.files[0]) if scene.files else None
        return ModelCard(
            name=name,
            version=scene.version,
            task=SCANPATH.name,
            description=contract.description if contract else "Winner-take-all: looks where the density is.",
            conditions=list(scene.conditions),
            slices=[],
            licence=contract.licence if contract else "Apache-2.0",
            provider=scene.provider,
            default=name == next(iter(self.scanpath)),
        )


def _chosen(models: dict[str, Served], options: Options, question: str) -> Served:
    if not models:
        raise RefusedError(404, f"No model is served here that says {question}; ask whoever runs the server for one.")
    name = next(iter(models)) if options.model is None else options.model
    if name not in models:
        raise RefusedError(
            400, f"There is no model {short(name)} here that says {question}; choose of: {', '.join(models)}."
        )
    return models[name]


def _check(options: Options, has_more: bool, conditions: tuple[str, ...], model: str) -> None:
    if has_more and not {"model", "condition"} <= options.model_fields_set:
        return  # it is not known yet which condition of which model
    try:
        condition_index(options.condition[:60], conditions, model)
    except GazeError as error:
        raise RefusedError(400, str(error)) from error
