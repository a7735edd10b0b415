"""The row above every page: which picture is looked at, and how others are brought, chosen and removed.

What is uploaded is moved into the workspace at once, so that nothing is held twice.
"""

from pathlib import Path

import streamlit as st

from app.web.gate import MB, MOST_BYTES
from app.web.uploads import uploader
from app.web.widgets import plain
from app.web.workspace import MOST_PICTURES, StoredPicture, Workspace, workspace
from data import picture as pictures

LIMITS = f"JPEG, PNG, WebP and others; {MOST_PICTURES} pictures and {MOST_BYTES // MB} MB in a session"
CHOICE = "picture"  # the key of the chooser
SAMPLES = {path.stem: path for path in sorted(Path(pictures.__file__).with_name("samples").glob("*.jpg"))}


def picture_bar(invitation: str) -> StoredPicture | None:
    """The picture that is looked at; None, with an invitation to bring one, where there is none.

    `invitation` says what comes of it, as "to see where people look".
    """
    kept = workspace()
    if not kept.pictures:
        _invite(kept, invitation)
        return None
    _tell(kept)
    row = st.container(key="picture-bar")  # one row on phones too: style.css
    left, right = row.columns([4, 1], vertical_alignment="bottom")
    st.session_state[CHOICE] = kept.current  # also where another one was brought or removed
    left.selectbox(
        "Picture",
        list(kept.pictures),
        format_func=lambda key: kept.pictures[key].name if key in kept.pictures else "",
        key=CHOICE,
        on_change=_choose,
        filter_mode=None,
    )
    with right.popover("Pictures", icon=":material/add_photo_alternate:", width="stretch"):
        _uploader(kept, "Add pictures")
        _samples(kept)
        st.button(
            plain(f"Remove {kept.pictures[kept.current].name}"),
            icon=":material/delete:",
            key="remove-picture",
            on_click=_remove,
            width="stretch",
        )
        st.caption("Pictures and areas are forgotten when this page is reloaded or closed.")
        if len(kept.pictures) > 1:
            st.button("Remove all pictures", icon=":material/delete_sweep:", key="remove-all", on_click=_clear)
    return kept.picture


def _choose() -> None:
    kept = workspace()
    if st.session_state.get(CHOICE) in kept.pictures:
        kept.current = st.session_state[CHOICE]


def _invite(kept: Workspace, invitation: str) -> None:
    """What an empty page shows: the uploader and the samples."""
    _tell(kept)
    st.markdown(
        f"**Bring a picture {invitation}.** It stays on the machine that runs "
        "this app, and is forgotten when this page is reloaded or closed."
    )
    _uploader(kept, "Your pictures")
    st.caption("Or begin with a sample:")
    row = st.container(key="samples")  # a row on phones too: style.css
    for column, (name, path) in zip(row.columns(len(SAMPLES) or 1), SAMPLES.items(), strict=False):
        column.image(path.read_bytes(), width="stretch", alt=f"The sample picture {name}")
        column.button(f"Take the {name}", key=f"sample-{name}", on_click=_take_sample, args=(name,), width="stretch")


def _samples(kept: Workspace) -> None:
    names = [name for name, path in SAMPLES.items() if path.name not in {s.name for s in kept.pictures.values()}]
    if names:
        st.caption("Samples:")
    for name in names:
        st.button(f"Take the {name}", key=f"sample-{name}", on_click=_take_sample, args=(name,), width="stretch")


def _uploader(kept: Workspace, label: str) -> None:
    uploader(label, "upload", kept.take, many=True, help=LIMITS)


def _take_sample(name: str) -> None:
    workspace().take([(SAMPLES[name].name, SAMPLES[name].read_bytes())])


def _remove() -> None:
    kept = workspace()
    kept.problems = []
    kept.remove(kept.current)


def _clear() -> None:
    kept = workspace()
    for key in list(kept.pictures):
        kept.remove(key)
    kept.problems = []


def _tell(kept: Workspace) -> None:
    """What was wrong with the files that came last, until others come."""
    for problem in kept.problems:
        st.error(plain(problem), icon=":material/error:")
