"""One picture among a person's others: its focus, its clarity and the shares of its areas as percentiles of theirs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import streamlit as st

from app.web import charts, measures
from app.web.predictions import view, view_key
from app.web.widgets import NOTE, plain
from app.web.workspace import StoredPicture, Workspace
from data.areas import Area
from data.spreadsheet import to_csv
from export.runtime.saliency import Predictor

LEAST = 5  # pictures to compare with: among fewer, a percentile says nothing
COLUMNS = ("measure", "value", "others", "lower", "percentile", "median", "lowest", "highest")


@dataclass(frozen=True)
class Standing:
    """A measure of one picture, and the same of the others."""

    name: str
    unit: str  # "%" of looks, or "" for points of 0 to 100
    value: float
    others: tuple[float, ...]

    @property
    def lower(self) -> int:
        """How many of the others have less."""
        return sum(other < self.value for other in self.others)

    @property
    def percentile(self) -> float:
        """What percent of the others have less; those that have the same count half."""
        same = sum(other == self.value for other in self.others)
        return 100 * (self.lower + same / 2) / len(self.others)

    def written(self, value: float) -> str:
        """A value as people read it."""
        return f"{value:.1f} %" if self.unit else f"{value:.0f}"


def show(kept: Workspace, model: Predictor, stored: StoredPicture, condition: str) -> None:
    """Where a picture stands among all others of the session: sentences, a table, a chart and its file.

    Raises:
        GazeError: A picture cannot be read.
    """
    count = len(kept.pictures) - 1
    if count < LEAST:
        there = f"there {'is' if count == 1 else 'are'} {count}"
        st.info(
            f"This needs at least {LEAST} other pictures, and {there}. Add some with the button Pictures.",
            icon=":material/info:",
        )
        return
    found = standings(kept, model, stored, condition)
    for number, standing in enumerate(found):
        told = plain(sentence(standing))
        st.markdown(f"**{told}**" if number == 0 else told)
    left, right = st.columns(2, gap="medium")
    with left:
        st.dataframe(table(found), hide_index=True, width="stretch", key="compare-others")
        with st.popover("Download", icon=":material/download:"):
            name = f"{stored.stem}.among-others.csv"
            made = to_table_csv(found)
            st.download_button("Measures, CSV", made, name, "text/csv", "compare-get-others", on_click="ignore")
    with right:
        charts.show(chart(found), chart_alt(found))
    st.caption(
        "Focus: how narrowly looks gather. Clarity: how few places share them. Neither says whether a picture is good. "
        f"An area is compared where at least {LEAST} other pictures have one of its name."
    )
    st.caption(NOTE)


def standings(kept: Workspace, model: Predictor, stored: StoredPicture, condition: str) -> list[Standing]:
    """The share of each area whose name enough of the others have, focus and clarity.

    Raises:
        GazeError: A picture cannot be read.
    """
    others = [other for other in kept.pictures.values() if other.key != stored.key]
    bar = st.progress(0.0, "Looking at your pictures …")
    facts = []
    for number, other in enumerate([stored, *others]):
        facts.append(measured(model, other, condition, kept.areas(other.key)))
        bar.progress((number + 1) / (len(others) + 1), f"Looking at your pictures: {number + 1} of {len(others) + 1}")
    bar.empty()
    own, rest = facts[0], facts[1:]
    found = []
    for name, value in own.items():
        values = tuple(other[name] for other in rest if name in other)
        if len(values) >= LEAST:
            kind, _, title = name.partition(":")
            found.append(Standing(title or kind.capitalize(), "%" if title else "", value, values))
    return sorted(found, key=lambda standing: not standing.unit)  # areas first


def measured(model: Predictor, stored: StoredPicture, condition: str, areas: tuple[Area, ...]) -> dict[str, float]:
    """Focus and clarity of a picture (0 to 100), and "area:NAME", the percent of looks of each area."""
    return dict(_measured(model, stored, condition, areas, (*view_key(model, stored, condition), areas)))


@st.cache_data(max_entries=2000, show_spinner=False)
def _measured(
    _model: Predictor, _stored: StoredPicture, _condition: str, _areas: tuple[Area, ...], key: tuple[Any, ...]
) -> dict[str, float]:
    del key
    seen = view(_model, _stored, _condition)
    whole = measures.attention(_model, _stored, seen)
    shares = (seen.coverage(_areas) * np.exp(seen.maps[0])).sum((1, 2)) if _areas else []
    named = {f"area:{area.name}": 100 * float(share) for area, share in zip(_areas, shares, strict=True)}
    return {"focus": whole.focus, "clarity": whole.clarity} | named


def sentence(standing: Standing) -> str:
    """Where a picture stands, in words."""
    count = len(standing.others)
    what = f"The share of {standing.name}" if standing.unit else standing.name
    if standing.lower == count:
        where = f"higher than in all of your {count} other pictures"
    elif not any(other <= standing.value for other in standing.others):
        where = f"lower than in all of your {count} other pictures"
    else:
        where = f"higher than in {standing.lower} of your {count} other pictures"
    return f"{what} is {standing.written(standing.value)}: {where}."


def table(found: Sequence[Standing]) -> list[dict[str, str]]:
    """The measures as lines of a table."""
    return [
        {
            "Measure": each.name if not each.unit else f"Share of {each.name}",
            "This picture": each.written(each.value),
            "Your others": f"{each.written(min(each.others))} to {each.written(max(each.others))}",
            "Their middle": each.written(float(np.median(each.others))),
            "Higher than": f"{each.lower} of {len(each.others)}",
        }
        for each in found
    ]


def chart(found: Sequence[Standing]) -> alt.LayerChart | alt.FacetChart:
    """A tick for each of the other pictures, and a large dot for this one."""
    names = [each.name for each in found]
    rows = [
        {"measure": each.name, "value": round(value, 2), "which": which}
        for each in found
        for value, which in [*((other, "others") for other in each.others), (each.value, "this picture")]
    ]
    base = alt.Chart({"values": rows}).encode(
        y=alt.Y("measure:N", title=None, scale=alt.Scale(domain=names), axis=alt.Axis(labelLimit=160)),
        x=alt.X("value:Q", title="0 to 100 (areas: % of looks)"),
        tooltip=[
            alt.Tooltip("measure:N", title="Measure"),
            alt.Tooltip("value:Q", title="Value", format=".1f"),
            alt.Tooltip("which:N", title="Picture"),
        ],
    )
    others = base.transform_filter("datum.which == 'others'").mark_tick(thickness=2, color="#7f8794", height=18)
    own = base.transform_filter("datum.which != 'others'").mark_point(filled=True, size=130, opacity=1, color="#d55e00")
    return alt.layer(others, own).properties(height=alt.Step(34))


def chart_alt(found: Sequence[Standing]) -> str:
    """What that chart says."""
    return "This picture among your others: " + "; ".join(
        f"{each.name} {each.written(each.value)}, higher than {each.lower} of {len(each.others)}" for each in found
    )


def to_table_csv(found: Sequence[Standing]) -> str:
    """A line a measure."""
    lines = (
        (
            each.name if not each.unit else f"share of {each.name} (%)",
            *(f"{value:.6g}" for value in (each.value, len(each.others), each.lower, each.percentile)),
            *(f"{value:.6g}" for value in (np.median(each.others), min(each.others), max(each.others))),
        )
        for each in found
        if not math.isnan(each.value)
    )
    return to_csv(COLUMNS, lines)
