"""Real connections: clients that are slow, silent, rude, or ask before they send."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import uvicorn

from app.server import api, connection, run
from app.server.limits import Limits
from app.server.models import Models
from data.picture import encode

PICTURE = encode(np.full((20, 30, 3), 99, np.uint8), ".png")
HEAD = b"POST /v1/saliency HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def port(models: Models) -> Iterator[int]:
    """Of a server in a thread, which waits for nobody long."""
    limits = Limits(max_mb=1, timeout=3, workers=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "HEAD_SECONDS", 0.3)
        patch.setattr(connection, "LOOK_SECONDS", 0.3)
        with run.listen("127.0.0.1", 0) as listening:
            server = uvicorn.Server(run.config(api.build(models, limits), limits))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            yield int(listening.getsockname()[1])
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


def test_who_says_nothing_or_never_ends_a_head_is_left(port: int) -> None:
    back, closed, seconds = sent(port)
    assert (back, closed) == (b"", True)
    assert seconds < 5
    dripped = sent(port, *(b"X-A: b\r\n" if number else HEAD for number in range(40)), pause=0.05)
    assert (dripped[0], dripped[1]) == (b"", True)
    after = sent(port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /hea", pause=0.1, wait=5)
    assert after[0].startswith(b"HTTP/1.1 200 OK")
    assert after[1]


@pytest.mark.slow
def test_who_sends_a_body_too_slowly_is_told_so_at_once(port: int) -> None:
    back, closed, seconds = sent(port, HEAD + b"Content-Length: 100\r\n\r\nabc")
    assert back.startswith(b"HTTP/1.1 408 Request Timeout")
    assert closed
    assert seconds < 5


@pytest.mark.parametrize("takes", [True, False])
def test_who_does_not_take_the_answer_is_left_but_slowly_is_soon_enough(port: int, takes: bool) -> None:
    large = encode(np.full((1600, 1000, 3), 99, np.uint8), ".png")
    head = HEAD.replace(b"saliency", b"saliency?slices=true") + b"Accept: application/x-npy\r\nConnection: close\r\n"
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        client.sendall(head + b"Content-Length: %d\r\n\r\n" % len(large) + large)
        time.sleep(0 if takes else 2)
        back = b""
        try:
            while some := client.recv(1 << 18):
                back += some
                time.sleep(0.02 if takes else 0)
        except ConnectionResetError:
            assert not takes
    whole = 2 * 4 * 1600 * 1000 + 128
    assert back.startswith(b"HTTP/1.1 200 OK")
    assert (len(back) > whole) == takes


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
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_no_request_is_refused(port: int, head: bytes) -> None:
    back, _, _ = sent(port, head, wait=0.5)
    assert back[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 404", b"HTTP/1.1 421", b"")
    assert b"200 OK" in sent(port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")[0]


def test_more_connections_than_are_held_are_closed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECTIONS", 0)
    assert sent(port)[:2] == (b"", True)
