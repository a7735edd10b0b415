"""Contours: the edges of the smallest regions that hold some shares of all looks, as lines and drawn on a picture."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from data import maps
from data.draw._canvas import INK, WHITE, Box, grain, paste, quietest
from data.draw._text import percent, tag
from data.draw.heatmap import check_shapes, relative_density

SHARES = (0.25, 0.5, 0.75)
FINE = 800  # cells: the longest side of the raster on which lines are followed; coarser maps are made as fine first
TOLERANCE = 0.35  # cells of that raster by which a line is straightened
Line = Float32[np.ndarray, "n 2"]  # x, y of each corner of a closed line


def contour_lines(
    density: Float[np.ndarray, "h w"], levels: Sequence[float] = SHARES, size: tuple[int, int] | None = None
) -> list[tuple[float, list[Line]]]:
    """For each share of all looks the closed lines around the smallest region that holds it, the longest line first.

    Lines are in pixels of a picture of `size` (width, height), by default of the density itself. A coarse map is
    interpolated first, so that its cells are not seen.

    Raises:
        GazeError: A level is not above 0 and at most 1.
    """
    edges = maps.edges_of(density, levels)
    rows, columns = density.shape
    finer = max(1, round(FINE / max(rows, columns)))
    fine = np.asarray(density, np.float32)
    if finer > 1:
        fine = cv2.resize(np.maximum(fine, fine.max() - 60), (columns * finer, rows * finer))
    width, height = size or (columns, rows)
    scale = np.array([width / fine.shape[1], height / fine.shape[0]], np.float32)
    found = []
    for level, edge in zip(levels, edges, strict=True):
        inside = (fine >= edge).astype(np.uint8)
        outlines = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)[0]
        lines = [cv2.approxPolyDP(line, TOLERANCE if finer > 1 else 0, closed=True)[:, 0] for line in outlines]
        lines.sort(key=len, reverse=True)
        found.append((level, [((line + np.float32(0.5)) * scale).astype(np.float32) for line in lines]))
    return found


def contours(
    picture: UInt8[np.ndarray, "h w 3"],
    density: Float[np.ndarray, "h w"],
    levels: Sequence[float] = SHARES,
    avoid: Sequence[Box] = (),
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with the outlines of the smallest regions that hold these shares of all looks, each labelled.

    A label lies outside of its line where little is looked at, never on the hottest spot, on another label or on what
    it is to `avoid`; without such a place it is left out.
    """
    check_shapes(picture, density)
    unit = grain(picture.shape)
    width = max(1, round(2 * unit))
    found = contour_lines(density, levels)
    lines = [np.rint(line - 0.5).astype(np.int32)[:, None] for _, each in found for line in each]
    halo = cv2.drawContours(np.array(picture), lines, -1, INK, width + max(2, round(2 * unit)), cv2.LINE_AA)
    drawn = np.asarray(cv2.addWeighted(halo, 0.6, picture, 0.4, 0), np.uint8)
    cv2.drawContours(drawn, lines, -1, WHITE, width, cv2.LINE_AA)
    labels = {level: tag(percent(level), unit) for level in levels}
    sizes = {level: (label.shape[1], label.shape[0]) for level, label in labels.items()}
    for level, box in label_places(density, found, sizes, (picture.shape[1], picture.shape[0]), avoid).items():
        paste(drawn, labels[level], box[:2])
    return drawn


def label_places(
    density: Float[np.ndarray, "h w"],
    found: Sequence[tuple[float, Sequence[Line]]],
    sizes: dict[float, tuple[int, int]],
    size: tuple[int, int],
    avoid: Sequence[Box] = (),
) -> dict[float, Box]:
    """Where the label of each contour lies (left, top, right, bottom) on a picture of `size` (width, height).

    `sizes` are the labels' own (width, height). What has no free place is left out.
    """
    relative = relative_density(density, None)
    heat = relative if relative.any() else np.zeros(density.shape, np.float32)
    taken, places = list(avoid), {}
    for level, lines in sorted(found, key=lambda each: each[0]):
        if not lines or not sizes.get(level):
            continue
        candidates = np.concatenate([_around(line, sizes[level]) for line in lines[:3]])
        box = quietest(candidates, sizes[level], size, heat, taken)
        if box is not None:
            places[level] = box
            taken.append(box)
    return places


def _around(line: Line, label: tuple[int, int]) -> Float32[np.ndarray, "k 2"]:
    """Upper left corners of a label that touches a closed line from outside, the topmost first."""
    walk = np.roll(line, -int(line[:, 1].argmin()), 0)
    steps = np.linalg.norm(np.diff(walk, axis=0, append=walk[:1]), axis=1)
    along = np.linspace(0, max(float(steps.sum()), 1e-6), 60, endpoint=False)
    reached = np.concatenate([[0], np.cumsum(steps)])
    closed = np.concatenate([walk, walk[:1]])
    points = np.stack([np.interp(along, reached, closed[:, axis]) for axis in (0, 1)], 1)
    ahead, behind = np.roll(points, -1, 0), np.roll(points, 1, 0)
    tangent = ahead - behind
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], 1)
    if cv2.contourArea(line, oriented=True) < 0:
        normal = -normal
    normal /= np.maximum(np.abs(normal).max(1, keepdims=True), 1e-6)
    half = np.array(label, np.float32) / 2
    return np.asarray(points + normal * (half + 2) - half, np.float32)
