"""The classes of a project on the page: how many things each has, what they look like, and other names for them."""

from collections.abc import Callable

import streamlit as st

from app.web.annotate.desk import Desk
from app.web.annotate.words import clock, count
from app.web.widgets import plain
from data.errors import GazeError

NOTHING = "not of interest"  # how the class "" is called
EXAMPLES = 4  # crops of a class
MOST = 12  # classes that are shown with crops; the others in a table
WIDTH = 72  # pixels of a crop
Do = Callable[..., None]  # runs a change of the desk, and says on the page what is wrong with it


def classes(desk: Desk, do: Do) -> None:
    """Each class with its counts and some of its things; renaming and merging."""
    known = desk.classes
    labels = list(desk.labels.values())
    if not labels:
        return
    st.header("Names")
    found = desk.prediction.names.tolist() if desk.can_tell else []
    for number, name in enumerate([*known, *([""] if "" in labels else [])][:MOST]):
        told = f", {count(found.count(name), 'thing')}" if found else ""
        words = f"**{plain(name or NOTHING)}**: {count(labels.count(name), 'label')}{told}"
        with st.container(horizontal=True, key=f"annotate-examples-{number}", vertical_alignment="center"):
            st.markdown(words, width=230)
            with st.container(horizontal=True, width=EXAMPLES * (WIDTH + 16), vertical_alignment="center"):
                _crops(desk, name)
            if found:
                key, words = f"annotate-check-{number}", "Ask next for those that may not be."
                icon = ":material/quiz:"
                st.button("Check", icon=icon, key=key, help=words, on_click=desk.check, args=(name,))
    if len(known) > MOST:
        rest = [{"Name": plain(n), "Labels": labels.count(n), "Things": found.count(n)} for n in known[MOST:]]
        st.table(rest)
    if known:
        _renamer(desk, known, do)


def _crops(desk: Desk, name: str) -> None:
    boxes = desk.examples(name, EXAMPLES)
    try:
        crops = [desk.crop(box) for box in boxes]
    except GazeError:
        return  # the question says so of damaged frames
    places, times = desk.project.boxes.box, desk.project.boxes.time_s
    for box, crop in zip(boxes, crops, strict=True):
        wide, high = places[box, 2:]
        width = max(1, round(WIDTH * min(1, wide / high)))  # no higher than wide ones are wide
        st.image(crop, width=width, alt=f"{name or NOTHING}, at {clock(float(times[box]))}")


def _renamer(desk: Desk, known: list[str], do: Do) -> None:
    with st.expander("Rename or merge", icon=":material/edit:"):
        left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
        left.selectbox("Name", known, key="annotate-renamed", filter_mode=None)
        middle.text_input("Its new name", key="annotate-to", help="The name of another one merges both.")
        right.button("Rename", key="annotate-rename", on_click=_rename, args=(desk, do), width="stretch")


def _rename(desk: Desk, do: Do) -> None:
    do(desk.rename, st.session_state["annotate-renamed"], st.session_state["annotate-to"])
    st.session_state["annotate-to"] = ""
