"""`gaze train`: a recipe, with any flag of Lightning."""

import click

from app import tasks
from app.cli.errors import Stopped
from data.errors import GazeError


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("recipe", metavar="RECIPE")
@click.argument("flags", nargs=-1, type=click.UNPROCESSED, metavar="[FLAGS OF LIGHTNING]...")
def train(recipe: str, flags: tuple[str, ...]) -> None:
    """Train a recipe: gaze train tempsal --data.root FOLDER [any flag of LightningCLI].

    `gaze train tempsal --help` lists every flag, `--print_config` every value. Ctrl-C and SIGTERM save and say how to
    go on; the exit status is then 130.
    """
    if recipe in ("-h", "--help"):
        click.echo(click.get_current_context().get_help())
        return
    recipes = tasks.recipes()
    if recipe not in recipes:
        raise GazeError(f"There is no recipe '{recipe}'; choose among {', '.join(recipes)}.")
    from training import run

    task, path = recipes[recipe]
    try:
        run.train(path, task.load("lightning_cli"), tasks.models(), flags)
    except run.Paused as paused:
        raise Stopped(str(paused)) from None
