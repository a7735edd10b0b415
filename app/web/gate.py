"""Who may ask the app for something: the hosts it goes by, pages of its own, and only so many uploads a session.

Host      a name that the app does not go by is refused, so that a foreign site cannot make a browser ask for it under
          the site's own name (DNS rebinding); Streamlit itself looks at the Host of WebSockets alone
Origin    where a browser says that a page of another site asks, it is refused
uploads   of one session no more files, and no more bytes together, are taken into memory
"""

import ipaddress
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Held = Callable[[str], dict[str, int]]  # of a session: bytes of each file that the server holds for it

MB = 1 << 20
MOST_FILES = 1000  # that the pages take of one session at a time; they move them elsewhere, and say how many stay
MOST_BYTES = 200 * MB  # together
BEYOND = 50 * MB  # bytes above that, which are let in so that the page can say that it is one file too many
LOCAL = ("localhost", "127.0.0.1", "::1")
UPLOADS = "/_stcore/upload_file/"


def host_name(host: str | None) -> str:
    """The name or address in a Host header, in lower case and without its port; "" where it is none.

    >>> host_name("Example.org:80"), host_name("[::1]:8501"), host_name("user@example.org")
    ('example.org', '::1', '')
    """
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        return ""
    odd = parts.username is not None or parts.path or parts.query or parts.fragment
    return "" if not host or odd else (parts.hostname or "").rstrip(".")


def is_local(address: str) -> bool:
    """Whether what listens at an address can be reached from the same machine only.

    >>> is_local("localhost"), is_local("127.0.0.2"), is_local("0.0.0.0"), is_local("example.org")
    (True, True, False, False)
    """
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address.lower() == "localhost"


def is_allowed(host: str | None, address: str, listed: Collection[str]) -> bool:
    """Whether the app goes by the name in a Host header, when it listens at `address`.

    These are the names that are `listed` ("*." before a name stands for any below it, "*" for all), else those of this
    machine to itself and, where others can reach it, `address` and any number: only a name can be made to point
    elsewhere.
    """
    name = host_name(host)
    if not name:
        return False
    if listed:
        patterns = [pattern.strip().lower().rstrip(".") for pattern in listed]
        return any(p in ("*", name) or (p.startswith("*.") and name.endswith(p[1:])) for p in patterns)
    if name in LOCAL or is_local(name):
        return True
    return not is_local(address) and (name == address.strip("[]").lower() or _is_number(name))


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_own_page(origins: Collection[str], host: str, others: Collection[str] = ()) -> bool:
    """Whether a page that was itself read under the name in Host asks, one of `others`, or no page at all.

    >>> is_own_page([], "localhost"), is_own_page(["https://evil.example"], "localhost")
    (True, False)
    """
    return all(origin in others or _netloc(origin) == host.lower() for origin in origins)


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


class Gate:
    """An ASGI middleware that lets through what the rules above allow.

    Args:
        app: What is behind it.
        address: Where the server listens.
        listed: Names that it goes by; where there are none, those of `is_allowed`.
        origins: Other sites whose pages may ask.
        held: Which files of a session are in memory.
        file_bytes: The largest file that the server takes.
    """

    def __init__(
        self, app: Any, address: str, listed: Collection[str], origins: Collection[str], held: Held, file_bytes: int
    ) -> None:
        self.app, self.address, self.listed, self.origins = app, address, listed, origins
        self.held, self.file_bytes = held, file_bytes
        self._coming: Counter[str] = Counter()  # bytes of each session that are under way
        self._files: Counter[str] = Counter()  # and files

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Asks the app, or says why not."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        hosts = headers.get("host", [])
        if len(hosts) != 1 or not is_allowed(hosts[0], self.address, self.listed):
            told = "This app does not go by that name; start it with --server.allowedHosts NAME if it should."
            await _refuse(scope, send, 421, told)
        elif not self._is_own(headers.get("origin", []), hosts[0]):
            await _refuse(scope, send, 403, "A page of another site asked; open the app itself.")
        elif scope["type"] == "http" and scope["method"] in ("PUT", "POST") and UPLOADS in scope["path"]:
            await self._upload(scope, receive, send, headers)
        else:
            await self.app(scope, receive, send)

    def _is_own(self, origins: list[str], host: str) -> bool:
        """Whether a page of the app itself asks, or no page: browsers say which, other programs need not."""
        return is_own_page(origins, host, self.origins)

    async def _upload(
        self, scope: MutableMapping[str, Any], receive: Receive, send: Send, headers: dict[str, list[str]]
    ) -> None:
        session = scope["path"].split(UPLOADS, 1)[1].split("/", 1)[0]
        said = headers.get("content-length", [""])[0]
        size = min(int(said), self.file_bytes) if said.isdecimal() and len(said) < 20 else self.file_bytes
        held = self.held(session)
        many = len(held) + self._files[session] > MOST_FILES
        large = sum(held.values()) + self._coming[session] + size > MOST_BYTES + BEYOND
        if many or large:
            told = (
                f"No more than {MOST_FILES} files and {MOST_BYTES // MB} MB at a time; remove some, or reload the page."
            )
            await _refuse(scope, send, 413, told)
            return
        self._files[session] += 1
        self._coming[session] += size
        try:
            await self.app(scope, receive, send)
        finally:
            self._files[session] -= 1
            self._coming[session] -= size
            if not self._files[session]:
                del self._files[session], self._coming[session]


async def _refuse(scope: MutableMapping[str, Any], send: Send, status: int, told: str) -> None:
    """Answers with a sentence, or closes a WebSocket before it opens."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": told})
        return
    body = f"{told}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
