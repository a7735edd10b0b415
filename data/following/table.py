"""The one documented format of people whose gaze is known: `people.csv`, `images/`; optionally `splits.json`.

    people.csv     one row a person in a picture; or several, one an annotator
      picture                       the file in images/
      person                        who it is in that picture; any name
      head_x, head_y                the upper left corner of the box around the head
      head_width, head_height       its sides
      gaze_x, gaze_y                what the person looks at; empty where that is outside of the picture, or unknown
      in_frame                      1: it is on the picture, 0: it is not; may be empty, or the column may be missing
      eye_x, eye_y                  between the eyes; may be missing
      annotator                     who says so; may be missing
    images/        pictures
    splits.json    {"train": ["a.jpg", ...], "val": [...], "test": [...]}: names of pictures

All numbers are pixels of the picture from its top left corner. The rows of one person of one picture are annotators who
judge the same head, whose box is the first row's; the target is on the picture where at least half of those who say so
say it is. Where `in_frame` is empty, a point says that it is, and no point says nothing. A row that is wrong is named
in a warning and left out; a header that lacks a column refuses the table.
"""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data.atomic import atomic_write
from data.errors import Defect, GazeError, TableError, refuse, unreadable
from data.following.people import LARGEST, People, Person, on_picture, points_on, tell_left_out
from data.gaze import Picture
from data.picture import is_valid_name
from data.table import cache, cells, schema
from data.table.columns import FOUND, Form
from data.table.read import read_splits
from data.table.splits import NAMES, split

FILE = "people.csv"
HEAD, GAZE, EYE = ("head_x", "head_y", "head_width", "head_height"), ("gaze_x", "gaze_y"), ("eye_x", "eye_y")
FORM = Form(("picture", "person", *HEAD, *GAZE), ("in_frame", *EYE, "annotator"))
FEWEST = 3  # pictures that are divided into train, val and test where nobody says how
Key = tuple[str, str]  # picture, person


class Row(NamedTuple):
    """What one annotator says of one person; NaN is what is not said."""

    line: int
    picture: str
    person: str
    head: tuple[float, ...]
    gaze: tuple[float, ...]
    eye: tuple[float, ...]
    in_frame: bool | None


@dataclass
class _Judged:
    """A person as the rows so far tell."""

    line: int
    head: tuple[float, ...]
    eye: tuple[float, ...]
    gaze: list[tuple[float, ...]] = field(default_factory=list)
    said: list[bool] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """One more annotator."""
        pointed = not any(map(math.isnan, row.gaze))
        if pointed and row.in_frame is not False:
            self.gaze.append(row.gaze)
        if row.in_frame is not None or pointed:
            self.said.append(row.in_frame is not False)


def sniff(root: Path) -> bool:
    """Whether a folder is of this format."""
    return (root / FILE).is_file()


def people(root: Path) -> People:
    """The people of each split: of splits.json, else of every ten pictures eight, one and one; of fewer than three all.

    Raises:
        TableError: The table is missing or no such table, or splits.json cannot be understood.
    """
    root = Path(root)
    defects: list[object] = []
    judged: dict[Key, _Judged] = {}
    for row in _rows(root / FILE, defects):
        judged.setdefault((row.picture, row.person), _Judged(row.line, row.head, row.eye)).add(row)
    sizes, found = cache.Sizes(root), list[tuple[str, Person]]()
    for (picture, name), told in judged.items():
        path = root / "images" / picture
        try:
            width, height = sizes(picture, path)
            where = f"{root / FILE}, line {told.line}"
            found.append((picture, _person(path, (height, width), f"{picture}:{name}", told, where)))
        except GazeError as error:
            defects.append(error)
    sizes.save()
    tell_left_out(defects)
    return _divided(root, found)


def _person(path: Path, size: tuple[int, int], name: str, told: _Judged, where: str) -> Person:
    """The person of some rows.

    Raises:
        GazeError: The head's box is none, or lies outside of the picture.
    """
    in_frame = sum(told.said) * 2 >= len(told.said) if told.said else None
    gaze = np.array(told.gaze if in_frame else [], np.float64).reshape(-1, 2)
    eye = None if any(map(math.isnan, told.eye)) else points_on(np.array([told.eye]), size)[0]
    return Person(path, size, on_picture(told.head, size, where), eye, points_on(gaze, size), in_frame, name)


def _divided(root: Path, found: list[tuple[str, Person]]) -> People:
    """The people of each split by the names of their pictures; those whose picture no split names are in none."""
    names = sorted({picture for picture, _ in found})
    named = read_splits(root)
    if not named and len(names) < FEWEST:
        named = {"test": names}
    elif not named:
        parts = split((Picture(name, 1, 1), ()) for name in names)
        named = {part: [picture.name for picture, _ in items] for part, items in parts.items()}
    split_of: dict[str, str] = {}
    for part, pictures in named.items():
        for name in pictures:
            if split_of.setdefault(name, part) != part:
                problem = f"picture {name!r} is in {split_of[name]!r} and again in {part!r}"
                refuse(Defect(str(root / "splits.json"), None, problem, "keep it once"))
    parts_of = {part: list[Person]() for part in dict.fromkeys((*NAMES, *named))}
    for picture, person in found:
        if picture in split_of:
            parts_of[split_of[picture]].append(person)
    return parts_of


def _rows(path: Path, defects: list[object]) -> Iterator[Row]:
    """The rows that can be understood; what is wrong with each other one is added to `defects`.

    Raises:
        TableError: The file is missing, no such table, or no text.
    """
    try:
        with path.open("rb") as file:
            for block in cells.read(file, path, refuse, FORM):
                defects += block.defects
                yield from _of_block(block, path, defects)
    except OSError as error:
        refuse(unreadable(path, error))


def _of_block(block: cells.Cells, path: Path, defects: list[object]) -> Iterator[Row]:
    numbers = {
        name: schema._numbers(block.columns[name]) if name in block.columns else np.full(len(block.line), np.nan)
        for name in (*HEAD, *GAZE, *EYE)
    }
    texts = {name: block.columns[name].to_pylist() for name in ("picture", "person")}
    said = block.columns["in_frame"].to_pylist() if "in_frame" in block.columns else [None] * len(block.line)
    for at, line in enumerate(block.line.tolist()):
        picture, person, word = texts["picture"][at] or "", texts["person"][at] or "", (said[at] or "").lower()
        head, gaze, eye = (tuple(float(numbers[name][at]) for name in names) for names in (HEAD, GAZE, EYE))
        problem = _problem(picture, person, head, gaze, eye, word)
        if problem:
            defects.append(Defect(str(path), line, *problem))
        else:
            yield Row(line, picture, person, head, gaze, eye, FOUND[word])


def _problem(
    picture: str, person: str, head: tuple[float, ...], gaze: tuple[float, ...], eye: tuple[float, ...], word: str
) -> tuple[str, str] | None:
    """What is wrong with a row, and what to do about it."""
    if not is_valid_name(picture):
        return f"picture is {picture[:40]!r}", "write the name of a file in images/"
    if not person or len(person) > 255 or not person.isprintable():
        return f"person is {person[:40]!r}", "write a name"
    if any(not abs(value) < LARGEST for value in head):
        return "the head's box is not four numbers", "write x, y, width and height in pixels"
    for name, point in (("gaze", gaze), ("eye", eye)):
        if any(map(math.isinf, point)) or math.isnan(point[0]) != math.isnan(point[1]):
            return f"{name}_x and {name}_y are no point", "write two numbers of pixels, or leave both empty"
        if any(abs(value) >= LARGEST for value in point):
            return f"{name}_x and {name}_y are on no picture", "write pixels of the picture"
    if word not in FOUND:
        return f"in_frame is {word[:40]!r}", "write 1, 0 or nothing"
    if word and FOUND[word] and math.isnan(gaze[0]):
        return "in_frame is 1, but there is no gaze_x and gaze_y", "write the point, or nothing into in_frame"
    return None


def write(root: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write people.csv of rows by column; what is None, or missing, is empty.

    Raises:
        TableError: A row has a column that the format does not know.
    """
    names = [*FORM.needed, *FORM.others]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        if unknown := set(row) - set(names):
            raise TableError(f"{root / FILE}: there is no column {min(unknown)!r}; choose among {', '.join(names)}.")
        writer.writerow({name: "" if value is None else value for name, value in row.items()})
    with atomic_write(root / FILE) as file:
        file.write(text.getvalue().encode())
