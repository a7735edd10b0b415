"""A picture of a batch that waits, and what becomes of it: a result, or a sentence about what is wrong with it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.web.batch.result import Recipe, Result, look_at
from app.web.gate import MB
from data.errors import GazeError, PictureError

logger = logging.getLogger(__name__)

LARGEST = 50 * MB  # of a picture's file


@dataclass(frozen=True)
class Source:
    """A picture that waits: its bytes, or how an archive gives them."""

    name: str
    read: Callable[[], bytes]
    held: int  # bytes that are kept for it


def looked_at(recipe: Recipe, source: Source, name: str, stem: str, folder: Path | None) -> tuple[Result | None, str]:
    """A picture's result, and what is wrong with it or its files."""
    try:
        content = source.read()
        if len(content) > LARGEST:
            raise PictureError(f"{name}: the file has more than {LARGEST // MB} MB; make it smaller.")
        try:
            return look_at(recipe, name, stem, content, folder), ""
        except OSError as error:
            problem = f"{name}: its files cannot be kept for the archive ({error.strerror}); free some room."
            return look_at(recipe, name, stem, content, None), problem
    except GazeError as error:
        return None, str(error).replace(", or predict it with --accept-damaged", "")
    except Exception as error:
        logger.error("%s: cannot be looked at", name, exc_info=True)
        return None, f"{name}: could not be looked at ({type(error).__name__}); please report this."
