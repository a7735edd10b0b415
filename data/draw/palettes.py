"""The colours of heat: for each of 256 levels a colour, and how much of it lies over the picture.

Level 0 is transparent, so that what is quiet stays as it is on white and on dark; the colour grows denser with the
heat, and half of the hottest is covered as well as the hottest itself.

plasma    the default: van der Walt's and Smith's without its brightest tenth. Its lightness rises from 16 to 84
          (CIELAB), so that the hottest spot is light enough to see what lies under it, and dark enough to be seen on
          white. At the usual opacity two heats that are 15 % of the hottest apart differ by more than 5.8 units on
          white and on black, also for people who see no red, green or blue (Machado et al. 2009)
turbo     for those who are used to it: there such heats differ by less than 1 for some, and the hottest is dark
fog       goes the other way: it lays a grey veil over what is not looked at
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
GAMMA = np.float32(0.7)  # what holds half of all looks is often a fifth as hot as the peak: this gives it colour
STEEP, UNVEIL = 2.0, 3.0  # heat covers all that it may from 1 / STEEP of the hottest on; a veil is gone at 1 / UNVEIL
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
    table: UInt8[np.ndarray, "256 4"] = _table(palette, float(opacity))
    return table


@functools.lru_cache(maxsize=64)
def _table(palette: str, opacity: float) -> UInt8[np.ndarray, "256 4"]:
    relative = np.arange(LEVELS, dtype=np.float32) / (LEVELS - 1)
    covered = 1 - ramp(relative, UNVEIL) if palette == "fog" else ramp(relative)
    exact = np.column_stack([_colours(palette, relative**GAMMA), 255 * opacity * covered])
    table = np.asarray(np.rint(exact), np.uint8)
    table.flags.writeable = False  # the same array is given to all who ask for this palette
    return table


def _colours(palette: str, warmth: Float32[np.ndarray, " n"]) -> Float32[np.ndarray, "n 3"]:
    """The colour at places of a palette from 0 to 1."""
    if palette == "fog":
        return np.tile(np.array(FOG, np.float32), (len(warmth), 1))
    levels = np.arange(LEVELS, dtype=np.uint8)[:, None]
    whole = cv2.applyColorMap(levels, getattr(cv2, f"COLORMAP_{palette.upper()}"))[:, 0, ::-1]
    places = warmth * BRIGHTEST.get(palette, 1) * (LEVELS - 1)
    return np.stack([np.interp(places, np.arange(LEVELS), channel) for channel in whole.T], 1).astype(np.float32)


def ramp(relative: Float32[np.ndarray, " n"], steep: float = STEEP) -> Float32[np.ndarray, " n"]:
    """From 0 to 1, which it reaches at 1 / `steep` of the hottest."""
    return np.asarray(np.sin(np.minimum(relative * np.float32(steep), 1) * np.float32(np.pi / 2)), np.float32)
