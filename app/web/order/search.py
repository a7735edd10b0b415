"""What people look for: one of the things, a rectangle that is drawn, a picture of it, or what is not there."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import streamlit as st
from jaxtyping import UInt8

from app.predict.area_names import phrase
from app.predict.simulate import Target
from app.web import widgets
from app.web.canvas import canvas
from app.web.predictions import View
from app.web.uploads import kept_file
from app.web.workspace import StoredPicture
from data import picture as pictures
from data.areas import Area

DRAW, PICTURE, ABSENT = "Draw it on the picture", "A picture of it", "Something that is not there"
SCALES = 1.15 ** np.arange(-11, 7)  # of an uploaded picture of the target, when it is sought
SIDE = 320  # pixels: the longest side of the picture in which it is sought
ALIKE = 0.75  # correlation of colours from which on it is there
LEAST = 8  # pixels of a crop's side: with fewer, everything is alike


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


def locate(
    image: UInt8[np.ndarray, "h w 3"], crop: UInt8[np.ndarray, "ch cw 3"]
) -> tuple[float, float, float, float] | None:
    """Where in a picture something lies that looks like a crop, at any of `SCALES`: its box; None: nowhere.

    The best match is the highest normalised correlation of colours. A crop of one colour is nowhere.
    """
    shrink = min(1.0, SIDE / max(image.shape[:2]))
    small = _resized(image, shrink)
    best, box = ALIKE, None
    for scale in sorted(SCALES, key=lambda each: abs(np.log(each))):
        part = _resized(crop, shrink * scale)
        height, width = part.shape[:2]
        if min(height, width) < LEAST or height > small.shape[0] or width > small.shape[1]:
            continue
        if part.std((0, 1)).max() < 4:
            continue
        match = np.nan_to_num(cv2.matchTemplate(small, part, cv2.TM_CCOEFF_NORMED), posinf=0.0, neginf=0.0)
        if match.max() > best + 1e-3:
            best = float(match.max())
            y, x = divmod(int(match.argmax()), match.shape[1])
            box = (x / shrink, y / shrink, width / shrink, height / shrink)
    return None if box is None else (float(box[0]), float(box[1]), float(box[2]), float(box[3]))


def _resized(image: UInt8[np.ndarray, "h w 3"], scale: float) -> UInt8[np.ndarray, "_h _w 3"]:
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(
        cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR), np.uint8
    )
