"""What the server owes those who use it: their files are gone when it ends, and a session that is over is let go of.

A process that ends by a signal runs no `atexit`, and no destructor of what threads still hold. So everything that this
process writes for a while lies in one private folder, whoever wrote it: our pages, libraries, or Starlette.
"""

import asyncio
import contextlib
import gc
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from streamlit import runtime

PERIOD = 30.0  # seconds between two looks for sessions that are over
TRIES = 20  # to remove a folder into which a thread may still write


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that only this user may enter, in which all temporary files of this process lie until it ends."""
    before = tempfile.tempdir
    folder = Path(tempfile.mkdtemp(prefix="gaze-app-"))  # 0700
    tempfile.tempdir = str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = before
        for _ in range(TRIES):
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                break
            time.sleep(0.05)


async def let_go_of_sessions() -> None:
    """Forget sessions that nobody came back to, for as long as the server runs.

    Streamlit keeps them for two minutes, and on a quiet server until the next one comes; pictures, recordings and
    models go with them.
    """
    kept = 0
    while True:
        await asyncio.sleep(PERIOD)
        left = expire()
        if left < kept:
            gc.collect()
        kept = left


def expire() -> int:
    """Drop what Streamlit keeps of sessions whose time is over; how many sessions are left."""
    if not runtime.exists():
        return 0
    manager = getattr(runtime.get_instance(), "_session_mgr", None)
    storage = getattr(getattr(manager, "_session_storage", None), "_cache", None)
    expired = getattr(storage, "expire", None)
    if expired is not None:
        expired()
    return len(manager.list_sessions()) if manager else 0
