"""`gaze app`: the pages in the browser."""

from collections.abc import Sequence
from pathlib import Path

import click


@click.command(context_settings={"ignore_unknown_options": True})
@click.option(
    "--annotate",
    "projects",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PROJECT",
    help="A folder that `gaze annotate` made, to be opened on the page Annotate; may be given several times. "
    "Whoever can reach the app can see and label it.",
)
@click.argument("flags", nargs=-1, type=click.UNPROCESSED, metavar="[FLAGS OF STREAMLIT]...")
def app(projects: tuple[Path, ...], flags: tuple[str, ...]) -> None:
    """Open the app in the browser; only this machine can reach it unless --server.address says otherwise."""
    import os
    import sys

    address = _value(flags, "--server.address")
    if address is not None:
        click.echo(reach(address), err=True)
    own = ["--verbose"] if click.get_current_context().find_root().params["verbose"] else []
    own += opened(projects)
    script = ["--", *own] if own else []
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(SERVER), *defaults(address), *flags, *script]
    os.execv(sys.executable, command)


SERVER = Path(__file__).parents[1] / "web" / "server.py"


def opened(projects: Sequence[Path]) -> list[str]:
    """How the server is told of projects of annotation.

    Raises:
        GazeError: A folder is none.
    """
    if not projects:
        return []
    from annotation.record import ProjectRecord
    from app.web.annotate.named import flags

    for folder in projects:
        ProjectRecord.read(folder)
    return flags(projects)


def defaults(address: str | None) -> list[str]:
    """The flags that `gaze app` gives Streamlit before a person's own, which may overrule them.

    Streamlit asks a server on the internet for this machine's address unless it is told by which one it is opened.
    """
    from app.web.gate import is_local

    opened = "localhost" if address is None or is_local(address) or _is_every(address) else address
    given = {"server.address": address or "127.0.0.1", "browser.serverAddress": opened}
    given |= {"browser.gatherUsageStats": "false", "server.showEmailPrompt": "false"}
    return [f"--{name}={value}" for name, value in given.items()]


def reach(address: str) -> str:
    """Who can reach the app at an address, in one sentence."""
    from app.web.gate import is_local

    if is_local(address):
        return f"The app listens at {address}: only this machine can reach it."
    who = "this machine" if _is_every(address) else address
    return (
        f"The app listens at {address}: everyone who can reach {who} over the network can use it, without a login; "
        "SECURITY.md says how to put one before it."
    )


def _is_every(address: str) -> bool:
    return address.strip("[]") in ("0.0.0.0", "::", "*", "")


def _value(flags: Sequence[str], name: str) -> str | None:
    """What a flag says that a person gave; None where it is not there."""
    found = None
    for number, flag in enumerate(flags):
        if flag == "--":
            break
        if flag.startswith(f"{name}="):
            found = flag.partition("=")[2]
        elif flag == name and number + 1 < len(flags):
            found = flags[number + 1]
    return found
