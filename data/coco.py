"""`objects.json` of the table format: pictures, their sizes and the boxes on them, in COCO form.

data/README.md says which parts of COCO are read. Boxes are x, y, width, height in pixels.
"""

import math
from pathlib import Path
from typing import Any

from data.errors import Defect, Report, Sizes, read_json, short_reason

Boxes = list[tuple[list[float], str, dict[str, object]]]  # box, category and attributes of each object


class Coco:
    """What objects.json says of each picture; an entry that cannot be understood is reported and left out."""

    def __init__(self, path: Path, report: Report) -> None:
        self.sizes: Sizes = {}
        self.boxes: dict[str, Boxes] = {}
        self._categories: dict[Any, str] = {}
        self._names: dict[Any, str] = {}
        coco = read_json(path, report) if path.exists() else {}
        for part in ("categories", "images", "annotations") if coco else ():
            entries = coco.get(part)
            if not isinstance(entries, list):
                report(Defect(str(path), None, f"no list {part!r}", "write the COCO form of data/README.md"))
                continue
            for position, entry in enumerate(entries):
                try:
                    getattr(self, f"_{part}_entry")(entry)
                except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
                    what = f"no {error}" if isinstance(error, KeyError) else short_reason(error)
                    report(Defect(str(path), None, f"{part}[{position}]: {what}", "mend or remove this entry"))

    def _categories_entry(self, entry: Any) -> None:
        self._categories[entry["id"]] = str(entry["name"])

    def _images_entry(self, entry: Any) -> None:
        name, width, height = str(entry["file_name"]), int(entry["width"]), int(entry["height"])
        if width < 1 or height < 1:
            raise ValueError(f"the size is {width} x {height} pixels")
        if entry["id"] in self._names or name in self.sizes:
            raise ValueError(f"picture {name!r} or its id is there twice")
        self._names[entry["id"]], self.sizes[name], self.boxes[name] = name, (width, height), []

    def _annotations_entry(self, entry: Any) -> None:
        x, y, width, height = (float(value) for value in entry["bbox"])
        if not math.isfinite(x + y + width + height):
            raise ValueError(f"the box is {entry['bbox']}")
        for key, known in (("image_id", self._names), ("category_id", self._categories)):
            if entry[key] not in known:
                raise ValueError(f"the {key} {entry[key]!r} is unknown")
        item = [x, y, width, height], self._categories[entry["category_id"]], dict(entry.get("attributes") or {})
        self.boxes[self._names[entry["image_id"]]].append(item)
