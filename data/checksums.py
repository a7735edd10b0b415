"""What the bytes of a folder's files should be, as two lists in it say.

    SHA256SUMS       as `sha256sum` writes it and `sha256sum -c` checks it
    manifest.json    in which `gaze export --all` says what it wrote

A file that neither lists, or that has neither beside it, is taken as it is.
"""

import functools
import hashlib
import json
import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from data.atomic import atomic_write
from data.errors import ModelError

logger = logging.getLogger(__name__)

FILE = "SHA256SUMS"
MANIFEST = "manifest.json"
LARGEST = 16 << 20  # bytes of a manifest that is read
DIGEST = r"[0-9a-f]{64}"
LINE = rf"({DIGEST}) [ *](.+)"


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


def read_manifest(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file that the manifest of a folder names; {} where there is none, or one of another program.

    Many programs write a `manifest.json`. One that lists no files of models is theirs, and is passed over; of one that
    is too large or no JSON nobody can tell, so a warning says that it is.

    Raises:
        ModelError: It lists models, but a checksum in it is none.
    """
    path = folder / MANIFEST
    try:
        state = path.stat()
        return _manifest(path, state.st_mtime_ns, state.st_size)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ModelError:  # which is a ValueError, too
        raise
    except (OSError, ValueError, RecursionError) as error:
        _warn(f"{path} is not a manifest that can be read, so models beside it are not held against it.")
        logger.debug("%s: %r", path, error)
        return {}


@functools.lru_cache(maxsize=16)
def _manifest(path: Path, changed: int, size: int) -> dict[str, str]:
    """What a manifest listed then; ValueError where it is too large or no JSON."""
    if size > LARGEST:
        raise ValueError("too large")
    listed: dict[str, str] = {}
    for entry in _files(json.loads(path.read_bytes())):
        if not re.fullmatch(DIGEST, str(entry["sha256"])):
            raise ModelError(
                f"{path}: the checksum of {str(entry['file'])[:200]!r} is no SHA-256; export again, or remove the file."
            )
        listed[str(entry["file"])] = str(entry["sha256"])
    return listed


def _files(manifest: Any) -> list[dict[str, Any]]:
    """The files with a checksum that a manifest of ours lists; [] of anything else."""
    models = manifest.get("models") if isinstance(manifest, dict) else None
    found = [
        entry
        for model in (models if isinstance(models, list) else [])
        if isinstance(model, dict) and isinstance(model.get("files"), list)
        for entry in model["files"]
    ]
    return [entry for entry in found if isinstance(entry, dict) and {"file", "sha256"} <= entry.keys()]


def verify(path: Path) -> None:
    """Refuses a file whose bytes are not those that a list beside it says; a file is read once a process.

    Raises:
        ModelError: The file is damaged or another one, or a list is damaged.
    """
    path = path.resolve()
    for name, listed in ((FILE, read(path.parent)), (MANIFEST, read_manifest(path.parent))):
        wanted = listed.get(path.name)
        if wanted is None:
            continue
        try:
            state = path.stat()
            found = _of_state(path, state.st_mtime_ns, state.st_size)
        except OSError as error:
            raise ModelError(f"{path} cannot be read ({error.strerror}); check the file and its rights.") from error
        if found != wanted:
            raise ModelError(
                f"{path}: the file is damaged, or another than the one whose SHA-256 {name} beside it says; "
                "get it again, or export it again."
            )


@functools.lru_cache(maxsize=64)
def _of_state(path: Path, changed: int, size: int) -> str:
    """The SHA-256 of a file as it was then."""
    return of_file(path)


@functools.cache
def _warn(sentence: str) -> None:
    """Says something once a process."""
    logger.warning("%s", sentence)


def write(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Writes the list of a folder anew, for these files, in the order of their names; gives what it says."""
    sums = {name: of_file(folder / name) for name in sorted(names)}
    with atomic_write(folder / FILE) as file:
        file.write("".join(f"{digest}  {name}\n" for name, digest in sums.items()).encode())
    return sums
