"""A drawn picture as it is handed on: below it what its colours mean, what it shows and what it is not."""

import numpy as np
from jaxtyping import Float, UInt8

from data.draw._canvas import INK, paste
from data.draw._text import wrapped
from data.draw.heatmap import check_shapes
from data.draw.legend import legend
from data.draw.palettes import DEFAULT

NARROWEST = 320  # pixels: what a legend needs
GREY = (90, 94, 102)  # of the note: reads well on white (6:1)


def framed(
    picture: UInt8[np.ndarray, "h w 3"],
    density: Float[np.ndarray, "h w"],
    palette: str = DEFAULT,
    opacity: float = 0.6,
    caption: str = "",
    note: str = "",
) -> UInt8[np.ndarray, "fh fw 3"]:
    """A heat map on white above its legend, a caption and a note; nothing covers the picture.

    `picture` is as it was drawn with this palette and opacity, `density` what it shows. A narrow picture stands in the
    middle of a page that is wide enough for words.
    """
    check_shapes(picture, density)
    height, width = picture.shape[:2]
    size = max(13.0, min(0.02 * width, 0.06 * height, 60.0))
    margin = round(1.2 * size)
    room = max(width, NARROWEST)
    words = max(NARROWEST, min(room, round(62 * size)))
    parts = [legend(words, palette, density, opacity)]
    parts += [wrapped(caption, 1.1 * size, words, INK)] if caption else []
    parts += [wrapped(note, size, words, GREY)] if note else []
    rows = margin + height + margin + sum(len(part) + margin // 2 for part in parts) + margin // 2
    canvas = np.full((rows, room + 2 * margin, 3), 255, np.uint8)
    paste(canvas, picture, (margin + (room - width) // 2, margin))
    top = 2 * margin + height
    for part in parts:
        paste(canvas, part, (margin + (0 if width >= words else (room - words) // 2), top))
        top += len(part) + margin // 2
    return canvas
