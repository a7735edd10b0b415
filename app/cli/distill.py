"""`gaze distill`: what trained networks together say of a set's training pictures, for another one to learn from."""

from pathlib import Path

import click

from app.cli.echo import echo
from data.errors import GazeError


def _canvas(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> list[tuple[int, int]]:
    """HEIGHTxWIDTH as two numbers."""
    sides = [value.lower().split("x") for value in values]
    if not all(len(pair) == 2 and all(side.isdecimal() for side in pair) for pair in sides):
        raise click.BadParameter("give a canvas as HEIGHTxWIDTH, such as 256x352.")
    return [(int(height), int(width)) for height, width in sides]


@click.command()
@click.argument("weights", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="WEIGHTS...")
@click.option("--data", "roots", multiple=True, required=True, type=click.Path(path_type=Path), metavar="FOLDER")
@click.option(
    "--canvas", "canvases", multiple=True, default=["256x352"], show_default=True, callback=_canvas, metavar="HxW"
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for the densities.")
@click.option(
    "--variants",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    metavar="N",
    help="Tell N changed copies of each picture, too: zoomed, turned, in other light, half blended with others.",
)
def distill(
    weights: tuple[Path, ...], roots: tuple[Path, ...], canvases: list[tuple[int, int]], output: Path, variants: int
) -> None:
    """Write what networks (.safetensors, .ckpt) say of the training pictures of sets: their mean, mirrored and not.

    Train on it with: gaze train tempsal --data.teacher OUTPUT, and --data.variants only where there are changed copies
    (each network sees them on its own canvas). The same command goes on where it was stopped.
    """
    from saliency import MODELS
    from saliency.distillation import write, write_variants
    from training.weights import load

    for root in roots:
        if not root.is_dir():
            raise GazeError(f"{root}: there is no such folder; give a set in the table format.")
    networks = [load(path, MODELS) for path in weights]
    for root in roots:
        parts = [("pictures", write(networks, root, output, canvases))]
        parts += [("changed copies", write_variants(networks, root, output, variants))] if variants else []
        for what, written in parts:
            count = 0
            for count, (path, _) in enumerate(written, 1):
                if count % 100 == 0:
                    echo(f"{path.parent}: {count}")
            echo(f"{output / root.resolve().name}: {count} {what}")
