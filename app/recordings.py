"""The command `gaze data recording`: eye trackers' files and the pictures that were shown become a data set."""

import hashlib
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from data import RECORDERS, GazeError, RecordingError

if TYPE_CHECKING:
    from data.cut import Setup
    from data.gaze import Samples

OWN = {  # the options that a recorder knows beside the common ones
    "bids": (),
    "csv": ("columns", "time_unit", "unit"),
    "eyelink": ("eye", "margin", "onset"),
    "pupil": ("confidence",),
    "tobii": ("time_unit", "unit"),
}


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|FOLDER...")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="New folder, in the table format.")
@click.option("--pictures", type=click.Path(path_type=Path), required=True, help="Folder of the pictures shown.")
@click.option("--format", "kind", type=click.Choice(sorted(RECORDERS)), help="Of the files.  [default: guessed]")
@click.option("--screen", metavar="WxH", default="", help="Pixels of the screen, such as 1024x768.")
@click.option("--screen-cm", metavar="WxH", default="", help="Its size in cm, such as 38x30.")
@click.option("--distance-cm", type=float, help="From the eye to the screen.")
@click.option(
    "--placed", default="centre", show_default=True, metavar="centre|fit|fill|X,Y,W,H", help="Where it was shown."
)
@click.option("--method", default="adaptive", show_default=True, help="To find fixations: adaptive, ivt or idt.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="How much of each trial.  [default: all]")
@click.option("--initial", is_flag=True, help="Keep the fixation that was under way when the picture came.")
@click.option(
    "--repeats",
    default="first",
    show_default=True,
    type=click.Choice(["first", "apart"]),
    help="Trials of one person on one picture.",
)
@click.option("--names", default="", metavar="PATTERN", help="What file names say, such as {subject}_{stimulus}.")
@click.option("--stimulus", default="", metavar="NAME", help="The picture, where neither file nor name says it.")
@click.option("--columns", default="", metavar="time=NAME,x=NAME,...", help="csv: also y, subject, stimulus, trial.")
@click.option("--time-unit", default="", metavar="s|ms|us|ns", help="csv, tobii: of the time.  [default: guessed]")
@click.option("--unit", default="", metavar="px|norm|deg", help="csv, tobii: of x and y.  [default: guessed]")
@click.option("--eye", default="auto", show_default=True, metavar="auto|left|right|both", help="eyelink: which.")
@click.option("--margin", default=0.0, show_default=True, help="eyelink: milliseconds lost around a blink.")
@click.option("--onset", metavar="REGEX", help="eyelink: the message of the picture's onset.")
@click.option("--confidence", default=0.6, show_default=True, help="pupil: below it a sample is lost.")
def recording(files: tuple[Path, ...], output: Path, pictures: Path, **options: Any) -> None:
    """Make a data set of eye trackers' recordings and the pictures that were shown, to train on.

    Exits with 3 when some files were broken; all others are in the data set.
    """
    from data import recording as machinery
    from data import table

    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise RecordingError(f"{output}: exists already; give a new folder.")
    broken: list[str] = []
    report = machinery.Report()
    names = ("method", "placed", "initial", "repeats")
    chosen = {name: options[name] for name in names} | ({"seconds": options["seconds"]} if options["seconds"] else {})
    samples = _samples(_files(files), broken, options)
    try:
        items = machinery.scanpaths(samples, pictures, report=report, tell=_tell, **chosen)
    except GazeError:
        if broken and not report.samples and not report.unknown:
            raise RecordingError("No file could be read, so no data set was made; mend them as said above.") from None
        raise
    table.write(output, items)
    click.echo(str(report))
    people = {path.subject for _, paths in items for path in paths}
    click.echo(f"{output}: {len(items)} pictures, {len(people)} people; train with --data.root {output}")
    if broken:
        raise SystemExit(3)


def _tell(sentence: str) -> None:
    click.echo(f"note: {sentence}", err=True)


def _files(given: tuple[Path, ...]) -> list[Path]:
    """The files that are meant, each content once."""
    suffixes = (".asc", ".tsv", ".csv", ".txt", "physio.tsv.gz", "eyetrack.tsv.gz")
    beside = ("events.tsv", "events.csv", "annotations.csv", "participants.tsv", "channels.tsv")
    found: list[Path] = []
    for path in given:
        inside = sorted(it for it in path.rglob("*") if it.name.lower().endswith(suffixes)) if path.is_dir() else [path]
        gaze = {it.parent for it in inside if it.name.startswith("gaze")}  # Pupil Labs: its other tables are no samples
        gaze |= {folder.parent for folder in gaze if folder.name == "surfaces"}
        kept = [it for it in inside if not it.name.endswith(beside) and (it.parent not in gaze or _looks(it, gaze))]
        found += kept if path.is_dir() else inside
    if not found:
        raise RecordingError(f"{given[0]}: no recording in this folder; give files such as .asc, .tsv or .csv.")
    seen: dict[str, Path] = {}
    for path in found:
        twin = path.with_name(path.name.replace("_recording-eye2_", "_recording-eye1_"))
        if twin != path and twin in found:
            _tell(f"{path}: the other eye of {twin.name}; it is left out.")
            continue
        mark = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else str(path)
        if seen.setdefault(mark, path) is not path:
            _tell(f"{path}: the same as {seen[mark]}; it is read once.")
    return list(seen.values())


def _looks(path: Path, folders: set[Path]) -> bool:
    """Whether a table in a folder of Pupil Labs holds the gaze: on the surfaces where there are some."""
    return path.name.startswith("gaze") and path.parent / "surfaces" not in folders


def _samples(files: list[Path], broken: list[str], options: dict[str, Any]) -> Iterator["Samples"]:
    """All trials of all files; a file that is broken is told of, added to `broken`, and gives nothing."""
    setup, pattern = _setup(options), _pattern(options["names"])
    twins = Counter(path.name.split(".")[0] for path in files)
    for path in files:
        stem = path.name.split(".")[0]
        named = pattern.fullmatch(stem) if pattern else None
        words = named.groupdict() if named else {}
        subject = words.get("subject") or (f"{path.absolute().parent.name}_{stem}" if twins[stem] > 1 else "")
        stimulus = words.get("stimulus") or options["stimulus"]
        try:
            if pattern and not named:
                raise RecordingError(f"{path}: its name does not fit --names {options['names']}; mend one of them.")
            kind = options["kind"] or guess(path)
            own = {name: options[name] for name in OWN[kind] if options[name] is not None}
            if "columns" in own:
                own["columns"] = _columns(own["columns"])
            read = pkgutil.resolve_name(RECORDERS[kind])
            yield from list(read(path, setup, subject=subject, stimulus=stimulus, tell=_tell, **own))
        except GazeError as error:
            broken.append(str(error))
            click.echo(f"skipped: {error}", err=True)


def guess(path: Path) -> str:
    """The recorder for a file, from its name and its first lines."""
    from data import sheet

    name = path.name.lower()
    if re.search(r"_(physio|eyetrack)\.tsv(\.gz)?$", name):
        return "bids"
    start = sheet.text(path, lambda _: None)[:20_000]
    if name.endswith(".asc") or re.search(r"^(MSG|START|SAMPLES)\s", start, re.MULTILINE):
        return "eyelink"
    header = sheet.plain(start.lstrip().split("\n")[0])
    if "gazepointx" in header and ("recordingtimestamp" in header or "eyetrackertimestamp" in header):
        return "tobii"
    marks = ("gazetimestamp", "timestampns")
    return "pupil" if any(mark in header for mark in marks) and "norm" in header + "norm" * ("px" in header) else "csv"


def _setup(options: dict[str, Any]) -> "Setup":
    from data.cut import Setup

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
    r"""The regular expression of a pattern of names.

    >>> _pattern("img__{subject}_img_{stimulus}").fullmatch("img__TH34_img_vy").groupdict()
    {'subject': 'TH34', 'stimulus': 'vy'}
    """
    if not names:
        return None
    parts = re.split(r"\{(\w+)\}", names)
    if not set(parts[1::2]) <= {"subject", "stimulus"} or len(set(parts[1::2])) < len(parts[1::2]) or len(parts) < 3:
        raise RecordingError(
            f"--names is {names!r}; write {{subject}} and {{stimulus}} once, as in {{subject}}_{{stimulus}}."
        )
    return re.compile("".join(f"(?P<{part}>.+?)" if index % 2 else re.escape(part) for index, part in enumerate(parts)))


def _columns(value: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in value.split(",") if value else []:
        role, mark, name = entry.partition("=")
        if not mark or not name.strip():
            raise RecordingError(f"--columns has {entry!r}; write time=NAME,x=NAME,y=NAME.")
        found[role.strip()] = name.strip()
    return found
