"""Charts as all pages show them: colours of the theme, text that can be read in light and dark, a few ticks.

The colours of bars are the theme's (`chartCategoricalColors` in config.toml). What Streamlit writes on axes is too
faint to be read by all (3.9:1), so it is written here in the colour of captions.
"""

from typing import Any, TypeVar

import altair as alt
import streamlit as st

INK = {"light": "#4b5358", "dark": "#b6bdc1"}  # of axes: at least 7:1 on the theme's background
LINE = {"light": "#101417", "dark": "#e8ecee"}  # on bars and beside them
FIELDS = {"light": ("#eaf1f5", "#1d5070"), "dark": ("#22282d", "#6db3d6")}  # from nothing to the most
TICKS = 6
Chart = TypeVar("Chart", alt.Chart, alt.LayerChart, alt.LayerChart | alt.FacetChart)


def show(chart: Chart, words: str) -> None:
    """A chart as wide as its column; `words` say what it says."""
    ink = INK[theme()]
    styled = (
        chart.configure_axis(labelColor=ink, titleColor=ink, labelPadding=6, titlePadding=8)
        .configure_axisQuantitative(tickCount=TICKS)
        .configure_legend(labelColor=ink, titleColor=ink)
    )
    st.altair_chart(styled, width="stretch", alt=words)


def theme() -> str:
    """The theme that the page is shown in: "light" or "dark"."""
    return "dark" if st.context.theme.type == "dark" else "light"


def fields(top: float) -> tuple[alt.Scale, Any]:
    """The colours of fields of `share` from 0 to `top`, and of the numbers on them: at least 4.3:1 on each field."""
    scale = alt.Scale(range=list(FIELDS[theme()]), domain=[0, max(top, 1e-6)], interpolate="rgb")
    turn, above, below = (0.6, "#06090b", "#ffffff") if theme() == "dark" else (0.73, "#ffffff", "#06090b")
    ink = alt.condition(alt.datum.share > turn * top, alt.value(above), alt.value(below))
    return scale, ink
