"""HTTP/1.1 as uvicorn speaks it, but nobody holds a connection by doing nothing, or next to nothing.

A request's head has to be complete in `HEAD_SECONDS`, and so has what is left of a request that was answered before its
end; an answer has to be taken at `SLOWEST` at least, and what is left of it when the connection is closed within some
`TAIL_SECONDS`. How long a body may take is `--timeout`, which `app.server.api` sees to.
"""

import asyncio
import math
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
LOOK_SECONDS = 20.0  # between two looks at how much of an answer was taken
TAIL_SECONDS = 5.0  # the same once the connection is closed: half to twice as long as the last bytes may take
SLOWEST = 20_000  # bytes of it a second
CONNECTIONS = 900  # at a time: fewer than the files that a process may usually have open, which are 1,024


class Connection(H11Protocol):
    """One connection."""

    _turn: asyncio.TimerHandle | None = None  # until when the client has to go on with its request
    _taken: asyncio.TimerHandle | None = None
    _tail: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client has come."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
        else:
            self._turn = self.loop.call_later(HEAD_SECONDS, self._give_up)
            self._tail = self.loop.call_later(TAIL_SECONDS, self._look_at_tail, math.inf)

    def data_received(self, data: bytes) -> None:
        """A part of a request has come: its head or its body is at its end now, or is waited for from here on."""
        before = self.conn.their_state
        super().data_received(data)
        if self.conn.their_state is not before or not self._is_answered:
            self._turn = _stop(self._turn)
        self._wait()

    def on_response_complete(self) -> None:
        """A request was answered, perhaps before its end."""
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._wait()

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
        self._turn, self._taken, self._tail = _stop(self._turn), _stop(self._taken), _stop(self._tail)

    @property
    def _is_answered(self) -> bool:
        """Whether nothing is being answered, so that the client has to go on."""
        return self.cycle is None or self.cycle.response_complete

    def _wait(self) -> None:
        if self._turn is None and self._is_answered and not self.transport.is_closing():
            self._turn = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._turn = None
        if self._is_answered:
            self.transport.abort()

    def _look(self, most: float) -> None:
        left = self.transport.get_write_buffer_size()
        if left > most:
            self.transport.abort()
        else:
            self._taken = self.loop.call_later(LOOK_SECONDS, self._look, left - SLOWEST * LOOK_SECONDS)

    def _look_at_tail(self, most: float) -> None:
        """Look from time to time whether the connection is closed but for bytes that are not taken."""
        is_tail = self._is_answered and self.transport.is_closing()
        left = self.transport.get_write_buffer_size()
        if is_tail and left > most:
            self.transport.abort()
        else:
            most = left - SLOWEST * TAIL_SECONDS if is_tail else math.inf
            self._tail = self.loop.call_later(TAIL_SECONDS, self._look_at_tail, max(0.0, most))


def _stop(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Stop a timer, if there is one; there is none afterwards."""
    if timer is not None:
        timer.cancel()
    return None
