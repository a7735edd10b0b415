"""Which box a gaze falls on, sample by sample and fixation by fixation.

A place belongs to the smallest box around it in the sampled frame that is shown then, else to the nearest one within a
degree, which is what glasses measure to. A fixation belongs to the class that it is on in most of its frames; boxes of
no interest ("") hold nothing.

Shapes: `n` boxes, `l` fixations, `s` samples.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from annotation.boxes import Boxes, Frames
from annotation.recording import VIEW, Recording
from data.gaze import Objects
from data.objects import assign


@dataclass(frozen=True)
class Fixated:
    """A fixation, and what it is on."""

    onset_s: float
    duration_s: float
    xy: tuple[float, float]  # pixels
    frame: int  # the sampled frame nearest to its middle
    box: int  # -1: on none
    name: str  # the class; "": on nothing of interest
    probability: float  # of the class; NaN where it is on none


def margin(frames: Frames) -> float:
    """A degree in pixels of the video."""
    return frames.size[1] / VIEW


def frame_at(frames: Frames, time_s: Float[np.ndarray, " s"]) -> Int64[np.ndarray, " s"]:
    """The sampled frame nearest to each time; -1 where none is near."""
    if not len(frames):
        return np.full(len(time_s), -1, np.int64)
    step = float(np.median(np.diff(frames.times))) if len(frames) > 1 else 1.0
    after = np.clip(np.searchsorted(frames.times, time_s), 0, len(frames) - 1)
    before = np.maximum(after - 1, 0)
    nearer = np.abs(frames.times[before] - time_s) <= np.abs(frames.times[after] - time_s)
    found = np.where(nearer, before, after)
    return np.where(np.abs(frames.times[found] - time_s) <= 1.01 * step, found, -1).astype(np.int64)


def on_boxes(
    frames: Frames, boxes: Boxes, frame: Int64[np.ndarray, " s"], xy: Float[np.ndarray, "s 2"], of_interest: np.ndarray
) -> Int64[np.ndarray, " s"]:
    """The number of the box that each place is on in its frame, among those of interest (bool, n); -1: none."""
    found = np.full(len(frame), -1, np.int64)
    order = np.argsort(frame, kind="stable")
    begins = np.flatnonzero(np.diff(frame[order], prepend=-2))
    for rows in np.split(order, begins[1:]) if len(order) else ():
        own = boxes.of_frame(int(frame[rows[0]])) if frame[rows[0]] >= 0 else slice(0, 0)
        numbers = own.start + np.flatnonzero(of_interest[own])
        at = assign(xy[rows], Objects(boxes.box[numbers]), margin(frames))
        found[rows] = np.where(at < 0, -1, numbers[at] if len(numbers) else -1)
    return found


def looks(frames: Frames, boxes: Boxes, recording: Recording) -> Int64[np.ndarray, " n"]:
    """How many samples fall on each box."""
    everything = np.ones(len(boxes), bool)
    on = on_boxes(frames, boxes, frame_at(frames, recording.time_s), recording.xy, everything)
    return np.bincount(on[on >= 0], minlength=len(boxes))


def fixated(
    frames: Frames, boxes: Boxes, names: np.ndarray, probability: Float[np.ndarray, " n"], recording: Recording
) -> list[Fixated]:
    """What each fixation is on, given the class of each box and how sure that is."""
    of_interest = np.array([bool(name) for name in names], bool)
    times, xy, owner = _moments(frames, recording)
    frame = frame_at(frames, times)
    on = on_boxes(frames, boxes, frame, xy, of_interest)
    found = []
    ends = np.searchsorted(owner, np.arange(len(recording.onset_s) + 1))
    for number, (onset, lasts) in enumerate(zip(recording.onset_s, recording.duration_s, strict=True)):
        rows = np.arange(ends[number], ends[number + 1])
        middle = int(frame_at(frames, np.array([onset + lasts / 2]))[0])
        box = _most(on[rows], frame[rows], names, middle)
        x, y = recording.fixation_xy[number].tolist()
        sure = float(probability[box]) if box >= 0 else np.nan
        found.append(Fixated(float(onset), float(lasts), (x, y), middle, box, names[box] if box >= 0 else "", sure))
    return found


def _moments(
    frames: Frames, recording: Recording
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, "k 2"], Int64[np.ndarray, " k"]]:
    """The moments at which fixations are held against frames, the gaze then, and whose moments they are."""
    times, places, owner = [], [], []
    step = float(np.median(np.diff(frames.times))) if len(frames) > 1 else 1.0
    whole = zip(recording.onset_s, recording.duration_s, recording.fixation_xy, strict=True)
    for number, (onset, lasts, xy) in enumerate(whole):
        first, after = np.searchsorted(frames.times, [onset, onset + lasts])
        moments = frames.times[first:after].tolist() or [onset + lasts / 2]
        for moment in moments:
            low, high = np.searchsorted(recording.time_s, [max(onset, moment - step / 2), moment + step / 2])
            near = recording.xy[low : min(high, np.searchsorted(recording.time_s, onset + lasts, "right"))]
            near = near[np.isfinite(near).all(1)]
            times.append(moment)
            places.append(np.median(near, 0) if len(near) else xy)
            owner.append(number)
    return np.array(times, float), np.array(places, float).reshape(-1, 2), np.array(owner, np.int64)


def _most(on: Int64[np.ndarray, " k"], frame: Int64[np.ndarray, " k"], names: np.ndarray, middle: int) -> int:
    """The box of the class that most moments are on, in the frame nearest to the middle; -1: most are on none."""
    if not len(on):
        return -1
    counts: dict[str, int] = {}
    for box in on.tolist():
        counts[names[box] if box >= 0 else ""] = counts.get(names[box] if box >= 0 else "", 0) + 1
    best = max(counts, key=lambda name: (counts[name], name != ""))
    if not best:
        return -1
    rows = [row for row, box in enumerate(on.tolist()) if box >= 0 and names[box] == best]
    return int(on[min(rows, key=lambda row: abs(int(frame[row]) - middle))])
