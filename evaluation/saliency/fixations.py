"""Where people looked on the pictures of a set: what `gaze evaluate saliency` compares maps with, before it is a map.

Only fixations on the picture count. The pictures that are evaluated are those of a split; those of the centre bias are
the split "train", or, where there is none or it is evaluated itself, the evaluated ones. How long pictures were shown
is given, or as the trials tell (`data.table.viewing`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int16, Int32

from data import maps
from data.errors import TableError
from data.gaze import Picture, Scanpath
from data.table.read import read_splits, read_table
from data.table.viewing import presentation_time

SIZES = 4  # of pictures, of which the counts of everybody are kept


@dataclass(frozen=True)
class ViewedImage:
    """The fixations of all observers that lie on one picture."""

    name: str
    path: Path  # of the picture
    size: tuple[int, int]  # height, width
    xy: Float[np.ndarray, "l 2"]  # pixels
    second: Int16[np.ndarray, " l"]  # in which it begins
    observer: Int32[np.ndarray, " l"]  # their numbers
    late: int = 0  # fixations that begin when the viewing should be over; they belong to its last second

    @classmethod
    def of(
        cls, root: Path, picture: Picture, paths: Sequence[Scanpath], seconds: float, people: Mapping[str, int]
    ) -> "ViewedImage":
        """The fixations of all paths on a picture that was shown for some seconds; `people` numbers the observers."""
        size, path = (picture.height, picture.width), picture.path or root / "images" / picture.name
        xy = np.concatenate([np.zeros((0, 2)), *(p.xy for p in paths)])
        onsets = np.concatenate([np.zeros(0), *(maps.onsets(p, seconds) for p in paths)])
        observer = np.repeat(np.array([people[p.subject] for p in paths], np.int32), [len(p) for p in paths])
        on = maps.on(xy, size)
        late = int((onsets[on] >= 1000 * seconds - 1).sum())  # estimated onsets stop 1 ms before the end
        return cls(
            picture.name, path, size, xy[on], maps.second(onsets, seconds)[on].astype(np.int16), observer[on], late
        )

    def during(self, second: int | None) -> "ViewedImage":
        """What begins in a second; None is the whole viewing."""
        if second is None:
            return self
        keep = self.second == second
        return replace(self, xy=self.xy[keep], second=self.second[keep], observer=self.observer[keep])


@dataclass(frozen=True)
class ViewedImages:
    """The pictures that are evaluated, and those of the centre bias."""

    chosen: list[ViewedImage]
    train: list[ViewedImage]
    seconds: float  # how long each picture was shown
    seconds_source: str  # where that comes from: "given", "recorded", "durations", or "unknown"
    split_size: int  # pictures of the split, before some were chosen
    has_splits: bool  # whether splits.json names splits

    @property
    def held_out(self) -> bool:
        """Whether the centre bias comes from other pictures than those that are evaluated."""
        return self.train is not self.chosen

    @property
    def late(self) -> float:
        """The share of fixations that begin when the viewing should be over."""
        return sum(image.late for image in self.chosen) / sum(len(image.xy) for image in self.chosen)


def read(root: Path, split: str, seconds: float | None = None, limit: int | None = None) -> ViewedImages:
    """The pictures of a split of a set in the table format; of more than `limit` pictures so many, evenly spread.

    Raises:
        TableError: There is no such split, or none of its pictures has a fixation on it.
    """
    named = read_splits(root)
    if named and split not in (*named, "all"):
        raise TableError(f"{root / 'splits.json'}: no split {split!r}; choose one of: {', '.join([*named, 'all'])}.")
    items = list(read_table(root))
    length, source = (seconds, "given") if seconds is not None else presentation_time(items)
    people = {name: n for n, name in enumerate(sorted({path.subject for _, paths in items for path in paths}))}
    everything = {picture.name: ViewedImage.of(root, picture, paths, length, people) for picture, paths in items}
    of_split = [everything[name] for name in dict.fromkeys(named.get(split, everything)) if name in everything]
    count = len(of_split) if limit is None else min(limit, len(of_split))
    chosen = [of_split[math.floor(k * len(of_split) / count)] for k in range(count)]
    if not any(len(image.xy) for image in chosen):
        raise TableError(f"{root}: no picture of the split {split!r} has a fixation on it; choose another one.")
    train = [everything[name] for name in named.get("train", ()) if name in everything]
    held_out = train and split not in ("train", "all")
    return ViewedImages(chosen, train if held_out else chosen, length, source, len(of_split), bool(named))


class OtherImages:
    """The fixations on all other pictures than one.

    Everybody's are counted once for a size of pictures, of which each picture's own are taken away.
    """

    def __init__(self, images: Sequence[ViewedImage]) -> None:
        self._images = images
        self._own = {image.name: image for image in images}
        self._everybody = lru_cache(SIZES)(self._counted)

    def counts(self, image: ViewedImage) -> Float32[np.ndarray, "h w"]:
        """How many fixations each pixel of a picture has, scaled to its size."""
        own = self._own.get(image.name)
        everybody = self._everybody(image.size)
        return everybody.copy() if own is None else everybody - maps.counts(_scaled(own, own.size), own.size)

    def _counted(self, size: tuple[int, int]) -> Float32[np.ndarray, "h w"]:
        return maps.counts(np.concatenate([np.zeros((0, 2)), *(_scaled(v, size) for v in self._images)]), size)


def _scaled(image: ViewedImage, size: tuple[int, int]) -> Float[np.ndarray, "l 2"]:
    """The fixations on a picture as if it had another size; to its own in the same steps, for their rounding."""
    return np.asarray(image.xy / image.size[::-1] * size[::-1])
