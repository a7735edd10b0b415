"""Clips that people watched: frames of a source, what is known of where people looked, and the authors' maps.

    RecordedClip("0001", VideoSource(path), gaze, MapVideo(maps), sigma=12.74)

Everything is read when it is first needed, so that a broken clip tells of it in `check`, or where a broken frame is
asked for. Gaze and maps that go on after the last frame are left out up to `LOST` seconds, as recordings and encoders
end a little later; beyond that they belong to another clip, which is refused.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float32, UInt8

from data.errors import GazeError, TableError, VideoError
from data.synthetic.clips import WIDE
from data.video.clips import GazeClip, inside
from data.video.maps import Maps
from data.video.read import LOST
from data.video.sources import Source, step

NONE = np.empty((0, 2))


class Gaze(ABC):
    """Where people looked while a clip was shown."""

    @abstractmethod
    def at(self, index: int, times: Float[np.ndarray, " f"], size: tuple[int, int]) -> Float[np.ndarray, "k 2"]:
        """Pixels where people looked while a frame was shown, beside the frame among them.

        Raises:
            GazeError: What tells it is missing or broken.
        """

    @abstractmethod
    def check(self, times: Float[np.ndarray, " f"], size: tuple[int, int]) -> None:
        """Refuse what cannot be meant for a clip of these frames.

        Raises:
            GazeError: It is missing or broken, or goes on for more than `LOST` seconds after the last frame.
        """


class RecordedClip(GazeClip):
    """A video that people watched.

    Args:
        name: of the clip in its set.
        source: of its frames.
        gaze: where people looked; None where only maps are published.
        maps: the authors' own; None where there are none.
        sigma: pixels by which the authors blur; None: a degree, of a video that is `data.synthetic.clips.WIDE` wide.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        gaze: Gaze | None = None,
        maps: Maps | None = None,
        sigma: float | None = None,
    ) -> None:
        self.name, self.source, self.gaze, self.maps, self._sigma = name, source, gaze, maps, sigma

    @property
    def size(self) -> tuple[int, int]:  # type: ignore[override]
        """Height and width of its frames in pixels."""
        return self.source.size

    @property
    def times(self) -> Float[np.ndarray, " f"]:  # type: ignore[override]
        """Seconds."""
        return self.source.times

    @property
    def sigma(self) -> float:  # type: ignore[override]
        """Pixels of a frame."""
        return self.size[1] / WIDE if self._sigma is None else self._sigma

    def frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Some frames in order."""
        return self.source.frames(start, stop, stride)

    def points(self, index: int) -> Float[np.ndarray, "k 2"]:
        """Where people looked while a frame was shown, in its pixels."""
        return NONE if self.gaze is None else inside(self.gaze.at(index, self.times, self.size), self.size)

    def density(self, index: int) -> Float32[np.ndarray, "h w"] | None:
        """The authors' own map of a frame, where they publish one."""
        return None if self.maps is None else self.maps.at(index, float(self.times[index]), self.size)

    def forget(self) -> None:
        """Let go of the file of its maps."""
        if self.maps is not None:
            self.maps.close()

    def check(self) -> None:
        """Refuse a clip that is broken, as far as that is quickly seen.

        Raises:
            GazeError: It is, or nothing tells where people looked.
        """
        if self.gaze is None and self.maps is None:
            raise GazeError(f"{self.name}: nothing tells where people looked in it; add that, or remove the clip.")
        self.check_times()
        self.source.check()
        for told in (self.gaze, self.maps):
            if told is not None:
                told.check(self.times, self.size)
        super().check()
        self.forget()


class Part(GazeClip):
    """A stretch of a clip as a clip of its own: its frames from `start` to before `stop`, or to the last one."""

    def __init__(self, name: str, whole: GazeClip, start: int, stop: int | None = None) -> None:
        self.name, self.whole, self.start, self.stop = name, whole, start, stop

    @property
    def size(self) -> tuple[int, int]:  # type: ignore[override]
        """Height and width of its frames in pixels."""
        return self.whole.size

    @property
    def sigma(self) -> float:  # type: ignore[override]
        """Pixels of a frame."""
        return self.whole.sigma

    @cached_property
    def times(self) -> Float[np.ndarray, " f"]:  # type: ignore[override]
        """Seconds from its own first frame."""
        times = self.whole.times[self.start : self.stop]
        return times - times[:1]

    def frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Some frames in order.

        Raises:
            VideoError: There are fewer, or they cannot be decoded.
        """
        stop = len(self) if stop is None else stop
        if not 0 <= start <= stop <= len(self):
            raise VideoError(f"{self.name}: frames {start} to {stop} are asked for, but there are {len(self)}.")
        return self.whole.frames(self.start + start, self.start + stop, stride)

    def points(self, index: int) -> Float[np.ndarray, "k 2"]:
        """Where people looked while a frame was shown, in its pixels."""
        return self.whole.points(self.start + index)

    def density(self, index: int) -> Float32[np.ndarray, "h w"] | None:
        """The authors' own map of a frame, where they publish one."""
        return self.whole.density(self.start + index)

    def forget(self) -> None:
        """Let go of the file of its maps."""
        self.whole.forget()

    def check(self) -> None:
        """Refuse a part of a broken clip, and one that is empty."""
        self.whole.check()
        super().check()
        self.forget()


def not_beyond(count: int, times: Float[np.ndarray, " f"], where: str) -> None:
    """Refuse gaze of so many frames that more than `LOST` seconds of it lie after the last frame.

    Raises:
        TableError: It does.
    """
    if (count - len(times)) * step(times) > LOST:
        raise TableError(f"{where}: gaze of {count} frames, but the video has {len(times)}; give what belongs to it.")
