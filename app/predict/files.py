"""Which pictures files, folders and patterns name, and what the files that each becomes are called."""

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.predict.saliency import _apart, _grown, _marked, alike
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


def output_names(paths: Sequence[Path], kept: Mapping[Path, str] | None = None) -> dict[Path, str]:
    """A name for each picture's files that no other picture has, also where capitals do not count.

    `kept` are names that pictures, by their resolved paths, already have: they stay, and no other picture gets them.
    The names do not depend on the order of the paths.

    >>> list(name([Path("a/x.jpg"), Path("b/x.png"), Path("b/y.png")]).values())
    ['x.jpg', 'x.png', 'y']
    >>> list(name([Path("a/x.jpg"), Path("b/x.jpg")]).values())
    ['a-x.jpg', 'b-x.jpg']
    """
    full = {path: path.resolve() for path in paths}
    kept = _apart(kept or {})
    names = {path: kept[place] for path, place in full.items() if place in kept}
    taken = {alike(name) for name in kept.values()}
    left = {path: place for path, place in full.items() if path not in names}
    names |= _grown(left, taken, alike)
    names |= _marked({path: place for path, place in left.items() if path not in names}, taken)
    return {path: names[path] for path in paths}


def _candidate(path: Path, place: Path, depth: int) -> str:
    return "-".join(place.parts[1:][-depth:]) if depth else path.stem


def _is_picture(inside: Path, path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in inside.parts)
    return not hidden and path.suffix.lower() in SUFFIXES and path.is_file() and not _is_ours(path, folder)


def _is_ours(path: Path, folder: Path) -> bool:
    return path.name.endswith(OURS) and path.resolve().is_relative_to(folder.resolve())
