"""Where files are brought: every upload is taken once, into memory of ours, and the uploader is empty afterwards.

Streamlit calls `on_change` again where the run that it was called for is cut off by another one; a file that was taken
is known by its id, so it is not taken twice.
"""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

File = tuple[str, bytes]  # name and content
Take = Callable[[list[File]], object]
TAKEN = "uploads-taken"  # in st.session_state: ids of files that were taken
LARGEST = 50  # MB of a file, where nothing else is said


def uploader(
    label: str, key: str, take: Take, *, many: bool = False, at: DeltaGenerator | None = None, **options: Any
) -> None:
    """An uploader whose files are given to `take` once; its own key is `key` and a number, which rises with each.

    Args:
        label: What a person reads.
        key: Of the uploader; one for each on a page.
        take: Gets the files before the page runs.
        many: Whether several may come at once.
        at: Where it stands: by default where the page is.
        options: Of `st.file_uploader`.
    """
    number = st.session_state.setdefault(f"{key}-number", 0)
    (at or st).file_uploader(
        label,
        accept_multiple_files=many,
        key=f"{key}-{number}",
        on_change=_take,
        args=(key, number, take),
        **{"max_upload_size": LARGEST} | options,
    )


def _take(key: str, number: int, take: Take) -> None:
    found = st.session_state.get(f"{key}-{number}") or []
    taken: set[str] = st.session_state.setdefault(TAKEN, set())
    new = [file for file in (found if isinstance(found, Sequence) else [found]) if file.file_id not in taken]
    if new:
        taken |= {file.file_id for file in new}
        empty(key)
        take([(file.name, file.getvalue()) for file in new])


def empty(key: str) -> None:
    """Show an uploader anew, without what it says of files that it refused."""
    st.session_state[f"{key}-number"] = 1 + st.session_state.get(f"{key}-number", 0)


def kept_file(label: str, key: str, *, of: str = "", **options: Any) -> File | None:
    """The file that was brought last for something, as the picture of a key; it stays when the page is left."""
    slot = f"{key}-file"

    def take(files: list[File]) -> None:
        st.session_state[slot] = of, files[-1]

    uploader(label, key, take, **options)
    belongs, file = st.session_state.get(slot, ("", None))
    return file if belongs == of else None
