"""The commands `gaze evaluate TASK`, one a task, and `gaze evaluate search`."""

import pkgutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from app.cli.errors import Group
from app.tasks import TASKS
from data.errors import GazeError

if TYPE_CHECKING:
    from evaluation.report.text import Form
    from evaluation.results import Evaluation

ROOT = click.option("--data", "root", type=click.Path(path_type=Path), required=True, help="A set in the table format.")
CONDITION = click.option(
    "--condition", help="Viewing condition; by default the set's name where the model knows it, else any."
)
FORM = click.option(
    "--format",
    "form",
    default="table",
    show_default=True,
    type=click.Choice(["table", "markdown", "csv", "json"]),
    help="Of what is printed; json has everything, also picture by picture.",
)
OUTPUT = (
    FORM,
    click.option(
        "--per-picture", metavar="FILE.csv", type=click.Path(path_type=Path), help="Each picture's, or clip's, scores."
    ),
    click.option(
        "--html", metavar="FILE.html", type=click.Path(path_type=Path), help="A report: one page, no network."
    ),
    click.option(
        "--against",
        metavar="MODEL|ROW",
        help="Compare every other row with this one, picture by picture or clip by clip.",
    ),
    click.option(
        "--worst",
        default=3,
        show_default=True,
        type=click.IntRange(0),
        help="Name so many pictures or clips where a model is worst, and best.",
    ),
)


def output(command: Callable[..., None]) -> Callable[..., None]:
    """The options of what is written."""
    for option in reversed(OUTPUT):
        command = option(command)
    return command


OTHERS = {"search": "app.cli.evaluate_search:search"}


class Evaluations(Group):
    """A command for each task, which the task's record names, and for what no task has."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the tasks."""
        return [*TASKS, *OTHERS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a task."""
        if cmd_name in OTHERS:
            found: click.Command = pkgutil.resolve_name(OTHERS[cmd_name])
            return found
        return TASKS[cmd_name].load("evaluation") if cmd_name in TASKS else None


@click.group(cls=Evaluations)
def evaluate() -> None:
    """Score models beside chance and beside the people themselves."""


@click.command()
@ROOT
@click.option(
    "--model",
    "names",
    multiple=True,
    metavar="NAME|FILE.onnx|FOLDER_OF_MAPS",
    help="May be given twice; none is chance and people.  [default: every saliency model of `gaze models`]",
)
@click.option("--split", default="test", show_default=True, help="A split of splits.json, or all.")
@CONDITION
@click.option(
    "--seconds",
    type=click.FloatRange(0, 60, min_open=True),
    help="For which pictures were shown.  [default: whole seconds, as the trials tell]",
)
@click.option("--sigma", default=15.36, show_default=True, type=click.FloatRange(0, min_open=True), help="Pixels.")
@click.option("--slices", is_flag=True, help="Score each second too, beside the model's own time-blind density.")
@click.option("--baselines/--no-baselines", default=True, show_default=True, help="Spectral, Itti-Koch, graph-based.")
@click.option("--limit", type=click.IntRange(1), help="Pictures at most, evenly spread.")
@click.option("--workers", type=click.IntRange(1), help="Processes; scores are the same.  [default: one a core]")
@output
def saliency(**options: Any) -> None:
    """CC, NSS, SIM, KL, AUC, sAUC and information gain, with 95 % intervals over pictures."""
    from evaluation.saliency import protocol

    _score(protocol, **options)


@click.command()
@ROOT
@click.option(
    "--model",
    "names",
    multiple=True,
    help="May be given twice; walk goes over tempsal's density, eccnet searches places, none is people and chance.  "
    "[default: oat-search "
    "or oat-free]",
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
    metavar="file|found|proto|found+text|FILE.json|grid:RxC",
    help="file is objects.json.  [default: file; a grid or found where it names fewer than two objects a picture]",
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
@click.option("--target-known", is_flag=True, help="Models and chance know which object is the target.")
@click.option("--told", is_flag=True, hidden=True)
@CONDITION
@output
def scanpath(
    root: Path,
    names: tuple[str, ...],
    against: str | None,
    form: "Form",
    per_picture: Path | None,
    html: Path | None,
    worst: int,
    told: bool,
    **settings: Any,
) -> None:
    """Sequence score, bits per fixation, MultiMatch and search, beside chance and people, with 95 % intervals."""
    from evaluation.scanpath import protocol as scanpath_protocol
    from evaluation.scanpath.trials import Settings

    check_places(per_picture, html)
    if told:
        click.echo("--told is now called --target-known; use that name.", err=True)
        settings["target_known"] = True
    result = scanpath_protocol.evaluate(root, _given(names), Settings(**settings), against=against)
    _tell(result, form, per_picture, html, worst)


@click.command()
@click.option(
    "--data",
    "root",
    type=click.Path(path_type=Path),
    required=True,
    help="A set of videos with gaze, in any layout that gaze reads; of a still set in the table format clips are made.",
)
@click.option("--layout", help="Of the set.  [default: told by its folder]")
@click.option(
    "--model",
    "names",
    multiple=True,
    metavar="NAME|FILE.onnx",
    help="Of pictures or of videos; may be given twice, none is the centre and people.  [default: tempsal-fast and "
    "every video model of `gaze models`]",
)
@click.option("--split", default="test", show_default=True, help="A split of the set, or all.")
@CONDITION
@click.option("--every", default=5, show_default=True, type=click.IntRange(1), help="Score every so-manyth frame.")
@click.option(
    "--side", default=640, show_default=True, type=click.IntRange(16), help="Pixels: larger frames are scored smaller."
)
@click.option("--challenge", is_flag=True, help="Score as the script of the AIM and NTIRE challenges, slips and all.")
@click.option("--limit", type=click.IntRange(1), metavar="CLIPS", help="Clips at most, evenly spread.")
@click.option("--workers", type=click.IntRange(1), help="Processes; scores are the same.  [default: one a core]")
@output
def video(**options: Any) -> None:
    """AUC, CC, SIM and NSS in videos, beside the centre and people, with 95 % intervals over clips."""
    from evaluation.video import protocol

    _score(protocol, **options)


@click.command()
@click.option(
    "--data",
    "root",
    type=click.Path(path_type=Path),
    required=True,
    help="A set of people whose gaze is known, in any layout that gaze reads.",
)
@click.option("--layout", help="Of the set.  [default: told by its folder]")
@click.option(
    "--model",
    "names",
    multiple=True,
    metavar="cone|NAME|FILE.onnx",
    help="That follows gaze, or a saliency model; may be given twice, none is priors and annotators.  [default: "
    "tempsal, cone, and every following model of `gaze models`]",
)
@click.option(
    "--head-pose",
    multiple=True,
    metavar="FILE.onnx",
    help="Tells the cone where heads face; of several the mean is taken.",
)
@click.option("--split", default="test", show_default=True, help="A split of the set, or all.")
@click.option(
    "--side",
    default=1024,
    show_default=True,
    type=click.IntRange(16),
    help="Pixels: larger pictures are scored smaller.",
)
@click.option("--limit", type=click.IntRange(1), metavar="HEADS", help="Heads at most, evenly spread.")
@click.option("--workers", type=click.IntRange(1), help="Processes; scores are the same.  [default: one a core]")
@output
def following(**options: Any) -> None:
    """AUC, distances and in/out precision of what people in pictures look at, with 95 % intervals over heads."""
    from evaluation.following import protocol

    _score(protocol, **options)


def _score(
    protocol: ModuleType,
    root: Path,
    names: tuple[str, ...],
    against: str | None,
    workers: int | None,
    form: "Form",
    per_picture: Path | None,
    html: Path | None,
    worst: int,
    **settings: Any,
) -> None:
    """Scores by a protocol that shares its work among processes, and tells the result."""
    from app.cli import console
    from export.runtime.session import cores

    check_places(per_picture, html)
    chosen = protocol.Settings(**settings)
    result = protocol.evaluate(
        root, _given(names), chosen, against=against, workers=workers or cores(), track=console.track
    )
    _tell(result, form, per_picture, html, worst)


def _given(names: tuple[str, ...]) -> list[str] | None:
    """The models that are asked for; None is what ships."""
    return [name for name in names if name != "none"] if names else None


def check_places(*files: Path | None) -> None:
    """Says before the work, not after it, that a file cannot be written.

    Raises:
        GazeError: One of them lies in no folder, or is one.
    """
    for file in files:
        if file and (file.is_dir() or not file.absolute().parent.is_dir()):
            raise GazeError(f"{file}: cannot be written there; name a file in a folder that exists.")


def _tell(result: "Evaluation", form: "Form", per_picture: Path | None, html: Path | None, worst: int) -> None:
    """Writes the files that are asked for, and prints."""
    from evaluation.report.text import render_text, write_per_picture

    if per_picture:
        write_per_picture(result, per_picture)
    if html:
        from evaluation.report.html import write_report

        write_report(result, html, worst)
    click.echo(render_text(result, form, worst), nl=False)
