"""What predicts where people look in a video: models of pictures, frame by frame and carried, and models of videos.

An entry is a row of `gaze evaluate video`. It travels to every process as a description, and is opened there. All of
them run on the CPU with one thread, so that a number does not depend on the machine's cores or its graphics.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from data.errors import ModelError
from evaluation.results import row_names
from evaluation.video.scoring import ROWS
from export.runtime import registry
from export.runtime.saliency import Predictor
from export.runtime.temporal_model import FRAMEWISE
from export.runtime.video import VideoPredictor
from video import TASK

logger = logging.getLogger(__name__)

STILL = "tempsal-fast"  # the model of pictures that is taken where none is named
CARRIED = " (carried)"  # the end of a row's name

Kind = Literal["frame by frame", "carried", "video"]


@dataclass(frozen=True)
class Entry:
    """What predicts, by the name of its row."""

    row: str
    kind: Kind
    source: str  # an exported model's name or file
    condition: str = "any"
    facts: dict[str, Any] = field(default_factory=dict)  # for the protocol

    @property
    def remembers(self) -> bool:
        """Whether it has to see every frame, since what came before changes what it says."""
        return self.kind != "frame by frame"


def open_entries(entries: Iterable[Entry]) -> dict[str, VideoPredictor]:
    """The predictor of each row; the rows of one model of pictures share its session.

    Raises:
        ModelError: A model cannot be opened.
    """
    stills: dict[str, Predictor] = {}
    opened = {}
    for entry in entries:
        model: str | Predictor = entry.source
        if entry.kind != "video":
            model = stills[entry.source] = stills.get(entry.source) or Predictor(
                entry.source, provider="cpu", threads=1
            )
        weights = FRAMEWISE if entry.kind == "frame by frame" else None
        opened[entry.row] = VideoPredictor(model, weights=weights, condition=entry.condition, provider="cpu", threads=1)
    return opened


def collect(
    models: Sequence[str | Path] | None, condition: str | None, data: str, also: str | None = None
) -> list[Entry]:
    """The entries of an evaluation, each under a row name of its own: two of a model of pictures, one of a video model.

    Args:
        models: Names or .onnx files; None takes `STILL` and every video model that ships.
        condition: Viewing condition; None takes `data` where the model knows it, else "any".
        data: Name of the data set.
        also: One more model, added unless it is among the entries already.

    Raises:
        ModelError: There is no such model, or it predicts neither pictures nor videos.
    """
    found: list[Entry] = []
    for name in [STILL, *_shipped()] if models is None else map(str, models):
        found += _named(name, condition, data, found)
    if also is not None and not any(also in (entry.row, entry.source) for entry in found):
        found += _named(also, condition, data, found)
    open_entries(found)
    return found


def _named(name: str, condition: str | None, data: str, others: Sequence[Entry]) -> Iterator[Entry]:
    contract = registry.read_contract(name)
    known = condition or (data if data in contract.conditions else "any")
    facts = {"version": contract.version, "commit": contract.commit, "condition": known}
    entry = Entry(contract.name, "video", name, known, facts)
    taken = {*ROWS, *(other.row for other in others)}
    row = next(n for n in row_names(entry.row, name, "model") if not {n, n + CARRIED} & taken)
    if contract.task == TASK.name:
        yield replace(entry, row=row)
        return
    yield replace(entry, row=row, kind="frame by frame")
    yield replace(entry, row=row + CARRIED, kind="carried")


def _shipped() -> list[str]:
    names = []
    for path, contract in registry.contracts().items():
        if isinstance(contract, ModelError):
            logger.warning("%s", contract)
        elif contract.task == TASK.name:
            names.append(path.stem)
    return names
