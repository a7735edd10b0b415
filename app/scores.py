"""The commands `gaze evaluate saliency` and `gaze evaluate scanpath`."""

from pathlib import Path
from typing import Any

import click

from app.refusal import Group


@click.group(cls=Group)
def evaluate() -> None:
    """Score models beside chance and beside the people themselves."""


@evaluate.command()
@click.option("--data", "root", type=click.Path(path_type=Path), required=True, help="A set in the table format.")
@click.option("--model", "names", multiple=True, default=["tempsal"], show_default=True, help="May be given twice.")
@click.option("--split", default="test", show_default=True, help="A split of splits.json, or all.")
@click.option("--condition", help="Viewing condition; by default the set's name where the model knows it, else any.")
@click.option("--seconds", default=3.0, show_default=True, type=click.FloatRange(0, min_open=True), help="Of viewing.")
@click.option("--sigma", default=15.36, show_default=True, type=click.FloatRange(0, min_open=True), help="Pixels.")
@click.option("--slices", is_flag=True, help="Score each second too, beside the model's own time-blind density.")
@click.option("--format", "form", default="table", show_default=True, type=click.Choice(["table", "json"]))
def saliency(
    root: Path,
    names: tuple[str, ...],
    split: str,
    condition: str | None,
    seconds: float,
    sigma: float,
    slices: bool,
    form: str,
) -> None:
    """CC, NSS, SIM, KL, AUC, sAUC and information gain, with 95 % intervals over pictures."""
    from app import evaluate as machinery

    result = machinery.evaluate(
        root, names, split=split, condition=condition, seconds=seconds, sigma=sigma, slices=slices
    )
    if form == "json":
        click.echo(result.to_json(), nl=False)
    else:
        machinery.show(result)


@evaluate.command()
@click.option("--data", "root", type=click.Path(path_type=Path), required=True, help="A set in the table format.")
@click.option(
    "--model",
    "names",
    multiple=True,
    help="May be given twice; walk needs no weights, none is chance and people.  [default: oat-search or oat-free]",
)
@click.option("--split", default="test", show_default=True, help="A split, or all.")
@click.option(
    "--by",
    default="picture",
    show_default=True,
    type=click.Choice(["picture", "target", "observer", "layout"]),
    help="What no two splits share; those by picture are of splits.json.",
)
@click.option(
    "--objects",
    metavar="file|proto|FILE.json|grid:RxC",
    help="file is objects.json.  [default: file; a grid or proto where it names fewer than two objects a picture]",
)
@click.option(
    "--within",
    type=click.FloatRange(0),
    help="Pixels from an object at which a fixation belongs to it.  [default: 0, or any in searches among small boxes]",
)
@click.option("--merge/--no-merge", default=None, help="Repeats of one object are one.  [default: in free viewing]")
@click.option(
    "--observers", default=15, show_default=True, type=click.IntRange(1, 1000), help="Simulated for each scene."
)
@click.option("--told", is_flag=True, help="Models and chance know which object is the target.")
@click.option("--condition", help="Viewing condition; by default the set's name where the model knows it, else any.")
@click.option("--format", "form", default="table", show_default=True, type=click.Choice(["table", "json"]))
def scanpath(root: Path, names: tuple[str, ...], form: str, **settings: Any) -> None:
    """Sequence score, bits per fixation, MultiMatch and search, beside chance and people, with 95 % intervals."""
    from app import ranking as machinery
    from app.trials import Settings

    models = [name for name in names if name != "none"] if names else None
    result = machinery.evaluate(root, models, Settings(**settings))
    if form == "json":
        click.echo(result.to_json(), nl=False)
    else:
        machinery.show(result)
