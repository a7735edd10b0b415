"""Which files of those given are recordings, and of which eye tracker.

A file is told by its first kilobytes, and read as a whole only where another has the same size and beginning.
"""

import filecmp
import hashlib
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from data.errors import RecordingError
from data.recorders import _text_table
from data.recorders._recording_names import PUPIL
from data.recorders._text_table import Warn


def files(given: Sequence[Path], tell: Warn) -> list[Path]:
    """The files that are meant, each content once."""
    found = [it for path in given for it in (_inside(path, tell) if path.is_dir() else [path])]
    if not found:
        raise RecordingError(f"{given[0]}: no recording in this folder; give files such as .asc, .tsv or .csv.")
    sizes = {path: _size(path) for path in found}
    shared = Counter(sizes.values())
    kept: list[Path] = []
    alike: dict[tuple[int, bytes], list[Path]] = {}  # of one size and beginning
    for path in found:
        twin = path.with_name(path.name.replace("_recording-eye2_", "_recording-eye1_"))
        if twin != path and twin in found:
            tell(f"{path}: the other eye of {twin.name}; it is left out.")
            continue
        others = alike.setdefault((sizes[path], _beginning(path)), []) if shared[sizes[path]] > 1 else []
        same = next((other for other in others if _same(other, path)), None)
        if same:
            tell(f"{path}: the same as {same}; it is read once.")
            continue
        others.append(path)
        kept.append(path)
    return kept


def _inside(folder: Path, tell: Warn) -> list[Path]:
    """What in a folder may be a recording."""
    suffixes = (".asc", ".tsv", ".csv", ".txt", "physio.tsv.gz", "eyetrack.tsv.gz")
    beside = ("events.tsv", "events.csv", "annotations.csv", "participants.tsv", "channels.tsv", "scans.tsv")
    inside = (it for it in folder.rglob("*") if it.name.lower().endswith(suffixes) and not it.name.startswith("."))
    found = sorted(it for it in inside if it.is_file() and not it.name.endswith(beside))
    gaze = {it.parent for it in found if PUPIL.fullmatch(it.name)}  # Pupil Labs: its other tables are no samples
    gaze |= {it.parent for it in gaze if it.name == "surfaces"}
    dropped = {it for it in found if it.parent in gaze and not _looks(it, gaze)}
    for place in sorted({it.parent for it in dropped}):
        names = ", ".join(it.name for it in sorted(dropped) if it.parent == place)
        tell(f"{place}: an export of Pupil Labs; left out are {names}.")
    return [it for it in found if it not in dropped]


def _looks(path: Path, folders: set[Path]) -> bool:
    """Whether a table in a folder of Pupil Labs holds the gaze: on the surfaces where there are some."""
    return bool(PUPIL.fullmatch(path.name)) and path.parent / "surfaces" not in folders


def _size(path: Path) -> int:
    """Bytes of a file; -1 where it cannot be read."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _beginning(path: Path) -> bytes:
    """A hash of the first bytes of a file, or of its path where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.sha256(file.read(_text_table.START)).digest()
    except OSError:
        return hashlib.sha256(os.fsencode(path)).digest()


def _same(one: Path, other: Path) -> bool:
    """Whether two files have the same content: they are read until they differ."""
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def detect(path: Path) -> str:
    """The recorder for a file, from its name and its first lines."""
    name = path.name.lower()
    if re.search(r"_(physio|eyetrack)\.tsv(\.gz)?$", name):
        return "bids"
    start = _text_table.start(path)[:20_000]
    if name.endswith(".asc") or re.search(r"^(MSG|START|SAMPLES)\s", start, re.MULTILINE):
        return "eyelink"
    header = _text_table.plain(start.lstrip().split("\n")[0])
    if "gazepointx" in header and ("recordingtimestamp" in header or "eyetrackertimestamp" in header):
        return "tobii"
    marks = ("gazetimestamp", "timestampns")
    return "pupil" if any(mark in header for mark in marks) and "norm" in header + "norm" * ("px" in header) else "csv"
