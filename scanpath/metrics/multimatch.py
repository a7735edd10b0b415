"""MultiMatch: how alike two scanpaths are in shape, direction, length, position and duration; 1 is equal.

Saccades are vectors. Two sequences of vectors are aligned, in order and each with at least one, so that the summed
lengths of their differences are least. The medians over the aligned saccades give

    shape      length of the difference of the two vectors          1 - median / (2 diagonals of the screen)
    direction  angle between them                                   1 - median / pi
    length     difference of their lengths                          1 - median / diagonal
    position   distance of the fixations they start from            1 - median / diagonal
    duration   difference of these fixations' durations / longer    1 - median

Equal to `docomparison` of multimatch-gaze 0.1.3, https://github.com/adswa/multimatch_gaze, which takes one pair at a
time. Alignments that cost exactly the same, as on a grid of places, give different medians: the choice is that of the
package with SciPy 1.17.

Stated answers: all five are NaN when a path has fewer than three fixations (some ports add a fixation in the corner
instead). Duration is NaN when an aligned duration is unknown, or two aligned ones are 0. An unknown place is a
`GazeError`. Any two paths on one screen score high, also random ones: report what chance scores beside it.

Jarodzka, Holmqvist & Nyström 2010, https://doi.org/10.1145/1743666.1743718; Dewhurst et al. 2012,
https://doi.org/10.3758/s13428-012-0212-2.
"""

import heapq
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int64

from data import finite
from data.errors import GazeError
from scanpath.metrics import _alignment
from scanpath.metrics._alignment import Path, places
from scanpath.metrics._multimatch_simplify import Simplification, simplify

DIMENSIONS = ("shape", "direction", "length", "position", "duration")
SHORTEST = 3  # fixations

Saccades = Float[np.ndarray, "5 l p"]  # where each starts (x, y), its vector (x, y), the duration of the fixation there
Steps = Int64[np.ndarray, "k p"]


def multimatch(
    a: Path, b: Path, screen: tuple[float, float], *, simplification: Simplification | None = None
) -> Float[np.ndarray, "5"]:
    """Shape, direction, length, position and duration of two paths on a screen of (width, height) pixels."""
    finite.check_where_known(a=a, b=b)
    scores: np.ndarray = multimatches([(a, b)], screen, simplification=simplification)[0]
    return scores


def multimatches(
    pairs: Sequence[tuple[Path, Path]], screen: tuple[float, float], *, simplification: Simplification | None = None
) -> Float[np.ndarray, "p 5"]:
    """`multimatch` of many pairs at once."""
    finite.check_where_known(pairs=pairs)
    diagonal = math.hypot(*screen)
    if not 0 < diagonal < math.inf:
        raise GazeError(f"the screen is {screen}, but must be its width and height in pixels.")
    scores = np.full((len(pairs), len(DIMENSIONS)), np.nan)
    enough = [k for k, (a, b) in enumerate(pairs) if min(len(a.xy), len(b.xy)) >= SHORTEST]
    if not enough:
        return scores
    (first, n), (second, m) = (_saccades([pairs[k][side] for k in enough], simplification) for side in (0, 1))

    def score(chosen: Int64[np.ndarray, " _p"]) -> Float[np.ndarray, "_p 5"]:
        count = n[chosen], m[chosen]
        a, b = (side[:, : c.max()][:, :, chosen] for side, c in zip((first, second), count, strict=True))
        i, j, steps = _aligned(a, b, *count)
        pair = np.arange(len(chosen))
        return _medians(_differences(a[:, i, pair], b[:, j, pair]), steps)

    unit = np.array([2 * diagonal, math.pi, diagonal, diagonal, 1])
    scores[enough] = 1 - _alignment.each(n, m, score, (len(DIMENSIONS),)) / unit
    return scores


def _saccades(paths: list[Path], simplification: Simplification | None) -> tuple[Saccades, Int64[np.ndarray, " p"]]:
    """The saccades of each path, padded, and their number."""
    if simplification is not None:
        places(paths)
        grouped = [simplify(path, simplification) for path in paths]
        count, rows = _alignment.lengths(grouped), np.concatenate(grouped).T
    else:
        fixations = _alignment.lengths([path.xy for path in paths])
        xy, durations = places(paths), np.concatenate([path.duration for path in paths])
        last = np.cumsum(fixations) - 1
        rows = np.delete(np.stack([*xy[:-1].T, *np.diff(xy, axis=0).T, durations[:-1]]), last[:-1], axis=1)
        count = fixations - 1
    return np.stack([_alignment.padded(row, count, 0) for row in rows]), count


def _aligned(
    a: Saccades, b: Saccades, n: Int64[np.ndarray, " p"], m: Int64[np.ndarray, " p"]
) -> tuple[Steps, Steps, Int64[np.ndarray, " p"]]:
    """Which saccades meet, from the last to the first, and how many steps each pair takes."""
    squares = (a[2][:, None] - b[2]) ** 2 + (a[3][:, None] - b[3]) ** 2
    table = _alignment.blank(np.sqrt(squares, out=squares), np.inf)
    table[1, 1] = 0  # the first two always meet: what that costs must not decide about rounding
    costs = table.copy()
    _alignment.fill(table, np.minimum, None)
    i, j, steps, unsure = _walk(table, costs, n, m)
    for pair in np.flatnonzero(unsure):
        path = _first_shortest(costs[1 : n[pair] + 1, 1 : m[pair] + 1, pair])
        steps[pair] = len(path)
        i[: len(path), pair], j[: len(path), pair] = np.transpose(path)
    return i, j, steps


def _walk(
    table: Float[np.ndarray, "n+1 m+1 p"],
    costs: Float[np.ndarray, "n+1 m+1 p"],
    n: Int64[np.ndarray, " p"],
    m: Int64[np.ndarray, " p"],
) -> tuple[Steps, Steps, Int64[np.ndarray, " p"], Bool[np.ndarray, " p"]]:
    """Back from the end to the start, each time to the nearest cell, of equally near ones to the last in the table.

    That is SciPy's choice unless one of these cost nothing: then it depends on when they were reached ("unsure").
    """
    _, columns, count = table.shape
    distance, cost = table.reshape(-1), costs.reshape(-1)
    start = (columns + 1) * count + np.arange(count)
    at = (n * columns + m) * count + np.arange(count)
    back = count * np.array([[1], [columns], [columns + 1]])
    cells, unsure = [at], np.zeros(count, bool)
    for _ in range(int((n + m).max()) - 2):
        choices = distance[at - back]
        nearest = choices.min(0)
        moving, equal = at != start, choices == nearest
        tied = moving & (equal.sum(0) > 1)
        if tied.any():
            unsure |= tied & (equal & (cost[at - back] == 0)).any(0)
        at = np.where(moving, at - back[equal.argmax(0), 0], at)
        cells.append(at)
    where = np.stack(cells)
    i, j = np.divmod(where // count, columns)
    return i - 1, j - 1, (where[:-1] != start).sum(0) + 1, unsure


def _first_shortest(costs: Float[np.ndarray, "n m"]) -> list[tuple[int, int]]:
    """The shortest path, last cell first, found in the order of SciPy 1.17's queue: the last of equally near cells."""
    n, m = costs.shape
    reached = {(0, 0): 0.0}
    before: dict[tuple[int, int], tuple[int, int]] = {}
    queue = [(0.0, 0, 0)]
    while queue:
        far, i, j = heapq.heappop(queue)
        i, j = -i, -j
        if far > reached[i, j]:
            continue
        for cell in ((i, j + 1), (i + 1, j), (i + 1, j + 1)):
            if cell[0] < n and cell[1] < m and far + costs[cell] < reached.get(cell, math.inf):
                reached[cell], before[cell] = far + float(costs[cell]), (i, j)
                heapq.heappush(queue, (reached[cell], -cell[0], -cell[1]))
    path = [(n - 1, m - 1)]
    while path[-1] in before:
        path.append(before[path[-1]])
    return path


def _differences(a: Float[np.ndarray, "5 k p"], b: Float[np.ndarray, "5 k p"]) -> Float[np.ndarray, "5 k p"]:
    """How much saccades that meet differ in each dimension."""
    turn = np.abs(np.arctan2(a[3], a[2]) - np.arctan2(b[3], b[2]))
    longer = np.maximum(a[4], b[4])
    with np.errstate(invalid="ignore"):
        duration = np.abs(a[4] - b[4]) / longer
    return np.stack(
        [
            _norm(a[2:4] - b[2:4]),
            np.minimum(turn, 2 * math.pi - turn),
            np.abs(_norm(a[2:4]) - _norm(b[2:4])),
            _norm(a[:2] - b[:2]),
            duration,
        ]
    )


def _norm(vectors: Float[np.ndarray, "2 k p"]) -> Float[np.ndarray, "k p"]:
    norm: np.ndarray = np.sqrt(vectors[0] ** 2 + vectors[1] ** 2)
    return norm


def _medians(values: Float[np.ndarray, "d k p"], count: Int64[np.ndarray, " p"]) -> Float[np.ndarray, "p d"]:
    """Medians of the first `count` values of each pair; NaN among them gives NaN."""
    rows = np.ascontiguousarray(values.transpose(2, 0, 1))
    beyond = np.arange(rows.shape[2]) >= count[:, None, None]
    unknown = (np.isnan(rows) & ~beyond).any(2)
    rows = np.where(beyond, np.inf, rows)
    rows.sort(axis=2)
    pair = np.arange(len(count))
    middle = (rows[pair, :, (count - 1) // 2] + rows[pair, :, count // 2]) / 2
    return np.where(unknown, np.nan, middle)
