"""The one documented table format: `fixations.csv`, `images/`; optionally `objects.json`, `trials.csv`, `splits.json`.

data/README.md describes every column. The readers are strict: the first thing that is wrong ends them with a
`TableError`. `check` reports everything that is wrong. `write` makes a data set that `read` gives back.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from data.coco import Coco
from data.errors import Defect, Report, Sizes, TableError, read_json, refuse
from data.gaze import Objects, Picture, Scanpath
from data.table import cache, memory_sets, schema


def read_table(
    root: Path | str, stated: Callable[[], Sizes] | None = None
) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    """Every picture with its scanpaths, in the order of the table.

    A scanpath is one person looking at one picture with one target: who searches two things in one picture
    gives two. The table is checked at once, the size of each picture (from its header) read as it comes. A large table
    is not held in memory: `data.table.cache` keeps it in the folder `.gaze` as a Parquet file. `stated` gives the sizes
    in objects.json to whoever has read that file already; it is called where a picture has no file.

    Raises:
        TableError: A file of the data set is missing or cannot be understood.
    """
    root = Path(root)
    by_name = scanpaths(root)
    return _items(Pictures(root, stated), by_name)


def _items(
    pictures: "Pictures", by_name: Iterator[tuple[str, tuple[Scanpath, ...]]]
) -> Iterator[tuple[Picture, tuple[Scanpath, ...]]]:
    try:
        for name, paths in by_name:
            yield pictures[name], paths
    finally:
        pictures.sizes.save()


def scanpaths(root: Path) -> Iterator[tuple[str, tuple[Scanpath, ...]]]:
    """Every picture's name with its scanpaths, in the order of the table."""
    table = root / "fixations.csv"
    file = cache.rows(table)
    if file:
        return cache.scanpaths(file, table, memory_sets.read(root / "trials.csv", refuse))
    rows = schema.parse_rows(table, refuse)
    order = schema.trial_order(rows.columns)
    columns = {name: values[order] for name, values in rows.columns.items()}
    return schema.scanpaths(columns, rows.texts, memory_sets.read(root / "trials.csv", refuse))


class Pictures:
    """The pictures of a data set by name, their sizes read from their headers or, without a file, from objects.json."""

    def __init__(self, root: Path, stated: Callable[[], Sizes] | None = None) -> None:
        self.root, self.sizes = root, cache.Sizes(root)
        self._stated = stated or (lambda: Coco(root / "objects.json", refuse).sizes)
        self._named: Sizes | None = None

    def __getitem__(self, name: str) -> Picture:
        path = self.root / "images" / name
        if path.is_file():
            return Picture(name, *self.sizes(name, path), path)
        if self._named is None:
            self._named = self._stated()
        if name not in self._named:
            raise TableError(f"{path}: the picture is missing; add it, or its size to {self.root / 'objects.json'}.")
        return Picture(name, *self._named[name])


def read_objects(root: Path | str, file: Path | None = None, coco: Coco | None = None) -> dict[str, Objects]:
    """The objects of every picture that objects.json (or `file`, of the same form) names; {} without that file.

    `coco` is that file where it has been read already.
    """
    coco = coco or Coco(file or Path(root) / "objects.json", refuse)
    return {
        name: Objects(
            np.array([box for box, _, _ in items], float).reshape(-1, 4),
            tuple(category for _, category, _ in items),
            tuple(attributes for _, _, attributes in items),
        )
        for name, items in coco.boxes.items()
    }


def read_splits(root: Path | str) -> dict[str, list[str]]:
    """The names of the pictures of each split; {} without splits.json."""
    return splits_reporting(Path(root), refuse)


def splits_reporting(root: Path, report: Report) -> dict[str, list[str]]:
    """As `read_splits`; a split that is no list of names is reported and left empty."""
    path = root / "splits.json"
    splits = read_json(path, report) if path.exists() else {}
    for split, names in list(splits.items()):
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            report(Defect(str(path), None, f"split {split!r} is not a list of names", 'write ["a.jpg", "b.jpg"]'))
            splits[split] = []
    return splits
