"""A data set in the table format, made from pictures and scanpaths as they come: it appears whole, or not at all.

    .ROOT.part      grows beside ROOT and becomes ROOT when everything is in it; for one program at a time

A run that was stopped may leave it, with the pictures that were copied: the next one takes those of the same size and
time, copies the rest, and removes whatever else it finds there. Rows are written as they come; what is kept in memory
is a picture's name and size, and the memory sets of searchers.
"""

import contextlib
import csv
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from data.atomic import atomic_write
from data.errors import TableError, short_reason
from data.gaze import Objects, Picture, Scanpath
from data.picture import is_valid_name
from data.staging import new_folder, staging_dir
from data.table import memory_sets
from data.table.columns import NEEDED, SEARCH
from data.table.objects_json import to_coco
from data.table.splits import NAMES

Items = Iterable[tuple[Picture, Sequence[Scanpath]]]


def write_table(
    root: Path | str,
    items: Items,
    splits: Mapping[str, Sequence[str]] | None = None,
    objects: Mapping[str, Objects] | None = None,
    keep: bool = False,
) -> None:
    """Make a data set in the new folder `root`: all of it, or nothing.

    The files of the pictures are copied. A scanpath without fixations has no row, so it is not read back. Of train, val
    and test, `splits` leaves empty what it does not name. With `keep`, what was copied before something went wrong
    stays in `.ROOT.part`, so that the next run goes on from there.

    Raises:
        TableError: The folder holds something, an item cannot be written, or the disk is full.
    """
    root = new_folder(root)
    try:
        with staging_dir(root, "part") as stage, _dropped(stage, keep):
            _fill(stage, items, splits or {}, objects or {})
            if root.exists():
                root.rmdir()
            os.replace(stage, root)
    except OSError as error:
        raise TableError(f"{root}: cannot be written ({short_reason(error)}); make room, or mend the path.") from error


@contextlib.contextmanager
def _dropped(stage: Path, keep: bool) -> Iterator[None]:
    """Leaves nothing of a run that failed, or what the next one can use."""
    try:
        yield
    except BaseException:
        if not (keep and (stage / "images").exists()):
            shutil.rmtree(stage, ignore_errors=True)
        raise


def _fill(stage: Path, items: Items, splits: Mapping[str, Sequence[str]], objects: Mapping[str, Objects]) -> None:
    for path in stage.iterdir():  # of a run that was stopped
        if path.is_dir() and not path.is_symlink():
            if path.name != "images":
                shutil.rmtree(path)
        else:
            path.unlink()
    pictures: dict[str, Picture] = {}
    with _Rows(stage / "fixations.csv") as rows:
        memory_sets.write(stage / "trials.csv", _passed(items, stage / "images", rows, pictures))
    _clear(stage / "images", pictures)
    if objects or not all(picture.path for picture in pictures.values()):
        (stage / "objects.json").write_text(json.dumps(to_coco(list(pictures.values()), objects)), "utf-8")
    if splits:
        every = {name: list(splits.get(name, ())) for name in (*NAMES, *splits)}
        (stage / "splits.json").write_text(json.dumps(every, indent=1), "utf-8")


def _passed(
    items: Items, images: Path, rows: "_Rows", pictures: dict[str, Picture]
) -> Iterator[tuple[Picture, Sequence[Scanpath]]]:
    """The items, each written as it passes."""
    for picture, scanpaths in items:
        if not is_valid_name(picture.name):
            raise TableError(f"{picture.name!r} cannot name a file in images/; name the picture otherwise.")
        if picture.name in pictures:
            raise TableError(f"{picture.name!r} is there twice; give all scanpaths of a picture at once.")
        if picture.path:
            _copy(picture.path, images / picture.name)
        pictures[picture.name] = picture
        rows.add(picture, scanpaths)
        yield picture, scanpaths


def _copy(source: Path, target: Path) -> None:
    """Copy a file with its time, by which a later run knows that it is there already."""
    try:
        now = source.stat()
    except OSError as error:
        raise TableError(
            f"{source}: the picture cannot be read ({error.strerror}); put it back or leave it out."
        ) from error
    if target.is_file():
        then = target.stat()
        if (then.st_size, then.st_mtime_ns) == (now.st_size, now.st_mtime_ns):
            return
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as old, atomic_write(target) as new:
        shutil.copyfileobj(old, new)
    os.utime(target, ns=(now.st_atime_ns, now.st_mtime_ns))


def _clear(images: Path, pictures: Mapping[str, Picture]) -> None:
    """Remove what a run that was stopped has left and this one does not want."""
    for path in sorted(images.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(images).as_posix() not in pictures:
            path.unlink()


class _Rows:
    """The file fixations.csv, written row by row; it gets the columns of a search with the first search."""

    def __init__(self, path: Path) -> None:
        self.path, self.search = path, False
        self.file = path.open("w", encoding="utf-8", newline="")
        self.lines = csv.writer(self.file, lineterminator="\n")
        self.lines.writerow(NEEDED)

    def __enter__(self) -> "_Rows":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def add(self, picture: Picture, scanpaths: Sequence[Scanpath]) -> None:
        """Write what people did with one picture."""
        if len({(s.subject, s.task, s.target) for s in scanpaths}) < len(scanpaths):
            raise TableError(f"{picture.name!r} has two scanpaths of one viewer for one target; name them apart.")
        if not self.search and any(s.task != "free" or s.target or s.box or s.found is not None for s in scanpaths):
            self._widen()
        for s in scanpaths:
            answer = "" if s.found is None else int(s.found)
            rest = [s.task, s.target, *map(number, s.box or (math.nan,) * 4), answer] if self.search else []
            for index, numbers in enumerate(zip(*s.xy.T, s.duration, s.onset, strict=True)):
                self.lines.writerow([picture.name, s.subject, index, *map(number, numbers), *rest])

    def _widen(self) -> None:
        """Give every row so far the columns of a search; all of them were free viewing."""
        self.file.close()
        wide = self.path.with_name(f".{self.path.name}.part")
        with self.path.open(encoding="utf-8", newline="") as old:
            self.file = wide.open("w", encoding="utf-8", newline="")
            self.lines, narrow = csv.writer(self.file, lineterminator="\n"), csv.reader(old)
            self.lines.writerow([*next(narrow), *SEARCH])
            self.lines.writerows([*row, "free", *[""] * (len(SEARCH) - 1)] for row in narrow)
        os.replace(wide, self.path)
        self.search = True


def number(value: float) -> str:
    """A number as it stands in a table; empty where it is not known."""
    if math.isnan(value):
        return ""
    return str(int(value)) if value == int(value) else repr(float(value))
