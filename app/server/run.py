"""Start the server, and end it well: what is in flight is answered, nothing new is taken."""

import math
import signal
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from app.server.connection import Connection
from app.server.guard import Guard
from app.server.limits import Limits
from data.errors import GazeError


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at an address; port 0 is any that is free.

    Raises:
        GazeError: The address is none of this machine, or the port is taken.
    """
    bare = host.strip("[]")
    try:
        family = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((bare, port), family=family, backlog=512)
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "it is no address"
        raise GazeError(
            f"Nothing can listen at {host}, port {port} ({reason}); give another --host or --port."
        ) from error


def config(app: Guard, limits: Limits) -> uvicorn.Config:
    """How uvicorn serves the application; it says nothing but errors, since `Guard` logs requests."""
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=math.ceil(limits.timeout) + 1,
    )


def run(app: Guard, limits: Limits, listening: socket.socket, ready: Callable[[], None] = lambda: None) -> None:
    """Answer requests until SIGTERM, after which it returns, or Ctrl-C, which is raised once all is answered."""
    server = uvicorn.Server(config(app, limits))
    before = signal.signal(signal.SIGTERM, _ended)  # uvicorn raises the signal once more when all is over
    try:
        ready()
        server.run(sockets=[listening])
    finally:
        signal.signal(signal.SIGTERM, before)


def _ended(number: int, frame: Any) -> None:
    """All is answered."""
