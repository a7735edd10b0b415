"""The lines of an EyeLink ASC file: samples, blinks, messages, the screen.

    START 2095870 LEFT RIGHT SAMPLES EVENTS             which eyes; so does the line SAMPLES, which comes later
    SAMPLES GAZE LEFT RIGHT HTARGET RATE 1000.00 ...    GAZE: pixels; HREF and PUPIL are other places, and refused
    2095903  510.3  381.2  1205.0 ...                   one eye: time (ms), x, y, pupil; the rest is not read
    2095903  510.3  381.2  1205.0  511.0  380.9  1190.0 two eyes: the left one first; . is lost
    EBLINK R 2096400 2096510 112                        a blink of the right eye, from and to (ms)
    MSG 2095902 -4 SYNCTIME                             4 ms after the message was sent

Columns of velocity, resolution, input and head target follow those of the eyes, so that they need not be known. At 2000
samples a second edf2asc without -ftime writes each millisecond twice; the second is half a millisecond later.
SR Research, EyeLink 1000 Plus User Manual, "ASC file format".
"""

import itertools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from data.errors import RecordingError
from data.recorders.stages import units
from data.recorders.stages.segments import near, reach, segments
from data.recorders.stages.text_table import Warn

# Numbers are taken as a whole (++, *+): else a line of digits alone takes time that grows as its square.
_COLUMN = (
    r"[ \t]++(?:(-?\d++\.?\d*+(?:[eE][+-]?\d++)?|-?\.\d++)|(?i:\.|-|[-+]?nan(?:\(ind\))?|[-+]?inf|-?1\.#\w+|n/?a))"
)
_TIME = re.compile(r"^(\d++\.?\d*+)[ \t]", re.MULTILINE)
_ONE = rf"^(?:(\d++\.?\d*+){_COLUMN}{_COLUMN}(?=\s)|\d)"  # a line that is cut off or damaged has no time
_TWO = rf"^(?:(\d++\.?\d*+){_COLUMN}{_COLUMN}[ \t]++\S++{_COLUMN}{_COLUMN}(?=\s)|\d)"
ROWS = {"L": re.compile(_ONE, re.MULTILINE), "R": re.compile(_ONE, re.MULTILINE), "LR": re.compile(_TWO, re.MULTILINE)}
HEADER = re.compile(r"^(?:START|SAMPLES)\s.*$", re.MULTILINE)
BLINK = re.compile(r"^EBLINK\s++([LR])\s++(\d++\.?\d*+)\s++(\d++\.?\d*+)", re.MULTILINE)
LINE = re.compile(r"^(?P<kind>MSG|START|END)\s++(?P<time>\d++\.?\d*+)(?:[ \t]++(?P<words>.*))?$", re.MULTILINE)

_START = re.compile(r"^START\s++(\d++\.?\d*+)", re.MULTILINE)

Tables = list[tuple[str, np.ndarray, float]]
Eyes = dict[str, tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n e 2"]]]  # time and places by L, R or LR


class Line(NamedTuple):
    """A message, or the start or end of a stretch of recording."""

    kind: str  # MSG, START or END
    time: float  # milliseconds
    words: str


def lines(content: str) -> Iterator[Line]:
    """Messages, starts and ends in the order of the file."""
    for match in LINE.finditer(content):
        keyword, time, words = match["kind"], float(match["time"]), match["words"] or ""
        delay = re.match(r"(-?\d+)\s+", words) if keyword == "MSG" else None
        yield Line(keyword, time - float(delay[1]), words[delay.end() :]) if delay else Line(keyword, time, words)


def _pieces(content: str) -> list[str]:
    """A file's text, cut where its clock begins anew: what lies between two sessions belongs to the second."""
    offsets = [match.start() for match in _TIME.finditer(content)]
    times = np.array(_TIME.findall(content), float)
    begins = [(it.start(), float(it[1])) for it in _START.finditer(content)]
    rows = np.searchsorted(offsets, [offset for offset, _ in begins])  # the first of each stretch
    for (_, begin), first, last in zip(begins, rows, [*rows[1:], len(times)], strict=False):
        times[first:last][_far(times[first:last], begin)] = math.nan
    anew = {
        int(row)
        for row, (_, begin) in zip(rows, begins, strict=True)
        if row and begin <= np.nanmax(times[:row], initial=-math.inf)
    }
    anew |= {int(part.min()) for part in segments(times, hole=0)[1:]}
    starts = sorted(row for row in anew if row < len(times))
    cuts = [0, *(_session(content, offsets[row - 1], offsets[row], times[:row]) for row in starts), len(content)]
    return [content[start:stop] for start, stop in itertools.pairwise(sorted(cuts))]


def _session(content: str, last: int, first: int, times: Float[np.ndarray, " n"]) -> int:
    """Where a session begins, of which `first` is the first sample; `last` is the one before, at the end of `times`."""
    time = float(times[np.isfinite(times)][-1])
    header = re.compile(r"^\*\*|^(?:MSG|START)\s+(\d+\.?\d*)", re.MULTILINE)
    found = (it.start() for it in header.finditer(content, last, first) if not it[1] or float(it[1]) < time)
    return next(found, first)


def screen(content: str) -> tuple[Float[np.ndarray, " 2"], units.Setup]:
    """The coordinates of the first pixel, and the size as far as the file gives it."""
    pattern = r"^MSG\s+\S+\s+(?:DISPLAY|GAZE)_COORDS\s*=?\s*" + r"[ \t,]+".join([r"(-?[\d.]+)"] * 4)
    match = re.search(pattern, content, re.MULTILINE)
    try:
        left, top, right, bottom = (float(number) for number in match.groups()) if match else (0.0, 0.0, 0.0, 0.0)
    except ValueError:
        left = top = right = bottom = 0.0
    if not (1 < right - left < 1e6 and 1 < bottom - top < 1e6):
        return np.zeros(2), units.Setup()
    width, height = round(right - left), round(bottom - top)
    # Some programs name the size, others the last pixel: screens have an even number of them.
    return np.array([left, top]), units.Setup(width=width + width % 2, height=height + height % 2)


def sessions(path: Path, content: str, margin: float, tell: Warn) -> list[tuple[str, Eyes]]:
    """The text and the samples of each session: the clock begins anew where files were joined."""
    tables = _tables(path, content)
    times = [table[:, 0][np.isfinite(table[:, 0])] for _, table, _ in tables]
    ends = np.fmax.accumulate([np.max(time, initial=-math.inf) for time in times])
    anew = any(begin <= end for (_, _, begin), end in zip(tables[1:], ends, strict=False))
    if not anew and len(segments(np.concatenate([np.zeros(0), *times]), hole=0)) < 2:
        return [(content, _samples(path, content, tables, margin, tell))]
    return [(piece, samples(path, piece, margin, tell)) for piece in _pieces(content)]


def samples(path: Path, content: str, margin: float, tell: Warn) -> Eyes:
    """Every sample, by the eyes that were recorded; lost in a blink and within `margin` milliseconds of it."""
    return _samples(path, content, _tables(path, content), margin, tell)


def _samples(path: Path, content: str, tables: Tables, margin: float, tell: Warn) -> Eyes:
    parts: dict[str, list[np.ndarray]] = {}
    for eyes, table, _ in tables:
        parts.setdefault(eyes, []).append(table)
    far = sum(int((table[:, 0] == -math.inf).sum()) for _, table, _ in tables)
    if far:
        tell(f"{path}: {far} times are far from the START of their stretch; they are left out.")
    damaged = sum(int((~np.isfinite(table[:, 0])).sum()) for _, table, _ in tables) - far
    if damaged > 1:  # the last line of a file that was cut off is nothing to speak of
        tell(f"{path}: {damaged} lines of samples are cut off or damaged; they are left out.")
    return {eyes: _open(np.concatenate(stretches), eyes, content, margin) for eyes, stretches in parts.items()}


def _tables(path: Path, content: str) -> Tables:
    """The eyes of each stretch, time and places of each line (a far time is -inf), and the time of its START."""
    found: Tables = []
    for eyes, fast, begin, start, stop in _stretches(path, content):
        cells = (float(cell or "nan") for row in ROWS[eyes].finditer(content, start, stop) for cell in row.groups())
        table = np.fromiter(cells, float).reshape(-1, 1 + 2 * len(eyes))
        if fast:
            table[1:, 0] += np.where(table[1:, 0] == table[:-1, 0], 0.5, 0)
        table[_far(table[:, 0], begin), 0] = -math.inf
        found += [(eyes, table, begin)] if len(table) else []
    return found


def _far(time: Float[np.ndarray, " n"], begin: float) -> np.ndarray:
    """Which times of a stretch are so far from its START, or else from most, that the tracker was mistaken."""
    known = np.isfinite(time)
    if not known.any():
        return np.zeros(len(time), bool)
    if math.isnan(begin):
        far = np.zeros(len(time), bool)
        far[known] = ~near(time[known])
        return far if far.sum() <= known.sum() / 3 else np.zeros(len(time), bool)
    return np.asarray(known & (np.abs(time - begin) > reach(time[known])))


def _stretches(path: Path, content: str) -> Iterator[tuple[str, bool, float, int, int]]:
    """The eyes, whether it is 2000 samples a second, its START, and where in the text it begins and ends."""
    headers = [(match.start(), match.end(), match[0].split()) for match in HEADER.finditer(content)]
    eyes, fast, begin = "", False, math.nan
    for (_, start, words), (stop, _, _) in zip(
        [(0, 0, [""]), *headers], [*headers, (len(content), 0, [])], strict=True
    ):
        if words[0] == "SAMPLES":
            if words[1:2] in (["HREF"], ["PUPIL"]):
                problem = f"its samples are {words[1]}, not places on the screen"
                raise RecordingError(f"{path}: {problem}; convert the EDF file with gaze samples (edf2asc -sg).")
            fast = bool(re.search(r" RATE 2000\b", " ".join(words)))
        header = _START.match(" ".join(words))
        begin = float(header[1]) if header else begin
        eyes = "".join(word[0] for word in ("LEFT", "RIGHT") if word in words) or eyes
        yield eyes or _guessed(content, start), fast, begin, start, stop


def _guessed(content: str, start: int) -> str:
    """The eyes of a file that does not name them: six numbers are two eyes."""
    first = re.compile(r"^\d.*$", re.MULTILINE).search(content, start)
    return "LR" if first and (match := ROWS["LR"].match(first[0] + "\n")) and match[1] else "R"


def _open(table: Float[np.ndarray, "n c"], eyes: str, content: str, margin: float) -> tuple[np.ndarray, np.ndarray]:
    table = table[np.isfinite(table[:, 0])]
    table = table[np.argsort(table[:, 0], kind="stable")]
    time, places = table[:, 0], table[:, 1:].reshape(-1, len(eyes), 2)
    places[~np.isfinite(places).all(2)] = math.nan
    for side, onset, offset in BLINK.findall(content):
        if side in eyes:
            first = np.searchsorted(time, float(onset) - margin)
            last = np.searchsorted(time, float(offset) + margin, "right")
            places[first:last, eyes.index(side)] = math.nan
    return time, places
