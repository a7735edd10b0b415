"""`--html`: an evaluation as one page that needs nothing else: no network, no script, no other file.

Protocol, tables, a bar chart a score, the comparison, and for each model the pictures where it is worst and best, as
`Evaluation.look` shows them. Pictures lie in the page as JPEG; once they come to `BUDGET` bytes further ones are only
named. The page is `report.html.jinja`, which escapes all that it is given but the style and the charts: those are ours.
"""

import base64
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import UInt8
from markupsafe import Markup

from data.atomic import atomic_write
from data.errors import GazeError
from data.plain_text import unicode
from evaluation.report import charts, curves
from evaluation.report.template import template
from evaluation.report.text import cell, tested
from evaluation.results import LOWER, NEITHER, WHOLE, Compared, Evaluation, Summary
from evaluation.saliency.gallery import SECONDS
from evaluation.saliency.scoring import LESS_BLIND

BUDGET = 4_500_000  # bytes of pictures in a page
QUALITY = 78  # of a JPEG


class Cell(NamedTuple):
    """A number of a table, and what stands below it in small letters."""

    text: str = ""
    below: tuple[str, ...] = ()
    best: bool = False  # of its column


class Row(NamedTuple):
    """A line of a table: what is scored, and its numbers."""

    name: str
    kind: str  # chance, baseline, model or people
    cells: list[Cell]


class Table(NamedTuple):
    """Rows by scores."""

    names: list[str]  # of the scores, with arrows
    rows: list[Row]
    caption: str = ""


class Chart(NamedTuple):
    """A score of all rows, drawn."""

    score: str
    meaning: str
    svg: Markup


class Panel(NamedTuple):
    """A picture in the page, of so many pixels."""

    title: str
    source: str  # an address that holds it
    width: int
    height: int
    strip: bool  # of seconds


class Card(NamedTuple):
    """A picture of the set, its score in words, and what is shown of it."""

    name: str
    score: str
    panels: list[Panel]


class Extreme(NamedTuple):
    """The pictures where a row is worst, or best."""

    row: str
    rank: str
    pictures: list[Card]


def write_report(evaluation: Evaluation, path: Path, count: int = 3) -> None:
    """Writes the page, with `count` of the worst and of the best pictures of each model.

    Raises:
        GazeError: The file cannot be written there.
    """
    try:
        with atomic_write(path) as file:
            file.write(unicode(render_page(evaluation, count)).encode())
    except OSError as error:
        raise GazeError(f"{path}: cannot be written ({error.strerror}); choose another place.") from error


def render_page(evaluation: Evaluation, count: int = 3) -> str:
    """The page."""
    facts = evaluation.protocol
    shown = {name for names in evaluation.groups().values() for name in names}
    return template(Path(__file__).with_name("report.html.jinja")).render(
        evaluation=evaluation,
        protocol=facts,
        title=f"{evaluation.question} {facts['data']}, {facts['split']}",
        style=Markup(Path(__file__).with_name("report.css").read_text("utf-8")),
        whole=_tables(evaluation, WHOLE),
        charts=list(_charts(evaluation)),
        curves=list(_curves(evaluation)),
        compared=_comparison(evaluation, evaluation.compared),
        seconds=[table for period in evaluation.values if period != WHOLE for table in _tables(evaluation, period)],
        pictures=list(_extremes(evaluation, count)) if evaluation.pictures and count else [],
        meanings={name: words for name, words in evaluation.meanings.items() if name in shown},
        versions=", ".join(f"{name} {number}" for name, number in facts["versions"].items()),
        models="; ".join(f"{row}: {_facts(each)}" for row, each in facts["models"].items()),
    )


def _facts(facts: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value not in ("", {}))


def arrow(score: str) -> str:
    """A score's name, and whether more or less of it is better.

    >>> arrow("auc"), arrow("kl"), arrow("length")
    ('auc ↑', 'kl ↓', 'length')
    """
    return score + ("" if score in NEITHER else " ↓" if score in LOWER else " ↑")


def _tables(evaluation: Evaluation, period: str) -> list[Table]:
    tables = []
    summaries = evaluation.summaries[period]
    for title, names in evaluation.groups(period).items():
        caption = f"{'whole viewing' if title == WHOLE else title}; below each mean its 95 % interval"
        best = {name: _best(name, summaries, evaluation) for name in names}
        rows = [
            Row(row, evaluation.kind(row), [_cell(scores.get(name), best[name] == row, period) for name in names])
            for row, scores in summaries.items()
        ]
        tables.append(Table([*map(arrow, names)], rows, caption))
    return tables


def _best(score: str, rows: dict[str, dict[str, Summary]], evaluation: Evaluation) -> str:
    """The row of what predicts that is best; "" where there is but one, or no better."""
    kinds = ("model", "baseline")
    means = {
        row: scores[score]["mean"]
        for row, scores in rows.items()
        if evaluation.kind(row) in kinds and scores.get(score, {}).get("pictures") and not row.endswith(LESS_BLIND)
    }
    if len(means) < 2 or score in NEITHER:
        return ""
    return (min if score in LOWER else max)(means, key=lambda row: means[row])


def _cell(score: Summary | None, best: bool, period: str) -> Cell:
    if score is None:
        return Cell()
    mean, _, interval = cell(score, 2 if period == WHOLE else 3).partition("\n")
    return Cell(mean, (interval.replace(" ", " to "),) if interval else (), best)


def _charts(evaluation: Evaluation) -> Iterator[Chart]:
    rows = evaluation.summaries[WHOLE]
    for name in [score for names in evaluation.groups().values() for score in names if score in evaluation.charted]:
        chart = charts.bars(name, {r: (evaluation.kind(r), s[name]) for r, s in rows.items() if name in s})
        if chart:
            yield Chart(arrow(name), evaluation.meanings.get(name, ""), chart)


def _curves(evaluation: Evaluation) -> Iterator[Chart]:
    for title, names in evaluation.curves.items():
        rows = {
            row: (evaluation.kind(row), [scores[name] for name in names])
            for row, scores in evaluation.summaries[WHOLE].items()
            if all(name in scores for name in names)
        }
        chart = curves.lines(title, [name.partition(" ")[2] for name in names], rows)
        if chart:
            yield Chart(title, "", chart)


def _comparison(evaluation: Evaluation, compared: Compared) -> list[Table]:
    return [
        Table(
            [*map(arrow, names)],
            [
                Row(row, evaluation.kind(row), [_test(tests.get(name)) for name in names])
                for row, tests in compared.items()
            ],
        )
        for names in tested(evaluation, compared)
    ]


def _test(test: dict[str, float] | None) -> Cell:
    if test is None:
        return Cell()
    if not test["pictures"]:
        return Cell("-")
    below = [f"{test['low']:+z.3f} to {test['high']:+z.3f}", f"p {test['p']:.2g}"]
    below += [] if math.isnan(test["win_rate"]) else [f"won {test['win_rate']:.0%}"]
    return Cell(f"{test['difference']:+z.3f}", tuple(below))


def _extremes(evaluation: Evaluation, count: int) -> Iterator[Extreme]:
    left = BUDGET
    score, people = evaluation.ranked_by
    words = f"{score} less that of {people}" if evaluation.ceiling(score) is not None else score
    for row in evaluation.models:
        for rank, pictures in zip(("worst", "best"), evaluation.extremes(row, count), strict=True):
            cards = []
            for name, value in pictures:
                panels = _panels(evaluation, row, name) if left > 0 else []
                left -= sum(len(panel.source) for panel in panels)
                cards.append(Card(name, f"{words}: {value:+z.2f}", panels))
            if cards:
                yield Extreme(row, rank, cards)


def _panels(evaluation: Evaluation, row: str, name: str) -> list[Panel]:
    return [
        Panel(title, _source(shown), shown.shape[1], shown.shape[0], title.endswith(SECONDS))
        for title, shown in (evaluation.draw_panels(row, name) if evaluation.draw_panels else ())
    ]


def _source(picture: UInt8[np.ndarray, "h w 3"]) -> str:
    """A picture as an address that holds it."""
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)[1]
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}"
