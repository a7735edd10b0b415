"""The app's entry: its pages and nothing else. `gaze app` runs it with Streamlit."""

import importlib
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

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
            st.Page(str(page.__file__), title=page.TITLE, icon=page.ICON, default=number == 0)
            for number, page in enumerate(found())
        ]
    ).run()


def found() -> list[ModuleType]:
    """The pages: every file of the folder that says its TITLE and ICON, in the order of their PLACE."""
    names = [module.name for module in pkgutil.iter_modules([str(PAGES)]) if not module.name.startswith("_")]
    pages = [importlib.import_module(f"app.web.pages.{name}") for name in names]
    return sorted(pages, key=lambda page: (page.PLACE, page.TITLE))


if __name__ == "__main__":
    main()
