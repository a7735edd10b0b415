"""What Streamlit serves: the pages of `main.py` behind the gate. `gaze app` starts it."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from streamlit import config, runtime
from streamlit.runtime.pages_manager import PagesManager

from app.web.annotate import archive, shelf
from app.web.batch import download, job
from app.web.gate import MB, Gate
from app.web.main import found
from app.web.upkeep import let_go_of_sessions, private_folder
from export.runtime.batch import hand_back_freed_memory


def held(session: str) -> dict[str, int]:
    """Bytes of each uploaded file that Streamlit holds for a session."""
    files = getattr(runtime.get_instance().uploaded_file_mgr, "file_storage", {})
    return {name: len(file.data) for name, file in dict(files.get(session, {})).items()}


PagesManager.uses_pages_directory = False  # else who asks for /areas before anyone asked for / gets it without main.py
gate = Middleware(
    Gate,
    address=config.get_option("server.address") or "0.0.0.0",  # Streamlit's own meaning of no address
    listed=config.get_option("server.allowedHosts"),
    origins=config.get_option("server.corsAllowedOrigins"),
    held=held,
    file_bytes=config.get_option("server.maxUploadSize") * MB,
)


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """What is done around the server's life: at its end, by whatever signal, no file of anybody is left.

    Libraries and pages are loaded before anyone asks, and left out of Python's looks through all objects for what can
    be freed: they stay.
    """
    with private_folder():
        found()
        gc.collect()
        gc.freeze()
        hand_back_freed_memory()
        upkeep = asyncio.create_task(let_go_of_sessions())
        yield
        upkeep.cancel()
        job.close_all()
        shelf.close_all()


app = st.App(
    Path(__file__).with_name("main.py"), lifespan=lifespan, routes=[download.ROUTE, archive.ROUTE], middleware=[gate]
)
