"""What the commands show while they work and when they are done: bars on a terminal, tables of numbers."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from data.table.summary import FIVE

Bar = Callable[[str, int, int | None], None]  # of what, done, in all where it is known


@contextlib.contextmanager
def bar(of_bytes: bool = False) -> Iterator[Bar]:
    """A bar for each thing that is told of, on a terminal; nothing elsewhere."""
    console = Console(stderr=True)
    amount = (DownloadColumn(), TransferSpeedColumn()) if of_bytes else (MofNCompleteColumn(),)
    columns = (*Progress.get_default_columns()[:2], *amount, TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        tasks: dict[str, Any] = {}

        def tell(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(escape(what), total=total)
            progress.update(tasks[what], completed=done, total=total)

        yield tell


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
            table.add_row(words, escape(", ".join(f"{key} {number(it)}" for key, it in value.items())))
        elif isinstance(value, list):
            table.add_row(words, ", ".join(map(number, value)) or "unknown")
        else:
            table.add_row(words, escape(number(value)))
    return table


def number(value: Any) -> str:
    """A number in three digits or more, or the word that stands for it.

    >>> number(1234.5), number(0.12345), number(None)
    ('1,234', '0.123', 'unknown')
    """
    if value is None:
        return "unknown"
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
