"""Predictions seen: a picture and a log density in, a new picture out.

Heat maps, regions, strips of slices and the legend, drawn so that they read well on a picture of 200 pixels and on one
of 4000. Nothing here writes to the caller's arrays, and nothing loads more than NumPy, OpenCV and Pillow.

Shapes: `h w` picture, `t` slices of time. Pictures are RGB uint8; a density is a natural-log density per pixel.
"""

import functools
from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from data.draw.palettes import DEFAULT, LEVELS, palette_table
from data.draw.palettes import PALETTES as PALETTES

BAND = 1 << 16  # pixels that are coloured in one go


def heatmap(
    picture: UInt8[np.ndarray, "h w 3"],
    density: Float[np.ndarray, "h w"],
    opacity: float = 0.6,
    palette: str = DEFAULT,
    peak: float | None = None,
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture under colours that grow denser where it is looked at more; what is quiet stays readable.

    The hottest colour belongs to the log density `peak`, or else to the density's own maximum. "fog" goes the other
    way: it hides what is not looked at. A flat density has no hot place: without `peak`, the picture comes back as is.
    """
    check_shapes(picture, density)
    top = np.inf if peak is None and _flat(density) else float(density.max()) if peak is None else peak
    return _painted(picture, lambda band: relative_density(density[band], top), opacity, palette)


def relative_density(density: Float[np.ndarray, "h w"], peak: float | None) -> Float[np.ndarray, "h w"]:
    """Density over the density at `peak`: 0 to 1."""
    if peak is None and _flat(density):
        return np.zeros(density.shape, np.float32)
    below = np.subtract(density, np.float32(density.max() if peak is None else peak), dtype=np.float32)
    if peak is not None:
        np.minimum(below, 0, out=below)
    return np.asarray(cv2.exp(below, dst=below), np.float32)


def _flat(density: Float[np.ndarray, "h w"]) -> bool:
    low, high = float(density.min()), float(density.max())
    if not np.isfinite(high) or np.isnan(low):
        raise ValueError(f"A log density must have a finite maximum and no NaN, but it lies between {low} and {high}.")
    return high - low < 1e-3


def blend(
    picture: UInt8[np.ndarray, "h w 3"], relative: Float[np.ndarray, "h w"], opacity: float, palette: str
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture under the colours of a palette, denser where `relative` (0 to 1) is higher.

    Heat is taken in the 256 levels of `palette_table`, and sums are rounded in 8 bits: at most 3 grey levels
    beside the formula in floats.

    Raises:
        GazeError: There is no such palette, or the opacity is not in 0 to 1.
    """
    return _painted(picture, lambda band: relative[band], opacity, palette)


def _painted(
    picture: UInt8[np.ndarray, "h w 3"],
    relative: Callable[[slice], Float[np.ndarray, "_h w"]],
    opacity: float,
    palette: str,
) -> UInt8[np.ndarray, "h w 3"]:
    """As `blend`, with the relative density of a band of rows from a function."""
    remains, colours = _table(opacity, palette)
    drawn = np.empty(picture.shape, np.uint8)
    for top in range(0, len(picture), rows := max(1, BAND // picture.shape[1])):  # what a core's cache holds
        band = slice(top, top + rows)
        levels = cv2.convertScaleAbs(relative(band), alpha=LEVELS - 1)
        faded = cv2.multiply(picture[band], cv2.merge([cv2.LUT(levels, remains)] * 3), scale=1 / 255)
        cv2.add(faded, cv2.applyColorMap(levels, colours), dst=drawn[band])
    return drawn


@functools.lru_cache(maxsize=64)
def _table(opacity: float, palette: str) -> tuple[UInt8[np.ndarray, "256"], UInt8[np.ndarray, "256 1 3"]]:
    """Of each of 256 levels of heat: how much of the picture remains (255: all), and the colour that is added to it."""
    table = palette_table(palette, opacity)
    alpha = table[:, 3:].astype(np.float32) / 255
    return 255 - table[:, 3], np.rint(alpha * table[:, :3]).astype(np.uint8)[:, None]


def check_shapes(picture: UInt8[np.ndarray, "h w 3"], density: Float[np.ndarray, "h w"]) -> None:
    """Checks that a picture is RGB uint8 and that the density has its size.

    Raises:
        ValueError: One of them has another shape or type.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(f"A picture must be uint8 (h, w, 3), but this one is {picture.dtype} {picture.shape}.")
    if density.shape != picture.shape[:2]:
        raise ValueError(f"A density of shape {density.shape} does not fit a picture of shape {picture.shape}.")
