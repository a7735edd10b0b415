"""Clips made of the pictures of a still set and of the people who looked at them, as `data.synthetic.clips` tells.

No person watched a video for them. A clip of a number is always the same; numbers of train, val and test differ, and
so do the pictures, by the set's own splits.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int64, UInt8

from data.errors import GazeError
from data.gaze import Picture, Scanpath
from data.picture import read
from data.synthetic.clips import WIDE, Clip, clip
from data.table.read import read_splits, read_table
from data.table.splits import NAMES
from data.table.viewing import presentation_time
from data.video.clips import GazeClip, inside, is_inside

PICTURES = 4  # of which a clip is made
SHOTS = 3
COUNTS = {"train": 400, "val": 12, "test": 12}  # clips of a set
RATE = 12.5  # frames a second
SIZE = (198, 352)  # of a frame

Item = tuple[Picture, tuple[Scanpath, ...]]


class MadeClip(GazeClip):
    """One made clip; its pictures are read when it is first looked at, and forgotten with it."""

    def __init__(self, name: str, items: Sequence[Item], seed: int, seconds: float, rate: float = RATE) -> None:
        self.items, self.seed, self.seconds, self.rate = items, seed, seconds, rate
        self.name, self.size, self.sigma = name, SIZE, SIZE[1] / WIDE

    @cached_property
    def made(self) -> Clip:
        """The clip itself."""
        sources = [(read(picture.path), paths) for picture, paths in self.items if picture.path is not None]
        return clip(sources, self.seed, self.size, self.rate, SHOTS, self.seconds)

    @property
    def times(self) -> Float[np.ndarray, " f"]:  # type: ignore[override]
        """Seconds."""
        return self.made.times

    @property
    def cuts(self) -> tuple[float, ...]:
        """Seconds at which the second and each further shot begins."""
        return self.made.cuts

    def forget(self) -> None:
        """Let go of the pictures; they are read again when they are needed."""
        self.__dict__.pop("made", None)

    def check(self) -> None:
        """Nothing is wrong with what is made."""

    def frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Some frames in order."""
        return self.made.frames(start, stop, stride)

    def points(self, index: int) -> Float[np.ndarray, "k 2"]:
        """Where the viewers look."""
        return inside(self.made.gaze[index], self.size)

    def viewers(self, index: int) -> Int64[np.ndarray, " k"]:
        """The viewers' numbers."""
        return np.flatnonzero(is_inside(self.made.gaze[index], self.size))


def clips(root: Path, seconds: float | None = None, counts: dict[str, int] | None = None) -> dict[str, list[MadeClip]]:
    """So many clips of each split of a set in the table format.

    Its pictures were shown for some seconds; None: as its trials tell.

    Raises:
        GazeError: A split has fewer than two pictures that people looked at.
    """
    named = read_splits(root)
    items: dict[str, Item] = {
        picture.name: (picture, paths)
        for picture, paths in read_table(root)
        if picture.path is not None and any(len(path.xy) for path in paths)
    }
    seconds = presentation_time(items.values())[0] if seconds is None else seconds
    found: dict[str, list[MadeClip]] = {}
    for place, split in enumerate(NAMES):
        there = [items[name] for name in named.get(split, ()) if name in items]
        count = {**COUNTS, **(counts or {})}[split]
        if count and len(there) < 2:
            raise GazeError(f"{root}: a clip is made of two pictures or more, and {split} has {len(there)}.")
        found[split] = [_numbered(split, place, number, there, seconds) for number in range(count)]
    return found


def _numbered(split: str, place: int, number: int, items: Sequence[Item], seconds: float) -> MadeClip:
    seed = 1_000_000 * (1 + place) + number
    chosen = np.random.default_rng((seed, 2)).permutation(len(items))[:PICTURES]
    return MadeClip(f"{split}-{number:04d}", [items[n] for n in chosen], seed, seconds)
