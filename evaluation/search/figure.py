"""The paradigms as one picture: a search of each kind as the model makes it, and the times of people and of the model.

A panel a paradigm. On its left are an easy and a hard display with the model's fixations, the target framed; on its
right are the reaction times over the set size, people's and the model's on the same axes.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from data.draw.scanpath import scanpath
from data.synthetic.asymmetry import SIDES, Side, Trial, trial
from evaluation.report.charts import ticks
from evaluation.search.protocol import Asymmetry, SearchEvaluation, look_for
from evaluation.search.searchers import Searcher, open_searcher

FINE = 2  # the picture is drawn so many times larger, and then shrunk
COLUMNS, PANEL, GAP = 2, (780, 330), 24  # panels a row; pixels: width and height of a panel, space between
DISPLAY, PLOT, TOP = 176, (196, 214), 34  # pixels: side of a display, size of a plot, height of the panel's name
INK, QUIET, RULE = (28, 30, 36), (92, 98, 112), (217, 220, 227)
COLOURS: dict[Side, tuple[int, int, int]] = {"easy": (30, 138, 106), "hard": (180, 88, 42)}
FRAME = (214, 40, 57)
Rgb = UInt8[np.ndarray, "h w 3"]
Corner = tuple[float, float]


def figure(evaluation: SearchEvaluation) -> Rgb:
    """The picture of an evaluation; the model searches the displays once more.

    Raises:
        GazeError: The model cannot be used.
    """
    searcher = open_searcher(evaluation.model)
    panels = [_Panel(each, evaluation.name).drawn(searcher) for each in evaluation.found.values()]
    width = COLUMNS * (PANEL[0] + GAP) + GAP if len(panels) > 1 else PANEL[0] + 2 * GAP
    rows = -(-len(panels) // COLUMNS)
    sheet = np.full((rows * (PANEL[1] + GAP) + GAP, width, 3), 255, np.uint8)
    for number, panel in enumerate(panels):
        y, x = (GAP + place * (side + GAP) for place, side in zip(divmod(number, COLUMNS), PANEL[::-1], strict=True))
        sheet[y : y + PANEL[1], x : x + PANEL[0]] = panel
    return sheet


def drawn_search(searcher: Searcher, display: Trial, side: int = DISPLAY) -> Rgb:
    """A display with the model's fixations, the target framed, at so many pixels a side."""
    looks = look_for(searcher, display)
    scale = side / max(display.picture.shape[:2])
    large = cv2.resize(display.picture, (side, side), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    x, y, width, height = (round(number * scale) for number in display.box)
    framed = cv2.rectangle(np.ascontiguousarray(large), (x - 1, y - 1), (x + width, y + height), FRAME, 2)
    drawn = scanpath(np.asarray(framed, np.uint8), looks.xy * scale, veil=0.0, size=1.1)
    return np.asarray(cv2.rectangle(drawn, (0, 0), (side - 1, side - 1), RULE, 1), np.uint8)


class _Panel:
    """The drawing of a paradigm."""

    def __init__(self, found: Asymmetry, model: str) -> None:
        self.found, self.model = found, model
        self.image = Image.new("RGB", (PANEL[0] * FINE, PANEL[1] * FINE), "white")
        self.pen = ImageDraw.Draw(self.image)

    def drawn(self, searcher: Searcher) -> Rgb:
        """All of it."""
        paradigm, index = self.found.paradigm, self.found.index
        self._text((0, 2), paradigm.name, 19)
        told = f"index {index:+.2f}, people {self.found.people_index:+.2f}"
        self._text((PANEL[0] - 6, 6), told, 13, QUIET, "ra")
        self._plots()
        small = np.array(self.image.resize(PANEL, Image.Resampling.BOX))
        for number, side in enumerate(SIDES):
            display = trial(paradigm, side, paradigm.set_sizes[-1], seed=0)
            left = number * (DISPLAY + GAP // 2)
            small[TOP + 30 : TOP + 30 + DISPLAY, left : left + DISPLAY] = drawn_search(searcher, display)
        return small

    def _plots(self) -> None:
        paradigm = self.found.paradigm
        rows = {
            "people": {side: (paradigm.people[side], self.found.people[side]) for side in SIDES},
            self.model: {side: (curve.times, curve.slope) for side, curve in self.found.curves.items()},
        }
        high = max(time for row in rows.values() for times, _ in row.values() for time in times) * 1.08
        for number, side in enumerate(SIDES):
            named = f"{side}: {paradigm.targets[side]}"
            self._text((number * (DISPLAY + GAP // 2), TOP + 10), named, 13, COLOURS[side])
        for number, (name, row) in enumerate(rows.items()):
            corner = (400 + number * PLOT[0], TOP + 26)
            self._axes(corner, name, high, labelled=number == 0)
            for line, (side, (times, slope)) in enumerate(row.items()):
                points = [
                    self._place(corner, size, time, high) for size, time in zip(paradigm.set_sizes, times, strict=True)
                ]
                self._line(points, COLOURS[side])
                at = corner[0] + (PLOT[0] - 28) * (0.06 + 0.5 * line), corner[1] + PLOT[1] + 40
                self._text(at, f"{slope:.0f} ms an item", 12, COLOURS[side])

    def _place(self, corner: Corner, size: int, time: float, high: float) -> Corner:
        most = self.found.paradigm.set_sizes[-1] * 1.06
        return corner[0] + size / most * (PLOT[0] - 28), corner[1] + PLOT[1] * (1 - time / high)

    def _axes(self, corner: Corner, name: str, high: float, labelled: bool) -> None:
        left, top = corner
        for time in ticks(0.0, high):
            _, y = self._place(corner, 0, time, high)
            self._line([(left, y), (left + PLOT[0] - 28, y)], RULE, 1, marks=False)
            if labelled:
                self._text((left - 6, y), f"{time:g}", 12, QUIET, "rm")
        for size in self.found.paradigm.set_sizes:
            x, y = self._place(corner, size, 0, high)
            self._text((x, y + 5), str(size), 12, QUIET, "ma")
        self._text((left + PLOT[0] / 2 - 14, top - 6), name, 13, INK, "mb")
        self._text((left + PLOT[0] / 2 - 14, top + PLOT[1] + 22), "items", 12, QUIET, "ma")
        if labelled:
            self._text((left - 6, top - 12), "ms", 12, QUIET, "rm")

    def _line(self, points: Sequence[Corner], colour: tuple[int, int, int], width: int = 2, marks: bool = True) -> None:
        fine = [(x * FINE, y * FINE) for x, y in points]
        self.pen.line(fine, colour, width * FINE, joint="curve")
        for x, y in fine if marks else ():
            self.pen.ellipse((x - 4 * FINE, y - 4 * FINE, x + 4 * FINE, y + 4 * FINE), colour)

    def _text(self, at: Corner, words: str, size: int, ink: tuple[int, int, int] = INK, anchor: str = "la") -> None:
        self.pen.text((at[0] * FINE, at[1] * FINE), words, ink, ImageFont.load_default(size * FINE), anchor)
