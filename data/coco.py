"""The reader of COCO files: pictures, their sizes and the objects on them.

A file is parsed once and indexed by picture. `Coco(path, report)` reads the objects.json of a data set in the table
format, which must be complete, and reports every defect; `read(path)` reads what annotation tools and detectors write,
lists of detections among it, leaves out the entries that it cannot use, and tells how many of which kind in one line.
data/README.md says which parts are read. Boxes (`bbox`) are x, y, width, height in pixels; `data.annotations` reads an
entry, `data.outlines` the outlines (`segmentation`).
https://cocodataset.org/#format-data
"""

import logging
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Bool

from data import annotations as entries
from data.annotations import UNNAMED, AnnotatedPicture, Annotation, EntryError, Findings, Id, Note
from data.errors import Defect, GazeError, Report, Sizes, TableError, read_document, read_json, refuse
from data.gaze import Objects
from data.outlines import OutlineError, fill

logger = logging.getLogger(__name__)

Boxes = list[tuple[list[float], str, dict[str, object]]]  # box, category and attributes of each object
Tell = Callable[[str], None]  # takes a sentence

MOST = 250_000_000  # pixels of masks: more would not fit into memory


class Coco:
    """A COCO file, parsed once; an entry that cannot be used is left out.

    `strict` asks for what a data set needs: the size of every picture, names and ids that are there once, a category
    for every object, and annotations of known pictures alone; each defect is reported. Without it, what was left out
    is counted, and told when objects are first asked for. Crowds (`iscrowd`) are left out of both.
    """

    def __init__(self, path: Path, report: Report = refuse, strict: bool = True, tell: Tell = logger.warning) -> None:
        self.path = path
        self.pictures: list[AnnotatedPicture] = []
        self._report, self._strict, self._tell = report, strict, tell
        self._found = Findings()
        self._categories: dict[Id, str] = {}
        self._by_id: dict[Id, AnnotatedPicture] = {}
        self._by_name: dict[tuple[str, ...], list[AnnotatedPicture]] = {}  # by the parts of the whole name
        self._by_basename: dict[str, list[AnnotatedPicture]] = {}
        self._unnamed: dict[Id, AnnotatedPicture] = {}  # pictures of which the file has the id alone
        self._named = True  # whether categories are missed: lists of detections have none
        self._asked = ""  # the name by which such a picture was asked for
        self._taken_for = ""  # the same, where that name is not what the file says
        self._said = False  # whether a person was told of the file
        if not strict:
            self._parse_any(read_document(path, report))
        elif content := read_json(path, report) if path.exists() else {}:
            self._parse(content, "images", "categories", "annotations")

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

    def _parse_any(self, content: Any) -> None:
        """A person's file: a COCO file, of which categories and pictures may be missing, or a list of detections."""
        if isinstance(content, list):
            content, self._named = {"annotations": content}, False
        if not isinstance(content, dict) or not isinstance(content.get("annotations"), list):
            remedy = "give a COCO file with 'images' and 'annotations', or a list of detections"
            self._report(Defect(str(self.path), None, "there is no list 'annotations'", remedy))
            return
        if not isinstance(content.get("images"), list):
            self._number_pictures(content["annotations"])
        parts = [part for part in ("images", "categories") if isinstance(content.get(part), list)]
        self._parse(content, *parts, "annotations")

    def _number_pictures(self, annotations: list[Any]) -> None:
        """The pictures of a file that does not list them: one for each image_id."""
        for entry in annotations:
            key = entries.identity(entry.get("image_id")) if isinstance(entry, dict) else None
            if key is not None and key not in self._by_id:
                self._index(AnnotatedPicture(str(key)), key)
                self._unnamed[key] = self._by_id[key]
        if annotations and not self.pictures:
            problem = f"none of its {len(annotations)} entries says by an image_id on which picture it is"
            self._report(Defect(str(self.path), None, problem, "give a COCO file or a list of detections"))

    def _parse(self, content: dict[str, Any], *parts: str) -> None:
        adders = {"categories": self._add_category, "images": self._add_picture, "annotations": self._add_annotation}
        for part in parts:
            if not isinstance(content.get(part), list):
                remedy = "give a COCO file with 'images', 'annotations' and 'categories'"
                self._report(Defect(str(self.path), None, f"there is no list {part!r}", remedy))
                continue
            for position, entry in enumerate(content[part]):
                place = f"{part}[{position}]"
                try:
                    adders[part](position, entries.mapping(entry), self._note(place))
                except EntryError as error:
                    self._leave_out(place, error)

    def _note(self, place: str) -> Note:
        return entries.complete if self._strict else lambda kind, what: self._found.add(kind, place)

    def _leave_out(self, place: str, error: EntryError) -> None:
        if not self._strict:
            self._found.add(error.kind, place)
        elif error.kind != "crowd":
            remedy = "mend or remove this entry, which is not as COCO wants it"
            self._report(Defect(str(self.path), None, f"{place}: {error}", remedy))

    def _add_category(self, position: int, entry: dict[str, Any], note: Note) -> None:
        key, name = entries.identity(entry.get("id")), entry.get("name")
        if key is None or not isinstance(name, str | int):
            raise EntryError("entry", f"the category {entries.shown(name)} has the id {entries.shown(entry.get('id'))}")
        self._categories[key] = str(name)

    def _add_picture(self, position: int, entry: dict[str, Any], note: Note) -> None:
        key, name = entries.identity(entry.get("id")), entry.get("file_name")
        if not isinstance(name, str) or not name:
            note("name", "there is no 'file_name'")
            name = ""
        picture = AnnotatedPicture(name or str(key), *entries.size_of(entry, note, needed=self._strict))
        if key is None:
            picture.doubt = f"images[{position}] has no readable id, so that nothing tells which objects are on it"
            note("entry", f"there is no 'id' of the picture {picture.name!r}")
        twin = self._by_id.get(key) if key is not None else None
        if twin and twin.name == picture.name and not self._strict:
            return
        if twin or (self._strict and PurePosixPath(name).parts in self._by_name):
            doubt = f"images[{position}]: picture {picture.name!r} or its id is there twice"
            if self._strict:
                raise EntryError("entry", doubt.partition(": ")[2])
            for one in (picture, twin) if twin else (picture,):
                one.doubt = doubt
        self._index(picture, key)
        if not name and key is not None:
            self._unnamed[key] = picture

    def _index(self, picture: AnnotatedPicture, key: Id | None) -> None:
        path = PurePosixPath(picture.name)
        self.pictures.append(picture)
        if key is not None:
            self._by_id[key] = picture
        self._by_name.setdefault(path.parts, []).append(picture)
        self._by_basename.setdefault(path.name, []).append(picture)

    def _add_annotation(self, position: int, entry: dict[str, Any], note: Note) -> None:
        key = entries.identity(entry.get("image_id"))
        picture = self._by_id.get(key) if key is not None else None
        if entries.is_crowd(entry):
            raise EntryError("crowd", "a crowd")
        if picture is None:
            raise EntryError("unmatched", f"the image_id {entries.shown(entry.get('image_id'))} is unknown")
        try:
            picture.annotations.append(self._annotation(position, entry, picture.size, note))
        except EntryError as error:
            picture.faults.append(f"annotations[{position}]: {error}")
            raise

    def _annotation(self, position: int, entry: dict[str, Any], size: tuple[int, int] | None, note: Note) -> Annotation:
        box = entries.box_of(entry, size)
        if not self._strict:  # the validator words boxes without area on its own
            entries.check_box(box, *size or ())
        category = self._category(entry.get("category_id"), note)
        attributes = entries.attributes_of(entry, note)
        score, outline = (None, None) if self._strict else (entries.score_of(entry, note), entry.get("segmentation"))
        return Annotation(position, box, category, attributes, score, outline)

    def _category(self, stated: Any, note: Note) -> str:
        key = entries.identity(stated)
        name = self._categories.get(key) if key is not None else None
        if name is None and (self._strict or (stated is not None and self._named)):
            note("category", f"the category_id {entries.shown(stated)} is unknown")
        return name or UNNAMED

    def picture(self, name: str | None = None) -> AnnotatedPicture:
        """The file's only picture, or the one called `name`: "photos/a/x.jpg" is "a/x.jpg", else any other "x.jpg".

        A picture of which the file has the id alone is the one whose name, without its ending, is this id (with zeros
        before it, too, as COCO names its own). A number that is the only id of the file stands for the first picture
        that is asked for, and for no other.

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
        matches = next(whole, None) or self._by_basename.get(basename) or self._by_number(name)
        if not matches:
            problem = f"none of its {len(self.pictures)} pictures is {basename!r}"
            raise TableError(f"{self.path}: {problem}; name the one that is meant.")
        if len(matches) > 1:
            problem = f"{len(matches)} of its pictures are called {basename!r}, such as {matches[0].name!r} and "
            remedy = "give the picture in a folder as its file_name says, or keep one of them in the file"
            raise TableError(f"{self.path}: {problem}{matches[1].name!r}; {remedy}.")
        return matches[0]

    def _by_number(self, name: str) -> list[AnnotatedPicture]:
        """The picture without a name whose id is what the file's name says."""
        keys = entries.ids_in(PurePosixPath(name).stem)
        found = [self._unnamed[key] for key in keys if key in self._unnamed]
        only = next(iter(self._unnamed)) if len(self._unnamed) == len(self.pictures) == 1 else None
        if not found and len(keys) == 1 and isinstance(only, int) and self._asked in ("", name):
            self._taken_for = PurePosixPath(name).name
            found = [self._unnamed[only]]
        self._asked = name if found else self._asked
        return found[:1]

    def objects(self, name: str | None = None, size: tuple[int, int] | None = None) -> Objects:
        """The objects of the file's only picture, or of the one called `name`; there may be none.

        Categories, attributes and scores are taken where they are there; masks, to a pixel, where an outline can be
        read and the picture's size is known: an object without one has its box. `size` (width, height) is that of the
        picture in fact, which the file must not contradict. What leaves the picture is cut off; a box that lies wholly
        outside is left out. The first call tells what was left out of the file.

        Raises:
            TableError: there is no such picture, its size is another one, or nothing tells which objects are on it.
        """
        picture = self.picture(name)
        if picture.doubt:
            raise TableError(f"{self.path}: {picture.doubt}; give every picture an id of its own.")
        if size and picture.size and picture.size != size:
            stated = f"{picture.name!r} has {picture.width} x {picture.height} pixels there"
            fact = f"but {size[0]} x {size[1]} in fact; give boxes of the picture as it is"
            raise TableError(f"{self.path}: {stated}, {fact}.")
        items, faults = self._on(picture, size)
        if faults and not items:
            more = f", as {len(faults) - 1} more on this picture" if len(faults) > 1 else ""
            raise TableError(
                f"{self.path}: {faults[0]}{more}; mend or remove this entry, which is not as COCO wants it."
            )
        scores = [np.nan if item.score is None else item.score for item in items]
        objects = Objects(
            np.array([item.box for item in items], np.float64).reshape(-1, 4),
            tuple(item.category for item in items),
            tuple(item.attributes for item in items),
            np.array(scores) if any(item.score is not None for item in items) else None,
            self._masks(items, *size or picture.size or (0, 0)),
        )
        objects = self._cut(objects, *size or picture.size or (None, None))
        self._say()
        return objects

    def _on(self, picture: AnnotatedPicture, size: tuple[int, int] | None) -> tuple[list[Annotation], list[str]]:
        """The objects of which a part lies on the picture of this size, and what is wrong with all others."""
        items, faults = [], list(picture.faults)
        for item in picture.annotations:
            try:
                entries.check_box(item.box, *size or picture.size or ())
                items.append(item)
            except EntryError as error:
                self._leave_out(f"annotations[{item.position}]", error)
                faults.append(f"annotations[{item.position}]: {error}")
        return items, faults

    def _cut(self, objects: Objects, width: int | None, height: int | None) -> Objects:
        from data.objects import check  # data.objects reads tables, whose objects this file reads

        far = int((objects.boxes[:, :2] + objects.boxes[:, 2:]).max(initial=1)) + 1
        try:
            return check(objects, width or far, height or far)
        except GazeError as error:
            raise TableError(f"{self.path}: {error}") from error

    def _say(self) -> None:
        """Tells what was left out, and what the only picture was taken for; each time only what is new."""
        parts = [f"its only image_id is taken for {self._taken_for!r}"] if self._taken_for and not self._said else []
        if words := str(self._found):
            parts.append(f"{words}; mend or remove these entries")
        if parts:
            self._tell(f"{self.path}: {'; '.join(parts)}.")
        self._found, self._said = Findings(), True

    def _masks(self, items: list[Annotation], width: int, height: int) -> Bool[np.ndarray, "n h w"] | None:
        """Which pixels are each object's; None where no outline can be read, or where there are too many pixels."""
        from data.objects import window

        if not 0 < len(items) * width * height <= MOST or not any(item.outline for item in items):
            return None
        masks, outlined = np.zeros((len(items), height, width), bool), False
        for mask, item in zip(masks, items, strict=True):
            try:
                if item.outline:
                    fill(mask, item.outline)
            except OutlineError as error:
                self._leave_out(f"annotations[{item.position}]", EntryError("outline", str(error)))
            if mask.any():
                outlined = True
            else:
                mask[window(np.array(item.box), width, height)] = True
        return masks if outlined else None


def read(path: Path | str, tell: Tell = logger.warning) -> Coco:
    """A person's COCO file: `objects` gives what is on each of its pictures, and tells (`tell`) what was left out.

    Raises:
        TableError: the file is missing, is no JSON, or holds neither `annotations` nor a list of detections.
    """
    return Coco(Path(path), strict=False, tell=tell)
