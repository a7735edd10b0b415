"""Gaze on the clock of the video: the eye trackers' own files, or a table with time_ms, x and y.

    glasses     the maker says when the video began (`data.recorders.stages.scene_clock`)
    time_ms     counts from the video's first frame
    else        a clock of its own counts from its first sample, and that is said; `offset` mends it

Places are pixels of the video from its top-left corner. What lies before or after the video is left out, and counted.
Fixations are those of the table where it has `duration_ms`; else they are found by velocity with a threshold that lets
the eye follow what moves as the head turns (100 degrees a second; Olsen 2012 calls it the attention filter), or by
dispersion where samples are slow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from annotation.boxes import Frames
from data.errors import GazeError, RecordingError
from data.events.detect import MIN_RATE_VELOCITY, detect, detect_fixations
from data.gaze import Samples, Screen
from data.recorders import detect_format
from data.recorders.stages import scene_camera
from data.recorders.stages.scene_clock import Clocked

VIEW = 82.0  # degrees across that a scene camera sees, where nothing tells: that of Tobii Pro Glasses 2
THRESHOLD = 100.0  # degrees a second
LONGEST_GAP = 75.0  # milliseconds
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Recording:
    """One person's gaze while the video was recorded."""

    subject: str
    time_s: Float[np.ndarray, " s"]  # seconds from the video's first frame, rising
    xy: Float[np.ndarray, "s 2"]  # pixels of the video; NaN: lost
    onset_s: Float[np.ndarray, " l"]  # of the fixations
    duration_s: Float[np.ndarray, " l"]
    fixation_xy: Float[np.ndarray, "l 2"]  # pixels


def read_gaze(path: Path, frames: Frames, video: Path, offset_s: float, tell: Tell) -> Recording:
    """The gaze of a video whose sampled frames are these; `tell` is told what is left out.

    Raises:
        RecordingError: It cannot be read, or no sample falls into the video.
    """
    height, width = frames.size
    screen = scene_camera.geometry(path, None, (width, height), scene_camera.focal_length(width, VIEW))
    path = _one_file(path, tell)
    clocked = _clocked(path, screen, lambda sentence: None if "moves with the head" in sentence else tell(sentence))
    time = _on_video(path, clocked, tell) + offset_s
    end = _end(frames)
    kept = np.isfinite(time) & (time < end)
    lasting = np.zeros(len(time)) if clocked.duration is None else np.nan_to_num(clocked.duration) / 1000
    kept &= (time >= 0) | (time + lasting > 0)
    _tell_left_out(path, video, time, kept, end, tell)
    order = np.flatnonzero(kept)[np.argsort(time[kept], kind="stable")]
    first = np.diff(time[order], prepend=-np.inf) > 0
    order = order[first]
    time, xy, lasting = time[order], clocked.xy[order], lasting[order]
    _tell_outside(path, xy, frames.size, tell)
    if clocked.duration is not None:
        seen = np.isfinite(xy).all(1) & (lasting > 0)
        return Recording(clocked.subject, time, xy, time[seen], lasting[seen], xy[seen])
    onset, duration, places = _fixations(path, clocked, time, xy, tell)
    return Recording(clocked.subject, time, xy, onset, duration, places)


def _one_file(path: Path, tell: Tell) -> Path:
    if not path.is_dir():
        return path
    files = detect_format.files([path], tell)
    if len(files) > 1:
        names = ", ".join(file.name for file in files[:3])
        raise RecordingError(f"{path}: it holds {len(files)} recordings ({names}); give the one of this video.")
    return files[0]


def _clocked(path: Path, screen: Screen, tell: Tell) -> Clocked:
    name = detect_format.detect(path)
    module = detect_format.modules()[name]
    if hasattr(module, "on_clock"):
        found: Clocked = module.on_clock(path, screen, tell=tell)
        return found
    trials = list(module.read(path, screen, tell=tell))
    if len(trials) != 1:
        raise RecordingError(
            f"{path}: it holds {len(trials)} trials of {name}, but a video is one; give it as time_ms,x,y."
        )
    trial = trials[0]
    if isinstance(trial, Samples):
        return Clocked(trial.time, trial.xy, trial.screen, trial.subject)
    return Clocked(trial.onset, trial.xy, trial.screen, trial.subject, None, trial.duration)


def _on_video(path: Path, clocked: Clocked, tell: Tell) -> Float[np.ndarray, " n"]:
    """Seconds from the video's first frame, as far as the file tells."""
    if clocked.zero is not None:
        return (clocked.time - clocked.zero) / 1000
    known = clocked.time[np.isfinite(clocked.time)]
    if not len(known):
        raise RecordingError(f"{path}: no row has a time; check the column of time.")
    tell(
        f"{path}: nothing says when the video began on its clock, so its first sample is taken for that; "
        "if that is wrong, give --offset."
    )
    return np.asarray(clocked.time - known.min()) / 1000


def _end(frames: Frames) -> float:
    """When the last sampled frame is over, seconds."""
    step = float(np.median(np.diff(frames.times))) if len(frames) > 1 else 1.0
    return float(frames.times[-1]) + step


def _tell_left_out(path: Path, video: Path, time: np.ndarray, kept: np.ndarray, end: float, tell: Tell) -> None:
    """Says how much of the gaze is not of the video.

    Raises:
        RecordingError: All of it.
    """
    if not kept.any():
        known = time[np.isfinite(time)]
        span = f"from {known.min():.6g} to {known.max():.6g} s" if len(known) else "at no known time"
        problem = f"its samples lie {span} of the video {video.name}, which has {end:.6g} s"
        raise RecordingError(f"{path}: {problem}; give --offset in seconds.")
    late, early = int((time >= end).sum()), int((~kept & (time < 0)).sum())
    words = [f"{late} after its end"] * bool(late) + [f"{early} before its first frame"] * bool(early)
    if words:
        tell(f"{path}: of {len(time)} samples {' and '.join(words)} are not of the video and are left out.")


def _tell_outside(path: Path, xy: Float[np.ndarray, "n 2"], size: tuple[int, int], tell: Tell) -> None:
    seen = np.isfinite(xy).all(1)
    outside = seen & ~((xy >= 0) & (xy < (size[1], size[0]))).all(1)
    if outside.any():
        tell(f"{path}: {outside.sum()} of {seen.sum()} places lie outside of the frame; they fall on no object.")


def _fixations(
    path: Path, clocked: Clocked, time: Float[np.ndarray, " n"], xy: Float[np.ndarray, "n 2"], tell: Tell
) -> tuple[Float[np.ndarray, " l"], Float[np.ndarray, " l"], Float[np.ndarray, "l 2"]]:
    """Onset and duration in seconds, and place, of the fixations in the samples."""
    try:
        samples = Samples(clocked.subject, "", time * 1000, xy, clocked.screen)
        slow = len(samples) > 2 and samples.rate < MIN_RATE_VELOCITY
        own = {} if slow else {"threshold": THRESHOLD}
        labels = detect(samples, "idt" if slow else "ivt", max_gap=LONGEST_GAP, **own)
        found = detect_fixations(samples, labels)
    except GazeError as error:
        tell(f"{path}: no fixations are found, as its samples do not allow it ({error})")
        return np.zeros(0), np.zeros(0), np.zeros((0, 2))
    return found.onset / 1000, found.duration / 1000, found.xy
