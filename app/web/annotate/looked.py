"""Which thing was looked at when, and for how long: charts, tables and files of the last round."""

import io
import math
import zipfile
from collections.abc import Callable, Sequence
from functools import partial

import altair as alt
import streamlit as st

from annotation.fixated import Fixated
from annotation.results import Area, Results
from app.predict.sentences import percent
from app.web import charts
from app.web.annotate import archive
from app.web.annotate.desk import Desk
from app.web.annotate.words import clock, count
from app.web.widgets import plain

GAP = 0.5  # seconds between two looks at a thing, up to which the chart of times joins them
SPANS = 3000  # of the chart of times, at most
Span = tuple[str, float, float]  # a thing, from when, until when, in seconds


def looked(desk: Desk) -> None:
    """What the last round says of the gaze, and what can be taken home."""
    st.header("What was looked at")
    if not desk.can_tell:
        st.markdown("This is shown as soon as two names are given, and the first round is learned.")
    else:
        results = desk.results()
        if results.fixations is None:
            told = "Its gaze cannot be used; the notes say why." if desk.about.gaze else "This project has no gaze."
            st.info(f"{told} Bring it with the button “Gaze” above.", icon=":material/info:")
        else:
            show(results, results.fixations)
    downloads(desk)


def show(results: Results, fixations: Sequence[Fixated]) -> None:
    """The charts and the tables."""
    named = sum(bool(each.name) for each in fixations)
    st.markdown(f"{count(len(fixations), 'fixation')}, {named:,} of them on something that has a name.")
    areas = sorted(results.areas, key=lambda area: -area.dwell_ms)
    seen = [area for area in areas if area.fixations]
    if seen:
        left, right = st.columns(2)
        with left:
            st.markdown("**How long**")
            charts.show(dwell(seen), _said(seen))
        with right:
            st.markdown("**When**")
            charts.show(times(spans(fixations)), "When each thing was looked at, in seconds of the video")
    st.table([_row(area) for area in areas])
    with st.expander("Every fixation", icon=":material/table:"):
        st.dataframe(_rows(fixations), hide_index=True, width="stretch", height=360)


def _row(area: Area) -> dict[str, str]:
    def seconds(milliseconds: float) -> str:
        return f"{milliseconds / 1000:.2f} s" if math.isfinite(milliseconds) else "–"

    return {
        "Thing": plain(area.name),
        "Looked at for": seconds(area.dwell_ms),
        "Share": percent(area.share) if math.isfinite(area.share) else "–",
        "Fixations": f"{area.fixations:,}",
        "Visits": f"{area.visits:,}",
        "First after": seconds(area.first_ms),
    }


def _rows(fixations: Sequence[Fixated]) -> dict[str, list[object]]:
    return {
        "At": [clock(each.onset_s) for each in fixations],
        "For (ms)": [round(each.duration_s * 1000) for each in fixations],
        "Thing": [each.name for each in fixations],
        "Sure": [f"{each.probability:.0%}" if math.isfinite(each.probability) else "" for each in fixations],
    }


def _said(areas: Sequence[Area]) -> str:
    return "How long each thing was looked at: " + "; ".join(f"{a.name} {a.dwell_ms / 1000:.1f} s" for a in areas[:6])


def dwell(areas: Sequence[Area]) -> alt.Chart:
    """A bar for each thing: how long it was looked at."""
    values = [{"thing": area.name, "seconds": area.dwell_ms / 1000} for area in areas]
    chart: alt.Chart = alt.Chart({"values": values}, height=alt.Step(26)).mark_bar()
    return chart.encode(
        x=alt.X("seconds:Q", title="Seconds"),
        y=alt.Y("thing:N", title=None, sort=None),
        tooltip=[alt.Tooltip("thing:N", title="Thing"), alt.Tooltip("seconds:Q", title="Seconds", format=".2f")],
    )


def spans(fixations: Sequence[Fixated]) -> list[Span]:
    """From when until when each thing was looked at; looks that follow each other closely are one."""
    found: list[Span] = []
    for each in fixations:
        end = each.onset_s + each.duration_s
        if not each.name:
            continue
        if found and found[-1][0] == each.name and each.onset_s - found[-1][2] <= GAP:
            found[-1] = each.name, found[-1][1], end
        else:
            found.append((each.name, each.onset_s, end))
    return found[:SPANS]


def times(found: Sequence[Span]) -> alt.Chart:
    """A line for each thing, and on it a bar for each time that it was looked at."""
    values = [{"thing": name, "start": start, "end": end} for name, start, end in found]
    chart: alt.Chart = alt.Chart({"values": values}, height=alt.Step(26)).mark_bar()
    return chart.encode(
        x=alt.X("start:Q", title="Seconds of the video"),
        x2="end:Q",
        y=alt.Y("thing:N", title=None, sort=list(dict.fromkeys(name for name, *_ in found))),
        tooltip=[
            alt.Tooltip("thing:N", title="Thing"),
            alt.Tooltip("start:Q", title="From", format=".2f"),
            alt.Tooltip("end:Q", title="Until", format=".2f"),
        ],
    )


def downloads(desk: Desk) -> None:
    """What can be taken home; the files of the results as soon as there are any."""
    st.header("Downloads")
    has_gaze = desk.project.recording is not None
    files: list[tuple[str, Callable[[], bytes], str, str, str]] = []
    if desk.can_tell and has_gaze:
        files += [
            ("Fixations, CSV", partial(content, desk, "fixations.csv"), "fixations.csv", "text/csv", "With objects."),
            ("Areas, CSV", partial(content, desk, "areas.csv"), "areas.csv", "text/csv", "Dwell of each thing."),
        ]
    if desk.can_tell:
        kind, words = "application/json", "All boxes with their names, in the form of COCO."
        files.append(("Objects, JSON", partial(content, desk, "objects.json"), "objects.json", kind, words))
    if desk.can_tell and has_gaze:
        words = "Pictures, things and the order of looks, for `gaze train oat --data.root`."
        files.append(("Data set, ZIP", partial(data_set, desk), "set.zip", "application/zip", words))
    row = st.container(horizontal=True)
    for label, make, name, mime, words in files:
        row.download_button(label, make, name, mime, help=words, icon=":material/download:", on_click="ignore")
    words = "Everything, to go on with it later: bring it on this page, or unpack it for `gaze app --annotate`."
    row.link_button("Project (zip)", archive.address(desk), icon=":material/folder_zip:", help=words)


def content(desk: Desk, name: str) -> bytes:
    """A file of the results."""
    return desk.files(name)[0][1]


def data_set(desk: Desk) -> bytes:
    """The data set of the results as a zip; empty where nothing was looked at."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for name, each in desk.files("set"):
            target.writestr(name, each)
    return packed.getvalue()
