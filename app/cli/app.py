"""`gaze app`: the pages in the browser."""

from pathlib import Path

import click


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("flags", nargs=-1, type=click.UNPROCESSED, metavar="[FLAGS OF STREAMLIT]...")
def app(flags: tuple[str, ...]) -> None:
    """Open the app in the browser."""
    import os
    import sys

    script = str(Path(__file__).parents[1] / "web" / "main.py")
    verbose = ["--", "--verbose"] if click.get_current_context().find_root().params["verbose"] else []
    os.execv(sys.executable, [sys.executable, "-P", "-m", "streamlit", "run", script, *flags, *verbose])
