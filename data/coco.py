"""The reader of COCO files: pictures, their sizes and the objects on them.

A file is parsed once and indexed by picture. `Coco(path, report)` reads the objects.json of a data set in the table
format, which must be complete, and reports every defect; `read(path)` reads what annotation tools and detectors write,
and refuses only what concerns the picture that it is asked for. data/README.md says which parts are read. Boxes
(`bbox`) are x, y, width, height in pixels; `data.outlines` has the outlines (`segmentation`).
https://cocodataset.org/#format-data
"""

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Bool

from data.errors import Defect, GazeError, Report, Sizes, TableError, read_json, refuse, short_reason
from data.gaze import Objects
from data.outlines import around, fill

Boxes = list[tuple[list[float], str, dict[str, object]]]  # box, category and attributes of each object

MOST = 250_000_000  # pixels of masks: more would not fit into memory
LARGEST = 2**30  # pixels: no side of a picture is as long
MISTAKES = (KeyError, TypeError, ValueError, OverflowError, AttributeError)  # what an entry that is not COCO raises


@dataclass(frozen=True)
class Annotation:
    """One object on a picture."""

    position: int  # of the entry in the file's list
    box: tuple[float, float, float, float]  # x, y, width, height in pixels
    category: str
    attributes: dict[str, object]
    score: float | None  # 0 to 1, from a detector
    outline: Any  # its `segmentation` as it stands in the file


@dataclass
class AnnotatedPicture:
    """A picture of the file, what is annotated on it, and what is wrong with these entries."""

    name: str
    width: int = 0  # pixels; 0 where the file does not state it
    height: int = 0  # pixels; 0 where the file does not state it
    annotations: list[Annotation] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels; None where the file does not state both."""
        return (self.width, self.height) if self.width and self.height else None


class Coco:
    """A COCO file, parsed once; an entry that cannot be understood is reported and left out.

    `strict` asks for what a data set needs: the size of every picture, names and ids that are there once, a category
    for every object, and annotations of known pictures alone. Without it, defects of a picture's entries wait until
    `objects` is asked for that picture.
    """

    def __init__(self, path: Path, report: Report = refuse, strict: bool = True) -> None:
        self.path = path
        self.pictures: list[AnnotatedPicture] = []
        self._report, self._strict = report, strict
        self._categories: dict[Any, str] = {}
        self._by_id: dict[Any, AnnotatedPicture] = {}
        self._by_name: dict[tuple[str, ...], list[AnnotatedPicture]] = {}  # by the parts of the whole name
        self._by_basename: dict[str, list[AnnotatedPicture]] = {}
        content = read_json(path, report) if path.exists() or not strict else {}
        if content or not strict:
            self._parse(content)

    @property
    def sizes(self) -> Sizes:
        """Width and height of every picture."""
        return {picture.name: (picture.width, picture.height) for picture in self.pictures}

    @property
    def boxes(self) -> dict[str, Boxes]:
        """Box, category and attributes of every object of every picture."""
        return {
            picture.name: [(list(item.box), item.category, item.attributes) for item in picture.annotations]
            for picture in self.pictures
        }

    def _parse(self, content: dict[str, Any]) -> None:
        adders = {"categories": self._add_category, "images": self._add_picture, "annotations": self._add_annotation}
        for part, add in adders.items():
            entries = content.get(part)
            if part == "categories" and not self._strict:
                entries = entries or []
            if not isinstance(entries, list):
                remedy = "give a COCO file with 'images' and 'annotations'" + ", and 'categories'" * self._strict
                self._report(Defect(str(self.path), None, f"there is no list {part!r}", remedy))
                continue
            for position, entry in enumerate(entries):
                try:
                    add(position, entry)
                except MISTAKES as error:
                    self._report(self._defect(part, position, error))

    def _defect(self, part: str, position: int, error: Exception) -> Defect:
        what = f"no {error}" if isinstance(error, KeyError) else short_reason(error)
        remedy = "mend or remove this entry, which is not as COCO wants it"
        return Defect(str(self.path), None, f"{part}[{position}]: {what}", remedy)

    def _add_category(self, position: int, entry: Any) -> None:
        del position
        self._categories[entry["id"]] = str(entry["name"])

    def _add_picture(self, position: int, entry: Any) -> None:
        picture = AnnotatedPicture(str(entry["file_name"] if self._strict else entry.get("file_name") or ""))
        path = PurePosixPath(picture.name)
        twin = None
        try:
            picture.width, picture.height = self._size(entry)
            twin = self._by_id.get(entry["id"])
            if twin and twin.name == picture.name and not self._strict:
                return
            if twin or (self._strict and path.parts in self._by_name):
                raise ValueError(f"picture {picture.name!r} or its id is there twice")
            self._by_id[entry["id"]] = picture
        except MISTAKES as error:
            if self._strict:
                raise
            for named in (picture, twin) if twin else (picture,):
                named.defects.append(self._defect("images", position, error))
        self.pictures.append(picture)
        self._by_name.setdefault(path.parts, []).append(picture)
        self._by_basename.setdefault(path.name, []).append(picture)

    def _size(self, entry: dict[str, Any]) -> tuple[int, int]:
        if self._strict:
            width, height, smallest = int(entry["width"]), int(entry["height"]), 1
        else:
            width, height, smallest = int(entry.get("width") or 0), int(entry.get("height") or 0), 0
        if min(width, height) < smallest or max(width, height) >= LARGEST:
            raise ValueError(f"the size is {width} x {height} pixels")
        return width, height

    def _add_annotation(self, position: int, entry: Any) -> None:
        picture = self._by_id.get(entry["image_id"])
        if picture is None and self._strict:
            raise ValueError(f"the image_id {entry['image_id']!r} is unknown")
        if picture is None:
            return
        try:
            picture.annotations.append(self._annotation(position, entry, picture.size))
        except MISTAKES as error:
            if self._strict:
                raise
            picture.defects.append(self._defect("annotations", position, error))

    def _annotation(self, position: int, entry: dict[str, Any], size: tuple[int, int] | None) -> Annotation:
        outline, score = entry.get("segmentation"), None if self._strict else entry.get("score")
        bounds = around(outline, size) if outline and not entry.get("bbox") else entry["bbox"]
        x, y, width, height = (float(value) for value in bounds)
        if not all(abs(value) < LARGEST for value in (x, y, width, height)):
            raise ValueError(f"the box is {bounds}, which holds what is not a number of pixels")
        category = entry["category_id"] if self._strict else entry.get("category_id")
        if category not in self._categories and self._strict:
            raise ValueError(f"the category_id {category!r} is unknown")
        return Annotation(
            position,
            (x, y, width, height),
            self._categories.get(category, "object"),
            dict(entry.get("attributes") or {}),
            None if score is None else float(score),
            None if self._strict else outline,
        )

    def picture(self, name: str | None = None) -> AnnotatedPicture:
        """The file's only picture, or the one called `name`: "photos/a/x.jpg" is "a/x.jpg", else any other "x.jpg".

        Raises:
            TableError: the file has no such picture, or several of which any may be meant.
        """
        if not name:
            if len(self.pictures) == 1:
                return self.pictures[0]
            problem = f"it has {len(self.pictures)} pictures"
            raise TableError(f"{self.path}: {problem}; name the one that is meant.")
        parts, basename = PurePosixPath(name).parts, PurePosixPath(name).name
        whole = (self._by_name[parts[start:]] for start in range(len(parts)) if parts[start:] in self._by_name)
        matches = next(whole, None) or self._by_basename.get(basename, [])
        if not matches:
            problem = f"none of its {len(self.pictures)} pictures is {basename!r}"
            raise TableError(f"{self.path}: {problem}; name the one that is meant.")
        if len(matches) > 1:
            problem = f"{len(matches)} of its pictures are called {basename!r}, such as {matches[0].name!r} and "
            remedy = "give the picture in a folder as its file_name says, or keep one of them in the file"
            raise TableError(f"{self.path}: {problem}{matches[1].name!r}; {remedy}.")
        return matches[0]

    def objects(self, name: str | None = None, size: tuple[int, int] | None = None) -> Objects:
        """The objects of the file's only picture, or of the one called `name`; there may be none.

        Categories, attributes and scores are taken where they are there; masks, to a pixel, where every object has an
        outline that can be read and the file states the picture's size. Boxes are checked against this size, which
        must be the picture's own `size` (width, height) if that is given; without one only what no picture could hold
        is refused.

        Raises:
            TableError: there is no such picture, its size is another one, or an object on it has no place.
        """
        picture = self.picture(name)
        for defect in picture.defects:
            self._report(defect)
        if size and picture.size and picture.size != size:
            stated = f"{picture.name!r} has {picture.width} x {picture.height} pixels there"
            fact = f"but {size[0]} x {size[1]} in fact; give boxes of the picture as it is"
            raise TableError(f"{self.path}: {stated}, {fact}.")
        return self._checked(picture, self._objects(picture))

    def _objects(self, picture: AnnotatedPicture) -> Objects:
        items = picture.annotations
        scores = [item.score for item in items if item.score is not None]
        return Objects(
            np.array([item.box for item in items], np.float64).reshape(-1, 4),
            tuple(item.category for item in items),
            tuple(item.attributes for item in items),
            np.array(scores) if items and len(scores) == len(items) else None,
            self._masks(picture),
        )

    def _checked(self, picture: AnnotatedPicture, objects: Objects) -> Objects:
        from data.objects import check  # data.objects reads tables, whose objects this file reads

        far = int((objects.boxes[:, :2] + objects.boxes[:, 2:]).max(initial=1)) + 1
        try:
            return check(objects, picture.width or far, picture.height or far)
        except GazeError as error:
            raise TableError(f"{self.path}: {error}") from error

    def _masks(self, picture: AnnotatedPicture) -> Bool[np.ndarray, "n h w"] | None:
        """Which pixels are each object's; None where an outline cannot be read, or where there are too many pixels."""
        items, (width, height) = picture.annotations, picture.size or (0, 0)
        outlined = all(isinstance(item.outline, list | dict) and item.outline for item in items)
        if not items or not outlined or not 0 < len(items) * width * height <= MOST:
            return None
        masks = np.zeros((len(items), height, width), bool)
        for mask, item in zip(masks, items, strict=True):
            try:
                fill(mask, item.outline)
            except MISTAKES as error:
                if isinstance(item.outline, list):
                    self._report(self._defect("annotations", item.position, error))
                return None
        return masks if masks.any((1, 2)).all() else None


def read(path: Path | str) -> Coco:
    """A person's COCO file: `objects` gives what is on each of its pictures.

    Raises:
        TableError: the file is missing, is no JSON, or lacks `images` or `annotations`.
    """
    return Coco(Path(path), strict=False)
