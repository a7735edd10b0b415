"""`gaze predict`: where people look in pictures, in which order, or whatever else a task answers."""

from pathlib import Path
from typing import Any

import click

from app.cli.choices import TableChoice, given
from app.cli.echo import echo
from app.cli.errors import Stopped
from app.tasks import TASKS


@click.command()
@click.argument("sources", nargs=-1, metavar="PICTURE|VIDEO|FOLDER|GLOB...")
@click.option("-o", "--output", type=click.Path(), required=True, help="Folder for what is written.")
@click.option(
    "--task",
    default=next(iter(TASKS)),
    show_default=True,
    type=click.Choice(list(TASKS)),
    help="; ".join(f"{task.name}: {task.question}" for task in TASKS.values()) + ".",
)
@click.option(
    "--model",
    help="A name from `gaze models`, an .onnx file, or for scanpaths also walk; eccnet searches places.  [default: "
    + "; ".join(" or ".join(task.default_models) for task in TASKS.values())
    + "]",
)
@click.option(
    "--format",
    "formats",
    help="Some of png, jpg, webp, npy, json, parquet (one table of all JSON files); of videos mp4, jsonl, parquet, "
    "npz; of scanpaths png, csv, json, and of searches by eccnet npz; of following png, json, npy, npz.  "
    "[default: png,json,mp4,jsonl; of scanpaths all]",
)
@click.option("--condition", default="any", show_default=True, help="Viewing condition that the model knows.")
@click.option(
    "--accept-damaged",
    is_flag=True,
    help="Predict what is left of damaged pictures, and say in the JSON what is wrong.",
)
@click.option("--overwrite", is_flag=True, help="Write anew what is already there.")
@click.option("--provider", default="auto", show_default=True, type=TableChoice("export.runtime.providers:NAMES"))
@click.option(
    "--opacity",
    default=0.6,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Of the heat, or of where people look.",
)
@click.option("--palette", default="plasma", show_default=True, help="Colours of the heat.")
@click.option(
    "--every", default=1, show_default=True, type=click.IntRange(1), help="Look at each Nth frame of a video."
)
@click.option("--range", metavar="10s-20s", help="The part of a video that is predicted.  [default: all]")
@click.option(
    "--regions",
    default="grid:3x3",
    show_default=True,
    metavar="grid:RxC|COCO.json",
    help="Parts of a video's frames of which the share of looks is told.",
)
@click.option("--camera", metavar="NUMBER", help="Predict what a camera sees, instead of files, until Ctrl-C.")
@click.option(
    "--objects",
    default="found",
    show_default=True,
    metavar="found|proto|text|found+text|grid:RxC|COCO.json|DETECTOR.onnx",
    help="What the looks of a scanpath fall on: objects and faces that tempsal finds, regions of one colour, blocks of "
    "text (needs the extra text), cells, what a file names, what a detector finds.",
)
@click.option(
    "--detector",
    metavar="FILE.onnx",
    help="Finds the objects, the same as --objects FILE.onnx; for --task following the faces.",
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
@click.option(
    "--head",
    multiple=True,
    metavar="X,Y,W,H",
    help="The head of a person whose gaze is followed, in pixels of the one picture; may be repeated.  [default: all "
    "heads that are found]",
)
@click.option(
    "--head-pose",
    multiple=True,
    metavar="FILE.onnx",
    help="Tells where heads face, such as FSA-Net or WHENet; of several the answers are averaged.",
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 256), help="Fixations at most.")
@click.option(
    "--degrees",
    type=click.FloatRange(1, 120),
    help="Of visual angle: how wide a picture is that eccnet searches.  [default: 20, a screen from 85 cm]",
)
@click.option(
    "--engine",
    default="local",
    show_default=True,
    type=click.Choice(["local", "ray"]),
    help="ray: many processes, here or on a cluster, also from and to object stores (s3://, gs://); needs the extra "
    "ray.",
)
@click.option("--address", metavar="auto|HOST:PORT", help="A cluster of Ray that runs.  [default: one only for this]")
def predict(
    sources: tuple[str, ...], output: str, task: str, overwrite: bool, camera: str | None, **options: Any
) -> None:
    """Write where people look in pictures and videos, or with --task scanpath in which order.

    The same command goes on where it was stopped; another model, condition or option, or a changed picture, writes
    anew what it changes. Exits with 3 when some pictures were broken; all others are done.
    """
    from app.cli.console import watch
    from app.predict import jobs

    asked = {*given(options)}
    if camera is not None:
        _record(camera, sources, output, task, {*asked, *given(["overwrite"])}, options)
        return
    if not sources:
        raise click.UsageError("Missing argument 'PICTURE|VIDEO|FOLDER|GLOB...'.")
    job = jobs.job(task, asked, sources, output, **options)
    todo = job.todo(overwrite)
    try:
        broken = watch(job.run(todo), len(todo), job.steps)
    except KeyboardInterrupt:
        raise Stopped("Stopped; the same command goes on from here.") from None
    skipped = len(job.paths) - len(todo)
    words = [f"{len(todo) - broken} done"]
    words += [f"{skipped} skipped that were there (--overwrite writes them anew)"] * bool(skipped)
    words += [f"{broken} broken"] * bool(broken)
    echo(f"{', '.join(words)}; {output} ({job.model})")
    if broken:
        raise SystemExit(3)


def _record(
    camera: str, sources: tuple[str, ...], output: str, task: str, asked: set[str], options: dict[str, Any]
) -> None:
    """Predict what a camera sees until Ctrl-C."""
    from app.cli import interrupt
    from app.cli.console import bar
    from app.predict import camera as cameras

    if sources or task not in cameras.TASKS:
        raise click.UsageError("--camera stands alone; leave out files and --task.")
    cameras.check(asked, output)
    options["model"] = options["model"] or TASKS[task].default_models[0]
    job = cameras.job(camera, Path(output), **{name: options[name] for name in cameras.OPTIONS})
    echo(f"Recording from camera {camera} ({job.model}); Ctrl-C ends it.", err=True)
    try:
        with interrupt.asked() as stopped, bar() as tell:
            files, count = job.run(stopped, tell)
    except KeyboardInterrupt:
        raise Stopped(f"Stopped before anything of camera {camera} was recorded; nothing is written.") from None
    echo(f"{count} frames; {', '.join(str(file) for file in files)} ({job.model})")
