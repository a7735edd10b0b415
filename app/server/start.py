"""What `gaze serve` does with its options: loads the models, reads the token, says who can reach it, and runs."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.web.gate import is_local
from data.errors import GazeError
from export.runtime.session import cores

EXTRA = ("fastapi", "starlette", "uvicorn", "prometheus_client", "python_multipart")
TOKEN = "GAZE_TOKEN"  # the variable of the environment
LEAST = 16  # characters of a token
ON_GPU = ("cuda", "tensorrt")
ON_CUDA = 8  # pictures of a batch; on the CPU batches were no quicker than one picture a core (bench_serve)


@dataclass(frozen=True)
class Start:
    """The options of `gaze serve`."""

    host: str
    port: int
    token_file: Path | None
    allowed_hosts: tuple[str, ...]
    models: tuple[str, ...]
    provider: str
    threads: int | None
    queue: int
    batch: int | None
    wait_ms: float
    max_mb: float
    max_megapixels: float
    timeout: float

    def run(self, say: Callable[[str], None]) -> None:
        """Serve until Ctrl-C or SIGTERM.

        Raises:
            GazeError: The extra `serve` is missing, or a model, the address or the token cannot be used.
        """
        secret = token(self.token_file)
        try:
            import python_multipart  # noqa: F401  # is first asked for in a request otherwise

            from app.server import api, run
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] not in EXTRA:
                raise
            raise GazeError(f"Serving needs {error.name}; run: pip install -e '.[serve]'.") from error
        from app.server.limits import Limits
        from app.server.models import DEFAULTS, Models

        threads = self.threads or 1
        limits = Limits(
            queue=self.queue,
            batch=self.batch or 1,
            wait_ms=self.wait_ms,
            max_mb=self.max_mb,
            max_megapixels=self.max_megapixels,
            timeout=self.timeout,
            runners=max(1, cores() // threads),
        )
        models = Models(self.models or DEFAULTS, self.provider, threads)
        if models.provider in ON_GPU:  # one queue of work is enough, and large batches pay
            limits = limits.model_copy(update={"runners": 1, "batch": self.batch or ON_CUDA})
        app = api.build(models, limits, self.host, self.allowed_hosts, secret)
        with run.listen(self.host, self.port) as listening:
            port = listening.getsockname()[1]
            names = ", ".join(card.name for card in models.cards)
            cut = run.run(
                app, limits, listening, lambda: say(f"{reach(self.host, port, secret is not None)} It serves {names}.")
            )
        say(ended(cut, run.grace(limits)))


def token(file: Path | None) -> str | None:
    """The token that clients must send: from a file, else from the environment; None: there is none.

    Raises:
        GazeError: The file cannot be read, or the token is none that a header can hold, or too short.
    """
    if file is None and TOKEN not in os.environ:
        return None
    where = f"${TOKEN}" if file is None else str(file)
    try:
        words = os.environ[TOKEN] if file is None else file.read_text("ascii")
    except OSError as error:
        raise GazeError(f"{where}: the token cannot be read ({error.strerror}); give another --token-file.") from error
    except UnicodeDecodeError:
        words = ""
    words = words.strip()
    if len(words) < LEAST or not words.isascii() or not words.isprintable() or " " in words:
        problem = f"a token has at least {LEAST} letters or digits, and no spaces"
        raise GazeError(
            f"{where}: {problem}; make one with: python -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    return words


def ended(cut: int, seconds: int) -> str:
    """How it ended, in one sentence."""
    if not cut:
        return "Stopped; nothing in flight was cut off."
    return f"Stopped; {cut} in flight could not be answered within {seconds} seconds (--timeout and one more)."


def reach(host: str, port: int, has_token: bool) -> str:
    """Where the server listens and who can reach it, in one sentence."""
    bare = host.strip("[]")
    address = f"http://{f'[{bare}]' if ':' in bare else bare}:{port}"
    if is_local(host):
        return f"The server listens at {address}: only this machine can reach it."
    who = "this machine" if bare in ("0.0.0.0", "::", "") else bare
    how = "with the token" if has_token else "without a token (--token-file asks for one)"
    return f"The server listens at {address}: everyone who can reach {who} over the network can use it, {how}."
