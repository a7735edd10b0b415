"""The command line: `gaze COMMAND`. A command parses, calls once, prints; what it needs is loaded when it runs."""

from pathlib import Path
from typing import Any

import click

from data import GazeError

TRAINING = (
    "torch",
    "pytorch_lightning",
    "jsonargparse",
    "albumentations",
    "onnx",
    "onnxscript",
    "safetensors",
    "scipy",
)


class Refusal(click.ClickException):
    """A person's mistake, told in one sentence."""

    exit_code = 2


class Stopped(Refusal):
    """Ctrl-C, with the exit status that shells expect."""

    exit_code = 130


class Group(click.Group):
    """Commands whose `GazeError`s are told without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except GazeError as error:
            raise Refusal(str(error)) from error
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] not in TRAINING:
                raise
            raise Refusal(f"This needs {error.name}, which predicting does without; run `make setup`.") from error


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="gaze")
def main() -> None:
    """Where people look in a picture, second by second."""


def _formats(ctx: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    from app.predict import FORMATS

    formats = tuple(dict.fromkeys(part.strip().lower() for part in value.split(",")))
    if unknown := [part for part in formats if part not in FORMATS]:
        raise click.BadParameter(f"there is no format {unknown[0]!r}; name some of {', '.join(FORMATS)}.")
    return formats


@main.command()
@click.argument("sources", nargs=-1, required=True, metavar="PICTURE|FOLDER|GLOB...")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder for what is written.")
@click.option("--model", default="tempsal", show_default=True, help="A name from `gaze models`, or an .onnx file.")
@click.option(
    "--format", "formats", default="png,json", show_default=True, callback=_formats, help="Some of png, npy, json."
)
@click.option("--condition", default="any", show_default=True, help="Viewing condition that the model knows.")
@click.option("--overwrite", is_flag=True, help="Write anew what is already there.")
@click.option("--opacity", default=0.6, show_default=True, type=click.FloatRange(0, 1), help="Of the heat.")
@click.option("--palette", default="turbo", show_default=True, help="Colours of the heat.")
@click.option("--provider", default="auto", show_default=True, type=click.Choice(["auto", "cuda", "cpu"]))
def predict(
    sources: tuple[str, ...],
    output: Path,
    model: str,
    formats: tuple[str, ...],
    condition: str,
    overwrite: bool,
    opacity: float,
    palette: str,
    provider: str,
) -> None:
    """Write where people look in pictures: heat maps, densities, numbers.

    Exits with 3 when some pictures were broken; all others are done. The same command goes on where it was stopped.
    """
    from app import predict as machinery
    from export.runtime import Predictor

    paths = machinery.find(sources, output)
    predictor = Predictor(model, provider=provider, threads=None if len(paths) == 1 else 1)
    slices = bool(predictor.contract.slices)
    out = machinery.Output(output, machinery.name(paths), formats, opacity, palette, slices)
    todo = [path for path in paths if overwrite or not all(file.exists() for file in out.files(path))]
    try:
        broken = machinery.watch(machinery.run(predictor, todo, out, condition), len(todo))
    except KeyboardInterrupt:
        raise Stopped("Stopped; the same command goes on from here.") from None
    skipped = len(paths) - len(todo)
    words = [f"{len(todo) - broken} done"]
    words += [f"{skipped} skipped that were there (--overwrite writes them anew)"] * bool(skipped)
    words += [f"{broken} broken"] * bool(broken)
    click.echo(f"{', '.join(words)}; {output} ({predictor.contract.name} on {predictor.provider})")
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
    from app import train as machinery

    try:
        machinery.train(recipe, flags)
    except machinery.Paused as paused:
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
def export(
    source: str,
    name: str | None,
    output: Path | None,
    licence: str | None,
    training: tuple[str, ...],
    evaluations: tuple[Path, ...],
    mirror: bool,
) -> None:
    """Write ONNX that agrees with PyTorch, and the weights beside it as safetensors."""
    from app import publish as machinery

    click.echo(machinery.export(source, name, output, licence, training, evaluations, mirror))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("flags", nargs=-1, type=click.UNPROCESSED, metavar="[FLAGS OF STREAMLIT]...")
def app(flags: tuple[str, ...]) -> None:
    """Open the app in the browser."""
    import os
    import sys

    script = str(Path(__file__).with_name("main.py"))
    os.execv(sys.executable, [sys.executable, "-P", "-m", "streamlit", "run", script, *flags])


@main.command()
def models() -> None:
    """List the models that can predict; exits with 3 when some are broken."""
    from rich.console import Console
    from rich.table import Table

    from export.runtime import Predictor
    from export.runtime import models as known

    table = Table("name", "what it does", "MB", "licence", "scores", box=None, pad_edge=False)
    broken = 0
    for path in known():
        try:
            contract = Predictor(path, provider="cpu", threads=1).contract
        except GazeError as error:
            broken += 1
            click.echo(f"Error: {error}", err=True)
            continue
        scores = [
            f"{name}: " + " ".join(f"{score} {value:.3g}" for score, value in values.items())
            for name, values in contract.scores.items()
        ]
        size = f"{path.stat().st_size / 1e6:.1f}"
        table.add_row(contract.name, contract.description, size, contract.licence, "\n".join(scores))
    if not table.rows and not broken:
        raise GazeError("There are no models yet; make one with `gaze export`.")
    terminal = Console()
    (terminal if terminal.is_terminal else Console(width=160)).print(table)
    if broken:
        raise SystemExit(3)


@main.group(cls=Group)
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


@main.group(cls=Group)
def data() -> None:
    """Look after data sets."""


@data.command()
@click.argument("root", type=click.Path(path_type=Path))
@click.option("--count", default=60, show_default=True, help="Pictures.")
@click.option("--seed", default=0, show_default=True)
def synthetic(root: Path, count: int, seed: int) -> None:
    """Make a small set of pictures and viewers from a seed, to try things on."""
    from data import synthetic as machinery

    machinery.write(root, count, seed)
    click.echo(f"{root}: {count} pictures")


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


if __name__ == "__main__":
    main()
