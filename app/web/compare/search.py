"""How much longer a search for an area takes in version B: searches of both versions, at a click, and their difference.

The area of one name in A and in B is the target: it is cut out of each version, so that it may look otherwise in B.
"""

import hashlib
from pathlib import Path

import streamlit as st

from app.predict.search_comparison import STARTS, Comparison, Question, Version, compare
from app.predict.simulate import SEARCHER, Target
from app.web import widgets
from app.web.compare.areas import partners
from app.web.widgets import plain
from app.web.workspace import StoredPicture, Workspace
from data import picture as pictures
from data.areas import Area
from data.errors import GazeError
from export.runtime.visual_search import DEGREES, NARROWEST, WIDEST, VisualSearcher

HELP = (
    "How wide the picture is for whoever looks at it, in degrees of visual angle. A screen 30 cm wide is 20 degrees "
    "from 85 cm and 28 degrees from 60 cm; a phone in the hand is 10 to 12."
)
Both = tuple[StoredPicture, StoredPicture]


def show(kept: Workspace, both: Both) -> None:
    """The section: what is looked for, a button, and the answer."""
    names = widgets.searchers()
    if not names:
        return
    st.header("How many more fixations does it take to find it in B?")
    some, others = kept.areas(both[0].key), kept.areas(both[1].key)
    same = partners([area.name for area in some], [area.name for area in others])
    if not same:
        st.info(
            "Draw what people look for, such as a button, in A and in B, and give both areas one name.",
            icon=":material/search:",
        )
        return
    left, middle, right = st.columns([3, 3, 2], gap="medium", vertical_alignment="bottom")
    name = left.selectbox(
        "What people look for", list(same), key="compare-sought", persist_state="session", filter_mode=None
    )
    degrees = middle.slider(
        "Width in degrees",
        NARROWEST,
        WIDEST / 2,
        DEGREES,
        1.0,
        "%d",
        key="compare-degrees",
        persist_state="session",
        help=HELP,
    )
    pair = _named(some, name), _named(others, same[name])
    model = names.get(SEARCHER) or next(iter(names.values()))
    slot = "compare-search", model.stem, *(stored.key for stored in both), *(area.box for area in pair), degrees
    asked = hashlib.sha256(repr(slot).encode()).hexdigest()
    if right.button("Search both", icon=":material/search:", key="compare-search", width="stretch"):
        st.session_state["compare-searched"] = asked
    if st.session_state.get("compare-searched") != asked:
        st.caption(
            f"A model looks for it from {STARTS} places where the gaze may be when the picture appears, the same in A "
            "and B. It takes some seconds."
        )
        return
    try:
        _answer(name, _searched(model, both, pair, degrees, asked), both)
    except GazeError as error:
        st.error(plain(str(error)), icon=":material/error:")


def _named(some: tuple[Area, ...], name: str) -> Area:
    return next(area for area in some if area.name == name)


def _answer(name: str, found: Comparison, both: Both) -> None:
    st.markdown(f"**{plain(found.sentence().replace('The target', f'“{name}”', 1))}**")
    for column, letter, version, stored in zip(
        st.columns(2, gap="medium"), "AB", (found.a, found.b), both, strict=True
    ):
        first = version.searches[0]
        words = first.sentence(f"{letter}, from the middle")
        column.image(_drawn(found, letter, stored), width="stretch", alt=words)
        column.caption(plain(words))
    st.caption(
        f"{found.about['model']} {found.about['version']}, pictures {found.question.degrees:g} degrees wide. It goes "
        f"to what is most like the target as seen from the point of gaze, and not back. {widgets.NOTE}"
    )


def _drawn(found: Comparison, letter: str, stored: StoredPicture) -> bytes:
    version = found.a if letter == "A" else found.b
    return pictures.encode(version.searches[0].drawn(pictures.read(stored.content, stored.name)), ".webp")


@st.cache_resource(max_entries=2, show_spinner="Opening the model …")
def _opened(path: str, changed: int) -> VisualSearcher:
    del changed  # only part of the key
    return VisualSearcher(path)


@st.cache_resource(max_entries=30, show_spinner="Searching …")
def _searched(_model: Path, _both: Both, _pair: tuple[Area, Area], _degrees: float, key: str) -> Comparison:
    del key
    searcher = _opened(str(_model), _model.stat().st_mtime_ns)
    one, other = (
        Version(stored.name, pictures.read(stored.content, stored.name), Target(area.box))
        for stored, area in zip(_both, _pair, strict=True)
    )
    return compare(searcher, one, other, Question(degrees=_degrees))
