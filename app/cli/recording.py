"""The command `gaze data recording`: eye trackers' files and the pictures that were shown become a data set."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.choices import TableChoice
from app.cli.echo import echo
from data.errors import GazeError, RecordingError

if TYPE_CHECKING:
    from data.recorders.read_recordings import Reading


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|FOLDER...")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="New folder, in the table format.")
@click.option("--pictures", type=click.Path(path_type=Path), required=True, help="Folder of the pictures shown.")
@click.option(
    "--format", "format_name", type=TableChoice("data.recorders:RECORDERS"), help="Of the files.  [default: guessed]"
)
@click.option(
    "--screen",
    metavar="WxH",
    default="",
    help="Pixels of the screen, such as 1024x768; of glasses, of their camera's view.",
)
@click.option("--screen-cm", metavar="WxH", default="", help="Its size in cm, such as 38x30.")
@click.option("--distance-cm", type=float, help="From the eye to the screen.")
@click.option(
    "--placed", default="centre", show_default=True, metavar="centre|fit|fill|X,Y,W,H", help="Where it was shown."
)
@click.option(
    "--method",
    default="adaptive",
    show_default=True,
    type=TableChoice("data.events.detect:METHODS"),
    help="To find fixations.",
)
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="How much of each trial.  [default: all]")
@click.option("--initial", is_flag=True, help="Keep the fixation that was under way when the picture came.")
@click.option(
    "--repeats",
    default="first",
    show_default=True,
    type=TableChoice("data.recorders.to_scanpaths:REPEATS"),
    help="Trials of one person on one picture.",
)
@click.option("--names", default="", metavar="PATTERN", help="What file names say, such as {subject}_{stimulus}.")
@click.option("--stimulus", default="", metavar="NAME", help="The picture, where neither file nor name says it.")
@click.option(
    "--stimulus-column", default="", metavar="NAME", help="Of the pictures' names, in the file or its events."
)
@click.option(
    "--map", "stimuli", type=click.Path(path_type=Path), metavar="CSV", help="Recorded names and their pictures."
)
@click.option("--columns", default="", metavar="time=NAME,x=NAME,...", help="csv: also y, subject, stimulus, trial.")
@click.option(
    "--time-unit", type=TableChoice("data.recorders:TIME_UNITS"), help="csv, tobii: of the time.  [default: guessed]"
)
@click.option(
    "--unit", type=TableChoice("data.recorders:GAZE_UNITS"), help="csv, tobii: of x and y.  [default: guessed]"
)
@click.option(
    "--origin",
    default="topleft",
    show_default=True,
    type=TableChoice("data.recorders.delimited:ORIGINS"),
    help="csv: what x and y count from; PsychoPy's upwards from the centre.",
)
@click.option(
    "--eye",
    default="auto",
    show_default=True,
    type=TableChoice("data.recorders.eyelink:EYES"),
    help="eyelink: which.",
)
@click.option("--margin", default=0.0, show_default=True, help="eyelink: milliseconds lost around a blink.")
@click.option("--onset", metavar="REGEX", help="eyelink: the message of the picture's onset.")
@click.option("--end", metavar="REGEX", help="eyelink: the message at which the picture goes.")
@click.option("--confidence", default=0.6, show_default=True, help="pupil: below it a sample is lost.")
def recording(files: tuple[Path, ...], output: Path, pictures: Path, **options: Any) -> None:
    """Make a data set of eye trackers' recordings and the pictures that were shown, to train on.

    Exits with 3 when some files were broken; all others are in the data set.
    """
    from data.recorders import PicturesByName, UnlikeError, detect_format, read_map, recording_names, to_scanpaths
    from data.recorders.read_recordings import read_recordings
    from data.table import recordings
    from data.table.write import write_table

    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise RecordingError(f"{output}: exists already; give a new folder.")
    broken: list[Path] = []
    strange: list[Path] = []

    def skip(path: Path, error: GazeError) -> None:
        if isinstance(error, UnlikeError) and path not in files:
            strange.append(path)  # told as a note
            return
        broken.append(path)
        echo(f"skipped: {error}", err=True)

    report = to_scanpaths.Report()
    stimuli = read_map(options["stimuli"], _tell) if options["stimuli"] else {}
    chosen = ("method", "placed", "initial", "repeats")
    how = {name: options[name] for name in chosen} | ({"seconds": options["seconds"]} if options["seconds"] else {})
    names = recording_names(detect_format.files(files, _tell))
    samples = read_recordings(names, _reading(options), files, _tell, skip)
    try:
        by_name = PicturesByName(pictures, stimuli)
        items = to_scanpaths.scanpaths(samples, by_name, report=report, tell=_tell, **how)
    except GazeError:
        if (broken or strange) and not (report.samples or report.unknown or report.empty):
            raise RecordingError("No file could be read, so no data set was made; mend them as said above.") from None
        raise
    write_table(output, items)
    recordings.write(output, report.recordings, options["method"])
    echo(str(report))
    people = {path.subject for _, paths in items for path in paths}
    echo(f"{output}: {len(items)} pictures, {len(people)} people; train with --data.root {output}")
    if broken:
        raise SystemExit(3)


def _tell(sentence: str) -> None:
    echo(f"note: {sentence}", err=True)


def _reading(options: dict[str, Any]) -> "Reading":
    from data.recorders import Setup
    from data.recorders.read_recordings import Reading

    width, height = _pair("--screen", options["screen"], "1024x768")
    wide, high = _pair("--screen-cm", options["screen_cm"], "38x30")
    return Reading(
        Setup(round(width or 0) or None, round(height or 0) or None, wide, high, options["distance_cm"]),
        options["format_name"] or "",
        options["names"],
        options["stimulus"],
        options["stimulus_column"],
        options | {"columns": _columns(options["columns"])},
    )


def _pair(flag: str, value: str, example: str) -> tuple[float, float] | tuple[None, None]:
    if not value:
        return None, None
    match = re.fullmatch(r"\s*(\d+\.?\d*)\s*[xX×,]\s*(\d+\.?\d*)\s*", value)
    if not match or not (float(match[1]) > 0 and float(match[2]) > 0):
        raise RecordingError(f"{flag} is {value!r}; write width and height, as in {flag} {example}.")
    return float(match[1]), float(match[2])


def _columns(value: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in value.split(",") if value else []:
        role, mark, name = entry.partition("=")
        if not mark or not name.strip():
            raise RecordingError(f"--columns has {entry!r}; write time=NAME,x=NAME,y=NAME.")
        found[role.strip()] = name.strip()
    return found
