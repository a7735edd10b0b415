"""The objects of a data set written as objects.json, in the form of COCO."""

from collections.abc import Mapping
from typing import Any

from data.errors import TableError
from data.gaze import Objects, Picture


def to_coco(pictures: list[Picture], objects: Mapping[str, Objects]) -> dict[str, list[dict[str, Any]]]:
    """What objects.json holds for these pictures; every name in `objects` must be one of theirs.

    Raises:
        TableError: There are objects of a picture that is none of these.
    """
    number = {picture.name: i for i, picture in enumerate(pictures, 1)}
    categories: dict[str, int] = {}
    annotations: list[dict[str, Any]] = []
    for name, of_picture in objects.items():
        if name not in number:
            raise TableError(f"Objects of {name!r}, which is none of the pictures; give its picture, too.")
        for i, box in enumerate(of_picture.boxes.tolist()):
            category = categories.setdefault(
                of_picture.categories[i] if of_picture.categories else "object", len(categories) + 1
            )
            entry = {"id": len(annotations) + 1, "image_id": number[name], "category_id": category, "bbox": box}
            entry |= {"area": box[2] * box[3], "iscrowd": 0}
            annotations.append(entry | ({"attributes": of_picture.attributes[i]} if of_picture.attributes else {}))
    images = [{"id": number[p.name], "file_name": p.name, "width": p.width, "height": p.height} for p in pictures]
    named = [{"id": i, "name": name} for name, i in categories.items()]
    return {"images": images, "annotations": annotations, "categories": named}
