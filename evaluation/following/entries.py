"""What predicts what people look at: models that follow gaze, the cone of view, and models of where anybody looks.

An entry is a row of `gaze evaluate following`. It travels to every process as a description, and is opened there. All
of them run on the CPU with one thread, so that a number does not depend on the machine's cores or its graphics.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Float32, UInt8

import saliency
from data.errors import ModelError
from evaluation.following.scoring import ROWS
from evaluation.results import row_names
from export.runtime import registry
from export.runtime.heads.following import CONE, FollowingPredictor
from export.runtime.heads.head_pose import HeadPose
from export.runtime.saliency import Predictor
from following import TASK

logger = logging.getLogger(__name__)


class Told(NamedTuple):
    """What an entry says of the heads in a picture."""

    maps: Float32[np.ndarray, "k g v"]  # natural-log densities that cover the picture
    in_frame: Float[np.ndarray, " k"] | None  # probabilities; None: it does not say


Tell = Callable[[UInt8[np.ndarray, "h w 3"], Float[np.ndarray, "k 4"]], Told]


@dataclass(frozen=True)
class Entry:
    """What predicts, by the name of its row."""

    row: str
    kind: Literal["follows", "saliency"]
    source: str  # an exported model's name or file; CONE
    head_pose: tuple[str, ...] = ()  # files that tell the cone where heads face
    facts: dict[str, Any] = field(default_factory=dict)  # for the protocol

    def open(self) -> Tell:
        """The function that tells of the heads in a picture; it opens the model once.

        Raises:
            ModelError: A model cannot be opened.
        """
        if self.kind == "saliency":
            return partial(_by_saliency, Predictor(self.source, provider="cpu", threads=1))
        pose = HeadPose(*self.head_pose, provider="cpu", threads=1) if self.head_pose else None
        return partial(_by_following, FollowingPredictor(self.source, provider="cpu", threads=1, head_pose=pose))


def collect(models: Sequence[str | Path] | None, head_pose: Sequence[str | Path], also: str | None) -> list[Entry]:
    """The entries of an evaluation, each under a row name of its own.

    Args:
        models: Names or .onnx files of models that follow gaze or of saliency models, or `cone`; None takes the cone,
            the saliency model that it multiplies, and every model of this task that ships.
        head_pose: Files of head-pose models; the cone is then there twice, with them and without.
        also: One more model, added unless it is among the entries already.

    Raises:
        ModelError: There is no such model, or it is of another task.
    """
    names = [saliency.TASK.default_models[0], CONE, *_shipped()] if models is None else [str(name) for name in models]
    found: list[Entry] = []
    for name in [*names, *([] if also is None else [also])]:
        if name is also and any(also in (entry.row, entry.source) for entry in found):
            continue
        for entry in _named(name, tuple(map(str, head_pose))):
            taken = {*ROWS, *(other.row for other in found)}
            row = next(free for free in row_names(entry.row, name, "model") if free not in taken)
            found.append(replace(entry, row=row))
    for entry in found:
        entry.open()
    return found


def _named(name: str, head_pose: tuple[str, ...]) -> list[Entry]:
    """The rows of a model: of the cone one without a direction, and one with head-pose models where there are any."""
    if name == CONE:
        facts = {"version": version("gaze"), "saliency": saliency.TASK.default_models[0]}
        plain = Entry("cone, no direction", "follows", CONE, facts=facts | {"head_pose": []})
        told = {"head_pose": [Path(each).name for each in head_pose]}
        return [plain, *([Entry(CONE, "follows", CONE, head_pose, facts | told)] if head_pose else [])]
    contract = registry.read_contract(name)
    facts = {"version": contract.version, "commit": contract.commit}
    if contract.task == saliency.TASK.name:
        return [Entry(f"{contract.name}, no head", "saliency", name, facts=facts)]
    if contract.task != TASK.name:
        known = f"{TASK.name} or {saliency.TASK.name}"
        raise ModelError(f"{contract.name} is a model of {contract.task}; give {CONE}, or one of {known}.")
    return [Entry(contract.name, "follows", name, facts=facts)]


def _shipped() -> list[str]:
    names = []
    for path, contract in registry.contracts().items():
        if isinstance(contract, ModelError):
            logger.warning("%s", contract)
        elif contract.task == TASK.name:
            names.append(path.stem)
    return names


def _by_following(
    predictor: FollowingPredictor, pixels: UInt8[np.ndarray, "h w 3"], heads: Float[np.ndarray, "k 4"]
) -> Told:
    return Told(*predictor.decode(predictor.look(pixels), heads))


def _by_saliency(predictor: Predictor, pixels: UInt8[np.ndarray, "h w 3"], heads: Float[np.ndarray, "k 4"]) -> Told:
    density = predictor(pixels).density
    return Told(np.broadcast_to(density, (len(heads), *density.shape)), None)
