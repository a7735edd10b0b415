"""A recording as a data set of pictures: views, in each of which the head hardly turns, shown by their middle frames.

`gaze train oat` learns from pictures, their objects and the order in which these were looked at. A view ends after
`LONGEST` seconds, at a cut, where the head's motion is not known, or where the middle of the frame has moved by more
than `SHIFT` of its width. A fixation on a box of a track that is in the view's picture, too, lies at the same place in
that box; another one moves as the head did. Times count from the view's begin.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from annotation import camera
from annotation.boxes import Boxes, Frames
from annotation.fixated import Fixated
from annotation.sampling import frame_file, kept_size
from data.gaze import Objects, Picture, Scanpath
from data.table.write import write_table

LONGEST = 5.0  # seconds
SHIFT = 0.25  # of the frame's width
SCALES = (0.75, 1.33)


def views(frames: Frames) -> list[slice]:
    """The sampled frames of each view."""
    found, first = [], 0
    way = camera.STILL
    middle = np.array([[frames.size[1] / 2, frames.size[0] / 2]])
    for frame in range(1, len(frames)):
        step = frames.motion[frame]
        known = bool(np.isfinite(step).all()) and not frames.cut[frame]
        way = camera.after(way, step) if known else camera.STILL
        shift = float(np.linalg.norm(camera.moved(middle, way) - middle)) / frames.size[1]
        size = float(np.hypot(way[0, 0], way[1, 0]))
        long = frames.times[frame] - frames.times[first] >= LONGEST
        if not known or long or shift > SHIFT or not SCALES[0] <= size <= SCALES[1]:
            found.append(slice(first, frame))
            first, way = frame, camera.STILL
    return [*found, slice(first, len(frames))] if len(frames) else []


def write_set(
    root: Path,
    project: Path,
    frames: Frames,
    boxes: Boxes,
    names: np.ndarray,
    fixations: Sequence[Fixated],
    subject: str,
) -> int:
    """Make a data set in the table format of the views that were looked at; how many pictures it has.

    Raises:
        TableError: The folder holds something, or cannot be written.
    """
    objects: dict[str, Objects] = {}
    items = []
    height, width = kept_size(frames.size)
    scale = width / frames.size[1]
    for view in views(frames):
        own = [each for each in fixations if view.start <= each.frame < view.stop]
        reference = (view.start + view.stop - 1) // 2
        if not own:
            continue
        path = frame_file(project, reference)
        picture = Picture(path.name, width, height, path)
        xy = np.array([_in_picture(each, reference, frames, boxes) for each in own])
        onset = np.array([each.onset_s for each in own]) - frames.times[view.start]
        duration = np.array([each.duration_s for each in own])
        start_ms, lasts_ms = (np.round(times * 1000, 2) for times in (np.maximum(onset, 0), duration))
        objects[path.name] = objects_of(boxes, names, reference, scale)
        items.append((picture, [Scanpath(subject, (xy * scale).round(2), start_ms, lasts_ms)]))
    if items:
        write_table(root, items, objects=objects)
    return len(items)


def objects_of(boxes: Boxes, names: np.ndarray, frame: int, scale: float) -> Objects:
    """The boxes of interest of a frame, named by their class, in pixels of the frame as it is kept."""
    own = boxes.of_frame(frame)
    numbers = [number for number in range(own.start, own.stop) if names[number]]
    known: Iterator[dict[str, object]] = ({"box": number, "track": int(boxes.track[number])} for number in numbers)
    return Objects(boxes.box[numbers] * scale, tuple(str(names[number]) for number in numbers), tuple(known))


def _in_picture(fixation: Fixated, reference: int, frames: Frames, boxes: Boxes) -> Float[np.ndarray, " 2"]:
    """Where a fixation lies in another frame of its view."""
    xy = np.array(fixation.xy)
    if fixation.box >= 0:
        here = boxes.of_frame(reference)
        same = here.start + np.flatnonzero(boxes.track[here] == boxes.track[fixation.box])
        if len(same):
            low, size = boxes.box[fixation.box, :2], boxes.box[fixation.box, 2:]
            share = np.clip((xy - low) / size, 0, 0.999)
            return np.asarray(boxes.box[same[0], :2] + share * boxes.box[same[0], 2:])
    first, last = sorted((fixation.frame, reference))
    way = camera.STILL
    for frame in range(first + 1, last + 1):
        way = camera.after(way, frames.motion[frame])
    if fixation.frame <= reference:
        return np.asarray(camera.moved(xy, way))
    return np.asarray(np.linalg.solve(way[:, :2].astype(np.float64), xy - way[:, 2]))
