"""Files appear whole: written beside their place under a temporary name, then renamed; some by their content's sum.

    .gaze-HOST-PROCESS-THREAD-NUMBER.part       as short for every name; NAME itself may be as long as the system allows

A program that was killed leaves such a file. The next one that writes into the folder removes it, once it is an hour
old and its process, on this computer, has ended; what older releases left (.NAME.PROCESS-THREAD.part) after a day.
"""

import contextlib
import functools
import hashlib
import itertools
import os
import platform
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

SUM = 16  # hexadecimal digits of the SHA-256 in the name of a file that bears its content's sum
HOUR = 3600.0  # seconds
DAY = 24 * HOUR
_OURS = re.compile(r"\.gaze-(?P<host>[0-9a-f]{8})-(?P<process>\d+)-\d+-\d+\.part")
_OLDER = re.compile(r"\..+\.(?P<process>\d+)-\d+\.part", re.DOTALL)
_NUMBERS = itertools.count()


@contextlib.contextmanager
def atomic_write(path: Path, summed: bool = False) -> Iterator[IO[bytes]]:
    """A file to write to that becomes `path` when all is written, and vanishes when something stops it.

    With `summed` the name bears the content's sum, so that damage is found by whoever asks `find_summed` for `path`.
    """
    _sweep_once(path.parent.absolute(), os.getpid())
    temporary = path.with_name(f".gaze-{_host()}-{os.getpid()}-{threading.get_ident()}-{next(_NUMBERS)}.part")
    try:
        with temporary.open("wb") as file:
            yield file
        os.replace(temporary, path.with_name(f"{path.stem}-{_sum(temporary)}{path.suffix}") if summed else path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def find_summed(path: Path) -> Path | None:
    """The file that `atomic_write` made for `path` with its sum; None: there is none, or its bytes are others by now.

    Raises:
        OSError: The folder cannot be read.
    """
    before, behind, digits = f"{path.stem}-", path.suffix, set("0123456789abcdef")
    for file in path.parent.iterdir():
        named = file.name.removeprefix(before).removesuffix(behind)
        ours = len(named) == SUM and set(named) <= digits and file.name == f"{before}{named}{behind}"
        if ours and file.is_file() and _sum(file) == named:
            return file
    return None


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:SUM]


@functools.lru_cache(maxsize=256)
def _sweep_once(folder: Path, process: int) -> None:
    """Sweep a folder, the first time that this process writes there."""
    sweep(folder)


def sweep(folder: Path) -> None:
    """Remove the temporary files of processes that have ended; nothing where that cannot be told."""
    if os.name != "posix":  # elsewhere asking for a process may end it
        return
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") and entry.name.endswith(".part") and _is_left(entry):
                os.unlink(entry)


def _is_left(entry: os.DirEntry[str]) -> bool:
    """Whether a file is one of ours, old, and of a process of this computer that has ended."""
    found, least = _OURS.fullmatch(entry.name), HOUR
    if found is None:
        found, least = _OLDER.fullmatch(entry.name), DAY
    elif found["host"] != _host():
        return False
    if found is None or not entry.is_file(follow_symlinks=False):
        return False
    return time.time() - entry.stat(follow_symlinks=False).st_mtime > least and not _runs(int(found["process"]))


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # of another user, or no number of a process
        return True
    return True


@functools.cache
def _host() -> str:
    """What tells this computer, or container, from others whose processes have numbers of their own."""
    try:
        space = os.stat("/proc/self/ns/pid").st_ino
    except OSError:  # no Linux
        space = 0
    return hashlib.sha256(f"{platform.node()} {space}".encode(errors="replace")).hexdigest()[:8]
