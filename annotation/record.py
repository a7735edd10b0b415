"""What project.json says: of which video, gaze and objects a project was made, and by which models."""

import hashlib
import json
import os
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, ValidationError

from data.atomic import atomic_write
from data.errors import GazeError, VideoError
from export.runtime.records import Record, problem

FILE = "project.json"
SCHEMA: Literal["gaze/annotation/1"] = "gaze/annotation/1"
PIECE = 1 << 20  # bytes at each end of a video that its sum is made of
LARGEST = 1 << 20  # bytes of a project.json


class Part(Record):
    """A part of the record; what newer releases add is passed over."""

    model_config = ConfigDict(extra="ignore")


class VideoRecord(Part):
    """The video, and how to know it again."""

    path: str
    bytes: int = Field(ge=0)
    mtime_ns: int
    sum: str = Field(max_length=64)  # SHA-256 of its size, its first and its last megabyte

    @classmethod
    def of(cls, path: Path) -> "VideoRecord":
        """A video as it is now.

        Raises:
            VideoError: It cannot be read.
        """
        try:
            state = path.stat()
            with path.open("rb") as file:
                told = hashlib.sha256(str(state.st_size).encode() + file.read(PIECE))
                file.seek(max(0, state.st_size - PIECE))
                told.update(file.read(PIECE))
        except OSError as error:
            raise VideoError(f"{path}: cannot be read ({error.strerror}); check the path of the video.") from error
        return cls(path=os.path.abspath(path), bytes=state.st_size, mtime_ns=state.st_mtime_ns, sum=told.hexdigest())


class GazeRecord(Part):
    """Where the gaze comes from."""

    path: str
    offset_s: float = Field(default=0.0, allow_inf_nan=False)  # seconds that are added to its clock


class ProjectRecord(Part):
    """The whole record."""

    form: Literal["gaze/annotation/1"] = Field(default=SCHEMA, alias="schema")
    gaze_version: str = ""
    video: VideoRecord
    gaze: GazeRecord | None = None
    fps: float = Field(gt=0, le=1000)  # frames a second that are looked at, at most
    objects: str = "found"  # where boxes come from: found, or the path of a detector or table
    objects_sum: str = ""  # of that file
    model: str = "tempsal"  # whose features tell what is in a box
    model_version: str = ""

    def write(self, folder: Path) -> None:
        """Keep the record in a project's folder."""
        with atomic_write(folder / FILE) as file:
            file.write((self.model_dump_json(by_alias=True, indent=1) + "\n").encode())

    @classmethod
    def read(cls, folder: Path) -> "ProjectRecord":
        """The record of a project.

        Raises:
            GazeError: The folder holds none, or it is damaged.
        """
        path = folder / FILE
        try:
            with path.open("rb") as file:
                content = file.read(LARGEST + 1)
        except OSError as error:
            raise GazeError(
                f"{folder}: no project of gaze annotate ({error.strerror}); make one of a video."
            ) from error
        try:
            if len(content) > LARGEST:
                raise ValueError("it is too large")
            return cls.model_validate(json.loads(content))
        except (ValidationError, ValueError, RecursionError) as error:
            reason = problem(error) if isinstance(error, ValidationError) else "it is no JSON"
            raise GazeError(f"{path}: damaged ({reason}); make the project again in a new folder.") from error


def file_sum(path: str) -> str:
    """The SHA-256 of a file that finds objects; "" where none is named by the path.

    Raises:
        GazeError: It cannot be read.
    """
    if path == "found":
        return ""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise GazeError(
            f"{path}: cannot be read ({error.strerror}); give a detector's .onnx or a table of boxes."
        ) from error
