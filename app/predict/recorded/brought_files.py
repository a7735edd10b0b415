"""Files that a person brings, laid into a private folder: zips unpacked, nothing outside of it, nothing without end.

    FOLDER/recording/...   the files as they came
    FOLDER/NAME/...        what was in NAME.zip

What cannot be taken is told in a sentence, and the others are taken. What of a zip
cannot be had (`data.archives.reading`) is left out, and what unpacks to more than the limits ends its zip.
"""

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from data.archives import reading
from data.errors import GazeError, RecordingError, short_reason
from data.plain_text import visible

MB = 1 << 20
Brought = tuple[str, bytes]  # name and content
LOOSE = "recording"  # the folder of what came in no zip
LISTED = 4 * MB  # bytes of a zip's list of files
TOLD = 5  # files of a zip that are told of one by one
PART = 100  # letters of a part of a path: no system takes more than 255 bytes
DEEPEST = 20  # folders in folders
OFTEN = 1000  # times that a text may grow when unpacked: flat recordings of a lost eye do


@dataclass(frozen=True)
class Limits:
    """How much may come at once."""

    file: int = 60 * MB  # bytes of a file, unpacked; reading takes some eight times as much memory
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
            name = _plain(PurePosixPath(name.replace("\\", "/")).name or "file")
            try:
                if reading.is_archive(name):
                    self._unpack(name, content)
                else:
                    pieces = (content[at : at + reading.PIECE] for at in range(0, len(content), reading.PIECE))
                    self.loose.append(self._write(self.folder / LOOSE, name, pieces, name))
            except GazeError as error:
                self.problems.append(str(error))
            except OSError as error:
                self.problems.append(f"{name}: cannot be kept to be read ({short_reason(error)}); free some room.")

    def _unpack(self, name: str, content: bytes) -> None:
        folder = self.folder / _plain(name[:-4] or "zip")
        most = self.limits
        nested = tuple(ending for ending in reading.ARCHIVES if ending != ".gz")
        limits = reading.Limits(0, most.files, LISTED, most.file, most.together, OFTEN, nested)
        members = reading.files(content, name, limits)
        refused = [f"{member.name}: {member.refused}." for member in members if member.refused]
        self.problems += refused[:TOLD]
        if len(refused) > TOLD:
            self.problems.append(f"{name}: {len(refused) - TOLD} more files in it cannot be had, too.")
        for member in members:
            if not member.refused:
                self._write(folder, member.place, member.pieces(), member.name)

    def _write(self, folder: Path, name: str, pieces: Iterable[bytes], shown: str) -> Path:
        """Copies a file piece by piece, so that a header that lies about its size is of no use."""
        self._files += 1
        if self._files > self.limits.files:
            raise RecordingError(f"{shown}: more than {self.limits.files:,} files came at once; bring fewer.")
        parts = PurePosixPath(name).parts
        if len(parts) > DEEPEST:
            raise RecordingError(f"{shown}: it lies in more than {DEEPEST} folders; pack it in fewer.")
        path = folder.joinpath(*map(_plain, parts))
        if path.exists():
            raise RecordingError(f"{shown}: a file of this name came already; rename one.")
        path.parent.mkdir(parents=True, exist_ok=True)
        meter = _Meter()
        try:
            with path.open("wb") as target:
                for piece in pieces:
                    before = meter.bytes
                    meter.add(piece, self.limits.file)
                    if meter.bytes > self.limits.file:
                        most = self.limits.file // MB
                        raise RecordingError(f"{shown}: it has more than {most} MB, unpacked; bring a part of it.")
                    self._count(shown, meter.bytes - before)
                    target.write(piece)
        except GazeError:
            path.unlink()
            raise
        return path

    def _count(self, shown: str, more: int) -> None:
        self._bytes += more
        if self._bytes > self.limits.together:
            together = self.limits.together // MB
            raise RecordingError(f"{shown}: more than {together} MB came at once, unpacked; bring fewer files.")


class _Meter:
    """How many bytes a file has when it is unpacked: those of all parts of a gzip file, else its own."""

    def __init__(self) -> None:
        self.bytes = 0
        self._begun = False
        self._packed: zlib._Decompress | None = None

    def add(self, piece: bytes, most: int) -> None:
        """Count a piece; nothing of what it unpacks to is kept, and no more than a little above `most` is unpacked."""
        if not self._begun:
            self._begun = True
            self._packed = _gzip() if piece[:2] == b"\x1f\x8b" else None
        while piece and self._packed is not None and self.bytes <= most:
            try:
                self.bytes += len(self._packed.decompress(piece, MB))
            except zlib.error:  # damaged: whoever reads it gets no further
                self._packed = None
                break
            if self._packed.eof:
                piece, self._packed = self._packed.unused_data.lstrip(b"\0"), _gzip()
            else:
                piece = self._packed.unconsumed_tail
        if self._packed is None:
            self.bytes += len(piece)


def _gzip() -> "zlib._Decompress":
    return zlib.decompressobj(zlib.MAX_WBITS | 16)


def _plain(part: str) -> str:
    """A part of a path as every system takes it."""
    plain = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", visible(part)).strip()
    if len(plain) > PART:  # its ending says what it is
        plain = plain[: PART // 2] + "_" + plain[-PART // 2 :]
    return "_" if set(plain) <= {"."} else plain
