"""Draws the sample pictures: an advert, a street, a shelf with one odd item. Run: `python data/samples/make.py`.

All are our own, made of plain shapes from fixed seeds, so they may be shown anywhere.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIZE = (1024, 768)  # width, height
SCALE = 3  # drawn larger, then shrunk: smooth edges
Colour = str | tuple[int, int, int]


class Sheet:
    """A large drawing with coordinates in pixels of the final picture."""

    def __init__(self, top: str, bottom: str) -> None:
        self.image = gradient(SIZE, top, bottom)
        self.pen = ImageDraw.Draw(self.image)

    def box(self, x: float, y: float, w: float, h: float, colour: Colour, round_: float = 0) -> None:
        """A rectangle, its corners rounded."""
        self.pen.rounded_rectangle(scaled(x, y, x + w, y + h), round_ * SCALE, colour)

    def oval(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """An ellipse about (x, y)."""
        self.pen.ellipse(scaled(x - rx, y - ry, x + rx, y + ry), colour)

    def shape(self, x: float, y: float, corners: list[float], colour: Colour) -> None:
        """A polygon; its corners are counted from (x, y)."""
        pairs = zip(corners[::2], corners[1::2], strict=True)
        self.pen.polygon([value for dx, dy in pairs for value in scaled(x + dx, y + dy)], colour)

    def line(self, *xy: float, colour: Colour, width: float) -> None:
        """A line with round joints."""
        self.pen.line(scaled(*xy), colour, round(width * SCALE), joint="curve")

    def arc(
        self, x: float, y: float, rx: float, ry: float, angles: tuple[int, int], colour: Colour, width: float
    ) -> None:
        """A part of an ellipse's outline, angles in degrees clockwise from the right."""
        self.pen.arc(scaled(x - rx, y - ry, x + rx, y + ry), *angles, colour, round(width * SCALE))

    def text(
        self, x: float, y: float, words: str, size: float, colour: Colour, bold: float = 0, anchor: str = "ls"
    ) -> None:
        """Words; `bold` thickens the letters by so many pixels."""
        font = ImageFont.load_default(size * SCALE)
        self.pen.text((x * SCALE, y * SCALE), words, colour, font, anchor, stroke_width=bold * SCALE)

    def shadow(self, x: float, y: float, rx: float, ry: float, darkness: int) -> None:
        """A soft shadow."""
        mask = Image.new("L", self.image.size, 0)
        ImageDraw.Draw(mask).ellipse(scaled(x - rx, y - ry, x + rx, y + ry), fill=darkness)
        small = mask.resize((SIZE[0] // 2, SIZE[1] // 2)).filter(ImageFilter.GaussianBlur(5))
        self.image.paste(Image.new("RGB", self.image.size, "#101020"), mask=small.resize(self.image.size))

    def save(self, name: str, grain: int) -> Path:
        """Shrink, add a little grain from a seed, write as JPEG."""
        pixels = np.asarray(self.image.resize(SIZE, Image.Resampling.LANCZOS), np.float32)
        noise = np.random.default_rng(grain).normal(0, 1.2, pixels.shape[:2])[..., None]
        path = Path(__file__).with_name(name)
        Image.fromarray(np.clip(pixels + noise, 0, 255).round().astype(np.uint8)).save(path, quality=84, optimize=True)
        return path


def scaled(*values: float) -> list[float]:
    """Final pixels to pixels of the large drawing."""
    return [value * SCALE for value in values]


def gradient(size: tuple[int, int], top: str, bottom: str) -> Image.Image:
    """A sheet that fades from one colour to another."""
    ends = [np.array(Image.new("RGB", (1, 1), colour).getpixel((0, 0)), np.float32) for colour in (top, bottom)]
    share = np.linspace(0, 1, size[1] * SCALE, dtype=np.float32)[:, None, None]
    column = ends[0] * (1 - share) + ends[1] * share
    return Image.fromarray(column.round().astype(np.uint8)).resize((size[0] * SCALE, size[1] * SCALE))


def advert() -> Path:
    """A shop's page: headline, product, button, and a person who looks at the product."""
    sheet = Sheet("#fdf6ec", "#f6e3cf")
    sheet.box(0, 0, 1024, 64, "#ffffff")
    sheet.oval(58, 32, 15, 15, "#d9562b")
    sheet.text(84, 41, "marula", 27, "#2b2320", 0.5)
    for x, words in ((520, "Shop"), (610, "Stories"), (715, "About"), (810, "Contact")):
        sheet.text(x, 39, words, 18, "#6b5d55")
    sheet.box(918, 16, 74, 32, "#2b2320", 16)
    sheet.text(955, 38, "Cart", 16, "#ffffff", anchor="ms")
    sheet.text(64, 178, "Skin that", 66, "#2b2320", 1.4)
    sheet.text(64, 250, "feels like rain", 66, "#2b2320", 1.4)
    for row, words in enumerate(
        ("A light cream with marula oil and birch", "water. No perfume, no plastic, refilled", "in your street.")
    ):
        sheet.text(66, 306 + 31 * row, words, 21, "#75665c")
    sheet.box(64, 410, 216, 62, "#d9562b", 31)
    sheet.text(172, 449, "Try it for 9.90", 24, "#ffffff", 0.5, "ms")
    sheet.text(64, 506, "Free returns, 30 days", 17, "#8c7c71")
    portrait(sheet, 800, 300)
    jar(sheet, 500, 596)
    sheet.text(64, 640, "4.8 / 5", 29, "#2b2320", 0.6)
    sheet.text(64, 668, "from 2,310 reviews", 16, "#8c7c71")
    sheet.box(0, 716, 1024, 52, "#2b2320")
    sheet.text(512, 749, "Delivery  ·  Returns  ·  Ingredients  ·  Privacy", 16, "#cdbfb4", anchor="ms")
    return sheet.save("advert.jpg", 1)


def portrait(sheet: Sheet, x: float, y: float) -> None:
    """Head and shoulders, the eyes turned to the lower left."""
    sheet.oval(x, y + 60, 236, 236, "#f2b28c")
    sheet.oval(x, y + 60, 214, 214, "#f5c3a2")
    sheet.oval(x + 8, y - 10, 138, 152, "#3a2420")
    sheet.box(x - 126, y, 264, 250, "#3a2420", 70)
    sheet.shape(x, y, [-190, 416, -150, 278, -40, 232, 50, 232, 160, 278, 200, 416], "#2f7f79")
    sheet.shape(x, y, [-46, 150, 50, 150, 60, 240, 4, 282, -54, 240], "#c98460")
    sheet.oval(x, y + 56, 106, 134, "#e0a07a")
    sheet.oval(x - 30, y + 98, 42, 32, "#e6a585")
    sheet.shape(x, y, [-108, 30, -92, -70, 20, -112, 112, -40, 110, 40, 60, -40, -30, -52], "#3a2420")
    sheet.arc(x + 6, y + 30, 120, 128, (180, 360), "#3a2420", 30)
    for eye in (-46, 36):
        sheet.oval(x + eye, y + 36, 24, 14, "#fffaf5")
        sheet.oval(x + eye - 8, y + 39, 11, 12, "#4a7c4e")
        sheet.oval(x + eye - 9, y + 40, 6, 6, "#141010")
        sheet.oval(x + eye - 4, y + 35, 3, 3, "#ffffff")
        sheet.arc(x + eye, y + 40, 26, 20, (195, 345), "#33201a", 4)
        sheet.arc(x + eye, y + 26, 34, 22, (205, 330), "#3a2420", 6)
    sheet.line(x - 10, y + 40, x - 22, y + 90, x - 2, y + 96, colour="#b9744f", width=4)
    sheet.oval(x - 6, y + 130, 34, 13, "#b9473f")
    sheet.shape(x, y, [-42, 126, -6, 130, 30, 126, -6, 138], "#fff3ec")
    sheet.arc(x - 6, y + 122, 44, 20, (25, 155), "#9c3a35", 3)
    for ear in (-104, 108):
        sheet.oval(x + ear, y + 116, 8, 8, "#e8b83a")


def jar(sheet: Sheet, x: float, y: float) -> None:
    """The cream: an orange jar with a golden lid."""
    sheet.shadow(x, y + 84, 130, 16, 120)
    sheet.box(x - 106, y - 64, 212, 144, "#d9562b", 26)
    sheet.box(x - 106, y - 64, 40, 144, "#e97a4e", 20)
    sheet.box(x + 72, y - 64, 34, 144, "#b7411c", 18)
    sheet.box(x - 114, y - 112, 228, 56, "#e2b04a", 14)
    sheet.box(x - 114, y - 112, 46, 56, "#f0cd80", 14)
    sheet.box(x - 66, y - 36, 132, 88, "#fff7ee", 8)
    sheet.text(x, y - 2, "marula", 25, "#d9562b", 0.6, "ms")
    sheet.text(x, y + 24, "rain cream", 16, "#75665c", anchor="ms")


def street() -> Path:
    """A street in the evening: houses, a crossing, a red car, a person in yellow, traffic lights, a sign."""
    sheet = Sheet("#8fb9d9", "#f3d9b8")
    sheet.oval(640, 300, 46, 46, "#fff1c9")
    random = np.random.default_rng(7)
    walls = ["#b5896b", "#8d7f86", "#c4a484", "#7c8a92", "#a9756a"]
    for wall, (x, width, height) in enumerate(
        ((-10, 170, 420), (160, 130, 340), (290, 110, 260), (700, 120, 300), (820, 214, 440))
    ):
        house(sheet, x, 500 - height, width, height, walls[wall], random)
    for x, y, size in ((430, 452, 44), (500, 466, 34), (560, 470, 30), (640, 458, 42)):
        sheet.box(x - 5, y, 10, 52, "#5a4332")
        sheet.oval(x, y - 10, size, size * 1.1, "#5f8256")
        sheet.oval(x - size / 3, y - size / 2, size / 1.7, size / 1.7, "#7a9c69")
    sheet.box(0, 498, 1024, 46, "#b9b1a6")
    sheet.box(0, 540, 1024, 6, "#8c857c")
    sheet.box(0, 546, 1024, 222, "#54565c")
    for stripe in range(6):
        x = 300 + 64 * stripe
        sheet.shape(x, 0, [0, 552, 34, 552, 16 + 26 * (stripe - 1), 762, -40 + 26 * (stripe - 1), 762], "#e9e6df")
    for x in (20, 140, 760, 880, 1000):
        sheet.box(x, 650, 70, 8, "#d8cf9e", 3)
    car(sheet, 150, 580)
    person(sheet, 560, 448)
    lights(sheet, 716, 250)
    sheet.box(868, 330, 6, 190, "#6d6f74")
    sheet.shape(0, 0, [871, 276, 921, 362, 821, 362], "#d23b34")
    sheet.shape(0, 0, [871, 298, 903, 353, 839, 353], "#fdfdfb")
    sheet.box(868, 314, 7, 22, "#1e1e22", 3)
    sheet.oval(871.5, 345, 4, 4, "#1e1e22")
    return sheet.save("street.jpg", 2)


def house(
    sheet: Sheet, x: float, y: float, width: float, height: float, wall: str, random: np.random.Generator
) -> None:
    """A front with rows of windows, some of them lit, and a shop below."""
    sheet.box(x, y, width, height, wall)
    sheet.box(x - 4, y - 10, width + 8, 14, "#5d5350")
    columns = max(2, int(width // 46))
    step = width / columns
    for row in range(int((height - 110) // 62)):
        for column in range(columns):
            left, top = x + column * step + step / 2 - 13, y + 26 + 62 * row
            sheet.box(left - 3, top - 3, 32, 46, "#efe6da")
            sheet.box(left, top, 26, 40, "#f7d98b" if random.random() < 0.22 else "#43566b")
            sheet.box(left + 12, top, 2, 40, "#efe6da")
    sheet.box(x + 10, y + height - 74, width - 20, 74, "#2f3b44")
    colours = ("#c9504a", "#3f7d6e", "#d8a23c", "#4a6fa5")
    sheet.box(x + 4, y + height - 88, width - 8, 20, colours[int(random.integers(4))])
    sheet.box(x + width - 46, y + height - 60, 26, 60, "#1f282f")


def car(sheet: Sheet, x: float, y: float) -> None:
    """A red car seen from the side."""
    sheet.shadow(x + 130, y + 108, 150, 14, 150)
    sheet.shape(x, y, [46, 44, 82, 0, 178, 0, 222, 44], "#b6201f")
    sheet.shape(x, y, [62, 42, 90, 8, 124, 8, 124, 42], "#cfe3ee")
    sheet.shape(x, y, [132, 42, 132, 8, 172, 8, 204, 42], "#bcd5e3")
    sheet.box(x, y + 38, 264, 58, "#d92b2a", 18)
    sheet.box(x + 6, y + 72, 252, 10, "#a81b1b", 4)
    sheet.oval(x + 254, y + 56, 9, 8, "#fff3b8")
    sheet.box(x, y + 50, 8, 14, "#7a1010", 3)
    for wheel in (58, 208):
        sheet.oval(x + wheel, y + 96, 29, 29, "#1d1d20")
        sheet.oval(x + wheel, y + 96, 15, 15, "#b9bcc2")


def person(sheet: Sheet, x: float, y: float) -> None:
    """Someone in a yellow coat on the crossing, facing us."""
    sheet.shadow(x, y + 196, 46, 8, 150)
    sheet.box(x - 20, y + 120, 17, 74, "#27324a", 6)
    sheet.box(x + 4, y + 120, 17, 74, "#27324a", 6)
    sheet.box(x - 24, y + 186, 22, 12, "#1b1b20", 5)
    sheet.box(x + 3, y + 186, 22, 12, "#1b1b20", 5)
    sheet.shape(x, y, [-28, 36, 28, 36, 40, 142, -40, 142], "#f4c020")
    sheet.line(x - 28, y + 46, x - 46, y + 108, colour="#dfab12", width=15)
    sheet.line(x + 28, y + 46, x + 46, y + 108, colour="#dfab12", width=15)
    sheet.line(x, y + 40, x, y + 140, colour="#c9960a", width=2)
    sheet.box(x + 40, y + 104, 26, 32, "#7b3f2a", 4)
    sheet.oval(x, y + 10, 25, 27, "#4b2c20")
    sheet.oval(x, y + 14, 20, 23, "#e8b391")
    for eye in (-8, 8):
        sheet.oval(x + eye, y + 11, 3, 3, "#20150f")
    sheet.arc(x, y + 18, 8, 7, (20, 160), "#a5453c", 2.4)


def lights(sheet: Sheet, x: float, y: float) -> None:
    """Traffic lights, red."""
    sheet.box(x + 17, y + 90, 8, 184, "#4a4c52")
    sheet.box(x, y, 42, 104, "#26282d", 8)
    for row, colour in enumerate(("#ff4236", "#4c4426", "#274a30")):
        sheet.oval(x + 21, y + 20 + 32 * row, 13, 13, colour)
    sheet.oval(x + 17, y + 16, 4, 4, "#ffb0a8")


def shelf() -> Path:
    """Three shelves of one kind of bottle, among them one of another colour and form."""
    sheet = Sheet("#e9edf0", "#d5dbe0")
    random = np.random.default_rng(3)
    for row, y in enumerate((232, 462, 692)):
        sheet.box(30, y - 196, 964, 196, "#cfd6db")
        sheet.box(30, y - 196, 964, 12, "#b9c2c9")
        sheet.box(20, y, 984, 30, "#a98a68", 4)
        sheet.box(20, y, 984, 6, "#c3a581", 3)
        for column in range(9):
            x = 92 + 105 * column
            sheet.shadow(x, y - 2, 40, 6, 90)
            if (row, column) == (1, 6):
                odd(sheet, x, y)
            else:
                bottle(sheet, x, y, ("#2f6f9f", "#2b6793", "#3477a8")[int(random.integers(3))])
            sheet.box(x - 27, y + 8, 54, 18, "#ffffff", 3)
            sheet.text(x, y + 22, f"{random.integers(2, 5)}.{random.integers(1, 9)}9", 14, "#454b52", anchor="ms")
    return sheet.save("shelf.jpg", 3)


def bottle(sheet: Sheet, x: float, y: float, colour: str) -> None:
    """A blue bottle with a plain label."""
    sheet.box(x - 12, y - 168, 24, 40, colour)
    sheet.box(x - 15, y - 180, 30, 20, "#e9eef2", 4)
    sheet.box(x - 34, y - 138, 68, 138, colour, 16)
    sheet.box(x - 28, y - 126, 8, 112, "#6fa6cd", 4)
    sheet.box(x - 34, y - 96, 68, 58, "#eef3f6")
    sheet.text(x, y - 66, "aqua", 18, "#2f6f9f", 0.4, "ms")
    sheet.box(x - 22, y - 54, 44, 4, "#a9bdca", 2)


def odd(sheet: Sheet, x: float, y: float) -> None:
    """The odd one out: a round flask of orange juice."""
    sheet.box(x - 11, y - 158, 22, 50, "#f08a24")
    sheet.box(x - 15, y - 172, 30, 20, "#2f7d3b", 4)
    sheet.oval(x, y - 58, 45, 58, "#f08a24")
    sheet.oval(x - 20, y - 74, 9, 26, "#f9b465")
    sheet.oval(x + 4, y - 54, 27, 25, "#fff4e2")
    sheet.text(x + 4, y - 48, "juice", 18, "#c25f0c", 0.5, "ms")


if __name__ == "__main__":
    for draw in (advert, street, shelf):
        draw()
