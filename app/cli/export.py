"""`gaze export`: trained weights become an ONNX file that agrees with PyTorch."""

from pathlib import Path

import click


@click.command()
@click.argument("source", metavar="MODEL|CHECKPOINT|SAFETENSORS")
@click.option("--name", help="Name of the exported model; by default that of the source.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder to write to; export/weights by default.")
@click.option("--licence", help="Of the weights.")
@click.option("--training", multiple=True, help="A data set they were trained on, with its licence; may be repeated.")
@click.option(
    "--evaluation",
    "evaluations",
    multiple=True,
    type=click.Path(path_type=Path),
    help="What `gaze evaluate ... --format json` printed: its scores go into the file and its card; may be repeated.",
)
@click.option(
    "--mirror/--no-mirror", default=False, show_default=True, help="Look at the mirror image too; takes twice as long."
)
@click.option(
    "--half/--no-half",
    default=False,
    show_default=True,
    help="Round the weights to half precision; the safetensors have half the size, and the ONNX file the same weights.",
)
@click.option("--temperature", type=click.FloatRange(0, min_open=True), help="Of a scanpath model's observers.")
@click.option("--inhibition", type=click.FloatRange(0), help="Of return, of a scanpath model's observers, in nats.")
def export(
    source: str,
    name: str | None,
    output: Path | None,
    licence: str | None,
    training: tuple[str, ...],
    evaluations: tuple[Path, ...],
    mirror: bool,
    half: bool,
    **decoding: float | None,
) -> None:
    """Write ONNX that agrees with PyTorch, and the weights beside it as safetensors."""
    from app import export_model

    known = {key: value for key, value in decoding.items() if value is not None}
    click.echo(export_model.export(source, name, output, licence, training, evaluations, mirror, known, half))
