"""What people look for: one of the things, a rectangle that is drawn, a picture of it, or what is not there."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from app.predict.area_names import phrase
from app.predict.simulate import Target
from app.predict.target_location import locate
from app.web import widgets
from app.web.canvas import canvas
from app.web.predictions import View
from app.web.uploads import kept_file
from app.web.workspace import StoredPicture
from data import picture as pictures
from data.areas import Area

DRAW, PICTURE, ABSENT = "Draw it on the picture", "A picture of it", "Something that is not there"


@dataclass(frozen=True)
class Aim:
    """What is looked for; without a box it is not in the picture."""

    name: str  # in a sentence, as "the button"
    box: tuple[float, float, float, float] | None = None  # x, y, width, height in pixels
    crop: bytes | None = None  # a picture file of it

    @property
    def target(self) -> Target:
        """The same for a model."""
        if self.box is not None:
            return Target(self.box)
        return Target(crop=None if self.crop is None else pictures.read(self.crop, "The picture of what is looked for"))


def ask(stored: StoredPicture, view: View, things: tuple[Area, ...], key: str) -> Aim | None:
    """Ask what is looked for; None, with a word on what to do, while it is missing.

    Raises:
        GazeError: What was uploaded is no picture.
    """
    names = [thing.name for thing in things]
    choice = st.selectbox(
        "What they look for",
        [*range(len(names)), DRAW, PICTURE, ABSENT],
        format_func=lambda n: n if isinstance(n, str) else names[n] if n < len(names) else "",
        key=f"order-target-{key}",
        persist_state="session",
        filter_mode=None,
        width=420,
    )
    if isinstance(choice, int):
        return Aim(phrase(things[choice].name, things[choice].kind), things[choice].box)
    if choice == DRAW:
        return _drawn(stored, view)
    if choice == PICTURE:
        return _uploaded(stored)
    return Aim("something that is not there")


def _drawn(stored: StoredPicture, view: View) -> Aim | None:
    """A rectangle on the picture: the one that was drawn last."""
    slot = f"order-drawn-{stored.key}"
    kept: tuple[Area, ...] = st.session_state.get(slot, ())
    revision: int = st.session_state.setdefault(f"{slot}-revision", 0)
    st.caption("Draw one rectangle around what people look for; a new one replaces it.")
    state = canvas(
        f"order-canvas-{stored.key}",
        view.webp,
        stored.size,
        areas=kept,
        revision=revision,
        editable=True,
        alts=(f"{stored.name}, on which what people look for can be drawn.",),
        height=420,
        keep=partial(_keep_last, slot),
    )
    if state.areas is not None:
        _keep_last(slot, state.areas)
        kept = st.session_state[slot]
        if len(state.areas) > 1:
            st.rerun()
    return Aim("what you have drawn", kept[0].box) if kept else None


def _keep_last(slot: str, areas: Sequence[Area]) -> None:
    """Of what is drawn only what is new; the drawing is told where it has more."""
    kept: tuple[Area, ...] = st.session_state.get(slot, ())
    new = [area for area in areas if area not in kept] or list(areas)
    st.session_state[slot] = tuple(new[-1:])
    if len(areas) > 1:
        st.session_state[f"{slot}-revision"] = st.session_state.get(f"{slot}-revision", 0) + 1


def _uploaded(stored: StoredPicture) -> Aim | None:
    """A picture of the target, which is sought in the picture."""
    file = kept_file("A picture of what they look for", "order-crop", of=stored.key)
    if file is None:
        st.info("Upload a picture of what people look for.", icon=":material/upload:")
        return None
    name, content = file
    box = _sought(stored.content, content, name)
    where = "It was found in the picture." if box else "It was not found in the picture, so nobody can find it."
    st.caption(where)
    return Aim(f"what {widgets.plain(name)} shows", box, content)


@st.cache_data(max_entries=30, show_spinner="Looking for it …")
def _sought(content: bytes, crop: bytes, name: str) -> tuple[float, float, float, float] | None:
    return locate(pictures.read(content), pictures.read(crop, name))
