"""`gaze serve`: what `gaze predict` answers, over HTTP."""

from pathlib import Path
from typing import Any

import click

from app.cli.choices import TableChoice
from app.cli.echo import echo


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where it listens; others reach it only if told.")
@click.option("--port", default=8600, show_default=True, type=click.IntRange(0, 65535), help="0 is any that is free.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME|FILE.onnx",
    help="A name from `gaze models`, an .onnx file, or walk; may be repeated.  [default: tempsal and oat-free]",
)
@click.option("--provider", default="auto", show_default=True, type=TableChoice("export.runtime.providers:NAMES"))
@click.option("--threads", type=click.IntRange(1, 1024), help="Of one run of a model on the CPU.  [default: 1]")
@click.option("--queue", default=32, show_default=True, type=click.IntRange(1, 10_000), help="Requests at a time.")
@click.option("--batch", type=click.IntRange(1, 64), help="Pictures in one run at most.  [default: 1, on CUDA 8]")
@click.option(
    "--wait-ms", default=2.0, show_default=True, type=click.FloatRange(0, 1000), help="For others of a batch."
)
@click.option("--max-mb", default=20.0, show_default=True, type=click.FloatRange(0.001, 1000), help="Of a body.")
@click.option(
    "--max-megapixels", default=25.0, show_default=True, type=click.FloatRange(0.001, 50), help="Of a picture."
)
@click.option("--timeout", default=30.0, show_default=True, type=click.FloatRange(0.1, 3600), help="Seconds a request.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    help="File with a token that clients must send (Authorization: Bearer TOKEN).  [default: $GAZE_TOKEN, or none]",
)
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="A name that it goes by; may be repeated.  [default: localhost, numbers of this machine, and --host; "
    "names that are given replace these, but for /healthz and /readyz]",
)
def serve(host: str, port: int, token_file: Path | None, allowed_hosts: tuple[str, ...], **options: Any) -> None:
    """Answer over HTTP where people look in pictures, and in which order; only this machine can reach it by default.

    The addresses are in /openapi.json. Ctrl-C ends it when what is in flight has been answered.
    """
    from app.server import start

    told = start.Start(host, port, token_file, allowed_hosts, **options)
    told.run(lambda line: echo(line, err=True))
