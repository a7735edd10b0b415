"""The public data sets that gaze reads: what each is, whether it may be used commercially, and where to get it.

Each reader declares the entries of its own sets, `CATALOG`, by the names that `gaze data get` takes; `PUBLISHED` is all
of them, made when it is first asked for.

None, and "unknown" where it is shown, is what the authors do not say where we looked, or what sources tell differently;
"unclear" is a licence that is not stated. A checksum is the authors' or the archive's own, or the one that pysaliency
(https://github.com/matthias-k/pysaliency) checks its downloads with; what GitHub packs has none. This is no legal
advice: read the terms at the address before use.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Literal

from data import _modules

GITHUB = "https://github.com/{}/archive/{}.zip"

PUBLISHED: "Mapping[str, Published]"  # every public data set by its name


@dataclass(frozen=True)
class File:
    """A file of a data set that anybody may download."""

    url: str
    folder: str = ""  # where in the data set it goes, or is unpacked to when it is a .zip
    lone: bool = False  # whether a single folder around everything in a .zip is left out
    md5: str = ""  # "" where none is published

    @property
    def name(self) -> str:
        """What the file is called while it is kept.

        >>> File("https://example.org/a/set.zip?download=1").name
        'set.zip'
        """
        parts = self.url.split("?")[0].split("/")
        return parts[-2] if parts[-1] == "content" else parts[-1]


@dataclass(frozen=True)
class Published:
    """One public data set."""

    title: str
    what: str
    licence: str
    commercial: Literal["yes", "no", "unclear"]
    url: str
    citation: str
    pictures: int | None = None
    people: int | None = None
    seconds: float | None = None  # of viewing
    size: float | None = None  # megabytes to download
    files: tuple[File, ...] = ()  # () where it cannot be downloaded without a person
    access: str = ""  # how a person gets it, after the address


def __getattr__(name: str) -> Mapping[str, Published]:
    if name != "PUBLISHED":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return {name: entry for name, (entry, _) in _sets().items()}


@functools.cache
def _sets() -> dict[str, tuple[Published, ModuleType]]:
    """Of each data set, in alphabetical order, its entry and the module that reads it."""
    modules = _modules.declaring("data.datasets", "CATALOG").values()
    entries = [(name, entry, module) for module in modules for name, entry in module.CATALOG.items()]
    sets = {name: (entry, module) for name, entry, module in sorted(entries, key=lambda each: each[0])}
    if len(sets) < len(entries):
        raise ValueError("two files of data/datasets declare a data set of the same name")
    return sets


def readers() -> dict[str, str]:
    """The function that reads the pictures of each set that has any, as `pkgutil.resolve_name` takes it.

    `table` is the table format's.
    """
    return {"table": "data.table.read:read_table"} | _functions("read")


def video_readers() -> dict[str, str]:
    """The function that reads the clips of each set of videos, as `pkgutil.resolve_name` takes it."""
    return _functions("clips")


def people_readers() -> dict[str, str]:
    """The function that reads the people of each set of what people in pictures look at."""
    return _functions("people")


def _functions(name: str) -> dict[str, str]:
    return {key: f"{module.__name__}:{name}" for key, (_, module) in _sets().items() if hasattr(module, name)}
