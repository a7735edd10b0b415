"""Real connections: clients that are slow, silent, rude, or ask before they send."""

import contextlib
import http.client
import io
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import uvicorn

from app.cli import health
from app.server import api, connection, run, start
from app.server.limits import Limits
from app.server.models import Models
from data.picture import encode

PICTURE = encode(np.full((20, 30, 3), 99, np.uint8), ".png")
LARGE = (1300, 1000)  # height, width
HEAD = b"POST /v1/saliency HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def port(models: Models) -> Iterator[int]:
    """Of a server in a thread, which waits for nobody long."""
    limits = Limits(max_mb=1, timeout=3, workers=2)
    with running(run.config(api.build(models, limits), limits)) as (_, number):
        yield number


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that come now are waited for 0.2 seconds only."""
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(connection, "LOOK_SECONDS", 0.2)


@contextlib.contextmanager
def running(config: uvicorn.Config) -> Iterator[tuple[uvicorn.Server, int]]:
    """A server in a thread, and its port."""
    with run.listen("127.0.0.1", 0) as listening:
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield server, int(listening.getsockname()[1])
        server.should_exit = True
        thread.join(20)


def sent(port: int, *parts: bytes, pause: float = 0.0, wait: float = 10.0) -> tuple[bytes, bool, float]:
    """What comes back, whether the connection was closed, and after how many seconds."""
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), wait) as client:
        back = b""
        try:
            for part in parts:
                client.sendall(part)
                time.sleep(pause)
            while some := client.recv(65536):
                back += some
        except TimeoutError:
            return back, False, time.monotonic() - start
        except OSError:
            pass
        return back, True, time.monotonic() - start


@pytest.mark.slow
@pytest.mark.usefixtures("hasty")
def test_who_says_nothing_or_never_ends_a_head_is_left(port: int) -> None:
    back, closed, seconds = sent(port)
    assert (back, closed) == (b"", True)
    assert seconds < 5
    dripped = sent(port, *(b"X-A: b\r\n" if number else HEAD for number in range(40)), pause=0.03)
    assert (dripped[0], dripped[1]) == (b"", True)
    after = sent(port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /hea", pause=0.05, wait=5)
    assert after[0].startswith(b"HTTP/1.1 200 OK")
    assert after[1]


@pytest.mark.slow
@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("rest", [(), (b"a",), (b"a", b"b")])
@pytest.mark.parametrize("path", [b"/healthz", b"/v1/models"])
def test_who_never_ends_a_request_that_was_answered_is_left(port: int, path: bytes, rest: tuple[bytes, ...]) -> None:
    head = b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
    back, closed, _ = sent(port, head, *rest, pause=0.05, wait=5)
    assert back.startswith(b"HTTP/1.1 200 OK")
    assert closed


def test_who_ends_a_request_after_its_answer_may_ask_again(port: int) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    unfinished = head + b"Content-Length: 3\r\n\r\n"
    back, closed, _ = sent(port, unfinished, b"ab", b"c" + head + b"Connection: close\r\n\r\n", pause=0.03)
    assert back.count(b"HTTP/1.1 200 OK") == 2
    assert closed


def small_window(port: int) -> socket.socket:
    """A client that has room for little of an answer."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    client.connect(("127.0.0.1", port))
    return client


@pytest.mark.slow
@pytest.mark.parametrize("ends", [b"close", b"half", b"silence"])
def test_the_tail_of_an_answer_that_nobody_takes_is_given_up(
    models: Models, monkeypatch: pytest.MonkeyPatch, ends: bytes
) -> None:
    monkeypatch.setattr(connection, "TAIL_SECONDS", 0.1)
    made: list[Any] = []

    class Seen(connection.Connection):
        def connection_made(self, transport: Any) -> None:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            super().connection_made(transport)
            made.append(transport)

    limits = Limits(timeout=30)
    config = run.config(api.build(models, limits), limits)
    config.http = Seen
    config.timeout_keep_alive = 1 if ends == b"silence" else 30
    with running(config) as (server, port), small_window(port) as client:
        closing = b"Connection: close\r\n" if ends == b"close" else b""
        client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n" + closing + b"\r\n")
        while not made or not made[0].get_write_buffer_size():
            time.sleep(0.01)
        if ends == b"half":
            client.shutdown(socket.SHUT_WR)
        else:
            server.should_exit = True  # the end of the server does not wait for it, either
        start = time.monotonic()
        while server.server_state.connections:
            time.sleep(0.01)
        assert time.monotonic() - start < 10
        assert made[0].is_closing()


@pytest.mark.slow
def test_who_sends_a_body_too_slowly_is_told_so_at_once(port: int) -> None:
    back, closed, seconds = sent(port, HEAD + b"Content-Length: 100\r\n\r\nabc")
    assert back.startswith(b"HTTP/1.1 408 Request Timeout")
    assert closed
    assert seconds < 5


@pytest.mark.usefixtures("hasty")
def test_who_does_not_take_the_answer_is_left(port: int) -> None:
    with small_window(port) as client:
        client.sendall(asked_for_slices())
        assert client.recv(15) == b"HTTP/1.1 200 OK"
        assert is_left(port)


@pytest.mark.slow
def test_who_takes_the_answer_slowly_gets_all_of_it(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LOOK_SECONDS", 0.5)
    monkeypatch.setattr(connection, "TAIL_SECONDS", 0.5)
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        client.sendall(asked_for_slices())
        back = b""
        while some := client.recv(1 << 18):
            back += some
            time.sleep(0.05)
    head, _, file = back.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert np.load(io.BytesIO(file)).shape == (2, *LARGE)


def asked_for_slices() -> bytes:
    """A request whose answer is larger than what the system sends ahead."""
    large = encode(np.full((*LARGE, 3), 99, np.uint8), ".png")
    head = HEAD.replace(b"saliency", b"saliency?slices=true") + b"Accept: application/x-npy\r\nConnection: close\r\n"
    return head + b"Content-Length: %d\r\n\r\n" % len(large) + large


def is_left(port: int) -> bool:
    """Whether nobody is inside any more, which is waited for."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if b"in_flight 0.0" in sent(port, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")[0]:
            return True
        time.sleep(0.02)
    return False


def test_who_asks_first_need_not_send_what_is_too_large(port: int) -> None:
    back, closed, seconds = sent(port, HEAD + b"Expect: 100-continue\r\nContent-Length: 5000000\r\n\r\n")
    assert back.startswith(b"HTTP/1.1 413")
    assert closed
    assert seconds < 5
    asked = sent(
        port, HEAD + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(PICTURE), PICTURE
    )
    assert asked[0].startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


def test_who_says_to_send_terabytes_is_told_at_once(port: int) -> None:
    back, closed, seconds = sent(port, HEAD + b"Content-Length: 99999999999999\r\n\r\nabc")
    assert back.startswith(b"HTTP/1.1 413")
    assert closed
    assert seconds < 5


def test_who_sends_somewhat_too_much_can_send_all_of_it_and_hears_why(port: int) -> None:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    client.request("POST", "/v1/saliency", bytes(5_000_000), {"Content-Type": "image/png"})
    answer = client.getresponse()
    assert answer.status == 413
    assert b"more than 1 MB" in answer.read()
    client.request("POST", "/v1/saliency", PICTURE, {"Content-Type": "image/png"})  # on the same connection
    assert client.getresponse().status == 200
    client.close()


@pytest.mark.parametrize(
    "head",
    [
        b"GARBAGE\r\n\r\n",
        b"POST /v1/saliency HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_no_request_is_refused(port: int, head: bytes) -> None:
    back, _, _ = sent(port, head, wait=0.5)
    assert back[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 404", b"HTTP/1.1 421", b"")
    assert b"200 OK" in sent(port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")[0]


@pytest.mark.parametrize("listed", [(), ("gaze.example",)])
def test_the_health_check_of_the_image_finds_a_server_whatever_names_it_goes_by(
    models: Models, listed: tuple[str, ...]
) -> None:
    limits = Limits()
    with running(run.config(api.build(models, limits, "0.0.0.0", listed, "a" * 16), limits)) as (_, number):
        assert health.lives("127.0.0.1", number)
    assert not health.lives("127.0.0.1", number)


@pytest.mark.parametrize(("seconds", "cut"), [(0.1, 1), (20, 0)])
def test_what_is_cut_off_when_the_server_ends_is_told_and_counted(models: Models, seconds: int, cut: int) -> None:
    limits = Limits()
    app = api.build(models, limits)
    config = run.config(app, limits)
    config.timeout_graceful_shutdown = seconds
    with running(config) as (server, number), socket.create_connection(("127.0.0.1", number), 20) as client:
        client.sendall(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(PICTURE) + PICTURE[:9])
        while not server.server_state.tasks:
            time.sleep(0.01)
        server.should_exit = True
        if not cut:
            client.sendall(PICTURE[9:])
        back = b""
        while some := client.recv(65536):
            back += some
    assert (b"The server is being stopped" if cut else b"200 OK") in back
    assert app.cut == cut
    assert ("nothing in flight was cut off" in start.ended(app.cut, 31)) == (not cut)
    assert start.ended(2, 31).startswith("Stopped; 2 in flight could not be answered within 31 seconds")


def test_more_connections_than_are_held_are_closed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECTIONS", 0)
    assert sent(port)[:2] == (b"", True)
