"""The command `gaze evaluate search`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.evaluate import FORM, check_places

if TYPE_CHECKING:
    from evaluation.report.text import Form


@click.command()
@click.option(
    "--paradigm",
    default="all",
    show_default=True,
    metavar="all|NAME",
    help="curvature, lighting, cross, letters, tilt or mixed-tilt.",
)
@click.option(
    "--model",
    "names",
    multiple=True,
    metavar="NAME|FILE.onnx",
    help="May be given twice; chance and pixels are baselines.  [default: eccnet]",
)
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(1, 1000), help="Sets of displays: 0, 1, ...")
@click.option(
    "--trials",
    type=click.IntRange(1, 10_000),
    help="Displays a seed, set size and search.  [default: as in the experiments, 30 or 36]",
)
@FORM
@click.option(
    "--figure",
    metavar="FILE.png",
    type=click.Path(path_type=Path),
    help="People's and the first model's times, and searches drawn, as one picture.",
)
@click.option("--workers", type=click.IntRange(1), help="Processes; results are the same.  [default: one a core]")
def search(names: tuple[str, ...], form: "Form", figure: Path | None, workers: int | None, **settings: Any) -> None:
    """How hard six classical searches and their reversals are, beside people: slopes and search asymmetry."""
    from app.cli import console
    from evaluation.search import protocol
    from evaluation.search.report import render_text
    from export.runtime.session import cores

    check_places(figure)
    found = protocol.evaluate(names, protocol.Settings(**settings), workers=workers or cores(), track=console.track)
    if figure:
        from data.picture import save
        from evaluation.search.figure import figure as drawn

        save(figure, drawn(found[0]))
    click.echo(render_text(found, form), nl=False)
