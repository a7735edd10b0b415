"""A project that is being made, on the page: how far it is, and what can be done about it."""

import streamlit as st

from app.web.annotate import room as rooms
from app.web.annotate.maker import Maker, Progress
from app.web.widgets import plain, time_left

STATES = {
    "waiting": "Waiting: other videos are being looked through. This one begins by itself.",
    "stopped": "Stopped. What is done stays.",
    "failed": "It could not be looked through.",
    "done": "Done.",
}


def making(maker: Maker) -> None:
    """Progress, renewed every second until it is done."""
    st.markdown(
        "The things in the video are found and followed. This goes on while you look at other pages of the app, and "
        "also when this page is closed for a while."
    )
    before = maker.progress
    st.fragment(_follow, run_every=1.0 if before.busy else None)(maker, before)


def _follow(maker: Maker, before: Progress) -> None:
    now = maker.progress
    if now.state != before.state and not now.busy:
        st.rerun()
    st.progress(min(1.0, now.done / now.total) if now.total else 0.0, text=told(now))
    if maker.problem:
        st.error(plain(maker.problem), icon=":material/error:")
    row = st.container(horizontal=True)
    clicked = False
    if now.busy:
        clicked |= row.button("Stop", icon=":material/stop:", key="annotate-stop", on_click=_stop, args=(maker,))
    elif now.state in ("stopped", "failed"):
        clicked |= row.button("Go on", icon=":material/play_arrow:", key="annotate-go", on_click=maker.start)
    if not now.busy:
        remove = {"icon": ":material/delete:", "key": "annotate-remove"}
        clicked |= row.button("Remove", on_click=rooms.remove, **remove)  # type: ignore[arg-type]
    if clicked:
        st.rerun()


def _stop(maker: Maker) -> None:
    maker.stop()
    maker.wait(5)


def told(progress: Progress) -> str:
    """How far it is, in words.

    >>> told(Progress("running", 120, 3000, 300.0))
    '120 of 3,000 pictures. About 5 minutes left.'
    """
    count = f"{progress.done:,} of {progress.total:,} pictures." if progress.total else f"{progress.done:,} pictures."
    if progress.state != "running":
        return f"{count} {STATES[progress.state]}"
    if progress.left_s is None:
        return count
    return f"{count} About {time_left(progress.left_s)} left."
