"""Searches of models and people as tables, Markdown, CSV and JSON."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from data.plain_text import unicode
from data.spreadsheet import to_csv
from data.synthetic.asymmetry import SIDES
from evaluation.report.text import WIDTH, Form
from evaluation.search.protocol import Asymmetry, SearchEvaluation
from evaluation.search.slopes import asymmetry_index

SLOPES = ("paradigm", "easy", "hard", "index", "people: easy", "hard", "index", "as people")
SIZES = ("paradigm", "search", "for", "items", "saccades", "ms", "people: ms", "not found")


def render_text(evaluations: Sequence[SearchEvaluation], form: Form) -> str:
    """What all models came to, in a form; csv has a line a model, paradigm, search and set size."""
    if form == "json":
        return json.dumps([record(each) for each in evaluations], indent=2) + "\n"
    if form == "csv":
        lines = [line for each in evaluations for line in points(each)]
        return to_csv(list(lines[0]), (list(line.values()) for line in lines))
    parts = _markdown(evaluations) if form == "markdown" else _tables(evaluations)
    return unicode(parts)


def record(evaluation: SearchEvaluation) -> dict[str, Any]:
    """Everything, ready for JSON."""
    return {
        "model": evaluation.name,
        "seeds": evaluation.seeds,
        "polarity": evaluation.polarity,
        "polarity_by_seed": list(evaluation.polarity_by_seed),
        "paradigms": len(evaluation.found),
        "index": evaluation.index,
        "people_index": evaluation.people_index,
        "correlation": None if math.isnan(evaluation.correlation) else evaluation.correlation,
        "asymmetries": [
            {
                "paradigm": name,
                "index": each.index,
                "index_by_seed": list(each.by_seed),
                "people_index": each.people_index,
                "slope": {side: each.curves[side].slope for side in SIDES},
                "people_slope": each.people,
                "source": each.paradigm.source,
            }
            for name, each in evaluation.found.items()
        ],
        "points": list(points(evaluation)),
    }


def points(evaluation: SearchEvaluation) -> Iterator[dict[str, Any]]:
    """A line a paradigm, search and set size."""
    for name, each in evaluation.found.items():
        for side in SIDES:
            curve = each.curves[side]
            for size, saccades, time, missed, theirs in zip(
                curve.set_sizes, curve.saccades, curve.times, curve.missed, each.paradigm.people[side], strict=True
            ):
                yield {
                    "model": evaluation.name,
                    "paradigm": name,
                    "search": side,
                    "target": each.paradigm.targets[side],
                    "set_size": size,
                    "saccades": saccades,
                    "time_ms": time,
                    "people_ms": theirs,
                    "not_found": missed,
                }


def gist(evaluation: SearchEvaluation) -> str:
    """What came out, in a sentence.

    The index by seed is not averaged: a seed is a sample of trials.
    """
    count, by_seed = len(evaluation.found), evaluation.polarity_by_seed
    spread = " to ".join(str(number) for number in sorted({min(by_seed), max(by_seed)}))
    seeds = f"; {spread} with each seed alone" if evaluation.seeds > 1 else ""
    together = f"as people in {evaluation.polarity} of {count} paradigms{seeds}"
    index = f"mean index {evaluation.index:.3f} (people {evaluation.people_index:.3f})"
    return f"{evaluation.name}: {together}; {index}; slopes correlate with people's by {_r(evaluation)}."


def _r(evaluation: SearchEvaluation) -> str:
    return "nothing" if math.isnan(evaluation.correlation) else f"{evaluation.correlation:.2f}"


def _slopes(each: Asymmetry) -> list[str]:
    right = f"{sum(index > 0 for index in each.by_seed)} of {len(each.by_seed)} seeds"
    own = [each.curves[side].slope for side in SIDES]
    theirs = [each.people[side] for side in SIDES]
    return [
        each.paradigm.name,
        *(f"{slope:z.1f}" for slope in own),
        f"{asymmetry_index(*own):+z.2f}",
        *(f"{slope:z.1f}" for slope in theirs),
        f"{asymmetry_index(*theirs):+z.2f}",
        f"{'yes' if each.index > 0 else 'no'} ({right})",
    ]


def _sizes(evaluation: SearchEvaluation) -> Iterator[list[str]]:
    for line in points(evaluation):
        yield [
            str(line["paradigm"]),
            str(line["search"]),
            str(line["target"]),
            str(line["set_size"]),
            f"{line['saccades']:.2f}",
            f"{line['time_ms']:.0f}",
            f"{line['people_ms']:.0f}",
            f"{line['not_found']:.0%}",
        ]


def _tables(evaluations: Sequence[SearchEvaluation]) -> str:
    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH)
    with console.capture() as captured:
        for evaluation in evaluations:
            console.print(gist(evaluation), highlight=False, markup=False)
            for title, names, rows in _both(evaluation):
                shown = Table(*(escape(name) for name in names), box=None, pad_edge=False, title=escape(title))
                shown.title_justify = "left"
                for row in rows:
                    shown.add_row(*map(escape, row))
                console.print()
                console.print(shown)
            console.print()
    return captured.get()


def _markdown(evaluations: Sequence[SearchEvaluation]) -> str:
    lines = []
    for evaluation in evaluations:
        lines += [gist(evaluation), ""]
        for title, names, rows in _both(evaluation):
            lines += [f"**{title}**", "", f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
            lines += [f"| {' | '.join(row)} |" for row in rows] + [""]
    return "\n".join(lines)


def _both(evaluation: SearchEvaluation) -> list[tuple[str, tuple[str, ...], list[list[str]]]]:
    slopes = [_slopes(each) for each in evaluation.found.values()]
    return [
        ("Slopes, milliseconds an item", SLOPES, slopes),
        ("Each set size", SIZES, list(_sizes(evaluation))),
    ]
