"""The table and the charts of the page Order, and its tables as files."""

import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import streamlit as st

from app.web.order import words
from app.web.order.numbers import COLUMNS, Row
from app.web.path_player import Look
from data.areas import Area
from data.spreadsheet import to_csv

GREY = "#7f8794"  # reads on white and on dark
MOST = 20  # things in a chart: with more, nothing can be read
FORMATS = {"Order": "%d", "Seen by": "%.0f %%", "First": "%.0f %%", "First look": "%.1f s", "Time on it": "%.1f s"}
WIDE = {"What": 150, "Where": 130, "First look, range": 132}  # pixels
HELP = {  # what the columns of the table mean
    "Order": "1: what people come to first.",
    "Where": "Where its middle lies in the picture.",
    "Seen by": "Of 100 people, how many look at it at least once.",
    "First": "Of 100 people, how many look at it before all else.",
    "First look": "When half of those who look at it have done so.",
    "First look, range": "From when a quarter of those who look at it have done so, until three quarters have.",
    "Time on it": "Seconds that people spend on it on average, also those who do not look at it.",
}
TIPS = {
    "seen": ("Seen by (% of people)", ".0f"),
    "first": ("Look at it first (% of people)", ".0f"),
    "after": ("First look after (s)", ".1f"),
    "look": ("First look (number of the look)", ".1f"),
    "dwell": ("Time on it (s)", ".1f"),
}


def table(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """The columns of the table that people read, from the first to the last seen; None is unknown."""
    return {
        "Order": [row.rank if row.seen > 0 else None for row in rows],
        "What": [row.name for row in rows],
        "Where": [row.where for row in rows],
        "Seen by": [100 * row.seen for row in rows],
        "First": [100 * row.first for row in rows],
        "First look": [_known(row.after) for row in rows],
        "First look, range": [words.span(row) for row in rows],
        "Time on it": [_known(row.dwell) for row in rows],
    }


def show_table(rows: Sequence[Row]) -> None:
    """The table; it scrolls within itself where the page is narrow or the things are many."""
    column = st.column_config
    config: dict[str, Any] = {
        name: column.NumberColumn(format=form, help=HELP[name], width="small") for name, form in FORMATS.items()
    }
    config |= {name: column.TextColumn(help=HELP[name], width=WIDE[name]) for name in ("Where", "First look, range")}
    config["What"] = column.TextColumn(pinned=True, width=WIDE["What"])
    st.dataframe(table(rows), hide_index=True, column_config=config, key="order-table", placeholder="–")


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def values(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The first things for charts: None where a number is unknown."""
    made = []
    for row in rows[:MOST]:
        numbers = {
            "seen": 100 * row.seen,
            "first": 100 * row.first,
            "after": row.after,
            "low": row.low,
            "high": row.high,
            "look": row.look,
            "dwell": row.dwell,
        }
        known = {name: None if math.isnan(value) else round(value, 3) for name, value in numbers.items()}
        made.append({"thing": row.name, "where": row.where} | known)
    return made


def seen_chart(rows: Sequence[Row]) -> alt.Chart:
    """How many people see each thing."""
    told = values(rows)
    share = alt.X("seen:Q", title=TIPS["seen"][0], scale=alt.Scale(domain=(0, 100)))
    chart: alt.Chart = _things(told).mark_bar().encode(x=share)
    return chart


def seen_alt(rows: Sequence[Row]) -> str:
    """What that chart says."""
    some = ", ".join(f"{row.name} {words.whole(row.seen)}" for row in rows[:5])
    return f"Bars of how many people see each thing: {some}."


def when_chart(rows: Sequence[Row]) -> alt.LayerChart | alt.FacetChart:
    """When each thing is first looked at: the median and the middle half, or the number of the look without times."""
    told = values(rows)
    point = _things(told).mark_point(filled=True, size=80, opacity=1)
    if any(row["after"] is not None for row in told):
        title = f"{TIPS['after'][0]}: median and middle half"
        spread = _things(told).mark_rule(strokeWidth=2, color=GREY).encode(x=alt.X("low:Q", title=title), x2="high:Q")
        return alt.layer(spread, point.encode(x=alt.X("after:Q", title=title)))
    return alt.layer(point.encode(x=alt.X("look:Q", title=TIPS["look"][0])))


def when_alt(rows: Sequence[Row]) -> str:
    """What that chart says."""
    known = [row for row in rows[:5] if not math.isnan(row.look)]
    some = ", ".join(
        f"{row.name} {'look ' + format(row.look, '.0f') if math.isnan(row.after) else words.seconds(row.after)}"
        for row in known
    )
    return f"When each thing is first looked at: {some or 'nobody looks at any'}."


def _things(told: Sequence[dict[str, Any]]) -> alt.Chart:
    everything = alt.Scale(domain=[row["thing"] for row in told])
    known = [name for name in TIPS if any(row[name] is not None for row in told)]
    return (
        alt.Chart({"values": list(told)})
        .encode(
            y=alt.Y("thing:N", title=None, scale=everything, axis=alt.Axis(labelLimit=160, labelFlush=False)),
            tooltip=[
                alt.Tooltip("thing:N", title="What"),
                alt.Tooltip("where:N", title="Where"),
                *(alt.Tooltip(f"{name}:Q", title=TIPS[name][0], format=TIPS[name][1]) for name in known),
            ],
        )
        .properties(height=alt.Step(22))
    )


def things_csv(rows: Sequence[Row], things: Sequence[Area]) -> str:
    """A line a thing, in the order of first looks; what is unknown stays empty."""

    def known(value: float) -> str:
        return "" if math.isnan(value) else f"{value:.6g}"

    lines = (
        (
            row.rank,
            row.name,
            *(known(value) for value in things[row.number].box),
            *(known(v) for v in (row.seen, row.first, row.after, row.low, row.high, row.look, row.dwell, row.looks)),
        )
        for row in rows
    )
    return to_csv(COLUMNS, lines)


def looks_csv(looks: Sequence[Look], things: Sequence[Area]) -> str:
    """A line a look, with the name of what it falls on; what is unknown stays empty."""

    def known(value: float) -> str:
        return "" if math.isnan(value) else f"{value:.1f}"

    lines = (
        (
            person + 1,
            index + 1,
            things[thing].name if thing >= 0 else "",
            known(x),
            known(y),
            known(start),
            known(lasts),
        )
        for person, index, x, y, start, lasts, thing in looks
    )
    return to_csv(("person", "look", "object", "x", "y", "start_ms", "duration_ms"), lines)
