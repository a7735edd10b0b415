"""Draws six graphics as designers make them, to look at predictions on: python tests/bench/graphics.py FOLDER [PHOTO].

A landing page, a poster with a face and a headline, a dashboard, an advertisement, a chart and the screen of an app.
The poster shows PHOTO where one is given, else a drawn face.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT = Path(plt.__file__).parent / "mpl-data" / "fonts" / "ttf"
INK, GREY, LIGHT = (25, 28, 36), (120, 126, 138), (236, 238, 243)


def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONT / f"DejaVuSans{'-Bold' * bold}.ttf"), size)


def lines(draw: ImageDraw.ImageDraw, x: int, y: int, width: int, count: int, size: int = 14) -> None:
    """A paragraph."""
    words = (
        "people",
        "look",
        "at",
        "what",
        "stands",
        "out",
        "and",
        "search",
        "for",
        "words",
        "in",
        "pages",
        "of",
        "text",
    )
    random = np.random.default_rng(count + x + y)
    for number in range(count):
        text = ""
        while draw.textlength(text, font(size)) < width * (0.6 if number == count - 1 else 0.92):
            text += f"{words[random.integers(len(words))]} "
        draw.text((x, y + number * round(size * 1.6)), text, GREY, font(size))


def landing() -> Image.Image:
    page = Image.new("RGB", (1280, 800), "white")
    draw = ImageDraw.Draw(page)
    draw.text((60, 30), "northwind", (40, 90, 220), font(28, True))
    for number, word in enumerate(("Product", "Pricing", "Docs", "Sign in")):
        draw.text((820 + 110 * number, 36), word, INK, font(16))
    draw.text((60, 190), "Ship faster with\nfewer meetings", INK, font(58, True))
    lines(draw, 62, 350, 520, 3, 18)
    draw.rounded_rectangle((60, 470, 270, 530), 12, (40, 90, 220))
    draw.text((92, 486), "Start free", "white", font(22, True))
    draw.text((300, 488), "Watch the film", (40, 90, 220), font(20))
    draw.rounded_rectangle((720, 170, 1220, 560), 24, (222, 232, 252))
    for number in range(3):
        top = 210 + 110 * number
        draw.rounded_rectangle((760, top, 1180, top + 88), 14, "white")
        draw.ellipse((778, top + 20, 826, top + 68), ((250, 150, 80), (90, 180, 120), (230, 90, 120))[number])
        lines(draw, 844, top + 22, 300, 2, 14)
    for number in range(3):
        draw.text((80 + 400 * number, 640), ("Plan", "Build", "Learn")[number], INK, font(24, True))
        lines(draw, 80 + 400 * number, 684, 300, 3)
    return page


def poster(photo: Path | None) -> Image.Image:
    page = Image.new("RGB", (700, 990), (250, 214, 80))
    draw = ImageDraw.Draw(page)
    if photo is None:
        draw.ellipse((180, 330, 520, 760), (233, 190, 160))
        for x in (280, 420):
            draw.ellipse((x - 24, 500, x + 24, 530), "white")
            draw.ellipse((x - 10, 505, x + 10, 525), INK)
        draw.arc((280, 580, 420, 680), 20, 160, (170, 60, 60), 8)
        draw.pieslice((170, 300, 530, 640), 180, 360, (80, 50, 30))
    else:
        page.paste(Image.open(photo).convert("RGB").resize((460, 460)), (120, 300))
    draw.text((60, 70), "OPEN AIR", (200, 30, 50), font(104, True))
    draw.text((64, 200), "three nights of music by the lake", INK, font(30))
    draw.text((64, 820), "12 - 14 JULY", INK, font(52, True))
    lines(draw, 64, 895, 560, 2, 18)
    return page


def dashboard() -> Image.Image:
    page = Image.new("RGB", (1280, 800), LIGHT)
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, 200, 800), (32, 40, 60))
    for number, word in enumerate(("Overview", "Orders", "Customers", "Reports", "Settings")):
        draw.text((30, 110 + 52 * number), word, "white" if number == 0 else (150, 160, 180), font(18))
    for number, (word, value) in enumerate((("Revenue", "€ 48,210"), ("Orders", "1,204"), ("Returns", "3.1 %"))):
        left = 230 + 345 * number
        draw.rounded_rectangle((left, 40, left + 320, 170), 12, "white")
        draw.text((left + 24, 60), word, GREY, font(18))
        draw.text((left + 24, 96), value, INK if number < 2 else (210, 40, 50), font(38, True))
    draw.rounded_rectangle((230, 200, 920, 560), 12, "white")
    heights = np.random.default_rng(2).integers(60, 260, 12)
    heights[8] = 310
    for number, height in enumerate(heights):
        left = 270 + 52 * number
        draw.rectangle((left, 530 - height, left + 34, 530), (250, 140, 60) if number == 8 else (90, 140, 230))
    draw.rounded_rectangle((945, 200, 1240, 560), 12, "white")
    for start, end, colour in ((0, 150, (90, 140, 230)), (150, 250, (90, 200, 150)), (250, 360, (240, 190, 80))):
        draw.pieslice((985, 270, 1200, 485), start, end, colour)
    draw.rounded_rectangle((230, 585, 1240, 780), 12, "white")
    for number in range(5):
        lines(draw, 255, 605 + 33 * number, 940, 1, 16)
    return page


def advertisement() -> Image.Image:
    page = Image.new("RGB", (1000, 700), (18, 60, 52))
    draw = ImageDraw.Draw(page)
    draw.ellipse((80, 120, 560, 600), (30, 96, 82))
    draw.polygon(((250, 560), (410, 560), (440, 240), (220, 240)), (235, 240, 240))
    draw.rectangle((238, 330, 424, 470), (214, 60, 60))
    draw.text((262, 375), "BREW", "white", font(44, True))
    draw.ellipse((216, 216, 444, 268), (90, 55, 30))
    draw.text((600, 150), "Half the\nsugar.", "white", font(66, True))
    draw.text((602, 340), "All of the morning.", (190, 220, 210), font(28))
    draw.ellipse((760, 430, 930, 600), (250, 200, 60))
    draw.text((782, 480), "-25 %", INK, font(42, True))
    draw.text((860, 655), "brew & co", (190, 220, 210), font(20))
    return page


def chart() -> Image.Image:
    figure, axes = plt.subplots(figsize=(10, 6.5), dpi=100)
    years, random = np.arange(2005, 2026), np.random.default_rng(1)
    for number, name in enumerate(("North", "South", "East", "West")):
        values = 40 + 8 * number + random.normal(0, 2, len(years)).cumsum()
        axes.plot(years, values, label=name, linewidth=2)
    axes.annotate("record year", (2021, 62), (2012, 78), arrowprops={"arrowstyle": "->"}, fontsize=14)
    axes.set_title("Harvest by region, tonnes per hectare", fontsize=18, loc="left")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.canvas.draw()
    drawn = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3])  # type: ignore[attr-defined]
    plt.close(figure)
    return drawn


def app_screen() -> Image.Image:
    page = Image.new("RGB", (540, 1080), "white")
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, 540, 110), (120, 60, 200))
    draw.text((30, 46), "Good morning", "white", font(32, True))
    for number in range(2):
        left = 30 + 250 * number
        draw.rounded_rectangle((left, 140, left + 230, 330), 20, ((255, 226, 200), (214, 240, 226))[number])
        draw.text((left + 22, 165), ("Steps", "Sleep")[number], INK, font(22))
        draw.text((left + 22, 230), ("8,204", "7 h 12")[number], INK, font(44, True))
    for number in range(4):
        top = 370 + 130 * number
        draw.rounded_rectangle((30, top, 510, top + 110), 18, LIGHT)
        draw.ellipse(
            (50, top + 25, 110, top + 85), ((230, 90, 90), (90, 150, 230), (240, 180, 60), (90, 190, 130))[number]
        )
        draw.text((135, top + 22), ("Run", "Read", "Drink water", "Call mum")[number], INK, font(24, True))
        draw.text((135, top + 60), "every day", GREY, font(18))
    draw.rounded_rectangle((140, 940, 400, 1010), 35, (120, 60, 200))
    draw.text((190, 957), "Add habit", "white", font(28, True))
    return page


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    photo = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    drawn = {
        "landing": landing(),
        "poster": poster(photo),
        "dashboard": dashboard(),
        "advertisement": advertisement(),
        "chart": chart(),
        "app": app_screen(),
    }
    for name, page in drawn.items():
        page.save(folder / f"{name}.png")


if __name__ == "__main__":
    main()
