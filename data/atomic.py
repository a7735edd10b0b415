"""Files appear whole: written beside their place under a temporary name, then renamed; some by their content's sum."""

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

SUM = 16  # hexadecimal digits of the SHA-256 in the name of a file that bears its content's sum


@contextlib.contextmanager
def atomic_write(path: Path, summed: bool = False) -> Iterator[IO[bytes]]:
    """A file to write to that becomes `path` when all is written, and vanishes when something stops it.

    With `summed` the name bears the content's sum, so that damage is found by whoever asks `find_summed` for `path`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
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
