"""What `gaze predict` does with videos and cameras: heat over the frames, a line and a density for each of them.

Each video becomes, as asked for: `mp4`: NAME.overlay.mp4, every frame under its heat, with the sound; `jsonl`:
NAME.frames.jsonl, a line a frame as in `export/schema_video.json`; `parquet`: NAME.frames.parquet, the same as a table,
with a column `share_...` for each region; `npz`: NAME.densities.npz, with `times` (f) in seconds and `densities`
(f, h, w), float16 log densities at a quarter of the model's canvas. Lines and densities are those of the frames that the
model looked at: all, or every Nth and the first of each shot. Memory does not grow with the length of a video.
"""

import contextlib
import json
import logging
import math
import os
import re
import tempfile
import time
import zipfile
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from app.predict import jobs, provenance
from app.predict.provenance import Making, Provenance, Stamp, described, digest
from data import coco, objects
from data.atomic import atomic_write
from data.draw.heatmap import blend
from data.draw.legend import legend
from data.errors import GazeError, PictureError, VideoError
from data.plain_text import json_safe
from data.progress import Steps
from data.video.read import JUMP, VideoFile, pyav
from data.video.write import VideoWriter
from export.runtime.records import VIDEO, FrameRecord
from export.runtime.saliency import Predictor
from export.runtime.video import VideoPrediction, VideoPredictor
from saliency import TASK

logger = logging.getLogger(__name__)

FORMATS = ("mp4", "jsonl", "parquet", "npz")
ENDINGS = {
    "mp4": ".overlay.mp4",
    "jsonl": ".frames.jsonl",
    "parquet": ".frames.parquet",
    "npz": ".densities.npz",
}
USUAL = "mp4,jsonl"
CAMERA_OPTIONS = ("model", "formats", "condition", "provider", "opacity", "palette", "every", "regions")
GRID = "grid:3x3"
COARSE = 4  # canvas pixels to a pixel of what is kept in .npz
ROWS = 1000  # of a table that are held before they are written
DARK = 30  # frames that a camera may fail to give before it is taken to be gone


class Range(NamedTuple):
    """Seconds of a video, from the first to before the second."""

    start: float = 0.0
    end: float | None = None

    def __str__(self) -> str:
        return f"{self.start:g}s-" + ("" if self.end is None else f"{self.end:g}s")


def parse_range(words: str | None) -> Range:
    """The seconds that a person names: 10s-20s, 1:30-2:00, 10-, -5s; None: all.

    >>> parse_range("1:30-2:00"), parse_range("-5s")
    (Range(start=90.0, end=120.0), Range(start=0.0, end=5.0))

    Raises:
        GazeError: It is no range, or it ends before it begins.
    """
    if words is None:
        return Range()
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

    @property
    def digest(self) -> str:
        """Of the file's content; "": there is no file."""
        return "" if objects.cells(self.source) else digest(Path(self.source))

    def of(self, name: str, size: tuple[int, int]) -> tuple[tuple[str, ...], Float[np.ndarray, "n 4"]]:
        """The names and boxes (pixels) of a video's regions; `size` is the height and width of its frames.

        Raises:
            TableError: The COCO file cannot be used, or says nothing of this video.
        """
        height, width = size
        cells = objects.cells(self.source)
        if cells:
            boxes = objects.grid(width, height, *cells).boxes
            return tuple(f"r{row + 1}c{column + 1}" for row in range(cells[0]) for column in range(cells[1])), boxes
        file = coco.read(self.source)
        found = file.objects(name, (width, height))
        kinds = found.categories or ("region",) * len(found)
        names = tuple(f"{kind or 'region'} {number + 1}" for number, kind in enumerate(kinds))
        return names, found.boxes


def coverage(boxes: Float[np.ndarray, "n 4"], size: tuple[int, int], shape: tuple[int, int]) -> Float32[np.ndarray, "n m"]:
    """How much of each of the `shape` pixels of a small map of a frame of some `size` lies in each box, 0 to 1."""
    sides = []
    for axis, (pixels, length) in enumerate(((shape[1], size[1]), (shape[0], size[0]))):
        edges = np.arange(pixels + 1) * length / pixels
        low, high = boxes[:, axis, None], (boxes[:, axis] + boxes[:, axis + 2])[:, None]
        inside = np.minimum(edges[1:], high) - np.maximum(edges[:-1], low)
        sides.append(np.clip(inside, 0, None) * pixels / length)
    return (sides[1][:, :, None] * sides[0][:, None, :]).reshape(len(boxes), -1).astype(np.float32)


@dataclass(frozen=True)
class Settings:
    """How videos are predicted, and what is written of them."""

    every: int = 1
    range: Range = Range()
    regions: Regions = Regions()
    condition: str = "any"
    opacity: float = 0.6
    palette: str = "turbo"


class Sink(Protocol):
    """Takes what is seen, frame by frame, and writes it."""

    def add(self, seen: VideoPrediction) -> None:
        """One more frame."""

    def close(self) -> None:
        """That was all."""


class Overlay:
    """Every frame under its heat, as a video."""

    def __init__(self, file: IO[bytes], rate: float, settings: Settings, sound: Path | None = None) -> None:
        self._settings = settings
        self._writer = VideoWriter(file.name, rate, sound, *settings.range)

    def add(self, seen: VideoPrediction) -> None:
        """One more frame."""
        relative = np.exp(seen.small - seen.small.max())
        if float(seen.small.max() - seen.small.min()) < 1e-3:  # nowhere is looked at more than elsewhere
            relative = np.zeros_like(relative)
        wide = cv2.resize(relative, seen.size[::-1], interpolation=cv2.INTER_LINEAR)
        self._writer.write(blend(seen.pixels, wide, self._settings.opacity, self._settings.palette), seen.time_s)

    def close(self) -> None:
        """Write the table of contents."""
        self._writer.close()


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


def shrunk(density: Float32[np.ndarray, "h w"]) -> np.ndarray:
    """A log density at a quarter of its sides, summing to one but for the rounding to float16."""
    height, width = (max(1, math.ceil(side / COARSE)) for side in density.shape)
    small = cv2.resize(np.exp(density), (width, height), interpolation=cv2.INTER_AREA)
    logs = np.log(np.maximum(small / small.sum(), 1e-9))
    return np.asarray(logs - np.log(np.exp(logs).sum()), "<f2")


class Recorder:
    """Makes the record of each frame of one video."""

    def __init__(self, predictor: Predictor, settings: Settings, name: str | None, place: str | None) -> None:
        self._predictor, self._settings, self._name, self._place = predictor, settings, name, place
        self._regions: tuple[tuple[str, ...], np.ndarray] | None = None

    def __call__(self, seen: VideoPrediction) -> dict[str, Any]:
        """A `FrameRecord`, ready for JSON."""
        if self._regions is None:
            names, boxes = self._settings.regions.of(self._name or "", seen.size)
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
            **({} if self._place is None else {"video": self._place}),
        }
        return FrameRecord.model_validate(values).written()


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    shares = {f"share_{name}": share for name, share in record.pop("regions").items()}
    point = record.pop("peak")
    return record | {"peak_x": point["x"], "peak_y": point["y"]} | shares


@dataclass(frozen=True)
class Output(provenance.Output):
    """Where what videos become is written."""

    formats: tuple[str, ...] = ("mp4", "jsonl")

    def files(self, path: Path) -> list[Path]:
        """The files that a video becomes."""
        return [self.folder / (self.names[path] + ENDINGS[kind]) for kind in self.formats]


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


def sinks(
    files: Mapping[str, IO[bytes]], rate: float, settings: Settings, recorder: Recorder, sound: Path | None
) -> list[Sink]:
    """What writes each of some files, by the ends of their names."""
    found: list[Sink] = []
    for name, file in files.items():
        if name.endswith(ENDINGS["mp4"]):
            found.append(Overlay(file, rate, settings, sound))
        elif name.endswith(ENDINGS["jsonl"]):
            found.append(Lines(file, recorder))
        elif name.endswith(ENDINGS["parquet"]):
            found.append(Table(file, recorder))
        else:
            found.append(Densities(file))
    return found


def write_video(
    predictor: VideoPredictor,
    path: Path,
    targets: Sequence[Path],
    settings: Settings,
    steps: Callable[[str, int, int | None], object] = lambda what, done, total: None,
) -> tuple[dict[str, Stamp], str]:
    """Predict a video and write its files; their stamps, and what is wrong with it where it is damaged.

    Raises:
        VideoError: Nothing of it can be predicted.
        GazeError: A file cannot be written.
    """
    stamps: dict[str, Stamp] = {}
    predictor.reset()
    with VideoFile(path) as clip:
        whole = any(target.name.endswith(ENDINGS["mp4"]) for target in targets)
        step = 0.0 if whole or settings.every / clip.rate <= JUMP else settings.every / clip.rate
        each = VideoPredictor(predictor.predictor, condition=settings.condition) if step else predictor
        recorder = Recorder(predictor.predictor, settings, path.name, str(path))
        total = _frames(clip, settings)
        with together(targets, stamps) as files, contextlib.ExitStack() as stack:
            writers = sinks(files, clip.rate, settings, recorder, path)
            for writer in writers:
                stack.callback(_let_go, writer)
            for frame in clip.frames(*settings.range, step=step):
                seen = each.step(frame.pixels, frame.time_s)
                for writer in writers:
                    writer.add(seen)
                steps(path.name, seen.index + 1, total)
            for writer in writers:
                writer.close()
        return stamps, clip.damage


def _let_go(writer: Sink) -> None:
    """Close what was written half: a temporary file, which then vanishes."""
    if isinstance(writer, Overlay | Densities):
        with contextlib.suppress(Exception):
            writer.close()


def _frames(clip: VideoFile, settings: Settings) -> int | None:
    """About how many frames there are to be read; None where the file does not tell."""
    length = clip.seconds
    if length is None:
        return None
    start, end = settings.range
    return max(1, round((min(length, end or length) - start) * clip.rate))


def job(
    clips: list[Path],
    names: dict[Path, str],
    folder: Path,
    log: Provenance,
    model: str | None,
    kinds: tuple[str, ...],
    settings: Settings,
    provider: str,
    accept_damaged: bool,
) -> jobs.Job:
    """The part of `gaze predict` that is about videos.

    Raises:
        GazeError: The extra `video` is not installed, or there is no such model, condition or palette.
    """
    pyav()
    still = Predictor(model or TASK.default_models[0], provider=provider)
    still.index(settings.condition)
    legend(1, settings.palette)
    predictor = VideoPredictor(still, every=settings.every, condition=settings.condition)
    contract = still.contract
    out = Output(folder, {path: names[path] for path in clips}, formats=kinds)
    making = Making(
        TASK.name,
        described(contract.name, contract.version, still.path),
        settings.condition,
        {
            "every": settings.every,
            "range": str(settings.range),
            "regions": settings.regions.source,
            "regions_sha256": settings.regions.digest,
        },
        {"opacity": settings.opacity, "palette": settings.palette},
        ".json",
        {},
        usual=False,
        accept_damaged=accept_damaged,
    )
    steps = Steps()

    def run(out: Output) -> jobs.Outcomes:
        _make(folder)
        for path in out.todo or ():
            yield path, _one(path, out)

    def _one(path: Path, out: Output) -> PictureError | None:
        targets = out.files(path) if out.todo is None else out.todo[path]
        try:
            stamps, damage = write_video(predictor, path, targets, settings, steps)
        except PictureError as error:
            return error.with_traceback(None)
        if out.wrote:
            out.wrote(path, stamps, damage)
        if not damage or accept_damaged:
            return None
        return VideoError(f"{path}: the video is damaged or cut off ({damage}); what could be decoded was predicted.")

    made = jobs.resumable(clips, out, log, making, run, f"{contract.name} on {still.provider}")
    return made._replace(steps=steps)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GazeError(f"{folder} cannot be made ({error.strerror}); give another folder.") from error


def record(
    camera: str,
    source: "cv2.VideoCapture",
    folder: Path,
    predictor: VideoPredictor,
    settings: Settings,
    kinds: tuple[str, ...] = ("mp4", "jsonl"),
    stopped: Callable[[], bool] = lambda: False,
    steps: Callable[[str, int, int | None], object] = lambda what, done, total: None,
) -> tuple[list[Path], int]:
    """Predict what an open camera sees until `stopped`, or until it gives no more; the files, and the number of frames.

    Frames that come while the model looks are left out; the times are those at which frames came.

    Raises:
        GazeError: The camera gives no frame, or a file cannot be written.
    """
    pyav()
    name = f"camera-{time.strftime('%Y%m%d-%H%M%S')}"
    targets = [folder / (name + ENDINGS[kind]) for kind in kinds]
    try:
        _make(folder)
        predictor.reset()
        recorder = Recorder(predictor.predictor, settings, None, None)
        frames = _live(source, camera, stopped)
        with together(targets, {}) as files, contextlib.ExitStack() as stack:
            writers = sinks(files, 25.0, settings, recorder, None)
            for writer in writers:
                stack.callback(_let_go, writer)
            count = 0
            for count, (pixels, moment) in enumerate(frames, start=1):
                seen = predictor.step(pixels, moment)
                for writer in writers:
                    writer.add(seen)
                steps("frames", count, None)
            if not count:
                raise GazeError(f"The camera {camera} gives no frame; check that nothing else uses it.")
            for writer in writers:
                writer.close()
        return targets, count
    finally:
        source.release()


class CameraJob(NamedTuple):
    """A camera that is to be predicted."""

    run: Callable[[Callable[[], bool], Callable[[str, int, int | None], object]], tuple[list[Path], int]]
    model: str


def camera_job(  # noqa: PLR0913 - the options of the command
    camera: str,
    folder: Path,
    model: str | None,
    formats: str | None,
    condition: str,
    provider: str,
    opacity: float,
    palette: str,
    every: int,
    regions: str,
) -> CameraJob:
    """What `gaze predict --camera` does; `run(stopped, steps)` is `record`.

    Raises:
        GazeError: The extra `video` is not installed, or there is no such camera, model, format, condition or palette.
    """
    pyav()
    kinds = jobs.formats(formats or USUAL, FORMATS)
    settings = Settings(every, Range(), Regions(regions), condition, opacity, palette)
    legend(1, palette)
    predictor = VideoPredictor(model or TASK.default_models[0], every=every, condition=condition, provider=provider)
    still = predictor.predictor
    source = _camera(camera)
    return CameraJob(
        lambda stopped, steps: record(camera, source, folder, predictor, settings, kinds, stopped, steps),
        f"{still.contract.name} on {still.provider}",
    )


def _camera(camera: str) -> "cv2.VideoCapture":
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what is wrong is told by us
    source = cv2.VideoCapture(int(camera) if camera.isdecimal() else camera)
    if not source.isOpened():
        source.release()
        raise GazeError(f"There is no camera {camera} here, or it may not be used; check its number, cable and permissions.")
    source.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest frame, not the oldest
    return source


def _live(
    source: "cv2.VideoCapture", camera: str, stopped: Callable[[], bool]
) -> Iterator[tuple[UInt8[np.ndarray, "h w 3"], float]]:
    """Frames as they come, RGB and of one size, each with the seconds since the first."""
    begun, size, dark = 0.0, None, 0
    while not stopped():
        there, frame = source.read()
        now = time.monotonic()
        if not there or frame is None:
            dark += 1
            if dark >= DARK or source.get(cv2.CAP_PROP_FRAME_COUNT) > 0:  # a file has ended
                return
            continue
        dark = 0
        if size is None:
            begun, size = now, frame.shape[:2]
        if frame.shape[:2] != size:
            logger.warning("The camera %s changed the size of its frames, and is stopped.", camera)
            return
        yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), now - begun
