"""What can be handed on? One HTML page about pictures of the workspace, to read and to print."""

import streamlit as st

from app.web import widgets
from app.web.picture_bar import picture_bar
from app.web.report import button
from app.web.report.button import AUTHOR, CHOSEN, MOST, NOTES
from app.web.report.button import TITLE as TITLE_KEY
from app.web.report.page import Heading
from app.web.workspace import workspace
from data.draw.palettes import PALETTES

TITLE, ICON, PLACE = "Report", ":material/description:", 80  # in the navigation

CONTENTS = (
    "Each picture has its heat map with a legend, its seconds, its areas with a table, and the path of one simulated "
    "observer. Method, limits and versions stand at the end. The page asks no network and holds no script; print it "
    "from the browser to make a PDF."
)


def main() -> None:
    """The page."""
    st.title("Report")
    model = widgets.model_picker()
    if model is None:
        return
    if picture_bar("to report where people look in it") is None:
        return
    widgets.condition_picker(model.contract.conditions)
    colours = [palette for palette in PALETTES if palette != "fog"]
    st.sidebar.selectbox("Colours", colours, format_func=str.capitalize, key="palette", persist_state="session")
    kept = workspace()
    names = {key: stored.name for key, stored in kept.pictures.items()}
    _forget_removed(names)
    st.multiselect(
        "Pictures in the report",
        list(names),
        format_func=lambda key: names.get(key, ""),
        key=CHOSEN,
        persist_state="session",
        max_selections=MOST,
        placeholder="All pictures" if len(names) <= MOST else f"The first {MOST} pictures",
    )
    left, right = st.columns(2)
    left.text_input("Title", key=TITLE_KEY, persist_state="session", placeholder=Heading.title, max_chars=200)
    right.text_input("Author", key=AUTHOR, persist_state="session", max_chars=200)
    st.text_area("Notes", key=NOTES, persist_state="session", max_chars=5000, help="What the reader should know first.")
    st.markdown(CONTENTS)
    keys = button.chosen(kept)
    st.download_button(
        f"Make the report of {len(keys)} pictures" if len(keys) > 1 else "Make the report",
        button.maker(kept, keys, model),
        "gaze-report.html",
        "text/html",
        "report-make",
        on_click="ignore",
        icon=":material/description:",
    )
    if without := [names[key] for key in keys if not kept.areas(key)]:
        st.markdown(
            widgets.plain(f"No areas are drawn on {_few(without)}: draw them on the page Areas to report them.")
        )


def _forget_removed(names: dict[str, str]) -> None:
    """Leave out what was chosen and is no longer there, which Streamlit would refuse."""
    if CHOSEN in st.session_state:
        st.session_state[CHOSEN] = [key for key in st.session_state[CHOSEN] if key in names]


def _few(names: list[str]) -> str:
    """Some names in a row.

    >>> _few(["a", "b", "c", "d"])
    'a, b and 2 others'
    """
    if len(names) <= 3:
        return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"{', '.join(names[:2])} and {len(names) - 2} others"


if __name__ == "__main__":
    main()
