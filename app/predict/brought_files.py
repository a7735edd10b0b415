"""Files that a person brings, laid into a private folder: zips unpacked, nothing outside of it, nothing without end.

    FOLDER/recording/...   the files as they came
    FOLDER/NAME/...        what was in NAME.zip

What cannot be taken is told in a sentence, and the others are taken. Links, names that lead out, archives within
archives and what unpacks to more than the limits end in a sentence; the rest of their zip is not taken.
"""

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

from data.errors import RecordingError, short_reason
from data.plain_text import visible

MB = 1 << 20
Brought = tuple[str, bytes]  # name and content
LOOSE = "recording"  # the folder of what came in no zip
JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
UNSOUND = (zipfile.BadZipFile, zlib.error, struct.error, LookupError, EOFError, RuntimeError, ValueError)
ENCRYPTED = 0x1
CHUNK = 1 << 16


@dataclass(frozen=True)
class Limits:
    """How much may come at once."""

    file: int = 100 * MB  # bytes of a file, unpacked
    together: int = 200 * MB
    files: int = 2000


class FolderOfFiles:
    """What was laid into a folder; `problems` are sentences on what was not."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.folder, self.limits = folder, limits or Limits()
        self.problems: list[str] = []
        self.loose: list[Path] = []  # files that came in no zip
        self._bytes = self._files = 0

    def lay(self, brought: Sequence[Brought]) -> None:
        """Writes the files, and those in zips."""
        for name, content in brought:
            name = PurePosixPath(name.replace("\\", "/")).name or "file"
            try:
                if name.lower().endswith(".zip"):
                    self._unpack(name, content)
                else:
                    self.loose.append(self._write(self.folder / LOOSE, name, BytesIO(content), name))
            except RecordingError as error:
                self.problems.append(str(error))

    def _unpack(self, name: str, content: bytes) -> None:
        folder = self.folder / _plain(name[:-4] or "zip")
        try:
            with zipfile.ZipFile(BytesIO(content)) as archive:
                for entry in _members(archive, name, self.limits):
                    with archive.open(entry) as source:
                        self._write(folder, entry.filename, source, f"{name}/{entry.filename}")
        except UNSOUND as error:
            if isinstance(error, RecordingError):
                raise
            raise RecordingError(f"{name}: no zip, or damaged ({short_reason(error)}); pack it again.") from error

    def _write(self, folder: Path, name: str, source: IO[bytes], shown: str) -> Path:
        """Copies a file piece by piece, so that a header that lies about its size is of no use."""
        self._files += 1
        if self._files > self.limits.files:
            raise RecordingError(f"{shown}: more than {self.limits.files:,} files came at once; bring fewer.")
        path = folder.joinpath(*map(_plain, PurePosixPath(name).parts))
        if path.exists():
            raise RecordingError(f"{shown}: a file of this name came already; rename one.")
        path.parent.mkdir(parents=True, exist_ok=True)
        written, packed = 0, None
        with path.open("wb") as target:
            while piece := source.read(CHUNK):
                if not written and piece[:2] == b"\x1f\x8b":
                    packed = zlib.decompressobj(zlib.MAX_WBITS | 16)
                written += len(piece)
                self._count(shown, len(piece) if packed is None else _length(packed, piece, self.limits.file))
                target.write(piece)
                if written > self.limits.file:
                    break
        if written > self.limits.file:
            path.unlink()
            raise RecordingError(f"{shown}: it has more than {self.limits.file // MB} MB; bring a part of it.")
        return path

    def _count(self, shown: str, more: int) -> None:
        self._bytes += more
        if self._bytes > self.limits.together:
            together = self.limits.together // MB
            raise RecordingError(f"{shown}: more than {together} MB came at once, unpacked; bring fewer files.")


def _members(archive: zipfile.ZipFile, name: str, limits: Limits) -> Iterator[zipfile.ZipInfo]:
    """The files of an archive, none of which leads out of it."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > limits.files:
        raise RecordingError(f"{name}: it holds more than {limits.files:,} files; divide it.")
    for entry in entries:
        parts = PurePosixPath(entry.filename).parts
        if any(part in JUNK or part.startswith("._") for part in parts):
            continue
        problem = {
            "its name leads out of the archive": ".." in parts or entry.filename.startswith("/") or not parts,
            "it is a link": stat.S_ISLNK(entry.external_attr >> 16),
            "it is encrypted": bool(entry.flag_bits & ENCRYPTED),
            "it is an archive within the archive": entry.filename.lower().endswith(".zip"),
            f"it has more than {limits.file // MB} MB": entry.file_size > limits.file,
        }
        if reasons := [reason for reason, holds in problem.items() if holds]:
            raise RecordingError(f"{name}/{visible(entry.filename)}: {reasons[0]}; pack the recordings again.")
        yield entry


def _length(packed: "zlib._Decompress", piece: bytes, most: int) -> int:
    """How many bytes a piece of a gzip file unpacks to, no more than `most` and one; nothing of them is kept."""
    try:
        return len(packed.decompress(piece, most + 1))
    except zlib.error:
        return len(piece)  # damaged: whoever reads it says so


def _plain(part: str) -> str:
    """A part of a path as every system takes it."""
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", part).strip() or "_"
