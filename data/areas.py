"""Areas of interest (AOIs) of a picture: rectangles and polygons with a name, their pixels, and COCO in and out.

Points are in pixels of the picture from its top-left corner. A pixel belongs to an area when its centre does, so that
the probability of looking at an area is the sum over its pixels. Areas may overlap; a file of them is a COCO file
(https://cocodataset.org/#format-data) whose categories are the areas' names and whose `segmentation` is the outline.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float

from data import coco
from data.coco import Tell
from data.errors import GazeError, TableError
from data.gaze import Objects
from data.outlines import OutlineError, polygons
from data.plain_text import file_name, json_safe, visible

Point = tuple[float, float]
MOST = 200  # areas of a picture
CORNERS = 200  # of a polygon, at most
LONGEST = 60  # characters of a name


@dataclass(frozen=True)
class Area:
    """An area of interest; a rectangle has its four corners, clockwise from the top-left one."""

    name: str
    points: tuple[Point, ...]
    shape: Literal["rectangle", "polygon"] = "polygon"
    kind: str = ""  # what it was found as: "face", "object", "text"; "" where a person drew it

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x, y, width, height of the rectangle around it, in pixels."""
        xs, ys = zip(*self.points, strict=True)
        return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)

    def mask(self, height: int, width: int) -> Bool[np.ndarray, "h w"]:
        """The pixels of the picture whose centres lie inside; the one nearest to its middle where there is none."""
        drawn = np.zeros((height, width), np.uint8)
        if self.shape == "rectangle":
            left, top, wide, high = self.box
            columns = slice(max(0, round(left)), max(0, round(left + wide)))
            drawn[max(0, round(top)) : max(0, round(top + high)), columns] = 1
        else:
            drawn[:] = _inside(np.array(self.points), height, width)
        if not drawn.any():
            left, top, wide, high = self.box
            row, column = int(top + high / 2), int(left + wide / 2)
            drawn[min(max(row, 0), height - 1), min(max(column, 0), width - 1)] = 1
        return np.asarray(drawn.astype(bool))

    def scaled(self, across: float, down: float) -> "Area":
        """The same area on a picture that is so many times as wide and as high."""
        return replace(self, points=tuple((x * across, y * down) for x, y in self.points))


def _inside(points: Float[np.ndarray, "n 2"], height: int, width: int) -> Bool[np.ndarray, "h w"]:
    """Which pixel centres lie inside a polygon, by the even-odd rule."""
    inside = np.zeros((height, width), bool)
    x = np.arange(width) + 0.5
    rows = np.arange(height) + 0.5
    ends = np.roll(points, -1, 0)
    for (x0, y0), (x1, y1) in zip(points, ends, strict=True):
        if y0 == y1:
            continue
        crossed = np.flatnonzero((rows >= min(y0, y1)) & (rows < max(y0, y1)))
        at = x0 + (rows[crossed] - y0) * (x1 - x0) / (y1 - y0)
        inside[crossed] ^= x[None] > at[:, None]
    return inside


def rectangle(name: str, box: Sequence[float], kind: str = "") -> Area:
    """The area of a box x, y, width, height."""
    x, y, width, height = (float(value) for value in box)
    corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    return Area(name, corners, "rectangle", kind)


def checked(areas: Iterable[Area], width: int, height: int) -> tuple[Area, ...]:
    """The areas cut at the edge of a picture of this size, each with a name of its own.

    Raises:
        GazeError: An area has no extent on the picture or holds what is no number, or there are too many.
    """
    given, kept = list(areas), list[Area]()
    make_sure_of_few(len(given))
    for area in given:
        points = np.array(area.points, np.float64).reshape(-1, 2)
        if len(points) < 3 or len(points) > CORNERS or not np.isfinite(points).all():
            raise GazeError(f"The area {area.name!r} needs 3 to {CORNERS} corners that are numbers; draw it again.")
        points = np.clip(points, 0, (width, height)).round(2)
        if (np.ptp(points, 0) <= 0).any():
            raise GazeError(f"The area {area.name!r} lies outside of the picture of {width} x {height} pixels.")
        corners = tuple((float(x), float(y)) for x, y in points)
        kept.append(replace(area, name=_free(_name(area.name, len(kept)), kept), points=corners))
    return tuple(kept)


def make_sure_of_few(count: int) -> None:
    """No picture has more areas than `MOST`, whoever sends them; told before each of them is looked at.

    Raises:
        GazeError: There are more.
    """
    if count > MOST:
        raise GazeError(f"There are {count} areas; a picture may have {MOST}.")


def _name(name: str, number: int) -> str:
    return visible(" ".join(str(name).split()))[:LONGEST].strip() or f"Area {number + 1}"


def _free(name: str, others: Sequence[Area]) -> str:
    """The name, with a number where another area has it."""
    taken = {area.name for area in others}
    number, free = 2, name
    while free in taken:
        free, number = f"{name} {number}", number + 1
    return free


def as_objects(areas: Sequence[Area]) -> Objects:
    """The areas as objects of a picture: their boxes, names and kinds."""
    boxes = np.array([area.box for area in areas], np.float64).reshape(-1, 4)
    return Objects(boxes, tuple(area.name for area in areas), tuple({"kind": area.kind} for area in areas))


def from_objects(objects: Objects) -> tuple[Area, ...]:
    """The boxes of objects as areas, with their names and kinds."""
    names = objects.categories or ("",) * len(objects)
    known: Sequence[dict[str, object]] = objects.attributes or [{} for _ in names]
    return tuple(
        rectangle(name, box, str(attributes.get("kind", "")))
        for name, box, attributes in zip(names, objects.boxes.tolist(), known, strict=True)
    )


def to_coco(picture: str, width: int, height: int, areas: Sequence[Area]) -> str:
    """The areas of a picture as the text of a COCO file, which `from_coco` and `--objects` read."""
    names = list(dict.fromkeys(area.name for area in areas))
    entries = [
        {
            "id": number + 1,
            "image_id": 1,
            "category_id": names.index(area.name) + 1,
            "bbox": [round(value, 2) for value in area.box],
            "area": round(abs(_extent(area.points)), 2),
            "iscrowd": 0,
            "segmentation": [[round(value, 2) for point in area.points for value in point]],
            "attributes": {"shape": area.shape, **({"kind": area.kind} if area.kind else {})},
        }
        for number, area in enumerate(areas)
    ]
    document = {
        "images": [{"id": 1, "file_name": picture, "width": width, "height": height}],
        "categories": [{"id": number + 1, "name": name} for number, name in enumerate(names)],
        "annotations": entries,
    }
    return json_safe(json.dumps(document, indent=1, ensure_ascii=False)) + "\n"


def _extent(points: Sequence[Point]) -> float:
    """The area of a polygon (shoelace formula)."""
    x, y = np.array(points).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


@dataclass(frozen=True)
class AreaFile:
    """A COCO file with the areas of one picture or of many, read once."""

    found: coco.Coco
    _name: Callable[[str], str]  # puts the name that the person knows into a message

    @property
    def is_lone(self) -> bool:
        """Whether it has one picture alone, which is then taken for any."""
        return len(self.found.pictures) == 1

    def areas(self, picture: str, width: int, height: int) -> tuple[Area, ...]:
        """The areas of a picture of this size.

        Raises:
            GazeError: The file does not have the picture, or the picture has another size there.
        """
        try:
            name = None if self.is_lone else picture
            make_sure_of_few(len(self.found.picture(name).annotations))
            objects = self.found.objects(name, (width, height))
            items = {tuple(item.box): item for item in self.found.picture(name).annotations}
        except GazeError as error:
            raise TableError(self._name(str(error))) from error
        outlined = [_outlined(area, items) for area in from_objects(replace(objects, masks=None))]
        return checked(outlined, width, height)


def read_coco(content: bytes, file: str, tell: Tell) -> AreaFile:
    """A COCO file that a person brings; `tell` takes what was left out of it. `file` is its name, for messages.

    Raises:
        GazeError: It is no COCO file.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "areas.json"  # no name of a person's, which need not be one of a file
        shown = file_name(file)

        def name(message: str) -> str:
            return message.replace(str(path), shown)

        path.write_bytes(content)
        try:
            return AreaFile(coco.read(path, lambda sentence: tell(name(sentence))), name)
        except GazeError as error:
            raise TableError(name(str(error))) from error


def from_coco(content: bytes, file: str, picture: str, width: int, height: int, tell: Tell) -> tuple[Area, ...]:
    """The areas of a picture in a COCO file that a person brings; `tell` takes what was left out of it.

    A file of one picture is taken for it, whatever it calls it. An outline of one polygon stays one; anything else is
    its box. `file` and `picture` are names, for messages and to find the picture.

    Raises:
        GazeError: It is no COCO file, it does not have the picture, or the picture has another size there.
    """
    return read_coco(content, file, tell).areas(picture, width, height)


def _outlined(area: Area, items: dict[tuple[float, ...], Any]) -> Area:
    """An area with the outline that the file gives it, where that is one polygon and no rectangle."""
    item = items.get(area.box)
    outline = item.outline if item else None
    if item is None or not isinstance(outline, list) or item.attributes.get("shape") == "rectangle":
        return area
    try:
        parts = polygons(outline)
    except OutlineError:
        return area
    if len(parts) != 1 or not 3 <= len(parts[0]) <= CORNERS:
        return area
    return replace(area, points=tuple((float(x), float(y)) for x, y in parts[0]), shape="polygon")
