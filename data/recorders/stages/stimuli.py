"""Which picture a recorded name of a stimulus stands for.

By as much of the path as fits, in any case, with or without its ending; or by a map, a table of two columns:

    recorded name,picture
    https://example.org/show?id=7,street.jpg
"""

import csv
import io
import logging
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from data.errors import RecordingError
from data.gaze import Picture
from data.picture import picture_size
from data.picture_file import SUFFIXES, unread
from data.recorders.stages import text_table

logger = logging.getLogger(__name__)


def read_map(path: Path) -> dict[str, str]:
    """The picture of each recorded name; the first line is a header unless it names a picture.

    Raises:
        RecordingError: The file is no table of two columns, or has two pictures for one name.
    """
    content = text_table.text(path)
    separator = max(text_table.SEPARATORS, key=content.split("\n", 1)[0].count)
    found: dict[str, str] = {}
    try:
        rows = [(number, row) for number, row in enumerate(csv.reader(io.StringIO(content), delimiter=separator), 1)]
    except csv.Error as error:
        raise RecordingError(f"{path}: no table ({error}); write lines such as name,picture.jpg.") from error
    for number, row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and len(cells) > 1 and not _is_picture(cells[1])):
            continue
        if len(cells) != 2 or not cells[1]:
            problem = f"{len(cells)} columns, not two" if len(cells) != 2 else f"no picture for {cells[0]!r}"
            raise RecordingError(f"{path}, line {number}: {problem}; write lines such as name,picture.jpg.")
        if found.setdefault(cells[0], cells[1]) != cells[1]:
            raise RecordingError(f"{path}, line {number}: {cells[0]!r} has two pictures; give it one.")
    return found


def _is_picture(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in SUFFIXES


class PicturesByName:
    """The pictures of a folder by their names; `stimuli` are other names that recordings give them (`read_map`).

    Raises:
        RecordingError: There is no folder, no picture in it, or not the picture of a name.
    """

    def __init__(self, folder: Path, stimuli: Mapping[str, str] = MappingProxyType({})) -> None:
        if not folder.is_dir():
            raise RecordingError(f"{folder}: there is no such folder; give the folder of the pictures that were shown.")
        self.folder, self._found = folder, dict[str, Picture | None]()
        self._files: dict[str, list[Path]] = {}
        inside = sorted(folder.rglob("*"))
        for words in unread(inside):
            logger.warning("%s: %s.", folder, words)
        for path in (path for path in inside if path.suffix.lower() in SUFFIXES):
            for name in {name for tail in _tails(path.relative_to(folder).as_posix()) for name in tail}:
                self._files.setdefault(name, []).append(path)
        if not self._files:
            raise RecordingError(f"{folder}: no picture in it; give the folder of the pictures that were shown.")
        self._mapped = {name.strip().casefold(): picture for name, picture in stimuli.items()}
        for name, picture in stimuli.items():
            if not self._paths(picture):
                raise RecordingError(
                    f"{folder}: no picture {picture!r} in it, which stands for {name!r}; mend the map."
                )

    def find(self, stimulus: str) -> Picture | None:
        """The picture of a stimulus; None if there is none."""
        if stimulus not in self._found:
            paths = self._paths(self._mapped.get(stimulus.strip().casefold(), stimulus))
            if len(paths) > 1:
                two = " and ".join(str(path.relative_to(self.folder)) for path in paths[:2])
                raise RecordingError(f"{self.folder}: {stimulus!r} may be {two}; give pictures names of their own.")
            self._found[stimulus] = self._picture(paths[0]) if paths else None
        return self._found[stimulus]

    def _paths(self, stimulus: str) -> list[Path]:
        names = [name for tail in _tails(stimulus) for name in tail]
        return next((self._files[name] for name in names if name in self._files), [])

    def _picture(self, path: Path) -> Picture:
        return Picture(path.relative_to(self.folder).as_posix(), *picture_size(path), path)


def _tails(name: str) -> list[tuple[str, str]]:
    r"""A path, cut from the left folder by folder, with and without its ending.

    >>> _tails("C:\\in\\A.jpg")
    [('c:/in/a.jpg', 'c:/in/a'), ('in/a.jpg', 'in/a'), ('a.jpg', 'a')]
    """
    parts = name.strip().casefold().replace("\\", "/").split("/")
    tails = ["/".join(parts[start:]) for start in range(len(parts)) if parts[-1]]
    return [(tail, tail.removesuffix(PurePosixPath(parts[-1]).suffix)) for tail in tails]
