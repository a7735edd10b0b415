"""Lines for a terminal, in which names from elsewhere move no cursor and change no colour."""

import click

from data.plain_text import visible


def echo(line: str, err: bool = False) -> None:
    """Print a line on stdout or stderr, with what a terminal would obey escaped."""
    click.echo(visible(line, keep="\n\t"), err=err)
