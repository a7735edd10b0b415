"""Values of options that a table of the house names: the table is loaded when a value or the help is asked for."""

import pkgutil
from collections.abc import Iterable, Sequence

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem


def given(names: Iterable[str]) -> list[str]:
    """Those of a command's options that a person has written on the command line."""
    asked = click.get_current_context().get_parameter_source
    return [name for name in names if asked(name) == ParameterSource.COMMANDLINE]


class TableChoice(click.ParamType):  # type: ignore[type-arg]  # generic in recent releases of click only
    """One of the names in a table, such as `data.recorders:RECORDERS`, in the order of the table."""

    name = "choice"

    def __init__(self, table: str) -> None:
        self.table = table

    @property
    def choices(self) -> Sequence[str]:
        """The names that the table has now."""
        entries: Iterable[str] = pkgutil.resolve_name(self.table)
        return list(entries)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """The names as the help shows them."""
        return f"[{'|'.join(self.choices)}]"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name, or click's sentence that names all of them."""
        return click.Choice(self.choices).convert(value, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that begin like this."""
        return [CompletionItem(choice) for choice in self.choices if choice.startswith(incomplete)]
