"""`gaze annotate`: which object a participant of mobile eye tracking looked at, from a few labels."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.choices import TableChoice
from app.cli.echo import echo
from app.cli.errors import Stopped
from data.errors import GazeError

if TYPE_CHECKING:
    from annotation.project import Project


@click.command()
@click.argument("video", type=click.Path(path_type=Path))
@click.argument("gaze", required=False, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder of the project.")
@click.option(
    "--fps",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0, 1000, min_open=True),
    help="Frames a second that are looked at.",
)
@click.option(
    "--objects",
    default="found",
    show_default=True,
    metavar="found|DETECTOR.onnx|BOXES.csv",
    help="What may be looked at: what the model finds, what a detector finds, or a table with "
    "time_ms,x,y,width,height.",
)
@click.option("--detector", metavar="FILE.onnx", help="Finds the objects; the same as --objects FILE.onnx.")
@click.option("--model", default="tempsal", show_default=True, help="Of where people look; it tells boxes apart.")
@click.option("--offset", default=0.0, show_default=True, metavar="S", help="Seconds added to the gaze's clock.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    help="Labels in a table: box,class or time_ms,x,y,class; with an empty class: of no interest.",
)
@click.option(
    "--export", "exported", is_flag=True, help="Write the tables from the labels so far, into OUTPUT/results."
)
@click.option("--provider", default="auto", show_default=True, type=TableChoice("export.runtime.providers:NAMES"))
def annotate(video: Path, gaze: Path | None, output: Path, labels: Path | None, exported: bool, **options: Any) -> None:
    """Find and track the objects of a mobile eye tracker's video, and tell which were fixated from a few labels.

    The same command goes on where it was stopped. Labels are given by clicks on the page Annotate (gaze app --annotate
    PROJECT), or with --labels.
    """
    from annotation.project import Project
    from app.cli import console

    if options["detector"] and options["objects"] != "found":
        raise GazeError("--objects and --detector both say where objects come from; leave one of them out.")
    objects = options.pop("detector") or options["objects"]
    how = {"fps": options["fps"], "model": options["model"], "provider": options["provider"]}
    try:
        with console.bar() as bar:
            project = Project.create(
                output, video, gaze, objects=objects, offset_s=options["offset"], progress=bar, **how
            )
    except KeyboardInterrupt:
        raise Stopped("Stopped; the same command goes on from here.") from None
    with project:
        _tell(project, labels, exported, output)


def _tell(project: "Project", labels: Path | None, exported: bool, output: Path) -> None:
    """Takes labels, writes what is wanted, and says what there is."""
    from annotation.given_labels import read_labels

    if labels is not None:
        given = read_labels(labels, project.frames, project.boxes, _note)
        known = project.labels
        project.label_all([(box, name) for box, name in given if known.get(box) != name])
        echo(f"{labels}: {len(given)} labels")
    boxes, tracks = len(project.boxes), len(set(project.boxes.track.tolist()))
    recording = project.recording
    words = "no gaze" if recording is None else f"{len(recording.onset_s)} fixations of {recording.subject}"
    if exported:
        for path in project.results(project.train()).write(output / "results"):
            echo(str(path))
    for note in project.notes:
        _note(note)
    counts = f"{len(project.frames)} frames, {boxes} boxes in {tracks} tracks, {words}, {len(project.labels)} labels"
    echo(f"{output}: {counts}")
    if not exported:
        echo(f"Label what was looked at: gaze app --annotate {output}")


def _note(sentence: str) -> None:
    echo(f"note: {sentence}", err=True)
