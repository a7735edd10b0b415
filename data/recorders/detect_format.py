"""Which files of those given are recordings, and of which eye tracker.

The recorders of this folder are asked in the order of `Evidence`, the most telling first: a format whose files' names
follow a standard, then one whose lines no other program writes, then those known by the names of their columns, and
last any table at all. A file is told by its first kilobytes, and read as a whole only where another has the same size
and beginning.
"""

import enum
import filecmp
import functools
import hashlib
import inspect
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from data import _modules
from data.errors import RecordingError
from data.recorders.stages import text_table
from data.recorders.stages.text_table import Warn

HEAD = 20_000  # characters of a file that a recorder sees of it
GIVEN_BY_CALLER = ("subject", "stimulus", "stimulus_column", "tell")  # keywords of every reader


class Evidence(enum.IntEnum):
    """What tells that a file is of a format; formats with a lower number are tried before the others."""

    FILE_NAME = 0
    LINES = 1
    COLUMNS = 2
    ANY_TABLE = 3


@dataclass(frozen=True)
class Recorder:
    """A format of recordings, as the module that reads it declares it in `RECORDER`."""

    name: str  # as `gaze data recording --format` takes it
    evidence: Evidence
    suffixes: tuple[str, ...]  # that its files may have in a folder, in lower case
    beside: tuple[str, ...] = ()  # endings of tables beside its files that hold no samples
    subject_in_name: bool = False  # whether the reader finds the person in the name of the file
    binary: bool = False  # whether its files are no text: they are known by their names alone
    common: bool = False  # whether others' files have its suffixes too: in a folder only those that it knows are taken


@functools.cache
def modules() -> dict[str, ModuleType]:
    """The module of each format, by the format's name, in the order in which formats are tried.

    Raises:
        ValueError: Two files declare a format of the same name.
    """
    declaring = _modules.declaring("data.recorders", "RECORDER").values()
    ordered = sorted(declaring, key=lambda module: (module.RECORDER.evidence, module.RECORDER.name))
    by_name = {module.RECORDER.name: module for module in ordered}
    if len(by_name) < len(ordered):
        raise ValueError("two files of data/recorders declare a format of the same name")
    return by_name


def recorder(name: str) -> Recorder:
    """What the format of this name declares of itself."""
    declared: Recorder = modules()[name].RECORDER
    return declared


def reader_options(name: str) -> tuple[str, ...]:
    """The options of a format's reader beside those that every reader has.

    >>> reader_options("pupil")
    ('confidence',)
    """
    parameters = inspect.signature(modules()[name].read).parameters.values()
    keywords = [parameter.name for parameter in parameters if parameter.kind == parameter.KEYWORD_ONLY]
    return tuple(keyword for keyword in keywords if keyword not in GIVEN_BY_CALLER)


def detect(path: Path) -> str:
    """The name of the first format whose recorder takes a file for its own.

    Raises:
        RecordingError: The file is missing, empty or damaged, is no text, or no recorder knows it.
    """
    binary = [name for name, module in modules().items() if module.RECORDER.binary and module.sniff(path, "")]
    if binary:
        return binary[0]
    start = text_table.start(path)[:HEAD]
    for name, module in modules().items():
        if module.sniff(path, start):
            return name
    raise text_table.UnlikeError(f"{path}: of no known format; give the samples of gaze, or name one with --format.")


def files(given: Sequence[Path], tell: Warn) -> list[Path]:
    """The recordings among some files and in some folders, each content once; `tell` is told what is left out.

    Raises:
        RecordingError: There is none.
    """
    candidates = [file for path in given for file in (_candidates(path) if path.is_dir() else [path])]
    candidates = _without_left_out(candidates, given, tell)
    if not candidates:
        raise RecordingError(f"{given[0]}: no recording in this folder; give files such as .asc, .tsv or .csv.")
    sizes = {path: _size(path) for path in candidates}
    shared = Counter(sizes.values())
    kept: list[Path] = []
    alike: dict[tuple[int, bytes], list[Path]] = {}  # of one size and beginning
    for path in candidates:
        others = alike.setdefault((sizes[path], _beginning(path)), []) if shared[sizes[path]] > 1 else []
        same = next((other for other in others if _same(other, path)), None)
        if same:
            tell(f"{path}: the same as {same}; it is read once.")
            continue
        others.append(path)
        kept.append(path)
    return kept


def _candidates(folder: Path) -> list[Path]:
    """What in a folder may be a recording, from the names of the files."""
    recorders = [recorder(name) for name in modules()]
    suffixes = tuple(suffix for each in recorders for suffix in each.suffixes if not each.common)
    beside = tuple(ending for each in recorders for ending in each.beside)
    named = [path for path in folder.rglob("*") if path.name.lower().endswith(suffixes) or _among_common(path)]
    hidden = [path for path in named if path.name.startswith(".") or path.name.endswith(beside)]
    return sorted(path for path in set(named).difference(hidden) if path.is_file())


def _among_common(path: Path) -> bool:
    """Whether a file has a suffix that is common, and a recorder takes it for its own."""
    own = [it for it in modules().values() if it.RECORDER.common and path.name.lower().endswith(it.RECORDER.suffixes)]
    try:
        return bool(own) and any(module.sniff(path, text_table.start(path)[:HEAD]) for module in own)
    except RecordingError:
        return False


def _without_left_out(paths: list[Path], given: Sequence[Path], tell: Warn) -> list[Path]:
    """The files without those that a recorder says are not to be read; `tell` is told of them folder by folder."""
    reasons: dict[Path, str] = {}
    for module in modules().values():
        if hasattr(module, "left_out"):
            reasons |= module.left_out(paths, given)
    for folder, reason in sorted({(path.parent, reason) for path, reason in reasons.items()}):
        names = sorted(path.name for path in reasons if (path.parent, reasons[path]) == (folder, reason))
        tell(f"{folder}: {reason}; left out are {', '.join(names)}.")
    return [path for path in paths if path not in reasons]


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
            return hashlib.sha256(file.read(text_table.START)).digest()
    except OSError:
        return hashlib.sha256(os.fsencode(path)).digest()


def _same(one: Path, other: Path) -> bool:
    """Whether two files have the same content: they are read until they differ."""
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False
