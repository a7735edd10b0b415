"""Boxes of objects drawn on a picture."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from data.draw._canvas import INK, WHITE, Box, grain, overlap, part, paste, veiled
from data.draw._text import tag
from data.gaze import Objects

NAMES = 200  # labels at most: more of them hide the picture


def boxes(
    picture: UInt8[np.ndarray, "h w 3"],
    objects: Objects,
    labels: Sequence[str] = (),
    values: Float[np.ndarray, " n"] | None = None,
    veil: float = 0.0,
    size: float = 1.0,
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with the outline of each object, and its label where there is room for it.

    `values`, from 0 to 1, say how strongly each outline shows. Labels of objects with higher values, or else of
    smaller ones, come first; a label that would cover another one is left out, and so are empty ones and those after
    the first `NAMES`. `veil` and `size` are as in `path`, which can be drawn over this without a veil of its own.
    """
    drawn = veiled(picture, veil)
    strength = np.ones(len(objects)) if values is None else np.clip(np.nan_to_num(values), 0, 1)
    unit = size * grain(picture.shape)
    for number in np.argsort(strength, kind="stable"):
        _outline(drawn, objects.boxes[number], 0.25 + 0.75 * float(strength[number]), unit)
    taken: list[Box] = []
    areas = objects.boxes[:, 2] * objects.boxes[:, 3]
    for number in np.lexsort((areas, -strength)) if len(labels) else ():
        if labels[number] and len(taken) < NAMES:
            _name(drawn, tag(labels[number], 0.8 * unit), objects.boxes[number], taken)
    return drawn


def _outline(canvas: UInt8[np.ndarray, "h w 3"], box: Float[np.ndarray, "4"], strength: float, unit: float) -> None:
    """A white frame on a dark casing, `strength` of it opaque."""
    thin, casing = max(1, round(1.6 * unit)), max(1, round(1.2 * unit))
    margin = thin + casing + 1
    room, corner = part(canvas, box[:2] - margin, box[:2] + box[2:] + margin)
    left, top = (round(float(value)) for value in box[:2] - corner)
    right, bottom = (max(round(float(value)) - 1, 0) for value in box[:2] + box[2:] - corner)
    cover = room.copy()
    cv2.rectangle(cover, (left, top), (right, bottom), INK, thin + 2 * casing, cv2.LINE_AA)
    cv2.rectangle(cover, (left, top), (right, bottom), WHITE, thin, cv2.LINE_AA)
    room[:] = cv2.addWeighted(cover, strength, room, 1 - strength, 0)


def _name(
    canvas: UInt8[np.ndarray, "h w 3"],
    label: UInt8[np.ndarray, "lh lw 3"],
    box: Float[np.ndarray, "4"],
    taken: list[Box],
) -> None:
    """Put a label on the upper edge of a box, or at the first of its corners where it fits and covers no other."""
    height, width = label.shape[:2]
    rows, columns = canvas.shape[:2]
    left, top, right, bottom = (round(float(v)) for v in (box[0], box[1], box[0] + box[2], box[1] + box[3]))
    for x, y in (
        (left, top - height),
        (left, top),
        (left, bottom),
        (right - width, top),
        (left, bottom - height),
        (right - width, bottom - height),
    ):
        position = x, y, x + width, y + height
        inside = x >= 0 and y >= 0 and position[2] <= columns and position[3] <= rows
        if inside and not any(overlap(position, other) for other in taken):
            taken.append(position)
            paste(canvas, label, (x, y))
            return
