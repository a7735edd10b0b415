"""Predictions seen: a picture and a log density in, a new picture out.

Heat maps, regions, strips of slices and the legend, drawn so that they read well on a picture of 200 pixels and on one
of 4000. Nothing here writes to the caller's arrays, and nothing loads more than NumPy, OpenCV and Pillow.

Shapes: `h w` picture, `t` slices of time. Pictures are RGB uint8; a density is a natural-log density per pixel.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from data import GazeError

FOG = 150  # the grey that the palette "fog" lays over what is not looked at
PALETTES = ("turbo", "viridis", "inferno", "magma", "fog")
PANEL = 480  # pixels: the longest side of a slice in a strip
_WHITE, _INK = (255, 255, 255), (28, 30, 36)


def heat(
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
    _matches(picture, density)
    return _blend(picture, _relative(density, peak), opacity, palette)


def contours(
    picture: UInt8[np.ndarray, "h w 3"],
    density: Float[np.ndarray, "h w"],
    levels: Sequence[float] = (0.25, 0.5, 0.75),
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with the outlines of the smallest regions that hold these shares of all looks, each labelled."""
    _matches(picture, density)
    unit = grain(picture.shape)
    width = max(1, round(2 * unit))
    masks = {level: inside.astype(np.uint8) for level, inside in zip(levels, _regions(density, levels), strict=True)}
    outlines = {
        level: cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)[0] for level, mask in masks.items()
    }
    lines = [line for each in outlines.values() for line in each]
    halo = cv2.drawContours(np.array(picture), lines, -1, _INK, width + max(2, round(2 * unit)), cv2.LINE_AA)
    drawn = np.asarray(cv2.addWeighted(halo, 0.6, picture, 0.4, 0), np.uint8)
    cv2.drawContours(drawn, lines, -1, _WHITE, width, cv2.LINE_AA)
    taken: list[tuple[int, int, int, int]] = []
    for level in sorted(outlines):
        largest = max(outlines[level], key=cv2.contourArea)
        _place(drawn, tag(f"{level:.0%}", unit), largest[:, 0], taken)
    return drawn


def region(density: Float[np.ndarray, "h w"], level: float) -> Bool[np.ndarray, "h w"]:
    """The smallest region that holds at least this share of the probability; pixels of equal density stay together.

    >>> region(np.log(np.array([[0.1, 0.2], [0.3, 0.4]])), 0.5).tolist()
    [[False, False], [True, True]]
    """
    return _regions(density, (level,))[0]


def strip(
    picture: UInt8[np.ndarray, "h w 3"],
    slices: Float[np.ndarray, "t h w"],
    times: Sequence[tuple[float, float]],
    opacity: float = 0.6,
    palette: str = "turbo",
) -> UInt8[np.ndarray, "sh sw 3"]:
    """The heat maps of the slices side by side, each with its time below and on its own scale.

    One scale for all would leave late slices blank: people scatter as they go on looking. `times` holds the start and
    end of each slice in seconds. Panels are at most `PANEL` pixels long.
    """
    if not len(slices) or len(slices) != len(times):
        raise ValueError(
            f"A strip needs one time for each slice, but there are {len(slices)} slices, {len(times)} times."
        )
    _matches(picture, slices[0])
    height, width = picture.shape[:2]
    scale = min(1.0, PANEL / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    gap = max(4, round(0.02 * size[0]))
    panels = []
    for plane, time in zip(slices, times, strict=True):
        relative = cv2.resize(_relative(plane, None), size, interpolation=cv2.INTER_AREA)
        panels.append(_panel(_blend(small, relative, opacity, palette), caption(time), gap))
    rows = panels[0].shape[0]
    spaces = np.full((rows, gap, 3), 255, np.uint8)
    return np.hstack([piece for panel in panels for piece in (spaces, panel)] + [spaces])


def legend(width: int, palette: str = "turbo") -> UInt8[np.ndarray, "lh width 3"]:
    """The palette as a bar of this many pixels, with "less" at its quiet end and "more" at its hot one."""
    unit = min(2.5, max(0.75, width / 300))
    height = round(20 * unit)
    canvas = np.full((height, max(1, width), 3), 255, np.uint8)
    texts = [_text(word, 13 * unit, _INK, _WHITE) for word in ("less", "more")]
    ends = [text.shape[1] for text in texts] if width >= 60 else [0, 0]
    bar = max(1, width - sum(ends))
    steps = np.linspace(0, 1, bar, dtype=np.float32)[None].repeat(max(4, height * 2 // 3), 0)
    ground = np.full((*steps.shape, 3), 255, np.uint8)
    paste(canvas, _blend(ground, steps, 1.0, palette), (ends[0], (height - steps.shape[0]) // 2))
    if width >= 60:
        for text, left in zip(texts, (0, width - ends[1]), strict=True):
            paste(canvas, text, (left, (height - text.shape[0]) // 2))
    return canvas


def caption(time: tuple[float, float]) -> str:
    """A slice's start and end in seconds, as people read it.

    >>> caption((0.0, 1.0))
    '0–1 s'
    """
    return f"{time[0]:g}–{time[1]:g} s"


def _relative(density: Float[np.ndarray, "h w"], peak: float | None) -> Float[np.ndarray, "h w"]:
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


def _blend(
    picture: UInt8[np.ndarray, "h w 3"], relative: Float[np.ndarray, "h w"], opacity: float, palette: str
) -> UInt8[np.ndarray, "h w 3"]:
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


def _regions(density: Float[np.ndarray, "h w"], levels: Sequence[float]) -> list[Bool[np.ndarray, "h w"]]:
    for level in levels:
        if not 0 < level <= 1:
            raise GazeError(f"A region cannot hold {level:g} of all looks: a level lies above 0 and is at most 1.")
    probability = np.exp(density, dtype=np.float64)
    falling = np.sort(probability, axis=None)[::-1]
    mass = np.cumsum(falling)
    places = np.searchsorted(mass, np.asarray(levels) * mass[-1] * (1 - 1e-12))
    return [probability >= falling[min(place, falling.size - 1)] for place in places]


def grain(shape: tuple[int, ...]) -> float:
    """What lines and letters scale with: 1 for a picture of 1000 pixels, never too small to read."""
    return max(0.45, max(shape[:2]) / 1000)


def _text(
    words: str, size: float, ink: tuple[int, int, int], ground: tuple[int, int, int]
) -> UInt8[np.ndarray, "h w 3"]:
    """Words on a plain ground, in a box that fits them; the height depends on the size only.

    Pillow's own font has no en dash, so a hyphen stands in for it.
    """
    words = words.replace("–", "-")
    font = ImageFont.load_default(max(9, round(size)))
    margin = max(2, round(0.35 * size))
    width = round(ImageDraw.Draw(Image.new("RGB", (1, 1))).textlength(words, font)) + 2 * margin
    height = round(max(9, size) * 1.4)
    image = Image.new("RGB", (width, height), ground)
    ImageDraw.Draw(image).text((width / 2, height / 2), words, ink, font, anchor="mm")
    return np.asarray(image)


def tag(words: str, unit: float) -> UInt8[np.ndarray, "h w 3"]:
    """White words on a dark ground, in the size that `unit` (see `grain`) asks for."""
    return _text(words, 20 * unit, _WHITE, _INK)


def _panel(image: UInt8[np.ndarray, "h w 3"], words: str, gap: int) -> UInt8[np.ndarray, "ph pw 3"]:
    """An image over its caption on white."""
    text = _text(words, max(12.0, 0.075 * image.shape[1]), _INK, _WHITE)
    height, width = image.shape[:2]
    columns = max(width, text.shape[1])
    canvas = np.full((gap + height + text.shape[0] + gap // 2, columns, 3), 255, np.uint8)
    paste(canvas, image, ((columns - width) // 2, gap))
    paste(canvas, text, ((columns - text.shape[1]) // 2, gap + height))
    return canvas


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


def overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    """Whether two boxes (left, top, right, bottom) come closer than a third of a label's height."""
    room = (one[3] - one[1]) // 3
    return (
        one[0] < other[2] + room and other[0] < one[2] + room and one[1] < other[3] + room and other[1] < one[3] + room
    )


def paste(canvas: UInt8[np.ndarray, "h w 3"], patch: UInt8[np.ndarray, "ph pw 3"], corner: tuple[int, int]) -> None:
    """Copy a patch into our own canvas, as far as it fits."""
    x, y = corner
    room = canvas[y : y + patch.shape[0], x : x + patch.shape[1]]
    room[:] = patch[: room.shape[0], : room.shape[1]]


def _matches(picture: UInt8[np.ndarray, "h w 3"], density: Float[np.ndarray, "h w"]) -> None:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(f"A picture must be uint8 (h, w, 3), but this one is {picture.dtype} {picture.shape}.")
    if density.shape != picture.shape[:2]:
        raise ValueError(f"A density of shape {density.shape} does not fit a picture of shape {picture.shape}.")
