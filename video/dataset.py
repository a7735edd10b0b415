"""Samples: short windows of clips, drawn one by one.

A sample is a dictionary (`f` frames; cells are `stride` pixels wide):

    picture    uint8 (f, h, w, 3)   letterboxed
    content    float (4)            where the frames lie on their canvas: x0, y0, x1, y1
    condition  int                  viewing condition of the network: 0 is "any"
    step_s     float (f)            seconds since the frame before
    counts     float (f, g, g')     places looked at per cell
    density    float (f, g, g')     the same, blurred, or the authors' map; each sums to one, or is zero: nobody looked
    valid      bool (f)             which frames anybody looked at

Chance moves all frames of a window alike. Where it begins, and what chance does to it, depends on (seed, epoch, clip)
alone. A clip that turns out to be broken is named once, and the next one takes its place.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8
from torch.utils.data import Dataset

from data import maps
from data.errors import GazeError
from data.picture import Letterbox
from data.video.clips import STILL, GazeClip, inside
from training.augment import Augment, Moved
from training.datamodule import first_usable

Sample = dict[str, Any]
AT_CUT = 0.5  # of the windows, where cuts are known


@dataclass(frozen=True)
class Render:
    """How a window of a clip is drawn."""

    canvas: tuple[int, int]
    stride: int
    frames: int
    frame_strides: tuple[int, ...]
    augment: Augment | None = None
    seed: int = 0
    any_share: float = 0.0


@dataclass(frozen=True)
class Window:
    """The frames of a window."""

    start: int
    stride: int
    count: int  # of those that there are

    @property
    def indices(self) -> range:
        """Their numbers in the clip."""
        return range(self.start, self.start + self.stride * self.count, self.stride)


class ClipDataset(Dataset[Sample]):
    """A window of each clip, another one in each epoch.

    Args:
        clips: that can be used (`data.video.clips.usable`).
        conditions: of each clip the number of its viewing condition.
        render: how they are drawn.
    """

    def __init__(self, clips: Sequence[GazeClip], conditions: Sequence[int], render: Render) -> None:
        self.clips, self.conditions, self.render = clips, conditions, render
        self.broken: set[int] = set()

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, index = key
        make = functools.partial(self._forgotten, epoch)
        sample = first_usable(index, len(self.clips), self.broken, make, "The clip is left out.")
        if sample is None:
            raise GazeError("None of the clips can be used; see the warnings above.")
        return sample

    def _forgotten(self, epoch: int, index: int) -> Sample:
        """A sample, after which the clip holds nothing."""
        try:
            return self._sample(epoch, index)
        finally:
            self.clips[index].forget()

    def _sample(self, epoch: int, index: int) -> Sample:
        clip, render = self.clips[index], self.render
        rng = np.random.default_rng((render.seed, epoch, index))
        condition = 0 if rng.random() < render.any_share else self.conditions[index]
        window = _window(rng, clip, render)
        seed = int(rng.integers(2**31))
        pictures, counts, density = [], [], []
        for number, frame in zip(
            window.indices, clip.frames(window.start, window.indices[-1] + 1, window.stride), strict=True
        ):
            moved = self._moved(frame, inside(clip.points(number), clip.size), seed)
            box = Letterbox.fit(moved.image.shape[:2], render.canvas)
            pictures.append(box.apply(moved.image))
            count, truth = self._truth(clip, number, moved, box)
            counts.append(count)
            density.append(truth)
        missing = render.frames - window.count  # a clip that is shorter stands still at its end
        for values in (pictures, counts, density):
            values.extend([values[-1]] * missing)
        there = np.arange(render.frames) < window.count
        looked = np.array([truth.any() for truth in density])
        return {
            "picture": np.stack(pictures),
            "content": box.box,
            "condition": condition,
            "step_s": _steps(clip.times, window, render.frames),
            "counts": np.stack(counts),
            "density": np.stack(density),
            "valid": there & looked,
        }

    def _moved(self, frame: UInt8[np.ndarray, "h w 3"], points: Float[np.ndarray, "k 2"], seed: int) -> Moved:
        if self.render.augment is None:
            return Moved(frame, points, np.arange(len(points)), np.eye(2, 3))
        return Moved(*self.render.augment(frame, points, seed))

    def _truth(
        self, clip: GazeClip, number: int, moved: Moved, box: Letterbox
    ) -> tuple[Float32[np.ndarray, "g v"], Float32[np.ndarray, "g v"]]:
        """The places per cell, and the density: the authors' map where there is one, else the places blurred."""
        stride, cells = self.render.stride, box.cells(self.render.stride)
        counts = np.asarray(maps.counts(box.points(moved.points) / stride, cells.shape) * cells, np.float32)
        matrix = np.eye(2, 3) if moved.matrix is None else moved.matrix
        told = clip.density(number)
        if told is None:
            zoom = math.sqrt(abs(np.linalg.det(matrix[:, :2])))
            sigma = clip.sigma * zoom * box.content[2] / moved.image.shape[0] / stride
            return counts, np.asarray(maps.density(counts[None], sigma, cells)[0], np.float32)
        top, left, height, _ = box.content
        scale = height / box.size[0]
        placed = (matrix * scale + [[0, 0, left], [0, 0, top]]) / stride
        wide = cv2.warpAffine(
            cv2.GaussianBlur(told, (0, 0), max(0.3, 0.45 * stride / scale)),
            placed,
            cells.shape[::-1],
            flags=cv2.INTER_LINEAR,
        )
        density = np.asarray(np.maximum(wide, 0) * cells, np.float32)
        total = float(density.sum(dtype=np.float64))
        return counts, density / np.float32(total) if total > 0 else density


def _window(rng: np.random.Generator, clip: GazeClip, render: Render) -> Window:
    """Where a window begins and how far apart its frames are; as many frames as there are of a shorter clip.

    Of a clip whose cuts are known, a share `AT_CUT` of the windows holds one: eyes are least where a still network
    expects them when a shot has just begun.
    """
    stride = int(rng.choice(render.frame_strides))
    while stride > 1 and (render.frames - 1) * stride >= len(clip):
        stride -= 1
    count = min(render.frames, 1 + (len(clip) - 1) // stride)
    last = len(clip) - (count - 1) * stride - 1
    first = 0
    cuts = np.searchsorted(clip.times, np.array(clip.cuts or ()) - STILL)
    if len(cuts) and rng.random() < AT_CUT:
        cut = int(rng.choice(cuts))
        first, last = min(last, max(0, cut - (count - 1) * stride)), min(last, max(0, cut - stride))
    return Window(int(rng.integers(first, last + 1)), stride, count)


def _steps(times: Float[np.ndarray, " f"], window: Window, frames: int) -> Float32[np.ndarray, " n"]:
    """Seconds since the frame before; of the first one, and of those that are not there, as usual."""
    shown = times[list(window.indices)]
    steps = np.diff(shown)
    usual = float(np.median(steps)) if len(steps) else 1.0 / 25
    return np.concatenate([[usual], steps, np.full(frames - window.count, usual)]).astype(np.float32)
