"""Two drawings of one picture side by side, as they are handed on: what each shows stands below it."""

import numpy as np
from jaxtyping import UInt8

from data.draw._canvas import INK, paste
from data.draw._text import wrapped

GREY = (90, 94, 102)  # of the note: reads well on white (6:1)
NARROWEST = 240  # pixels that words need


def pair(
    left: UInt8[np.ndarray, "h w 3"], right: UInt8[np.ndarray, "h w 3"], captions: tuple[str, str], note: str = ""
) -> UInt8[np.ndarray, "ph pw 3"]:
    """Two drawings of one size on white, each above its caption, and a note below both.

    Raises:
        ValueError: They have not the same size.
    """
    if left.shape != right.shape:
        raise ValueError(f"The drawings are {left.shape} and {right.shape}, but must have one size.")
    height, width = left.shape[:2]
    size = max(13.0, min(0.025 * width, 0.06 * height, 60.0))
    margin, room = round(1.2 * size), max(width, NARROWEST)
    words = [wrapped(caption, 1.1 * size, room, INK) for caption in captions]
    below = [wrapped(note, size, 2 * room + margin, GREY)] if note else []
    rows = 3 * margin + height + max(map(len, words)) + sum(len(part) + margin // 2 for part in below)
    canvas = np.full((rows, 2 * room + 3 * margin, 3), 255, np.uint8)
    for number, (drawn, caption) in enumerate(zip((left, right), words, strict=True)):
        x = margin + number * (room + margin)
        paste(canvas, drawn, (x + (room - width) // 2, margin))
        paste(canvas, caption, (x, 2 * margin + height))
    for part in below:
        paste(canvas, part, (margin, rows - margin - len(part)))
    return canvas
