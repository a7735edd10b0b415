"""Where people look in a video, frame by frame, with any model of pictures or of videos.

    predictor = VideoPredictor("tempsal-video")                 # or "tempsal", or a file of either kind
    for seen in predictor.frames(Path("clip.mp4")):
        seen.time_s, seen.cut, seen.peak, seen.density          # log density at the frame's own size
    predictor.step(frame, time_s)                               # the same for frames from anywhere, in order

A model of videos remembers by itself what came before (`export.runtime.video_step`); the answers of a model of pictures
are carried through time (`export.runtime.temporal_model`). Cuts are told by what changes from frame to frame
(`export.runtime.frame_changes`), for either. Nothing that comes later is asked for, so that both run on a camera.

Shapes: `h w` the part of the model's canvas that a frame fills: everything is remembered at that size.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from data.errors import GazeError
from data.gaze import Objects
from data.picture import Letterbox
from data.video.read import VideoFile
from export.runtime.computed import computed
from export.runtime.frame_changes import Map, Moment, Shots, moved
from export.runtime.registry import find_model, read_contract
from export.runtime.saliency import Predictor, _size, entropy, peak
from export.runtime.temporal_model import TemporalModel, Weights
from export.runtime.video_step import StepPredictor
from saliency import TASK

Frame = UInt8[np.ndarray, "height width 3"]


@dataclass(frozen=True)
class VideoPrediction:
    """Where people look at one moment of a video."""

    index: int  # of the frame, from 0
    time_s: float
    since_cut_s: float
    cut: bool  # whether a new shot begins with this frame
    predicted: bool  # whether the model looked at this frame, or at one before
    small: Map  # log density at the size of the model's canvas
    size: tuple[int, int]  # height, width of the frame
    pixels: UInt8[np.ndarray, "height width 3"]  # the frame
    objects: Objects | None  # what the model found on the last frame that it looked at, in pixels of the frame

    @computed
    def density(self) -> Float32[np.ndarray, "height width"]:
        """Log density per pixel of the frame."""
        return resized(self.small, self.size)

    @property
    def peak(self) -> tuple[float, float]:
        """The place (x, y) most looked at, in pixels of the frame."""
        (x, y), (height, width) = peak(self.small), self.small.shape
        return x * self.size[1] / width, y * self.size[0] / height

    @property
    def entropy(self) -> float:
        """Bits at the frame's own size: 0 when all look at one pixel, log2(height * width) when anywhere."""
        height, width = self.size
        return max(0.0, entropy(self.small) + math.log2(height * width / self.small.size))


class VideoPredictor:
    """A model of pictures or of videos that goes through the frames of a video, in order; one video at a time.

    `model` is a name in `export.runtime.registry.folder()`, the path of an .onnx file or an open model; `provider` and
    `threads` are those of `export.runtime.saliency.Predictor`; `weights` are those by which the answers of a model of
    pictures are carried. The model looks at every `every`th frame and at the first one of a shot; between these its
    last answer moves with what it lies on.

    Raises:
        ModelError: There is no such model, it cannot be opened, or it predicts neither pictures nor videos.
        GazeError: `every` is below 1.
    """

    def __init__(
        self,
        model: str | Path | Predictor | StepPredictor = TASK.default_models[0],
        *,
        every: int = 1,
        weights: Weights | None = None,
        condition: str = "any",
        provider: str = "auto",
        threads: int | None = None,
    ) -> None:
        if every < 1:
            raise GazeError(f"Every {every}th frame cannot be looked at; give 1 or more.")
        self.predictor: Predictor | StepPredictor = (
            model if isinstance(model, Predictor | StepPredictor) else _opened(model, provider, threads)
        )
        self.predictor.index(condition)
        self._every, self._weights, self._condition = every, weights or Weights(), condition
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next frame is the first of a video."""
        self._carrier: _Carrier
        if isinstance(self.predictor, StepPredictor):
            self._carrier = _Streamed(self.predictor, self._condition)
        else:
            self._carrier = _Carried(self.predictor, self._condition, self._weights)
        self._index, self._left = 0, 0

    def step(self, frame: Frame, time_s: float) -> VideoPrediction:
        """Where people look at the next frame, RGB, shown from `time_s` on.

        Raises:
            PictureError: The frame is not uint8 (h, w, 3).
            ModelError: The model gives no densities.
        """
        size, carrier = _size(frame), self._carrier
        moment = carrier.see(frame, time_s)
        looks = moment.cut or self._left <= 0
        if looks:
            carrier.look()
            self._left = self._every
        self._left -= 1
        small = carrier.density()
        index, self._index = self._index, self._index + 1
        found = carrier.objects
        return VideoPrediction(index, time_s, moment.since_cut_s, moment.cut, looks, small, size, frame, found)

    def frames(self, path: Path | str, start: float = 0.0, end: float | None = None) -> Iterator[VideoPrediction]:
        """Where people look at each frame of a video file between two times, in seconds.

        Raises:
            GazeError: The extra `video` is not installed.
            VideoError: The file is no video, or no frame of it can be decoded.
        """
        self.reset()
        with VideoFile(Path(path)) as clip:
            for frame in clip.frames(start, end):
                yield self.step(frame.pixels, frame.time_s)


def _opened(model: str | Path, provider: str, threads: int | None) -> Predictor | StepPredictor:
    """The model of this name or path, whichever of the two it is."""
    path = find_model(model)
    kind = StepPredictor if read_contract(path).task == StepPredictor.task.name else Predictor
    return kind(path, provider=provider, threads=threads)


class _Carrier(Protocol):
    """Takes each frame in, lets the model look at it or not, and tells the log density of the moment."""

    objects: Objects | None  # found on the last frame that the model looked at, in pixels of the frame

    def see(self, frame: Frame, time_s: float) -> Moment: ...

    def look(self) -> None: ...

    def density(self) -> Map: ...


class _Carried:
    """The answers of a model of pictures, carried through time."""

    def __init__(self, predictor: Predictor, condition: str, weights: Weights) -> None:
        self._predictor, self._condition, self._model = predictor, condition, TemporalModel(weights)
        self.objects: Objects | None = None

    def see(self, frame: Frame, time_s: float) -> Moment:
        box = Letterbox.fit((frame.shape[0], frame.shape[1]), self._predictor.contract.canvas)
        self._scale = frame.shape[0] / box.content[2], frame.shape[1] / box.content[3]
        self._pixels = cv2.resize(frame, box.content[:1:-1], interpolation=cv2.INTER_AREA)
        return self._model.see(self._pixels, time_s)

    def look(self) -> None:
        prediction = self._predictor(self._pixels, self._condition)
        self._model.look(prediction)
        self.objects = _scaled(prediction.objects, self._scale)

    def density(self) -> Map:
        return self._model.density()


class _Streamed:
    """The answers of a model of videos, which remembers by itself; frames of another size begin anew."""

    objects: Objects | None = None

    def __init__(self, predictor: StepPredictor, condition: str) -> None:
        self._contract, self._stream, self._shots = predictor.contract, predictor.stream(condition), Shots()
        self._box: Letterbox | None = None
        self._waited = 0.0  # seconds since the model looked
        self._small: Map | None = None  # its last answer, moved with what it lies on

    def see(self, frame: Frame, time_s: float) -> Moment:
        before, box = self._box, Letterbox.fit((frame.shape[0], frame.shape[1]), self._contract.canvas)
        anew = before is not None and before.size != box.size
        if anew:
            self._stream.forget()
        self._box, self._picture = box, box.apply(frame, self._contract.fill)
        top, left, height, width = box.content
        moment = self._shots.see(self._picture[top : top + height, left : left + width], time_s, anew)
        self._waited += moment.step_s
        self._flow = moment.flow
        return moment

    def look(self) -> None:
        assert self._box is not None
        density = self._stream.step(self._picture, self._box.box, self._waited)
        inside = (self._box.content[2], self._box.content[3])
        self._small = Letterbox(inside, self._box.canvas, self._box.content).back(density)
        self._waited, self._flow = 0.0, None

    def density(self) -> Map:
        assert self._small is not None
        if self._flow is not None:
            small = self._small
            self._small = resized(moved(small, self._flow), (small.shape[0], small.shape[1]))
        return self._small


def resized(density: Map, size: tuple[int, int]) -> Float32[np.ndarray, "height width"]:
    """A log density at another size, summing to one again."""
    height, width = density.shape
    return np.asarray(Letterbox(size, (height, width), (0, 0, height, width)).back(density), np.float32)


def _scaled(objects: Objects | None, scale: tuple[float, float]) -> Objects | None:
    if objects is None:
        return None
    return replace(objects, boxes=objects.boxes * np.array([scale[1], scale[0]] * 2), masks=None)
