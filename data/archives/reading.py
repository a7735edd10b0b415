"""Zip archives that a person brings: what is inside, one member after another, and nothing on the disk.

    for member in pictures(content, "shop.zip")[0]:
        member.name, member.read()          or an `ArchiveError`, whose sentence says why this one cannot be had
    for member in files(content, "anna.zip", limits):
        member.place, member.pieces()       the same of any files, in pieces

A member is read into memory when it is asked for, at most `Limits.member` bytes of it, whatever its header says. Names
only name: no file is made of them. Links, encrypted members, archives within the archive, names that lead out of it and
members that are packed too tightly are told of and left out; folders and the files that systems leave behind are not.
"""

import io
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from data.errors import GazeError, short_reason
from data.picture_file import REMEDIES, SUFFIXES
from data.plain_text import visible

MB = 1 << 20
PIECE = 1 << 20  # bytes
LONGEST = 200  # letters of a member's name as it is shown
JUNK = ("__MACOSX", ".DS_Store", ".svn")  # names that macOS and Subversion leave in archives
LEFT_BEHIND = ("thumbs.db", "desktop.ini")  # by Windows
UNSOUND = (zipfile.BadZipFile, zlib.error, struct.error, LookupError, EOFError, RuntimeError, ValueError)
ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".jar")
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may ask for gigabytes to unpack a few bytes
ENCRYPTED = 0x1 | 0x40 | 0x2000  # bits of a member's flags
UTF8 = 0x800  # the bit that says so of its name


class ArchiveError(GazeError):
    """An archive that cannot be read, or that asks for more than it may."""


@dataclass(frozen=True)
class Limits:
    """How much an archive may ask for."""

    members: int = 1000  # pictures
    entries: int = 10_000  # whatever they are
    directory: int = 4 * MB  # bytes of its list of entries, which is read at once
    member: int = 50 * MB  # bytes of an unpacked member
    unpacked: int = 2000 * MB  # bytes of all of them
    ratio: int = 250  # times that a member may grow, where it grows beyond a megabyte
    nested: tuple[str, ...] = ARCHIVES  # endings of archives, which are not opened


@dataclass(frozen=True)
class Member:
    """A file of an archive; `name` is as a person may be shown it, its folders and the archive's name included."""

    name: str
    place: str  # its name within the archive: where it is not refused, it stays inside
    _archive: zipfile.ZipFile
    _entry: zipfile.ZipInfo
    _limits: Limits
    refused: str = ""  # why it cannot be had

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            ArchiveError: It is refused, damaged, or longer than it says.
        """
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """Its bytes one piece after another.

        Raises:
            ArchiveError: As of `read`; pieces may have come before.
        """
        if self.refused:
            raise ArchiveError(f"{self.name}: {self.refused}.")
        left = self._limits.member
        try:
            with self._archive.open(self._entry) as file:
                while piece := file.read(PIECE):
                    left -= len(piece)
                    if left < 0:
                        raise ArchiveError(f"{self.name}: {_long(self._limits)}.")
                    yield piece
        except UNSOUND as error:
            reason = short_reason(error)
            raise ArchiveError(f"{self.name}: is damaged in the archive ({reason}); pack it again.") from error


class _Measured(io.BytesIO):
    """The bytes of an archive; while it is opened no more than its list of entries may have is read at once."""

    def __init__(self, content: bytes, most: int) -> None:
        super().__init__(content)  # which copies nothing as long as nothing is written
        self.most: int | None = most
        self._length = len(content)

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file."""
        asked = self._length - self.tell() if size is None or size < 0 else size
        if self.most is not None and asked > self.most:
            raise ArchiveError("too many entries")
        return super().read(size)


def is_archive(name: str) -> bool:
    """Whether a file is taken for an archive of pictures.

    >>> is_archive("shop.ZIP"), is_archive("shop.png")
    (True, False)
    """
    return PurePosixPath(name).suffix.lower() == ".zip"


def pictures(content: bytes, name: str, limits: Limits = Limits()) -> tuple[list[Member], list[str]]:
    """The members that may be pictures, in their order, and a sentence for each kind of what was passed over.

    `name` is that of the archive, for messages.

    Raises:
        ArchiveError: It is no zip archive, is damaged, or lists more than the limits allow.
    """
    members: list[Member] = []
    others: Counter[str] = Counter()
    for member in files(content, name, limits):
        suffix = PurePosixPath(member.place).suffix.lower()
        if not member.refused and suffix and suffix not in SUFFIXES and suffix not in REMEDIES:
            others[suffix] += 1
        else:
            members.append(member)
    told = [_passed_over(name, others)] if others else []
    if len(members) > limits.members:
        count = len(members) - limits.members
        told.append(f"{name}: {count} more pictures than {limits.members} are left out; divide the archive.")
    if not members and not others:
        raise ArchiveError(f"{name}: the archive holds no picture; pack the pictures again.")
    return members[: limits.members], told


def files(content: bytes, name: str, limits: Limits = Limits()) -> list[Member]:
    """The members of an archive in their order, those among them that cannot be had; not what systems leave behind.

    Raises:
        ArchiveError: It is no zip archive, is damaged, or lists more entries than the limits allow.
    """
    archive = _opened(content, name, limits)
    if len(archive.infolist()) > limits.entries:
        raise ArchiveError(_crowded(name, limits))
    members, total = [], 0
    for entry in archive.infolist():
        place = _name(entry)
        if entry.filename.endswith("/") or (stays_inside(place) and _is_left_behind(place)):
            continue
        refused = _refused(entry, place, PurePosixPath(place).suffix.lower(), limits)
        if not refused:
            total += entry.file_size
            if total > limits.unpacked:
                refused = f"the archive holds more than {limits.unpacked // MB} MB when unpacked; divide it"
        members.append(Member(f"{name}/{_short(visible(place))}", place, archive, entry, limits, refused))
    return members


def _short(name: str) -> str:
    """A name, of which the middle is left out where it is longer than anybody reads."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST // 2]}…{name[-LONGEST // 2 :]}"


def _opened(content: bytes, name: str, limits: Limits) -> zipfile.ZipFile:
    file = _Measured(content, limits.directory)
    try:
        archive = zipfile.ZipFile(file)
    except ArchiveError as error:
        raise ArchiveError(_crowded(name, limits)) from error
    except UNSOUND as error:
        if not content.startswith(b"PK"):
            raise ArchiveError(f"{name}: this is not a zip archive; pack the files as .zip.") from error
        reason = short_reason(error)
        raise ArchiveError(f"{name}: the archive is damaged or cut off ({reason}); pack it again.") from error
    file.most = None
    return archive


def _refused(entry: zipfile.ZipInfo, name: str, suffix: str, limits: Limits) -> str:
    """Why a member is not read; "" where nothing is known against it."""
    if not stays_inside(name) or not stays_inside(entry.filename):
        return "its name leads out of the archive, so it is left out"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "it is a link and no file, so it is left out"
    if entry.flag_bits & ENCRYPTED:
        return "it is encrypted; pack it without a password"
    if suffix in limits.nested:
        return "an archive within an archive is not opened; bring it by itself"
    if entry.file_size > limits.member:
        return _long(limits)
    if entry.file_size > MB and entry.file_size > limits.ratio * entry.compress_size:
        return f"it would grow more than {limits.ratio} times when unpacked, so it is left out"
    if entry.compress_type not in METHODS:
        return "it is packed in a way that is not read here; pack it as an ordinary zip (deflate)"
    return ""


def stays_inside(name: str) -> bool:
    r"""Whether the name of a member leads nowhere but into the folder of the archive.

    >>> stays_inside("a/b.png"), stays_inside("a/../../b"), stays_inside("/a"), stays_inside("c:\\a"), stays_inside("")
    (True, False, False, False, False)
    """
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and "\\" not in name and ":" not in parts[0]


def _name(entry: zipfile.ZipInfo) -> str:
    """A member's name: Windows and macOS write UTF-8 without saying so."""
    if entry.flag_bits & UTF8:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename


def _is_left_behind(name: str) -> bool:
    parts = PurePosixPath(name).parts
    hidden = any(part in JUNK or (part.startswith(".") and part not in (".", "..")) for part in parts)
    return hidden or (bool(parts) and parts[-1].lower() in LEFT_BEHIND)


def _long(limits: Limits) -> str:
    return f"it has more than {limits.member // MB} MB when unpacked; make it smaller"


def _crowded(name: str, limits: Limits) -> str:
    return f"{name}: the archive lists more than {limits.entries:,} files; divide it."


def _passed_over(name: str, others: Counter[str]) -> str:
    count = sum(others.values())
    kinds = ", ".join(visible(kind) for kind, _ in others.most_common(3))
    is_one = count == 1
    return f"{name}: {count} file{'' if is_one else 's'} ({kinds}) {'is no picture' if is_one else 'are no pictures'}."
