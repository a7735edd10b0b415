"""Who is let in: the app's own names, its own pages, and so many files a session."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.web import gate
from app.web.gate import MB, MOST_FILES, Gate, host_name, is_allowed

HELD: dict[str, dict[str, int]] = {}


async def welcome(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def built(app: Callable[..., Awaitable[None]] = welcome, **options: Any) -> Gate:
    usual: dict[str, Any] = {"address": "127.0.0.1", "listed": [], "origins": [], "file_bytes": 50 * MB}
    return Gate(app, held=lambda session: HELD.get(session, {}), **(usual | options))


async def asked(through: Gate, headers: list[tuple[str, str]], **scope: Any) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    usual = {"type": "http", "method": "GET", "path": "/"}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    await through({**usual, **scope, "headers": raw}, None, send)  # type: ignore[arg-type]
    return sent


def status(through: Gate, *headers: tuple[str, str], **scope: Any) -> int:
    return int(asyncio.run(asked(through, list(headers), **scope))[0]["status"])


OWN = ["localhost", "localhost:8501", "LOCALHOST.", "127.0.0.1:8501", "127.8.8.8", "[::1]:8501"]
FOREIGN = [
    *(
        "evil.example",
        "evil.example:8501",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "xlocalhost",
        "10.0.0.5",
    ),
    *("", " ", "localhost@evil.example", "evil.example@localhost", "localhost/x", "localhost:x", "[::1", "localhost#x"),
    *("0.0.0.0", "localhost, evil.example", "loc\xe4lhost", "2130706433.evil.example"),
]


@pytest.mark.parametrize("host", OWN)
def test_the_names_of_this_machine_are_let_in(host: str) -> None:
    assert status(built(), ("host", host)) == 200


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_foreign_host_is_refused_whatever_is_asked_for(host: str, kind: str) -> None:
    for path in ("/", "/_stcore/health", "/_stcore/stream", "/_stcore/upload_file/a/b", "/media/x.png"):
        (first, *rest) = asyncio.run(asked(built(), [("host", host)], type=kind, path=path))
        if kind == "websocket":
            assert first["type"] == "websocket.close"
        else:
            assert first["status"] == 421
            assert b"--server.allowedHosts" in rest[0]["body"]


def test_no_host_and_two_hosts_are_refused() -> None:
    assert status(built()) == 421
    assert status(built(), ("host", "localhost"), ("host", "evil.example")) == 421
    assert status(built(), ("Host", "evil.example")) == 421


def test_where_others_can_reach_it_numbers_and_its_own_name_are_let_in_and_other_names_are_not() -> None:
    for host in ("192.168.1.5:8501", "[2001:db8::1]:80", "localhost"):
        assert is_allowed(host, "0.0.0.0", [])
    assert is_allowed("lab.example:80", "lab.example", [])
    assert not is_allowed("evil.example", "0.0.0.0", [])
    assert not is_allowed("evil.example", "lab.example", [])


def test_names_that_are_listed_are_let_in_and_no_others() -> None:
    listed = ["app.example.org", "*.lab.example"]
    for host in ("app.example.org", "APP.example.org.:443", "a.lab.example", "a.b.lab.example"):
        assert is_allowed(host, "127.0.0.1", listed)
    for host in ("localhost", "lab.example", "xlab.example", "app.example.org.evil.example"):
        assert not is_allowed(host, "127.0.0.1", listed)
    assert is_allowed("evil.example", "127.0.0.1", ["*"])
    assert not is_allowed("a@b", "127.0.0.1", ["*"])


def test_a_page_of_another_site_is_refused() -> None:
    host = ("host", "localhost:8501")
    assert status(built(), host, ("origin", "http://localhost:8501")) == 200
    for origin in ("http://evil.example", "http://localhost:9999", "null", "", "http://localhost.evil.example:8501"):
        assert status(built(), host, ("origin", origin)) == 403
    assert status(built(origins=["https://app.example.org"]), host, ("origin", "https://app.example.org")) == 200


def put(through: Gate, session: str, size: int | str) -> int:
    path = f"/_stcore/upload_file/{session}/one"
    return status(through, ("host", "localhost"), ("content-length", str(size)), method="PUT", path=path)


def test_files_and_bytes_of_a_session_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    through = built()
    monkeypatch.setitem(HELD, "few", {"a": 1})
    monkeypatch.setitem(HELD, "many", {str(n): 1 for n in range(MOST_FILES + 1)})
    monkeypatch.setitem(HELD, "large", {str(n): 50 * MB for n in range(4)})
    monkeypatch.setitem(HELD, "full", {str(n): 50 * MB for n in range(5)})
    assert put(through, "few", 10) == 200
    assert put(through, "many", 10) == 413
    assert put(through, "large", 50 * MB) == 200  # the one that the page says is too many
    assert put(through, "full", 1) == 413
    assert put(through, "large", "9" * 30) == 200  # no more than a file of the server's limit is read of it
    HELD["large"]["x"] = 1
    for size in (50 * MB, "", "-1", "x", "9" * 30):
        assert put(through, "large", size) == 413
    assert put(through, "another", 10) == 200


def test_files_that_come_at_once_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    going = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await going.wait()
        await welcome(scope, receive, send)

    async def all_at_once() -> list[int]:
        through = built(slow)
        headers = [("host", "localhost"), ("content-length", "1000")]
        path = "/_stcore/upload_file/s/"
        tasks = [
            asyncio.create_task(asked(through, headers, method="PUT", path=f"{path}{number}"))
            for number in range(MOST_FILES + 10)
        ]
        await asyncio.sleep(0.05)
        going.set()
        found = [answers[0]["status"] for answers in await asyncio.gather(*tasks)]
        assert not through._files
        assert not through._coming
        return found

    found = asyncio.run(all_at_once())
    assert found.count(200) == MOST_FILES + 1
    assert found.count(413) == 9


def test_what_is_no_request_goes_through() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(built(app)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
    assert host_name(None) == ""
    assert gate.is_local("::1")
