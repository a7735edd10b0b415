"""The app's entry: its pages and nothing else. `gaze app` runs it with Streamlit."""

import importlib
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import streamlit as st
from streamlit.navigation.page import Page

from app import logs
from app.web.drawer import drawer
from app.web.report.button import report_button

PAGES = Path(__file__).with_name("pages")
ICON = Path(__file__).with_name("icon.svg")  # our own file: Streamlit would fetch a named icon from the internet
OWN_REPORT = ("report", "batch", "models", "recording", "annotate")  # their report is another one, or none
STYLE = Path(__file__).with_name("style.css")


def main() -> None:
    """Show the page that its address names: /areas is `pages/areas.py`, / the first one."""
    logs.configure("--verbose" in sys.argv[1:])
    st.set_page_config("gaze", ICON, layout="wide", initial_sidebar_state="auto")  # first, or icons would be fetched
    pages = [
        st.Page(str(page.__file__), title=page.TITLE, icon=page.ICON, url_path=name, default=number == 0)
        for number, (name, page) in enumerate(found().items())
    ]
    page = st.navigation(pages, position="top")
    st.set_page_config(f"{page.title} · gaze", ICON)
    st.html(STYLE)
    other_pages(pages, page.title)
    drawer(page.url_path)
    page.run()
    if page.url_path not in OWN_REPORT:
        report_button()


def other_pages(pages: Sequence[Page], title: str) -> None:
    """The way to the other pages on a narrow screen, whose navigation is in a drawer; style.css hides it elsewhere."""
    with st.container(key="pages"), st.popover(title, icon=":material/menu:", help="Other pages"):
        for page in pages:
            st.page_link(page)


def found() -> dict[str, ModuleType]:
    """The pages by name: every file of the folder that says its TITLE and ICON, in the order of their PLACE."""
    names = [module.name for module in pkgutil.iter_modules([str(PAGES)]) if not module.name.startswith("_")]
    pages = {name: importlib.import_module(f"app.web.pages.{name}") for name in names}
    return dict(sorted(pages.items(), key=lambda item: (item[1].PLACE, item[1].TITLE)))


if __name__ == "__main__":
    main()
