"""The areas of two versions: copied from one to the other by name, and what each gets in both.

A difference is noticed when the interval that holds 95 of 100 pairs of studies with 20 people each leaves out zero.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.predict.areas import AreaDifference, AreaMeasures
from app.predict.sentences import percent
from app.web.workspace import Workspace
from data.areas import MOST, Area
from data.spreadsheet import to_csv

COLUMNS = (
    *("area", "share_a", "share_b", "share_change", "share_change_low", "share_change_high", "share_noticed"),
    *("seen_a", "seen_b", "seen_change", "seen_change_low", "seen_change_high", "seen_noticed"),
    *("first_look_a_s", "first_look_b_s", "first_look_change_s", "first_look_change_low_s"),
    *("first_look_change_high_s", "first_look_noticed"),
)
Called = Callable[[str], str]
SAME = 5e-4  # share of looks: what is smaller is no difference


@dataclass(frozen=True)
class Pair:
    """An area that both versions have."""

    a: AreaMeasures
    b: AreaMeasures
    change: AreaDifference

    @property
    def name(self) -> str:
        """As it is called in both."""
        return self.b.name

    @property
    def strength(self) -> float:
        """The difference of the shares over half of its interval: from 1 on it is noticed."""
        room = (self.change.share_high - self.change.share_low) / 2
        return abs(self.change.share) / room if room > 0 else math.inf * (abs(self.change.share) > SAME)

    @property
    def noticed(self) -> bool:
        """Whether 20 people would notice any of the differences."""
        return any(self.change.noticeable.values())


def copy(kept: Workspace, source: str, target: str) -> None:
    """Give one picture those areas of another that it has none of by name, at the same place in it."""
    (wide, high), (width, height) = kept.pictures[source].size, kept.pictures[target].size
    there = kept.areas(target)
    names = {area.name for area in there}
    new = [area.scaled(width / wide, height / high) for area in kept.areas(source) if area.name not in names]
    kept.set_areas(target, [*there, *new][:MOST])


def lacking(areas: Sequence[Area], others: Sequence[Area]) -> list[str]:
    """The names of areas that others do not have."""
    names = {other.name for other in others}
    return [area.name for area in areas if area.name not in names]


def table(pairs: Sequence[Pair]) -> list[dict[str, str]]:
    """The areas as lines of a table, the strongest difference first."""
    return [
        {
            "Area": pair.name,
            "A": percent(pair.a.share),
            "B": percent(pair.b.share),
            "Change": points(pair.change.share),
            "With 20 people": f"{points(pair.change.share_low)} to {points(pair.change.share_high)}",
            "Noticed?": noticed(pair),
            "Seen by": f"{whole(pair.a.seen)} → {whole(pair.b.seen)}",
            "First look after": f"{seconds(pair.a.first_s)} → {seconds(pair.b.first_s)}",
        }
        for pair in ordered(pairs)
    ]


def unbroken(words: str) -> str:
    r"""Numbers that stay on one line with their unit.

    >>> unbroken("7.4 % of looks")
    '7.4\xa0% of looks'
    """
    return words.replace(" %", "\N{NO-BREAK SPACE}%").replace(" s ", "\N{NO-BREAK SPACE}s ")


def ordered(pairs: Sequence[Pair]) -> list[Pair]:
    """The strongest difference first."""
    return sorted(pairs, key=lambda pair: -pair.strength)


def noticed(pair: Pair) -> str:
    """What 20 people would notice."""
    words = {"share": "looks", "seen": "seen by", "first_s": "first look"}
    found = [words[name] for name, yes in pair.change.noticeable.items() if yes]
    return f"Yes: {', '.join(found)}" if found else "No"


def whole(share: float) -> str:
    """A share of a hundred simulated people."""
    return f"{100 * share:.0f} %"


def points(change: float) -> str:
    """A change of a share with its sign, in percent of all looks.

    >>> points(0.0153), points(-0.2), points(0.0)
    ('+1.5 %', '−20.0 %', '±0 %')
    """
    size = f"{100 * abs(change):.1f}"
    return "±0 %" if float(size) == 0 else f"{'+' if change > 0 else '−'}{size} %"


def seconds(value: float) -> str:
    """A time; – where nobody looks."""
    return "–" if math.isnan(value) else f"{value:.1f} s"


def told(pair: Pair, called: Called) -> str:
    """What an area gets in both, and when it is seen: "B's button gets 3.1 % instead of 1.6 % of looks …"."""
    name, change = called(pair.name), pair.change
    one, other = percent(pair.a.share), percent(pair.b.share)
    if one == other:
        sentence = f"B's {name} gets {other} of looks, as in A"
    else:
        sentence = f"B's {name} gets {other} instead of {one} of looks"
    if not math.isnan(change.first_s) and abs(change.first_s) >= 0.05:
        sentence += f" and is seen {abs(change.first_s):.1f} s {'earlier' if change.first_s < 0 else 'later'}"
    elif math.isnan(pair.a.first_s) != math.isnan(pair.b.first_s):
        sentence += " and is seen at all" if math.isnan(pair.a.first_s) else " and is not seen any more"
    return f"{sentence}."


def verdict(pairs: Sequence[Pair], called: Called) -> list[str]:
    """The headline, and which differences people would notice."""
    if not pairs:
        return []
    if all(abs(p.change.share) < SAME and not p.noticed for p in pairs):
        return ["There is no difference: every area gets the same in A and B."]
    some = ordered(pairs)
    strong = [pair for pair in some if pair.noticed]
    headline = told((strong or some)[0], called)
    if not strong:
        return [headline, "Two studies with 20 people each would not notice this, nor any other difference."]
    names = ", ".join(called(pair.name) for pair in strong)
    rest = len(some) - len(strong)
    weak = "" if not rest else f" The {'other' if rest == 1 else f'other {rest}'} would go unnoticed."
    return [headline, f"Two studies with 20 people each would notice a difference in: {names}.{weak}"]


def to_table_csv(pairs: Sequence[Pair]) -> str:
    """A line an area; shares from 0 to 1, seconds; what is unknown stays empty."""

    def known(value: float) -> str:
        return "" if math.isnan(value) else f"{value:.6g}"

    lines = []
    for pair in ordered(pairs):
        line: list[str] = [pair.name]
        for name in ("share", "seen", "first_s"):
            change = pair.change
            values = (getattr(pair.a, name), getattr(pair.b, name), getattr(change, name))
            line += [
                known(value) for value in (*values, getattr(change, f"{name}_low"), getattr(change, f"{name}_high"))
            ]
            line.append("yes" if change.noticeable[name] else "no")
        lines.append(line)
    return to_csv(COLUMNS, lines)
