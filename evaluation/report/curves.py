"""A score over time as a line chart in SVG: a line a row, its 95 % interval a band; times are steps, in order.

The names stand at the ends of the lines, moved apart where they would cover each other. Colours are classes of
`evaluation/report/report.css`, those of several models are told apart by their dashes; a description for screen readers
travels with it. Names of rows are escaped here: a chart is `Markup`, which the report takes as it is.
"""

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from evaluation.report.charts import CHARACTERS, ticks
from evaluation.results import Summary

WIDTH, HEIGHT = 720, 300  # pixels: of a chart
LEFT, RIGHT, TOP, BOTTOM = 40, 190, 12, 34  # pixels around the lines
APART = 15  # pixels from name to name, at least

Points = list[tuple[float, float, float, float]]  # x, and y of the mean and of the ends of its interval
Rows = Mapping[str, tuple[str, Sequence[Summary]]]  # row -> kind, and its score at each time


def lines(title: str, times: Sequence[str], rows: Rows) -> Markup:
    """The chart of a score at some times; empty where no row has it."""
    known = {row: pair for row, pair in rows.items() if any(value["pictures"] for value in pair[1])}
    if not known or not times:
        return Markup()
    there = [value for _, values in known.values() for value in values if value["pictures"]]
    low, high = min(0.0, *(value["low"] for value in there)), max(value["high"] for value in there)
    span = (high - low) or 1.0
    bottom = HEIGHT - BOTTOM

    def y(value: float) -> float:
        return bottom - (value - low) / span * (bottom - TOP)

    step = (WIDTH - LEFT - RIGHT) / len(times)
    drawn: dict[str, tuple[str, Points]] = {}
    for row, (kind, values) in known.items():
        places = [(LEFT + (k + 0.5) * step, value) for k, value in enumerate(values) if value["pictures"]]
        drawn[row] = kind, [(x, y(v["mean"]), y(v["low"]), y(v["high"])) for x, v in places]
    parts = [_tick(value, y(value)) for value in ticks(low, high)]
    parts += [_time(name, LEFT + (k + 0.5) * step) for k, name in enumerate(times)]
    order = _spread({row: points[-1][1] for row, (_, points) in drawn.items()})
    numbers = _numbers(known)
    parts += [_curve(row, kind, numbers[row], points, order[row]) for row, (kind, points) in drawn.items()]
    said = "; ".join(f"{row} {_said(times, values)}" for row, (_, values) in known.items())
    label = escape(f"{title}: {said}")
    return Markup(f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>')


def _said(times: Sequence[str], values: Sequence[Summary]) -> str:
    return ", ".join(f"{time} {v['mean']:.2f}" for time, v in zip(times, values, strict=True) if v["pictures"])


def _numbers(rows: Rows) -> dict[str, int]:
    """The number of each row among those of its kind."""
    kinds: list[str] = []
    numbers = {}
    for row, (kind, _) in rows.items():
        numbers[row] = kinds.count(kind)
        kinds.append(kind)
    return numbers


def _spread(wanted: Mapping[str, float]) -> dict[str, float]:
    """Where names stand: near where they should, in that order, at least `APART` from each other."""
    placed: dict[str, float] = {}
    last = -math.inf
    for row, at in sorted(wanted.items(), key=lambda item: item[1]):
        last = placed[row] = max(at, last + APART)
    over = max(0.0, last - (HEIGHT - BOTTOM))
    return {row: at - over for row, at in placed.items()}


def _curve(row: str, kind: str, number: int, points: Points, name_y: float) -> str:
    there = [f"{x:.1f} {low:.1f}" for x, _, low, _ in points]
    back = [f"{x:.1f} {high:.1f}" for x, _, _, high in reversed(points)]
    path = "L".join(f"{x:.1f} {at:.1f}" for x, at, _, _ in points)
    x, at = points[-1][0], points[-1][1]
    edge = WIDTH - RIGHT + 8
    name: str = escape(row)
    if len(row) > CHARACTERS + 6:
        name = f"<title>{name}</title>{escape(row[: CHARACTERS + 5])}…"
    dots = "".join(f'<path class="dot {kind}" d="M{x:.1f} {y:.1f}h0"/>' for x, y, _, _ in points)
    return (
        f'<path class="band {kind}" d="M{"L".join(there + back)}Z"/>'
        f'<path class="curve {kind} dash{number % 4}" d="M{path}"/>{dots}'
        f'<path class="lead" d="M{x + 3:.1f} {at:.1f}L{edge - 4} {name_y:.1f}"/>'
        f'<text x="{edge}" y="{name_y + 4:.1f}">{name}</text>'
    )


def _time(name: str, x: float) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{escape(name)}</text>'


def _tick(value: float, at: float) -> str:
    return (
        f'<path class="grid" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>'
        f'<text class="tick" x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{value:g}</text>'
    )
