"""The authors' own maps of a clip, one a frame: the frames of a second video, or a folder of pictures.

    MapVideo(path)           MapPictures(folder, listing)
    maps.at(10, time, size)

What is missing or too much at the end may last `LOST` seconds.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from jaxtyping import Float, Float32

from data.errors import PictureError, VideoError
from data.picture import read
from data.video.indexed import IndexedVideo
from data.video.read import LOST
from data.video.sources import VideoSource, numbered, step

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

OPEN = 4  # videos of maps that are open at a time
SLACK = 0.1  # of the time that a map stays, by which clocks of two videos may differ
NEAR = 8  # frames: maps that are no further ahead are decoded up to, not sought


class Maps(ABC):
    """The authors' own maps, one a frame."""

    @abstractmethod
    def at(self, index: int, time: float, size: tuple[int, int]) -> Float32[np.ndarray, "h w"]:
        """The map of a frame that is shown at a time (seconds): 0 to 1, at this height and width.

        Raises:
            GazeError: It is missing or cannot be read.
        """

    @abstractmethod
    def check(self, times: Float[np.ndarray, " f"], size: tuple[int, int]) -> None:
        """Refuse maps that are not one a frame.

        Raises:
            GazeError: One is missing, or they go on for long after the last frame.
        """

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Let go of files that are open; they are opened again when they are needed."""


class MapVideo(Maps):
    """Maps that are the frames of a video; frames in order are decoded once, others sought by keyframe.

    The nth map is the nth frame's, or with `timed` that of whichever frame is on the screen when it is. Where maps are
    higher than the clip for their width, the bars above and below are cut off.
    """

    _opened: deque["MapVideo"] = deque()  # noqa: RUF012 - of all

    def __init__(self, path: Path, timed: bool = False) -> None:
        self.source, self.timed = VideoSource(path), timed
        self._forget()

    def _forget(self) -> None:
        self._frames: Iterator[VideoFrame] = iter(())
        self._place, self._grey = -1, np.zeros((0, 0), np.float32)  # the map that was asked for last
        self._files = ExitStack()

    def __getstate__(self) -> dict[str, Any]:
        return {"source": self.source, "timed": self.timed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._forget()

    def close(self) -> None:
        """Let go of the file; it is opened again when it is needed."""
        self._files.close()
        self._forget()
        if self in self._opened:
            self._opened.remove(self)

    def at(self, index: int, time: float, size: tuple[int, int]) -> Float32[np.ndarray, "h w"]:
        """The map of a frame, 0 to 1, at this height and width.

        Raises:
            VideoError: There is no map of it, or it cannot be decoded.
        """
        times = self.source.times
        number = index
        if self.timed:
            number = max(0, int(np.searchsorted(times, time + SLACK * step(times), side="right")) - 1)
        if (number - len(times) + 1) * step(times) > LOST:
            raise VideoError(f"{self.source.path}: the map of frame {index} is missing; copy the file again.")
        self._go_to(min(number, len(times) - 1))
        height, width = self._grey.shape
        rows = min(height, max(1, round(width * size[0] / size[1])))
        top = (height - rows) // 2
        return fitted(self._grey[top : top + rows], size)

    def _go_to(self, number: int) -> None:
        if number == self._place:
            return
        if not self._place < number <= self._place + NEAR or self not in self._opened:
            self.close()
            while len(self._opened) >= OPEN:
                self._opened[0].close()
            self._video = self._files.enter_context(IndexedVideo(self.source.path))
            self._frames = self._video.at(self.source.index, range(number, len(self.source.times)))
            self._opened.append(self)
            self._place = number - 1
        try:
            for _ in range(number - self._place):
                frame = next(self._frames)
            self._grey, self._place = self._video.grey(frame), number
        except BaseException:
            self.close()
            raise

    def check(self, times: Float[np.ndarray, " f"], size: tuple[int, int]) -> None:
        """Refuse a video that is not as long as the clip, but for `LOST` seconds.

        Raises:
            VideoError: It is not.
        """
        own = self.source.times
        self.close()
        if self.timed:
            differ = abs(own[-1] + step(own) - times[-1] - step(times)) > LOST
        else:
            differ = abs(len(own) - len(times)) * step(times) > LOST
        if differ:
            what = f"{len(own)} maps for {len(times)} frames"
            raise VideoError(f"{self.source.path}: {what}; give the video that belongs to the clip.")


class MapPictures(Maps):
    """Maps that are pictures, of which a listing gives each frame's by its number from 0."""

    def __init__(self, where: Path, listing: Callable[[], dict[int, Path]]) -> None:
        self.where, self.listing = where, listing

    @cached_property
    def listed(self) -> dict[int, Path]:
        """The map of each frame."""
        return self.listing()

    def at(self, index: int, time: float, size: tuple[int, int]) -> Float32[np.ndarray, "h w"]:
        """The map of a frame, 0 to 1, at this height and width.

        Raises:
            PictureError: There is no map of it, or it cannot be decoded.
        """
        if index not in self.listed:
            raise PictureError(f"{self.where}: the map of frame {index} is missing; copy the whole folder.")
        grey = cv2.cvtColor(read(self.listed[index]), cv2.COLOR_RGB2GRAY)
        return fitted(grey.astype(np.float32) / np.float32(255), size)

    def check(self, times: Float[np.ndarray, " f"], size: tuple[int, int]) -> None:
        """Refuse a folder that lacks the map of a frame, or goes on for more than `LOST` seconds."""
        one_a_frame(self.listed, times, f"{self.where}: the map")


def one_a_frame(there: dict[int, Path], times: Float[np.ndarray, " f"], what: str) -> None:
    """Refuse files that are not one a frame, by the numbers of the frames that they are of.

    Raises:
        PictureError: One is missing, or they go on for more than `LOST` seconds after the last frame.
    """
    missing = [index for index in range(len(times)) if index not in there]
    if missing:
        others = f", and {len(missing) - 1} others" if len(missing) > 1 else ""
        raise PictureError(f"{what} of frame {missing[0]}{others} is missing; copy the whole folder.")
    beyond = max(there, default=0) + 1 - len(times)
    if beyond * step(times) > LOST:
        raise PictureError(f"{what} of a frame {beyond} after the last one is there; copy the whole clip.")


def listing(folder: Path, suffixes: tuple[str, ...], frames: Path | None, kinds: tuple[str, ...]) -> dict[int, Path]:
    """Of numbered files the one of each frame: of a video, or of the frames of these kinds that are numbered alike.

    Files of frames that were not extracted are left out; those after the last frame are counted on.
    """
    found = numbered(folder, suffixes)
    if frames is None:
        return found
    order = [*numbered(frames, kinds)]
    index = {place: number for number, place in enumerate(order)}
    last = order[-1] if order else -1
    return {
        index.get(place, len(order) - 1 + place - last): path
        for place, path in found.items()
        if place in index or place > last
    }


def fitted(grey: Float32[np.ndarray, "_h _w"], size: tuple[int, int]) -> Float32[np.ndarray, "h w"]:
    """A map at another height and width."""
    if grey.shape == size:
        return grey
    shrinks = size[0] < grey.shape[0] or size[1] < grey.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(grey, size[::-1], interpolation=method)
