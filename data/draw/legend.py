"""The palette as a bar."""

import numpy as np
from jaxtyping import UInt8

from data.draw._canvas import INK, WHITE, paste
from data.draw._text import render_text
from data.draw.heatmap import blend
from data.draw.palettes import DEFAULT


def legend(width: int, palette: str = DEFAULT) -> UInt8[np.ndarray, "lh width 3"]:
    """The palette as a bar of this many pixels, with "less" at its quiet end and "more" at its hot one."""
    unit = min(2.5, max(0.75, width / 300))
    height = round(20 * unit)
    canvas = np.full((height, max(1, width), 3), 255, np.uint8)
    texts = [render_text(word, 13 * unit, INK, WHITE) for word in ("less", "more")]
    ends = [text.shape[1] for text in texts] if width >= 60 else [0, 0]
    bar = max(1, width - sum(ends))
    steps = np.linspace(0, 1, bar, dtype=np.float32)[None].repeat(max(4, height * 2 // 3), 0)
    ground = np.full((*steps.shape, 3), 255, np.uint8)
    paste(canvas, blend(ground, steps, 1.0, palette), (ends[0], (height - steps.shape[0]) // 2))
    if width >= 60:
        for text, left in zip(texts, (0, width - ends[1]), strict=True):
            paste(canvas, text, (left, (height - text.shape[0]) // 2))
    return canvas
