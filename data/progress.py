"""How far a long piece of work is: told to whoever asks, so that nothing below the command line knows a terminal."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class Track(Protocol):
    """Passes items on as they come, and shows how many of `total` are done."""

    def __call__(self, items: Iterable[Item], what: str, total: int) -> Iterable[Item]:
        """The items; `what` they are is shown."""


def untracked(items: Iterable[Item], what: str, total: int) -> Iterable[Item]:
    """The items alone."""
    del what, total
    return items
