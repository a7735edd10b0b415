"""Labels from a table instead of clicks: by the number of a box, or by a place at a time.

    box, class              the number as in boxes.csv
    time_ms, x, y, class    the smallest box around the place in the frame that is shown then

An empty class says that the box is of no interest. A row that hits no box is left out, and counted.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from annotation.boxes import Boxes, Frames
from annotation.clicks import class_name
from annotation.fixated import frame_at
from data.errors import GazeError, TableError
from data.gaze import Objects
from data.objects import assign
from data.recorders.stages import text_table


def read_labels(path: Path, frames: Frames, boxes: Boxes, tell: Callable[[str], None]) -> list[tuple[int, str]]:
    """The box and the class of each row, in the order of the table.

    Raises:
        GazeError: It is no such table, or not one of its rows hits a box.
    """
    table = text_table.read(path, tell=tell)
    name, box = table.find("class", "object", "label"), table.find("box")
    place = [table.find(column) for column in ("time_ms", "x", "y")]
    if not name or not (box or all(place)):
        raise TableError(f"{path}: no table of labels; give one with the columns box,class or time_ms,x,y,class.")
    if box:
        numbers = table.numbers(box)
        right = np.isfinite(numbers) & (numbers >= 0) & (numbers < len(boxes)) & (numbers == np.floor(numbers))
        hit = np.where(right, numbers, -1).astype(np.int64)
    else:
        time, x, y = (table.numbers(column) for column in place)
        hit = _under(frames, boxes, time / 1000, np.stack([x, y], 1))
    if not (hit >= 0).any():
        raise TableError(f"{path}: no row of it is on a box of the project; check its numbers, times and places.")
    if (hit < 0).any():
        tell(f"{path}: {int((hit < 0).sum())} of {len(hit)} rows are on no box and are left out.")
    try:
        return [(int(at), class_name(str(word))) for at, word in zip(hit, table.words(name), strict=True) if at >= 0]
    except GazeError as error:
        raise TableError(f"{path}: {error}") from error


def _under(frames: Frames, boxes: Boxes, time_s: np.ndarray, xy: np.ndarray) -> np.ndarray:
    known = np.isfinite(time_s)
    frame = np.where(known, frame_at(frames, np.where(known, time_s, 0)), -1)
    found = np.full(len(frame), -1, np.int64)
    for row, at in enumerate(frame.tolist()):
        own = boxes.of_frame(at) if at >= 0 else slice(0, 0)
        on = int(assign(xy[row : row + 1], Objects(boxes.box[own]))[0])
        found[row] = own.start + on if on >= 0 else -1
    return found
