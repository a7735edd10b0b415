"""Which pictures files, folders and patterns name, and what the files that each becomes are called."""

import glob
import hashlib
import itertools
import logging
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from data.errors import GazeError
from data.picture_file import FRAMES, SUFFIXES, unread

logger = logging.getLogger(__name__)

EXAMPLES = {"pictures": "photos/*.jpg", "videos": "clips/*.mp4"}
MOST = 230  # bytes of a name, of the 255 that systems allow

DRAWN = tuple(f".{what}.{kind}" for what in ("heat", "slices") for kind in ("png", "jpg", "webp"))
OURS = (  # ends of the names of pictures and videos that gaze has written
    *DRAWN,
    *(".path.png", ".attention.png", ".following.png", ".overlay.mp4"),
)


def find_pictures(
    sources: Sequence[str],
    folder: Path,
    suffixes: Collection[str] = SUFFIXES,
    videos: str = FRAMES,
    what: str = "pictures",
) -> list[Path]:
    """The pictures that files, folders and patterns name, each once; files of earlier runs in `folder` are left out.

    Of a folder, everything below it that has one of the `suffixes` is taken, and pictures and videos that are not read
    are counted in a warning, with what is to be done about `videos`; what is named itself is taken as it is. `what` is
    what is looked for, in words.

    Raises:
        GazeError: There is none.
    """
    found: dict[Path, None] = {}
    left: list[str] = []  # what is said of those that are not read
    for source in sources:
        path = Path(source)
        if not source:
            raise GazeError("A name of a picture is empty; give pictures, folders or a pattern such as 'photos/*.jpg'.")
        if os.path.isdir(path):  # which raises nothing, as Path.is_dir does where nobody may look
            inside = _inside(path)
            found |= dict.fromkeys(p for p in inside if p.suffix.lower() in suffixes and not _is_ours(p, folder))
            left += [f"{path}: {words}" for words in unread(inside, suffixes, videos)]
        elif os.path.lexists(path) or not glob.has_magic(source):
            found[path] = None
        else:
            matches = (Path(match) for match in sorted(glob.glob(source, recursive=True)))
            found |= dict.fromkeys(p for p in matches if os.path.isfile(p) and not _is_ours(p, folder))
    unique = list({full(path): path for path in reversed(found)}.values())[::-1]
    for words in left:
        logger.warning("%s.", words)
    if not any(_is_there(path) for path in unique):
        places = ", ".join(sources[:3]) + (" and more" if len(sources) > 3 else "")
        raise GazeError(f"No {what} found in {places}; give {what}, folders or a pattern such as {EXAMPLES[what]!r}.")
    return unique


def make_folder(folder: Path) -> None:
    """Make the folder that is written to.

    Raises:
        GazeError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GazeError(f"{folder} cannot be made ({error.strerror}); give another folder.") from error


def full(path: Path) -> Path:
    """The path in full, without links as far as they lead somewhere."""
    return Path(os.path.realpath(path))


def _is_there(path: Path) -> bool:
    """Whether there is anything of this name, be it a link that leads nowhere or a file that nobody may look at."""
    return os.path.lexists(path)


def _inside(folder: Path) -> list[Path]:
    """The files below a folder, in order, but what is hidden; folders that cannot be read are named in a warning."""

    def unreadable(error: OSError) -> None:
        logger.warning("%s: cannot be read (%s), and is left out.", error.filename, error.strerror)

    files: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted(files)


def output_names(paths: Sequence[Path], kept: Mapping[Path, str] | None = None) -> dict[Path, str]:
    """A name for each picture's files that no other picture has, also where capitals do not count.

    `kept` are names that pictures, by their resolved paths, already have: they stay, and no other picture gets them.
    The names do not depend on the order of the paths.

    >>> list(output_names([Path("a/x.jpg"), Path("b/x.png"), Path("b/y.png")]).values())
    ['x.jpg', 'x.png', 'y']
    >>> list(output_names([Path("a/x.jpg"), Path("b/x.jpg")]).values())
    ['a-x.jpg', 'b-x.jpg']
    """
    places = {path: full(path) for path in paths}
    kept = _apart(kept or {})
    names = {path: kept[place] for path, place in places.items() if place in kept}
    taken = {alike(name) for name in kept.values()}
    left = {path: place for path, place in places.items() if path not in names}
    names |= _grown(left, taken, alike)
    names |= _marked({path: place for path, place in left.items() if path not in names}, taken)
    return {path: names[path] for path in paths}


def _candidate(path: Path, place: Path, depth: int) -> str:
    return _short("-".join(place.parts[1:][-depth:]) if depth else path.stem)


def _short(name: str) -> str:
    """A name to which the endings of files can be added: one of too many bytes is cut, and ends in a hash of it."""
    content = os.fsencode(name)
    if len(content) <= MOST:
        return name
    mark = hashlib.sha256(content).hexdigest()[:8]
    return f"{content[: MOST - 10].decode(errors='ignore')}~{mark}"


def _is_ours(path: Path, folder: Path) -> bool:
    return path.name.endswith(OURS) and full(path).is_relative_to(full(folder))


def alike(name: str) -> str:
    """What is the same of two names that a file system may hold to be one: capitals and composed letters do not count.

    >>> alike("STRASSE") == alike("Straße"), alike("caf\u00e9") == alike("cafe\u0301")
    (True, True)
    """
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def _apart(kept: Mapping[Path, str]) -> dict[Path, str]:
    """The names that are kept, each by the first of the pictures that have it."""
    first = {alike(kept[place]): place for place in sorted(kept, reverse=True)}
    return {place: kept[place] for place in first.values()}


def _grown(full: Mapping[Path, Path], taken: set[str], key: Callable[[str], str]) -> dict[Path, str]:
    """The shortest name of each path that has one of its own by its key, which is then taken; others get none."""
    names: dict[Path, str] = {}
    left = dict(full)
    for depth in range(1 + max((len(place.parts) for place in full.values()), default=0)):
        candidates = {path: _candidate(path, place, depth) for path, place in left.items()}
        keys = {path: key(candidate) for path, candidate in candidates.items()}
        counts = Counter(keys.values())
        own = {path for path in left if counts[keys[path]] == 1 and keys[path] not in taken}
        names |= {path: candidates[path] for path in own}
        taken |= {keys[path] for path in own}
        left = {path: place for path, place in left.items() if path not in own}
    return names


def _marked(full: Mapping[Path, Path], taken: set[str]) -> dict[Path, str]:
    """Names of paths that nothing else tells apart: they end in a hash of the path."""
    spelt, names = _grown(full, set(), str), dict[Path, str]()
    for path, place in sorted(full.items(), key=lambda item: (item[1], str(item[0]))):
        base = spelt.get(path) or _candidate(path, place, len(place.parts))
        mark = hashlib.sha256(os.fsencode(place)).hexdigest()[:8]
        choices = (f"{base}~{mark}{'~' * more}" for more in itertools.count())
        names[path] = next(choice for choice in choices if alike(choice) not in taken)
        taken.add(alike(names[path]))
    return names
