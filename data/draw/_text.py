"""Words on pictures: labels, their size, and where they fit."""

import functools

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from data.draw._canvas import INK, WHITE


@functools.lru_cache(maxsize=256)
def render_text(
    words: str, size: float, ink: tuple[int, int, int], ground: tuple[int, int, int]
) -> UInt8[np.ndarray, "h w 3"]:
    """Words on a plain ground, in a box that fits them; the height depends on the size only.

    Pillow's own font has no en dash, so a hyphen stands in for it. What is returned cannot be written to.
    """
    words = words.replace("–", "-")
    font = ImageFont.load_default(max(9, round(size)))
    margin = max(2, round(0.35 * size))
    width = round(ImageDraw.Draw(Image.new("RGB", (1, 1))).textlength(words, font)) + 2 * margin
    height = round(max(9, size) * 1.4)
    image = Image.new("RGB", (width, height), ground)
    ImageDraw.Draw(image).text((width / 2, height / 2), words, ink, font, anchor="mm")
    words_drawn = np.asarray(image)
    words_drawn.flags.writeable = False  # the same array is given to all who ask for these words
    return words_drawn


def tag(words: str, unit: float) -> UInt8[np.ndarray, "h w 3"]:
    """White words on a dark ground, in the size that `unit` (see `grain`) asks for."""
    return render_text(words, 20 * unit, WHITE, INK)


def wrapped(words: str, size: float, width: int, ink: tuple[int, int, int]) -> UInt8[np.ndarray, "h width 3"]:
    """Words on white in as many lines as they need at this width; what is longer than a line is cut."""
    font = ImageFont.load_default(max(9, round(size)))
    measure = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    lines = [""]
    for word in words.replace("–", "-").split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and measure.textlength(longer, font) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    step = round(max(9, size) * 1.35)
    image = Image.new("RGB", (max(1, width), step * len(lines)), WHITE)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((0, (number + 0.5) * step), line, ink, font, anchor="lm")
    return np.array(image)


def percent(share: float) -> str:
    """A share of looks as it stands on pictures.

    >>> percent(0.5)
    '50 %'
    """
    return f"{100 * share:.0f} %"
