"""`gaze export`: trained weights become ONNX files that agree with PyTorch."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.choices import given
from app.cli.echo import echo

if TYPE_CHECKING:
    from export.forms.build import Outcome

RELEASE = ("name", "licence", "training", "evaluations", "mirror", "half", "temperature", "inhibition")
FORMS = ("precision", "canvas", "opset", "jobs", "layout", "pictures", "data", "allow_loss", "calibration")


@click.command()
@click.argument("sources", nargs=-1, metavar="[MODEL|CHECKPOINT|SAFETENSORS]...")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder to write to.  [default for one model in one form: export/weights]",
)
@click.option("--all", "every", is_flag=True, help="Every model that has weights and several forms.")
@click.option("--precision", default="fp32", show_default=True, metavar="fp32,fp16,int8", help="Some of these.")
@click.option(
    "--canvas",
    default="dynamic",
    show_default=True,
    metavar="HxW,...,dynamic",
    help="Sizes that a graph takes alone, or any.",
)
@click.option("--opset", type=click.IntRange(18, 23), help="Of ONNX.  [default: 20]")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 64), help="Models made side by side.")
@click.option(
    "--layout",
    default="plain",
    show_default=True,
    type=click.Choice(["plain", "triton"]),
    help="triton: a model repository for NVIDIA's server, too, in the folder triton.",
)
@click.option(
    "--pictures",
    type=click.Path(path_type=Path),
    help="A folder of your own pictures to calibrate int8 on and to compare forms on.",
)
@click.option(
    "--data",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A set in the table format on whose split val the accuracy of saliency models is measured; may be repeated.",
)
@click.option(
    "--allow-loss", is_flag=True, help="Keep forms that lose more than they may, and say in the manifest what."
)
@click.option(
    "--calibration",
    default="minmax",
    show_default=True,
    type=click.Choice(["minmax", "percentile", "entropy"]),
    help="How the ranges of int8 are found.",
)
@click.option("--name", help="Name of the exported model; by default that of the source.")
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
def export(sources: tuple[str, ...], output: Path | None, every: bool, **options: Any) -> None:
    """Write ONNX that agrees with PyTorch.

    One source alone is released: NAME.onnx, the weights beside it as safetensors, its card. With --all, several
    sources or options of form (precision, canvas, opset ...) each model is written in every form, checked against the
    original, and described in manifest.json; what is up to date is left, and one that fails stops no other (status 3).
    """
    asked = given((*RELEASE, *FORMS))
    if every and sources:
        raise click.UsageError("Name models, or give --all for every model, but not both.")
    if not every and not sources:
        raise click.UsageError("Name a model or its weights, or give --all for every model.")
    if every or len(sources) > 1 or {*asked} & {*FORMS}:
        _forms(sources, output, every, asked, options)
        return
    from app import export_model

    decoding = {key: options[key] for key in ("temperature", "inhibition") if options[key] is not None}
    own = {key: options[key] for key in ("name", "licence", "training", "evaluations", "mirror", "half")}
    click.echo(export_model.export(sources[0], output=output, decoding=decoding, **own))


def _forms(
    sources: tuple[str, ...], output: Path | None, every: bool, asked: list[str], options: dict[str, Any]
) -> None:
    """Many models, or one in many forms."""
    from app.cli import console
    from app.cli.errors import Stopped

    if foreign := [name for name in asked if name in RELEASE]:
        option = {"evaluations": "evaluation"}.get(foreign[0], foreign[0])
        raise click.UsageError(f"--{option} is for one model in one form; export it alone first, then in its forms.")
    if output is None:
        raise click.UsageError("Give the folder for the files with -o, as in -o dist.")
    from app import export_forms

    request = export_forms.request(output, **{name: options[name] for name in FORMS if name != "layout"})
    named = export_forms.every_model() if every else sources
    outcomes: list[Outcome] = []
    try:
        with console.bar() as bar:
            total = len(named) * len(request.settings.forms)
            bar("files", 0, total)

            def tell(outcome: "Outcome") -> None:
                outcomes.append(outcome)
                bar("files", len(outcomes), max(total, len(outcomes)))

            told = export_forms.export(named, request, tell)
    except KeyboardInterrupt:
        raise Stopped("Stopped; the same command goes on from here.") from None
    console.show(_table(outcomes, export_forms.without_weights(named) if every else []))
    failed = [f"{outcome.name}: {outcome.problem}." for outcome in outcomes if outcome.entry is None]
    if options["layout"] == "triton":
        failed += [f"{name} is missing, and not in the repository." for name in export_forms.write_triton(output, told)]
    for sentence in failed:
        echo(f"Error: {sentence}", err=True)
    if failed:
        raise SystemExit(3)


def _table(outcomes: list["Outcome"], weightless: list[str]) -> Any:
    from rich.table import Table

    from data.plain_text import visible

    table = Table(box=None, pad_edge=False)
    for title in ("model", "MB", "opset", "against", "largest difference", "loss", "CC on val", "ms", "of fp32", ""):
        table.add_column(title, justify="left" if title in ("model", "against", "") else "right")
    for outcome in outcomes:
        entry = outcome.entry
        if entry is None:
            table.add_row(visible(outcome.name), *[""] * 8, "failed")
            continue
        parity, speed = entry.parity, entry.speed
        loss = "" if parity.against == "pytorch" else f"{parity.loss:.2g} {parity.unit}"
        cc = "\n".join(f"{one.data} {one.cc:.3f} ({one.change:+.4f})" for one in entry.accuracy)
        megabytes = f"{sum(file.bytes for file in entry.files) / 1e6:.1f}"
        state = "was there" if outcome.kept else "made"
        timing = ("", "") if speed is None else (f"{speed.p50_ms:.1f}", f"{speed.ratio:.2f}x")
        row = (megabytes, str(entry.opset), parity.against, f"{parity.difference:.1e}", loss, cc, *timing, state)
        table.add_row(visible(outcome.name), *row)
    for name in weightless:
        table.add_row(name, *[""] * 8, "no weights")
    return table
