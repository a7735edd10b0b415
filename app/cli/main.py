"""The command line: `gaze COMMAND`. A command parses, calls once, prints; what it needs is loaded when it runs."""

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from app import logs
from app.cli import data, evaluate
from app.cli.errors import Group, Stopped
from data.errors import GazeError


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="gaze")
@click.option("-v", "--verbose", is_flag=True, help="Say each step, and what is behind an error, on standard error.")
def main(verbose: bool) -> None:
    """Where people look in a picture, second by second, in which order, and for how long."""
    logs.configure(verbose)


@main.command()
@click.argument("sources", nargs=-1, required=True, metavar="PICTURE|FOLDER|GLOB...")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder for what is written.")
@click.option(
    "--task",
    default="saliency",
    show_default=True,
    type=click.Choice(["saliency", "scanpath"]),
    help="Where, or in which order.",
)
@click.option(
    "--model",
    help="A name from `gaze models`, an .onnx file, or for scanpaths also walk.  [default: tempsal, "
    "oat-free, or with a target oat-search]",
)
@click.option(
    "--format", "formats", help="Some of png, npy, json; of scanpaths png, csv, json.  [default: all but npy]"
)
@click.option("--condition", default="any", show_default=True, help="Viewing condition that the model knows.")
@click.option("--overwrite", is_flag=True, help="Write anew what is already there.")
@click.option("--provider", default="auto", show_default=True, type=click.Choice(["auto", "cuda", "cpu"]))
@click.option("--opacity", default=0.6, show_default=True, type=click.FloatRange(0, 1), help="Of the heat.")
@click.option("--palette", default="turbo", show_default=True, help="Colours of the heat.")
@click.option(
    "--objects",
    default="proto",
    show_default=True,
    metavar="proto|grid:RxC|COCO.json|DETECTOR.onnx",
    help="What the looks of a scanpath fall on.",
)
@click.option("--detector", metavar="FILE.onnx", help="Finds the objects; the same as --objects FILE.onnx.")
@click.option("--target", metavar="X,Y,W,H|CROP.png", help="What is looked for: a box in pixels, or a picture of it.")
@click.option(
    "--observers", default=20, show_default=True, type=click.IntRange(1, 10_000), help="Simulated, a picture."
)
@click.option(
    "--temperature",
    type=click.FloatRange(0, min_open=True),
    help="Below 1 observers agree more, above 1 less.  [default: the model's own]",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the observers.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 256), help="Fixations at most.")
def predict(sources: tuple[str, ...], output: Path, task: str, overwrite: bool, **options: Any) -> None:
    """Write where people look in pictures, or with --task scanpath in which order.

    The same command goes on where it was stopped; another model, condition or option, or a changed picture, writes
    anew what it changes. Exits with 3 when some pictures were broken; all others are done.
    """
    from app.cli.console import watch
    from app.predict import jobs

    asked = click.get_current_context().get_parameter_source
    given = {name for name in options if asked(name) == ParameterSource.COMMANDLINE}
    job = jobs.job(task, given, sources, output, **options)
    todo = job.todo(overwrite)
    try:
        broken = watch(job.run(todo), len(todo))
    except KeyboardInterrupt:
        raise Stopped("Stopped; the same command goes on from here.") from None
    skipped = len(job.paths) - len(todo)
    words = [f"{len(todo) - broken} done"]
    words += [f"{skipped} skipped that were there (--overwrite writes them anew)"] * bool(skipped)
    words += [f"{broken} broken"] * bool(broken)
    click.echo(f"{', '.join(words)}; {output} ({job.model})")
    if broken:
        raise SystemExit(3)


@main.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
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
    from training import run

    try:
        run.train(recipe, flags)
    except run.Paused as paused:
        raise Stopped(str(paused)) from None


@main.command()
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
    "--mirror/--no-mirror", default=True, show_default=True, help="Look at the mirror image too; takes twice as long."
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
    **decoding: float | None,
) -> None:
    """Write ONNX that agrees with PyTorch, and the weights beside it as safetensors."""
    from app import export_model

    known = {key: value for key, value in decoding.items() if value is not None}
    click.echo(export_model.export(source, name, output, licence, training, evaluations, mirror, known))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("flags", nargs=-1, type=click.UNPROCESSED, metavar="[FLAGS OF STREAMLIT]...")
def app(flags: tuple[str, ...]) -> None:
    """Open the app in the browser."""
    import os
    import sys

    script = str(Path(__file__).parents[1] / "web" / "main.py")
    verbose = ["--", "--verbose"] if click.get_current_context().find_root().params["verbose"] else []
    os.execv(sys.executable, [sys.executable, "-P", "-m", "streamlit", "run", script, *flags, *verbose])


@main.command()
def models() -> None:
    """List the models that can predict; exits with 3 when some are broken."""
    from rich.markup import escape
    from rich.table import Table

    from app.cli import console
    from export.runtime import registry

    table = Table("name", "what it does", "MB", "licence", "scores", box=None, pad_edge=False)
    broken = 0
    for path, contract in registry.contracts().items():
        if isinstance(contract, GazeError):
            broken += 1
            click.echo(f"Error: {contract}", err=True)
            continue
        scores = [
            f"{name}: " + " ".join(f"{score} {value:.3g}" for score, value in values.items())
            for name, values in contract.headlines.items()
        ]
        size = f"{path.stat().st_size / 1e6:.1f}"
        cells = (contract.name, contract.description, size, contract.licence, "\n".join(scores))
        table.add_row(*map(escape, cells))
    if not table.rows and not broken:
        raise GazeError("There are no models yet; make one with `gaze export`.")
    if table.rows:
        console.show(table)
    if broken:
        raise SystemExit(3)


main.add_command(evaluate.evaluate)
main.add_command(data.data)


if __name__ == "__main__":
    main()
