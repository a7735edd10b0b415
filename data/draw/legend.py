"""The palette as a bar, with what its colours mean."""

import numpy as np
from jaxtyping import Float, Float32, UInt8

from data import maps
from data.draw._canvas import INK, WHITE, paste
from data.draw._text import percent, render_text, wrapped
from data.draw.heatmap import blend
from data.draw.palettes import DEFAULT

TICKS = (0.9, 0.75, 0.5, 0.25)  # shares of all looks, from the quiet end on
MEANING = "Half of all looks fall on the colours right of 50 %, a quarter on those right of 25 %."
NARROW = 60  # pixels: no words fit into less


def legend(
    width: int, palette: str = DEFAULT, density: Float[np.ndarray, "h w"] | None = None, opacity: float = 1.0
) -> UInt8[np.ndarray, "lh width 3"]:
    """The palette as a bar of this many pixels, on white.

    With a `density`, the bar says what the colours of its own heat map mean: at 50 % lies the colour of the line
    around the smallest region that half of all looks fall into, and so on. Without one, it runs from "less" to "more".
    """
    if density is None or width < NARROW:
        return _plain(width, palette, opacity)
    size = min(60.0, max(12.0, width / 45))
    bar = _bar(density, width, palette, opacity, max(8, round(0.9 * size)))
    words = wrapped(MEANING, 0.95 * size, width, INK)
    ticks = [render_text(percent(share), 0.95 * size, INK, WHITE) for share in TICKS]
    mark = max(3, round(0.3 * size))
    top = words.shape[0] + mark
    canvas = np.full((top + len(bar) + mark + ticks[0].shape[0], width, 3), 255, np.uint8)
    paste(canvas, words, (0, 0))
    paste(canvas, bar, (0, top))
    end = top + len(bar)
    line = max(1, round(size / 12))
    for share, text in zip(TICKS, ticks, strict=True):
        x = round((1 - share) * (width - 1))
        canvas[end : end + mark, max(0, x - line // 2) : x - line // 2 + line] = INK
        paste(canvas, text, (min(max(0, x - text.shape[1] // 2), width - text.shape[1]), end + mark))
    return canvas


def edge_heat(density: Float[np.ndarray, "h w"], count: int) -> Float32[np.ndarray, " count"]:
    """The relative density (0 to 1) at the edges of the regions that hold all looks, then fewer and fewer, then none."""
    edges = maps.edges_of(density, np.clip(np.linspace(1, 0, count), 1e-9, 1).tolist())
    flat = float(density.max()) - float(density.min()) < 1e-3
    return np.asarray(np.exp(edges - float(density.max())) * (not flat), np.float32)


def _bar(
    density: Float[np.ndarray, "h w"], width: int, palette: str, opacity: float, height: int
) -> UInt8[np.ndarray, "height width 3"]:
    """At each place between all looks, on the left, and none, on the right, the colour of that region's edge."""
    ground = np.full((height, width, 3), 255, np.uint8)
    bar = blend(ground, np.tile(edge_heat(density, width), (height, 1)), opacity, palette)
    bar[[0, -1]] = bar[:, [0, -1]] = np.uint8(190)  # a frame: the quiet end is as white as the page
    return bar


def _plain(width: int, palette: str, opacity: float) -> UInt8[np.ndarray, "lh width 3"]:
    """The palette with "less" at its quiet end and "more" at its hot one."""
    unit = min(2.5, max(0.75, width / 300))
    height = round(20 * unit)
    canvas = np.full((height, max(1, width), 3), 255, np.uint8)
    texts = [render_text(word, 13 * unit, INK, WHITE) for word in ("less", "more")]
    ends = [text.shape[1] for text in texts] if width >= NARROW else [0, 0]
    bar = max(1, width - sum(ends))
    steps = np.linspace(0, 1, bar, dtype=np.float32)[None].repeat(max(4, height * 2 // 3), 0)
    ground = np.full((*steps.shape, 3), 255, np.uint8)
    paste(canvas, blend(ground, steps, opacity, palette), (ends[0], (height - steps.shape[0]) // 2))
    if width >= NARROW:
        for text, left in zip(texts, (0, width - ends[1]), strict=True):
            paste(canvas, text, (left, (height - text.shape[0]) // 2))
    return canvas
