"""Screens, graphics and pages of text made from a seed: what a network is shown that is to tell them from photographs.

A graphic is a web page, a dashboard, a poster or the screen of an app, of cards, buttons, headlines, charts and, where
some are given, photographs; where each of these lies is known. A page is columns of lines with a headline. Nothing here
claims that people look at them in any way.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont

SYLLABLES = ("an", "ber", "co", "de", "el", "fin", "gra", "ho", "in", "ka", "lo", "men", "no", "or", "pla", "re", "so")
SIZES = ((720, 1280), (768, 1024), (1080, 540), (900, 640), (640, 960), (800, 800))  # height, width

Pixels = UInt8[np.ndarray, "h w 3"]


class Graphic(NamedTuple):
    """A graphic and what lies on it, as corners in pixels: left, top, right, bottom."""

    pixels: Pixels
    things: Float[np.ndarray, "n 4"]  # headlines, paragraphs, buttons, charts, numbers, photographs
    photographs: Float[np.ndarray, "m 4"]


class _Canvas:
    """A picture that is drawn on, the chance by which, and where things were drawn."""

    def __init__(self, seed: int, size: tuple[int, int], ground: tuple[int, int, int]) -> None:
        self.random = np.random.default_rng(seed)
        self.height, self.width = size
        self.picture = Image.new("RGB", (self.width, self.height), ground)
        self.draw = ImageDraw.Draw(self.picture)
        self.dark = sum(ground) < 3 * 110
        self.things: list[tuple[float, float, float, float]] = []
        self.photographs: list[tuple[float, float, float, float]] = []

    def between(self, low: float, high: float) -> int:
        return int(self.random.integers(int(low), max(int(low) + 1, int(high))))

    def colour(self) -> tuple[int, int, int]:
        hue, grey = self.between(0, 180), self.random.random() < 0.2
        saturation, value = (0 if grey else self.between(80, 230)), self.between(90, 245)
        pixel = np.array([[[hue, saturation, value]]], np.uint8)
        r, g, b = cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0].tolist()
        return r, g, b

    def ink(self) -> tuple[int, int, int]:
        level = self.between(215, 256) if self.dark else self.between(0, 90)
        return level, level, level

    def text(
        self, x: int, y: int, words: str, size: int, ink: tuple[int, int, int] | None = None
    ) -> tuple[float, float, float, float]:
        """Words; where they are."""
        font = ImageFont.load_default(size)
        self.draw.text((x, y), words, ink or self.ink(), font)
        return self.draw.textbbox((x, y), words, font)

    def word(self) -> str:
        """One to four syllables."""
        return "".join(self.random.choice(SYLLABLES, self.between(1, 5)))

    def words(self, count: int) -> str:
        """So many words."""
        return " ".join(self.word() for _ in range(count))

    def paragraph(self, x: int, y: int, width: int, lines: int, size: int) -> int:
        """Lines of words; where the next line would begin."""
        font, ink, top, wide = ImageFont.load_default(size), self.ink(), y, 0.0
        for number in range(lines):
            share = self.random.uniform(0.3, 0.8) if number == lines - 1 else self.random.uniform(0.9, 1.0)
            line = longer = self.word()
            while self.draw.textlength(longer, font) < share * width:
                line, longer = longer, f"{longer} {self.word()}"
            self.draw.text((x, y), line, ink, font)
            wide = max(wide, self.draw.textlength(line, font))
            y += round(size * 1.5)
        self.things.append((x, top, x + wide, y - round(size * 0.3)))
        return y

    def card(self, x: int, y: int, width: int, height: int, photographs: Sequence[Pixels]) -> None:
        """A rectangle with something in it: a photograph, a chart, a number, a button, words."""
        shade = tuple(int(np.clip(v + self.between(-30, 30), 0, 255)) for v in self.picture.getpixel((0, 0)))  # type: ignore[union-attr]
        self.draw.rounded_rectangle((x, y, x + width, y + height), self.between(0, 18), shade)
        kind = self.random.choice(("photograph", "bars", "line", "pie", "number", "button", "words"))
        if kind == "photograph" and len(photographs):
            photo = Image.fromarray(photographs[self.between(0, len(photographs))])
            self.picture.paste(photo.resize((max(8, width - 12), max(8, height - 12))), (x + 6, y + 6))
            self.photographs.append((x + 6, y + 6, x + 6 + max(8, width - 12), y + 6 + max(8, height - 12)))
            self.things.append(self.photographs[-1])
        elif kind == "bars":
            colour, count, tallest = self.colour(), self.between(4, 12), 0
            for number in range(count):
                left, high = (
                    x + 10 + number * (width - 20) // count,
                    self.between(max(12, 0.1 * height), max(13, 0.85 * height)),
                )
                self.draw.rectangle(
                    (left, y + height - high, left + (width - 20) // count * 0.7, y + height - 8), colour
                )
                tallest = max(tallest, high)
            self.things.append((x + 10, y + height - tallest, x + width - 10, y + height - 8))
        elif kind == "line":
            steps = np.cumsum(self.random.normal(0, 1, 16))
            scaled = (steps - steps.min()) / max(float(np.ptp(steps)), 0.1)
            points = [
                (x + 10 + i * (width - 20) / 15, y + height - 10 - v * 0.8 * height) for i, v in enumerate(scaled)
            ]
            self.draw.line(points, self.colour(), 3)
            self.things.append((x + 10, y + 0.2 * height - 10, x + width - 10, y + height - 10))
        elif kind == "pie":
            radius, start = min(width, height) // 2 - 8, 0
            for end in (*np.sort(self.random.integers(20, 340, self.between(1, 4))).tolist(), 360):
                box = (
                    x + width // 2 - radius,
                    y + height // 2 - radius,
                    x + width // 2 + radius,
                    y + height // 2 + radius,
                )
                if radius > 4 and end > start:
                    self.draw.pieslice(box, start, end, self.colour())
                    self.things += [box] * (end == 360)
                start = end
        elif kind == "button":
            top = y + height // 2 - 20
            self.things.append((x + 12, top, x + max(24, min(width - 8, 220)), top + 44))
            self.draw.rounded_rectangle(self.things[-1], 10, self.colour())
            self.text(x + 26, top + 10, self.words(2).title(), 20, (255, 255, 255))
        elif kind == "number":
            name = self.text(x + 14, y + 12, self.words(1), 16)
            value = self.text(x + 14, y + 36, f"{self.between(1, 9999):,}", max(18, min(60, height // 2)))
            self.things.append((name[0], name[1], max(name[2], value[2]), value[3]))
        else:
            lines = max(1, min(6, (height - 20) // 24))
            self.paragraph(x + 12, y + 10, max(40, width - 24), lines, 15)

    def done(self) -> Pixels:
        return np.asarray(self.picture, np.uint8).copy()

    def inside(self, boxes: list[tuple[float, float, float, float]]) -> Float[np.ndarray, "n 4"]:
        """Boxes cut at the picture's edge; what lies outside is left out."""
        cut = np.array(boxes, np.float64).reshape(-1, 4).clip(0, (self.width, self.height) * 2)
        return np.asarray(cut[(cut[:, 2:] - cut[:, :2] > 1).all(1)])


def graphic(seed: int, photographs: Sequence[Pixels] = ()) -> Graphic:
    """A web page, dashboard, poster or screen; `photographs` may be shown on it."""
    random = np.random.default_rng((seed, 1))
    size = SIZES[random.integers(len(SIZES))]
    light = random.random() < 0.6
    level = random.integers(225, 256, 3) if light else random.integers(10, 70, 3)
    ground = level if random.random() < 0.6 else random.integers(0, 256, 3)
    page = _Canvas(seed, size, tuple(int(v) for v in ground))  # type: ignore[arg-type]
    margin, y = page.between(10, 60), page.between(10, 60)
    if page.random.random() < 0.7:  # a bar with a name and words
        page.draw.rectangle((0, 0, page.width, 50), page.colour())
        page.things.append(page.text(margin, 12, page.words(1).title(), 24))
        y = 70
    if page.random.random() < 0.8:
        large = page.between(26, 90)
        page.things.append(page.text(margin, y, page.words(page.between(1, 4)).title(), large, page.colour()))
        y += round(large * 1.4)
        if page.random.random() < 0.6:
            y = page.paragraph(margin, y, page.width // 2, page.between(1, 4), page.between(14, 22)) + 12
    columns, gap = page.between(1, 5), page.between(8, 30)
    width = (page.width - 2 * margin - (columns - 1) * gap) // columns
    while y < page.height - 60 and width > 60:
        height = min(page.between(60, 320), page.height - y - 10)
        for column in range(columns):
            if page.random.random() < 0.9:
                page.card(margin + column * (width + gap), y, width, height, photographs)
        y += height + gap
    return Graphic(page.done(), page.inside(page.things), page.inside(page.photographs))


def text_page(seed: int) -> Pixels:
    """A page of text, light as paper or dark, of one to three columns."""
    random = np.random.default_rng((seed, 2))
    size = ((1000, 760), (760, 1000), (720, 1280), (1100, 700))[random.integers(4)]
    level = int(random.integers(235, 256) if random.random() < 0.85 else random.integers(10, 50))
    tint = [int(np.clip(level - d, 0, 255)) for d in (0, random.integers(0, 8), random.integers(0, 20))]
    page = _Canvas(seed, size, (tint[0], tint[1], tint[2]))
    margin, y = page.between(30, 110), page.between(30, 90)
    if page.random.random() < 0.7:
        page.text(margin, y, page.words(page.between(2, 6)).capitalize(), page.between(24, 44))
        y += 70
    columns, small = page.between(1, 4), page.between(11, 20)
    width = (page.width - 2 * margin - (columns - 1) * 30) // columns
    for column in range(columns):
        below = y
        while below < page.height - 40:
            lines = min(page.between(3, 14), int((page.height - 40 - below) / (small * 1.5)))
            if lines < 1:
                break
            below = page.paragraph(margin + column * (width + 30), below, width, lines, small) + small
    return page.done()
