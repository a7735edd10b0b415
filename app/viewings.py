"""Where people looked on the pictures of a set: what `gaze evaluate saliency` compares maps with, before it is a map.

Only fixations on the picture count. The pictures that are evaluated are those of a split; those of the centre bias are
the split "train", or, where there is none or it is evaluated itself, the evaluated ones.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Shaped

from data import TableError, maps, table
from data.gaze import Picture, Scanpath


@dataclass(frozen=True)
class Viewing:
    """The fixations of all observers that lie on one picture."""

    name: str
    path: Path  # of the picture
    size: tuple[int, int]  # height, width
    xy: Float[np.ndarray, "l 2"]  # pixels
    second: Float[np.ndarray, " l"]  # in which it begins
    observer: Shaped[np.ndarray, " l"]

    @classmethod
    def of(cls, root: Path, picture: Picture, paths: Sequence[Scanpath], seconds: float) -> "Viewing":
        """What all paths over a picture come to, if it was shown for some seconds."""
        size, path = (picture.height, picture.width), picture.path or root / "images" / picture.name
        xy = np.concatenate([np.zeros((0, 2)), *(p.xy for p in paths)])
        times = [maps.second(maps.onsets(p, seconds), seconds) for p in paths]
        second = np.concatenate([np.zeros(0), *times])
        observer = np.repeat(np.array([p.subject for p in paths], np.str_), [len(p) for p in paths])
        on = maps.on(xy, size)
        return cls(picture.name, path, size, xy[on], second[on], observer[on])

    def during(self, second: int | None) -> "Viewing":
        """What begins in a second; None is the whole viewing."""
        keep = self.second == (self.second if second is None else second)
        return replace(self, xy=self.xy[keep], second=self.second[keep], observer=self.observer[keep])


@dataclass(frozen=True)
class Viewings:
    """The pictures that are evaluated, and those of the centre bias."""

    chosen: list[Viewing]
    train: list[Viewing]

    @property
    def held_out(self) -> bool:
        """Whether the centre bias comes from other pictures than those that are evaluated."""
        return self.train is not self.chosen


def read(root: Path, split: str, seconds: float, limit: int | None = None) -> Viewings:
    """The viewings of a set in the table format; of more than `limit` pictures so many, evenly spread."""
    named = table.splits(root)
    if named and split not in (*named, "all"):
        raise TableError(f"{root / 'splits.json'}: no split {split!r}; choose one of: {', '.join([*named, 'all'])}.")
    everything = {picture.name: Viewing.of(root, picture, paths, seconds) for picture, paths in table.read(root)}
    chosen = [everything[name] for name in named.get(split, everything) if name in everything]
    if limit is not None and limit < len(chosen):
        chosen = [chosen[math.floor(k * len(chosen) / limit)] for k in range(limit)]
    if not any(len(viewing.xy) for viewing in chosen):
        raise TableError(f"{root}: no picture of the split {split!r} has a fixation on it; choose another one.")
    train = [everything[name] for name in named.get("train", ()) if name in everything]
    return Viewings(chosen, train if train and split not in ("train", "all") else chosen)


def elsewhere(viewing: Viewing, viewings: Sequence[Viewing]) -> Float32[np.ndarray, "h w"]:
    """The counts of the fixations on all other pictures, scaled to the size of this one."""
    others = [v.xy / v.size[::-1] for v in viewings if v.name != viewing.name]
    return maps.counts(np.concatenate([np.zeros((0, 2)), *others]) * viewing.size[::-1], viewing.size)
