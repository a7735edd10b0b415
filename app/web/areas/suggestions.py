"""Areas that are suggested: what the model found in the picture, and blocks of text where the extra is installed.

A suggestion is gone once it was rejected, or while an area lies where it is.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from app.web import widgets
from app.web.predictions import View
from app.web.workspace import StoredPicture
from data import picture
from data.areas import Area, as_objects, checked, from_objects
from data.errors import GazeError
from data.gaze import Objects
from data.objects import overlap
from export.runtime import text

SAME = 0.5  # of two boxes together that they share: then they are of the same thing
MOST = 40  # suggestions at a time
TEXT, PROBLEM = "areas-text", "areas-text-problem"  # in st.session_state
ORDER = ("face", "text", "object")


def suggestions(view: View, stored: StoredPicture, areas: Sequence[Area], with_text: bool) -> tuple[Area, ...]:
    """What may be accepted, faces first; names are "Face 1", "Object 1", and the words of a block of text.

    Raises:
        GazeError: The picture's text cannot be read.
    """
    found = list(from_objects(replace(view.objects, masks=None))) if view.objects is not None else []
    if with_text:
        found += from_objects(text_of(stored))
    named = _named(sorted(found, key=lambda area: _place(area.kind)))
    on = [area for area in named if _on_picture(area, view.size)]
    new = _new(checked(on[:200], *view.size), areas)
    rejected = st.session_state.get(_slot(stored), set())
    return tuple(area for area in new if _what(area) not in rejected)[:MOST]


def reject(stored: StoredPicture, areas: Sequence[Area]) -> None:
    """Suggest these no more, in this session."""
    st.session_state.setdefault(_slot(stored), set()).update(map(_what, areas))


def bring_back(stored: StoredPicture) -> None:
    """Suggest again what was rejected."""
    st.session_state.pop(_slot(stored), None)


def rejected(stored: StoredPicture) -> int:
    """How many suggestions were rejected."""
    return len(st.session_state.get(_slot(stored), ()))


def text_of(stored: StoredPicture) -> Objects:
    """The blocks of text in a picture, found once.

    Raises:
        GazeError: The extra `text` is not installed.
    """
    return _text(stored, stored.key)


@st.cache_resource(max_entries=60, show_spinner="Reading the text …")
def _text(_stored: StoredPicture, key: str) -> Objects:
    del key
    return text.text_blocks(picture.read(_stored.content, _stored.name))


def text_toggle() -> None:
    """Choose whether to look for text as well; where that is not installed, a word on how to get it."""
    if text.installed():
        st.toggle("Also blocks of text", key=TEXT, persist_state="session")
    else:
        st.caption(widgets.plain("Blocks of text are found as well with the extra: `pip install -e '.[text]'`"))


def current(view: View, stored: StoredPicture, areas: Sequence[Area]) -> tuple[Area, ...]:
    """What may be accepted, as the person has set it; what is wrong with the text is in `problem`."""
    st.session_state.pop(PROBLEM, None)
    try:
        return suggestions(view, stored, areas, bool(st.session_state.get(TEXT)) and text.installed())
    except GazeError as error:
        st.session_state[PROBLEM] = str(error)
        return suggestions(view, stored, areas, False)


def tell_problem() -> None:
    """Why there are no blocks of text, where there should be some."""
    if problem := st.session_state.get(PROBLEM):
        st.error(widgets.plain(problem), icon=":material/error:")


def _slot(stored: StoredPicture) -> str:
    return f"rejected:{stored.key}"


def _what(area: Area) -> tuple[float, ...]:
    """A suggestion as it is told from others: by its place."""
    return area.box


def _place(kind: str) -> int:
    return ORDER.index(kind) if kind in ORDER else len(ORDER)


def _on_picture(area: Area, size: tuple[int, int]) -> bool:
    x, y, width, height = area.box
    return min(x + width, size[0]) - max(x, 0) >= 1 and min(y + height, size[1]) - max(y, 0) >= 1


def _named(found: Sequence[Area]) -> list[Area]:
    """With a name by their kind and number; text keeps its words."""
    named: list[Area] = []
    counts: dict[str, int] = {}
    for area in found:
        counts[area.kind] = counts.get(area.kind, 0) + 1
        words = area.name if area.kind == "text" and area.name else f"{area.kind or 'object'} {counts[area.kind]}"
        named.append(replace(area, name=words[:1].upper() + words[1:] if area.kind != "text" else words))
    return named


def _new(found: Sequence[Area], areas: Sequence[Area]) -> list[Area]:
    """Those that lie where no area lies."""
    if not found or not areas:
        return list(found)
    shared = overlap(as_objects(found).boxes, as_objects(areas).boxes)
    return [area for area, most in zip(found, np.asarray(shared).max(1), strict=True) if most < SAME]
