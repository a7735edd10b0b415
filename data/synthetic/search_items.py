"""The items of displays of visual search: lines, arcs, lit discs, crosses, letters and bars, drawn smooth by OpenCV.

An item is a square tile of grey levels 0 to 255 on its ground; sizes are degrees of visual angle. Tiles are drawn eight
times larger and made smaller by area.
"""

import math

import cv2
import numpy as np
from jaxtyping import Float, Float64

FINER = 8  # times
Tile = Float64[np.ndarray, "y x"]


def _fine(pixels: float, ground: int) -> Tile:
    side = round(pixels) * FINER
    return np.full((side, side), float(ground))


def _reduced(tile: Tile) -> Tile:
    small = (tile.shape[1] // FINER, tile.shape[0] // FINER)
    return np.asarray(cv2.resize(tile, small, interpolation=cv2.INTER_AREA), np.float64)


def _turned(points: Float[np.ndarray, "n 2"], degrees: float, middle: float) -> Float[np.ndarray, "n 2"]:
    """Clockwise about the tile's middle, y down."""
    turn = math.radians(degrees)
    matrix = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    return np.asarray(points @ matrix + middle)


def _filled(tile: Tile, corners: Float[np.ndarray, "n 2"], level: float) -> None:
    """A polygon of which corners are given in fine pixels, edges between pixels."""
    cv2.fillPoly(tile, [np.round((corners - 0.5) * 256).astype(np.int32)], level, shift=8)


def _bar(length: float, width: float) -> Float[np.ndarray, "4 2"]:
    x, y = width / 2, length / 2
    return np.array([[-x, -y], [x, -y], [x, y], [-x, y]])


def curvature(what: str, pose: float, degree: int) -> Tile:
    """A white line, or an arc of a circle of 1 degree; its pose is the clockwise turn in degrees."""
    tile, unit = _fine(1.6 * degree, 0), degree * FINER
    shape = _bar(1.2, 0.2)
    if what == "arc":
        angles = np.linspace(-0.65, 0.65, 40)
        around = np.stack([np.cos(angles), np.sin(angles)], 1)
        shape = np.concatenate([around * (1 + 1 / 12), around[::-1] * (1 - 1 / 12)])
        shape[:, 0] -= (shape[:, 0].max() + shape[:, 0].min()) / 2
    _filled(tile, _turned(shape * unit, pose, len(tile) / 2), 255)
    return _reduced(tile)


def lighting(what: str, pose: float, degree: int) -> Tile:
    """A disc of 16 grey bands, brightest where it is lit from."""
    tile = _fine(1.04 * degree, 27)
    side = len(tile)
    bands = np.broadcast_to((255 - np.arange(side) * 16 // side * 17.0)[:, None], (side, side))
    lit = {"top": bands, "bottom": bands[::-1], "left": bands.T, "right": bands.T[:, ::-1]}[what]
    y, x = np.mgrid[:side, :side] + 0.5 - side / 2
    tile[np.hypot(y, x) <= side / 2] = lit[np.hypot(y, x) <= side / 2]
    return _reduced(tile)


STROKES = {  # degrees in a square of 5.5: left, top, right, bottom of each bar
    "cross": ((2.475, 0, 3.025, 5.5), (0, 1.65, 5.5, 2.2)),
    "no crossing": ((2.475, 0, 3.025, 5.5), (0, 1.65, 2.75, 2.2), (2.75, 3.3, 5.5, 3.85)),
    "L": ((0, 0, 0.55, 5.5), (0, 4.95, 5.5, 5.5)),
    "T": ((2.475, 0, 3.025, 5.5), (0, 0, 5.5, 0.55)),
}


def strokes(what: str, pose: float, degree: int) -> Tile:
    """Two bars: a cross, two halves of one, an L or a T; its pose is 0 to 3: as it is, flipped, transposed, both."""
    tile, unit = _fine(5.9 * degree, 255), degree * FINER
    for left, top, right, bottom in STROKES[what]:
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) - 2.75
        _filled(tile, corners * unit + len(tile) / 2, 0)
    tile = tile[::-1] if int(pose) & 1 else tile
    return _reduced(np.ascontiguousarray(tile.T if int(pose) & 2 else tile))


def tilted(what: str, pose: float, degree: int) -> Tile:
    """A bar; its pose is the clockwise turn in degrees."""
    tile, unit = _fine(2.1 * degree, 255), degree * FINER
    _filled(tile, _turned(_bar(2.0, 0.3) * unit, pose, len(tile) / 2), 0)
    return _reduced(tile)
