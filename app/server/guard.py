"""The ASGI layer around the server: who may ask, what is counted and logged, and that every end is an answer.

Host      a name that the server does not go by is refused (DNS rebinding), as by `app.web.gate`; whether it lives may
          also be asked by number, or as localhost, as orchestrators do: only a name can be made to point elsewhere
Origin    a page of another site is refused
token     where there is one, all but `OPEN` need it: `Authorization: Bearer TOKEN`
"""

import asyncio
import hmac
import logging
import time
from collections.abc import Collection, MutableMapping
from typing import Any

from app.server import problems
from app.server.limits import Limits
from app.server.metrics import Metrics
from app.server.problems import RefusedError
from app.web.gate import Message, Receive, Send, is_allowed, is_own_page

logger = logging.getLogger(__name__)

OPEN = ("/healthz", "/readyz", "/openapi.json")  # need no token: they tell nothing of anybody's pictures
PROBES = ("/healthz", "/readyz")
DRAINED = 8  # times the limit of a body: what is left of one that is refused is read to here, so that clients hear why
DRAIN_SECONDS = 10.0
LEAST = 1024  # bytes that a part counts for, so that a body of tiny parts ends, too
SAFE = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]


class Guard:
    """Lets through what may ask.

    Args:
        app: What is behind it.
        endpoints: The paths that are counted by their name; all others are "other".
        address: Where the server listens.
        listed: Names that it goes by; where there are none, those of `app.web.gate.is_allowed`.
        token: What a client must know; None: nothing.
    """

    def __init__(
        self,
        app: Any,
        *,
        endpoints: Collection[str],
        limits: Limits,
        metrics: Metrics,
        address: str = "127.0.0.1",
        listed: Collection[str] = (),
        token: str | None = None,
    ) -> None:
        self.app, self.endpoints, self.limits, self.metrics = app, endpoints, limits, metrics
        self.address, self.listed = address, listed
        self.cut = 0  # requests that were not answered to their end because the server ended
        self._token = None if token is None else token.encode()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Asks the app, or says why not."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "There are no WebSockets here."})
        elif scope["type"] != "http":
            await self.app(scope, receive, send)
        else:
            headers = {name.lower(): value for name, value in scope["headers"]}
            length = headers.get(b"content-length", b"0")
            most = DRAINED * self.limits.body_bytes
            waits = b"expect" in headers or not length.isdigit() or len(length) > 18 or int(length) > most
            await self._answer(scope, Exchange(receive, send, 0 if waits else most))

    async def _answer(self, scope: MutableMapping[str, Any], exchange: "Exchange") -> None:
        start = time.perf_counter()
        try:
            try:
                self._check(scope)
                await self.app(scope, exchange.receive, exchange.send)
            except RefusedError as wrong:
                await exchange.refuse(wrong)
            except asyncio.CancelledError:
                self.cut += 1
                await exchange.end()
            except Exception as error:
                logger.error("%s %s: an error of gaze itself", scope["method"], scope["path"], exc_info=True)
                await exchange.refuse(problems.refusal(error))
        finally:
            seconds = time.perf_counter() - start
            endpoint = scope["path"] if scope["path"] in self.endpoints else "other"
            self.metrics.answered(endpoint, exchange.status, seconds)
            logger.debug("%s %s: %d in %.0f ms", scope["method"], scope["path"], exchange.status, 1e3 * seconds)

    def _check(self, scope: MutableMapping[str, Any]) -> None:
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        hosts = headers.get("host", [])
        if len(hosts) != 1 or not self._goes_by(hosts[0], scope["path"]):
            raise RefusedError(
                421, "The server does not go by that name; start it with --allowed-host NAME if it should."
            )
        if not is_own_page(headers.get("origin", []), hosts[0]):
            raise RefusedError(403, "A page of another site asked; ask from a program, or from the server's own name.")
        if self._token is not None and scope["path"] not in OPEN and not self._knows(headers.get("authorization", [])):
            told = "The token is missing or wrong; send the header Authorization: Bearer TOKEN."
            raise RefusedError(401, told, {"WWW-Authenticate": "Bearer"})

    def _goes_by(self, host: str, path: str) -> bool:
        is_probe = path in PROBES and is_allowed(host, "0.0.0.0", ())  # any number
        return is_probe or is_allowed(host, self.address, self.listed)

    def _knows(self, said: list[str]) -> bool:
        """Whether a client says the token; takes as long whatever it says."""
        scheme, _, token = (said[0] if len(said) == 1 else "").partition(" ")
        right = hmac.compare_digest(token.strip().encode("latin-1"), self._token or b"")
        return right and scheme.lower() == "bearer"


class Exchange:
    """A request and its answer; before a refusal is sent, what is left of the body is read and forgotten, to `most`.

    Most clients send all of it before they look at the answer, and would find the connection closed. One that asks
    first (`Expect`), sends far too much, or is too slow, is answered at once.
    """

    def __init__(self, receive: Receive, send: Send, most: int) -> None:
        self._receive, self._send, self._left = receive, send, most
        self._is_read, self.status = False, 0

    async def receive(self) -> Message:
        """The next part of the body."""
        message = await self._receive()
        self._is_read = self._is_read or message["type"] != "http.request" or not message.get("more_body")
        return message

    async def send(self, message: Message) -> None:
        """A part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message.get("headers", []), *SAFE]}
            if self.status >= 400 and not await self._drained(0 if self.status == 408 else DRAIN_SECONDS):
                message["headers"].append((b"connection", b"close"))
        await self._send(message)

    async def refuse(self, wrong: RefusedError) -> None:
        """Say why there is no answer; nothing where one has begun."""
        if self.status:
            return
        body = problems.content(wrong)
        headers = {"Content-Type": problems.MEDIA, "Content-Length": str(len(body)), **wrong.headers}
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": wrong.status, "headers": raw})
        await self.send({"type": "http.response.body", "body": body})

    async def end(self) -> None:
        """Say that the server ends, without waiting for anything."""
        self._left = 0
        await self.refuse(
            RefusedError(503, "The server is being stopped; ask again when it runs.", {"Retry-After": "5"})
        )

    async def _drained(self, seconds: float) -> bool:
        """Whether the body is at its end, which is waited for a while."""
        try:
            async with asyncio.timeout(seconds):
                while seconds and not self._is_read and self._left > 0:
                    self._left -= max(LEAST, len((await self.receive()).get("body", b"")))
        except TimeoutError:
            logger.debug("what is left of a body came too slowly")
        return self._is_read
