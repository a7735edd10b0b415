"""The commands `gaze data ...`: look after data sets."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.choices import TableChoice
from app.cli.echo import echo
from app.cli.errors import Group, Stopped
from app.cli.recording import recording
from data.errors import GazeError

if TYPE_CHECKING:
    from app.cli.console import Bar

FORMAT = click.option("--format", "form", default="table", show_default=True, type=click.Choice(["table", "json"]))


@click.group(cls=Group)
def data() -> None:
    """Look after data sets."""


@data.command("list")
@FORMAT
def catalogue(form: str) -> None:
    """List the public data sets that gaze reads: what they are, their licences, where to get them."""
    from rich.table import Table

    from app.cli import console
    from data.datasets import CLIPS, PEOPLE, READERS
    from data.datasets.catalog import PUBLISHED

    if form == "json":
        entries = {
            name: {
                **asdict(it),
                "reader": READERS.get(name),
                "clips": CLIPS.get(name),
                "heads": PEOPLE.get(name),
                "files": [file.url for file in it.files],
                "download": bool(it.files),
            }
            for name, it in PUBLISHED.items()
        }
        click.echo(json.dumps(entries, indent=1, ensure_ascii=False))
        return
    numbers = ("pictures", "people", "seconds")
    table = Table(box=None, pad_edge=False, row_styles=["", "dim"])
    for column in ("set", *numbers, "commercial", "what it is"):
        table.add_column(column, overflow="fold", justify="right" if column in numbers else "left")
    for name, it in PUBLISHED.items():
        known = ["unknown" if getattr(it, key) is None else f"{getattr(it, key):,g}" for key in numbers]
        size = "size unknown" if it.size is None else f"{it.size:,g} MB"
        how = f"gaze data get {name} FOLDER" if it.files else it.access
        lines = (f"{it.title}: {it.what}", f"Licence: {it.licence}", f"{size}; {how}", it.url, it.citation)
        table.add_row(name, *known, it.commercial, "\n".join(lines))
    console.show(table)


@data.command()
@click.argument("name", metavar="SET")
@click.argument("out", type=click.Path(path_type=Path))
def get(name: str, out: Path) -> None:
    """Download a public data set in its authors' layout, where that is allowed; `gaze data convert` comes after it.

    Read the licence that `gaze data list` names first. The same command goes on where it was stopped.
    """
    from app.cli import console
    from data.datasets import convert, download

    published = convert.published(name)
    with _goes_on(), console.bar(of_bytes=True) as bar:
        arrived = download.get(published, out, bar)
    for file in arrived:
        checked = "its md5 is the published one" if file.checked else "no checksum is published"
        echo(f"{file.name}: {file.size:,} bytes, {checked}; sha256 {file.sha256}")
    echo(f"{out}: {published.title}, licence {published.licence}; cite {published.citation}")
    echo(f"Go on with: gaze data convert {name} {out} FOLDER")


@data.command("convert")
@click.argument("name", metavar="SET")
@click.argument("root", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Of the set's reader; may be repeated.")
def conversion(name: str, root: Path, out: Path, options: tuple[str, ...]) -> None:
    """Convert a public data set into gaze's table format; exits with 1 when the validator finds defects in it.

    The same command goes on where it was stopped.
    """
    from app.cli import console
    from data.datasets import convert
    from data.table.write import write_table

    counts: Counter[str] = Counter()
    with _goes_on(), console.bar() as bar:
        parts = convert.read(name, root, options)
        write_table(out, _counted(parts.items, counts, bar), parts.splits, parts.objects, keep=True)
    words = ", ".join(f"{counts[key]:,} {key}" for key in ("pictures", "scanpaths", "fixations"))
    echo(f"{out}: {words}" + (f"; splits {', '.join(parts.splits)}" if parts.splits else ""))
    defects = _check(out)
    _verdict(out, defects, f"; `gaze data check {out}` names them" if defects else "")


@data.command()
@click.argument("root", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File for the drawings, ending in .png.")
@FORMAT
def show(root: Path, output: Path | None, form: str) -> None:
    """Tell what a data set in gaze's table format holds, in numbers and with -o in drawings.

    A set made of recordings also shows how well each was measured: samples, loss, rate and noise.
    """
    from app.cli import console
    from data.table import plot, recordings, summary
    from data.table.read import read_table

    if output and output.suffix.lower() != ".png":
        raise GazeError(f"{output}: the drawings are written as PNG; give a name that ends in .png.")
    found = summary.summarise(read_table(root))
    told, measured = summary.numbers(found), recordings.read(root)
    if form == "json":
        click.echo(json.dumps(told | ({"recordings": measured} if measured else {}), indent=1))
    else:
        console.show(console.summary(told))
        if measured:
            console.show(console.rows(measured))
    if output:
        plot.write(found, root.resolve().name, output)
        echo(str(output), err=form == "json")


@data.command()
@click.argument("root", type=click.Path(path_type=Path))
@click.option("--count", default=60, show_default=True, type=click.IntRange(1), help="Pictures, or drives.")
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--kind",
    default="pictures",
    show_default=True,
    type=click.Choice(["pictures", "search", "free", "drives", "onlookers"]),
    help="Pictures, layouts of objects that are searched or looked at freely, videos of drives, or people who look at "
    "things.",
)
def synthetic(root: Path, count: int, seed: int, kind: str) -> None:
    """Make a small set of pictures or drives and their viewers from a seed, to try things on."""
    if kind == "drives":
        from data.video import made_drives

        made_drives.write(root, count, seed)
    elif kind == "onlookers":
        from data.synthetic import onlookers

        onlookers.write(root, count, seed)
    elif kind == "pictures":
        from data.synthetic import scenes as synthetic_scenes

        synthetic_scenes.write(root, count, seed)
    else:
        from data.synthetic import layouts

        layouts.write(root, count, seed, kind)
    echo(f"{root}: {count} {'drives' if kind == 'drives' else 'pictures'}")


@data.command()
@click.argument("root", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="File to write, ending in .json.")
@click.option("--model", default="tempsal", show_default=True, help="Of where people look.")
@click.option(
    "--source",
    default="found",
    show_default=True,
    type=TableChoice("export.runtime.scene_objects:SOURCES"),
    help="What the model finds, regions of one colour and density, blocks of text.",
)
def objects(root: Path, output: Path, model: str, source: str) -> None:
    """Find the objects in every picture of a set; train on them with --data.source FILE."""
    from app.cli import console
    from export.runtime.dataset_objects import write_objects

    pictures, count = write_objects(root, output, model, track=console.track, source=source)
    echo(f"{output}: {count} objects in {pictures} pictures")


@data.command()
@click.argument("root", type=click.Path(path_type=Path))
def check(root: Path) -> None:
    """Name every defect of a data set in gaze's table format; exits with 1 when there are any."""
    defects = _check(root)
    for defect in defects:
        echo(str(defect))
    _verdict(root, defects)


data.add_command(recording)


def _check(root: Path) -> Sequence[Any]:
    from app.cli import console
    from data.table.validate import check_table

    with console.bar() as bar:
        return check_table(root, lambda done, total: bar("pictures checked", done, total))


def _verdict(root: Path, defects: Sequence[Any], more: str = "") -> None:
    """How many defects there are, and where; exits with 1 when there are any."""
    counts = Counter(_place(Path(defect.file), root) for defect in defects)
    places = "; " + ", ".join(f"{count} in {place}" for place, count in counts.most_common()) if counts else ""
    echo(f"{root}: {len(defects) or 'no'} {'defect' if len(defects) == 1 else 'defects'}{places}{more}")
    if defects:
        raise SystemExit(1)


def _place(file: Path, root: Path) -> str:
    """The file or folder right below the root of a data set."""
    return file.relative_to(root).parts[0] if file.is_relative_to(root) and file != root else str(file)


def _counted(items: Iterator[Any], counts: Counter[str], bar: "Bar") -> Iterator[Any]:
    for picture, scanpaths in items:
        bar("pictures converted", counts["pictures"], None)
        counts["pictures"] += 1
        counts["scanpaths"] += sum(len(scanpath) > 0 for scanpath in scanpaths)
        counts["fixations"] += sum(map(len, scanpaths))
        yield picture, scanpaths
    bar("pictures converted", counts["pictures"], counts["pictures"])


@contextlib.contextmanager
def _goes_on() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped("Stopped; the same command goes on from here.") from None
