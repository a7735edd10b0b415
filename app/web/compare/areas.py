"""The areas of two versions: copied from one to the other by name, and what each gets in both.

A difference is noticed when the interval that holds 95 of 100 pairs of studies with 20 people each leaves out zero.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.predict.areas import STUDY, AreaDifference, AreaMeasures
from app.predict.sentences import of_difference
from app.web.workspace import Workspace
from data.areas import MOST, Area
from data.spreadsheet import to_csv

COLUMNS = (
    *("area", "share_a", "share_b", "share_change", "share_change_low", "share_change_high", "share_noticed"),
    *("seen_a", "seen_b", "seen_change", "seen_change_low", "seen_change_high", "seen_noticed"),
    *("first_look_a_s", "first_look_b_s", "first_look_change_s", "first_look_change_low_s"),
    *("first_look_change_high_s", "first_look_noticed"),
)
FORMATS: dict[str, str] = (
    dict.fromkeys(("A", "B"), "%.1f %%") | {"Change": "%+.1f %%"} | dict.fromkeys(("Seen in A", "Seen in B"), "%.0f %%")
)
FORMATS |= dict.fromkeys(("First look in A", "First look in B"), "%.1f s")
HELP = {  # what the columns of the table mean
    "A": "Of all looks at A, how many fall on the area.",
    "B": "Of all looks at B, how many fall on the area.",
    "Change": "B's share of looks less A's.",
    "Range": "What 95 of 100 pairs of studies with 20 people each would find if people looked as predicted.",
    "Noticed?": "Whether such studies would notice a difference, and in what.",
    "Seen in A": "Of 100 people, how many look at it at least once in A.",
    "Seen in B": "Of 100 people, how many look at it at least once in B.",
    "First look in A": "When half of those who look at it in A have done so.",
    "First look in B": "When half of those who look at it in B have done so.",
}
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
    missing = set(lacking(kept.areas(source), there))
    new = [area.scaled(width / wide, height / high) for area in kept.areas(source) if area.name in missing]
    kept.set_areas(target, [*there, *new][:MOST])


def lacking(areas: Sequence[Area], others: Sequence[Area]) -> list[str]:
    """The names of areas that others do not have."""
    same = partners([area.name for area in areas], [other.name for other in others])
    return [area.name for area in areas if area.name not in same]


def partners(names: Sequence[str], others: Sequence[str]) -> dict[str, str]:
    """Which of the others each name stands for: the very same, else one that differs only in case and spaces.

    >>> partners(["Button", "logo", "Price"], ["button", "logo", "Logo"])
    {'logo': 'logo', 'Button': 'button'}
    """
    found = {name: name for name in names if name in others}
    free = {_folded(other): other for other in reversed(others) if other not in found}
    for name in names:
        if name not in found and _folded(name) in free:
            found[name] = free.pop(_folded(name))
    return found


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def table(pairs: Sequence[Pair]) -> dict[str, list[Any]]:
    """The columns of the table that people read, the strongest difference first; None is unknown."""
    some = ordered(pairs)
    return {
        "Area": [pair.name for pair in some],
        "A": [100 * pair.a.share for pair in some],
        "B": [100 * pair.b.share for pair in some],
        "Change": [100 * pair.change.share for pair in some],
        "Range": [f"{points(pair.change.share_low)} to {points(pair.change.share_high)}" for pair in some],
        "Noticed?": [noticed(pair) for pair in some],
        "Seen in A": [100 * pair.a.seen for pair in some],
        "Seen in B": [100 * pair.b.seen for pair in some],
        "First look in A": [_known(pair.a.first_s) for pair in some],
        "First look in B": [_known(pair.b.first_s) for pair in some],
    }


def show_table(pairs: Sequence[Pair]) -> None:
    """The table; it scrolls within itself where the page is narrow."""
    column = st.column_config
    config: dict[str, Any] = {
        name: column.NumberColumn(format=form, help=HELP[name], width="small") for name, form in FORMATS.items()
    }
    config |= {name: column.TextColumn(help=HELP[name]) for name in ("Range", "Noticed?")}
    config["Area"] = column.TextColumn(pinned=True, width=130)
    st.dataframe(table(pairs), hide_index=True, column_config=config, key="compare-table", placeholder="–")


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def ordered(pairs: Sequence[Pair]) -> list[Pair]:
    """The strongest difference first."""
    return sorted(pairs, key=lambda pair: -pair.strength)


def noticed(pair: Pair) -> str:
    """What 20 people would notice."""
    words = {"share": "looks", "seen": "seen by", "first_s": "first look"}
    found = [words[name] for name, yes in pair.change.noticeable.items() if yes]
    return f"Yes: {', '.join(found)}" if found else "No"


def points(change: float) -> str:
    """A change of a share with its sign, in percent of all looks.

    >>> points(0.0153), points(-0.2), points(0.0)
    ('+1.5 %', '−20.0 %', '±0 %')
    """
    size = f"{100 * abs(change):.1f}"
    return "±0 %" if float(size) == 0 else f"{'+' if change > 0 else '−'}{size} %"


def verdict(pairs: Sequence[Pair]) -> list[str]:
    """The headline, and which differences people would notice."""
    if not pairs:
        return []
    if all(abs(pair.change.share) < SAME and not pair.noticed for pair in pairs):
        return ["There is no difference: every area gets the same in A and B."]
    some = ordered(pairs)
    strong = [pair for pair in some if pair.noticed]
    first = (strong or some)[0]
    told = [of_difference(first.a, first.b, first.change)]
    if len(some) > 1:
        told.append(_noticed_in(strong, len(some)))
    return told


def advice(a: Sequence[Area], b: Sequence[Area]) -> str:
    """What to do until both versions have an area of one name."""
    if not a and not b:
        return "Draw an area on A, such as a button, and copy it to B."
    if a and b:
        return "No area has the same name in A and B: rename one, or copy it with the button below its picture."
    one, other, some = ("A", "B", a) if a else ("B", "A", b)
    what = "the area" if len(some) == 1 else "the areas"
    return (
        f"Copy {what} of {one} to {other} with the button below {one}, and move {'it' if len(some) == 1 else 'them'}."
    )


def _noticed_in(strong: Sequence[Pair], count: int) -> str:
    """In which of several areas people would notice a difference."""
    study = f"A study with {STUDY} people would notice"
    if len(strong) == count:
        return f"{study} a difference in {'both' if count == 2 else f'all {count}'} areas."
    if not strong:
        return f"{study} no difference in any of the {count} areas."
    return f"{study} a difference in {len(strong)} of {count} areas: {', '.join(pair.name for pair in strong)}."


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
