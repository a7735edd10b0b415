"""Sets of videos that people watched, in whichever layout: found by looking at the folder.

    for clip in open_set(Path("AViMoS")).splits["train"]:
        clip.times, clip.points(0)

Known are the public sets whose module in `data.datasets` has `clips`, gaze's own video table, and a set of still
pictures in the table format, of which clips are made. Nothing but names is read here: what is broken in a clip is
found by `data.video.clips.usable`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from data import _modules
from data.errors import GazeError
from data.video import gaze_table, made
from data.video.clips import GazeClip

Clips = Mapping[str, Sequence[GazeClip]]


class Layout(NamedTuple):
    """How a set is told by its folder, and how its clips are read."""

    sniff: Callable[[Path], bool]
    clips: Callable[[Path], Clips]


@dataclass(frozen=True)
class VideoSet:
    """The clips of a set by split, and what it is called."""

    name: str  # of its folder
    layout: str
    splits: dict[str, list[GazeClip]]  # train, val, test, and others that a person named


def layouts() -> dict[str, Layout]:
    """Every layout by its name: the tables of gaze, then the public sets in alphabetical order."""
    found = _modules.declaring("data.datasets", "clips")
    public = {name: Layout(module.sniff, module.clips) for name, module in found.items()}
    still = Layout(lambda root: (root / "fixations.csv").is_file(), made.clips)
    return {"video": Layout(gaze_table.sniff, gaze_table.clips), "table": still} | public


def open_set(root: Path | str, layout: str | None = None) -> VideoSet:
    """A set of clips; `layout` names how its folder is laid out where that is not plain.

    Raises:
        GazeError: The folder is missing, or of no layout that is known; or a file that names its clips is broken.
    """
    root, known = Path(root), layouts()
    if layout is not None and layout not in known:
        raise GazeError(f"There is no layout {layout!r} of videos; choose one of: {', '.join(known)}.")
    if not root.is_dir():
        raise GazeError(f"{root}: there is no such folder; give the folder of a set of videos.")
    chosen = layout or next((name for name, each in known.items() if each.sniff(root)), None)
    if chosen is None:
        own = f"gaze.csv with videos/ or frames/, fixations.csv, or a public set ({', '.join([*known][2:])})"
        raise GazeError(f"{root}: this is no set of videos with gaze; give a folder with {own}.")
    parts = known[chosen].clips(root)
    splits = {name: [*parts.get(name, ())] for name in dict.fromkeys(("train", "val", "test", *parts))}
    if not any(splits.values()):
        raise GazeError(f"{root}: no clip of {chosen} with gaze is there; give the whole folder of the set.")
    return VideoSet(root.resolve().name, chosen, splits)
