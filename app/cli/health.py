"""Whether the server of this container lives: `python -m app.cli.health` exits with 0 or 1 (HEALTHCHECK of the image).

It asks where the container's first process listens, whatever its flags are.
"""

import http.client
import sys
from collections.abc import Sequence
from pathlib import Path

from app.cli.serve import serve

SECONDS = 4.0
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # what listens at all addresses is asked at this one


def place(words: Sequence[str]) -> tuple[str, int]:
    """Host and port that are asked, from a command line.

    >>> place(["gaze", "serve", "--host", "0.0.0.0", "--port=9000"])
    ('127.0.0.1', 9000)
    """
    flags = list(words[words.index("serve") + 1 :]) if "serve" in words else []
    given = serve.make_context("serve", flags, resilient_parsing=True).params
    host = given["host"].strip("[]")
    return ANY.get(host, host), given["port"]


def lives(host: str, port: int) -> bool:
    """Whether a server answers there; it is called `localhost`, which `/healthz` goes by under all flags."""
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    command = Path("/proc/1/cmdline").read_text("utf-8", errors="replace").replace("\0", " ").split()
    sys.exit(not lives(*place(command)))
