"""ScanMatch: how alike two scanpaths are when near misses count a little and time may count too; 1 is equal.

Each fixation becomes the cell of a grid that it lies in, repeated once for every `bin` milliseconds it lasted. Two
cells are worth `threshold` minus their distance in cells; the sequences are aligned so that the summed worth is
highest, a cell left alone is worth `gap`; that sum is divided by `threshold` times the longer length.

The original sets the threshold to two standard deviations of the saccades' lengths in cells, so that jumps within that
much count as alike; 3.5 is its program's default. Papers differ in their grids (12 x 8 here; 16 x 12 in Gazeformer),
which changes the scores. Equal to `ScanMatch` of GazeParser 0.12.3, https://gazeparser.sourceforge.net, which computes
one pair at a time; like it, a fixation outside the screen counts in the nearest cell, durations are cut to whole
milliseconds, and halves of a `bin` are rounded to the even number: a fixation of 25 ms and a `bin` of 50 is left out.

Stated answers: two paths without any fixation (left) score 1, one of them and another 0. An unknown place, or with
`bin` an unknown duration, is a `GazeError`. Cristino et al. 2010, https://doi.org/10.3758/BRM.42.3.692.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int64

from data import finite
from data.errors import GazeError
from scanpath.metrics import _alignment
from scanpath.metrics._alignment import Path, places


def scanmatch(
    a: Path,
    b: Path,
    screen: tuple[int, int],
    *,
    grid: tuple[int, int] = (12, 8),
    bin: float = 0.0,
    threshold: float = 3.5,
    gap: float = 0.0,
) -> float:
    """How alike two paths are.

    Args:
        a: one path.
        b: the other.
        screen: width and height in pixels.
        grid: columns and rows of cells.
        bin: milliseconds a repetition; 0: each fixation counts once, however long.
        threshold: distance in cells beyond which two fixations count against each other.
        gap: worth of a fixation that is aligned with nothing; 0 or less.
    """
    finite.check_where_known(a=a, b=b)
    return float(scanmatches([(a, b)], screen, grid=grid, bin=bin, threshold=threshold, gap=gap)[0])


def scanmatches(
    pairs: Sequence[tuple[Path, Path]],
    screen: tuple[int, int],
    *,
    grid: tuple[int, int] = (12, 8),
    bin: float = 0.0,
    threshold: float = 3.5,
    gap: float = 0.0,
) -> Float[np.ndarray, " p"]:
    """`scanmatch` of many pairs at once."""
    finite.check_where_known(pairs=pairs)
    finite.check(screen=screen, grid=grid, bin=bin, threshold=threshold, gap=gap)
    if not (threshold > 0 >= gap):
        raise ValueError(f"threshold is {threshold} and gap {gap}, but the first must be above 0 and the second not.")
    (first, n), (second, m) = (_cells([pair[side] for pair in pairs], screen, grid, bin) for side in (0, 1))

    def score(chosen: Int64[np.ndarray, " _p"]) -> Float[np.ndarray, " _p"]:
        x, y = n[chosen], m[chosen]
        a, b = first[:, : x.max(), chosen], second[:, : y.max(), chosen]
        squares = (a[0][:, None] - b[0]) ** 2 + (a[1][:, None] - b[1]) ** 2
        table = _alignment.blank(threshold - np.sqrt(squares), 0)
        table[:, 0] = gap * np.arange(1, len(table) + 1)[:, None]
        table[0] = gap * np.arange(1, table.shape[1] + 1)[:, None]
        _alignment.fill(table, np.maximum, gap)
        longer = np.maximum(x, y)
        return np.where(longer > 0, _highest(table, x, y) / (threshold * np.maximum(longer, 1)), 1.0)

    return _alignment.each(n, m, score)


def _cells(
    paths: Sequence[Path], screen: tuple[int, int], grid: tuple[int, int], bin: float
) -> tuple[Float[np.ndarray, "2 l p"], Int64[np.ndarray, " p"]]:
    """Column and row of each fixation's cell, padded, and how many there are."""
    count = _alignment.lengths([path.xy for path in paths])
    size, cells = np.array(screen), np.array(grid)
    pixel = np.floor(np.clip(places(paths), 0, size - 1))
    cell = np.floor(pixel * (cells / size))
    if bin:
        durations = np.concatenate([np.empty(0), *(path.duration for path in paths)])
        if not np.isfinite(durations).all():
            raise GazeError("a fixation's duration is unknown (NaN); compare the paths with bin 0, without time.")
        times = np.round(np.trunc(durations) / bin).astype(np.int64)
        total = np.concatenate([[0], np.cumsum(times)])
        last = np.cumsum(count)
        cell, count = np.repeat(cell, times, axis=0), total[last] - total[last - count]
    return np.stack([_alignment.padded(axis, count, 0) for axis in cell.T]), count


def _highest(
    table: Float[np.ndarray, "n+1 m+1 p"], n: Int64[np.ndarray, " p"], m: Int64[np.ndarray, " p"]
) -> Float[np.ndarray, " p"]:
    """The highest cell of each pair's own part of the table: what follows it in either path costs nothing."""
    rows, columns = (np.arange(length)[:, None] for length in table.shape[:2])
    own = (rows <= n)[:, None] & (columns <= m)
    highest: np.ndarray = np.where(own, table, -np.inf).max((0, 1))
    return highest
