"""How focused and how clear the map of a picture is, on 0 to 100, and how many of 1,190 photographs have less of it.

Focus says on how little of the picture looks fall, whatever is there:

    A      exp(entropy of the map) / cells: the part of the picture that looks would fill if they were spread evenly
    focus  100 * log(A0 / A) / log(A0 / A1), cut at 0 and 100

A0 is the A of the centre bias (`center_bias`), so that a map that knows no more than that, or an even one, has 0. A1 is
that of one place as large as a fixation is sharp (a Gaussian of 3 % of the longer side), so that a single dot has 100.

Clarity says how few places share the looks. A place is a peak of the map with all that rises above the pass to a
higher one, or above an even spread; s is the share of looks that this is (its excess mass):

    clarity  100 * sqrt(sum of s^2)

One dot has 100, n equal dots far apart have 100 / sqrt(n), many weak peaks and an even map have about 0. Neither says
that a picture is beautiful, that it is understood, remembered or liked, or that it sells; a picture with much to find
has little of both. The map is laid on cells that are square on the picture, `SIDE` along its longer side, so that
neither its size nor its shape matters.
"""

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float

from app.predict.center_bias import center_bias

SIDE = 64  # cells along the longer side
SPOT = 0.03  # of the longer side: the deviation of one place, about one degree where the photographs were shown
DISTINCT = 0.05  # of all looks: what a place needs to be counted
TABLE = Path(__file__).with_name("photographs.json")  # made by tests/bench/photographs.py
PHOTOGRAPHS = 1190


@dataclass(frozen=True)
class AttentionMeasures:
    """Focus and clarity of one map, 0 to 100 each, and what percent of the photographs have less of each."""

    focus: float
    focus_percentile: float  # NaN: the photographs were not measured with this model
    clarity: float
    clarity_percentile: float
    peaks: int  # distinct places: with 5 % of the looks or more


def attention_measures(
    log_density: Float[np.ndarray, "g v"], size: tuple[int, int], model: str = "tempsal"
) -> AttentionMeasures:
    """Measures of the map of the whole viewing; `size` is the picture's width and height in pixels."""
    cells = _cells(log_density, size)
    value, shares = focus(cells), places(cells)
    clear = 100 * min(1.0, math.sqrt(sum(share**2 for share in shares)))
    distinct = sum(share >= DISTINCT for share in shares)
    return AttentionMeasures(
        value, percentile(value, model, "focus"), clear, percentile(clear, model, "clarity"), distinct
    )


def _cells(log_density: Float[np.ndarray, "g v"], size: tuple[int, int]) -> Float[np.ndarray, "y x"]:
    """The probability of each of few cells that are square on the picture."""
    columns, rows = (max(1, round(SIDE * side / max(size))) for side in size)
    density = np.exp(log_density - log_density.max()).astype(np.float32)
    method = cv2.INTER_AREA if density.shape[0] >= rows and density.shape[1] >= columns else cv2.INTER_LINEAR
    small = cv2.resize(density, (columns, rows), interpolation=method).astype(np.float64)
    return np.asarray(small / small.sum())


def focus(cells: Float[np.ndarray, "y x"]) -> float:
    """On how little of the picture looks fall: 0 to 100."""
    spread, spot = _part(center_bias(cells.shape)), _spot(cells.shape)
    if spot >= spread:
        return 0.0  # a strip so narrow that one place is all of it
    return float(np.clip(100 * math.log(spread / _part(cells)) / math.log(spread / spot), 0, 100))


def _part(cells: Float[np.ndarray, "y x"]) -> float:
    """The part of the picture that looks would fill if they were spread evenly."""
    some = cells[cells > 0]
    return float(np.exp(-(some * np.log(some)).sum()) / cells.size)


def _spot(shape: tuple[int, ...]) -> float:
    """The same of one place in the middle."""
    rows, columns = shape
    y, x = (np.arange(side) + 0.5 - side / 2 for side in (rows, columns))
    spot = np.exp(-(y[:, None] ** 2 + x**2) / (2 * (SPOT * max(shape)) ** 2))
    return _part(spot / spot.sum())


def places(cells: Float[np.ndarray, "y x"]) -> list[float]:
    """The share of looks of each place, as above; the largest first.

    Cells are taken from the highest down. Each joins the places that it touches; where two meet, the lower one ends.
    """
    rows, columns = cells.shape
    values, even = cells.ravel(), 1 / cells.size
    owner = np.full(cells.size, -1, np.int64)
    found: list[_Place] = []
    shares: list[float] = []
    for cell in np.argsort(-values, kind="stable").tolist():
        if values[cell] <= even:
            break
        row, column = divmod(cell, columns)
        touched = {
            _top(found, owner[at])
            for at, there in (
                (cell - columns, row > 0),
                (cell + columns, row < rows - 1),
                (cell - 1, column > 0),
                (cell + 1, column < columns - 1),
            )
            if there and owner[at] >= 0
        }
        ordered = sorted(touched)  # the earlier one has the higher peak
        if not ordered:
            found.append(_Place(len(found)))
            ordered = [len(found) - 1]
        highest = found[ordered[0]]
        for number in ordered[1:]:
            shares.append(found[number].end(float(values[cell])))
            highest.take(found[number])
        highest.count, highest.mass = highest.count + 1, highest.mass + float(values[cell])
        owner[cell] = highest.number
    shares += [place.end(even) for place in found if place.above == place.number]
    return sorted(shares, reverse=True)


@dataclass
class _Place:
    """A peak with what is about it, as far as it is known."""

    number: int
    count: int = 0  # cells
    mass: float = 0.0
    told: float = 0.0  # of the mass: what belongs to lower peaks in it
    above: int = -1  # the place that it has become part of; itself while it is none's

    def __post_init__(self) -> None:
        self.above = self.number

    def end(self, level: float) -> float:
        """What rises above a level and belongs to no lower peak."""
        share = max(0.0, self.mass - self.count * level - self.told)
        self.told += share
        return share

    def take(self, other: "_Place") -> None:
        """Another one becomes part of it."""
        self.count, self.mass, self.told = self.count + other.count, self.mass + other.mass, self.told + other.told
        other.above = self.number


def _top(found: list[_Place], number: int) -> int:
    """The place that one has become part of."""
    while found[number].above != number:
        found[number].above = found[found[number].above].above
        number = found[number].above
    return int(number)


def percentile(value: float, model: str, name: str) -> float:
    """How many of 100 photographs have less of "focus" or "clarity"; NaN where they were not measured with a model."""
    known = _photographs().get(model, {}).get(name)
    return math.nan if known is None else float(np.interp(value, known, np.arange(len(known))))


@cache
def _photographs() -> dict[str, dict[str, list[float]]]:
    """The percentiles 0, 1, ... 100 of the photographs, by model and measure."""
    return dict(json.loads(TABLE.read_text())) if TABLE.is_file() else {}
