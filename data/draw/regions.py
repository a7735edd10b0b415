"""Regions, contours and boxes of objects drawn on a picture."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from data.draw._canvas import INK, WHITE, grain, overlap, part, paste, veiled
from data.draw._text import tag
from data.draw.heatmap import check_shapes
from data.gaze import Objects
from data.maps import regions_of

NAMES = 200  # labels at most: more of them hide the picture


def contours(
    picture: UInt8[np.ndarray, "h w 3"],
    density: Float[np.ndarray, "h w"],
    levels: Sequence[float] = (0.25, 0.5, 0.75),
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with the outlines of the smallest regions that hold these shares of all fixations, each labelled."""
    check_shapes(picture, density)
    unit = grain(picture.shape)
    width = max(1, round(2 * unit))
    masks = {level: inside.astype(np.uint8) for level, inside in zip(levels, regions_of(density, levels), strict=True)}
    outlines = {
        level: cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)[0] for level, mask in masks.items()
    }
    lines = [line for each in outlines.values() for line in each]
    halo = cv2.drawContours(np.array(picture), lines, -1, INK, width + max(2, round(2 * unit)), cv2.LINE_AA)
    drawn = np.asarray(cv2.addWeighted(halo, 0.6, picture, 0.4, 0), np.uint8)
    cv2.drawContours(drawn, lines, -1, WHITE, width, cv2.LINE_AA)
    taken: list[tuple[int, int, int, int]] = []
    for level in sorted(outlines):
        largest = max(outlines[level], key=cv2.contourArea)
        _place(drawn, tag(f"{level:.0%}", unit), largest[:, 0], taken)
    return drawn


def _place(
    canvas: UInt8[np.ndarray, "h w 3"],
    label: UInt8[np.ndarray, "lh lw 3"],
    outline: np.ndarray,
    taken: list[tuple[int, int, int, int]],
) -> None:
    """Put a label outside of an outline (points x, y): above it, or at the first place around it that is free."""
    height, width = label.shape[:2]
    rows, columns = canvas.shape[:2]
    if height > rows or width > columns:
        return
    start = int(outline[:, 1].argmin())
    walk = np.roll(outline, -start, 0)[:: max(1, len(outline) // 60)]
    away = walk - outline.mean(0)
    away = away / np.maximum(np.abs(away).max(1, keepdims=True), 1)
    corners = (walk + away * (width / 2, height / 2) - (width / 2, height / 2)).round().astype(int)
    corners = np.clip(corners, 0, (columns - width, rows - height))
    boxes = [(left, top, left + width, top + height) for left, top in corners.tolist()]
    free = [box for box in boxes if not any(overlap(box, other) for other in taken)]
    box = free[0] if free else boxes[0]
    taken.append(box)
    paste(canvas, label, box[:2])


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
    taken: list[tuple[int, int, int, int]] = []
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
    taken: list[tuple[int, int, int, int]],
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
