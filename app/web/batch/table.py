"""The pictures of a batch as a table: a line a picture, columns that people sort by, the worst and the best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.web.batch import areas as batch_areas
from app.web.batch.areas import BatchAreas
from app.web.batch.result import Result
from data.spreadsheet import to_csv

FOCUS, CLARITY = "Focus", "Clarity"
HELP = {
    FOCUS: "0 to 100: how far looks gather in few places. Low: they scatter.",
    CLARITY: "0 to 100: high where one place stands out. Low: many places compete.",
}
SHOWN = 3  # of the worst and of the best


@dataclass(frozen=True)
class Table:
    """Results with the shares of their areas, in percent."""

    results: Sequence[Result]
    shares: Sequence[dict[str, float]]  # of areas by name, from 0 to 1
    areas: Sequence[str]

    @property
    def columns(self) -> list[str]:
        """What pictures can be ranked by: focus, clarity, then each area."""
        return [FOCUS, CLARITY, *self.areas]

    def values(self, column: str) -> list[float]:
        """A column's numbers, 0 to 100; NaN where a picture has none."""
        if column in (FOCUS, CLARITY):
            measured = [result.attention for result in self.results]
            return [each.focus if column == FOCUS else each.clarity for each in measured]
        return [100 * each.get(column, math.nan) for each in self.shares]

    def ranked(self, column: str) -> list[int]:
        """The numbers of the pictures that have a value, from the lowest to the highest."""
        values = self.values(column)
        return sorted((n for n, value in enumerate(values) if math.isfinite(value)), key=values.__getitem__)

    def extremes(self, column: str) -> tuple[list[int], list[int]]:
        """The lowest and the highest, `SHOWN` of each or half of all; the most extreme first."""
        order = self.ranked(column)
        count = min(SHOWN, (len(order) + 1) // 2)
        return order[:count], [number for number in order[::-1][:count] if number not in order[:count]]

    def csv(self) -> str:
        """The table as a file: shares in percent."""
        header = ["picture", "width_px", "height_px", "focus", "focus_percentile", "clarity", "clarity_percentile"]
        header += ["places", "medium", "familiar", *(f"share_percent: {name}" for name in self.areas)]
        return to_csv(header, (self._row(*pair) for pair in zip(self.results, self.shares, strict=True)))

    def _row(self, result: Result, shares: dict[str, float]) -> list[object]:
        known = result.attention
        numbers = [known.focus, known.focus_percentile, known.clarity, known.clarity_percentile]
        about = [known.peaks, result.medium, "yes" if result.familiar else "no"]
        found = [round(100 * shares[name], 2) if name in shares else "" for name in self.areas]
        return [result.name, *result.size, *(round(number, 1) for number in numbers), *about, *found]


def table(results: Sequence[Result], areas: BatchAreas) -> Table:
    """The table of some results."""
    shares = [{_column(name): share for name, share in each.items()} for each in areas.shares(results)]
    return Table(results, shares, batch_areas.names(shares))


def _column(area: str) -> str:
    """The name of an area's column, which is that of no other column."""
    return f"{area} (area)" if area in HELP else area
