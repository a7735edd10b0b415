"""Where the frames of a clip lie: in a video file, or in a folder of pictures.

    VideoSource(path)        PictureSource(folder, listing)
    source.size, source.times, source.frames(10, 26)

Nothing is opened before it is asked for, so that thousands of them may be made; what is kept are times and names. One
or two frames are held at a time.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from data.errors import VideoError
from data.picture import picture_size, read
from data.video.indexed import Index, IndexedVideo

Listing = Callable[[], tuple[list[Path], Float[np.ndarray, " f"]]]  # pictures in order, and seconds at which each comes


class Source(ABC):
    """Frames, and when each is shown."""

    @property
    @abstractmethod
    def size(self) -> tuple[int, int]:
        """Height and width in pixels.

        Raises:
            GazeError: There is no frame, or none can be read.
        """

    @property
    @abstractmethod
    def times(self) -> Float[np.ndarray, " f"]:
        """Seconds.

        Raises:
            GazeError: Nobody can tell.
        """

    @abstractmethod
    def frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Some frames in order, RGB.

        Raises:
            GazeError: They cannot be decoded, or there are fewer, or they have another size than the first.
        """

    @abstractmethod
    def check(self) -> None:
        """Refuse frames whose last ones have another size than the first, as far as that is quickly seen.

        Raises:
            GazeError: They have.
        """

    def _same(self, size: tuple[int, int], where: str) -> None:
        if size != self.size:
            (height, width), (first_height, first_width) = size, self.size
            raise VideoError(
                f"{where}: a frame of {width} x {height} pixels among others of {first_width} x {first_height}; make "
                "all of one size."
            )

    def _numbers(self, start: int, stop: int | None, stride: int, where: str) -> range:
        count = len(self.times)
        stop = count if stop is None else stop
        if not 0 <= start <= stop <= count or stride < 1:
            raise VideoError(f"{where}: frames {start} to {stop} are asked for, but there are {count}; ask for those.")
        return range(start, stop, stride)


class VideoSource(Source):
    """The frames of a video file, by PyAV."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def index(self) -> Index:
        """The times of its frames, from one pass over the file."""
        with IndexedVideo(self.path) as video:
            return video.index()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.index.size

    @property
    def times(self) -> Float[np.ndarray, " f"]:
        """Seconds."""
        return self.index.times

    def frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Some frames in order."""
        numbers = self._numbers(start, stop, stride, str(self.path))
        with IndexedVideo(self.path) as video:
            for frame in video.at(self.index, numbers):
                pixels = video.pixels(frame)
                self._same(pixels.shape[:2], str(self.path))
                yield pixels

    def check(self) -> None:
        """Refuse a last keyframe of another size than the first."""
        if len(self.index.keys):
            last = int(self.index.keys[-1])
            next(self.frames(last, last + 1))


class PictureSource(Source):
    """Frames that are pictures, one a file, of which a listing is asked when they are needed."""

    def __init__(self, where: str, listing: Listing) -> None:
        self.where, self.listing = where, listing

    @cached_property
    def listed(self) -> tuple[list[Path], Float[np.ndarray, " f"]]:
        """The pictures in order, and the seconds at which each comes."""
        return self.listing()

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels.

        Raises:
            VideoError: There is no frame.
        """
        if not self.listed[0]:
            raise VideoError(f"{self.where}: there are no frames; add them, or remove the clip.")
        return picture_size(self.listed[0][0])[::-1]

    @property
    def times(self) -> Float[np.ndarray, " f"]:
        """Seconds."""
        return self.listed[1]

    def frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Some frames in order."""
        for number in self._numbers(start, stop, stride, self.where):
            path = self.listed[0][number]
            pixels = read(path)
            self._same(pixels.shape[:2], str(path))
            yield pixels

    def check(self) -> None:
        """Refuse a last picture of another size than the first."""
        if self.listed[0]:
            last = self.listed[0][-1]
            self._same(picture_size(last)[::-1], str(last))


def step(times: Float[np.ndarray, " f"]) -> float:
    """Seconds that a frame stays, in the middle of all; one where there is a single frame."""
    return float(np.median(np.diff(times))) if len(times) > 1 else 1.0


def numbered(folder: Path, suffixes: tuple[str, ...]) -> dict[int, Path]:
    """The pictures 0000, 0001, ... or 0001, 0002, ... of a folder, counted from 0 either way, in order."""
    found = [path for path in folder.glob("*") if path.suffix.lower() in suffixes and path.stem.isdecimal()]
    there = sorted((int(path.stem), path) for path in found)
    base = 1 if there and there[0][0] else 0
    return {number - base: path for number, path in there}


def counted(folder: Path, suffixes: tuple[str, ...], rate: float) -> tuple[list[Path], Float[np.ndarray, " f"]]:
    """The numbered pictures of a folder, and the seconds at which each comes at a rate that never changes."""
    there = numbered(folder, suffixes)
    return [*there.values()], (np.array([*there], np.float64) - next(iter(there), 0)) / rate
