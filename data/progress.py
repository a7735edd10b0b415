"""How far a long piece of work is: told to whoever asks, so that nothing below the command line knows a terminal."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class Track(Protocol):
    """Passes items on as they come, and shows how many of `total` are done."""

    def __call__(self, items: Iterable[Item], what: str, total: int) -> Iterable[Item]:
        """The items; `what` they are is shown."""


class Steps:
    """Tells whoever listens how far the work on a file is: what, how much is done, of how much if that is known."""

    def __init__(self) -> None:
        self.listener: Callable[[str, int, int | None], object] = lambda what, done, total: None

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """So much is done."""
        self.listener(what, done, total)


def untracked(items: Iterable[Item], what: str, total: int) -> Iterable[Item]:
    """The items alone."""
    del what, total
    return items
