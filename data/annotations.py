"""One entry of a COCO file: what is taken of it, and how what cannot be taken is counted and told.

Boxes are x, y, width, height in pixels. Ids are compared by what they say, not by their JSON type: "1" is 1.
https://cocodataset.org/#format-data
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from data.outlines import OutlineError, around

Box = tuple[float, float, float, float]
Id = int | str
Size = tuple[int, int]  # width and height in pixels

LARGEST = 2**30  # pixels: no side of a picture is as long
UNNAMED = "object"  # the category of an object that has none
LEFT_OUT = {  # kinds of entries of which nothing is taken: one of them, several
    "entry": ("entry that is not as COCO wants it", "entries that are not as COCO wants them"),
    "crowd": ("crowd", "crowds"),
    "unmatched": ("annotation of no picture in the file", "annotations of no picture in the file"),
    "place": ("object without a box or a readable outline", "objects without a box or a readable outline"),
    "box": ("box that is not four numbers of pixels", "boxes that are not four numbers of pixels"),
    "area": ("box without area", "boxes without area"),
    "outside": ("box outside of its picture", "boxes outside of their picture"),
}
IN_PART = {  # kinds of entries that are taken without some part
    "name": ("picture without a name", "pictures without a name"),
    "size": ("picture without a readable size", "pictures without a readable size"),
    "category": ("object of an unknown category", "objects of an unknown category"),
    "attributes": ("object without readable attributes", "objects without readable attributes"),
    "score": ("score that is not from 0 to 1", "scores that are not from 0 to 1"),
    "outline": ("outline that cannot be read", "outlines that cannot be read"),
}


class EntryError(ValueError):
    """What is wrong with an entry; `kind` is one of `LEFT_OUT` or `IN_PART`, the message says what is there."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(what)
        self.kind = kind


Note = Callable[[str, str], None]  # takes the kind and what is there; an entry goes on without the part


def complete(kind: str, what: str) -> None:
    """The note of readers that want every entry whole.

    Raises:
        EntryError: Always.
    """
    raise EntryError(kind, what)


class Findings:
    """What was left out of a file, by kind, with the place of the first of each."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._first: dict[str, str] = {}

    def add(self, kind: str, place: str) -> None:
        """Counts one more entry of a kind; `place` is such as "annotations[3]"."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        self._first.setdefault(kind, place)

    def __str__(self) -> str:
        """In words, on one line; "" where nothing was left out.

        >>> found = Findings()
        >>> for place in ("annotations[3]", "annotations[5]"):
        ...     found.add("crowd", place)
        >>> print(found)
        left out: 2 crowds (first annotations[3])
        """
        parts = (("left out", LEFT_OUT), ("read in part", IN_PART))
        told = {
            head: [self._words(kind, kinds[kind]) for kind in self._counts if kind in kinds] for head, kinds in parts
        }
        return "; ".join(f"{head}: {', '.join(words)}" for head, words in told.items() if words)

    def _words(self, kind: str, words: tuple[str, str]) -> str:
        count, first = self._counts[kind], self._first[kind]
        return f"1 {words[0]} ({first})" if count == 1 else f"{count} {words[1]} (first {first})"


@dataclass(frozen=True)
class Annotation:
    """One object on a picture."""

    position: int  # of the entry in the file's list
    box: Box  # x, y, width, height in pixels
    category: str
    attributes: dict[str, object]
    score: float | None  # 0 to 1, from a detector
    outline: Any  # its `segmentation` as it stands in the file


@dataclass
class AnnotatedPicture:
    """A picture of the file, and what is annotated on it."""

    name: str  # the file's; where it gives none, the picture's id
    width: int = 0  # pixels; 0 where the file does not state it
    height: int = 0  # pixels; 0 where the file does not state it
    annotations: list[Annotation] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)  # what is wrong with each entry that was left out, crowds apart
    doubt: str = ""  # why nobody can tell which objects are on it

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels; None where the file does not state both."""
        return (self.width, self.height) if self.width and self.height else None


def shown(value: Any) -> str:
    """A value as it stands in a file, on one line and not for ever."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def mapping(entry: Any) -> dict[str, Any]:
    """The entry, which must be a JSON object.

    Raises:
        EntryError: It is another thing.
    """
    if not isinstance(entry, dict):
        raise EntryError("entry", f"{shown(entry)} is not a JSON object")
    return entry


def identity(value: Any) -> Id | None:
    """An id as it is compared; None for what is no id.

    >>> [identity(value) for value in (1, 1.0, "1", "01", "street", True, None, 1.5)]
    [1, 1, 1, '01', 'street', None, None, None]
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str):
        text = value.strip()
        return int(text) if re.fullmatch(r"0|-?[1-9][0-9]{0,17}", text) else text or None
    return value if isinstance(value, int) else None


def ids_in(stem: str) -> list[Id]:
    """The ids that the name of a picture's file, without its ending, may stand for; two where it ends in a number.

    >>> ids_in("000000000139"), ids_in("COCO_val2014_000000000139"), ids_in("street_2")
    ([139, '000000000139'], [139, 'COCO_val2014_000000000139'], ['street_2'])
    """
    digits = re.fullmatch(r"(?:.*_)?([0-9]{12})|([0-9]{1,18})", stem)
    return [stem] if digits is None else [int(digits[1] or digits[2]), stem]


def number(value: Any) -> float | None:
    """A number of pixels, also one that is written as text; None for anything else, and for more than any picture has.

    >>> [number(value) for value in (1, "2.5", True, float("nan"), 1e300, "x", None)]
    [1.0, 2.5, None, None, None, None, None]
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        pixels = float(value)
    except (ValueError, OverflowError):
        return None
    return pixels if abs(pixels) < LARGEST else None


def size_of(entry: Mapping[str, Any], note: Note, needed: bool) -> Size:
    """Width and height of a picture in pixels; 0, 0 where they are unknown."""
    stated = entry.get("width"), entry.get("height")
    if not needed and not all(stated):
        return 0, 0
    for name, value in zip(("width", "height"), stated, strict=True):
        if value is None:
            note("size", f"there is no {name}")
    width, height = (number(value) for value in stated)
    if width is None or height is None or min(width, height) < 1 or width % 1 or height % 1:
        note("size", f"the size is {shown(stated[0])} x {shown(stated[1])} pixels")
        return 0, 0
    return int(width), int(height)


def is_crowd(entry: Mapping[str, Any]) -> bool:
    """Whether the entry marks a region of many things that nobody told apart."""
    return entry.get("iscrowd") in (1, "1", "true", "True")


def box_of(entry: Mapping[str, Any], size: Size | None) -> Box:
    """The box of an object, or the one around its outline where there is none; it may leave the picture.

    Raises:
        EntryError: There is neither, or it is no box.
    """
    stated = entry.get("bbox")
    if stated is None or stated == []:
        outline = entry.get("segmentation")
        if not outline:
            raise EntryError("place", "there is no 'bbox'")
        try:
            stated = around(outline, size).tolist()
        except OutlineError as error:
            raise EntryError("place", str(error)) from error
    values = [number(value) for value in stated] if isinstance(stated, list) else []
    x, y, width, height = values if len(values) == 4 else (None,) * 4
    if x is None or y is None or width is None or height is None:
        raise EntryError("box", f"the box is {shown(stated)}, which is not four numbers of pixels")
    return x, y, width, height


def check_box(box: Box, width: float = math.inf, height: float = math.inf) -> None:
    """Refuses a box of which no part lies on a picture of this size.

    Raises:
        EntryError: It has no area, or lies wholly outside.
    """
    x, y, w, h = box
    if not (w > 0 and h > 0 and x + w > x and y + h > y):
        raise EntryError("area", f"the box {x:g}, {y:g}, {w:g}, {h:g} has no area")
    if not (min(x + w, width) > max(x, 0) and min(y + h, height) > max(y, 0)):
        size = f" of {width:g} x {height:g} pixels" if math.isfinite(width) else ""
        raise EntryError("outside", f"the box {x:g}, {y:g}, {w:g}, {h:g} lies outside of the picture{size}")


def attributes_of(entry: Mapping[str, Any], note: Note) -> dict[str, object]:
    """What else is said of an object."""
    stated = entry.get("attributes") or {}
    if isinstance(stated, dict):
        return dict(stated)
    note("attributes", f"the attributes are {shown(stated)}, which is not a JSON object")
    return {}


def score_of(entry: Mapping[str, Any], note: Note) -> float | None:
    """How sure a detector was, 0 to 1; NaN where what is written says nothing, None where nothing is written."""
    stated = entry.get("score")
    if stated is None:
        return None
    score = number(stated)
    if score is None or not 0 <= score <= 1:
        note("score", f"the score is {shown(stated)}, which is not from 0 to 1")
        return math.nan
    return score
