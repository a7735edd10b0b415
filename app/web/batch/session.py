"""The job of a session: kept from page to page, and ended when the session is gone."""

from collections.abc import Callable

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.web.batch.areas import BatchAreas
from app.web.batch.download import Offer
from app.web.batch.job import Job
from app.web.uploads import empty
from data.areas import AreaFile

SLOT = "batch"  # in st.session_state
UPLOAD = "batch-upload"  # the key of the uploader


class Desk:
    """A job, and the areas that its pictures were given last."""

    def __init__(self) -> None:
        self.job = Job(_watch())
        self.areas: tuple[object, BatchAreas] | None = None  # and what they were made of
        self.listed: AreaFile | None = None  # areas by picture, as a person brought them
        self.told: list[str] = []  # what is to be said of that file
        self.offer: Offer | None = None  # the archive that may be taken, as long as this is kept

    def areas_of(self, key: object, make: Callable[[], BatchAreas]) -> BatchAreas:
        """The areas that were made of `key`, with the shares that were measured."""
        if self.areas is None or self.areas[0] != key:
            self.areas = key, make()
        return self.areas[1]


def desk() -> Desk:
    """The one of this session."""
    if SLOT not in st.session_state:
        st.session_state[SLOT] = Desk()
    kept: Desk = st.session_state[SLOT]
    return kept


def clear() -> None:
    """Forget the job, its pictures and its folder, and begin with a new one."""
    desk().job.close()
    st.session_state[SLOT] = Desk()
    empty(UPLOAD)


def _watch() -> Callable[[], bool]:
    """Whether the session of whoever calls this is connected, to be asked from any thread."""
    context = get_script_run_ctx()
    session = context.session_id if context else ""

    def is_alive() -> bool:
        return not runtime.exists() or runtime.get_instance().is_active_session(session)

    return is_alive
