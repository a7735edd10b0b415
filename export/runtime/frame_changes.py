"""What changes from frame to frame of a video: cuts, how everything moves, and what moves against the picture.

    watch = Watch()
    sight = watch.see(pixels, time_s)       # sight.cut; sight.flow: from each place back to where it was
    watch.motion((h, w)), watch.sure        # what moves against the picture; where the flow can be trusted
    Shots().see(pixels, time_s)             # the same, with the seconds since the frame before and since the cut

A cut changes the colours and, once the flow of the whole picture is taken out, the structure; by more than what changes
in a lively shot anyway. A flash changes the light only, a pan moves what stays, a dissolve takes many frames: none is a
cut. A frame that shows nothing, such as a white one, is passed over, and the next is compared with what was before it.
Dark scenes are made lighter before their colours are compared. Where frames follow each other more quickly than
`APART`, flow waits, but a cut does not.

Flow: Kroeger, Timofte, Dai and Van Gool 2016, https://doi.org/10.1007/978-3-319-46493-0_29 (OpenCV's DIS).

Shapes: `g v` a small copy of the frame.
"""

import math
from collections import deque
from dataclasses import dataclass
from statistics import median

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8

Map = Float32[np.ndarray, "h w"]
Flow = Float32[np.ndarray, "g v 2"]  # from each place of a frame to where it was in the frame before, in widths of it
Grey = UInt8[np.ndarray, "g v"]

SMALL = 128  # pixels: the longer side of what is compared with the frame before
APART = 0.03  # seconds between two frames whose flow is told, at least
CUT = 0.33  # change from which on it is a cut
AGAIN = 0.1  # seconds between two cuts, at least
RECENT = 25  # changes that tell how lively the shot is
PLAIN = 4.0  # grey levels: a frame that varies less shows nothing, as in a flash or a fade
DIM = (0.15, 0.6)  # of dark frames: the same in shares of their mean, and in grey levels at least
STEP = 0.04  # seconds from frame to frame until it is known
STILL = 1e-5  # seconds: stamps that are so near stand still
STEPS = 9  # the last ones, which tell how long a frame is shown
LIGHT = (128.0, 16.0)  # grey levels that the brightest of two dark frames gets, and how many times it is made lighter


@dataclass(frozen=True)
class Sight:
    """What changed from one frame to the next."""

    cut: bool
    change: float  # 0 to 1
    flow: Flow | None = None  # None: nothing that can be told


class Watch:
    """Compares frames with those before: cuts, the motion of the camera, and what moves against it."""

    def __init__(self, motion_s: float = 0.3) -> None:
        self._motion_s = motion_s
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._grey: Grey | None = None
        self._small: Grey | None = None  # in colour
        self._energy: Map | None = None
        self.sure: Map | None = None  # how well the flow to this frame explains each place, 0 to 1
        self._changes: deque[float] = deque(maxlen=RECENT)
        self._time = self._cut_at = -math.inf

    @property
    def started(self) -> bool:
        """Whether any frame has been seen."""
        return self._grey is not None

    def see(self, pixels: UInt8[np.ndarray, "h w 3"], time_s: float) -> Sight:
        """Compare a frame with the last one that showed anything."""
        height, width = pixels.shape[:2]
        scale = SMALL / max(height, width)
        small = cv2.resize(
            pixels, (max(16, round(width * scale)), max(16, round(height * scale))), interpolation=cv2.INTER_AREA
        )
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        same, self.sure = Sight(False, 0.0), None
        if self._grey is None or self._grey.shape != grey.shape:
            first = self._grey is None
            self._remember(grey, small, time_s, None)
            return same if first else Sight(True, 1.0)
        if _shows_nothing(grey):
            return same
        early = time_s - self._time < APART
        usual = float(np.median(self._changes)) if len(self._changes) >= 5 else 0.0
        least = max(CUT, min(0.75, 3 * usual))
        if early and (time_s - self._cut_at < AGAIN or self._change(grey, small) <= least):
            return same
        none = np.zeros((*grey.shape, 2), np.float32)
        flow = np.asarray(self._flow.calc(grey, self._grey, none), np.float32)
        matrix = camera_motion(flow)
        change = self._change(grey, small, matrix)
        if change > least and time_s - self._cut_at >= AGAIN:
            self._changes.clear()
            self._cut_at = time_s
            self._remember(grey, small, time_s, None)
            return Sight(True, change)
        if early:
            return same
        self._changes.append(change)
        self.sure = explained(self._grey, grey, flow)
        energy = moving(self._grey, grey, matrix)
        kept = math.exp(-(time_s - self._time) / self._motion_s) if self._motion_s else 0.0
        if self._energy is not None:
            energy = np.asarray(kept * moved(self._energy, flow / grey.shape[1]) + (1 - kept) * energy, np.float32)
        else:
            energy = np.asarray((1 - kept) * energy, np.float32)
        self._remember(grey, small, time_s, energy)
        return Sight(False, change, flow / np.float32(grey.shape[1]))

    def motion(self, size: tuple[int, ...]) -> Map | None:
        """How much each place moves against the picture, from 0 to 1; None where nothing does."""
        if self._energy is None or float(self._energy.max()) < 0.02:
            return None
        return np.asarray(cv2.resize(self._energy, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)

    def _remember(self, grey: np.ndarray, small: np.ndarray, time_s: float, energy: Map | None) -> None:
        self._grey, self._small, self._time, self._energy = grey, small, time_s, energy

    def _change(self, grey: np.ndarray, small: np.ndarray, matrix: np.ndarray | None = None) -> float:
        """From 0, the same, to 1: in colours and in structure, which a cut both changes, and a flash or a pan not.

        `matrix` takes the motion of the camera out; without it the change is as large or larger.
        """
        assert self._grey is not None
        assert self._small is not None
        brightest = max(float(np.quantile(each, 0.99)) for each in (small, self._small))
        gain = min(LIGHT[1], max(1.0, LIGHT[0] / max(brightest, 1.0)))
        colours = cv2.compareHist(_colours(small, gain), _colours(self._small, gain), cv2.HISTCMP_BHATTACHARYYA)
        before = [self._grey]
        if matrix is not None:
            before.append(cv2.warpAffine(self._grey, matrix, grey.shape[::-1], borderMode=cv2.BORDER_REPLICATE))
        now = _structure(grey)
        alike = max(float((now * _structure(each)).mean()) for each in before)
        return math.sqrt(max(0.0, float(colours)) * (1 - max(0.0, alike)))


@dataclass(frozen=True)
class Moment:
    """What a frame is, compared with those before."""

    time_s: float  # as its file or camera tells
    since_cut_s: float
    cut: bool  # whether a new shot begins, as with the first frame
    step_s: float  # seconds since the frame before; 0 of the first
    flow: Flow | None = None


class Shots:
    """The shots of a video, and a clock that always goes on: stamps that stand still or go back are a usual step."""

    def __init__(self, motion_s: float = 0.3) -> None:
        self.watch = Watch(motion_s)
        self._stamp = math.nan  # of the last frame
        self._steps: deque[float] = deque(maxlen=STEPS)
        self._time = self._began = 0.0  # seconds; when the shot began

    def see(self, pixels: UInt8[np.ndarray, "h w 3"], time_s: float, anew: bool = False) -> Moment:
        """Take the next frame in; `anew`: a shot begins, whatever it shows."""
        first = anew or not self.watch.started
        step = self._step(time_s)
        self._time += step
        sight = self.watch.see(pixels, self._time)
        cut = sight.cut or first
        if cut:
            self._began = self._time
        return Moment(time_s, self._time - self._began, cut, step, sight.flow)

    @property
    def usual_s(self) -> float:
        """Seconds for which a frame is usually shown."""
        return median(self._steps) if self._steps else STEP

    def _step(self, time_s: float) -> float:
        """Seconds since the frame before; as usual where the stamps stand still, go back or are none."""
        before, self._stamp = self._stamp, time_s
        if not self.watch.started:
            return 0.0
        step = time_s - before
        if not STILL < step < math.inf:
            return self.usual_s
        self._steps.append(step)
        return step


def _shows_nothing(grey: Grey) -> bool:
    """Whether a frame is plain: of a dark one little contrast is enough, but noise is none."""
    smooth = cv2.GaussianBlur(grey, (0, 0), 1).astype(np.float32)
    share, least = DIM
    return float(smooth.std()) < min(PLAIN, max(least, share * float(smooth.mean())))


def camera_motion(flow: Float32[np.ndarray, "g v 2"]) -> Float64[np.ndarray, "2 3"]:
    """The shift, turn and scale from the frame before that most of a flow follows; none where there is no such motion.

    The flow leads from each pixel back to where it was.
    """
    rows, columns = flow.shape[:2]
    y, x = np.mgrid[4 : rows - 3 : 6, 4 : columns - 3 : 6].reshape(2, -1)
    here = np.stack([x, y], 1).astype(np.float32)
    there = here + flow[y, x]
    matrix, _ = cv2.estimateAffinePartial2D(there, here, method=cv2.RANSAC, ransacReprojThreshold=0.75, maxIters=200)
    if matrix is None or not np.isfinite(matrix).all() or not 0.7 < np.hypot(*matrix[0, :2]) < 1.4:
        return np.array([[1.0, 0, 0], [0, 1, 0]])
    return np.asarray(matrix, np.float64)


def moving(
    before: Grey,
    now: Grey,
    matrix: Float64[np.ndarray, "2 3"],
) -> Float32[np.ndarray, "g v"]:
    """How much each place moves against the whole picture, 0 to 1, whatever its contrast.

    What is left of the difference of two frames when the motion of the whole has been taken out, over three scales,
    each relative to the contrast there; what follows the whole within its noise counts nothing.
    """
    size = now.shape[::-1]
    steady = cv2.warpAffine(before, matrix, size, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    seen = cv2.warpAffine(np.ones_like(steady), matrix, size)  # not what has just come in at the border
    current = now.astype(np.float32)
    total = np.zeros_like(current)
    for sigma in (1.0, 2.0, 4.0):
        blurred, other = (cv2.GaussianBlur(each, (0, 0), sigma) for each in (current, steady))
        difference = np.abs(blurred - other)
        mean = cv2.GaussianBlur(blurred, (0, 0), 3 * sigma)
        contrast = np.sqrt(cv2.GaussianBlur((blurred - mean) ** 2, (0, 0), 3 * sigma))
        noise = 3 * float(np.median(difference)) + 1.0
        excess = np.maximum(difference - noise, 0) / (contrast + 4)
        total += excess / (excess + 0.25)
    return np.asarray(cv2.GaussianBlur(total / 3 * (seen > 0.99), (0, 0), 2.5), np.float32)


def explained(before: Grey, now: Grey, flow: Flow) -> Float32[np.ndarray, "g v"]:
    """How well a frame, moved by a flow in its own pixels, explains the next one at each place, 0 to 1."""
    current = now.astype(np.float32)
    error = np.abs(moved(before.astype(np.float32), flow / np.float32(now.shape[1])) - current)
    error = cv2.GaussianBlur(error, (0, 0), 2)
    mean = cv2.GaussianBlur(current, (0, 0), 6)
    contrast = np.sqrt(cv2.GaussianBlur((current - mean) ** 2, (0, 0), 6))
    return np.asarray(np.exp(-((error / (0.5 * contrast + 4)) ** 2)), np.float32)


def moved(values: Map, flow: Flow) -> Map:
    """A map that moves with what it lies on: each place takes the value of where it was."""
    height, width = values.shape
    wide = cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR) * np.float32(width)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.asarray(
        cv2.remap(values, x + wide[..., 0], y + wide[..., 1], cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
    )


def _colours(small: np.ndarray, gain: float = 1.0) -> np.ndarray:
    if gain > 1:
        small = cv2.convertScaleAbs(small, alpha=gain)
    counts = cv2.calcHist([small], [0, 1, 2], None, [6, 6, 6], [0, 256] * 3)
    return np.asarray(counts / counts.sum(), np.float32)


def _structure(grey: np.ndarray) -> np.ndarray:
    """A frame without its light: each place relative to its surround, with a mean of 0 and a variance of 1."""
    smooth = np.asarray(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.5), np.float32)
    apart = smooth - cv2.GaussianBlur(smooth, (0, 0), 8)
    values = apart / (np.sqrt(cv2.GaussianBlur(apart**2, (0, 0), 8)) + 3)
    return np.asarray((values - values.mean()) / (float(values.std()) + 1e-6))
