"""What the areas of a picture get, as pages show it: a table, its CSV, and two charts that are also told in words.

Shares are in percent here. The rows are those of `app.predict.areas.AreaMeasures`.
"""

import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import streamlit as st

from app.predict.areas import AreaMeasures
from app.predict.sentences import percent
from app.web import charts
from data.draw.timeline import caption
from data.spreadsheet import to_csv

Times = Sequence[tuple[float, float]]
BARS = 40  # of a chart: those with the largest shares
RANGES = "The ranges are what 95 of 100 studies with 20 people would find if people looked as predicted."
WIDE = {"Area": 130, "Share of looks": 116, "Range": 104, "First look, range": 132, "For its place": 104}  # pixels
HELP = {  # what the columns of the table mean
    "Share of looks": "Of all looks of all predicted people, how many fall on the area.",
    "Range": RANGES,
    "For its size": "Times the share that an area of this size would get if people looked everywhere alike.",
    "For its place": "Times the share that this place gets in pictures at large: people look at the middle anyway.",
    "Seen by": "Of 100 predicted people, how many look at it at least once.",
    "First look": "When half of those who look at it have done so.",
    "First look, range": "From when a quarter of those who look at it have done so, until three quarters have.",
    "Time on it": "Seconds that people spend on it on average, also those who do not look at it.",
    "Order": "1: the area that people come to first.",
}


def table(measures: Sequence[AreaMeasures], times: Times) -> dict[str, list[Any]]:
    """The columns of the table that people read; what nobody saw has no first look."""
    columns: dict[str, list[Any]] = {
        "Area": [m.name for m in measures],
        "Share of looks": [100 * m.share for m in measures],
        "Range": [f"{100 * m.share_low:.1f}–{100 * m.share_high:.1f} %" for m in measures],
        "Seen by": [100 * m.seen for m in measures],
        "First look": [_known(m.first_s) for m in measures],
        "First look, range": [_range(m.first_low, m.first_high) for m in measures],
        "Time on it": [m.dwell_s for m in measures],
        "Order": [_known(m.rank) for m in measures],
        "For its size": [m.lift for m in measures],
        "For its place": [m.centre_lift for m in measures],
    }
    for second, time in enumerate(times):
        columns[caption(time)] = [100 * float(m.share_by_second[second]) for m in measures]
    return columns


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _range(low: float, high: float) -> str:
    return "nobody looks" if math.isnan(low) else f"{low:.1f}–{high:.1f} s"


def show_table(measures: Sequence[AreaMeasures], times: Times) -> None:
    """The table; it scrolls within itself where the page is narrow."""
    percents = ["Share of looks", "Seen by", *(caption(time) for time in times)]
    formats = dict.fromkeys(percents, "%.1f %%") | {
        "Seen by": "%.0f %%",
        "First look": "%.1f s",
        "Time on it": "%.2f s",
    }
    formats |= {"For its size": "%.1f ×", "For its place": "%.1f ×", "Order": "%.0f"}
    column = st.column_config
    config: dict[str, Any] = {
        name: column.NumberColumn(
            format=form, help=HELP.get(name, "Share of the looks of this second."), width=WIDE.get(name, 84)
        )
        for name, form in formats.items()
    }
    config["Area"] = column.TextColumn(pinned=True, width=WIDE["Area"])
    config |= {name: column.TextColumn(help=HELP[name], width=WIDE[name]) for name in ("Range", "First look, range")}
    st.dataframe(table(measures, times), hide_index=True, column_config=config, key="areas-table", placeholder="–")


def csv(measures: Sequence[AreaMeasures], times: Times) -> str:
    """All numbers of the areas; shares from 0 to 1, times in seconds."""
    ranged = ("share", "lift", "centre_lift", "seen", "first_s", "dwell_s", "rank")
    columns = ["area", "kind", "part_of_picture"]
    columns += [f"{name}{end}" for name in ranged for end in ("", "_low", "_high")]
    columns += ["first_s_quarter", "first_s_three_quarters"]
    for start, end in times:
        columns += [f"share_{start:g}_{end:g}_s{part}" for part in ("", "_low", "_high")] + [f"seen_by_{end:g}_s"]
    return to_csv(columns, (_line(m, ranged, len(times)) for m in measures))


def _line(m: AreaMeasures, ranged: Sequence[str], seconds: int) -> list[Any]:
    line: list[Any] = [m.name, m.kind, round(m.part, 6)]
    line += [round(float(getattr(m, name + end)), 5) for name in ranged for end in ("", "_low", "_high")]
    line += [round(m.first_low, 3), round(m.first_high, 3)]
    for second in range(seconds):
        parts = (m.share_by_second, m.share_by_second_low, m.share_by_second_high, m.seen_by_second)
        line += [round(float(part[second]), 5) for part in parts]
    return line


def in_words(measures: Sequence[AreaMeasures], second: int | None = None, most: int = 4) -> str:
    """The largest shares, as an alternative text says them."""
    share = {m.name: m.share if second is None else float(m.share_by_second[second]) for m in measures}
    first = sorted(share, key=lambda name: -share[name])[:most]
    others = f", and {len(share) - most} others less" if len(share) > most else ""
    return ", ".join(f"{name} {percent(share[name])}" for name in first) + others


def short(share: float) -> str:
    """A share for a field of a chart.

    >>> short(0.0004)
    '<0.1 %'
    """
    return percent(share).replace("less than ", "<").replace("more than ", ">")


def show_shares(measures: Sequence[AreaMeasures]) -> None:
    """A bar for the share of each area, with its range."""
    most = sorted(measures, key=lambda m: -m.share)[:BARS]
    rows = [
        {"area": m.name, "share": m.share, "low": m.share_low, "high": m.share_high, "words": percent(m.share)}
        for m in most
    ]
    y = alt.Y("area:N", title=None, sort=None, axis=alt.Axis(labelLimit=150, labelFlush=False))
    chart = alt.Chart({"values": rows}, height=alt.Step(26))
    x = alt.X("share:Q", title="Share of looks", axis=alt.Axis(format="%"))
    tips = [alt.Tooltip("area:N", title="Area"), alt.Tooltip("words:N", title="Share of looks")]
    tips += [alt.Tooltip(f"{end}:Q", title=f"Range, {end}", format=".1%") for end in ("low", "high")]
    bars = chart.mark_bar().encode(x=x, y=y, tooltip=tips)
    ranges = chart.mark_rule(strokeWidth=2).encode(
        x="low:Q", x2="high:Q", y=y, color=alt.value(charts.LINE[charts.theme()])
    )
    words = f"Bars of the share of looks that each area gets: {in_words(measures)}."
    charts.show(bars + ranges, words)
    if len(measures) > BARS:
        st.caption(f"The {BARS} areas with the largest shares; the table has all {len(measures)}.")


def show_seconds(measures: Sequence[AreaMeasures], times: Times) -> None:
    """A field for the share of each area in each second, darker where it gets more; nothing without seconds."""
    if not times:
        return
    most = sorted(measures, key=lambda m: -m.share)[:BARS]
    rows: list[dict[str, Any]] = [
        {
            "area": m.name,
            "second": caption(time),
            "share": share,
            "words": percent(share).replace("less than ", "<\u202f"),
        }
        for m in most
        for time, share in zip(times, map(float, m.share_by_second), strict=True)
    ]
    top = max(row["share"] for row in rows)
    base = alt.Chart({"values": rows}, height=alt.Step(26)).encode(
        x=alt.X(
            "second:N",
            title="Share of the looks of each second",
            sort=None,
            axis=alt.Axis(labelAngle=0, labelFlush=False),
        ),
        y=alt.Y("area:N", title=None, sort=None, axis=alt.Axis(labelLimit=150, labelFlush=False)),
        tooltip=[
            alt.Tooltip("area:N", title="Area"),
            alt.Tooltip("second:N", title="Second"),
            alt.Tooltip("words:N", title="Share of looks"),
        ],
    )
    scale, ink = charts.fields(top)
    fields = base.mark_rect().encode(color=alt.Color("share:Q", scale=scale, legend=None))
    numbers = base.mark_text(fontSize=12).encode(text="words:N", color=ink)
    each = "; ".join(f"{caption(time)}: {in_words(measures, second, 3)}" for second, time in enumerate(times))
    charts.show(fields + numbers, f"Share of the looks of each second. {each}.")
