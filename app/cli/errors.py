"""How a person's mistake is told on the command line: one sentence, and an exit status."""

import contextlib
import logging
import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click

from app.cli import interrupt
from data.errors import GazeError
from data.plain_text import visible

logger = logging.getLogger(__name__)

TRAINING = (
    "torch",
    "pytorch_lightning",
    "jsonargparse",
    "matplotlib",
    "albumentations",
    "onnx",
    "onnxscript",
    "safetensors",
    "scipy",
)


class Refusal(click.ClickException):
    """A person's mistake, told in one sentence."""

    exit_code = 2


class Stopped(Refusal):
    """Ctrl-C, with the exit status that shells expect."""

    exit_code = interrupt.STATUS


class Group(click.Group):
    """Commands whose `GazeError`s are told without a traceback."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the arguments, none of which may be empty: that is a variable that was not set, and no name."""
        with _told():
            for before, argument in zip(["", *args], args, strict=False):
                if not argument or re.fullmatch("--[a-z-]+=", argument):
                    where = f"What follows {before!r}" if before and not argument else f"The argument {argument!r}"
                    raise click.UsageError(f"{where} is empty; give a value, or leave it out.")
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _told():
            return self._invoked(ctx)

    def _invoked(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GazeError as error:
            logger.debug("what is behind the error", exc_info=True)
            raise Refusal(str(error)) from error
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] not in TRAINING:
                raise
            raise Refusal(f"This needs {error.name}, which predicting does without; run `make setup`.") from error


class Program(Group):
    """The group of all commands, as a program of its own."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """Run the command that the arguments name: those given, or the program's own."""
        if args is not None:
            return super().main(args, *rest, **options)
        interrupt.noted()
        try:
            return super().main(args, *rest, **options)
        except SystemExit as error:
            if error.code == interrupt.STATUS:  # Python may remember Ctrl-C, and end by a signal instead
                for stream in (sys.stdout, sys.stderr):
                    with contextlib.suppress(OSError, ValueError):
                        stream.flush()
                os._exit(interrupt.STATUS)
            raise
        finally:
            interrupt.over()


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Nothing in a mistake's sentence moves a cursor, and Ctrl-C is told as such."""
    try:
        yield
    except click.ClickException as error:
        vars(error)["message"] = visible(error.message, keep="\n")
        raise
    except KeyboardInterrupt:
        raise Stopped("Stopped.") from None
    except (ImportError, SystemError):
        if interrupt.came():  # some modules made this of it
            raise Stopped("Stopped.") from None
        raise
