"""`gaze serve` as a process: who can reach it, what it wants to be told, and how it ends."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from app.cli.main import main
from app.server import start
from app.server.run import listen
from data.errors import GazeError
from data.picture import encode

ROOT = Path(__file__).parents[3]
PICTURE = encode(np.full((20, 30, 3), 99, np.uint8), ".png")
STARTED = "The server listens at http://127.0.0.1:"


@contextlib.contextmanager
def served(model: Path, **environment: str) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A server in a process of its own, and its port."""
    command = [sys.executable, "-m", "app.cli.main", "serve", "--port", "0", "--model", str(model)]
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            told = process.stderr.readline()
            assert told.startswith(STARTED), told + process.stderr.read()
            assert told.endswith(": only this machine can reach it. It serves toy.\n")
            yield process, int(told.removeprefix(STARTED).split(":")[0])
        finally:
            process.kill()


def connected(port: int) -> "contextlib.closing[http.client.HTTPConnection]":
    """A connection that is closed at the end."""
    return contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20))


def takes(port: int) -> bool:
    """Whether a port takes connections."""
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 0, marks=pytest.mark.slow)]
)
def test_what_is_in_flight_is_answered_when_the_server_is_ended(
    toy_model: Path, number: signal.Signals, status: int
) -> None:
    with served(toy_model) as (process, port), connected(port) as connection, connected(port) as other:
        connection.putrequest("POST", "/v1/saliency")
        connection.putheader("Content-Length", str(len(PICTURE)))
        connection.endheaders(PICTURE[:10])
        counts = ""
        while "gaze_requests_in_flight 1.0" not in counts:
            other.request("GET", "/metrics")
            counts = other.getresponse().read().decode()
        process.send_signal(number)
        while takes(port):
            time.sleep(0.02)
        assert process.poll() is None
        connection.send(PICTURE[10:])
        answer = connection.getresponse()
        assert (answer.status, b'"model": "toy"' in answer.read()) == (200, True)
        out, told = process.communicate(timeout=20)
        assert process.returncode == status
        assert (out, "Traceback" in told) == ("", False)
        assert told.splitlines()[-1] == ("Error: Stopped." if status else "Stopped; nothing in flight was cut off.")


@pytest.mark.parametrize(
    ("host", "has_token", "words"),
    [
        ("127.0.0.1", False, "at http://127.0.0.1:8600: only this machine can reach it."),
        ("::1", True, "at http://[::1]:8600: only this machine can reach it."),
        ("0.0.0.0", False, "everyone who can reach this machine over the network can use it, without a token"),
        ("10.1.2.3", True, "everyone who can reach 10.1.2.3 over the network can use it, with the token."),
    ],
)
def test_who_can_reach_it_is_said(host: str, has_token: bool, words: str) -> None:
    assert words in start.reach(host, 8600, has_token)


def test_a_token_comes_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(start.TOKEN, raising=False)
    assert start.token(None) is None
    file = tmp_path / "token"
    file.write_text("0123456789abcdef\n")
    assert start.token(file) == "0123456789abcdef"
    monkeypatch.setenv(start.TOKEN, "fedcba9876543210")
    assert (start.token(None), start.token(file)) == ("fedcba9876543210", "0123456789abcdef")


@pytest.mark.parametrize(
    "words", [b"", b" \n", b"short", b"with spaces in between", "\u00e9".encode() * 20, b"a" * 20 + b"\0", b"\xff" * 20]
)
def test_a_token_that_could_be_guessed_or_not_be_sent_is_refused(tmp_path: Path, words: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(words)
    with pytest.raises(GazeError, match="at least 16 letters or digits"):
        start.token(file)
    with pytest.raises(GazeError, match="cannot be read"):
        start.token(tmp_path)


def test_an_empty_token_in_the_environment_is_no_token_by_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(start.TOKEN, "")
    with pytest.raises(GazeError, match=r"\$GAZE_TOKEN"):
        start.token(None)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "nothing"], "There is no model 'nothing'"),
        (["--model", "TOY", "--model", "TOY.copy"], "Two models have the name 'toy'"),
        (["--model", "TOY", "--host", "example.invalid"], "Nothing can listen at example.invalid"),
        (["--model", "TOY", "--host", "a" * 300], "Nothing can listen at"),
        (["--model", "TOY", "--host", "192.0.2.1"], "Nothing can listen at 192.0.2.1"),
        (["--token-file", "nowhere"], "nowhere: the token cannot be read"),
        (["--port", "70000"], "70000 is not in the range"),
        (["--timeout", "nan"], "timeout should be a finite number, but it is nan; give another value (--timeout)."),
        (["--max-mb", "nan"], "(--max-mb)."),
        (["--max-megapixels", "51"], "51.0 is not in the range"),
        (["--queue", "0"], "0 is not in the range"),
        (["--provider", "cuda", "--model", "TOY"], "cannot be used here"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(
    arguments: list[str], words: str, toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(toy_model.read_bytes())
    names = {"TOY": str(toy_model), "TOY.copy": str(copy)}
    result = CliRunner().invoke(main, ["serve", "--port", "0", *(names.get(word, word) for word in arguments)])
    assert result.exit_code == 2, result.output
    assert words in result.stderr


def test_a_port_that_is_taken_is_told() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(GazeError, match="Address already in use"):
        listen("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize(
    "name",
    [
        "fastapi",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("uvicorn", "prometheus_client", "python_multipart")),
    ],
)
def test_without_the_extra_its_name_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError('gone', name={name!r})\n")
    done = subprocess.run(
        [sys.executable, "-m", "app.cli.main", "serve", "--model", "walk"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, f"Error: Serving needs {name}; run: pip install -e '.[serve]'.\n")


@pytest.mark.slow
def test_many_clients_get_answers_or_are_told_to_come_again_and_memory_stays_flat(toy_model: Path) -> None:
    bench = [sys.executable, "tests/bench/bench_serve.py", "--model", str(toy_model), "--clients", "30"]
    done = subprocess.run(
        [*bench, "--seconds", "8", "--", "--queue", "10"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    *_, record, verdict = done.stdout.splitlines()
    assert verdict.startswith("PASSED: nothing but 200 and 503, memory ")
    told = json.loads(record)
    assert set(told["statuses"]) == {"200", "503"}
    assert told["exit_status"] == 0
    earlier, later = told["median_of_thirds_mb"]
    assert later < 1.15 * earlier
