"""The files that a video or a camera becomes, written frame by frame.

    mp4      every frame under its heat, with the sound
    jsonl    a line for each frame that the model looked at: `export.runtime.records.FrameRecord`
    parquet  the same as a table, with a column `share_...` for each region
    npz      `times` (f) in seconds and `densities` (f, h, w), float16 log densities at a quarter of the model's canvas

Nothing is held but what a file needs; memory does not grow with the length.
"""

import contextlib
import json
import logging
import math
import os
import re
import tempfile
import zipfile
from array import array
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import cv2
import numpy as np
from jaxtyping import Float, Float32

from app.predict.provenance import Stamp, digest
from data import coco, objects
from data.atomic import atomic_write
from data.draw.heatmap import blend, relative_density
from data.draw.palettes import DEFAULT
from data.errors import GazeError, TableError, VideoError
from data.plain_text import json_safe
from data.video.write import VideoWriter
from export.runtime.records import VIDEO, FrameRecord
from export.runtime.saliency import Predictor
from export.runtime.video import VideoPrediction
from export.runtime.video_step import StepPredictor

logger = logging.getLogger(__name__)

FORMATS = ("mp4", "jsonl", "parquet", "npz")
ENDINGS = {
    "mp4": ".overlay.mp4",
    "jsonl": ".frames.jsonl",
    "parquet": ".frames.parquet",
    "npz": ".densities.npz",
}
USUAL = "mp4,jsonl"
GRID = "grid:3x3"
COARSE = 4  # canvas pixels to a pixel of what is kept in .npz
AHEAD = 3  # frames that may wait to be drawn and encoded
ROWS = 1000  # of a table that are held before they are written


class Range(NamedTuple):
    """Seconds of a video, from the first to before the second."""

    start: float = 0.0
    end: float | None = None

    def __str__(self) -> str:
        start, end = ("" if each is None else repr(float(each)).removesuffix(".0") + "s" for each in self)
        return f"{start}-{end}"


ALL = Range()


def parse_range(words: str | None) -> Range:
    """The seconds that a person names: 10s-20s, 1:30-2:00, 10-, -5s; None: all.

    >>> parse_range("1:30-2:00"), parse_range("-5s")
    (Range(start=90.0, end=120.0), Range(start=0.0, end=5.0))

    Raises:
        GazeError: It is no range, or it ends before it begins.
    """
    if words is None:
        return ALL
    number = r"((?:\d{1,3}:){0,2}\d{1,9}(?:\.\d{1,9})?)\s*s?"
    found = re.fullmatch(rf"\s*(?:{number})?\s*-\s*(?:{number})?\s*", words)
    if not found or not any(found.groups()):
        raise GazeError(f"--range {words!r} is no range of time; write it as 10s-20s, 1:30-2:00 or 10s-.")
    start, end = (None if each is None else _seconds(each) for each in found.groups())
    if end is not None and end <= (start or 0.0):
        raise GazeError(f"--range {words!r} ends before it begins; write the earlier time first, as in 10s-20s.")
    return Range(start or 0.0, end)


def _seconds(words: str) -> float:
    total = 0.0
    for part in words.split(":"):
        total = 60 * total + float(part)
    return total


@dataclass(frozen=True)
class Regions:
    """Named parts of a frame, of which the share of looks is told."""

    source: str = GRID  # grid:RxC, or a COCO file with the boxes of each video, or of all

    def __post_init__(self) -> None:
        if objects.cells(self.source) is None and not Path(self.source).is_file():
            raise GazeError(f"There are no regions {self.source!r}; give grid:ROWSxCOLUMNS or a COCO file.")
        if objects.cells(self.source) is None:
            _ = self._file  # what is none is refused before anything is predicted

    @cached_property
    def _file(self) -> coco.Coco:
        return coco.read(self.source)

    def check(self, path: Path | None) -> None:
        """Refuse a video of which the COCO file says nothing; None: a camera.

        Raises:
            VideoError: It is not in the file, or several pictures there may be meant.
            TableError: The same for a camera, or there is no COCO file there.
        """
        if objects.cells(self.source) is None:
            file = self._file
            with self._of(path):
                file.picture(path.name if path else "")

    @contextlib.contextmanager
    def _of(self, path: Path | None) -> Iterator[None]:
        """What cannot be of one video is that video's fault."""
        try:
            yield
        except TableError as error:
            if path is None:
                raise
            raise VideoError(f"{path}: regions of {error}") from error

    @property
    def digest(self) -> str:
        """Of the file's content; "": there is no file."""
        return "" if objects.cells(self.source) else digest(Path(self.source))

    def of(self, path: Path | None, size: tuple[int, int]) -> tuple[tuple[str, ...], Float[np.ndarray, "n 4"]]:
        """The names and boxes (pixels) of a video's regions; `size` is the height and width of its frames.

        Raises:
            VideoError: The COCO file says nothing of this video, or what does not fit its frames.
            TableError: The COCO file cannot be used.
        """
        height, width = size
        cells = objects.cells(self.source)
        if cells:
            boxes = objects.grid(width, height, *cells).boxes
            return tuple(f"r{row + 1}c{column + 1}" for row in range(cells[0]) for column in range(cells[1])), boxes
        file = self._file
        with self._of(path):
            found = file.objects(path.name if path else "", (width, height))
        kinds = found.categories or ("region",) * len(found)
        names = tuple(f"{kind or 'region'} {number + 1}" for number, kind in enumerate(kinds))
        return names, found.boxes


def coverage(
    boxes: Float[np.ndarray, "n 4"], size: tuple[int, int], shape: tuple[int, int]
) -> Float32[np.ndarray, "n m"]:
    """How much of each of the `shape` pixels of a small map of a frame of some `size` lies in each box, 0 to 1."""
    sides = []
    for axis, (pixels, length) in enumerate(((shape[1], size[1]), (shape[0], size[0]))):
        edges = np.arange(pixels + 1) * length / pixels
        low, high = boxes[:, axis, None], (boxes[:, axis] + boxes[:, axis + 2])[:, None]
        inside = np.minimum(edges[1:], high) - np.maximum(edges[:-1], low)
        sides.append(np.clip(inside, 0, None) * pixels / length)
    return np.asarray((sides[1][:, :, None] * sides[0][:, None, :]).reshape(len(boxes), -1), np.float32)


@dataclass(frozen=True)
class Settings:
    """How videos are predicted, and what is written of them."""

    every: int = 1
    range: Range = ALL
    regions: Regions = field(default_factory=Regions)
    condition: str = "any"
    opacity: float = 0.6
    palette: str = DEFAULT


def settings(
    condition: str,
    opacity: float,
    palette: str,
    every: int = 1,
    range: str | None = None,
    regions: str = GRID,
) -> Settings:
    """What a person asks for.

    Raises:
        GazeError: The range or the regions cannot be.
    """
    return Settings(every, parse_range(range), Regions(regions), condition, opacity, palette)


class Sink(Protocol):
    """Takes what is seen, frame by frame, and writes it."""

    def add(self, seen: VideoPrediction) -> None:
        """One more frame."""

    def close(self) -> None:
        """That was all."""

    def drop(self) -> None:
        """It is not wanted: let go of all files, with as little work as may be."""


class Overlay:
    """Every frame under its heat, as a video."""

    def __init__(self, file: IO[bytes], rate: float, settings: Settings, sound: Path | None = None) -> None:
        self._settings = settings
        self._writer = VideoWriter(file.name, rate, sound, *settings.range)

    def add(self, seen: VideoPrediction) -> None:
        """One more frame."""
        wide = cv2.resize(relative_density(seen.small, None), seen.size[::-1], interpolation=cv2.INTER_LINEAR)
        self._writer.write(blend(seen.pixels, wide, self._settings.opacity, self._settings.palette), seen.time_s)

    def close(self) -> None:
        """Write the table of contents."""
        self._writer.close()

    def drop(self) -> None:
        """Let go of the file."""
        self._writer.drop()


class Behind:
    """Lets another one write in a thread of its own, a few frames behind; what goes wrong there is raised here."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._pool = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()

    def add(self, seen: VideoPrediction) -> None:
        """One more frame."""
        self._waiting.append(self._pool.submit(self.sink.add, seen))
        while len(self._waiting) > AHEAD:
            self._waiting.popleft().result()

    def close(self) -> None:
        """Write what waits, and the end of the file."""
        while self._waiting:
            self._waiting.popleft().result()
        self._pool.shutdown()
        self.sink.close()

    def drop(self) -> None:
        """Forget what waits, and let go of the file."""
        self._pool.shutdown(cancel_futures=True)
        self.sink.drop()


class Lines:
    """A line of JSON for each frame that the model looked at."""

    def __init__(self, file: IO[bytes], record: "Recorder") -> None:
        self._file, self._record = file, record

    def add(self, seen: VideoPrediction) -> None:
        """One more frame."""
        if seen.predicted:
            self._file.write((json_safe(json.dumps(self._record(seen), ensure_ascii=False)) + "\n").encode())

    def close(self) -> None:
        """Everything is written."""

    def drop(self) -> None:
        """There is nothing to let go of."""


class Table:
    """The same as a Parquet file, with a column for each region."""

    def __init__(self, file: IO[bytes], record: "Recorder") -> None:
        self._file, self._record = file, record
        self._rows: list[dict[str, Any]] = []
        self._writer: Any = None

    def add(self, seen: VideoPrediction) -> None:
        """One more frame."""
        if seen.predicted:
            self._rows.append(_flat(self._record(seen)))
            if len(self._rows) >= ROWS:
                self._write()

    def _write(self) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        table = pa.Table.from_pylist(self._rows)
        if self._writer is None:
            self._writer = parquet.ParquetWriter(self._file, table.schema)
        self._writer.write_table(table.cast(self._writer.schema))
        self._rows.clear()

    def close(self) -> None:
        """Write what is left."""
        if self._rows:
            self._write()
        self.drop()

    def drop(self) -> None:
        """Let go of the file."""
        if self._writer is not None:
            self._writer.close()


class Densities:
    """Small densities with their times, as a .npz file: kept in a temporary file until their number is known."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._spool = tempfile.TemporaryFile(dir=Path(file.name).parent)  # noqa: SIM115 - closed below
        self._times = array("d")
        self._shape: tuple[int, ...] = (0, 0)

    def add(self, seen: VideoPrediction) -> None:
        """One more frame."""
        if not seen.predicted:
            return
        small = shrunk(seen.small)
        self._shape = small.shape
        self._spool.write(small.tobytes())
        self._times.append(seen.time_s)

    def close(self) -> None:
        """Write the file."""
        self._spool.seek(0)
        shape = (len(self._times), *self._shape)
        header = {"descr": "<f2", "fortran_order": False, "shape": shape}
        with self._spool, zipfile.ZipFile(self._file, "w", allowZip64=True) as archive:
            with archive.open("times.npy", "w") as member:
                np.lib.format.write_array(member, np.frombuffer(self._times, np.float64))
            with archive.open("densities.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array_header_1_0(member, header)
                while block := self._spool.read(1 << 20):
                    member.write(block)

    def drop(self) -> None:
        """Let go of what was kept."""
        self._spool.close()


def shrunk(density: Float32[np.ndarray, "h w"]) -> np.ndarray:
    """A log density at a quarter of its sides, summing to one but for the rounding to float16."""
    height, width = (max(1, math.ceil(side / COARSE)) for side in density.shape)
    small = cv2.resize(np.exp(density), (width, height), interpolation=cv2.INTER_AREA)
    logs = np.log(np.maximum(small / small.sum(), 1e-9))
    return np.asarray(logs - np.log(np.exp(logs).sum()), "<f2")


class Recorder:
    """Makes the record of each frame of one video; without a path, of a camera."""

    def __init__(self, predictor: Predictor | StepPredictor, settings: Settings, path: Path | None) -> None:
        self._predictor, self._settings, self._path = predictor, settings, path
        self._regions: tuple[tuple[str, ...], np.ndarray] | None = None

    def __call__(self, seen: VideoPrediction) -> dict[str, Any]:
        """A `FrameRecord`, ready for JSON."""
        if self._regions is None:
            names, boxes = self._settings.regions.of(self._path, seen.size)
            shape = (seen.small.shape[0], seen.small.shape[1])
            self._regions = names, coverage(boxes, seen.size, shape)
        names, inside = self._regions
        shares = np.clip(inside @ np.exp(seen.small).ravel(), 0, 1)
        contract, (x, y) = self._predictor.contract, seen.peak
        values = {
            "schema": VIDEO,
            "model": contract.name,
            "version": contract.version,
            "condition": self._settings.condition,
            "provider": self._predictor.provider,
            "width": seen.size[1],
            "height": seen.size[0],
            "index": seen.index,
            "time_s": round(seen.time_s, 6),
            "since_cut_s": round(seen.since_cut_s, 6),
            "cut": seen.cut,
            "peak": {"x": round(x, 2), "y": round(y, 2)},
            "entropy_bits": round(seen.entropy, 4),
            "regions": {name: round(float(share), 5) for name, share in zip(names, shares, strict=True)},
            **({} if self._path is None else {"video": str(self._path)}),
        }
        return FrameRecord.model_validate(values).written()


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    shares = {f"share_{name}": share for name, share in record.pop("regions").items()}
    point = record.pop("peak")
    return record | {"peak_x": point["x"], "peak_y": point["y"]} | shares


@contextlib.contextmanager
def together(targets: Sequence[Path], stamps: dict[str, Stamp]) -> Iterator[dict[str, IO[bytes]]]:
    """Several files that appear whole when all are written; then their stamps are known."""
    states: dict[str, os.stat_result] = {}
    try:
        with contextlib.ExitStack() as stack:
            files = {target.name: stack.enter_context(atomic_write(target)) for target in targets}
            yield files
            for name, file in files.items():
                file.flush()
                states[name] = os.fstat(file.fileno())
    except OSError as error:
        where = error.filename or targets[0].parent
        raise GazeError(f"{where} cannot be written ({error.strerror or error}); check folder and disk.") from error
    for target in targets:
        with contextlib.suppress(OSError):
            now = target.stat()
            if os.path.samestat(states[target.name], now):
                stamps[target.name] = now.st_size, now.st_mtime_ns


@contextlib.contextmanager
def writers(
    files: Mapping[str, IO[bytes]], rate: float, settings: Settings, recorder: Recorder, sound: Path | None = None
) -> Iterator[list[Sink]]:
    """What writes each of some files, by the ends of their names; closed when all went well, else dropped."""
    found: list[Sink] = []
    try:
        for name, file in files.items():
            found.append(_sink(name, file, rate, settings, recorder, sound))
        yield found
        for writer in found:
            writer.close()
    except BaseException:
        for writer in found:
            _drop(writer)
        raise


def _sink(name: str, file: IO[bytes], rate: float, settings: Settings, recorder: Recorder, sound: Path | None) -> Sink:
    if name.endswith(ENDINGS["mp4"]):
        return Behind(Overlay(file, rate, settings, sound))
    if name.endswith(ENDINGS["jsonl"]):
        return Lines(file, recorder)
    return Table(file, recorder) if name.endswith(ENDINGS["parquet"]) else Densities(file)


def _drop(writer: Sink) -> None:
    try:
        writer.drop()
    except Exception:
        logger.debug("what was written half cannot be let go of", exc_info=True)
