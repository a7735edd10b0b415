"""An evaluation for people and programs: tables, Markdown and CSV; `evaluation.results` has its JSON."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from data.atomic import atomic_write
from data.errors import GazeError
from data.plain_text import unicode
from data.spreadsheet import to_csv
from evaluation import model_card
from evaluation.results import WHOLE, Compared, Evaluation, Summary, written_test

Form = Literal["table", "markdown", "csv", "json"]
WIDTH = 160  # characters, where the output is no terminal


def render_text(evaluation: Evaluation, form: Form, count: int = 3) -> str:
    """The evaluation in a form; `count` pictures are named where each model is worst and best.

    What is no Unicode in the name of a file is escaped.
    """
    return unicode(_form(evaluation, form, count))


def _form(evaluation: Evaluation, form: Form, count: int) -> str:
    if form == "json":
        return evaluation.to_json(count)
    if form == "csv":
        return _csv(rows(evaluation))
    return _markdown(evaluation, count) if form == "markdown" else table(evaluation, count)


def table(evaluation: Evaluation, count: int = 3) -> str:
    """Tables for a terminal; below each score is its 95 % interval."""
    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH)
    with console.capture() as captured:
        first, *others = evaluation.head()
        for line in (f"{first}; below: 95 % intervals over {evaluation.unit}s", *others):
            console.print(line, highlight=False, markup=False)
        for period, rows in evaluation.summaries.items():
            for title, names in evaluation.groups(period).items():
                console.print()
                console.print(_table(title, names, rows, 2 if period == WHOLE else 3))
        compared = evaluation.compared
        for names in tested(evaluation, compared):
            console.print()
            console.print(_comparison(evaluation.against, compared, names))
        for line in extremes(evaluation, count):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    return captured.get()


def extremes(evaluation: Evaluation, count: int) -> list[str]:
    """A sentence for each model: where it is worst and best."""
    score, people = evaluation.ranked_by
    lines = []
    for row in evaluation.models if evaluation.pictures and count else ():
        worst, best = (
            ", ".join(f"{name} ({value:+z.2f})" for name, value in pictures)
            for pictures in evaluation.extremes(row, count)
        )
        less = f" less that of {people}" if evaluation.ceiling(score) is not None else ""
        lines += [f"{row}: worst on {worst}; best on {best or 'no other'} ({score}{less})"] if worst else []
    return lines


def write_per_picture(evaluation: Evaluation, path: Path) -> None:
    """Writes every score of every row on every picture as CSV.

    Raises:
        GazeError: The file cannot be written there.
    """
    try:
        with atomic_write(path) as file:
            file.write(_csv(evaluation.each()).encode())
    except OSError as error:
        raise GazeError(f"{path}: cannot be written ({error.strerror}); choose another place.") from error


def cell(score: Summary, digits: int = 2, between: str = "\n") -> str:
    """A mean and its interval; - where there was nothing to score."""
    if not score["pictures"]:
        return "-"
    return f"{score['mean']:z.3f}{between}{score['low']:z.{digits}f} {score['high']:z.{digits}f}"


def _table(title: str, names: Sequence[str], rows: dict[str, dict[str, Summary]], digits: int) -> Table:
    shown = Table(escape(title), *names, box=None, pad_edge=False)
    for row, scores in rows.items():
        shown.add_row(escape(row), *(cell(scores[name], digits) if name in scores else "" for name in names))
    return shown


def tested(evaluation: Evaluation, compared: Compared) -> list[list[str]]:
    """The scores that rows were compared in, a table each."""
    compared_scores = {name for scores in compared.values() for name in scores}
    groups = ([name for name in names if name in compared_scores] for names in evaluation.groups().values())
    return [names for names in groups if names]


def _comparison(against: str, compared: Compared, names: Sequence[str]) -> Table:
    shown = Table(escape(f"less {against}; interval; p; won"), *names, box=None, pad_edge=False)
    for row, scores in compared.items():
        shown.add_row(escape(row), *(_difference(scores[name], "\n") if name in scores else "" for name in names))
    return shown


def _difference(test: dict[str, float], between: str) -> str:
    if not test["pictures"]:
        return "-"
    parts = [f"{test['difference']:+z.3f}", f"{test['low']:+z.3f} {test['high']:+z.3f}", f"p {test['p']:.2g}"]
    win_rate = [] if math.isnan(test["win_rate"]) else [f"{test['win_rate']:.0%}"]
    return between.join(parts + win_rate)


def _markdown(evaluation: Evaluation, count: int) -> str:
    parts = [
        *evaluation.head()[1:],
        model_card.tables([{"protocol": evaluation.protocol, "scores": evaluation.summaries}]),
    ]
    compared = evaluation.compared
    if compared:
        against = model_card.plain(evaluation.against)
        parts.append(f"**Difference from {against}, 95 % interval, p, share of {evaluation.unit}s won**\n")
    for names in tested(evaluation, compared):
        parts.append(f"| | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
        for row, scores in compared.items():
            cells = (_difference(scores[name], ", ") if name in scores else "" for name in names)
            parts.append(f"| {model_card.plain(row)} | {' | '.join(cells)} |")
        parts.append("")
    return "\n".join([*parts, *(f"- {model_card.plain(line)}" for line in extremes(evaluation, count))]) + "\n"


def rows(evaluation: Evaluation) -> Iterable[dict[str, Any]]:
    """A line a score; of the whole viewing with the comparison, where there is one."""
    compared = evaluation.compared
    for period, rows in evaluation.summaries.items():
        for row, scores in rows.items():
            for name, score in scores.items():
                test = compared.get(row, {}).get(name) if period == WHOLE else None
                against = {"against": evaluation.against, **_prefixed(test, score)} if test else {}
                yield {"period": period, "row": row, "score": name, **score, **against}


def _prefixed(test: dict[str, float], score: Summary) -> dict[str, float]:
    """A test as columns of a table in which a score stands already: columns that both have begin with "less_"."""
    return {("less_" + key if key in score else key): value for key, value in written_test(test).items()}


def _csv(rows: Iterable[dict[str, Any]]) -> str:
    """A table with a header; what is not known is empty."""
    lines = list(rows)
    names = list(dict.fromkeys(name for line in lines for name in line))
    return to_csv(names, ([line.get(name, "") for name in names] for line in lines))
