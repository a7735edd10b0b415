"""An answer on its way: made and sent in parts, as quickly as the client takes them, and counted until all is taken.

A part is made when the one before was taken, so that a client that reads slowly, or not at all, costs what `held` says
and no more.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32
from starlette.requests import Request
from starlette.responses import Response

from app.predict.saliency import npy_parts
from app.server.body import Visit
from app.web.gate import Message, Receive, Send

PART = 400_000  # bytes that are handed over at a time: what has to be taken between two looks of `Connection`


class Answer(NamedTuple):
    """What is sent to a client."""

    parts: Iterator[bytes | memoryview]  # each is there until the next is asked for
    size: int  # bytes of all
    held: int  # bytes of memory until all are sent


def whole(content: bytes) -> Answer:
    """An answer that is there already."""
    return Answer(iter((content,)), len(content), len(content))


def array(maps: Iterable[Float32[np.ndarray, "h w"]], shape: Sequence[int]) -> Answer:
    """Maps as one array of this shape (h, w) or (t, h, w) in a .npy file, of which one map is there at a time."""
    parts = npy_parts(maps, tuple(shape))
    head = bytes(next(parts))
    plane = 4 * shape[-2] * shape[-1]

    def both() -> Iterator[bytes | memoryview]:
        yield head
        yield from parts

    return Answer(both(), len(head) + 4 * int(np.prod(shape)), plane)


class Reply(Response):
    """Sends an answer; the visit is over when its last part was taken, or the client went away.

    Args:
        answer: What is sent.
        media: Its type.
        visit: The request's, which holds `answer.held` bytes.
        pool: Threads that make the parts.
    """

    def __init__(self, answer: Answer, media: str, visit: Visit, pool: Executor) -> None:
        super().__init__(media_type=media, headers={"content-length": str(answer.size)})
        self._answer, self._visit, self._pool = answer, visit, pool

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Send it."""
        left = asyncio.ensure_future(until_left(Request(scope, receive)))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            loop = asyncio.get_running_loop()
            while (part := await loop.run_in_executor(self._pool, next, self._answer.parts, None)) is not None:
                for start in range(0, len(part), PART):
                    await send(
                        {"type": "http.response.body", "body": bytes(part[start : start + PART]), "more_body": True}
                    )
                    await asyncio.sleep(0)  # others, too, have their turn
                    if left.done():
                        return
            await send({"type": "http.response.body", "body": b""})  # waits until what is before it was taken
        finally:
            left.cancel()
            self._visit.leave()


async def until_left(request: Request) -> None:
    """Waits until the client goes away."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
