"""Where people look in a video: a still model's answer for each frame, carried through time.

    predictor = VideoPredictor("tempsal")
    for seen in predictor.frames(Path("clip.mp4")):
        seen.time_s, seen.cut, seen.peak, seen.density          # log density at the frame's own size
    predictor.step(frame, time_s)                               # the same for frames from anywhere, in order

A model of pictures sees every frame as a first look. `TemporalModel` knows what came before, and needs nothing that
comes later, so that it also runs on a camera:

    still     p = (1 - slice) whole + slice S(t), where S(t) is the model's slice for the time t since the last cut,
              interpolated between neighbouring seconds; after the last slice its weight fades away
    follow    what is remembered moves with what it lies on, by optical flow
    motion    p * exp(motion * m), m from 0 to 1: how much places move against the picture, at several scales, relative
              to the contrast there, gathered over `motion_s`; where nothing moves nothing changes
    memory    the mean of p since the cut that turns into an exponential one: q <- k q + (1 - k) p, where
              k = a w / w', w' = a w + 1 - a, a = exp(-dt / memory_s); w, the weight of all that was seen, begins at
              1 - a. Where the flow does not explain the frame k is less, down to `UNSURE` of it
    latency   after a cut eyes are still where they were: what was shown before it, with the share of viewers who have
              not yet looked elsewhere, 1 / (1 + exp((t - latency_s) / spread_s))
    center    (1 - c) q + c * a Gaussian in the middle, c = center (1 + AT_CUT exp(-t / CENTERED))
    synchrony q ** synchrony, normalised: at one moment of a film viewers agree more than over seconds of a picture

t is taken in the middle of the time for which a frame is shown, as far as the frames before tell: of a slide that is
shown for seconds little is the time before eyes have moved. Stamps that stand still or go back are taken for a step as
long as usual.

`Weights` holds these numbers. They were set near what is known of films and held against clips made of pictures
(`data.synthetic.clips`, bench_video.py); no set of real videos with gaze in this repository has judged them. The made
clips ask for a shorter memory: their pictures do not change, so that there is nothing to average out.

Motion draws eyes: Mital, Smith, Hill and Henderson 2011, https://doi.org/10.1007/s12559-010-9074-z. Viewers of films
agree: Dorr, Martinetz, Gegenfurtner and Barth 2010, https://doi.org/10.1167/10.10.28. After cuts eyes go to the middle:
Tseng, Carmi, Cameron, Munoz and Itti 2009, https://doi.org/10.1167/9.7.4; Wang, Freeman, Merriam, Hasson and Heeger
2012, https://doi.org/10.1167/12.1.16.

Shapes: `h w` the part of the model's canvas that the picture fills: everything is remembered at that size.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from data.errors import GazeError
from data.gaze import Objects
from data.picture import Letterbox
from data.video.read import VideoFile
from export.runtime.computed import computed
from export.runtime.frame_changes import Flow, Map, Watch, moved
from export.runtime.saliency import Prediction, Predictor, _size, entropy, peak
from saliency import TASK

FLOOR = 1e-9  # of a probability
UNSURE = 0.5  # of the memory that is kept where the flow does not explain the frame
AT_CUT = 6.0  # times as much of the middle at a cut as later on
CENTERED = 0.35  # seconds after a cut for which this lasts
STEP = 0.04  # seconds from frame to frame until it is known
STILL = 1e-5  # seconds: stamps that are so near stand still
STEPS = 9  # the last ones, which tell how long a frame is shown


@dataclass(frozen=True)
class Weights:
    """How much each part of the temporal model counts; `without` leaves one out."""

    slice: float = 0.3
    memory_s: float = 1.5
    latency_s: float = 0.24
    spread_s: float = 0.05
    motion: float = 0.7
    motion_s: float = 0.3
    center: float = 0.04
    synchrony: float = 1.15
    follow: bool = True

    def without(self, part: str) -> "Weights":
        """The same with one part left out: slice, memory, latency, motion, center, synchrony or follow."""
        name = {"memory": "memory_s", "latency": "latency_s"}.get(part, part)
        return replace(self, **{name: getattr(FRAMEWISE, name)})


FRAMEWISE = Weights(slice=0, memory_s=0, latency_s=0, motion=0, center=0, synchrony=1, follow=False)


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
    """A still model that is carried through the frames of a video, in order; one video at a time.

    `model`, `provider` and `threads` are those of `export.runtime.saliency.Predictor`. The model looks at every
    `every`th frame and at the first one of a shot; between these what it saw moves on.

    Raises:
        ModelError: There is no such model, it cannot be opened, or it predicts no saliency.
        GazeError: `every` is below 1.
    """

    def __init__(
        self,
        model: str | Path | Predictor = TASK.default_models[0],
        *,
        every: int = 1,
        weights: Weights | None = None,
        condition: str = "any",
        provider: str = "auto",
        threads: int | None = None,
    ) -> None:
        if every < 1:
            raise GazeError(f"Every {every}th frame cannot be looked at; give 1 or more.")
        self.predictor = model if isinstance(model, Predictor) else Predictor(model, provider=provider, threads=threads)
        self.predictor.index(condition)
        self._every, self._weights, self._condition = every, weights or Weights(), condition
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next frame is the first of a video."""
        self._model = TemporalModel(self._weights)
        self._index, self._left = 0, 0
        self._objects: Objects | None = None

    def step(self, frame: UInt8[np.ndarray, "height width 3"], time_s: float) -> VideoPrediction:
        """Where people look at the next frame, RGB, shown from `time_s` on.

        Raises:
            PictureError: The frame is not uint8 (h, w, 3).
        """
        size = _size(frame)
        box = Letterbox.fit(size, self.predictor.contract.canvas)
        pixels = cv2.resize(frame, box.content[:1:-1], interpolation=cv2.INTER_AREA)
        moment = self._model.see(pixels, time_s)
        looks = moment.cut or self._left <= 0
        if looks:
            prediction = self.predictor(pixels, self._condition)
            self._model.look(prediction)
            self._objects = _scaled(prediction.objects, (size[0] / pixels.shape[0], size[1] / pixels.shape[1]))
            self._left = self._every
        self._left -= 1
        small = self._model.density()
        index, self._index = self._index, self._index + 1
        return VideoPrediction(index, time_s, moment.since_cut_s, moment.cut, looks, small, size, frame, self._objects)

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


@dataclass(frozen=True)
class Moment:
    """What a frame is, compared with those before."""

    time_s: float
    since_cut_s: float
    cut: bool


class TemporalModel:
    """Carries a still model's maps through time, as the file's first lines say.

    For each frame: `see` it, `look` with the still model's prediction where there is one, then ask for the `density`.
    """

    def __init__(self, weights: Weights | None = None) -> None:
        self.weights = weights or Weights()
        self._watch = Watch(self.weights.motion_s)
        self._still: Map | None = None  # probability, by the last look
        self._memory: Map | None = None
        self._weight = 0.0  # of the memory, from 0 to 1
        self._shown: Map | None = None  # the last answer, before synchrony
        self._before: Map | None = None  # the same when the last cut came
        self._stamp = math.nan  # of the last frame
        self._steps: deque[float] = deque(maxlen=STEPS)
        self._time = self._began = self._dt = 0.0  # seconds that never go back; when the shot began

    def see(self, pixels: UInt8[np.ndarray, "h w 3"], time_s: float) -> Moment:
        """Take the next frame in, at the canvas's size."""
        first = not self._watch.started or (self._still is not None and self._still.shape != pixels.shape[:2])
        self._dt = self._step(time_s)
        self._time += self._dt
        sight = self._watch.see(pixels, self._time)
        cut = sight.cut or first
        if cut:
            late = self.weights.latency_s and self._dt <= 2 * self.weights.latency_s
            self._before = self._shown if late else None
            self._memory, self._began = None, self._time
        elif self.weights.follow and sight.flow is not None:
            self._follow(sight.flow)
        return Moment(time_s, self._time - self._began, cut)

    def _step(self, time_s: float) -> float:
        """Seconds since the frame before; as usual where the stamps stand still, go back or are none."""
        before, self._stamp = self._stamp, time_s
        if not self._watch.started:
            return 0.0
        step = time_s - before
        if not STILL < step < math.inf:
            return self._usual
        self._steps.append(step)
        return step

    @property
    def _usual(self) -> float:
        """Seconds for which a frame is usually shown."""
        return median(self._steps) if self._steps else STEP

    @property
    def _since(self) -> float:
        """Seconds since the cut in the middle of the time for which the frame is shown."""
        return self._time - self._began + self._usual / 2

    def look(self, prediction: Prediction) -> None:
        """Take in what the still model says of the frame."""
        whole = np.exp(prediction.density)
        slices = prediction.slices
        share = self.weights.slice
        if share and len(slices):
            share, planes = share * _fade(self._since, prediction.times), prediction.times
            middle = np.array([(start + end) / 2 for start, end in planes])
            at = float(np.interp(self._since, middle, np.arange(len(middle))))
            low = min(int(at), len(slices) - 1)
            high = min(low + 1, len(slices) - 1)
            part = (1 - at + low) * np.exp(slices[low]) + (at - low) * np.exp(slices[high])
            whole = (1 - share) * whole + share * part
        self._still = np.asarray(whole, np.float32)

    def density(self) -> Map:
        """The log density of the moment.

        Raises:
            ValueError: Nothing has been looked at yet.
        """
        if self._still is None:
            raise ValueError("Look with a still model's prediction first.")
        weights = self.weights
        now = self._still
        motion = self._watch.motion(now.shape)
        if weights.motion and motion is not None:
            now = _normal(now * np.exp(weights.motion * motion))
        shown, since = self._remember(now), self._since
        if weights.center:
            share = min(1.0, weights.center * (1 + AT_CUT * math.exp(-since / CENTERED)))
            shown = (1 - share) * shown + share * _center(shown.shape)
        if self._before is not None and self._before.shape == shown.shape:
            late = 1 / (1 + math.exp(min(50.0, (since - weights.latency_s) / weights.spread_s)))
            shown = (1 - late) * shown + late * self._before if late > 1e-3 else shown
        self._shown = np.asarray(shown, np.float32)
        logs = np.log(np.maximum(shown, FLOOR)) * np.float32(weights.synchrony)
        logs -= logs.max()
        return np.asarray(logs - np.float32(np.log(np.exp(logs).sum(dtype=np.float64))), np.float32)

    def _remember(self, now: Map) -> Map:
        """The mean of what was seen since the cut, the older the less of it."""
        seconds = self.weights.memory_s
        kept = math.exp(-self._dt / seconds) if seconds else 0.0
        if self._memory is None or not kept:
            self._memory, self._weight = now, 0.0
            return now
        before = kept * (self._weight or 1 - kept)
        self._weight = before + 1 - kept
        share = np.float32(before / self._weight) * self._sure(now.shape)
        self._memory = _normal(share * self._memory + (1 - share) * now)
        return self._memory

    def _sure(self, size: tuple[int, ...]) -> "Map | float":
        """How surely it is known where each place was, from `UNSURE` to 1."""
        sure = self._watch.sure if self.weights.follow else None
        if sure is None:
            return 1.0
        wide = cv2.resize(sure, size[::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(UNSURE + (1 - UNSURE) * wide, np.float32)

    def _follow(self, flow: Flow) -> None:
        """Move what is remembered with what it lies on."""
        for name in ("_memory", "_still"):
            values = getattr(self, name)
            if values is not None:
                setattr(self, name, _normal(moved(values, flow)))


def resized(density: Map, size: tuple[int, int]) -> Float32[np.ndarray, "height width"]:
    """A log density at another size, summing to one again."""
    height, width = density.shape
    return np.asarray(Letterbox(size, (height, width), (0, 0, height, width)).back(density), np.float32)


def _fade(since: float, times: tuple[tuple[float, float], ...]) -> float:
    """1 while slices tell of the time since a cut, then less and less."""
    return math.exp(-max(0.0, since - times[-1][1]) / 2)


def _normal(values: np.ndarray) -> Map:
    return np.asarray(values / max(float(values.sum(dtype=np.float64)), 1e-12), np.float32)


def _center(size: tuple[int, ...]) -> Map:
    height, width = size
    y = (np.arange(height) + 0.5) / height - 0.5
    x = (np.arange(width) + 0.5) / width - 0.5
    return _normal(np.exp(-((y / 0.2) ** 2) / 2)[:, None] * np.exp(-((x / 0.2) ** 2) / 2)[None])


def _scaled(objects: Objects | None, scale: tuple[float, float]) -> Objects | None:
    if objects is None:
        return None
    return replace(objects, boxes=objects.boxes * np.array([scale[1], scale[0]] * 2), masks=None)
