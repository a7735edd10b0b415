"""A score as a bar chart in SVG: a bar a model with its 95 % interval; chance and people are lines across all bars.

Bars begin where knowing nothing ends: at 0, or at 0.5 for areas under a curve. Colours are classes of
`evaluation/report/report.css`, so that a chart reads on light and dark ground and in print; a description for screen
readers travels with it. Names of rows are escaped here: a chart is `Markup`, which the report takes as it is.
"""

import math
from collections.abc import Callable, Mapping

from markupsafe import Markup, escape

from evaluation.results import Summary

WIDTH, LEFT, RIGHT = 560, 150, 56  # pixels: of a chart, of the names, of the values
BAR, LINE = 26, 15  # pixels: height of a bar's row, and of a line's name
CHARACTERS = 22  # of a name: the rest is cut, and told where a mouse rests on it
START = {"auc": 0.5, "auc_cells": 0.5, "sauc": 0.5, "end": 0.5}

Place = Callable[[float], float]  # of a value, in pixels from the left
Bars = Mapping[str, tuple[str, Summary]]  # row -> kind and score


def bars(score: str, rows: Bars) -> Markup:
    """The chart of a score; empty where no row has it."""
    scored = {row: (kind, value) for row, (kind, value) in rows.items() if value["pictures"]}
    columns = {row: pair for row, pair in scored.items() if pair[0] in ("model", "baseline")}
    lines = {row: pair for row, pair in scored.items() if row not in columns}
    if not scored:
        return Markup()
    start = START.get(score, 0.0)
    ends = [start, *(value[end] for _, value in scored.values() for end in ("low", "high"))]
    low, high = min(ends), max(ends)
    span = (high - low) or 1.0

    def x(value: float) -> float:
        return LEFT + (value - low) / span * (WIDTH - LEFT - RIGHT)

    top = LINE * len(lines) + 6
    bottom = top + BAR * len(columns)
    parts = [_line(number, row, pair, x, top, bottom) for number, (row, pair) in enumerate(lines.items())]
    parts += [_bar(top + BAR * k, row, pair, x, x(start)) for k, (row, pair) in enumerate(columns.items())]
    parts += [_tick(value, x(value), bottom) for value in ticks(low, high)]
    label = "; ".join(f"{row} {v['mean']:.3f} ({v['low']:.3f} to {v['high']:.3f})" for row, (_, v) in scored.items())
    axis = f'<path class="axis" d="M{LEFT} {bottom}H{WIDTH - RIGHT}"/>'
    return Markup(
        f'<svg viewBox="0 0 {WIDTH} {bottom + 20}" role="img" aria-label="{escape(f"{score}: {label}")}">'
        f"{''.join(parts)}{axis}</svg>"
    )


def ticks(low: float, high: float) -> list[float]:
    """Three to seven round numbers from low to high.

    >>> ticks(0, 1)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if not high > low:
        return [low]
    rough = (high - low) / 4
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * k for k in (1, 2, 5, 10) if unit * k >= rough * 0.8)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 10) for k in range(first, last + 1)]


def _line(number: int, row: str, pair: tuple[str, Summary], x: Place, top: float, bottom: float) -> str:
    kind, value = pair
    at, y = x(value["mean"]), LINE * number + 11
    anchor, shift = ("end", -4) if at > WIDTH / 2 else ("start", 4)
    band = f'<rect class="band {kind}" x="{x(value["low"]):.1f}" y="{top}" '
    band += f'width="{max(0.0, x(value["high"]) - x(value["low"])):.1f}" height="{bottom - top}"/>'
    words = f'<text x="{at + shift:.1f}" y="{y}" text-anchor="{anchor}">{escape(row)} {value["mean"]:.2f}</text>'
    return f'{band}<path class="line {kind}" d="M{at:.1f} {y - 9}V{bottom}"/>{words}'


def _bar(y: float, row: str, pair: tuple[str, Summary], x: Place, start: float) -> str:
    kind, value = pair
    at, low, high = (x(value[name]) for name in ("mean", "low", "high"))
    middle = y + BAR / 2
    name: str = escape(row)
    if len(row) > CHARACTERS:
        name = f"<title>{name}</title>{escape(row[: CHARACTERS - 1])}…"
    return (
        f'<text class="name" x="{LEFT - 8}" y="{middle + 4}" text-anchor="end">{name}</text>'
        f'<rect class="bar {kind}" x="{min(at, start):.1f}" y="{y + 5}" width="{abs(at - start):.1f}" '
        f'height="{BAR - 10}" rx="2"/>'
        f'<path class="whisker" d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8M{high:.1f} {middle - 4}v8"/>'
        f'<text class="value" x="{WIDTH - RIGHT + 8}" y="{middle + 4}">{value["mean"]:.3f}</text>'
    )


def _tick(value: float, at: float, bottom: float) -> str:
    return (
        f'<path class="axis" d="M{at:.1f} {bottom}v4"/>'
        f'<text class="tick" x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{value:g}</text>'
    )
