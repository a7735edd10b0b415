"""The gaze of everybody on one clip, on the grid on which maps are scored, and who of them judges whom.

People predict each other. Where a set says who looked, its viewers are dealt out at random to `FOLDS` groups (or as
many as there are viewers), and to two halves; else each place is dealt out by itself, so that a person's place in one
frame may be predicted by the same person's in another.

Shapes: `p` places looked at in all frames, `k` those of a frame, `h w` the grid.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from data import maps
from data.errors import VideoError
from data.video.clips import GazeClip, is_inside

FOLDS = 10  # groups of viewers, of which each is predicted by all others
WINDOW = 0.04  # seconds before and after an instant that still belong to it, where viewers are known
SEED = 0
SLACK = 1e-6  # seconds: stamps are floats


@dataclass(frozen=True)
class ClipGaze:
    """Who looked where, and when."""

    size: tuple[int, int]  # height, width of the grid
    sigma: float  # pixels of the grid by which places are blurred
    times: Float[np.ndarray, " f"]  # seconds, of each frame
    xy: Float[np.ndarray, "p 2"]  # pixels of the grid, frame after frame
    first: Int64[np.ndarray, " f_plus_1"]  # number of each frame's first place, and of all
    fold: Int64[np.ndarray, " p"]  # group of the viewer
    half: Bool[np.ndarray, " p"]  # whether the viewer is of the half that predicts the other
    viewers: int  # how many people there are; 0: the set does not say it

    @classmethod
    def of(cls, clip: GazeClip, size: tuple[int, int], number: int) -> "ClipGaze":
        """The gaze of a clip on a grid; `number` tells clips apart, so that each has draws of its own.

        Raises:
            GazeError: What tells it is missing or broken.
        """
        scale = np.array([size[1] / clip.size[1], size[0] / clip.size[0]])
        points, viewers, known = [np.zeros((0, 2))], [np.zeros(0, np.int64)], True
        for index in range(len(clip)):
            places, who = np.asarray(clip.points(index), np.float64).reshape(-1, 2), clip.viewers(index)
            if who is not None and len(who) != len(places):
                raise VideoError(
                    f"{clip.name}: frame {index} has {len(places)} places, but {len(who)} viewers; mend its gaze."
                )
            there = is_inside(places, clip.size)
            known = known and (who is not None or not there.any())
            points.append(places[there])
            viewers.append(np.zeros(there.sum(), np.int64) if who is None else np.asarray(who, np.int64)[there])
        first = np.cumsum([len(places) for places in points])
        xy = np.minimum(np.concatenate(points) * scale, np.nextafter(np.array(size[::-1], np.float64), 0))
        names, who = np.unique(np.concatenate(viewers), return_inverse=True)
        chance, count = np.random.default_rng((SEED, number)), len(names) if known else len(xy)
        order = chance.permutation(count)
        place = order[who] if known else order
        groups = max(1, min(FOLDS, count))
        sigma = max(clip.sigma * float(scale.mean()), 0.25)
        return cls(
            size, sigma, clip.times, xy, first, place % groups, place < count // 2, count if known else 0
        )  # fmt: skip

    def at(self, index: int) -> slice:
        """The places of a frame."""
        return slice(int(self.first[index]), int(self.first[index + 1]))

    def about(self, index: int) -> slice:
        """The places of an instant: of a frame, and where viewers are known of those up to `WINDOW` from it."""
        if not self.viewers:
            return self.at(index)
        low, high = np.searchsorted(self.times, self.times[index] + np.array([-1, 1]) * (WINDOW + SLACK))
        return slice(int(self.first[low]), int(self.first[high]))

    @property
    def can_judge(self) -> bool:
        """Whether there are two who could predict each other."""
        return len(np.unique(self.fold)) > 1

    def density(self, places: Float[np.ndarray, "k 2"]) -> Float32[np.ndarray, "h w"]:
        """Places, blurred; zeros where there is none."""
        return maps.rendered(places, self.size, self.sigma)

    @cached_property
    def whole(self) -> dict[int, Float32[np.ndarray, "h w"]]:
        """For each group one map of what all others looked at in the whole clip."""
        counted = {fold: maps.counts(self.xy[self.fold == fold], self.size) for fold in np.unique(self.fold).tolist()}
        total = np.sum(list(counted.values()), 0) if counted else np.zeros(self.size, np.float32)
        return {fold: maps.density(total - own, self.sigma) for fold, own in counted.items()}

    @cached_property
    def whole_of_half(self) -> Float32[np.ndarray, "h w"]:
        """One map of what half of the viewers looked at in the whole clip."""
        return maps.density(maps.counts(self.xy[self.half], self.size), self.sigma)


@dataclass(frozen=True)
class Truth:
    """What the maps of one frame are compared with; a batch of one."""

    counts: Float32[np.ndarray, "1 h w"]  # how often each pixel was looked at
    density: Float32[np.ndarray, "1 h w"]  # the same blurred, or the set's own map

    @classmethod
    def of(cls, clip: GazeClip, gaze: ClipGaze, index: int) -> "Truth | None":
        """The truth of a frame; None where nobody looked at it.

        Raises:
            GazeError: What tells it is missing or broken.
        """
        places, own = gaze.xy[gaze.at(index)], clip.density(index)
        density = gaze.density(places) if own is None else _fitted(clip, index, own, gaze.size)
        if not (len(places) or density.any()):
            return None
        return cls(maps.counts(places, gaze.size)[None], density[None])


def _fitted(
    clip: GazeClip, index: int, density: Float32[np.ndarray, "h w"], size: tuple[int, int]
) -> Float32[np.ndarray, "h w"]:
    """A set's own map on the grid."""
    values = np.asarray(density, np.float32)
    if values.ndim != 2 or not values.size or not np.isfinite(values).all() or values.min() < 0:
        raise VideoError(f"{clip.name}: the map of frame {index} is no map of numbers from 0 on; make it again.")
    if values.shape == size:
        return values
    return np.maximum(np.asarray(cv2.resize(values, size[::-1], interpolation=cv2.INTER_AREA), np.float32), 0)
