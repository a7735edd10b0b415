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

SENT_AHEAD = 1 << 17  # bytes of an answer that the system keeps of a connection: more would hide how slowly it is taken


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at an address; port 0 is any that is free.

    Raises:
        GazeError: The address is none of this machine, or the port is taken.
    """
    bare = host.strip("[]")
    try:
        family = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((bare, port), family=family, backlog=512)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT_AHEAD)  # of each connection, which inherit it
        return listening
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "it is no address"
        raise GazeError(
            f"Nothing can listen at {host}, port {port} ({reason}); give another --host or --port."
        ) from error


def grace(limits: Limits) -> int:
    """Seconds that what is in flight has when the server is ended."""
    return math.ceil(limits.timeout) + 1


def config(app: Guard, limits: Limits) -> uvicorn.Config:
    """How uvicorn serves the application; it says nothing, since `Guard` logs requests and errors."""
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=grace(limits),
    )


def run(app: Guard, limits: Limits, listening: socket.socket, ready: Callable[[], None] = lambda: None) -> int:
    """Answer requests until SIGTERM, after which it returns, or Ctrl-C, which is raised once all is answered.

    Returns:
        How many requests were cut off, since their answers took more than `grace`.
    """
    server = uvicorn.Server(config(app, limits))
    before = signal.signal(signal.SIGTERM, _ended)  # uvicorn raises the signal once more when all is over
    try:
        ready()
        server.run(sockets=[listening])
    finally:
        signal.signal(signal.SIGTERM, before)
    return app.cut


def _ended(number: int, frame: Any) -> None:
    """It has ended already."""
