"""The app's times and memory: first page, picture to heat map, a step of the seconds, ten pictures, many sessions.

    python tests/bench/bench_app.py [--sessions 20] [--seconds 120] [--root CHECKOUT]

One server in a fresh process; the sessions are WebSocket clients in this one, pinned to one core, which is shared
with the server. Each session uploads a picture of one megapixel of its own and then steps through the seconds, again
and again, after a second's rest. Memory is the resident set of the server. `--root` starts the app of another
checkout of gaze, so that two versions can be compared in one run. The last line is JSON. The exit status is 1 where a
page told of an error.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from itertools import cycle
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.bench_predict import make
from tests.bench.bench_serve import resident_mb
from tests.bench.streamlit_client import Session

REST = 1.0  # seconds between a session's steps


def started(root: Path) -> tuple["subprocess.Popen[bytes]", int, float]:
    """The server, its port, and the seconds from its start to a finished first page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "app.cli.main", "app", "--server.headless", "true", "--server.port", str(port)]
    begin = time.perf_counter()
    server = subprocess.Popen(command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, stdout=subprocess.DEVNULL)
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5).close()
            break
        except OSError:
            if server.poll() is not None:
                raise SystemExit("The app did not start.") from None
            time.sleep(0.02)
    Session(port).close()
    return server, port, time.perf_counter() - begin


class Steps:
    """Moves a session's page from second to second: by the strip of the component, or by the slider of before."""

    def __init__(self, session: Session) -> None:
        self.session = session
        sliders = [each.slider for each in session.find("slider") if each.slider.label == "When"]
        self.slider = sliders[0] if sliders else None
        self.moments, self.sent = cycle([1, 2, 3, 4, 5, 0]), 0

    def step(self) -> float:
        """The seconds that the next step takes."""
        moment = next(self.moments)
        if self.slider is not None:
            return self.session.set(self.slider.id, string_array_value=[self.slider.options[moment]])
        self.sent += 1
        told = {"serial": f"bench-{self.sent}", "value": moment}
        return self.session.set_component(self.session.find("bidi_component")[0].bidi_component.id, moment=told)


class Designer(threading.Thread):
    """A session that uploads a picture and steps through the seconds until the time is up."""

    def __init__(self, port: int, content: bytes, until: float) -> None:
        super().__init__(daemon=True)
        self.port, self.content, self.until = port, content, until
        self.first, self.steps, self.errors = 0.0, list[float](), list[str]()

    def run(self) -> None:
        """Work until the time is up."""
        try:
            session = Session(self.port)
            self.first = session.upload(("picture.jpg", self.content))
            steps = Steps(session)
            while time.monotonic() < self.until:
                self.steps.append(steps.step())
                time.sleep(REST)
            self.errors = session.errors
            session.close()
        except Exception as error:  # a session that breaks is a result
            self.errors.append(f"{type(error).__name__}: {error}")


def alone(port: int, contents: list[bytes]) -> dict[str, float]:
    """One session: its first picture, another one, steps, and ten more pictures."""
    session = Session(port)
    measured = {"first_picture_s": session.upload(("first.jpg", contents[0]))}
    session.close()
    session = Session(port)
    measured["picture_s"] = session.upload(("second.jpg", contents[1]))
    steps = Steps(session)
    times = [steps.step() for _ in range(18)][6:]
    measured["step_ms"] = 1000 * statistics.median(times)
    measured["slowest_step_ms"] = 1000 * max(times)
    measured["ten_pictures_s"] = session.upload(*((f"{k}.jpg", content) for k, content in enumerate(contents[2:12])))
    if session.errors:
        raise SystemExit(f"The page told of an error: {session.errors}")
    session.close()
    return measured


def crowd(port: int, process: int, contents: list[bytes], seconds: float) -> dict[str, Any]:
    """Many sessions at the same time, and how much memory the server takes."""
    until = time.monotonic() + seconds
    everyone = [Designer(port, content, until) for content in contents]
    for each in everyone:
        each.start()
    memory = []
    while any(each.is_alive() for each in everyone):
        memory.append(resident_mb(process))
        time.sleep(0.5)
    steps = sorted(value for each in everyone for value in each.steps)
    return {
        "sessions": len(everyone),
        "steps": len(steps),
        "median_step_s": statistics.median(steps) if steps else None,
        "p95_step_s": steps[int(0.95 * len(steps))] if steps else None,
        "slowest_first_s": max(each.first for each in everyone),
        "memory_most_mb": max(memory),
        "errors": [error for each in everyone for error in each.errors],
    }


def main() -> None:
    """Measure, and print a JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--root", type=Path, default=ROOT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), 32)
        contents = [path.read_bytes() for path in sorted(Path(folder).iterdir())]
        server, port, first = started(options.root)
        try:
            result: dict[str, Any] = {"first_page_s": first, "memory_empty_mb": resident_mb(server.pid)}
            result |= alone(port, contents)
            if options.sessions:
                core = max(os.sched_getaffinity(0))
                os.sched_setaffinity(0, {core})
                others = (contents[12:] * options.sessions)[: options.sessions]
                result |= crowd(port, server.pid, others, options.seconds)
        finally:
            server.terminate()
            server.wait(20)
    print(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in result.items()}))
    if result.get("errors"):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
