"""Whose recording a file is, from its path: `01.05.2024_anna.asc` is that of `01.05.2024_anna`.

Of files of one name the shortest end of the path that differs is taken: `ann/rec.csv` and `ben/rec.csv` are those of
`ann_rec` and `ben_rec`. Pupil Labs name all files alike, so theirs are named by their folder, without the folders that
every export has: `anna/000/exports/000/surfaces/gaze_positions_on_surface_Screen.csv` is that of
`anna_000`. The folders that Neon itself writes are named likewise.
"""

import functools
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePath

PUPIL = re.compile(r"gaze\.csv|gaze_positions.*\.csv", re.IGNORECASE)
NEON = re.compile(r"gaze(_200hz| ps\d+)\.raw", re.IGNORECASE)


def stem(path: Path) -> str:
    """A file's name without the endings of recordings; other dots belong to the name.

    >>> stem(Path("01.05.2024_anna.asc")), stem(Path("sub-01_physio.tsv.gz")), stem(Path("v1.2"))
    ('01.05.2024_anna', 'sub-01_physio', 'v1.2')
    """
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    return (PurePath(name).stem if PurePath(name).suffix.lower() in _suffixes() else name) or path.name


@functools.cache
def _suffixes() -> frozenset[str]:
    """The suffixes of all recorders' files."""
    from data.recorders import detect_format  # imports every recorder, which name recordings with this module

    recorders = [detect_format.recorder(name) for name in detect_format.modules()]
    return frozenset(suffix for each in recorders for suffix in each.suffixes if suffix.startswith("."))


def recording_names(paths: Sequence[Path]) -> dict[Path, str]:
    """A name for each file; only files of one folder that differ in their endings alone share one.

    >>> list(recording_names([Path("/x/ann/rec.csv"), Path("/x/ben/rec.csv"), Path("/x/cem.csv")]).values())
    ['ann_rec', 'ben_rec', 'cem']
    """
    surfaces = Counter(path.parent for path in paths if _by_folder(path))
    parts = {path: _parts(path, surfaces[path.parent]) for path in paths}
    chosen: dict[Path, str] = {}
    for depth in range(1, max(map(len, parts.values()), default=0) + 1):
        tails = {path: "_".join(it[-depth:]) for path, it in parts.items()}
        count = Counter(tails.values())
        for path, tail in tails.items():
            last = depth >= len(parts[path])
            number = _by_folder(path) and tail.replace("_", "").isdigit()
            if path not in chosen and (last or (count[tail] == 1 and not number)):
                chosen[path] = tail
    return {path: chosen[path] for path in paths}


def _by_folder(path: Path) -> bool:
    """Whether a file has a name that those of all recordings of its maker have."""
    return bool(PUPIL.fullmatch(path.name) or NEON.fullmatch(path.name))


def _parts(path: Path, alike: int) -> list[str]:
    """What of a path can name a person; `alike` files named so are in its folder."""
    folders = list(path.absolute().parts[1:-1])
    if not _by_folder(path):
        return [*folders, stem(path)]
    folders = folders[:-1] if folders[-1:] == ["surfaces"] else folders
    folders = folders[:-2] if folders[-2:-1] == ["exports"] and folders[-1].isdigit() else folders
    return [*folders, stem(path)] if alike > 1 or not folders else folders
