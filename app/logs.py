"""What gaze says of its own work on standard error: warnings as plain sentences, with --verbose also every step.

Loggers have the names of their modules, so that those of the folders are the parents of all. What is no folder of ours
(Lightning, Streamlit, PyTorch) keeps its own settings.
"""

import contextlib
import copy
import logging

import click

from data.plain_text import visible

FOLDERS = (
    "annotation",
    "app",
    "attention",
    "data",
    "evaluation",
    "export",
    "following",
    "saliency",
    "scanpath",
    "training",
    "video",
)
VERBOSE = "%(relativeCreated)7.0f ms  %(levelname)-7s  %(name)s: %(message)s"


class Terminal(logging.Handler):
    """Writes to what is standard error when a record comes, and not when the handler was made."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, or nothing where standard error is closed."""
        with contextlib.suppress(OSError, ValueError):
            told = copy.copy(record)
            told.msg, told.args = visible(record.getMessage()), ()
            click.echo(visible(self.format(told), keep="\n\t"), err=True)


def configure(verbose: bool = False) -> None:
    """Give the logger of each of our folders one handler, however often this is called."""
    handler = Terminal()
    handler.setFormatter(logging.Formatter(VERBOSE if verbose else "%(message)s"))
    for folder in FOLDERS:
        logger = logging.getLogger(folder)
        logger.setLevel(logging.DEBUG if verbose else logging.WARNING)
        logger.handlers = [other for other in logger.handlers if not isinstance(other, Terminal)] + [handler]
