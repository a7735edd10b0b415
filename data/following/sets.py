"""Sets of people whose gaze is known, in whichever layout: found by looking at the folder.

    for person in open_set(Path("gazefollow")).splits["train"]:
        person.path, person.head, person.gaze

Known are the public sets whose module in `data.datasets` has `people`, and gaze's own table of people
(`data.following.table`). The lists are read, and the size of each picture from its header; pixels are not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from data import _modules
from data.errors import GazeError
from data.following import table
from data.following.people import Person


class Layout(NamedTuple):
    """How a set is told by its folder, and how its people are read."""

    sniff: Callable[[Path], bool]
    people: Callable[[Path], Mapping[str, Sequence[Person]]]


@dataclass(frozen=True)
class PeopleSet:
    """The people of a set by split, and what it is called."""

    name: str  # of its folder
    layout: str
    splits: dict[str, list[Person]]  # train, val, test, and others that a person named


def layouts() -> dict[str, Layout]:
    """Every layout by its name: the table of gaze, then the public sets in alphabetical order."""
    found = _modules.declaring("data.datasets", "people")
    public = {name: Layout(module.sniff, module.people) for name, module in found.items()}
    return {"people": Layout(table.sniff, table.people)} | public


def open_set(root: Path | str, layout: str | None = None) -> PeopleSet:
    """A set of people; `layout` names how its folder is laid out where that is not plain.

    Raises:
        GazeError: The folder is missing, or of no layout that is known; or nobody in it can be used.
    """
    root, known = Path(root), layouts()
    if layout is not None and layout not in known:
        raise GazeError(f"There is no layout {layout!r} of people; choose one of: {', '.join(known)}.")
    if not root.is_dir():
        raise GazeError(f"{root}: there is no such folder; give the folder of a set of people.")
    chosen = layout or next((name for name, each in known.items() if each.sniff(root)), None)
    if chosen is None:
        public = ", ".join([*known][1:])
        raise GazeError(
            f"{root}: this is no set of people whose gaze is known; give a folder with {table.FILE} and images/, or a "
            f"public set ({public})."
        )
    parts = known[chosen].people(root)
    splits = {name: [*parts.get(name, ())] for name in dict.fromkeys(("train", "val", "test", *parts))}
    if not any(splits.values()):
        raise GazeError(f"{root}: nobody in it can be used; see the warnings, and give the whole folder of the set.")
    return PeopleSet(root.resolve().name, chosen, splits)
