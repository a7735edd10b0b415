"""Gaze on the clock of the glasses that recorded it, and when on that clock their scene video began.

Readers whose files know such a clock have a function `on_clock` beside `read`; it does not cut into trials.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data.gaze import Screen

START = 4096  # bytes of a file of timestamps that its first row lies in
NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class Clocked:
    """Samples in the order of the file; times may stand still or go back."""

    time: Float[np.ndarray, " n"]  # milliseconds
    xy: Float[np.ndarray, "n 2"]  # pixels of the scene camera; NaN: lost
    screen: Screen
    subject: str = ""
    zero: float | None = None  # milliseconds: the video's first frame; None: not known
    duration: Float[np.ndarray, " n"] | None = None  # milliseconds: the rows are fixations; None: samples


def first_stamp(path: Path, column: str = "") -> float | None:
    """The first number below the header of a CSV of timestamps, in the named column, else in the first; None: no such.

    The header may be a comment, as Pupil Core writes it.
    """
    try:
        with path.open("rb") as file:
            lines = file.read(START).decode("utf-8-sig", errors="replace").splitlines()
    except OSError:
        return None
    if len(lines) < 2:
        return None
    names = [name.strip() for name in lines[0].lstrip("# ").split(",")]
    if column and column not in names:
        return None
    cells = lines[1].split(",")
    place = names.index(column) if column else 0
    found = cells[place].strip() if place < len(cells) else ""
    return float(found) if NUMBER.fullmatch(found) else None


def zero_of_frames(time: Float[np.ndarray, " n"], frame: Float[np.ndarray, " n"]) -> float | None:
    """When frame 0 was shown, from samples that say during which frame they were; None where they say too little."""
    known = np.isfinite(time) & np.isfinite(frame)
    if known.sum() < 2 or np.ptp(frame[known]) < 1:
        return float(time[known][0]) if known.any() and frame[known][0] == 0 else None
    frames, rows = np.unique(frame[known], return_index=True)
    moments = time[known][rows]
    step = (moments[-1] - moments[0]) / (frames[-1] - frames[0])
    return float(np.median(moments - frames * step))
