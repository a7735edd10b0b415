"""`gaze app` as it is started: where it listens, whom it answers, what it says, and that it asks nobody."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from app.cli.app import defaults, opened, reach
from app.web.gate import MB, MOST_BYTES, MOST_FILES
from data.errors import GazeError
from tests import annotated

ROOT = Path(__file__).parents[3]
HOOK = """
import os, sys

def told(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind"):
        with open(os.environ["TOLD"], "a") as file:
            file.write(f"{event} {arguments[0 if event == 'socket.getaddrinfo' else 1]!r}\\n")

sys.addaudithook(told)
"""
Started = Callable[..., tuple[int, "subprocess.Popen[str]", Path]]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """Starts the app on a free port; gives the port, the process, and a file that says what it asked the net."""
    running: list[subprocess.Popen[str]] = []

    def start(*flags: str, **environment: str) -> tuple[int, "subprocess.Popen[str]", Path]:
        (tmp_path / "sitecustomize.py").write_text(HOOK)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "app.cli.main",
            "app",
            "--server.headless=true",
            f"--server.port={port}",
            *flags,
        ]
        paths = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "HOME": str(tmp_path), "TOLD": str(tmp_path / "told")}
        running.append(
            subprocess.Popen(
                command, cwd=tmp_path, env=os.environ | paths | environment, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True
            )
        )  # fmt: skip
        until = time.monotonic() + 60
        while time.monotonic() < until and running[-1].poll() is None:
            try:
                answer(port, "localhost")
            except OSError:
                time.sleep(0.1)
                continue
            return port, running[-1], tmp_path / "told"
        raise AssertionError(running[-1].communicate())

    yield start
    for process in running:
        process.kill()
        process.communicate()


def answer(port: int, host: str, path: str = "/_stcore/health", **headers: str) -> tuple[int, str]:
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.putrequest("GET", path, skip_host=True)
        for name, value in {"Host": host, **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        with connection.getresponse() as response:
            return response.status, "" if response.status == 101 else response.read().decode(errors="replace")


def test_the_app_is_reached_from_this_machine_only_under_its_own_names_and_asks_nobody(started: Started) -> None:
    port, process, told = started(STREAMLIT_SERVER_ADDRESS="0.0.0.0")  # only the flag may open it to others
    upgrade = {
        "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
    }  # fmt: skip
    assert answer(port, f"localhost:{port}", "/")[0] == 200
    assert answer(port, f"127.0.0.1:{port}", "/_stcore/stream", **upgrade)[0] == 101
    for path in ("/", "/_stcore/health", "/static/none.js"):
        status, said = answer(port, "evil.example", path)
        assert status == 421
        assert said == "This app does not go by that name; start it with --server.allowedHosts NAME if it should.\n"
    assert answer(port, f"evil.example:{port}", "/_stcore/stream", **upgrade)[0] == 403
    own = {**upgrade, "Origin": "http://evil.example"}
    assert answer(port, f"localhost:{port}", "/_stcore/stream", **own)[0] == 403
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert told.read_text().splitlines() == [f"socket.bind ('127.0.0.1', {port})"]
    assert "External URL" not in output
    assert "Network URL" not in output
    assert f"http://localhost:{port}" in output
    assert "Traceback" not in errors


@pytest.mark.slow
def test_with_an_address_it_says_who_can_reach_it_and_asks_nobody(started: Started) -> None:
    port, process, told = started("--server.address", "0.0.0.0", "--server.allowedHosts=app.example.org")
    assert answer(port, "app.example.org")[0] == 200
    assert answer(port, "localhost")[0] == 421
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    said = [line for line in errors.splitlines() if line.startswith("The app listens")]
    assert said == [reach("0.0.0.0")]
    asked = told.read_text().splitlines()
    assert asked == [f"socket.bind ('0.0.0.0', {port})"]


@contextlib.contextmanager
def session(port: int) -> Iterator[tuple[str, dict[str, str]]]:
    """A page that is open: where it uploads, and the headers with which a browser does."""
    websockets = pytest.importorskip("websockets.sync.client")
    back = pytest.importorskip("streamlit.proto.BackMsg_pb2").BackMsg()
    forward = pytest.importorskip("streamlit.proto.ForwardMsg_pb2").ForwardMsg()
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", "/_stcore/health", headers={"Host": "localhost"})
        with connection.getresponse() as response:
            cookie = str(response.headers["Set-Cookie"]).split(";")[0]
    origin = f"http://localhost:{port}"
    with websockets.connect(f"ws://localhost:{port}/_stcore/stream", subprotocols=["streamlit"], origin=origin) as page:
        back.rerun_script.query_string = ""
        page.send(back.SerializeToString())
        while forward.WhichOneof("type") != "new_session":
            forward.ParseFromString(page.recv(timeout=20))
        headers = {"Host": f"localhost:{port}", "Cookie": cookie, "X-Xsrftoken": cookie.partition("=")[2]}
        headers["Content-Type"] = "multipart/form-data; boundary=xx"
        yield f"/_stcore/upload_file/{forward.new_session.initialize.session_id}", headers


BODY = b'--xx\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n1\r\n--xx--\r\n'


def put(connection: HTTPConnection, path: str, headers: dict[str, str]) -> int:
    connection.request("PUT", path, BODY, headers)
    with connection.getresponse() as response:
        response.read()
        return response.status


@pytest.mark.slow
def test_a_session_uploads_so_many_bytes_at_a_time_and_no_more(started: Started) -> None:
    port, _, _ = started()
    with (
        session(port) as (path, headers),
        contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=20)) as first,
        contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=20)) as second,
    ):
        assert put(second, f"{path}/1", headers) == 204
        first.putrequest("PUT", f"{path}/2", skip_host=True)
        for name, value in {**headers, "Content-Length": str(MOST_BYTES)}.items():
            first.putheader(name, value)
        first.endheaders()
        first.send(BODY[:20])  # and the rest is under way
        time.sleep(0.5)
        second.request("PUT", f"{path}/3", headers={**headers, "Content-Length": str(60 * MB)})
        with second.getresponse() as response:
            assert response.status == 413
        second.close()
        assert put(second, f"{path}/4", headers) == 204


@pytest.mark.slow
def test_a_session_uploads_so_many_files_and_no_more(started: Started) -> None:
    port, _, _ = started()
    with session(port) as (path, headers), contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=20)) as upload:
        found = [put(upload, f"{path}/{number}", headers) for number in range(MOST_FILES + 3)]
    assert found == [204] * (MOST_FILES + 1) + [413] * 2


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("127.0.0.1", "only this machine can reach it"),
        ("localhost", "only this machine can reach it"),
        ("::1", "only this machine can reach it"),
        ("0.0.0.0", "everyone who can reach this machine over the network can use it, without a login"),
        ("::", "everyone who can reach this machine over the network can use it, without a login"),
        ("192.168.1.5", "everyone who can reach 192.168.1.5 over the network can use it, without a login"),
        ("lab.example", "everyone who can reach lab.example over the network can use it, without a login"),
    ],
)
def test_who_can_reach_it_is_one_sentence(address: str, who: str) -> None:
    assert who in reach(address)
    assert reach(address).endswith(".")
    assert "\n" not in reach(address)
    opened = next(flag for flag in defaults(address) if flag.startswith("--browser.serverAddress="))
    assert opened.partition("=")[2] == (
        address if "reach this" not in reach(address) and "only" not in who else "localhost"
    )


def test_projects_are_named_to_the_server_by_their_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    annotated.write(tmp_path / "shop", 2)
    monkeypatch.chdir(tmp_path)
    assert opened([Path("shop")]) == [f"--annotate={tmp_path / 'shop'}"]
    assert opened([]) == []


def test_a_folder_that_is_no_project_is_told_before_the_app_starts(tmp_path: Path) -> None:
    with pytest.raises(GazeError, match="no project of gaze annotate"):
        opened([tmp_path])
