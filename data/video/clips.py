"""Clips with gaze: a video, when each of its frames is shown, and where people looked while it was.

    for frame in clip.frames(10, 26):       # RGB uint8 (h, w, 3), decoded as they are asked for
    clip.points(10)                         # pixels (k, 2): where people looked while frame 10 was shown
    clip.viewers(10)                        # who it was, as numbers (k,), where that is known
    clip.density(10)                        # the authors' own blurred map where there is one

Readers of public sets give such clips (`data.datasets`), `data.video.made` makes them of pictures. Nothing is held in
memory but the times. Shapes: `f` frames, `k` places looked at, `h w` a frame.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64, UInt8

from data.errors import GazeError, VideoError

logger = logging.getLogger(__name__)

STILL = 1e-5  # seconds: stamps that are so near stand still


class GazeClip(ABC):
    """A video and where people looked.

    Args:
        name: of the clip in its set; a file's or a folder's name without its ending.
        size: height and width of its frames in pixels.
        times: when each frame is shown, in seconds from the first.
        sigma: pixels of a frame by which places are blurred into a density; the authors' own, or one degree.
    """

    def __init__(self, name: str, size: tuple[int, int], times: Float[np.ndarray, " f"], sigma: float) -> None:
        self.name, self.size, self.times, self.sigma = name, size, np.asarray(times, np.float64), sigma

    def __len__(self) -> int:
        return len(self.times)

    @abstractmethod
    def frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Some frames in order: every `stride`th from `start` to before `stop`; to the last where it is None.

        Raises:
            VideoError: They cannot be decoded, or there are fewer.
        """

    @abstractmethod
    def points(self, index: int) -> Float[np.ndarray, "k 2"]:
        """Where people looked while a frame was shown, in its pixels; none where nobody did.

        Raises:
            GazeError: What tells it is missing or broken.
        """

    def viewers(self, index: int) -> Int64[np.ndarray, " k"] | None:
        """Who looked at each of the `points` of a frame: numbers that mean the same in all frames of the clip.

        None where the set does not say it.
        """
        return None

    def density(self, index: int) -> Float32[np.ndarray, "h w"] | None:
        """The authors' own map of a frame, zero or more at each pixel; None where `points` are all there is.

        Raises:
            GazeError: It is missing or broken.
        """
        return None

    @property
    def cuts(self) -> tuple[float, ...] | None:
        """Seconds at which the second and each further shot begins; None where the set does not say it."""
        return None

    def forget(self) -> None:  # noqa: B027 - most hold nothing
        """Let go of what it holds to be quick; it is read again when it is needed."""

    def check(self) -> None:
        """Refuse what no model could be trained or judged on, without decoding the whole.

        Raises:
            GazeError: There is no frame, its times do not go on, or its first and last frame say nothing.
        """
        self.check_times()
        for index in (0, len(self) - 1):
            self.points(index)
            self.density(index)

    def check_times(self) -> None:
        """Refuse a clip without frames, and one whose time does not go on.

        Raises:
            GazeError: It is one.
        """
        if not len(self):
            raise VideoError(f"{self.name}: the clip has no frames; remove it.")
        if not np.isfinite(self.times).all() or (np.diff(self.times) <= STILL).any():
            raise VideoError(f"{self.name}: its frames do not follow each other in time; make the file again.")


def usable(clips: Iterable[GazeClip], where: str, none: bool = False) -> list[GazeClip]:
    """The clips of a set that can be used; each other one is named in a warning.

    Raises:
        GazeError: None is left, and `none` does not allow that.
    """
    kept: list[GazeClip] = []
    broken = 0
    for clip in clips:
        try:
            clip.check()
        except GazeError as error:
            logger.warning("%s The clip is left out.", error)
            broken += 1
            continue
        kept.append(clip)
    if not kept and not none:
        count = f"none of its {broken} clips can be used; see the warnings" if broken else "it holds no clip"
        raise GazeError(f"{where}: {count}.")
    return kept


def inside(points: Float[np.ndarray, "k 2"], size: Sequence[int]) -> Float[np.ndarray, "k 2"]:
    """The places that are on a frame of this height and width."""
    return np.asarray(points[is_inside(points, size)])


def is_inside(points: Float[np.ndarray, "k 2"], size: Sequence[int]) -> Bool[np.ndarray, " k"]:
    """Which places are on a frame of this height and width; NaN is on none."""
    return np.asarray(np.isfinite(points).all(1) & (points >= 0).all(1) & (points < (size[1], size[0])).all(1))
