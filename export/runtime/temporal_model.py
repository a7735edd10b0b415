"""A still model's answers carried through a video: what came before changes where people look in a frame.

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
shown for seconds little is the time before eyes have moved.

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
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import UInt8

from export.runtime.frame_changes import Flow, Map, Moment, Shots, moved
from export.runtime.saliency import Prediction

FLOOR = 1e-9  # of a probability
UNSURE = 0.5  # of the memory that is kept where the flow does not explain the frame
AT_CUT = 6.0  # times as much of the middle at a cut as later on
CENTERED = 0.35  # seconds after a cut for which this lasts


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


class TemporalModel:
    """Carries a still model's maps through time, as the file's first lines say.

    For each frame: `see` it, `look` with the still model's prediction where there is one, then ask for the `density`.
    """

    def __init__(self, weights: Weights | None = None) -> None:
        self.weights = weights or Weights()
        self._shots = Shots(self.weights.motion_s)
        self._moment = Moment(0.0, 0.0, True, 0.0)
        self._still: Map | None = None  # probability, by the last look
        self._memory: Map | None = None
        self._weight = 0.0  # of the memory, from 0 to 1
        self._shown: Map | None = None  # the last answer, before synchrony
        self._before: Map | None = None  # the same when the last cut came

    def see(self, pixels: UInt8[np.ndarray, "h w 3"], time_s: float) -> Moment:
        """Take the next frame in, at the canvas's size."""
        anew = self._still is not None and self._still.shape != pixels.shape[:2]
        moment = self._moment = self._shots.see(pixels, time_s, anew)
        if moment.cut:
            late = self.weights.latency_s and moment.step_s <= 2 * self.weights.latency_s
            self._before = self._shown if late else None
            self._memory = None
        elif self.weights.follow and moment.flow is not None:
            self._follow(moment.flow)
        return moment

    @property
    def _since(self) -> float:
        """Seconds since the cut in the middle of the time for which the frame is shown."""
        return self._moment.since_cut_s + self._shots.usual_s / 2

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
        motion = self._shots.watch.motion(now.shape)
        if weights.motion and motion is not None:
            now = normal(now * np.exp(weights.motion * motion))
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
        kept = math.exp(-self._moment.step_s / seconds) if seconds else 0.0
        if self._memory is None or not kept:
            self._memory, self._weight = now, 0.0
            return now
        before = kept * (self._weight or 1 - kept)
        self._weight = before + 1 - kept
        share = np.float32(before / self._weight) * self._sure(now.shape)
        self._memory = normal(share * self._memory + (1 - share) * now)
        return self._memory

    def _sure(self, size: tuple[int, ...]) -> "Map | float":
        """How surely it is known where each place was, from `UNSURE` to 1."""
        sure = self._shots.watch.sure if self.weights.follow else None
        if sure is None:
            return 1.0
        wide = cv2.resize(sure, size[::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(UNSURE + (1 - UNSURE) * wide, np.float32)

    def _follow(self, flow: Flow) -> None:
        """Move what is remembered with what it lies on."""
        for name in ("_memory", "_still"):
            values = getattr(self, name)
            if values is not None:
                setattr(self, name, normal(moved(values, flow)))


def _fade(since: float, times: tuple[tuple[float, float], ...]) -> float:
    """1 while slices tell of the time since a cut, then less and less."""
    return math.exp(-max(0.0, since - times[-1][1]) / 2)


def normal(values: np.ndarray) -> Map:
    """Made to sum to one."""
    return np.asarray(values / max(float(values.sum(dtype=np.float64)), 1e-12), np.float32)


def _center(size: tuple[int, ...]) -> Map:
    height, width = size
    y = (np.arange(height) + 0.5) / height - 0.5
    x = (np.arange(width) + 0.5) / width - 0.5
    return normal(np.exp(-((y / 0.2) ** 2) / 2)[:, None] * np.exp(-((x / 0.2) ** 2) / 2)[None])
