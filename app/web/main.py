"""The app's entry: its pages and nothing else. `gaze app` runs it with Streamlit."""

import sys
from pathlib import Path

import streamlit as st

from app import logs

PAGES = Path(__file__).with_name("pages")
ICON = Path(__file__).with_name("icon.svg")  # our own file: Streamlit would fetch a named icon from the internet


def main() -> None:
    """Show the page chosen in the sidebar."""
    logs.configure("--verbose" in sys.argv[1:])
    st.set_page_config("gaze", ICON, layout="wide", initial_sidebar_state="expanded")
    st.html("<style>.stMainBlockContainer { padding-top: 3rem; padding-bottom: 3rem; }</style>")
    st.navigation(
        [
            st.Page(PAGES / "picture.py", title="What is looked at first?", icon=":material/visibility:", default=True),
            st.Page(PAGES / "order.py", title="In which order?", icon=":material/timeline:"),
            st.Page(PAGES / "models.py", title="Which models are there?", icon=":material/deployed_code:"),
        ]
    ).run()


if __name__ == "__main__":
    main()
