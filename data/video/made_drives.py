"""Made drives as clips with gaze: a road that was drawn, and drivers that were made up (`data.synthetic.drives`).

Nobody drove, and nobody looked: for tests, and for trying a network of drivers' attention before recordings are at
hand. A drive of a number is always the same; train, val and test have different ones.
"""

import csv
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from data.errors import GazeError, short_reason
from data.staging import new_folder, staging_dir
from data.synthetic.drives import RATE, SIZE, Drive, drive
from data.synthetic.road_view import degree
from data.table.splits import NAMES
from data.video.clips import GazeClip, inside
from data.video.write import VideoWriter

COUNTS = {"train": 60, "val": 10, "test": 20}  # drives
SECONDS = 8.0
TURNS = ("train", "train", "train", "val", "test")  # where each of five drives that are written goes


class MadeDrive(GazeClip):
    """One made drive; the road is laid out when it is first looked at, and drawn frame by frame."""

    def __init__(
        self, name: str, seed: int, size: tuple[int, int] = SIZE, rate: float = RATE, seconds: float = SECONDS
    ) -> None:
        times = np.arange(round(seconds * rate)) / rate
        super().__init__(name, size, times, degree(size))
        self.seed, self.rate, self.seconds = seed, rate, seconds

    @cached_property
    def made(self) -> Drive:
        """The drive itself."""
        return drive(self.seed, self.size, self.rate, self.seconds)

    def forget(self) -> None:
        """Let go of the road; it is laid out again when it is needed."""
        self.__dict__.pop("made", None)

    def frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Some frames in order."""
        return self.made.frames(start, stop, stride)

    def points(self, index: int) -> Float[np.ndarray, "k 2"]:
        """Where the drivers look."""
        return inside(self.made.gaze[index], self.size)


def drives(
    counts: Mapping[str, int] | None = None, seed: int = 0, size: tuple[int, int] = SIZE, seconds: float = SECONDS
) -> dict[str, list[MadeDrive]]:
    """So many drives of each split, by default `COUNTS`; the first ten of a hundred are the ten of ten."""
    wanted = {**COUNTS, **(counts or {})}
    return {
        split: [
            MadeDrive(f"{split}-{number:04d}", 1_000_000 * (10 * seed + place + 1) + number, size, RATE, seconds)
            for number in range(wanted[split])
        ]
        for place, split in enumerate(NAMES)
    }


def write(root: Path | str, count: int = 60, seed: int = 0, seconds: float = SECONDS) -> None:
    """A whole set as gaze's own video table (`data.video.gaze_table`) in the new folder `root`.

    It needs the extra `video`. Of five drives three train, one val, one test; a row is where a driver looks while a
    frame is shown.

    Raises:
        GazeError: The folder holds something, or cannot be written.
    """
    root = new_folder(root)
    try:
        with staging_dir(root, "part") as stage:
            try:
                _fill(stage, count, seed, seconds)
                if root.exists():
                    root.rmdir()
                os.replace(stage, root)
            finally:
                shutil.rmtree(stage, ignore_errors=True)
    except OSError as error:
        raise GazeError(f"{root}: cannot be written ({short_reason(error)}); make room, or mend the path.") from error


def _fill(stage: Path, count: int, seed: int, seconds: float) -> None:
    shutil.rmtree(stage / "videos", ignore_errors=True)  # of a run that was killed
    (stage / "videos").mkdir()
    splits: dict[str, list[str]] = {split: [] for split in NAMES}
    with (stage / "gaze.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("video", "viewer", "time_ms", "x", "y"))
        for number in range(count):
            clip = MadeDrive(f"drive-{number + 1:04d}", 1_000_000 * 10 * seed + number, seconds=seconds)
            splits[TURNS[number % len(TURNS)]].append(clip.name)
            with VideoWriter(stage / "videos" / f"{clip.name}.mp4", clip.rate) as video:
                for frame, time in zip(clip.frames(), clip.times.tolist(), strict=True):
                    video.write(frame, time)
            for time, looks in zip((1000 * clip.times).round().astype(int).tolist(), clip.made.gaze, strict=True):
                for driver, (x, y) in enumerate(looks.round(1).tolist()):
                    place = (x, y) if x == x else ("", "")
                    rows.writerow((clip.name, f"d{driver + 1:02d}", time, *place))
    (stage / "splits.json").write_text(json.dumps(splits, indent=1))
