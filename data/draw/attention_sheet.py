"""A search step by step on one sheet: the picture under the attention map of each fixation, which the next one follows.

Shapes: `h w` picture, `l` fixations, of which each but the last has a map of `g v` cells; RGB uint8.
"""

import math

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from data.draw._canvas import INK, WHITE, grain, paste
from data.draw._text import tag
from data.draw.heatmap import blend
from data.draw.palettes import DEFAULT

TILE = 320  # pixels: the longer side of a picture on the sheet
COLUMNS = 4
MOST = 60  # maps: of longer searches the first ones


def attention_sheet(
    picture: UInt8[np.ndarray, "h w 3"],
    maps: Float[np.ndarray, "s g v"],
    xy: Float[np.ndarray, "l 2"],
    cell: tuple[float, float],
    palette: str = DEFAULT,
) -> UInt8[np.ndarray, "sh sw 3"]:
    """Each map on the picture, in the order of the fixations: from where it is seen (dot), where the gaze goes (ring).

    `cell` is how wide and how high a cell of a map is, in pixels of the picture. Heat runs from the median of a map to
    its highest place; one that is barred (not finite) has none. Without maps, the picture with its only fixation.
    """
    shrink = min(1.0, TILE / max(picture.shape[:2]))
    size = max(1, round(picture.shape[1] * shrink)), max(1, round(picture.shape[0] * shrink))
    ground = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    scale = np.array([size[0] / picture.shape[1], size[1] / picture.shape[0]])
    tiles = [_tile(ground, None, xy[:1] * scale, palette, 1)] if not len(maps) else []
    for number in range(min(len(maps), MOST)):
        heat = _laid(maps[number], size, np.array(cell) * scale)
        tiles.append(_tile(ground, heat, xy[number : number + 2] * scale, palette, number + 1))
    columns = min(COLUMNS, len(tiles))
    rows, gap = math.ceil(len(tiles) / columns), max(2, round(0.02 * TILE))
    sheet = np.full((rows * (size[1] + gap) + gap, columns * (size[0] + gap) + gap, 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        paste(sheet, tile, (gap + column * (size[0] + gap), gap + row * (size[1] + gap)))
    return sheet


def relative(attention: Float[np.ndarray, "g v"]) -> Float[np.ndarray, "g v"]:
    """A map from 0, its lowest place, to 1; 0 where it is barred, and everywhere where it is flat."""
    known = np.isfinite(attention)
    low, high = (float(attention[known].min()), float(attention[known].max())) if known.any() else (0.0, 0.0)
    if high <= low:
        return np.zeros(attention.shape, np.float32)
    return np.where(known, (np.where(known, attention, low) - low) / (high - low), 0).astype(np.float32)


def _laid(
    attention: Float[np.ndarray, "g v"], size: tuple[int, int], cell: Float[np.ndarray, "2"]
) -> Float[np.ndarray, "h w"]:
    """A map as it lies on a picture of this width and height, beyond which its last cells may reach."""
    y = np.minimum((np.arange(size[1]) + 0.5) / cell[1], attention.shape[0] - 1e-3)
    x = np.minimum((np.arange(size[0]) + 0.5) / cell[0], attention.shape[1] - 1e-3)
    heat = relative(attention)
    middle = float(np.median(heat))
    heat = np.maximum(heat - middle, 0) / max(1 - middle, 1e-6)
    return np.asarray(heat[y.astype(int)[:, None], x.astype(int)], np.float32)


def _tile(
    ground: UInt8[np.ndarray, "h w 3"],
    heat: Float[np.ndarray, "h w"] | None,
    xy: Float[np.ndarray, "_n 2"],
    palette: str,
    number: int,
) -> UInt8[np.ndarray, "h w 3"]:
    drawn = ground.copy() if heat is None else blend(ground, heat, 0.6, palette)
    unit = grain((TILE, TILE))
    for place, radius, width in zip(xy, (7 * unit, 14 * unit), (-1, max(1, round(3 * unit))), strict=False):
        at = round(float(place[0])), round(float(place[1]))
        cv2.circle(drawn, at, round(radius + 2.5 * unit), INK, width if width < 0 else width + 2, cv2.LINE_AA)
        cv2.circle(drawn, at, round(radius), WHITE, width, cv2.LINE_AA)
    paste(drawn, tag(str(number), unit), (0, 0))
    return drawn
