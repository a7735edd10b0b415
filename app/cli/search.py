"""`gaze search A B`: how many more fixations it takes to find something in one version of a picture than in another."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.choices import TableChoice
from app.cli.echo import echo
from data.errors import GazeError

if TYPE_CHECKING:
    from app.predict.search_comparison import Comparison

COLUMNS = ("", "picture", "target", "fixations", "by start", "found", "people need")


@click.command()
@click.argument("a", type=click.Path(path_type=Path), metavar="A.png")
@click.argument("b", type=click.Path(path_type=Path), metavar="B.png")
@click.option(
    "--target",
    required=True,
    metavar="X,Y,W,H|CROP.png",
    help="What is looked for: a box in A, which is sought in B unless --target-b says where it is there; or a picture "
    "of it, which is sought in both.",
)
@click.option("--target-b", metavar="X,Y,W,H|CROP.png", help="The same in B, where it looks otherwise.")
@click.option(
    "--degrees",
    type=click.FloatRange(1, 120),
    default=20.0,
    show_default=True,
    help="Of visual angle: how wide a picture is seen; a screen from 85 cm is 20 to 35.",
)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="Fixations at most.")
@click.option(
    "--starts",
    default=9,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="Searches of each version: the first starts in the middle, the others at places about it, the same in both.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the places where they start.")
@click.option("--model", default="eccnet", show_default=True, help="A name from `gaze models`, or an .onnx file.")
@click.option("--provider", default="auto", show_default=True, type=TableChoice("export.runtime.providers:NAMES"))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the picture of both searches.")
@click.option("--format", "form", default="table", show_default=True, type=click.Choice(["table", "json", "csv"]))
def search(
    a: Path,
    b: Path,
    target: str,
    target_b: str | None,
    model: str,
    provider: str,
    output: Path | None,
    form: str,
    **asked: Any,
) -> None:
    """Say how many more fixations it takes to find something in B than in A.

    Nobody's eyes are tracked: a model goes to what is most like the target as it is seen from the point of gaze, and
    not back, until it is found. With -o, search.png shows both searches from the middle; search.json and search.csv
    hold all of them.
    """
    from app.predict.scanpath import aim
    from app.predict.search_comparison import Question, compare, versions
    from export.runtime.visual_search import VisualSearcher

    question = Question(**asked)
    looked_for = aim(target)
    assert looked_for is not None
    one, other = versions(a, b, looked_for, aim(target_b))
    found = compare(VisualSearcher(model, provider=provider), one, other, question)
    if output is not None:
        _write(found, output, found.drawn(one.pixels, other.pixels))
    if form != "table":
        click.echo(found.to_json() if form == "json" else found.to_csv(), nl=False)
        return
    _show(found)
    if output is not None:
        echo(f"{output / 'search.png'}")


def _show(found: "Comparison") -> None:
    from rich.markup import escape
    from rich.table import Table

    from app.cli import console
    from app.predict.version_searches import summary
    from data.plain_text import visible

    table = Table(box=None, pad_edge=False)
    for number, name in enumerate(COLUMNS):
        table.add_column(name, justify="left" if number < 3 else "right")
    for letter, version in found.versions:
        table.add_row(*(escape(visible(cell)) for cell in summary(letter, version)))
    console.show(table)
    echo(found.sentence())


def _write(found: "Comparison", folder: Path, drawn: object) -> None:
    from app.predict.files import make_folder
    from data import picture as pictures
    from data.atomic import atomic_write

    make_folder(folder)
    contents = {
        "search.png": pictures.encode(drawn),  # type: ignore[arg-type]
        "search.json": found.to_json().encode(),
        "search.csv": found.to_csv().encode(),
    }
    for name, content in contents.items():
        try:
            with atomic_write(folder / name) as file:
                file.write(content)
        except OSError as error:
            raise GazeError(f"{folder / name} cannot be written ({error.strerror}); check folder and disk.") from error
