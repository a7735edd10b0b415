"""The command line: `gaze COMMAND`. A command parses, calls once, prints; what it needs is loaded when it runs."""

import click

from app import logs
from app.cli.app import app
from app.cli.data import data
from app.cli.errors import Group
from app.cli.evaluate import evaluate
from app.cli.export import export
from app.cli.models import models
from app.cli.predict import predict
from app.cli.train import train


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="gaze")
@click.option("-v", "--verbose", is_flag=True, help="Say each step, and what is behind an error, on standard error.")
def main(verbose: bool) -> None:
    """Where people look in a picture, second by second, in which order, and for how long."""
    logs.configure(verbose)


for command in (app, data, evaluate, export, models, predict, train):
    main.add_command(command)

if __name__ == "__main__":
    main()
