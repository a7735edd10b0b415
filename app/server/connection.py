"""HTTP/1.1 as uvicorn speaks it, but nobody holds a connection by doing nothing, or next to nothing.

A request's head has to be complete in `HEAD_SECONDS`; an answer has to be taken at `SLOWEST` at least. How long a body
may take is `--timeout`, which `app.server.api` sees to.
"""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
LOOK_SECONDS = 20.0  # between two looks at how much of an answer was taken
SLOWEST = 20_000  # bytes of it a second
CONNECTIONS = 900  # at a time: fewer than the files that a process may usually have open, which are 1,024


class Connection(H11Protocol):
    """One connection."""

    _head: asyncio.TimerHandle | None = None
    _taken: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client has come."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
        else:
            self._head = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def data_received(self, data: bytes) -> None:
        """A part of a request has come: its head is at its end now, or is waited for from its first byte on."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._head = _stop(self._head)
        elif self._head is None:
            self._head = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def pause_writing(self) -> None:
        """More of an answer waits to be taken than is sent ahead."""
        super().pause_writing()
        self._look(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Most of it was taken."""
        super().resume_writing()
        self._taken = _stop(self._taken)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        super().connection_lost(exc)
        self._head, self._taken = _stop(self._head), _stop(self._taken)

    def _give_up(self) -> None:
        self._head = None
        if self.conn.their_state is h11.IDLE and (self.cycle is None or self.cycle.response_complete):
            self.transport.abort()

    def _look(self, most: float) -> None:
        left = self.transport.get_write_buffer_size()
        if left > most:
            self.transport.abort()
        else:
            self._taken = self.loop.call_later(LOOK_SECONDS, self._look, left - SLOWEST * LOOK_SECONDS)


def _stop(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Stop a timer, if there is one; there is none afterwards."""
    if timer is not None:
        timer.cancel()
    return None
