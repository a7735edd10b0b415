"""`gaze serve` under many clients: statuses, p50 and p95, answers a second, and whether its memory stays flat.

    python tests/bench/bench_serve.py [--clients 50] [--seconds 120] [--model tempsal-fast] [--accept application/json]

A server in a fresh process; each client sends one of 20 JPEGs of one megapixel over a connection that it keeps, waits
for the answer and sends the next; after 503 it waits as `Retry-After` says. Memory is the resident set of the server,
a second after its first answers, at its peak and at the end. What is said after `--` goes to `gaze serve`. The last
line says how it went, the one before is JSON. The exit status is 1 where an answer is anything but 200 or 503, a
connection breaks, nothing was answered, the server does not end well, or its memory grows: in the last third of the
time its median is more than `GROWTH` times, and `GROWTH_MB` above, that of the second.
"""

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.bench_predict import make

PICTURES = 20
GROWTH, GROWTH_MB = 1.1, 20  # of memory that is no growth yet
STARTED = "The server listens at http://127.0.0.1:"


class Client(threading.Thread):
    """Sends pictures until the time is up."""

    def __init__(self, port: int, path: str, accept: str, bodies: list[bytes], number: int, until: float) -> None:
        super().__init__(daemon=True)
        self.port, self.path, self.accept, self.until = port, path, accept, until
        self.bodies = bodies[number % len(bodies) :] + bodies[: number % len(bodies)]
        self.answers: list[tuple[int, float]] = []  # status and seconds
        self.errors: Counter[str] = Counter()

    def run(self) -> None:
        """Ask again and again."""
        connection, number = self._connected(), 0
        while time.monotonic() < self.until:
            start = time.perf_counter()
            try:
                headers = {"Content-Type": "image/jpeg", "Accept": self.accept}
                connection.request("POST", self.path, self.bodies[number % len(self.bodies)], headers)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.errors[type(error).__name__] += 1
                connection.close()
                connection = self._connected()
                continue
            self.answers.append((answer.status, time.perf_counter() - start))
            number += 1
            if answer.status == 503:
                time.sleep(float(answer.headers["Retry-After"]))
        connection.close()

    def _connected(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)


def resident_mb(process: int) -> float:
    """Megabytes that a process holds in memory."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1000


def load(options: argparse.Namespace, port: int, process: int, bodies: list[bytes]) -> dict[str, Any]:
    """What the clients got, and how the server's memory went."""
    start = time.monotonic()
    asked = (port, options.path, options.accept, bodies)
    clients = [Client(*asked, number, start + options.seconds) for number in range(options.clients)]
    for client in clients:
        client.start()
    memory = []
    while any(client.is_alive() for client in clients):
        time.sleep(0.25)
        if any(client.answers for client in clients):
            memory.append((time.monotonic() - start, resident_mb(process)))
    seconds = time.monotonic() - start
    answers = [answer for client in clients for answer in client.answers]
    good = sorted(taken for status, taken in answers if status == 200)
    thirds = (
        [mb for _, mb in memory[len(memory) // 3 : 2 * len(memory) // 3]],
        [mb for _, mb in memory[-len(memory) // 3 :]],
    )
    return {
        "clients": options.clients,
        "seconds": round(seconds, 1),
        "statuses": dict(Counter(status for status, _ in answers)),
        "broken": dict(sum((client.errors for client in clients), Counter())),
        "per_second": round(len(good) / seconds, 2),
        "p50_s": round(statistics.median(good), 3) if good else None,
        "p95_s": round(good[int(0.95 * (len(good) - 1))], 3) if good else None,
        "start_mb": round(next((mb for at, mb in memory if at >= memory[0][0] + 1), memory[-1][1])),
        "peak_mb": round(max(mb for _, mb in memory)),
        "end_mb": round(memory[-1][1]),
        "median_of_thirds_mb": [round(statistics.median(some)) if some else None for some in thirds],
    }


def problems(result: dict[str, Any]) -> list[str]:
    """What is not as it should be."""
    statuses, wrong = result["statuses"], []
    if odd := {status: count for status, count in statuses.items() if status not in (200, 503)}:
        wrong.append(f"answers other than 200 and 503: {odd}")
    if result["broken"]:
        wrong.append(f"broken connections: {result['broken']}")
    if not statuses.get(200):
        wrong.append("no answer 200")
    earlier, later = result["median_of_thirds_mb"]
    if earlier is None or later is None or later > max(GROWTH * earlier, earlier + GROWTH_MB):
        wrong.append(f"memory grows: {memory_words(result)}")
    if result["exit_status"]:
        wrong.append(f"the server ended with {result['exit_status']}")
    return wrong


def memory_words(result: dict[str, Any]) -> str:
    """How memory went."""
    earlier, later = result["median_of_thirds_mb"]
    return f"memory {earlier} MB in the second third, {later} MB in the last, {result['peak_mb']} MB at most"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--model", default="tempsal-fast")
    parser.add_argument("--path", default="/v1/saliency")
    parser.add_argument("--accept", default="application/json")
    parser.add_argument("server", nargs="*", help="flags of gaze serve, after --")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        size = make(Path(place), PICTURES)
        bodies = [path.read_bytes() for path in sorted(Path(place).iterdir())]
    print(f"{PICTURES} JPEGs of {size / 1e3:.0f} kB, {options.clients} clients, {options.seconds:g} seconds")
    command = [sys.executable, "-m", "app.cli.main", "serve", "--port", "0", "--model", options.model, *options.server]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            told = server.stderr.readline()
            if not told.startswith(STARTED):
                raise SystemExit(f"the server did not start: {told}{server.stderr.read()}")
            port = int(told.removeprefix(STARTED).split(":")[0])
            result = load(options, port, server.pid, bodies)
        finally:
            server.terminate()
            left = server.stderr.read()
            result_code = server.wait()
    result |= {"exit_status": result_code, "log": left.strip()}
    for name, value in result.items():
        print(f"  {name:20} {value}")
    print(json.dumps(result))
    wrong = problems(result)
    print("FAILED: " + "; ".join(wrong) if wrong else f"PASSED: nothing but 200 and 503, {memory_words(result)}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
