"""Zip archives that are handed out: written in pieces as they are taken, with names that are safe on every system."""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from data.plain_text import visible

_UNSAFE = re.compile(r'[<>:"/\\|?*]')  # in names of files under Windows
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # names that are none there
LONGEST = 100  # letters of a name that is made


def safe_name(name: str, taken: set[str]) -> str:
    """The last part of a name as the start of names of files anywhere, without its ending; no other is like it.

    It is added to those that are `taken`, which are compared without capitals.

    >>> taken = set()
    >>> [safe_name(name, taken) for name in ("a/b.png", "B.jpg", "../..", "con.png", ".x")]
    ['b', 'B (2)', 'picture', '_con', '_x']
    """
    stem = _UNSAFE.sub("_", visible(PurePosixPath(name).name).removesuffix(PurePosixPath(name).suffix)).strip(". ")
    stem = "".join(letter if letter.isprintable() else "_" for letter in stem[:LONGEST]).strip(". ") or "picture"
    stem = (
        f"_{stem}" if _DEVICES.match(stem) or (PurePosixPath(name).name.startswith(".") and stem != "picture") else stem
    )
    number, free = 2, stem
    while free.lower() in taken:
        free, number = f"{stem} ({number})", number + 1
    taken.add(free.lower())
    return free


class _Outlet(io.RawIOBase):
    """Where an archive is written to, and taken from again piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any, /) -> int:
        """Keep a piece."""
        piece = bytes(data)
        self.pieces.append(piece)
        return len(piece)

    def taken(self) -> bytes:
        """What was written since the last time."""
        pieces, self.pieces = self.pieces, []
        return b"".join(pieces)


def streamed(files: Iterable[tuple[str, Path | bytes]]) -> Iterator[bytes]:
    """The pieces of a zip archive of these files, each read when its turn comes; nothing is packed tighter.

    Names are taken as they are: `safe_name` makes them safe.
    """
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_STORED) as archive:
        for name, source in files:
            packed = zipfile.ZIP_DEFLATED if name.endswith((".csv", ".json", ".html")) else zipfile.ZIP_STORED
            archive.writestr(
                zipfile.ZipInfo(name), source if isinstance(source, bytes) else source.read_bytes(), packed
            )
            yield outlet.taken()
    yield outlet.taken()
