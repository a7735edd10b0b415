"""The one documented format of videos that people watched: `gaze.csv`, `videos/`; optionally `frames/`, `splits.json`.

    gaze.csv       one row a sample or a fixation: video, viewer, time_ms, x, y, and duration_ms if you have it
    videos/        NAME.mp4, or any other kind of video; `video` in the tables is its name, with or without the ending
    frames/        instead of a video: the folder NAME with its frames as pictures, whose times frames.csv tells
    frames.csv     video, frame (the name of the picture), time_ms
    splits.json    {"train": ["NAME", ...], "val": [...], "test": [...]}

Times are milliseconds from the first frame, places are pixels of the frame from its top left corner. A row without x
and y is a moment at which the eye was lost. What falls in the time during which a frame is shown is where people looked
at it: a sample (no duration_ms) once, a fixation on every frame that it touches. A row that is wrong breaks the clip
that it is of; a line that is no row, or a header that lacks a column, the whole table. It is read once, when the first
place is asked for, and takes 24 bytes a row in memory. data/README.md describes every column.
"""

import logging
from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from data.errors import Defect, TableError, refuse, unreadable
from data.gaze import Picture
from data.picture import is_valid_name
from data.picture_file import VIDEOS
from data.table import cells, schema
from data.table.cells import Cells
from data.table.columns import DAY, Form
from data.table.read import read_splits
from data.table.splits import NAMES, split
from data.video.read import LOST, is_video
from data.video.recorded import Gaze, RecordedClip
from data.video.sources import PictureSource, Source, VideoSource, step

logger = logging.getLogger(__name__)

GAZE = Form(("video", "viewer", "time_ms", "x", "y"), ("duration_ms",))
FRAMES = Form(("video", "frame", "time_ms"))
LIMITS = {"time_ms": float(DAY), "x": 1e6, "y": 1e6, "duration_ms": float(DAY)}  # what no number reaches
SECONDS = 1.5  # times of the clip's seconds: numbers that are all less are no milliseconds
FEWEST = 3  # videos that are divided into train, val and test where nobody says how


class Looks(NamedTuple):
    """The rows of one video, by when they begin."""

    begin: Float[np.ndarray, " n"]  # seconds
    lasts: Float[np.ndarray, " n"]  # seconds; 0: a sample
    xy: Float[np.ndarray, "n 2"]  # pixels


class GazeTable:
    """A gaze.csv, read when the first video is asked for."""

    def __init__(self, path: Path, names: frozenset[str]) -> None:
        self.path, self.names = path, names
        next(_blocks(path, GAZE), None)  # or say what is wrong with its header

    @cached_property
    def _read(self) -> tuple[dict[str, Looks], dict[str, str], str]:
        """The rows of each video, what is wrong with those that are broken, and what is wrong with the table."""
        try:
            return *_looks(self.path, self.names), ""
        except TableError as error:
            return {}, {}, str(error)

    def of(self, name: str) -> Looks:
        """The rows of a video.

        Raises:
            TableError: There are none, or one of them is wrong.
        """
        looks, defects, broken = self._read
        if broken or name in defects:
            raise TableError(broken or defects[name])
        if name not in looks:
            raise TableError(f"{self.path}: no row is of the video {name!r}; add its gaze, or remove it.")
        return looks[name]


class TableGaze(Gaze):
    """Where people looked at one video, as a gaze.csv tells."""

    def __init__(self, table: GazeTable, name: str) -> None:
        self.table, self.name = table, name

    def at(self, index: int, times: Float[np.ndarray, " f"], size: tuple[int, int]) -> Float[np.ndarray, "k 2"]:
        """Pixels where people looked while a frame was shown."""
        looks = self.table.of(self.name)
        start = float(times[index])
        end = float(times[index + 1]) if index + 1 < len(times) else start + step(times)
        first = int(np.searchsorted(looks.begin, start - float(looks.lasts.max(initial=0)), side="left"))
        last = int(np.searchsorted(looks.begin, end, side="left"))
        begin, lasts = looks.begin[first:last], looks.lasts[first:last]
        xy = looks.xy[first:last][(begin >= start) | (begin + lasts > start)]
        return np.asarray(xy, np.float64)

    def check(self, times: Float[np.ndarray, " f"], size: tuple[int, int]) -> None:
        """Refuse gaze of other units, or of another video.

        Raises:
            TableError: It is, or no row falls on a frame.
        """
        from data.datasets import _release  # whose readers import this folder

        looks, path, end = self.table.of(self.name), self.table.path, float(times[-1]) + step(times)
        late = float(looks.begin[-1])
        if late > end + LOST:
            problem = f"gaze of {self.name!r} at {late:.2f} s, but the video ends after {end:.2f} s"
            raise TableError(f"{path}: {problem}; give the video that was shown, or leave these rows out.")
        if len(looks.begin) > 1 and 0 < 1000 * late <= SECONDS * end and end > 1:
            raise TableError(f"{path}: time_ms of {self.name!r} seems to be in seconds; multiply it by 1000.")
        if not ((looks.begin + looks.lasts >= 0) & (looks.begin < end)).any():
            raise TableError(f"{path}: no row of {self.name!r} falls on a frame; count time_ms from the first frame.")
        _release.pixels(path, looks.xy, size[1], size[0])


def sniff(root: Path) -> bool:
    """Whether a folder is of this format."""
    return (root / "gaze.csv").is_file()


def clips(root: Path) -> dict[str, list[RecordedClip]]:
    """The clips of each split: of splits.json, else of every ten eight, one and one; fewer than three are all to test.

    Raises:
        TableError: A file of the set is missing or cannot be understood.
    """
    sources = _sources(root)
    table = GazeTable(root / "gaze.csv", frozenset(sources))
    made = {name: RecordedClip(name, source, TableGaze(table, name)) for name, source in sources.items()}
    named = _splits(root, made) or _divided(sorted(made))
    return {part: [made[name] for name in names] for part, names in named.items()}


def _sources(root: Path) -> dict[str, Source]:
    """The frames of each video by its name."""
    sources: dict[str, Source] = {}
    for path in sorted((root / "videos").glob("*")):
        if is_video(path) and not path.name.startswith("."):
            if path.stem in sources:
                raise TableError(f"{path}: there are two videos {path.stem!r}; rename one of them.")
            sources[path.stem] = VideoSource(path)
    listed = _Frames(root)
    for folder in sorted((root / "frames").glob("*")):
        if folder.is_dir() and not folder.name.startswith("."):
            if folder.name in sources:
                raise TableError(f"{folder}: there is a video of that name; rename one of them.")
            sources[folder.name] = PictureSource(str(folder), partial(listed.of, folder.name))
    if not sources:
        raise TableError(f"{root}: there is no video in videos/ and no folder in frames/; add what people watched.")
    return sources


def _splits(root: Path, made: dict[str, Any]) -> dict[str, list[str]]:
    """The names of the videos of each split in splits.json; {} without that file."""
    path, split_of = root / "splits.json", dict[str, str]()
    named = {part: [_name(name) for name in names] for part, names in read_splits(root).items()}
    for part, names in named.items():
        for name in names:
            if name not in made:
                refuse(Defect(str(path), None, f"{part!r} names the unknown video {name!r}", "mend or remove it"))
            if name in split_of:
                problem = f"video {name!r} is in {split_of[name]!r} and again in {part!r}"
                refuse(Defect(str(path), None, problem, "keep it once"))
            split_of[name] = part
    return {part: named.get(part, []) for part in dict.fromkeys((*NAMES, *named))} if named else {}


def _divided(names: list[str]) -> dict[str, list[str]]:
    if len(names) < FEWEST:
        return {"train": [], "val": [], "test": names}
    parts = split((Picture(name, 1, 1), ()) for name in names)
    return {part: [picture.name for picture, _ in items] for part, items in parts.items()}


class _Frames:
    """A frames.csv, read when the first folder of frames is asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def _rows(self) -> dict[str, list[tuple[float, str]]]:
        """Seconds and names of the frames of each folder."""
        path, rows = self.root / "frames.csv", dict[str, list[tuple[float, str]]]()
        for block in _blocks(path, FRAMES):
            _refuse_first(block.defects)
            times = schema._numbers(block.columns["time_ms"]) / 1000
            wrong = ~(np.abs(times) < LIMITS["time_ms"] / 1000)
            _refuse_first(schema._worded(block, path, "time_ms", wrong, "write the milliseconds of the frame"))
            videos, frames = (block.columns[name].to_pylist() for name in ("video", "frame"))
            for line, video, frame, time in zip(block.line, videos, frames, times.tolist(), strict=True):
                if not is_valid_name(frame or ""):
                    refuse(Defect(str(path), int(line), f"frame is {frame or 'empty'!r}", "write a name in the folder"))
                rows.setdefault(_name(video or ""), []).append((time, frame))
        return rows

    def of(self, name: str) -> tuple[list[Path], Float[np.ndarray, " f"]]:
        """The pictures of a folder in order, and the seconds at which each comes.

        Raises:
            TableError: No row of frames.csv is of this folder, or its first frame does not come at 0 ms.
        """
        rows = sorted(self._rows.get(name, ()))
        if not rows:
            raise TableError(f"{self.root / 'frames.csv'}: no row is of the frames {name!r}; tell when each was shown.")
        if rows[0][0]:
            problem = f"the first frame of {name!r} is at {1000 * rows[0][0]:g} ms"
            raise TableError(f"{self.root / 'frames.csv'}: {problem}; count times from it, also in gaze.csv.")
        return [self.root / "frames" / name / frame for _, frame in rows], np.array([time for time, _ in rows])


def _looks(path: Path, names: frozenset[str]) -> tuple[dict[str, Looks], dict[str, str]]:
    """The rows of each video that have a place, and what is wrong with each that has a wrong one, from one pass."""
    codes: dict[str, int] = {}
    defects: dict[str, str] = {}
    grown = {"code": bytearray(), "begin": bytearray(), "lasts": bytearray(), "xy": bytearray()}
    for block in _blocks(path, GAZE):
        _refuse_first(block.defects)
        numbers, texts = schema._encoded(block, "video")
        videos = np.array([_name(text) for text in texts], object)
        time, x, y, lasts = (_column(block, name) for name in ("time_ms", "x", "y", "duration_ms"))
        _note_defects(block, path, videos[numbers], (time, x, y, lasts), defects)
        kept = np.isfinite(time) & np.isfinite(x) & np.isfinite(y)
        code = np.array([codes.setdefault(str(video), len(codes)) for video in videos], np.int32)[numbers]
        grown["code"] += code[kept].tobytes()
        grown["begin"] += (time[kept] / 1000).tobytes()
        grown["lasts"] += (np.nan_to_num(lasts[kept], posinf=0) / 1000).astype(np.float32).tobytes()
        grown["xy"] += np.stack([x, y], 1)[kept].astype(np.float32).tobytes()
    unknown = [video for video in codes if video not in names]
    if unknown:
        logger.warning("%s: its video %r is not there, nor are %d others.", path, unknown[0], len(unknown) - 1)
    code, begin = np.frombuffer(grown["code"], np.int32), np.frombuffer(grown["begin"])
    lasting, xy = np.frombuffer(grown["lasts"], np.float32), np.frombuffer(grown["xy"], np.float32).reshape(-1, 2)
    order = np.lexsort((begin, code))
    ends = np.searchsorted(code[order], np.arange(len(codes) + 1))
    rows = {video: order[ends[number] : ends[number + 1]] for video, number in codes.items() if video in names}
    return {video: Looks(begin[at], lasting[at], xy[at]) for video, at in rows.items() if len(at)}, defects


def _column(block: Cells, name: str) -> Float[np.ndarray, " n"]:
    """The numbers of a column; NaN where a cell is empty, infinite where it is none that a recording holds."""
    if name not in block.columns:
        return np.full(len(block.line), np.nan)
    numbers = schema._numbers(block.columns[name])
    return np.where(np.abs(numbers) >= LIMITS[name], np.inf, numbers)


def _note_defects(
    block: Cells,
    path: Path,
    videos: np.ndarray,
    columns: tuple[Float[np.ndarray, " n"], ...],
    defects: dict[str, str],
) -> None:
    """Keep what is wrong with the first wrong row of each video."""
    time, x, y, lasts = columns
    number = "write a number such as 12.5 that a recording can hold"
    checks = (
        ("video", np.array([not video for video in videos], bool), "write the name of a video"),
        ("viewer", schema._encoded(block, "viewer")[0] == _empty(block), "write a name for the viewer"),
        ("time_ms", ~np.isfinite(time), number),
        ("x", np.isinf(x) | (np.isnan(x) & ~np.isnan(y)), f"{number}, or leave x and y empty"),
        ("y", np.isinf(y) | (np.isnan(y) & ~np.isnan(x)), f"{number}, or leave x and y empty"),
        ("duration_ms", np.isinf(lasts) | (lasts < 0), f"{number}, or nothing for a sample"),
    )
    for name, wrong, remedy in checks:
        rows = np.flatnonzero(wrong)
        for video in set(videos[rows].tolist()) - defects.keys() if len(rows) else ():
            first = np.zeros(len(videos), bool)
            first[rows[np.flatnonzero(videos[rows] == video)[0]]] = True
            defects[video] = str(next(schema._worded(block, path, name, first, remedy)))
    if "" in defects:
        raise TableError(defects[""])


def _empty(block: Cells) -> int:
    """The code of an empty viewer; -1 where there is none."""
    texts = schema._encoded(block, "viewer")[1]
    return texts.index("") if "" in texts else -1


def _refuse_first(defects: Any) -> None:
    for defect in defects:
        refuse(defect)


def _blocks(path: Path, form: Form) -> Iterator[Cells]:
    """The rows of a table, a block at a time.

    Raises:
        TableError: It is missing, no such table, or no text.
    """
    try:
        with path.open("rb") as file:
            yield from cells.read(file, path, refuse, form)
    except OSError as error:
        refuse(unreadable(path, error))


def _name(text: str) -> str:
    """A video's name without the ending of a video.

    >>> _name("a.b.MP4"), _name("a.b")
    ('a.b', 'a.b')
    """
    stem, dot, ending = text.strip().rpartition(".")
    return stem if stem and f"{dot}{ending}".lower() in VIDEOS else text.strip()
