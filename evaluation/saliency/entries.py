"""Who predicts where people look: exported models, the classical baselines of `saliency/`, and folders of maps.

A contender is a row of `gaze evaluate saliency`. It travels to every process as a description, and is opened there.
Everything runs on the CPU with one thread, so that a number does not depend on the machine's cores or its graphics.
Only the classical baselines are networks of torch, which is loaded when one is opened.
"""

import contextlib
import importlib.util
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float32, UInt8

import saliency
from data.errors import ModelError
from data.picture import Letterbox
from evaluation.results import row_names
from evaluation.saliency import map_folder
from evaluation.saliency.fixations import Viewing
from evaluation.saliency.scoring import BLIND, LESS_BLIND, ROWS
from export.runtime import registry
from export.runtime.saliency import Prediction, Predictor

if TYPE_CHECKING:
    from torch import nn

log = logging.getLogger(__name__)
LABELS = {"itti_koch": "Itti-Koch", "gbvs": "graph-based"}  # what baselines are called that are not called by their key
BASELINES = {  # the row of each of saliency.MODELS that needs no training
    key: LABELS.get(key, key.replace("_", " ")) for key, model in saliency.MODELS.items() if not model.trainable
}
CANVAS = (384, 512)  # height, width in pixels: what a baseline sees of a picture is scaled to fit

Pixels = Callable[[], UInt8[np.ndarray, "h w 3"]]  # reads the picture, for those that look at it
PredictFn = Callable[[Viewing, Pixels], Prediction]


@dataclass(frozen=True)
class Entry:
    """What predicts, by the name of its row."""

    row: str
    kind: Literal["model", "baseline", "maps"]
    source: str  # an exported model's name or file, a baseline's name, a folder
    condition: str = "any"
    facts: dict[str, Any] = field(default_factory=dict)  # for the protocol
    files: dict[str, Path] = field(default_factory=dict)  # of maps, by picture

    def open(self) -> PredictFn:
        """What answers with a prediction for each picture."""
        if self.kind == "maps":
            return partial(_from_file, self)
        if self.kind == "baseline":
            with _one_thread():
                network = saliency.MODELS[self.source].load()()
            return partial(_by_network, self, network.eval())
        return partial(_by_model, Predictor(self.source, provider="cpu", threads=1), self.condition)


def collect(
    models: Sequence[str | Path] | None,
    baselines: bool,
    condition: str | None,
    data: str,
    chosen: Sequence[Viewing],
    also: str | None = None,
) -> list[Entry]:
    """The contenders: the baselines, if they are wanted, and models by name or file or as folders of maps.

    None is every saliency model that ships. `data` is the set's name, which may be a viewing condition of a model.
    `also` enters too, unless it did already.
    """
    wanted = [str(model) for model in (_shipped() if models is None else models)]
    found: dict[str, Entry] = {}
    for name in [*(BASELINES if baselines else ()), *wanted]:
        _add(found, name, _entry(name, condition, data, chosen))
    if also is not None and not any(also in (contender.row, contender.source) for contender in found.values()):
        _add(found, also, _entry(also, condition, data, chosen))
    _check(found.values(), chosen)
    return list(found.values())


def _add(found: dict[str, Entry], name: str, contender: Entry) -> None:
    """Adds a contender under a row that is free; a baseline is there once."""
    row = contender.row
    if contender.kind == "baseline":
        found[row] = contender
        return
    taken = {*ROWS, *BASELINES.values(), *found}
    free = (n for n in row_names(row, name, contender.kind) if n not in taken and not n.endswith((BLIND, LESS_BLIND)))
    row = next(free)
    found[row] = replace(contender, row=row)


def _entry(name: str, condition: str | None, data: str, chosen: Sequence[Viewing]) -> Entry:
    if name in BASELINES:
        if importlib.util.find_spec("torch") is None:
            raise ModelError(
                f"The classical baseline {name!r} needs torch, which is not installed; run `make setup`, or leave the "
                "baselines out (--no-baselines)."
            )
        return Entry(BASELINES[name], "baseline", name, facts={"version": version("gaze")})
    shipped = os.sep not in name and registry.named_file(name)
    folder = Path(name)
    if folder.is_dir() and not shipped:
        files = map_folder.find(folder, [viewing.name for viewing in chosen])
        row = folder.resolve().name
        return Entry(row, "maps", name, facts={"maps": row}, files=files)
    predictor = Predictor(name, provider="cpu", threads=1)
    contract = predictor.contract
    known = condition or (data if data in contract.conditions else "any")
    predictor.index(known)
    facts = {"version": contract.version, "commit": contract.commit, "condition": known}
    return Entry(contract.name, "model", name, known, facts)


def _shipped() -> list[str]:
    names = []
    for path, contract in registry.contracts().items():
        if isinstance(contract, ModelError):
            log.warning("%s", contract)
        elif contract.task == saliency.TASK.name:
            names.append(path.stem)
    return names


def _check(contenders: Iterable[Entry], chosen: Sequence[Viewing]) -> None:
    """Refuses a set that lacks a picture where somebody looks at it."""
    eyes = [contender.row for contender in contenders if contender.kind != "maps"]
    lacking = [viewing for viewing in chosen if not viewing.path.is_file()]
    if eyes and lacking:
        raise ModelError(
            f"{lacking[0].path}: the picture is missing, but {eyes[0]} looks at it; add it, or leave out what looks at "
            "pictures (--no-baselines, --model none)."
        )


def _by_model(predictor: Predictor, condition: str, viewing: Viewing, pixels: Pixels) -> Prediction:
    return predictor(pixels(), condition)


def _by_network(contender: Entry, network: "nn.Module", viewing: Viewing, pixels: Pixels) -> Prediction:
    """What a network with the models' common interface says, on a canvas of `CANVAS` pixels and back."""
    import torch

    picture = pixels()
    box = Letterbox.fit((picture.shape[0], picture.shape[1]), CANVAS)
    canvas, content = torch.from_numpy(box.apply(picture))[None], torch.from_numpy(box.box)[None]
    with _one_thread(), torch.inference_mode():
        density, _ = network(canvas, content, torch.zeros(1, dtype=torch.int64))
    return _prediction(contender, box.back(density[0].numpy()))


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Torch's sums by several threads differ in their last digits from those by one."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _from_file(contender: Entry, viewing: Viewing, pixels: Pixels) -> Prediction:
    return _prediction(contender, map_folder.read(contender.files[viewing.name], viewing.size))


def _prediction(contender: Entry, density: Float32[np.ndarray, "h w"]) -> Prediction:
    nothing = np.empty((0, *density.shape), np.float32)
    return Prediction(density, nothing, (), contender.row, contender.facts.get("version", ""), "any", "cpu")
