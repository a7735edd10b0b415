"""The command line: `gaze COMMAND`. A command parses, calls once, prints; what it needs is loaded when it runs."""

from app.cli import interrupt

interrupt.at_once()

import click  # noqa: E402  # each of these takes its time

from app import logs  # noqa: E402
from app.cli.annotate import annotate  # noqa: E402
from app.cli.app import app  # noqa: E402
from app.cli.average import average  # noqa: E402
from app.cli.bench import bench  # noqa: E402
from app.cli.calibrate import calibrate  # noqa: E402
from app.cli.data import data  # noqa: E402
from app.cli.distill import distill  # noqa: E402
from app.cli.errors import Program  # noqa: E402
from app.cli.evaluate import evaluate  # noqa: E402
from app.cli.export import export  # noqa: E402
from app.cli.models import models  # noqa: E402
from app.cli.predict import predict  # noqa: E402
from app.cli.search import search  # noqa: E402
from app.cli.serve import serve  # noqa: E402
from app.cli.train import train  # noqa: E402


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="gaze")
@click.option("-v", "--verbose", is_flag=True, help="Say each step, and what is behind an error, on standard error.")
def main(verbose: bool) -> None:
    """Where people look in a picture, second by second, in which order, and for how long."""
    logs.configure(verbose)


for command in (
    annotate,
    app,
    average,
    bench,
    calibrate,
    data,
    distill,
    evaluate,
    export,
    models,
    predict,
    search,
    serve,
    train,
):
    main.add_command(command)
interrupt.as_usual()

if __name__ == "__main__":
    main()
