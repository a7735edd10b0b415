"""`gaze models`: what can predict, under which licence, and how well; and what has to be trained first."""

import ast
import importlib.util
from pathlib import Path

import click

from app.cli.echo import echo
from data.errors import GazeError
from data.plain_text import visible


@click.command()
def models() -> None:
    """List the models that can predict, and those that you train yourself; exits with 3 when some are broken."""
    from rich.markup import escape
    from rich.table import Table

    from app.cli import console
    from export.runtime import registry

    table = Table("name", "what it does", "form", "MB", "licence", "scores", box=None, pad_edge=False)
    broken = 0
    for path, contract in registry.contracts().items():
        if isinstance(contract, GazeError):
            broken += 1
            echo(f"Error: {contract}", err=True)
            continue
        scores = [
            f"{name}: " + " ".join(f"{score} {value:.3g}" for score, value in values.items())
            for name, values in contract.headlines.items()
        ]
        size = f"{path.stat().st_size / 1e6:.1f}"
        canvas = "x".join(map(str, contract.canvas)) if contract.fixed else ""
        form = f"{contract.precision} {canvas}".rstrip()
        cells = (contract.name, contract.description, form, size, contract.licence, "\n".join(scores))
        table.add_row(*(escape(visible(cell, keep="\n")) for cell in cells))
    if not table.rows and not broken:
        raise GazeError("There are no models yet; make one with `gaze export`.")
    if table.rows:
        names = {path.stem for path in registry.models()}
        for name, description in _untrained().items():
            if name not in names:
                how = f"train it yourself: gaze train {name} --data.root FOLDER"
                table.add_row(name, escape(description), "", "", "", how)
        console.show(table)
    if broken:
        raise SystemExit(3)


def _untrained() -> dict[str, str]:
    """The models that come without weights and have a recipe of their name, and what their files say they are."""
    from app import tasks

    recipes = tasks.recipes()
    return {
        key: _first_line(model.place.partition(":")[0])
        for key, model in tasks.models().items()
        if not model.ships and key in recipes
    }


def _first_line(module: str) -> str:
    """Of a module's docstring; the module is not imported, as it may need torch."""
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        return ""
    about = ast.get_docstring(ast.parse(Path(found.origin).read_text(encoding="utf-8"))) or ""
    return about.strip().partition("\n")[0]
