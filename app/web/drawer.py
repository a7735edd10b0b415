"""On a narrow screen the sidebar lies over the page: it closes when another page was chosen in it."""

from pathlib import Path

import streamlit as st

_component = st.components.v2.component("gaze_drawer", js=Path(__file__).with_name("drawer.js").read_text("utf-8"))


def drawer(page: str) -> None:
    """Close the sidebar of a narrow screen where `page` is another one than before; shows nothing itself."""
    _component(key="drawer", data={"page": page})
