"""All fixations of a data set as one array, picture by picture: what a loader draws from without holding objects.

    row     x, y in pixels, and the second in which the fixation begins (`data.maps.onsets` where no onset is recorded)

A large set's array is a file of `data.table.cache` that is mapped into memory: processes share it, and what has not
been looked at for a while can be dropped. Parquet itself will not do: a picture's rows lie in a group of 130,000 that
would have to be decoded for each of them.
"""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int64

from data import maps
from data.atomic import atomic_write
from data.gaze import Picture
from data.table import cache, schema
from data.table.read import Pictures, scanpaths


@dataclass
class FixationArray:
    """Pictures of a set in the order of the table, and the fixations of all people on each."""

    seconds: float  # how long each was shown
    pictures: list[Picture]
    bounds: Int64[np.ndarray, "p 2"]  # the first row of each picture, and the one after its last
    rows: Float[np.ndarray, "l 3"]

    def __getitem__(self, index: int) -> Float[np.ndarray, "k 3"]:
        """The fixations on one picture."""
        return np.array(self.rows[slice(*self.bounds[index])])

    def only(self, chosen: list[int]) -> "FixationArray":
        """Some of the pictures."""
        return replace(self, pictures=[self.pictures[number] for number in chosen], bounds=self.bounds[chosen])

    def __getstate__(self) -> dict[str, Any]:
        """Another process maps the same file."""
        mapped = isinstance(self.rows, np.memmap)
        return self.__dict__ | ({"rows": Path(str(self.rows.filename))} if mapped else {})  # type: ignore[attr-defined]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if isinstance(self.rows, Path):
            self.rows = np.load(self.rows, mmap_mode="r")


def load(root: Path, seconds: float) -> FixationArray:
    """All fixations of a set in the table format that was viewed for some seconds."""
    csv = root / "fixations.csv"
    file = cache.rows(csv)
    if file is None:
        parts = list(_rows(scanpaths(root), seconds))
        counts = {name: len(rows) for name, rows in parts}
        fixations = np.concatenate([np.zeros((0, 3)), *(rows for _, rows in parts)])
    else:
        counts = cache.counts(file, csv)
        fixations = _mapped(file, csv, seconds, sum(counts.values()))
    by_name = Pictures(root)
    pictures = [by_name[name] for name in counts]
    by_name.sizes.save()
    ends = np.cumsum([0, *counts.values()], dtype=np.int64)
    return FixationArray(seconds, pictures, np.stack([ends[:-1], ends[1:]], 1), fixations)


def _rows(items: Iterable[schema.Item], seconds: float) -> Iterator[tuple[str, Float[np.ndarray, "k 3"]]]:
    """The rows of each picture by its name."""
    for name, paths in items:
        xy = np.concatenate([path.xy for path in paths])
        onset = np.concatenate([maps.onsets(path, seconds) for path in paths])
        yield name, np.column_stack([xy, maps.second(onset, seconds)])


def _mapped(file: Path, csv: Path, seconds: float, total: int) -> Float[np.ndarray, "l 3"]:
    """The array on disk, of a file of `cache.rows` and nothing else; in memory where no disk has a place for it."""

    def make(target: Path) -> None:
        with atomic_write(target, summed=True) as out:
            form = {"descr": "<f8", "fortran_order": False, "shape": (total, 3)}
            np.lib.format.write_array_header_1_0(out, form)
            for _, rows in _rows(cache.scanpaths(file, csv, {}), seconds):
                out.write(rows.astype("<f8", copy=False).tobytes())

    rule = "-".join(repr(float(number)) for number in (seconds, maps.FIRST, *maps.GAP))
    made = cache.keep(csv.parent, f"{file.stem}-{rule}.npy", make) if total else None
    if made:
        with contextlib.suppress(OSError, ValueError):  # another program may find that the table has changed
            return np.asanyarray(np.load(made, mmap_mode="r"))
    return np.concatenate([np.zeros((0, 3)), *(rows for _, rows in _rows(cache.scanpaths(file, csv, {}), seconds))])
