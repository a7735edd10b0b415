"""GazeFollow, extended: 130,000 people in 122,000 photographs, and what each looks at, as its authors publish it.

    train_annotations_release.txt, test_annotations_release.txt     one row a person, no header, commas:
      path, idx; body x, y, w, h; eye x, y and gaze x, y as shares of the picture; head xmin, ymin, xmax, ymax in
      pixels; of train alone inout: 1 in the picture, 0 outside, -1 not to be used; source, meta
    train/00000000/00000004.jpg, test2/...                          the pictures that the rows name

A person of the test set has a row for each of about ten annotators: rows of one path and one eye x, compared as text,
are one person. A head's corners may be swapped, and may lie outside of the picture: they are sorted and cut. A row with
inout -1 is left out; a negative point of the test set is an annotator who saw the target nowhere. Every twentieth
picture of train validates, with all of its people.
Recasens, Khosla, Vondrick and Torralba 2015, Where are they looking?, NeurIPS; extended by Chong and others 2018 and
2020, https://github.com/ejcgt/attention-target-detection.
"""

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data.datasets.catalog import Published
from data.errors import Defect, GazeError, TableError, read_text, refuse
from data.following.people import LARGEST, People, Person, between, held_out, on_picture, points_on, tell_left_out
from data.picture import is_valid_name
from data.table import cache

CATALOG = {
    "gazefollow": Published(
        title="GazeFollow",
        what="photographs with people in them, and what each of these looks at; no eye tracking",
        pictures=122143,
        people=130339,
        licence="unknown; the photographs are those of other sets, such as MS COCO and SUN",
        commercial="unclear",
        url="http://gazefollow.csail.mit.edu/",
        citation="Recasens and others 2015, Where are they looking?, NeurIPS",
        access="download the extended set, to which github.com/ejcgt/attention-target-detection links",
    ),
}

FILES = {"train": "train_annotations_release.txt", "test": "test_annotations_release.txt"}
CELLS = {"train": 17, "test": 16}
INOUT = 14  # of train
EVERY = 20  # of the pictures of train, one validates
LONGEST = 1 << 28  # bytes of a list
Row = tuple[int, list[str]]  # its line, its cells


def sniff(root: Path) -> bool:
    """Whether a folder is of this layout."""
    return any((root / name).is_file() for name in FILES.values())


def people(root: Path | str) -> People:
    """The people of train, val and test; rows that are wrong are named in warnings and left out.

    Raises:
        TableError: A list is missing or not as the authors publish it.
    """
    root = Path(root)
    if not sniff(root):
        raise TableError(f"{root}: no {FILES['train']} is there; give the folder of the extended GazeFollow.")
    sizes, defects = cache.Sizes(root), list[object]()
    found = {split: [*_people(root, split, sizes, defects)] for split in FILES if (root / FILES[split]).is_file()}
    sizes.save()
    tell_left_out(defects)
    train, val = held_out(found.get("train", ()), lambda person: str(person.path), EVERY)
    return {"train": train, "val": val, "test": found.get("test", [])}


def _people(root: Path, split: str, sizes: cache.Sizes, defects: list[object]) -> Iterator[Person]:
    groups: dict[tuple[object, ...], list[Row]] = {}
    for line, cells in _rows(root / FILES[split], CELLS[split], defects):
        if split == "train" and float(cells[INOUT]) == -1:
            continue
        key = (cells[0], cells[6]) if split == "test" else (line,)
        groups.setdefault(key, []).append((line, cells))
    counted: dict[str, int] = {}
    for rows in groups.values():
        line, cells = rows[0]
        number = counted[cells[0]] = counted.get(cells[0], 0) + 1
        try:
            yield _person(root, split, rows, f"{cells[0]}:{number}", sizes)
        except GazeError as error:
            defects.append(error)


def _person(root: Path, split: str, rows: list[Row], name: str, sizes: cache.Sizes) -> Person:
    """The person of the rows of all annotators.

    Raises:
        GazeError: The picture is missing, or the head lies outside of it.
    """
    line, cells = rows[0]
    where = f"{root / FILES[split]}, line {line}"
    path = root / cells[0]
    width, height = sizes(cells[0], path)
    size, scale = (height, width), np.array([width, height])
    head = on_picture(between([float(cell) for cell in cells[10:14]]), size, where)
    points = np.array([[float(cell) for cell in row[8:10]] for _, row in rows])
    seen = (points >= 0).all(1) if split == "test" else np.full(1, float(cells[INOUT]) == 1)
    eye = np.array([[float(cells[6]), float(cells[7])]])
    between_eyes = points_on(eye * scale, size)[0] if (eye >= 0).all() else None
    return Person(path, size, head, between_eyes, points_on(points[seen] * scale, size), bool(seen.any()), name)


def _rows(path: Path, wanted: int, defects: list[object]) -> Iterator[Row]:
    """The rows that have the form of the release, with their lines; what is wrong with others goes to `defects`.

    Raises:
        TableError: The file is too long or no text, or none of its rows has the form.
    """
    if path.stat().st_size > LONGEST:
        raise TableError(f"{path}: a list of more than {LONGEST >> 20} MB; download it again.")
    reader, some = csv.reader(io.StringIO(read_text(path, refuse), newline="")), False
    before = len(defects)
    try:
        for cells in reader:
            problem = _problem(cells, wanted) if cells else None
            if problem:
                defects.append(Defect(str(path), reader.line_num, problem, "download it again"))
            elif cells:
                some = True
                yield reader.line_num, cells
    except csv.Error as error:
        defects.append(Defect(str(path), reader.line_num, f"no list of cells ({error})", "download it again"))
    if not some:
        first = defects[before] if len(defects) > before else None
        told = f"line {first.line}: {first.problem}" if isinstance(first, Defect) else "it is empty"
        raise TableError(f"{path}: no row has the form of the extended GazeFollow ({told}); download it again.")


def _problem(cells: list[str], wanted: int) -> str:
    """What is wrong with a row; "": nothing."""
    if len(cells) != wanted:
        return f"{len(cells)} cells, not {wanted}"
    if not is_valid_name(cells[0]):
        return f"the picture is {cells[0][:40]!r}"
    numbers = [*cells[6:14], *(cells[INOUT:15] if wanted == CELLS["train"] else [])]
    for cell in numbers:
        if not abs(_number(cell)) < LARGEST:
            return f"{cell[:20]!r} is no number of an annotation"
    if wanted == CELLS["train"] and float(cells[INOUT]) not in (1, 0, -1):
        return f"inout is {cells[INOUT][:20]!r}"
    return ""


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan
