"""A folder that grows beside its place, for one program at a time.

    .ROOT.ENDING        what there is so far; whoever fills it moves it, or a part of it, to ROOT
    .ROOT.ENDING.lock   held while a program works there, and removed by it

The operating system locks the file where it can, so that a program that was killed holds nothing. Elsewhere (Windows,
some network drives) the file itself is the lock, which a person has to remove after a crash; the error says so.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from data.errors import TableError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

UNKNOWN = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)  # file systems without locks


def new_folder(root: Path | str) -> Path:
    """Where a new folder is to appear, in full; what holds something, or is a file, is refused."""
    root = Path(os.path.abspath(root))  # without ".." and "."
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise TableError(f"{root}: exists already; give a new folder.")
    if root == Path(os.path.abspath(".")):
        raise TableError(f"{root}: is the folder you are in; give a new folder.")  # replaced, it would seem empty
    return root


@contextlib.contextmanager
def staging_dir(root: Path, ending: str) -> Iterator[Path]:
    """The folder `.ROOT.ENDING`, for this program alone as long as it works there."""
    stage = root.parent / f".{root.name}.{ending}"
    root.parent.mkdir(parents=True, exist_ok=True)
    lock = stage.with_name(f"{stage.name}.lock")
    file = _taken(lock)
    if file is None:
        raise TableError(f"{stage}: another program is writing there; wait for it, or remove {lock} if there is none.")
    try:
        new_folder(root)  # another program may just have been ready
        stage.mkdir(exist_ok=True)
        yield stage
    finally:
        if fcntl:
            lock.unlink(missing_ok=True)  # before it is let go, so that nobody takes what is about to vanish
        os.close(file)
        if not fcntl:
            lock.unlink(missing_ok=True)  # Windows removes no open file


def _taken(lock: Path) -> int | None:
    """The lock, held; None: another program holds it."""
    while True:
        try:
            file, made = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_RDWR), True
        except FileExistsError:
            if not fcntl:
                return None
            try:
                file, made = os.open(lock, os.O_RDWR), False
            except FileNotFoundError:
                continue  # whoever held it has just removed it
        held = False
        try:
            if not _locked(file, made):
                return None
            held = os.path.samestat(os.fstat(file), lock.stat())
            if held:
                return file
        except FileNotFoundError:
            continue
        finally:
            if not held:
                os.close(file)


def _locked(file: int, made: bool) -> bool:
    """Whether the open file is this program's; `made` by it is enough where nothing can be locked."""
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in UNKNOWN:
            return made
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True
