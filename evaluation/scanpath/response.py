"""The response of a row to a trial: guesses at the path, and how likely each next object is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int64

from data.gaze import ObjectPath
from scanpath.decode import Rollouts

Order = Int64[np.ndarray, " _l"]
Times = Float[np.ndarray, " _l"]  # milliseconds


@dataclass(frozen=True)
class Request:
    """How many paths a row samples in a scene."""

    observers: int
    seed: int
    limit: int  # fixations of a path that ends


@dataclass(frozen=True)
class Response:
    """What a row says of a trial; there are no guesses where a row has no answer."""

    guesses: Sequence[Order]
    unterminated: Sequence[Order]  # guesses of at least the length of the person's path
    log_p: Float[np.ndarray, "l+1 n+1"] | None  # natural logarithm, before each fixation of the person; last the end
    durations: Sequence[Times] = ()  # of the fixations of each guess; none where nobody knows them

    @classmethod
    def of(
        cls, guesses: Rollouts, unterminated: Rollouts, log_p: Float[np.ndarray, "l+1 n+1"] | None, merged: bool
    ) -> "Response":
        """Simulated observers' paths; if `merged`, a guess's fixations in a row on one object are one."""
        durations = [row[order >= 0] for row, order in zip(guesses.duration, guesses.order, strict=True)]
        paths = list(zip(guesses.paths(), durations, strict=True))
        paths = [joined(*path) for path in paths] if merged else paths
        return cls([order for order, _ in paths], unterminated.paths(), log_p, [times for _, times in paths])

    def cut(self, path: ObjectPath) -> "Response":
        """The guesses under the protocol that ended this path: cut to its length where the protocol cut the path."""
        if path.ended:
            return self
        guesses = [order[: len(path)] for order in self.guesses]
        durations = [times[: len(path)] for times in self.durations]
        return replace(self, guesses=guesses, durations=durations)


def joined(order: Order, duration: Times) -> tuple[Order, Times]:
    """Fixations in a row on one object as one, which lasts as long as they do together.

    >>> joined(np.array([3, 3, 1]), np.array([200.0, 100.0, 50.0]))
    (array([3, 1]), array([300.,  50.]))
    """
    first = np.flatnonzero(np.diff(order, prepend=-1))
    return order[first], np.add.reduceat(duration, first) if len(first) else duration
