"""Two sequences side by side: the table behind sequence score, edit distance, DTW, ScanMatch and MultiMatch.

Cell (i, j) of the table is worth the best alignment of the first i items of one sequence with the first j of the other.
The cells of a diagonal do not need each other, nor do pairs of sequences: many pairs are padded to one size, and each
diagonal is computed at once for all of them.

Shapes: `p` pairs, `n` and `m` the longest first and the longest second sequence among them.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float, Int64, Shaped

from data.errors import GazeError

CELLS = 2**17  # of the tables that are filled at once: one megabyte, which stays in a processor's cache

Table = Float[np.ndarray, "n+1 m+1 p"]
Lengths = Int64[np.ndarray, " p"]


class Path(Protocol):
    """Fixations in order: a `Scanpath`, an `ObjectPath`, or anything else that has places and durations."""

    @property
    def xy(self) -> Float[np.ndarray, "l 2"]:
        """Pixels."""

    @property
    def duration(self) -> Float[np.ndarray, " l"]:
        """Milliseconds."""


def places(paths: Sequence[Path]) -> Float[np.ndarray, "_all 2"]:
    """Where all fixations of all paths are, one after the other; an unknown place is a `GazeError`."""
    xy = np.concatenate([np.empty((0, 2)), *(path.xy for path in paths)])
    if not np.isfinite(xy).all():
        raise GazeError("a fixation's place is unknown (NaN); leave such fixations out before paths are compared.")
    return xy


def each(n: Lengths, m: Lengths, score: Callable[[Lengths], np.ndarray], width: tuple[int, ...] = ()) -> np.ndarray:
    """The scores of all pairs, those of similar length together.

    Args:
        n: how long the first sequence of each pair is.
        m: how long the second is.
        score: gets the numbers of some pairs, gives their scores.
        width: the shape of one score.
    """
    scores = np.empty((len(n), *width))
    for chosen in _batches(np.maximum(n, m)):
        scores[chosen] = score(chosen)
    return scores


def _batches(longest: Lengths) -> Iterator[Lengths]:
    """The numbers of all pairs, the longest first, in groups whose tables have about CELLS cells together."""
    order = np.argsort(-longest, kind="stable")
    start = 0
    while start < len(order):
        count = max(1, CELLS // int(longest[order[start]] + 1) ** 2)
        yield order[start : start + count]
        start += count


def lengths(sequences: Sequence[Any]) -> Lengths:
    """How long each sequence is."""
    return np.fromiter(map(len, sequences), np.int64, len(sequences))


def padded(values: Shaped[np.ndarray, " _all"], count: Lengths, filler: float) -> Shaped[np.ndarray, "l p"]:
    """Sequences that are written one after the other, as columns; the short ones are filled up.

    >>> padded(np.array([1, 2, 3]), np.array([2, 1]), -1)
    array([[ 1,  3],
           [ 2, -1]])
    """
    rows = np.full((len(count), count.max(initial=0)), filler, values.dtype)
    rows[np.arange(rows.shape[1]) < count[:, None]] = values
    return np.ascontiguousarray(rows.T)


def blank(cells: Float[np.ndarray, "n m p"], border: float) -> Table:
    """A table to be filled: the worth of matching i with j inside, `border` in row 0 and column 0, 0 in the corner."""
    n, m, p = cells.shape
    table = np.full((n + 1, m + 1, p), border, np.float64)
    table[1:, 1:] = cells
    table[0, 0] = 0
    return table


def fill(table: Table, best: np.ufunc, side: float | None) -> Table:
    """Fills, in place, a table whose border is set and whose inner cells hold the worth of matching i with j.

    Args:
        table: C-contiguous, as `blank` makes it.
        best: np.maximum of similarities, np.minimum of distances.
        side: the worth of an item that is matched with nothing. None: every item is matched, if need be several with
            one, and each step costs what the cell that it enters holds (time warping).
    """
    n, m = table.shape[0] - 1, table.shape[1] - 1
    flat = table.reshape(-1, table.shape[2])
    for diagonal in range(2, n + m + 1 if n and m else 0):
        low, high = max(1, diagonal - m), min(n, diagonal - 1)
        first = diagonal + low * m  # cell (i, diagonal - i) is number diagonal + i m: the diagonal's next is m on
        stop = (high - low) * m + 1
        cells, across, up, left = (flat[at : at + stop : m] for at in (first, first - m - 2, first - m - 1, first - 1))
        if side is None:
            cells += best(across, best(up, left))
        else:
            cells += across
            best(cells, best(up, left) + side, out=cells)
    return table


def ends(table: Table, n: Lengths, m: Lengths) -> Float[np.ndarray, " p"]:
    """What each pair is worth: the cell in which both of its sequences end."""
    cells: np.ndarray = table[n, m, np.arange(table.shape[2])]
    return cells
