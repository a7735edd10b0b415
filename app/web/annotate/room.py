"""Which project a session is in: kept from page to page, and found by the page's address when it is loaded anew."""

from dataclasses import dataclass

import streamlit as st

from app.web.annotate import shelf
from app.web.annotate.desk import Desk, open_desk
from app.web.annotate.named import named
from app.web.annotate.shelf import Kept
from data.errors import GazeError

SLOT = "annotate"  # in st.session_state
PARAMETER = "project"  # in the page's address


@dataclass
class Room:
    """A project that a visitor brought (`kept`), or one that was named when the app was started (`desk`)."""

    name: str
    kept: Kept | None = None
    desk: Desk | None = None

    @property
    def address(self) -> str:
        """What names it in the page's address: a token, or the name."""
        return self.kept.token if self.kept else self.name


def room() -> Room | None:
    """The project of this session, or that of the address; None where there is none."""
    found: Room | None = st.session_state.get(SLOT)
    if found is None and PARAMETER in st.query_params:
        found = _of_address(st.query_params[PARAMETER])
        st.session_state[SLOT] = found
    if found and found.kept and shelf.find(found.kept.token) is None:
        leave()
        st.info("That project is no longer kept here. Bring its zip, or its video again.", icon=":material/info:")
        return None
    if found and found.desk and found.desk.closed:  # by another window
        found = _of_address(found.name)
        st.session_state[SLOT] = found
    if found:
        st.query_params[PARAMETER] = found.address
    return found


def _of_address(address: str) -> Room | None:
    kept = shelf.find(address)
    if kept:
        return Room(kept.name, kept=kept)
    folder = named().get(address)
    try:
        return Room(address, desk=open_desk(folder.resolve())) if folder else None
    except GazeError:
        return None  # the page says so when it is opened by its button


def enter(found: Room) -> None:
    """Go into a project."""
    st.session_state[SLOT] = found


def leave() -> None:
    """Go out of the project; it stays where it is, and other programs may write there."""
    found: Room | None = st.session_state.pop(SLOT, None)
    if found and found.desk:
        found.desk.close()
    st.query_params.pop(PARAMETER, None)


def remove() -> None:
    """Go out of a project that was brought, and remove it."""
    found: Room | None = st.session_state.get(SLOT)
    if found and found.kept:
        shelf.remove(found.kept)
    leave()
