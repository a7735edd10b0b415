"""The command line: `gaze COMMAND`. A command parses, calls once, prints; what it needs is loaded when it runs."""

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

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

    Exits with 3 when some pictures were broken; all others are done. The same command goes on where it was stopped.
    """
    from app import job as machinery
    from app.predict import watch

    asked = click.get_current_context().get_parameter_source
    given = {name for name in options if asked(name) == ParameterSource.COMMANDLINE}
    job = machinery.job(task, given, sources, output, **options)
    todo = [path for path in job.paths if overwrite or not all(file.exists() for file in job.files(path))]
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
    from app import publish as machinery

    known = {key: value for key, value in decoding.items() if value is not None}
    click.echo(machinery.export(source, name, output, licence, training, evaluations, mirror, known))


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

    from export import runtime

    table = Table("name", "what it does", "MB", "licence", "scores", box=None, pad_edge=False)
    broken = 0
    for path in runtime.models():
        try:
            contract = runtime.contract(path)
        except GazeError as error:
            broken += 1
            click.echo(f"Error: {error}", err=True)
            continue
        scores = [
            f"{name}: " + " ".join(f"{score} {value:.3g}" for score, value in values.items())
            for name, values in contract.headlines.items()
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


@main.group(cls=Group)
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


if __name__ == "__main__":
    main()
