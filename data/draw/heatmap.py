"""Predictions seen: a picture and a log density in, a new picture out.

Heat maps, regions, strips of slices and the legend, drawn so that they read well on a picture of 200 pixels and on one
of 4000. Nothing here writes to the caller's arrays, and nothing loads more than NumPy, OpenCV and Pillow.

Shapes: `h w` picture, `t` slices of time. Pictures are RGB uint8; a density is a natural-log density per pixel.
"""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from data.errors import GazeError

FOG = 150  # the grey that the palette "fog" lays over what is not looked at
PALETTES = ("turbo", "viridis", "inferno", "magma", "fog")


def heatmap(
    picture: UInt8[np.ndarray, "h w 3"],
    density: Float[np.ndarray, "h w"],
    opacity: float = 0.6,
    palette: str = "turbo",
    peak: float | None = None,
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture under colours that grow denser where it is looked at more; what is quiet stays readable.

    The hottest colour belongs to the log density `peak`, or else to the density's own maximum. "fog" goes the other
    way: it hides what is not looked at. A flat density has no hot place: without `peak`, the picture comes back as is.
    """
    check_shapes(picture, density)
    return blend(picture, relative_density(density, peak), opacity, palette)


def relative_density(density: Float[np.ndarray, "h w"], peak: float | None) -> Float[np.ndarray, "h w"]:
    """Density over the density at `peak`: 0 to 1."""
    if peak is None and _flat(density):
        return np.zeros(density.shape, np.float32)
    top = float(density.max()) if peak is None else peak
    return np.exp(np.minimum(density - np.float32(top), 0), dtype=np.float32)


def _flat(density: Float[np.ndarray, "h w"]) -> bool:
    low, high = float(density.min()), float(density.max())
    if not np.isfinite(high) or np.isnan(low):
        raise ValueError(f"A log density must have a finite maximum and no NaN, but it lies between {low} and {high}.")
    return high - low < 1e-3


def blend(
    picture: UInt8[np.ndarray, "h w 3"], relative: Float[np.ndarray, "h w"], opacity: float, palette: str
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture under the colours of a palette, denser where `relative` (0 to 1) is higher.

    Raises:
        GazeError: There is no such palette, or the opacity is not in 0 to 1.
    """
    if palette not in PALETTES:
        raise GazeError(f"There is no palette {palette!r}; choose one of: {', '.join(PALETTES)}.")
    if not 0 <= opacity <= 1:
        raise GazeError(f"The opacity is {opacity:g}, but must lie between 0 (only the picture) and 1.")
    alpha = np.float32(opacity) * (1 - _ramp(relative) if palette == "fog" else _ramp(relative))
    colours = np.full(picture.shape, FOG, np.uint8) if palette == "fog" else _colours(relative, palette)
    return np.asarray(cv2.blendLinear(colours, picture, alpha, 1 - alpha), np.uint8)


def _colours(relative: Float[np.ndarray, "h w"], palette: str) -> UInt8[np.ndarray, "h w 3"]:
    levels = cv2.convertScaleAbs(relative, alpha=255)
    coloured = cv2.applyColorMap(levels, getattr(cv2, f"COLORMAP_{palette.upper()}"))
    return np.asarray(cv2.cvtColor(coloured, cv2.COLOR_BGR2RGB), np.uint8)


def _ramp(relative: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """From 0 to 1, steeply at first, so that places half as hot as the hottest are well covered."""
    return np.asarray(np.sin(np.minimum(relative * np.float32(1.4), 1) * np.float32(np.pi / 2)), np.float32)


def check_shapes(picture: UInt8[np.ndarray, "h w 3"], density: Float[np.ndarray, "h w"]) -> None:
    """Checks that a picture is RGB uint8 and that the density has its size.

    Raises:
        ValueError: One of them has another shape or type.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(f"A picture must be uint8 (h, w, 3), but this one is {picture.dtype} {picture.shape}.")
    if density.shape != picture.shape[:2]:
        raise ValueError(f"A density of shape {density.shape} does not fit a picture of shape {picture.shape}.")
