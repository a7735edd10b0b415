"""What the bytes of a folder's files should be: `SHA256SUMS`, as `sha256sum` writes it and `sha256sum -c` checks it.

A file that is not listed, or has no such list beside it, is taken as it is.
"""

import functools
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from data.atomic import atomic_write
from data.errors import ModelError

FILE = "SHA256SUMS"
LINE = r"([0-9a-f]{64}) [ *](.+)"


def of_file(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file that the list of a folder names; {} where there is no list.

    Raises:
        ModelError: The list cannot be read, or a line of it is no sum and name.
    """
    path = folder / FILE
    try:
        text = path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: the list of checksums cannot be read; get it again, or remove it.") from error
    listed: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        found = re.fullmatch(LINE, line)
        if not found:
            raise ModelError(f"{path}, line {number}: no SHA-256 and a file's name; get the list again, or remove it.")
        listed[found[2]] = found[1]
    return listed


def verify(path: Path) -> None:
    """Refuses a file whose bytes are not those that the list beside it says; a file is read once a process.

    Raises:
        ModelError: The file is damaged or another one, or the list is damaged.
    """
    path = path.resolve()
    listed = read(path.parent).get(path.name)
    if listed is None:
        return
    try:
        state = path.stat()
        found = _of_state(path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); check the file and its rights.") from error
    if found != listed:
        raise ModelError(
            f"{path}: the file is damaged, or another than the one whose SHA-256 {FILE} beside it says; "
            "get it again, or export it again."
        )


@functools.lru_cache(maxsize=64)
def _of_state(path: Path, changed: int, size: int) -> str:
    """The SHA-256 of a file as it was then."""
    return of_file(path)


def write(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Writes the list of a folder anew, for these files, in the order of their names; gives what it says."""
    sums = {name: of_file(folder / name) for name in sorted(names)}
    with atomic_write(folder / FILE) as file:
        file.write("".join(f"{digest}  {name}\n" for name, digest in sums.items()).encode())
    return sums
