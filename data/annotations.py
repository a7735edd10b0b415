"""The objects of one picture in a COCO file, as annotation tools and detectors write it.

Boxes (`bbox`: x, y, width, height in pixels), categories, `score`, `attributes`, and outlines (`segmentation`) as
polygons or as uncompressed run lengths. https://cocodataset.org/#format-data
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool

from data.errors import GazeError, TableError, read_json, refuse
from data.gaze import Objects
from data.objects import check

MOST = 250_000_000  # pixels of masks: more would not fit into memory


def read(path: Path | str, name: str | None = None, size: tuple[int, int] | None = None) -> Objects:
    """The objects that a COCO JSON file holds for its only picture, or for the one whose file_name is `name`.

    Categories, attributes and scores are taken where they are there; masks, to a pixel, where every object has an
    outline and the file states the picture's size. Boxes are checked against this size, which must be the picture's
    own `size` (width, height) if that is given; without one only what no picture could hold is refused. A picture may
    have no objects.
    """
    path = Path(path)
    coco = read_json(path, refuse)
    pictures, entries = _list(path, coco, "images"), _list(path, coco, "annotations")
    try:
        picture = _picture(path, pictures, name)
        kinds = {entry["id"]: str(entry["name"]) for entry in coco.get("categories") or ()}
        mine = [entry for entry in entries if entry["image_id"] == picture["id"]]
        boxes = np.array([entry["bbox"] for entry in mine], np.float64).reshape(len(mine), 4)
        scores = [float(entry["score"]) for entry in mine if "score" in entry]
        objects = Objects(
            boxes,
            tuple(kinds.get(entry.get("category_id"), "object") for entry in mine),
            tuple(dict(entry.get("attributes") or {}) for entry in mine),
            np.array(scores) if mine and len(scores) == len(mine) else None,
        )
        far = int(np.nan_to_num(boxes[:, :2] + boxes[:, 2:], posinf=0).max(initial=1)) + 1
        stated = int(picture.get("width") or far), int(picture.get("height") or far)
        if picture.get("width") and picture.get("height"):
            objects = replace(objects, masks=_masks([entry.get("segmentation") for entry in mine], stated))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, GazeError):
            raise
        raise TableError(f"{path}: an entry is not as COCO wants it ({error!r}); mend or remove it.") from error
    if size and picture.get("width") and picture.get("height") and stated != size:
        told = f"{picture['file_name']!r} has {stated[0]} x {stated[1]} pixels there"
        raise TableError(f"{path}: {told}, but {size[0]} x {size[1]} in fact; give boxes of the picture as it is.")
    try:
        return check(objects, *stated)
    except GazeError as error:
        raise TableError(f"{path}: {error}") from error


def _masks(outlines: list[Any], size: tuple[int, int]) -> Bool[np.ndarray, "n h w"] | None:
    """Which pixels are each object's; None where one has no outline that can be read, or where there are too many."""
    width, height = size
    known = all(isinstance(outline, list | dict) and outline for outline in outlines)
    if not outlines or not known or len(outlines) * width * height > MOST:
        return None
    masks = np.zeros((len(outlines), height, width), np.uint8)
    for mask, outline in zip(masks, outlines, strict=True):
        if isinstance(outline, dict):
            runs = outline.get("counts")
            if not isinstance(runs, list) or list(outline.get("size", ())) != [height, width]:
                return None  # compressed
            lengths = np.array(runs, int)
            flat = np.repeat(np.arange(len(lengths)) % 2, lengths)
            mask[:] = flat.reshape(width, height).T
        else:
            polygons = [np.floor(np.array(ring, float).reshape(-1, 2)).astype(np.int32) for ring in outline]
            cv2.fillPoly(mask, polygons, 1)
    filled = masks.astype(bool)
    return filled if filled.any((1, 2)).all() else None


def _list(path: Path, coco: dict[str, Any], part: str) -> list[Any]:
    if not isinstance(coco.get(part), list):
        raise TableError(f"{path}: there is no list {part!r}; give a COCO file with 'images' and 'annotations'.")
    return list(coco[part])


def _picture(path: Path, pictures: list[Any], name: str | None) -> dict[str, Any]:
    matches = [p for p in pictures if name and p["file_name"] == name]
    matches = pictures if not name and len(pictures) == 1 else matches
    matches = matches or [p for p in pictures if name and Path(p["file_name"]).name == Path(name).name]
    if not matches:
        problem = f"none of its {len(pictures)} pictures is {name!r}" if name else f"it has {len(pictures)} pictures"
        raise TableError(f"{path}: {problem}; name the one that is meant.")
    return dict(matches[0])
