"""The tables of the page Recording: scores beside chance and people, areas, and how well it was measured."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import altair as alt
import streamlit as st

from app.predict.recorded.agreement import LEAST_PEOPLE, NAMES, SIDE, Agreement
from app.predict.recorded.areas import MeasuredArea
from app.predict.recorded.study import Study, verdict
from app.predict.sentences import percent
from app.web import charts, measures
from app.web.recording.views import Compared
from app.web.score_words import SCORES
from app.web.widgets import plain
from app.web.workspace import StoredPicture, workspace
from data.events.quality import Quality
from data.recorders import stem
from export.runtime.saliency import Predictor

AreaRows = Sequence[tuple[MeasuredArea, Mapping[str, float]]]  # each area as measured, and as predicted


def scores(agreed: Agreement) -> None:
    """The scores beside chance and beside the people themselves."""
    if not agreed.looks:
        return
    st.header("Scores")
    columns = {
        "This prediction": agreed.prediction,
        "Chance": agreed.anywhere,
        "Only the middle": agreed.middle,
        "People": agreed.ceiling,
    }
    rows = [
        {"Question": f"{SCORES[name].question} ({SCORES[name].unit})"}
        | {column: SCORES[name].number(values.get(name)) for column, values in columns.items()}
        for name in NAMES
    ]
    st.table(rows)
    people = (
        "“People” is how well the others tell where one person looks, and for the two last rows how well half of them "
        "tell the other half. A good prediction comes near, and may pass it where there are few people."
        if agreed.people >= LEAST_PEOPLE
        else f"How well people tell each other's looks is not known with fewer than {LEAST_PEOPLE}."
    )
    names = ", ".join(SCORES[name].field_name for name in NAMES)
    st.caption(
        f"“Chance” rates all places alike; “only the middle” knows that people look at the middle. {people}",
        help=f"In this order: {names}. Looks are compared on a grid of at most {SIDE} cells a side.",
    )


def areas(compared: Compared, stored: StoredPicture, model: Predictor) -> AreaRows:
    """What each area of the workspace got, and was predicted to get."""
    st.header("Areas")
    drawn = workspace().areas(stored.key)
    real = compared.measured(drawn)
    if not real:
        st.caption("Draw areas on the page Areas to see what each of them got, and was predicted to get.")
        return []
    names = ("share", "seen", "first_s", "dwell_s", "rank")
    seconds = compared.seconds
    predicted = measures.measures(model, stored, compared.view, drawn, seconds=seconds)
    rows = [(area, {name: getattr(each, name) for name in names}) for area, each in zip(real, predicted, strict=True)]
    count = sum(end <= seconds for _, end in compared.view.times)
    if 0 < count < len(compared.view.times):  # of the seconds that people had
        for (_, values), each in zip(rows, predicted, strict=True):
            values["share"] = float(each.share_by_second[:count].mean())
    charts.show(bars(rows), _said(rows))
    st.table([_row(area, each) for area, each in rows])
    st.caption(f"Measured / predicted, over the {seconds:g} seconds for which the picture was looked at.")
    return rows


def _row(area: MeasuredArea, predicted: Mapping[str, float]) -> dict[str, str]:
    """An area as a line of the table, each number as measured and as predicted."""

    def cell(name: str, write: Callable[[float], str]) -> str:
        values = (getattr(area, name), predicted[name])
        return " / ".join(write(value) if math.isfinite(value) else "–" for value in values)

    return {
        "Area": plain(area.name),
        "Share of looks": cell("share", percent),
        "Seen by": cell("seen", percent),
        "First look after": cell("first_s", lambda value: f"{value:.1f} s"),
        "Looked at for": cell("dwell_s", lambda value: f"{value:.2f} s"),
        "Order": cell("rank", lambda value: f"{value:.0f}"),
    }


def _said(rows: AreaRows) -> str:
    parts = [f"{area.name} {percent(area.share)} measured, {percent(each['share'])} predicted" for area, each in rows]
    return f"Share of looks of each area: {'; '.join(parts[:6])}"


def bars(rows: AreaRows) -> alt.Chart:
    """Two bars for each area: its share of looks as measured and as predicted."""
    values = [
        {"area": area.name, "kind": kind, "share": share}
        for area, each in rows
        for kind, share in (("measured", area.share), ("predicted", each["share"]))
    ]
    chart: alt.Chart = alt.Chart({"values": values}, height=alt.Step(16)).mark_bar()
    title = "Share of looks"
    return chart.encode(
        x=alt.X("share:Q", title=title, axis=alt.Axis(format="%")),
        y=alt.Y("area:N", title=None, sort=None),
        yOffset=alt.YOffset("kind:N", sort=None),
        color=alt.Color("kind:N", title="", sort=None, legend=alt.Legend(orient="top")),
        tooltip=[
            alt.Tooltip("area:N", title="Area"),
            alt.Tooltip("kind:N", title="How"),
            alt.Tooltip("share:Q", title=title, format=".1%"),
        ],
    )


def quality(study: Study) -> None:
    """How well each recording was measured, and what was left out."""
    st.header("How well it was measured")
    known = study.report.recordings
    people: dict[str, set[str]] = {name: set() for name in known}
    for viewing in study.viewings:
        people.setdefault(viewing.recording, set()).add(viewing.path.subject)
    named = any(people[name] != {stem(Path(name))} for name in known)
    rows = [_measured(name, it) | ({"Person": _who(people[name])} if named else {}) for name, it in known.items()]
    told = [column for column in _measured("", Quality()) if any(row[column] != "–" for row in rows)]
    st.table([{column: row[column] for column in [*told, *(["Person"] if named else [])]} for row in rows])
    st.caption(
        "Good is what loses at most 10 % of its samples, with a noise of at most 0.3° and more than 60 samples a "
        "second. Noise is what lies between one sample and the next while the eye stands still."
    )
    out = study.report.left_out()
    if study.notes or out:
        with st.expander("What was guessed and left out", icon=":material/info:"):
            st.markdown(
                "\n".join(f"- {plain(note)}" for note in [*([f"Left out: {out}."] if out else []), *study.notes])
            )


def _who(people: set[str]) -> str:
    """Whom a recording is of: a name, or how many people."""
    return plain(next(iter(people))) if len(people) == 1 else f"{len(people)} people"


def _measured(name: str, it: Quality) -> dict[str, str]:
    """A recording as a line of the table."""
    return {
        "Recording": plain(name),
        "In a word": verdict(it),
        "Lost": f"{100 * it.loss:.1f}\u00a0%" if it.samples else "–",
        "Noise": f"{it.precision:.2f}°" if math.isfinite(it.precision) else "–",
        "Samples a second": f"{it.rate:.4g}" if math.isfinite(it.rate) else "–",
        "Looks": f"{it.fixations:,}",
    }
