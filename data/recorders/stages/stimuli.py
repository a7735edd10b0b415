"""Which picture a recorded name of a stimulus stands for.

By as much of the path as fits, in any case, with or without its ending; or by a map, a table of two columns:

    recorded name,picture
    https://example.org/show?id=7,street.jpg
"""

import csv
import io
import logging
import re
import unicodedata
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType

from data.errors import RecordingError
from data.gaze import Picture
from data.picture import picture_size
from data.picture_file import SUFFIXES, unread
from data.recorders.stages import text_table

logger = logging.getLogger(__name__)

HEADER = re.compile("pict|image|img|file|path|stim|name", re.IGNORECASE)  # how a column of pictures may be headed


def read_map(path: Path, tell: text_table.Warn = warnings.warn) -> dict[str, str]:
    """The picture of each recorded name; the first line may be a header.

    Raises:
        RecordingError: The file is no table of two columns, or has two pictures for one name.
    """
    if not path.is_file():
        raise RecordingError(f"{path}: there is no such file; give a table of recorded names and their pictures.")
    content = text_table.text(path, tell)
    found: dict[str, str] = {}
    folded: dict[str, str] = {}
    try:
        tables = [list(csv.reader(io.StringIO(content), delimiter=mark)) for mark in text_table.SEPARATORS]
    except csv.Error as error:
        raise RecordingError(f"{path}: no table ({error}); write lines such as name,picture.jpg.") from error
    for number, row in enumerate(max(tables, key=lambda rows: sum(len(row) == 2 for row in rows)), 1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and len(cells) > 1 and HEADER.search(cells[1]) and not _is_picture(cells[1])):
            continue
        if len(cells) != 2 or not cells[1]:
            problem = f"{len(cells)} columns, not two" if len(cells) != 2 else f"no picture for {cells[0]!r}"
            raise RecordingError(f"{path}, line {number}: {problem}; write lines such as name,picture.jpg.")
        if folded.setdefault(_folded(cells[0]), cells[1]) != cells[1]:
            raise RecordingError(f"{path}, line {number}: {cells[0]!r} has two pictures; give it one.")
        found[cells[0]] = cells[1]
    return found


def tidy(name: str) -> str:
    r"""A stimulus' name as a message has it: without quotation marks, a path with slashes; an address stays as it is.

    >>> tidy('"C:\\in\\A.jpg"'), tidy("https://x.org/show?id=7"), tidy(".")
    ('C:/in/A.jpg', 'https://x.org/show?id=7', '')
    """
    name = name.strip(" \t\"'")
    path = PureWindowsPath(name)
    return name if "://" in name else path.as_posix() if path.name else ""


def _folded(name: str) -> str:
    """A name without what differs between systems: case, kinds of slashes, and how accents are put together."""
    return unicodedata.normalize("NFC", name.strip().casefold().replace("\\", "/"))


def _is_picture(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in SUFFIXES


class PictureNames:
    """Names of pictures, with their folders, and which of them a recorded name stands for."""

    def __init__(self, names: Iterable[str]) -> None:
        self._known: dict[str, list[str]] = {}  # by each way to write them
        for name in names:
            for way in {way for tail in _tails(name) for way in tail}:
                self._known.setdefault(way, []).append(name)

    def meant(self, stimulus: str) -> list[str]:
        """The names that a recorded one may stand for: none, one, or where it is not clear several.

        >>> PictureNames(["in/A.jpg", "b.png"]).meant("C:/study/a.JPG")
        ['in/A.jpg']
        """
        ways = [way for tail in _tails(stimulus) for way in tail]
        return next((self._known[way] for way in ways if way in self._known), [])


class PicturesByName:
    """The pictures of a folder by their names; `stimuli` are other names that recordings give them (`read_map`).

    Raises:
        RecordingError: There is no folder, no picture in it, or not the picture of a name.
    """

    def __init__(self, folder: Path, stimuli: Mapping[str, str] = MappingProxyType({})) -> None:
        if not folder.is_dir():
            raise RecordingError(f"{folder}: there is no such folder; give the folder of the pictures that were shown.")
        self.folder, self._found = folder, dict[str, Picture | None]()
        inside = sorted(folder.rglob("*"))
        for words in unread(inside):
            logger.warning("%s: %s.", folder, words)
        named = [path.relative_to(folder).as_posix() for path in inside if path.suffix.lower() in SUFFIXES]
        self._names = PictureNames(named)
        if not named:
            raise RecordingError(f"{folder}: no picture in it; give the folder of the pictures that were shown.")
        self._mapped = {_folded(name): picture for name, picture in stimuli.items()}
        for name, picture in stimuli.items():
            if not self._names.meant(picture):
                raise RecordingError(
                    f"{folder}: no picture {picture!r} in it, which stands for {name!r}; mend the map."
                )

    def find(self, stimulus: str) -> Picture | None:
        """The picture of a stimulus; None if there is none."""
        if stimulus not in self._found:
            names = [_folded(stimulus), *(tail for tail, _ in _tails(stimulus))]
            meant = self._names.meant(next((self._mapped[name] for name in names if name in self._mapped), stimulus))
            if len(meant) > 1:
                two = " and ".join(meant[:2])
                raise RecordingError(f"{self.folder}: {stimulus!r} may be {two}; give pictures names of their own.")
            self._found[stimulus] = self._picture(meant[0]) if meant else None
        return self._found[stimulus]

    def _picture(self, name: str) -> Picture:
        path = self.folder / name
        return Picture(name, *picture_size(path), path)


def _tails(name: str) -> list[tuple[str, str]]:
    r"""A path, cut from the left folder by folder, with and without its ending.

    >>> _tails("C:\\in\\A.jpg")
    [('c:/in/a.jpg', 'c:/in/a'), ('in/a.jpg', 'in/a'), ('a.jpg', 'a')]
    """
    parts = _folded(name).split("/")
    tails = ["/".join(parts[start:]) for start in range(len(parts)) if parts[-1]]
    return [(tail, tail.removesuffix(PurePosixPath(parts[-1]).suffix)) for tail in tails]
