"""What people may look at in a picture: its areas, what was found in it, the cells of a grid, or boxes of a COCO file.

All of them are `Area`s with names of their own, so that whatever is measured on areas is measured on these.
"""

from collections.abc import Sequence
from dataclasses import replace
from string import ascii_uppercase

import numpy as np
import streamlit as st
from jaxtyping import Float

from app.web import predictions
from app.web.predictions import View
from app.web.workspace import StoredPicture
from data import objects
from data.areas import MOST, Area, checked, from_coco, from_objects
from data.coco import Tell
from data.gaze import Objects
from export.runtime.saliency import Predictor
from export.runtime.scene_objects import LEAST, scene_objects

AREAS, FOUND, GRID, FILE = "Your areas", "What was found", "A grid", "A COCO file"
COVERED = 0.5  # of a found object inside an area: then it is the area's


def found(model: Predictor, stored: StoredPicture, view: View) -> tuple[Area, ...]:
    """The objects, faces and texts that stand out in a picture; regions of one colour where the model finds none."""
    if view.objects is not None and len(view.objects) >= LEAST:
        return named(from_objects(apart(view.objects)), view.size)
    return _regions(model, stored, view.condition, predictions.view_key(model, stored, view.condition))


@st.cache_resource(max_entries=30, show_spinner="Looking for what stands out …")
def _regions(_model: Predictor, _stored: StoredPicture, condition: str, key: tuple[object, ...]) -> tuple[Area, ...]:
    del key
    image, prediction = predictions.full(_model, _stored, condition)
    regions = replace(scene_objects(image, prediction), masks=None)
    return named(from_objects(regions), _stored.size)


def apart(found: Objects) -> Objects:
    """The found objects without those that lie mostly on a better one: faces and text first, then the surest.

    A look at two things at once says nothing about which of them came first.
    """
    kinds = [str(each.get("kind", "")) for each in found.attributes] or [""] * len(found)
    sure = np.zeros(len(found)) if found.confidences is None else found.confidences
    order = sorted(range(len(found)), key=lambda n: (kinds[n] in ("", "object"), -sure[n], n))
    kept: list[int] = []
    for number in order:
        if not kept or _shared(found.boxes[[number]], found.boxes[kept]).max() <= COVERED:
            kept.append(number)
    some = np.array(sorted(kept))
    return Objects(
        found.boxes[some],
        tuple(found.categories[n] for n in some) if found.categories else (),
        tuple(found.attributes[n] for n in some) if found.attributes else (),
    )


def _shared(one: Float[np.ndarray, "n 4"], others: Float[np.ndarray, "m 4"]) -> Float[np.ndarray, "n m"]:
    """How much of the smaller of two boxes lies in the other, from 0 to 1."""
    low = np.maximum(one[:, None, :2], others[None, :, :2])
    high = np.minimum((one[:, :2] + one[:, 2:])[:, None], (others[:, :2] + others[:, 2:])[None])
    least = np.minimum(one[:, 2:].prod(1)[:, None], others[:, 2:].prod(1)[None])
    return np.asarray(np.maximum(high - low, 0).prod(2) / np.maximum(least, 1e-9))


def named(areas: Sequence[Area], size: tuple[int, int]) -> tuple[Area, ...]:
    """The areas, of which those that have no name get one of their kind, and names begin with a capital."""
    some = areas[:MOST]
    called = [area.name or f"{area.kind or 'object'} {number + 1}" for number, area in enumerate(some)]
    names = [name[:1].upper() + name[1:] for name in called]
    return checked((replace(area, name=name) for area, name in zip(some, names, strict=True)), *size)


def with_found(areas: Sequence[Area], others: Sequence[Area], size: tuple[int, int]) -> tuple[Area, ...]:
    """The areas, and of the found objects those that no area covers, as many as a picture may have."""
    free = [other for other in others if not any(_covered(other, area) for area in areas)]
    return checked([*areas, *free][:MOST], *size)


def _covered(thing: Area, area: Area) -> bool:
    """Whether an area holds most of a thing's box, or the thing most of the area's."""
    return bool(_shared(np.array([thing.box]), np.array([area.box])).max() > COVERED)


def grid(size: tuple[int, int], rows: int, columns: int) -> tuple[Area, ...]:
    """The cells of a grid, named as those of a spreadsheet: A1, B1 ... from the top-left one.

    >>> [cell.name for cell in grid((40, 30), 2, 2)]
    ['A1', 'B1', 'A2', 'B2']
    """
    cells = objects.grid(*size, rows, columns)
    names = [f"{letters(column)}{row + 1}" for row in range(rows) for column in range(columns)]
    order = np.lexsort((cells.boxes[:, 0], cells.boxes[:, 1]))
    boxes = from_objects(replace(cells, categories=(), attributes=()))
    return checked((replace(boxes[n], name=name) for n, name in zip(order, names, strict=True)), *size)


def letters(number: int) -> str:
    """Letters as the columns of a spreadsheet have them.

    >>> [letters(number) for number in (0, 25, 26, 702)]
    ['A', 'Z', 'AA', 'AAA']
    """
    rest, last = divmod(number, 26)
    return (letters(rest - 1) if rest else "") + ascii_uppercase[last]


def of_file(stored: StoredPicture, file: str, content: bytes, tell: Tell) -> tuple[Area, ...]:
    """The objects that a COCO file has for the picture; `tell` takes what was left out.

    Raises:
        GazeError: It is no COCO file, it does not have the picture, or there are too many objects.
    """
    return named(from_coco(content, file, stored.name, *stored.size, tell), stored.size)
