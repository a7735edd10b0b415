"""Ctrl-C at any moment: the program ends with status 130, and never with the traceback of an import.

While the commands are loaded it ends at once (`at_once`). While one runs it is an exception, as ever, which is noted
(`noted`): some libraries make an error of their own of it. When all is done it changes nothing any more (`over`).
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

STATUS = 130  # which shells expect
_came = threading.Event()


def at_once() -> None:
    """From here on Ctrl-C ends the process, which has done nothing yet, unless it was started to ignore that."""
    _change(signal.default_int_handler, leave)


def as_usual() -> None:
    """From here on Ctrl-C is an exception again."""
    _change(leave, signal.default_int_handler)


def noted() -> None:
    """From here on it is an exception, and `came` tells of it."""
    _change(signal.default_int_handler, _note)


@contextlib.contextmanager
def asked() -> Iterator[Callable[[], bool]]:
    """For a while the first Ctrl-C only asks to come to an end; what is given tells whether it has come.

    The second one is an exception, as ever.
    """
    pressed = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def over() -> None:
    """From here on Ctrl-C is ignored: what was to be done is done."""
    _change(_note, signal.SIG_IGN)


def came() -> bool:
    """Whether Ctrl-C was pressed while a command ran."""
    return _came.is_set()


def leave(number: int, frame: FrameType | None) -> None:
    """End the process."""
    os._exit(STATUS)


def _note(number: int, frame: FrameType | None) -> None:
    _came.set()
    raise KeyboardInterrupt


def _change(now: Callable[..., Any], then: Callable[..., Any] | signal.Handlers) -> None:
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is now:
        signal.signal(signal.SIGINT, then)
