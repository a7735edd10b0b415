"""The colours of heat: for each of 256 levels a colour, and how much of it lies over the picture.

Level 0 is transparent, so that what is quiet stays as it is on white and on dark; the colour grows denser with the
heat, half of the hottest is nearly covered as well as the hottest itself. The default, "plasma", is van der Walt's and
Smith's without its dark-to-bright end: its lightness rises from 16 to 84 (CIELAB) and no lighter, so that the hottest
spot is seen on white as well, and it rises for people who see two of three primary colours only. "turbo" does neither,
and stays for those who are used to it. "fog" goes the other way: it lays a grey veil over what is not looked at.
"""

import functools

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from data.errors import GazeError

PALETTES = ("plasma", "viridis", "cividis", "inferno", "magma", "turbo", "fog")
DEFAULT = PALETTES[0]
LEVELS = 256
FOG = (204, 208, 212)  # of the veil: lighter than most pictures, darker than a white page
BRIGHTEST = {"plasma": 0.9}  # where a palette ends; the others are used as a whole


def palette_table(palette: str = DEFAULT, opacity: float = 1.0) -> UInt8[np.ndarray, "256 4"]:
    """Red, green, blue and opacity (straight, not premultiplied) of each level of heat, 0 to 255.

    This table colours the heat maps of the app, of its downloads and of the command line alike. It cannot be written
    to.

    Raises:
        GazeError: There is no such palette, or the opacity is not in 0 to 1.

    >>> palette_table("plasma")[[0, 255]].tolist()
    [[13, 8, 135, 0], [252, 206, 37, 255]]
    """
    if palette not in PALETTES:
        raise GazeError(f"There is no palette {palette!r}; choose one of: {', '.join(PALETTES)}.")
    if not 0 <= opacity <= 1:
        raise GazeError(f"The opacity is {opacity:g}, but must lie between 0 (only the picture) and 1.")
    return _table(palette, float(opacity))


@functools.lru_cache(maxsize=64)
def _table(palette: str, opacity: float) -> UInt8[np.ndarray, "256 4"]:
    relative = np.arange(LEVELS, dtype=np.float32) / (LEVELS - 1)
    density = 1 - ramp(relative) if palette == "fog" else ramp(relative)
    table = np.rint(np.column_stack([_colours(palette, relative), 255 * opacity * density])).astype(np.uint8)
    table.flags.writeable = False  # the same array is given to all who ask for this palette
    return table


def _colours(palette: str, relative: Float32[np.ndarray, " n"]) -> Float32[np.ndarray, "n 3"]:
    """The colour of each relative density."""
    if palette == "fog":
        return np.tile(np.float32(FOG), (len(relative), 1))
    levels = np.arange(LEVELS, dtype=np.uint8)[:, None]
    whole = cv2.applyColorMap(levels, getattr(cv2, f"COLORMAP_{palette.upper()}"))[:, 0, ::-1]
    places = relative * BRIGHTEST.get(palette, 1) * (LEVELS - 1)
    return np.stack([np.interp(places, np.arange(LEVELS), channel) for channel in whole.T], 1).astype(np.float32)


def ramp(relative: Float32[np.ndarray, " n"]) -> Float32[np.ndarray, " n"]:
    """From 0 to 1, steeply at first, so that places half as hot as the hottest are well covered."""
    return np.asarray(np.sin(np.minimum(relative * np.float32(1.4), 1) * np.float32(np.pi / 2)), np.float32)
