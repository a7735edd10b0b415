"""What one process of a cluster does: it opens the model once, and predicts part after part of the pictures.

A part is done when its rows are written, after the files of its pictures. A worker that dies before that leaves nothing
that the next one does not write over. A part whose worker has died is done picture by picture, and each picture is told
to the tally before it is begun, so that one that kills every worker is found, named, and passed over.
"""

import io
import json
import logging
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
from jaxtyping import UInt8
from pyarrow.fs import FileSystem

from app.predict.distributed import table
from app.predict.distributed.places import WITHOUT_RAY, Place, Source
from app.predict.distributed.table import FOLDER, Part, Row
from app.predict.saliency import Output
from data.errors import GazeError, PictureError
from data.picture import read, read_damaged
from data.picture_file import VIDEOS
from export.runtime.batch import PIXELS, Budget, keep_freed_memory
from export.runtime.saliency import Prediction, Predictor

logger = logging.getLogger(__name__)

MOST = 2  # times that a picture is begun alone before it is taken for what kills its workers


@dataclass(frozen=True)
class Drawing:
    """Which files a picture becomes, and how they are drawn."""

    formats: tuple[str, ...]
    opacity: float
    palette: str
    slices: bool  # whether the model gives any

    def files(self, name: str) -> list[str]:
        """The names of the files of a picture."""
        return [path.name for path in self._output(Path(), name).files(Path())]

    def contents(
        self, source: Source, name: str, picture: UInt8[np.ndarray, "h w 3"], prediction: Prediction
    ) -> dict[str, bytes]:
        """The files of a picture, by name, as `gaze predict` writes them without Ray."""
        output, contents = self._output(source.path, name), {}
        for file in self.files(name):
            if file == f"{name}.json":  # which names the picture: a URI is no path
                contents[file] = prediction.to_json(source.shown).encode()
            else:
                content = io.BytesIO()
                output.content(file, content, source.path, picture, prediction)
                contents[file] = content.getvalue()
        return contents

    def _output(self, path: Path, name: str) -> Output:
        return Output(Path(), {path: name}, self.formats, self.opacity, self.palette, self.slices)


@dataclass(frozen=True)
class Order:
    """What is the same for all parts of a run; it travels to every worker."""

    model: str  # name of the file
    provider: str
    condition: str
    accept_damaged: bool
    drawing: Drawing
    made: str
    out: Place
    stores: tuple[FileSystem, ...]  # in which pictures lie
    threads: int = 1  # that carry pictures through; a GPU is kept busy by several


class Outcome(NamedTuple):
    """What has become of a part."""

    broken: dict[str, str]  # errors by picture; all others are predicted
    stop: str = ""  # a person's mistake that ends the run
    bug: str = ""  # a traceback


class Begun(Protocol):
    """What workers ask of a tally."""

    def begin(self, what: str) -> int:
        """How often it was begun since it was last done, this time included."""

    def end(self, what: str) -> None:
        """It was done."""


class Tally:
    """Counts how often a part, or a picture of a part whose worker died, was begun and not done."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def begin(self, what: str) -> int:
        """How often it was begun since it was last done, this time included."""
        self._counts[what] += 1
        return self._counts[what]

    def end(self, what: str) -> None:
        """It was done."""
        del self._counts[what]


class Worker:
    """Predicts parts; one in each process.

    Args:
        order: What the run is.
        weights: Gives the model's file; called once.
        tally: The one that all workers share.
        alone: Whether its process does nothing else, and may be set up for it.
    """

    def __init__(self, order: Order, weights: Callable[[], bytes], tally: Begun, alone: bool = False) -> None:
        if alone:
            keep_freed_memory()
            cv2.setNumThreads(1)
        self._order, self._weights, self._tally = order, weights, tally
        self._opened: Predictor | None = None
        self._budget = Budget(PIXELS * order.threads)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """Do the `encoded` parts of a batch; gives their files, and their outcomes as JSON."""
        parts = [decoded(text) for text in batch["part"]]
        return {
            "file": [part.file for part in parts],
            "outcome": [json.dumps(self.outcome(part)) for part in parts],
        }

    def outcome(self, part: Part) -> Outcome:
        """Do a part; errors are told, because one that is raised would end the run without a sentence."""
        try:
            rows = self._rows(part)
            self._order.out.below(FOLDER).write(part.file, table.packed([*part.kept, *rows]))
            return Outcome({row["picture"]: row["error"] for row in rows if row.get("error") is not None})
        except GazeError as error:
            return Outcome({}, stop=str(error))
        except Exception:
            logger.debug("%s: cannot be done", part.file, exc_info=True)
            return Outcome({}, bug=traceback.format_exc())

    def _rows(self, part: Part) -> list[Row]:
        if self._tally.begin(part.file) > 1:
            return [self._alone(*item) for item in part.todo]
        if self._order.threads == 1:
            return [self._row(*item) for item in part.todo]
        self._predictor()  # before several ask for it
        with ThreadPoolExecutor(self._order.threads) as pool:
            return list(pool.map(lambda item: self._row(*item), part.todo))

    def _alone(self, source: Source, name: str) -> Row:
        """As `_row`, for a picture that may be what killed the worker before this one."""
        if self._tally.begin(source.where) > MOST:
            reason = (
                "its worker died each time that it was predicted; look at its file and at the memory of the machine"
            )
            return table.broken(source, name, self._order.made, f"{source.shown}: {reason}.")
        row = self._row(source, name)
        self._tally.end(source.where)
        return row

    def _row(self, source: Source, name: str) -> Row:
        """Predict a picture and write its files."""
        order = self._order
        try:
            picture, damage = self._picture(source)
        except PictureError as error:
            return table.broken(source, name, order.made, str(error))
        with self._budget.share(picture.shape[0] * picture.shape[1]):
            prediction = replace(self._predictor()(picture, order.condition), damaged=damage)
            try:
                contents = order.drawing.contents(source, name, picture, prediction)
            except PictureError as error:  # too long for the files that are asked for
                return table.broken(source, name, order.made, f"{source.shown}: {error}")
        for file, content in contents.items():
            order.out.write(file, content)
        return table.predicted(source, name, list(contents), order.made, prediction)

    def _picture(self, source: Source) -> tuple[UInt8[np.ndarray, "h w 3"], str]:
        if source.path.suffix.lower() in VIDEOS:
            raise PictureError(f"{source.shown}: {WITHOUT_RAY}.")
        local = source.store < 0
        scheme, _, path = source.where.partition("://")
        content = Path(source.where) if local else Place(self._order.stores[source.store], path, scheme).read()
        if self._order.accept_damaged:
            return read_damaged(content, source.shown)
        return read(content, source.shown), ""

    def _predictor(self) -> Predictor:
        """The model, opened when the first picture asks for it, so that what is wrong with it is told as an outcome."""
        if self._opened is None:
            with tempfile.TemporaryDirectory(prefix="gaze-") as folder:
                path = Path(folder, self._order.model)
                path.write_bytes(self._weights())
                self._opened = Predictor(path, provider=self._order.provider, threads=1)
        return self._opened


def encoded(part: Part) -> str:
    """A part as it travels to a worker."""
    return json.dumps(part)


def decoded(text: str) -> Part:
    """The part that `encoded` wrote."""
    file, todo, kept = json.loads(text)
    return Part(file, [(Source(*source), name) for source, name in todo], kept)
