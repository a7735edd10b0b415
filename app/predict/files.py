"""Which pictures files, folders and patterns name, and what the files that each becomes are called."""

import glob
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from data.errors import GazeError
from data.picture import SUFFIXES

OURS = (".heat.png", ".slices.png", ".path.png")  # ends of the names of pictures that gaze has written


def find_pictures(sources: Sequence[str], folder: Path) -> list[Path]:
    """The pictures that files, folders and patterns name, each once; files of earlier runs in `folder` are left out.

    Of a folder, everything below it that has a picture's suffix is taken; what is named itself is taken as it is.
    """
    found: dict[Path, None] = {}
    for source in sources:
        path = Path(source)
        if path.is_dir():
            found |= dict.fromkeys(p for p in sorted(path.rglob("*")) if _is_picture(p.relative_to(path), p, folder))
        elif path.exists() or not glob.has_magic(source):
            found[path] = None
        else:
            matches = (Path(match) for match in sorted(glob.glob(source, recursive=True)))
            found |= dict.fromkeys(p for p in matches if p.is_file() and not _is_ours(p, folder))
    unique = list({path.resolve(): path for path in reversed(found)}.values())[::-1]
    if not any(path.exists() for path in unique):
        places = ", ".join(sources[:3]) + (" and more" if len(sources) > 3 else "")
        raise GazeError(f"No pictures found in {places}; give pictures, folders or a pattern such as 'photos/*.jpg'.")
    return unique


def output_names(paths: Sequence[Path]) -> dict[Path, str]:
    """A name for each picture's files that no other picture has, also where capitals do not count.

    >>> list(name([Path("a/x.jpg"), Path("b/x.png"), Path("b/y.png")]).values())
    ['x.jpg', 'x.png', 'y']
    >>> list(name([Path("a/x.jpg"), Path("b/x.jpg")]).values())
    ['a-x.jpg', 'b-x.jpg']
    """
    names: dict[Path, str] = {}
    taken: set[str] = set()
    left = list(paths)
    depth = 0
    while left:
        candidates = {path: _candidate(path, depth) for path in left}
        counts = Counter(candidate.casefold() for candidate in candidates.values())
        for path, candidate in candidates.items():
            if counts[candidate.casefold()] == 1 and candidate.casefold() not in taken:
                names[path] = candidate
        taken |= {names[path].casefold() for path in left if path in names}
        left = [path for path in left if path not in names]
        depth += 1
    return {path: names[path] for path in paths}


def _candidate(path: Path, depth: int) -> str:
    if depth == 0:
        return path.stem
    parts = path.resolve().parts[1:]
    extra = max(0, depth - len(parts))  # of two paths that differ only in a dash for a slash
    return "-".join(parts[-depth:]) + "~" * extra


def _is_picture(inside: Path, path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in inside.parts)
    return not hidden and path.suffix.lower() in SUFFIXES and path.is_file() and not _is_ours(path, folder)


def _is_ours(path: Path, folder: Path) -> bool:
    return path.name.endswith(OURS) and path.resolve().is_relative_to(folder.resolve())
