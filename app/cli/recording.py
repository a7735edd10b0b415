"""The command `gaze data recording`: eye trackers' files and the pictures that were shown become a data set."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.choices import TableChoice
from app.cli.echo import echo
from data.errors import GazeError, RecordingError

if TYPE_CHECKING:
    from data.gaze import Fixations, Samples
    from data.recorders import Setup


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
    from data.recorders import PicturesByName, detect_format, read_map, to_scanpaths
    from data.table import recordings
    from data.table.write import write_table

    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise RecordingError(f"{output}: exists already; give a new folder.")
    broken: list[str] = []
    strange: list[str] = []
    report = to_scanpaths.Report()
    stimuli = read_map(options["stimuli"], _tell) if options["stimuli"] else {}
    names = ("method", "placed", "initial", "repeats")
    chosen = {name: options[name] for name in names} | ({"seconds": options["seconds"]} if options["seconds"] else {})
    samples = _samples(detect_format.files(files, _tell), files, (broken, strange), options)
    try:
        by_name = PicturesByName(pictures, stimuli)
        items = to_scanpaths.scanpaths(samples, by_name, report=report, tell=_tell, **chosen)
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


def _samples(
    files: list[Path], given: tuple[Path, ...], bad: tuple[list[str], list[str]], options: dict[str, Any]
) -> Iterator["Samples | Fixations"]:
    """All trials of all files; what is wrong with a file that gives none is told of and added to `bad`.

    That is two lists: of broken files, and of those that lie in a folder and are no recordings.
    """
    from data.recorders import UnlikeError, recording_names

    setup, pattern, names = _setup(options), _pattern(options["names"]), recording_names(files)
    owners: dict[str, Path] = {}
    for path in files:
        try:
            words = _words(path, pattern, options, names[path])
            trials = _trials(path, setup, words or (names[path], ""), options)
            if not words:
                raise RecordingError(f"{path}: its name does not fit --names {options['names']}; mend one of them.")
            if any(trial.subject == names[path] for trial in trials) and "{subject}" not in options["names"]:
                first = owners.setdefault(names[path], path)
                if first != path:
                    raise RecordingError(f"{path}: named like {first}, so whose it is cannot be told; rename one.")
        except GazeError as error:
            if isinstance(error, UnlikeError) and path not in given:
                bad[1].append(str(error))
                _tell(f"{error} It is left out.")
                continue
            bad[0].append(str(error))
            echo(f"skipped: {error}", err=True)
        else:
            yield from trials
            del trials  # before the next file is read


def _words(path: Path, pattern: re.Pattern[str] | None, options: dict[str, Any], label: str) -> tuple[str, str] | None:
    """Subject and stimulus, as far as the name of a file says them; None where it does not fit the pattern."""
    from data.recorders import stem

    named = pattern.fullmatch(stem(path)) if pattern else None
    if pattern and not named:
        return None
    words = named.groupdict() if named else {}
    return words.get("subject") or label, words.get("stimulus") or options["stimulus"]


def _trials(path: Path, setup: "Setup", words: tuple[str, str], options: dict[str, Any]) -> list["Samples | Fixations"]:
    from data.recorders import detect_format, stem

    name = options["format_name"] or detect_format.detect(path)
    own = {key: options[key] for key in detect_format.reader_options(name) if options.get(key) is not None}
    if "columns" in own:
        own["columns"] = _columns(own["columns"])
    # Where the file's name says the person, several files of sub-01 are one person's.
    subject = "" if detect_format.recorder(name).subject_in_name and words[0] == stem(path) else words[0]
    read = detect_format.modules()[name].read
    own["stimulus_column"] = options["stimulus_column"]
    trials = [
        replace(trial, recording=path.name)
        for trial in read(path, setup, subject=subject, stimulus=words[1], tell=_tell, **own)
    ]
    if options["stimulus"] and words[1] == options["stimulus"]:
        _tell_named(path, [trial.stimulus for trial in trials], options["stimulus"])
    return trials


def _tell_named(path: Path, stimuli: list[str], given: str) -> None:
    """Tells where a file names what was shown, so that it is not all on the picture that was given for it."""
    named = Counter(stimulus for stimulus in stimuli if stimulus not in ("", given))
    if not named:
        return
    few = ", ".join(map(repr, list(named)[:3])) + ", ..." * (len(named) > 3)
    rest = len(stimuli) - named.total()
    _tell(
        f"{path}: it names itself what {named.total()} trials were of ({few}), so --stimulus is not used for them"
        + (f", but for {rest} others." if rest else ".")
    )


def _setup(options: dict[str, Any]) -> "Setup":
    from data.recorders import Setup

    width, height = _pair("--screen", options["screen"], "1024x768")
    wide, high = _pair("--screen-cm", options["screen_cm"], "38x30")
    return Setup(round(width or 0) or None, round(height or 0) or None, wide, high, options["distance_cm"])


def _pair(flag: str, value: str, example: str) -> tuple[float, float] | tuple[None, None]:
    if not value:
        return None, None
    match = re.fullmatch(r"\s*(\d+\.?\d*)\s*[xX×,]\s*(\d+\.?\d*)\s*", value)
    if not match or not (float(match[1]) > 0 and float(match[2]) > 0):
        raise RecordingError(f"{flag} is {value!r}; write width and height, as in {flag} {example}.")
    return float(match[1]), float(match[2])


def _pattern(names: str) -> re.Pattern[str] | None:
    r"""The regular expression of a pattern of names; words other than subject and stimulus stand for anything.

    >>> _pattern("img__{subject}_img_{stimulus}").fullmatch("img__TH34_img_vy").groupdict()
    {'subject': 'TH34', 'stimulus': 'vy'}
    >>> _pattern("{subject}_block{number}").fullmatch("anna_block2").groupdict()
    {'subject': 'anna'}
    """
    if not names:
        return None
    parts = re.split(r"\{(\w+)\}", names)
    said = [part for part in parts[1::2] if part in ("subject", "stimulus")]
    if not said or len(set(said)) < len(said):
        raise RecordingError(
            f"--names is {names!r}; write {{subject}} and {{stimulus}} once, as in {{subject}}_{{stimulus}}."
        )
    groups = [f"(?P<{part}>.+?)" if part in said else ".+?" for part in parts[1::2]] + [""]
    return re.compile("".join(re.escape(part) + group for part, group in zip(parts[::2], groups, strict=True)))


def _columns(value: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in value.split(",") if value else []:
        role, mark, name = entry.partition("=")
        if not mark or not name.strip():
            raise RecordingError(f"--columns has {entry!r}; write time=NAME,x=NAME,y=NAME.")
        found[role.strip()] = name.strip()
    return found
