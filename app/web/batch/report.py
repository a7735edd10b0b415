"""The report of a batch: a table of all pictures, the lowest and the highest, the method."""

from collections.abc import Sequence

import cv2
import numpy as np

from app.web.batch.result import Recipe, Result
from app.web.batch.table import CLARITY, FOCUS, Table
from app.web.report import page
from app.web.report.items import Drawing, above
from app.web.report.method import method
from app.web.report.page import Cell, Figure, Gallery, Heading, number, report

PROBLEMS = 200  # that are listed
RANKED = 6  # columns whose extremes are shown: focus, clarity and the first areas


def batch_report(table: Table, recipe: Recipe, problems: Sequence[str], heading: Heading | None = None) -> str:
    """The page; pictures of the table are left out where it would become too large."""
    columns = ["Picture", FOCUS, CLARITY, "Kind", *table.areas]
    shares = [table.values(name) for name in table.areas]
    rows = [_row(result, [each[index] for each in shares]) for index, result in enumerate(table.results)]
    listed = page.Table(
        f"All {len(rows)} pictures", columns, rows, [_figure(result, "", result.icon) for result in table.results]
    )
    galleries = []
    for column in table.columns[:RANKED] if len(rows) > 1 else []:
        values = table.values(column)
        unit = "" if column in (FOCUS, CLARITY) else " %"
        for words, numbers in zip(("Lowest", "Highest"), table.extremes(column), strict=True):
            figures = [
                _figure(table.results[n], f"{table.results[n].name}: {values[n]:.1f}{unit}", table.results[n].thumbnail)
                for n in numbers
            ]
            galleries.append(Gallery(f"{words}: {column.lower() if not unit else column}", figures))
    drawing = Drawing(recipe.palette, recipe.opacity)
    return report(
        [],
        heading or Heading(f"Where people look in {len(rows)} pictures"),
        method(recipe.model, recipe.condition, drawing.words),
        tables=[listed],
        galleries=galleries,
        problems=[*problems[:PROBLEMS], *([f"And {len(problems) - PROBLEMS} more."] * (len(problems) > PROBLEMS))],
    )


def _row(result: Result, shares: Sequence[float]) -> list[Cell]:
    known = result.attention
    width, height = result.size
    kind = result.medium.capitalize() or "–"
    return [
        Cell(result.name, f"{width} × {height}"),
        Cell(f"{known.focus:.0f}", above(known.focus_percentile, " of photographs").removeprefix(", ")),
        Cell(f"{known.clarity:.0f}", above(known.clarity_percentile, " of photographs").removeprefix(", ")),
        Cell(kind, "" if result.familiar else "not trained on"),
        *(Cell(number(share, ".1f", " %")) for share in shares),
    ]


def _figure(result: Result, title: str, content: bytes) -> Figure:
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    size = (image.shape[1], image.shape[0]) if image is not None else (1, 1)
    return page.of_jpeg(title, f"Heat map of {result.name}", content, size)
