"""The report as one HTML page: pictures with what was measured on them, then method, limits and versions.

It holds no script and asks no network; pictures lie in it as JPEG. Once they come to `BUDGET` bytes, further ones are
left out and that is said. The page is `report.html.jinja`, which escapes all that it is given but the style: that is
ours.
"""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from jaxtyping import UInt8
from markupsafe import Markup

from data.plain_text import unicode, visible
from evaluation.report.template import template

BUDGET = 30_000_000  # characters of pictures in a page
QUALITY = 82  # of a JPEG
Place = Literal["", "main", "across"]
LONGEST = 20_000  # letters of what a person types


@dataclass(frozen=True)
class Figure:
    """A picture in the page; `alt` says in words what it shows."""

    title: str
    alt: str
    source: str  # an address that holds it; "" where there was no room for it
    width: int  # pixels
    height: int
    place: Place = ""  # larger than the others, or over the whole width


@dataclass(frozen=True)
class Cell:
    """What stands in a table, and below it in small letters."""

    text: str
    below: str = ""


@dataclass(frozen=True)
class Table:
    """Rows under headings; the first cell of a row names it."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    pictures: Sequence[Figure] = ()  # one a row, shown before its name


@dataclass(frozen=True)
class ReportItem:
    """What is told of one picture."""

    name: str
    facts: str = ""  # size and viewing condition
    badge: str = ""  # what the picture is like
    familiar: bool = True  # whether the model was trained on such pictures
    sentences: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True)
class Gallery:
    """Pictures of a batch side by side, such as the lowest ones."""

    title: str
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Method:
    """How the numbers came about; each paragraph is plain text."""

    paragraphs: Sequence[str]
    scores: Table | None
    limits: Sequence[str]
    versions: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Heading:
    """What the person says of the report."""

    title: str = "Where people look"
    author: str = ""
    notes: str = ""


@dataclass
class _Room:
    """How many characters of pictures may still come."""

    left: int = BUDGET
    lacking: int = field(default=0)

    def take(self, figure: Figure) -> bool:
        """Whether there is room for a figure."""
        self.left -= len(figure.source)
        if self.left < 0:
            self.left += len(figure.source)
            self.lacking += 1
            return False
        return True


def report(
    items: Sequence[ReportItem],
    heading: Heading,
    method: Method,
    *,
    tables: Sequence[Table] = (),
    galleries: Sequence[Gallery] = (),
    problems: Sequence[str] = (),
    when: datetime | None = None,
) -> str:
    """The page: galleries and tables of all pictures first, then each item, then the method."""
    room = _Room()
    kept = [(gallery, [figure for figure in gallery.figures if room.take(figure)]) for gallery in galleries]
    shown = [(item, [figure for figure in item.figures if room.take(figure)]) for item in items]
    listed = [(table, [figure if room.take(figure) else None for figure in table.pictures]) for table in tables]
    page = template(Path(__file__).with_name("report.html.jinja")).render(
        title=_typed(heading.title) or Heading.title,
        author=_typed(heading.author),
        notes=[line for line in _typed(heading.notes).split("\n") if line.strip()],
        when=f"{when or datetime.now().astimezone():%d %B %Y}",
        items=shown,
        galleries=kept,
        tables=listed,
        problems=problems,
        method=method,
        lacking=room.lacking,
        style=Markup(Path(__file__).with_name("report.css").read_text("utf-8")),
    )
    return unicode(page)


def _typed(text: str) -> str:
    return visible(text[:LONGEST].replace("\r\n", "\n"), keep="\n").strip()


def figure(title: str, alt: str, picture: UInt8[np.ndarray, "h w 3"], place: Place = "") -> Figure:
    """A picture for the page."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
    return of_jpeg(title, alt, encoded, (picture.shape[1], picture.shape[0]), place)


def of_jpeg(title: str, alt: str, content: bytes, size: tuple[int, int], place: Place = "") -> Figure:
    """The same from the bytes of a JPEG file of this width and height."""
    source = f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
    return Figure(title, alt, source, *size, place)


def number(value: float, form: str, unit: str = "") -> str:
    """A number of a table; a dash where it is not known.

    >>> number(0.5, ".1f", " s"), number(float("nan"), ".1f", " s")
    ('0.5 s', '–')
    """
    return f"{value:{form}}{unit}" if math.isfinite(value) else "–"
