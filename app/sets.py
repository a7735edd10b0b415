"""The commands `gaze data ...`: look after data sets."""

from pathlib import Path

import click

from app.refusal import Group


@click.group(cls=Group)
def data() -> None:
    """Look after data sets."""


@data.command()
@click.argument("root", type=click.Path(path_type=Path))
@click.option("--count", default=60, show_default=True, type=click.IntRange(1), help="Pictures.")
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--kind",
    default="pictures",
    show_default=True,
    type=click.Choice(["pictures", "search", "free"]),
    help="Pictures, or layouts of objects that are searched or looked at freely.",
)
def synthetic(root: Path, count: int, seed: int, kind: str) -> None:
    """Make a small set of pictures and viewers from a seed, to try things on."""
    from data import layouts
    from data import synthetic as machinery

    if kind == "pictures":
        machinery.write(root, count, seed)
    else:
        layouts.write(root, count, seed, kind)
    click.echo(f"{root}: {count} pictures")


@data.command()
@click.argument("root", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="File to write, ending in .json.")
@click.option("--model", default="tempsal", show_default=True, help="Of where people look.")
def objects(root: Path, output: Path, model: str) -> None:
    """Find proto-objects in every picture of a set; train on them with --data.source FILE."""
    from app import regions as machinery

    pictures, count = machinery.find(root, output, model)
    click.echo(f"{output}: {count} objects in {pictures} pictures")


@data.command()
@click.argument("root", type=click.Path(path_type=Path))
def check(root: Path) -> None:
    """Name every defect of a data set in gaze's table format; exits with 1 when there are any."""
    from collections import Counter

    from data import table

    defects = table.check(root)
    for defect in defects:
        click.echo(str(defect))
    counts = Counter(_place(Path(defect.file), root) for defect in defects)
    places = "; " + ", ".join(f"{count} in {place}" for place, count in counts.most_common()) if counts else ""
    click.echo(f"{root}: {len(defects) or 'no'} {'defect' if len(defects) == 1 else 'defects'}{places}")
    if defects:
        raise SystemExit(1)


def _place(file: Path, root: Path) -> str:
    """The file or folder right below the root of a data set."""
    return file.relative_to(root).parts[0] if file.is_relative_to(root) and file != root else str(file)
