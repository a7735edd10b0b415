"""`gaze bench`: how quick and how large exported models are on this machine."""

import json
from typing import TYPE_CHECKING, Any

import click

from app.cli.choices import TableChoice
from app.cli.echo import echo
from data.errors import GazeError

if TYPE_CHECKING:
    from rich.table import Table

    from export.runtime.bench.measure import Machine, Result

NOTES = """The columns:

\b
  p50, p95      milliseconds in which half, and 95 of 100, of the runs of the graph are done; the pictures
                lie on their canvas already. Of a video model: a frame of so many videos. Of a scanpath model:
                a scene of 30 objects, and a step of 20 observers; of eccnet a picture, and a fixation.
  a second      pictures, frames, scenes, or steps of one observer, by p50.
  GFLOP         of a run: convolutions and matrix products, a multiplication and an addition are two.
  peak %        of what this machine can do: the time that these operations would take at the rate of a
                matrix product (NumPy, 1024 x 1024), those of depth-wise convolutions at the rate of 192
                filters of 3 x 3 (OpenCV), both in float32 and measured in the same run, divided by p50.
                On the CPU alone; int8 may pass 100.
  cold s        a fresh process until its first picture is predicted: import, load, predict.
  peak MB       most memory that this process had.
  file MB       of the model, of a scanpath model both files.
"""


@click.command(epilog=NOTES)
@click.argument("models", nargs=-1, metavar="[MODEL|FILE.onnx]...")
@click.option("--provider", default="auto", show_default=True, type=TableChoice("export.runtime.providers:NAMES"))
@click.option("--batch", default="1,8", show_default=True, metavar="N,...", help="Pictures in one run.")
@click.option("--threads", type=click.IntRange(1, 1024), help="Of one run.  [default: one a core]")
@click.option("--seconds", default=2.0, show_default=True, type=click.FloatRange(0, 3600), help="For each measurement.")
@click.option("--format", "form", default="table", show_default=True, type=click.Choice(["table", "json"]))
def bench(models: tuple[str, ...], provider: str, batch: str, threads: int | None, seconds: float, form: str) -> None:
    """Measure models on this machine, by default all of `gaze models`.

    Warns when other processes keep the machine busy, for then no figure holds. Exits with 3 when some models are
    broken; all others are measured.
    """
    from app.cli import console
    from export.runtime import providers, registry
    from export.runtime.bench import measure
    from export.runtime.session import cores

    batches = numbers(batch)
    names = models or tuple(str(path) for path in registry.models())
    if not names:
        raise GazeError("There are no models yet; make one with `gaze export`.")
    providers.check(provider)
    threads, results, broken = threads or cores(), [], 0
    here = measure.machine(threads)
    with console.bar(transient=True, shown=len(names) > 1) as tell:
        warn(here.busy, tell)
        for done, name in enumerate(names):
            tell("models", done, len(names))
            try:
                results.append(measure.measure(name, batches, seconds, provider, threads, here.yardsticks))
            except GazeError as error:
                broken += 1
                tell.say(f"Error: {error}")
    if form == "json":
        echo(json.dumps({"machine": here.model_dump(), "models": [each.model_dump() for each in results]}, indent=2))
    elif results:
        echo(words(here))
        console.show(table(results))
    if broken:
        raise SystemExit(3)


def numbers(text: str) -> tuple[int, ...]:
    """Numbers of pictures, each once, as a person gives them.

    >>> numbers("1, 8,1")
    (1, 8)

    Raises:
        GazeError: One is no number, or not from 1 to 1024.
    """
    try:
        found = tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        found = ()
    if not found or min(found) < 1 or max(found) > 1024:
        raise GazeError(f"The batch is {text!r}, but should be numbers from 1 to 1024, such as 1,8 (--batch).")
    return found


def warn(busy: float | None, tell: Any) -> None:
    """Says that other processes use the machine."""
    from export.runtime.bench.machine import BUSY

    if busy is not None and busy > BUSY:
        tell.say(f"Other processes use {busy:.0%} of this machine, so no figure here holds; stop them first.")


def words(here: "Machine") -> str:
    """The machine in one line."""
    sticks = here.yardsticks
    threads = f"{here.threads} thread{'s' * (here.threads != 1)} of {here.cores} cores"
    rates = f"matrix product {sticks.matmul:.0f} and depth-wise convolution {sticks.depthwise:.1f} GFLOP a second"
    return f"{here.processor}, {threads}, ONNX Runtime {here.onnxruntime}; {rates}\n"


def table(results: "list[Result]") -> "Table":
    """A line for each run; what is true of a model as a whole stands in its first line."""
    from rich.markup import escape
    from rich.table import Table

    from data.plain_text import visible

    columns = ("model", "provider", "graph", "batch", "p50 ms", "p95 ms", "a second", "GFLOP", "peak %")
    made = Table(box=None, pad_edge=False)
    for name in (*columns, "cold s", "peak MB", "file MB"):
        made.add_column(name, justify="left" if name in columns[:3] else "right")
    for result in results:
        memory = "unknown" if result.cold.peak_mb is None else f"{result.cold.peak_mb:.0f}"
        whole = (f"{result.cold.total_s:.2f}", memory, f"{result.file_mb:.1f}")
        for number, run in enumerate(result.runs):
            share = "" if run.peak_share is None else f"{100 * run.peak_share:.0f}"
            first = (escape(visible(result.model)), result.provider) if not number else ("", "")
            made.add_row(
                *first,
                run.graph,
                str(run.batch),
                f"{run.latency.p50_ms:.2f}",
                f"{run.latency.p95_ms:.2f}",
                f"{run.per_second:.1f}",
                f"{run.gflop.total:.3f}",
                share,
                *(whole if not number else ()),
            )
    return made
