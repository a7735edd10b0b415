"""A project of annotation: a folder with the frames of a video, their boxes, and every click of a person.

    project.json    what it was made of              frames/    the sampled frames, small
    boxes.npz       boxes, features and tracks       clicks.jsonl   the labels, click by click
    blocks/         boxes found so far, until all are

    project = Project.create(Path("P"), Path("walk.mp4"), Path("gaze.csv"))    # goes on where it was stopped
    project.label(project.ask(project.train(), 1)[0], "cup")                   # is on the disk now
    project.results(project.train()).write(Path("out"))

One program writes at a time; a second one is told so. Everything survives a kill at any moment.
"""

import importlib.metadata
import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from jaxtyping import Int64, UInt8

from annotation import clicks, finders, questions, record, results, rounds, sampling
from annotation.boxes import FILE as BOXES
from annotation.boxes import Boxes, Frames
from annotation.boxes import read as read_boxes
from annotation.record import GazeRecord, ProjectRecord, VideoRecord
from annotation.recording import Recording, read_gaze
from annotation.results import Results
from annotation.rounds import Prediction
from data import staging
from data.errors import GazeError
from data.objects import window

logger = logging.getLogger(__name__)

LOCK = "writing"  # the file writing.lock


class Project:
    """An open project; `close` it, or use it in a `with`, so that others may write.

    `notes` are sentences on what was left out or could not be used, for people.
    """

    def __init__(self, folder: Path, about: ProjectRecord, frames: Frames, boxes: Boxes, lock: Any) -> None:
        self.folder, self.about, self.frames, self.boxes = folder, about, frames, boxes
        self.notes: list[str] = []
        self._lock = lock
        self._clicks = clicks.Clicks.read(folder / clicks.FILE, len(boxes))
        if self._clicks.passed:
            self.notes.append(f"{folder / clicks.FILE}: {self._clicks.passed} lines are no clicks and are passed over.")

    @classmethod
    def create(
        cls,
        folder: Path,
        video: Path,
        gaze: Path | None = None,
        *,
        fps: float = 5,
        objects: str = finders.FOUND,
        offset_s: float = 0.0,
        model: str = "tempsal",
        provider: str = "auto",
        progress: sampling.Progress | None = None,
    ) -> Self:
        """Make the project of a video, or go on with it where it was stopped.

        Args:
            folder: Of the project.
            video: Any file that `data.video` reads.
            gaze: The recording; None: labels and boxes are made without.
            fps: Frames a second that are looked at, at most.
            objects: Where boxes come from, as in `annotation.finders`.
            offset_s: Seconds that are added to the clock of the gaze.
            model: Whose look tells boxes apart.
            provider: What models run on.
            progress: Is told what is done, how much, and of how much.

        Raises:
            GazeError: The video or the objects cannot be used, the project is one of another video, or another program
                writes there.
        """
        if not 0 < fps <= 1000:
            raise GazeError(f"{fps:g} frames a second cannot be looked at; give a number above 0, such as 5.")
        about = _about(video, gaze, fps, objects, offset_s, model)
        notes: list[str] = []
        lock = _locked(folder)
        try:
            about = _agreed(folder, about)
            about.write(folder)

            def finder() -> finders.Finder:
                half = 0.5 / fps
                return finders.Finder(objects, model=model, provider=provider, half_step_s=half, tell=notes.append)

            tell = progress or (lambda what, done, total: None)
            frames, boxes = sampling.sample(folder, video, fps, finder, tell, notes.append)
            project = cls(folder, about, frames, boxes, lock)
        except BaseException:
            staging.release(lock)
            raise
        project.notes[:0] = notes
        return project

    @classmethod
    def open(cls, folder: Path, *, writes: bool = True) -> Self:
        """Open a project that is there; the video may be elsewhere by now, and what is kept of it serves.

        Raises:
            GazeError: There is none, it is damaged or not ready, or, with `writes`, another program writes there.
        """
        about = ProjectRecord.read(folder)
        if not (folder / BOXES).is_file():
            again = f"run gaze annotate {about.video.path} -o {folder}"
            raise GazeError(f"{folder}: the video is not looked through to its end; {again}.")
        lock = _locked(folder) if writes else None
        try:
            frames, boxes = read_boxes(folder)
            return cls(folder, about, frames, boxes, lock)
        except BaseException:
            if lock is not None:
                staging.release(lock)
            raise

    def close(self) -> None:
        """Let others write."""
        if self._lock is not None:
            staging.release(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the video in pixels."""
        return self.frames.size

    @property
    def labels(self) -> dict[int, str]:
        """The class of each box that a person labelled, in the order of the clicks; "" is of no interest."""
        return dict(self._clicks.labels)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names given so far, in the order in which they came; that of no interest is not among them."""
        return tuple(dict.fromkeys(name for name in self._clicks.labels.values() if name))

    def label(self, box: int, name: str) -> None:
        """A box is of a class; "" is one of no interest. It is on the disk when the call returns.

        Raises:
            GazeError: There is no such box, the name is none, or it cannot be saved.
        """
        self._writable().label(box, name)

    def label_all(self, labels: Sequence[tuple[int, str]]) -> None:
        """Several labels at once, each a click."""
        log = self._writable()
        log.add([{"label": log.checked(box), "class": clicks.class_name(name)} for box, name in labels])

    def rename(self, name: str, to: str) -> None:
        """A class bears another name; where there is one of that name already, both are one."""
        self._writable().rename(name, to)

    def undo(self) -> None:
        """Takes the last click back.

        Raises:
            GazeError: There is none.
        """
        self._writable().undo()

    def _writable(self) -> clicks.Clicks:
        if self._lock is None:
            raise GazeError(f"{self.folder}: opened to be read only; open it to write.")
        return self._clicks

    def train(self) -> Prediction:
        """One round: a network learns the labels so far and tells the classes of all boxes; seconds."""
        return rounds.train(self._scene, self._clicks.labels)

    @cached_property
    def _scene(self) -> rounds.Scene:
        return rounds.Scene(self.frames, self.boxes)

    def ask(self, prediction: Prediction, count: int = 1) -> list[int]:
        """The boxes whose labels would help most, the first first; without any label one of each sort of thing."""
        return questions.ask(self.boxes, self._clicks.labels, prediction, self.looks, count)

    @cached_property
    def recording(self) -> Recording | None:
        """The gaze on the video's clock; None where there is none, or where it cannot be used (`notes` say why)."""
        if self.about.gaze is None:
            return None
        path, offset = Path(self.about.gaze.path), self.about.gaze.offset_s
        try:
            return read_gaze(path, self.frames, Path(self.about.video.path), offset, self.notes.append)
        except GazeError as error:
            logger.debug("%s: the gaze cannot be used", path, exc_info=True)
            self.notes.append(f"{error} Labels and boxes are there without gaze.")
            return None

    @cached_property
    def looks(self) -> Int64[np.ndarray, " n"]:
        """How many samples of gaze fall on each box; zeros without gaze."""
        if self.recording is None:
            return np.zeros(len(self.boxes), np.int64)
        return results.looks(self.frames, self.boxes, self.recording)

    def crop(self, box: int) -> UInt8[np.ndarray, "h w 3"]:
        """What is in a box, RGB."""
        number = self._clicks.checked(box)
        pixels = self.picture(int(self.boxes.frame[number]))
        return np.ascontiguousarray(pixels[window(self.boxes.box[number], self.size[1], self.size[0])])

    def picture(self, frame: int) -> UInt8[np.ndarray, "h w 3"]:
        """A sampled frame at the video's size, RGB, from what is kept of it.

        Raises:
            GazeError: There is no such frame, or its file is damaged.
        """
        if not 0 <= frame < len(self.frames):
            raise GazeError(f"There is no frame {frame} among {len(self.frames)}; give a number from 0.")
        return sampling.kept_frame(self.folder, frame, self.size)

    def results(self, prediction: Prediction) -> Results:
        """Which object was fixated when, and how long each was."""
        return results.results(self.folder, self.frames, self.boxes, prediction, self.recording)


def _about(video: Path, gaze: Path | None, fps: float, objects: str, offset_s: float, model: str) -> ProjectRecord:
    source = str(Path(objects).absolute()) if objects != finders.FOUND else objects
    return ProjectRecord(
        gaze_version=importlib.metadata.version("gaze"),
        video=VideoRecord.of(video),
        gaze=None if gaze is None else GazeRecord(path=str(gaze.absolute()), offset_s=offset_s),
        fps=fps,
        objects=source,
        objects_sum=record.file_sum(objects),
        model=model,
    )


def _agreed(folder: Path, about: ProjectRecord) -> ProjectRecord:
    """The record, once it agrees with that of an earlier run; the gaze and the places of files may be others.

    Raises:
        GazeError: The project is of another video, other objects, or another rate.
    """
    if not (folder / record.FILE).is_file():
        if any((folder / name).exists() for name in (BOXES, clicks.FILE)):
            raise GazeError(f"{folder / record.FILE}: the file is missing; make the project again in a new folder.")
        return about
    before = ProjectRecord.read(folder)
    pairs = {
        "another video": (before.video.sum, about.video.sum),
        "other objects": (before.objects_sum, about.objects_sum),
        f"{before.fps:g} frames a second": (before.fps, about.fps),
        f"the model {before.model}": (before.model, about.model),
    }
    for what, (then, now) in pairs.items():
        if then != now:
            raise GazeError(f"{folder}: the project was made of {what}; give what it was made of, or a new folder.")
    return about if about.gaze is not None else about.model_copy(update={"gaze": before.gaze})


def _locked(folder: Path) -> Any:
    from filelock import Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        return staging.acquire(folder / LOCK)
    except Timeout as error:
        remedy = f"close it there, or remove {error.lock_file} if none does"
        raise GazeError(f"{folder}: another program writes into this project; {remedy}.") from error
    except OSError as error:
        raise GazeError(f"{folder}: cannot be written ({error.strerror}); give a folder of your own.") from error
