"""`gaze models`: what can predict, under which licence, and how well."""

import click

from app.cli.echo import echo
from data.errors import GazeError
from data.plain_text import visible


@click.command()
def models() -> None:
    """List the models that can predict; exits with 3 when some are broken."""
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
        console.show(table)
    if broken:
        raise SystemExit(3)
