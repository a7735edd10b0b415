"""What the commands show while they work and when they are done: bars on a terminal, tables of numbers."""

import contextlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from app.cli import interrupt
from data.errors import PictureError
from data.plain_text import visible
from data.progress import Steps
from data.table.summary import FIVE

Item = TypeVar("Item")


class Bar:
    """A bar for each thing that is told of, and lines above the bars; names are shown as they are, never as markup."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """So much of something is done, of so much in all where that is known."""
        what = visible(what)
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._tasks[what], completed=done, total=total)

    def say(self, line: str) -> None:
        """Print a line on stderr, also where it is no terminal."""
        self._progress.console.print(visible(line), markup=False, emoji=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def bar(of_bytes: bool = False, transient: bool = False, shown: bool = True) -> Iterator[Bar]:
    """Bars on stderr where it is a terminal; nothing elsewhere. Those that are transient go when all is done."""
    console = Console(stderr=True)
    amount = (DownloadColumn(), TransferSpeedColumn()) if of_bytes else (MofNCompleteColumn(),)
    name = TextColumn("{task.description}", markup=False)
    columns = (name, BarColumn(), *amount, TimeElapsedColumn(), TimeRemainingColumn())
    hidden = not (shown and console.is_terminal)
    with Progress(*columns, console=console, transient=transient, disable=hidden) as progress:
        yield Bar(progress)


def track(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """The items as they come, and a bar until the last one is done."""
    with bar(transient=True) as tell:
        tell(what, 0, total)
        for done, item in enumerate(items, start=1):
            yield item
            tell(what, done, total)


def watch(
    outcomes: Generator[tuple[Path, PictureError | None], None, None], total: int, steps: Steps | None = None
) -> int:
    """Show how far the work is, name the broken pictures as they come, and count them."""
    broken = 0
    with bar(shown=total > 1 or steps is not None) as tell:
        tell("pictures", 0, total)
        if steps is not None:
            steps.listener = tell
        try:
            for done, (_, error) in enumerate(outcomes, start=1):
                tell("pictures", done, total)
                if interrupt.came():  # where some library took it for an error of its own, and went on
                    raise KeyboardInterrupt
                if error is not None:
                    broken += 1
                    tell.say(str(error))
        except KeyboardInterrupt:
            outcomes.close()
            raise
    return broken


def show(table: Table) -> None:
    """Print a table, as wide as the terminal, or 160 letters where there is none."""
    terminal = Console()
    (terminal if terminal.is_terminal else Console(width=160)).print(table)


def summary(told: dict[str, Any]) -> Table:
    """Numbers a line: a name, and a value, a spread or a list of values."""
    columns = ("", "median", "quartiles", "least", "most")
    table = Table(*columns, box=None, pad_edge=False)
    for name, value in told.items():
        words = name.replace("_", " ")
        if isinstance(value, dict) and tuple(value) == FIVE:  # names of tasks come in alphabetical order
            least, first, middle, third, most = map(number, value.values())
            table.add_row(words, middle, f"{first} to {third}", least, most)
        elif isinstance(value, dict):
            table.add_row(words, escape(", ".join(f"{visible(key)} {number(it)}" for key, it in value.items())))
        elif isinstance(value, list):
            table.add_row(words, ", ".join(map(number, value)) or "unknown")
        else:
            table.add_row(words, escape(number(value)))
    return table


def rows(told: Sequence[dict[str, Any]]) -> Table:
    """Dictionaries with the same keys, each a line of a table."""
    table = Table(box=None, pad_edge=False, title="\n", title_justify="left")
    for name, value in told[0].items():
        table.add_column(name.replace("_", " "), justify="left" if isinstance(value, str) else "right", overflow="fold")
    for row in told:
        table.add_row(*(escape(number(value)) for value in row.values()))
    return table


def number(value: Any) -> str:
    """A number in three digits or more, or the word that stands for it.

    >>> number(1234.5), number(0.12345), number(None)
    ('1,234', '0.123', 'unknown')
    """
    if value is None:
        return "unknown"
    if isinstance(value, str):
        return visible(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
