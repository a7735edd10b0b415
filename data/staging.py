"""A folder that grows beside its place, for one program at a time.

    .ROOT.ENDING        what there is so far; whoever fills it moves it, or a part of it, to ROOT
    .ROOT.ENDING.lock   held while a program works there, and removed by it
    .ROOT.ENDING.owner  the same on a file system that can lock nothing (some network drives)

The operating system holds the lock, so that a program that was killed holds nothing. Where it cannot, a file with the
number of the program and the name of its computer is the lock: another program on that computer sees that it has ended,
on another one a person has to remove the file after a crash; the error says so.
"""

import contextlib
import errno
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout, UnixFileLock

from data.errors import TableError

logger = logging.getLogger(__name__)

UNKNOWN = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)  # file systems without locks


def new_folder(root: Path | str) -> Path:
    """Where a new folder is to appear, in full; what holds something, or is a file, is refused.

    Raises:
        TableError: Something is there already, or it is the working directory.
    """
    root = Path(os.path.abspath(root))  # without ".." and "."
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise TableError(f"{root}: exists already; give a new folder.")
    if root == Path(os.path.abspath(".")):
        raise TableError(f"{root}: is the folder you are in; give a new folder.")  # replaced, it would seem empty
    return root


@contextlib.contextmanager
def staging_dir(root: Path, ending: str) -> Iterator[Path]:
    """The folder `.ROOT.ENDING`, for this program alone as long as it works there.

    Raises:
        TableError: Another program is writing there, or ROOT has appeared.
    """
    stage = root.parent / f".{root.name}.{ending}"
    root.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = acquire(stage)
    except Timeout as error:
        file = error.lock_file
        raise TableError(
            f"{stage}: another program is writing there; wait for it, or remove {file} if there is none."
        ) from error
    try:
        new_folder(root)  # another program may just have been ready
        stage.mkdir(exist_ok=True)
        yield stage
    finally:
        release(lock)


def release(lock: BaseFileLock) -> None:
    """Let a lock go, and remove its file."""
    if isinstance(lock, UnixFileLock):  # the other kinds remove their file themselves
        Path(lock.lock_file).unlink(missing_ok=True)  # before it is let go: whoever opened it sees that it is gone
    lock.release()


def acquire(stage: Path) -> BaseFileLock:
    """The lock of a folder, held: the file `FOLDER.lock` beside it, or `FOLDER.owner`.

    Raises:
        Timeout: Another program holds it.
        OSError: Nothing can be written there.
    """
    file = stage.with_name(f"{stage.name}.lock")
    lock = FileLock(file, timeout=0, thread_local=False, fallback_to_soft=False)
    try:
        lock.acquire()
        return lock
    except OSError as error:
        if error.errno not in UNKNOWN:
            raise
        logger.debug("%s: cannot be locked, so a file with our number is the lock", file, exc_info=True)
    file.unlink(missing_ok=True)  # of no use where it cannot be locked
    owner = SoftFileLock(stage.with_name(f"{stage.name}.owner"), timeout=0, thread_local=False)
    owner.acquire()
    return owner
