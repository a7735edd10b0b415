"""What the paths say, in plain sentences; `called` says how a name is written, as in Markdown."""

import math
import re
from collections.abc import Callable, Sequence

from app.predict.area_names import phrase
from app.web.order.numbers import Row, Search

FEW = 0.1  # of people: what fewer see is missed
NOBODY = "Nobody looks at any of these."
Called = Callable[[str], str]  # how a name is written


def whole(share: float) -> str:
    """A share of at most a hundred people as people read it.

    >>> whole(0.314), whole(0.004)
    ('31 %', 'less than 1 %')
    """
    return "less than 1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


def unbroken(sentence: str) -> str:
    r"""The same with numbers that stay on one line with their unit.

    >>> unbroken("31 % within 1.2 s")
    '31\xa0% within 1.2\xa0s'
    """
    return re.sub(r"(?<=\d) (?=%|s\b)", "\N{NO-BREAK SPACE}", sentence)


def seconds(value: float) -> str:
    """A time as people read it; – is unknown.

    >>> seconds(1.234), seconds(float("nan"))
    ('1.2 s', '–')
    """
    return "–" if math.isnan(value) else f"{value:.1f} s"


def span(row: Row) -> str:
    """The first look of the middle half of those who see a thing."""
    return "–" if math.isnan(row.low) else f"{row.low:.1f}–{row.high:.1f} s"


def free(rows: Sequence[Row], called: Called) -> list[str]:
    """What is seen first, second and third; the rows come in this order."""
    seen = [row for row in rows if row.seen > 0]
    if not seen:
        return [NOBODY]
    first = max(seen, key=lambda row: row.first)
    told = [f"{_capital(_who(first, called))} is seen first: {whole(first.first)} of people begin there."]
    others = [row for row in seen if row.number != first.number and row.seen >= FEW][:2]
    if others:
        told.append(f"Then {' and '.join(_detail(row, called) for row in others)}.")
    missed = [row for row in rows if row.seen < FEW]
    if missed and len(rows) > 1:
        some = f"{_capital(_who(missed[0], called))} is" if len(missed) == 1 else f"{len(missed)} of {len(rows)} are"
        told.append(f"{some} missed by nine in ten people.")
    return told


def _who(row: Row, called: Called) -> str:
    """A thing by its name, as the other pages call it; where it lies, if that is only a number."""
    name = called(phrase(row.name, row.kind))
    return f"{name} {row.where}" if row.kind and row.kind != "text" else name


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _detail(row: Row, called: Called) -> str:
    return f"{_who(row, called)} (seen by {whole(row.seen)}{within(row.after)})"


def sought(
    told: Search, rows: Sequence[Row], target: str, called: Called, on_path: int | None, limit: int
) -> list[str]:
    """How a search of at most `limit` looks went; `on_path` is the target's number among the rows."""
    gave_up = f"{whole(told.gave_up)} give up{within(told.stopped)}"
    if math.isnan(told.found):
        sentences = [f"Nobody can find {called(target)}: {gave_up}."]
        rest = 1 - told.gave_up
    else:
        who = f"{whole(told.found)} of people find" if told.found > 0 else "Nobody finds"
        sentences = [f"{who} {called(target)}{within(told.after)}."]
        sentences += [f"{gave_up}."] if told.gave_up > 0.005 else []
        rest = 1 - told.found - told.gave_up
    if rest > 0.005:
        sentences.append(f"{whole(rest)} are still looking after {limit} looks.")
    passed = [row for row in rows if row.number != on_path and row.seen > 0]
    if passed:
        most = max(passed, key=lambda row: row.seen)
        sentences.append(f"On the way, {whole(most.seen)} look at {_who(most, called)}.")
    return sentences


def within(value: float) -> str:
    """In which time half of some people did something; nothing where that is unknown."""
    if math.isnan(value):
        return ""
    return f", half of them within {value:.1f} s" if value >= 0.05 else ", half of them at once"


def agreed(agreement: float, rows: Sequence[Row], called: Called) -> str:
    """How much people agree on where to begin."""
    begun = [row for row in rows if row.first > 0]
    if not begun or math.isnan(agreement):
        return "" if begun else NOBODY
    top = max(begun, key=lambda row: row.first)
    lead = f"most begin at {_who(top, called)} ({whole(top.first)})"
    if agreement >= 0.5:
        words = f"People agree on where to begin: {lead}."
    elif agreement >= 0.2:
        words = f"People are divided on where to begin; {whole(top.first)} begin at {_who(top, called)}."
    else:
        words = "People differ on where to begin: nothing stands out for most of them."
    return f"{words} Two people begin at the same thing {100 * agreement:.0f} times in 100."


def path_alt(picture: str, person: int, names: Sequence[str], timed: bool) -> str:
    """What the drawing of one path says, for those who do not see it."""
    unique = list(dict.fromkeys(names))
    where = f"first {unique[0]}" + "".join(f", then {name}" for name in unique[1:6]) if unique else "none of the things"
    time = "; the larger a circle, the longer the look" if timed else ""
    return f"The path of person {person} over {picture}: {where}{time}."


def dots_alt(picture: str, people: int, rows: Sequence[Row]) -> str:
    """What the drawing of everyone's looks says."""
    seen = [row for row in rows if row.seen > 0][:3]
    most = ", ".join(f"{row.name} ({whole(row.seen)})" for row in seen) or "none of the things"
    return f"Every look of {people} people over {picture}, coloured from the first to the last; first they see {most}."


def firsts_alt(picture: str, rows: Sequence[Row]) -> str:
    """What the drawing of first looks says."""
    begun = sorted((row for row in rows if row.first > 0), key=lambda row: -row.first)[:4]
    return f"Where people begin in {picture}: {', '.join(f'{r.name} {whole(r.first)}' for r in begun) or 'nowhere'}."
