"""Who predicts where people look: exported models, the classical baselines of `saliency/`, and folders of maps.

An entry is a row of `gaze evaluate saliency`. It travels to every process as a description, and is opened there.
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
from data.plain_text import visible
from evaluation.results import row_names
from evaluation.saliency import map_folder
from evaluation.saliency.fixations import ViewedImage
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
PredictFn = Callable[[ViewedImage, Pixels], Prediction]


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
        """The function that predicts each picture; it opens the model once.

        Raises:
            ModelError: The model cannot be opened.
        """
        if self.kind == "maps":
            return partial(_predict_from_file, self)
        if self.kind == "baseline":
            with _one_thread():
                network = saliency.MODELS[self.source].load()()
            return partial(_predict_by_network, self, network.eval())
        return partial(_predict_by_model, Predictor(self.source, provider="cpu", threads=1), self.condition)


def current_name(name: str) -> str:
    """What a model is called today; an old name of a baseline is warned of."""
    if name not in saliency.OLD_KEYS:
        return name
    log.warning("The baseline %s is now called %s; use that name.", name, saliency.OLD_KEYS[name])
    return saliency.OLD_KEYS[name]


def collect(
    models: Sequence[str | Path] | None,
    baselines: bool,
    condition: str | None,
    data: str,
    chosen: Sequence[ViewedImage],
    also: str | None = None,
) -> list[Entry]:
    """The entries of an evaluation: the classical baselines and the models, each under a row name of its own.

    Args:
        models: Names, .onnx files or folders of maps; None takes every saliency model that ships.
        baselines: Whether the classical baselines are scored too.
        condition: Viewing condition; None takes `data` where the model knows it, else "any".
        data: Name of the data set.
        chosen: The pictures that are evaluated.
        also: One more model, added unless it is among the entries already.

    Raises:
        ModelError: There is no such model, it lacks what it needs, or a picture that an entry looks at is missing.
        PictureError: A folder of maps lacks the map of a picture, or has two.
    """
    names = [str(model) for model in (_shipped() if models is None else models)]
    by_row: dict[str, Entry] = {}
    for name in [*(BASELINES if baselines else ()), *names]:
        _add(by_row, name, _make_entry(name, condition, data, chosen))
    if also is not None and not any(also in (entry.row, entry.source) for entry in by_row.values()):
        _add(by_row, also, _make_entry(also, condition, data, chosen))
    _check(by_row.values(), chosen)
    return list(by_row.values())


def _add(by_row: dict[str, Entry], name: str, entry: Entry) -> None:
    """Adds an entry under a row that is free; a baseline that is there already is replaced."""
    if entry.kind == "baseline":
        by_row[entry.row] = entry
        return
    taken = {*ROWS, *BASELINES.values(), *by_row}
    names = row_names(entry.row, name, entry.kind)
    row = next(n for n in names if n not in taken and not n.endswith((BLIND, LESS_BLIND)))
    by_row[row] = replace(entry, row=row)


def _make_entry(name: str, condition: str | None, data: str, chosen: Sequence[ViewedImage]) -> Entry:
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
        files = map_folder.find(folder, [image.name for image in chosen])
        row = visible(folder.resolve().name)
        return Entry(row, "maps", name, facts={"maps": row}, files=files)
    predictor = Predictor(name, provider="cpu", threads=1)
    contract = predictor.contract
    condition = condition or (data if data in contract.conditions else "any")
    predictor.index(condition)  # raises where the model does not know it
    facts = {"version": contract.version, "commit": contract.commit, "condition": condition}
    return Entry(contract.name, "model", name, condition, facts)


def _shipped() -> list[str]:
    names = []
    for path, contract in registry.contracts().items():
        if isinstance(contract, ModelError):
            log.warning("%s", contract)
        elif contract.task == saliency.TASK.name:
            names.append(path.stem)
    return names


def _check(entries: Iterable[Entry], chosen: Sequence[ViewedImage]) -> None:
    """Raises a ModelError where a picture is missing that an entry looks at."""
    rows = [entry.row for entry in entries if entry.kind != "maps"]
    missing = [image for image in chosen if not image.path.is_file()]
    if rows and missing:
        raise ModelError(
            f"{missing[0].path}: the picture is missing, but {rows[0]} looks at it; add it, or leave out what looks at "
            "pictures (--no-baselines, --model none)."
        )


def _predict_by_model(predictor: Predictor, condition: str, image: ViewedImage, pixels: Pixels) -> Prediction:
    return predictor(pixels(), condition)


def _predict_by_network(entry: Entry, network: "nn.Module", image: ViewedImage, pixels: Pixels) -> Prediction:
    """What a network with the models' common interface says, on a canvas of `CANVAS` pixels and back."""
    import torch

    picture = pixels()
    box = Letterbox.fit((picture.shape[0], picture.shape[1]), CANVAS)
    canvas, content = torch.from_numpy(box.apply(picture))[None], torch.from_numpy(box.box)[None]
    with _one_thread(), torch.inference_mode():
        density, _ = network(canvas, content, torch.zeros(1, dtype=torch.int64))
    return _prediction(entry, box.back(density[0].numpy()))


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


def _predict_from_file(entry: Entry, image: ViewedImage, pixels: Pixels) -> Prediction:
    return _prediction(entry, map_folder.read(entry.files[image.name], image.size))


def _prediction(entry: Entry, density: Float32[np.ndarray, "h w"]) -> Prediction:
    nothing = np.empty((0, *density.shape), np.float32)
    return Prediction(density, nothing, (), entry.row, entry.facts.get("version", ""), "any", "cpu")
