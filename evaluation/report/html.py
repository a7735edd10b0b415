"""`--html`: an evaluation as one page that needs nothing else: no network, no script, no other file.

Protocol, tables, a bar chart a score, the comparison, and for each model the pictures where it is worst and best, as
`Evaluation.look` shows them. Pictures lie in the page as JPEG; once they come to `BUDGET` bytes further ones are only
named. What people named (pictures, models, sets) is escaped.
"""

import base64
import math
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from data.atomic import atomic_write
from data.errors import GazeError
from evaluation.report import charts
from evaluation.report.text import cell, tested
from evaluation.results import LOWER, NEITHER, WHOLE, Compared, Evaluation, Summary
from evaluation.saliency.gallery import SECONDS
from evaluation.saliency.scoring import LESS_BLIND

BUDGET = 4_500_000  # bytes of pictures in a page
STRIP = 'class="panel strip"'
QUALITY = 78  # of a JPEG
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write_report(evaluation: Evaluation, path: Path, count: int = 3) -> None:
    """Writes the page, with `count` of the worst and of the best pictures of each model."""
    try:
        with atomic_write(path) as file:
            file.write(render_page(evaluation, count).encode(errors="replace"))
    except OSError as error:
        raise GazeError(f"{path}: cannot be written ({error.strerror}); choose another place.") from error


def render_page(evaluation: Evaluation, count: int = 3) -> str:
    """The page."""
    facts = evaluation.protocol
    title = escape(f"{evaluation.question} {facts['data']}, {facts['split']}")
    style = Path(__file__).with_name("report.css").read_text("utf-8")
    head = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    head += f'<meta name="viewport" content="width=device-width"><title>{title}</title><style>{style}</style>'
    body = "\n".join(_body(evaluation, title, count))
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body><main>\n{body}\n</main></body>\n</html>\n'


def _body(evaluation: Evaluation, title: str, count: int) -> Iterator[str]:
    facts = evaluation.protocol
    yield f"<h1>{title}</h1>"
    yield "".join(f'<p class="lead">{escape(sentence)}</p>' for sentence in evaluation.gist())
    if facts["caution"]:
        yield f'<p class="caution">{escape(facts["caution"])}</p>'
    yield "<h2>Scores</h2>"
    yield from _tables(evaluation, WHOLE)
    yield "<h2>Charts</h2>"
    yield f'<div class="charts">{"".join(_charts(evaluation))}</div>'
    if compared := evaluation.compared:
        yield from _comparison(evaluation, compared)
    if len(evaluation.values) > 1:
        yield "<h2>Second by second</h2>"
        for period in evaluation.values:
            yield from _tables(evaluation, period) if period != WHOLE else ()
    if evaluation.pictures and count:
        yield from _pictures(evaluation, count)
    yield "<h2>How this was measured</h2>"
    yield f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in evaluation.prose())}</ul>"
    shown = {name for names in evaluation.groups().values() for name in names}
    meanings = ((name, words) for name, words in evaluation.meanings.items() if name in shown)
    yield f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(words)}</dd>' for name, words in meanings)}</dl>"
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    told = "; ".join(f"{row}: {_facts(each)}" for row, each in facts["models"].items())
    yield f"<footer>{escape(versions)}.<br>{escape(told)}</footer>"


def _facts(facts: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value not in ("", {}))


def arrow(score: str) -> str:
    """A score's name, and whether more or less of it is better."""
    return escape(score) + ("" if score in NEITHER else " ↓" if score in LOWER else " ↑")


def _tables(evaluation: Evaluation, period: str) -> Iterator[str]:
    rows = evaluation.summaries[period]
    for title, names in evaluation.groups(period).items():
        caption = "whole viewing" if title == WHOLE else title
        best = {name: _best(name, rows, evaluation) for name in names}
        lines = []
        for row, scores in rows.items():
            cells = "".join(_cell(scores.get(name), best[name] == row, period) for name in names)
            lines.append(f'<tr class="{evaluation.kind(row)}"><th scope="row">{escape(row)}</th>{cells}</tr>')
        yield _table(f"{caption}; below each mean its 95 % interval", names, lines)


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


def _cell(score: Summary | None, best: bool, period: str) -> str:
    if score is None:
        return "<td></td>"
    mean, _, interval = cell(score, 2 if period == WHOLE else 3).partition("\n")
    small = f"<small>{interval.replace(' ', ' to ')}</small>" if interval else ""
    return f"<td{' class=best' if best else ''}>{mean}{small}</td>"


def _charts(evaluation: Evaluation) -> Iterator[str]:
    rows = evaluation.summaries[WHOLE]
    for name in [score for names in evaluation.groups().values() for score in names if score in evaluation.charted]:
        chart = charts.bars(name, {r: (evaluation.kind(r), s[name]) for r, s in rows.items() if name in s})
        if chart:
            words = escape(evaluation.meanings.get(name, ""))
            yield f"<figure><figcaption><b>{arrow(name)}</b> {words}</figcaption>{chart}</figure>"


def _comparison(evaluation: Evaluation, compared: Compared) -> Iterator[str]:
    yield f"<h2>Compared with {escape(evaluation.against)}, picture by picture</h2>"
    yield (
        '<p class="note">Mean difference and its 95 % interval; p of a two-sided test that turns the signs of the '
        "differences at random; the share of pictures on which the row is better, ties half. No correction for many "
        "scores.</p>"
    )
    for names in tested(evaluation, compared):
        lines = []
        for row, scores in compared.items():
            cells = "".join(_test(scores[name]) if name in scores else "<td></td>" for name in names)
            lines.append(f'<tr class="{evaluation.kind(row)}"><th scope="row">{escape(row)}</th>{cells}</tr>')
        yield _table("", names, lines)


def _table(caption: str, names: Sequence[str], lines: Sequence[str]) -> str:
    header = "".join(f'<th scope="col">{arrow(name)}</th>' for name in names)
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    head = f"<thead><tr><td></td>{header}</tr></thead>"
    return f'<div class="wide"><table>{above}{head}<tbody>{"".join(lines)}</tbody></table></div>'


def _test(test: dict[str, float]) -> str:
    if not test["pictures"]:
        return "<td>-</td>"
    small = [f"{test['low']:+z.3f} to {test['high']:+z.3f}", f"p {test['p']:.2g}"]
    small += [] if math.isnan(test["won"]) else [f"won {test['won']:.0%}"]
    lines = "".join(f"<small>{line}</small>" for line in small)
    return f"<td>{test['difference']:+z.3f}{lines}</td>"


def _pictures(evaluation: Evaluation, count: int) -> Iterator[str]:
    left = BUDGET
    for row in evaluation.models:
        for which, some in zip(("worst", "best"), evaluation.extremes(row, count), strict=True):
            if not some:
                continue
            cards = []
            for name, value in some:
                panels = _panels(evaluation, row, name) if left > 0 else []
                left -= sum(map(len, panels))
                cards.append(_card(evaluation, name, value, panels))
            yield f'<h2>Where {escape(row)} is {which}</h2><div class="pictures">{"".join(cards)}</div>'


def _card(evaluation: Evaluation, name: str, value: float, panels: Sequence[str]) -> str:
    score, people = evaluation.ranked_by
    less = f" less that of {people}" if evaluation.ceiling(score) is not None else ""
    caption = f"<figcaption><b>{escape(name)}</b> {score}{escape(less)}: {value:+z.2f}</figcaption>"
    kind = "card seconds" if any(STRIP in panel for panel in panels) else "card"
    return f'<figure class="{kind}">{caption}<div class="panels">{"".join(panels)}</div></figure>'


def _panels(evaluation: Evaluation, row: str, name: str) -> list[str]:
    found = []
    for title, shown in evaluation.look(row, name) if evaluation.look else ():
        kind = STRIP if title.endswith(SECONDS) else 'class="panel"'
        alt = escape(f"{name}: {title}")
        image = f'<img alt="{alt}" width="{shown.shape[1]}" height="{shown.shape[0]}" src="{_data(shown)}">'
        found.append(f"<div {kind}>{image}<span>{escape(title)}</span></div>")
    return found


def _data(picture: UInt8[np.ndarray, "h w 3"]) -> str:
    """A picture as an address that holds it."""
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)[1]
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}"
