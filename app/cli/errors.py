"""How a person's mistake is told on the command line: one sentence, and an exit status."""

import logging
from typing import Any

import click

from data.errors import GazeError

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

    exit_code = 130


class Group(click.Group):
    """Commands whose `GazeError`s are told without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except GazeError as error:
            logger.debug("what is behind the error", exc_info=True)
            raise Refusal(str(error)) from error
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] not in TRAINING:
                raise
            raise Refusal(f"This needs {error.name}, which predicting does without; run `make setup`.") from error
