"""A clip of a few small frames in memory, whose viewers look where a test says."""

from collections.abc import Iterator

import numpy as np

from data.errors import VideoError
from data.video.clips import GazeClip

SIZE = (48, 64)  # height, width


class ToyClip(GazeClip):
    """A clip whose frames are grey but for a bright disc.

    Args:
        name: of the clip.
        gaze: (f, n, 2) pixels, NaN where a viewer is not on the frame.
        rate: frames a second.
        known: whether it says who looked.
        maps: a density for each frame, where the set has its own.
        shots: seconds at which further shots begin; None: it does not say it.
        breaks: the number of the frame that cannot be decoded.
    """

    def __init__(
        self,
        name: str,
        gaze: np.ndarray,
        rate: float = 10.0,
        known: bool = True,
        maps: list[np.ndarray] | None = None,
        shots: tuple[float, ...] | None = (),
        breaks: int | None = None,
    ) -> None:
        super().__init__(name, SIZE, np.arange(len(gaze)) / rate, 2.0)
        self.gaze, self.known, self.maps, self.shots, self.breaks = gaze, known, maps, shots, breaks
        self.decoded: list[int] = []

    @property
    def cuts(self) -> tuple[float, ...] | None:
        """As given."""
        return self.shots

    def frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Iterator[np.ndarray]:
        """Grey frames with a disc where the first viewer looks; as a shot goes on the grey stays."""
        for index in range(start, len(self) if stop is None else stop, stride):
            if index == self.breaks:
                raise VideoError(f"{self.name}: frame {index} cannot be decoded; get the file again.")
            self.decoded.append(index)
            shot = sum(self.times[index] >= cut for cut in self.shots or ())
            yield frame(self.gaze[index, 0], 40 + 60 * shot)

    def points(self, index: int) -> np.ndarray:
        """The places of those who are on the frame."""
        return np.asarray(self.gaze[index][np.isfinite(self.gaze[index]).all(1)])

    def viewers(self, index: int) -> np.ndarray | None:
        """Their numbers."""
        return np.flatnonzero(np.isfinite(self.gaze[index]).all(1)) if self.known else None

    def density(self, index: int) -> np.ndarray | None:
        """As given."""
        return None if self.maps is None else self.maps[index]


def frame(place: np.ndarray, grey: int = 40) -> np.ndarray:
    """A frame with a bright disc at a place (x, y)."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    picture = np.full((*SIZE, 3), grey, np.uint8)
    if np.isfinite(place).all():
        picture[np.hypot(columns - place[0], rows - place[1]) < 4] = 250
    return picture


def together(frames: int = 12, viewers: int = 8, seed: int = 0) -> np.ndarray:
    """Viewers who all follow one thing that moves across the frame: (f, n, 2) pixels."""
    path = np.stack([np.linspace(6, 58, frames), np.linspace(8, 40, frames)], 1)
    return np.asarray(path[:, None] + np.random.default_rng(seed).normal(0, 0.7, (frames, viewers, 2)))


def apart(frames: int = 6) -> np.ndarray:
    """Four viewers who never look away from their own corner: (f, n, 2) pixels."""
    corners = np.array([[8.0, 8.0], [56.0, 8.0], [8.0, 40.0], [56.0, 40.0]])
    return np.tile(corners, (frames, 1, 1))
