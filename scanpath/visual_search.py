"""Visual search over a map of attention: go to its highest place, never go back, until the target is found.

    fixation  ->  attention map from there  ->  less what was fixated  ->  the highest cell is the next fixation

The map is a function of the point of gaze, so that any model can search: eccNET, its exported file, or a map that
never changes. Inhibition of return is a rectangle about every fixation and lasts for ever. Whether the target was
found is told by its box: an oracle recognises it once it is fixated, as where eccNET was compared with people.
A person also makes fixations that find nothing new; those are not modelled.

Shapes: `g v` cells of the map, `l` fixations. Places are pixels, x then y; cell (i, j) lies about
((j + .5) stride, (i + .5) stride). Zhang et al. 2018, https://doi.org/10.1038/s41467-018-06217-x; Gupta et al. 2021,
https://arxiv.org/abs/2106.02887.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

from data.errors import GazeError

LIMIT = 50  # saccades at most
WITHIN_DEGREES = 1 / 6  # of visual angle from the target at which a fixation finds it: the paper's 5 of 30 pixels
LATENCY_MS, SACCADE_MS = 376.271, 252.359  # of a search without a saccade, and for each saccade
Map = Float[np.ndarray, "g v"]
Attention = Callable[[Float[np.ndarray, " 2"]], Map]  # from a point of gaze in pixels to the map from there


@dataclass(frozen=True)
class Search:
    """A search: its fixations, and the map that each saccade followed."""

    xy: Float[np.ndarray, "l 2"]  # pixels; the first is the start
    maps: tuple[Float32[np.ndarray, "g v"], ...]  # after inhibition, one a saccade
    found: bool | None  # None: where the target is was not known

    @property
    def saccades(self) -> int:
        """How many it took; none where the start was on the target."""
        return len(self.xy) - 1


def reaction_time_ms(saccades: float) -> float:
    """How long a person takes for a search of so many saccades: the paper's line through people's times.

    >>> reaction_time_ms(2)
    880.989
    """
    return LATENCY_MS + SACCADE_MS * saccades


def search(
    attention: Attention,
    size: tuple[int, int],
    stride: int,
    *,
    target: Sequence[float] | None = None,
    limit: int = LIMIT,
    start: Sequence[float] | None = None,
    window: float | tuple[float, float] = 0.0,
    within: float = 0.0,
    areas: Float[np.ndarray, "n 4"] | None = None,
) -> Search:
    """A search in a picture of that height and width; it ends on the target, at the limit, or where nothing is left.

    Args:
        attention: the map from a point of gaze; cells outside of the picture do not count.
        size: height and width in pixels.
        stride: pixels from cell to cell.
        target: box of the target: x, y, width, height in pixels.
        limit: saccades at most.
        start: the first fixation; the middle of the picture unless given.
        window: width and height in pixels of what is inhibited about a fixation; of 0 its own cell is.
        within: pixels from the target at which a fixation still finds it.
        areas: boxes (x, y, width, height) that are inhibited as a whole once a fixation is in them, as the cells of a
            display.

    Raises:
        GazeError: The start lies outside of the picture, or a map holds no number.

    >>> looks = search(lambda xy: np.array([[0.0, 2.0, 1.0, 3.0]]), (10, 40), 10, target=(30, 0, 10, 10))
    >>> looks.xy.tolist(), looks.found
    ([[20.0, 5.0], [35.0, 5.0]], True)
    """
    height, width = size
    at = np.array([width, height], np.float64) / 2 if start is None else np.asarray(start, np.float64)
    if not ((at >= 0) & (at <= (width, height))).all():
        raise GazeError(
            f"The search starts at {at[0]:g}, {at[1]:g}, outside of the picture of {width} x {height} pixels; "
            "give a place in it."
        )
    rows, columns = -(-height // stride), -(-width // stride)
    centres = (np.arange(rows) + 0.5) * stride, (np.arange(columns) + 0.5) * stride
    barred = np.zeros((rows, columns), bool)
    xy, maps = [at], list[np.ndarray]()
    while not _on(target, at, within) and len(maps) < limit:
        barred |= _about(at, centres, window, stride)
        for area in () if areas is None else areas[[_on(area, at, 0.0) for area in areas]]:
            barred |= _inside(area, centres)
        if barred.all():
            break
        seen = np.array(attention(at), np.float32)[:rows, :columns]
        if seen.shape != barred.shape or not np.isfinite(seen).all():
            raise GazeError(
                f"The map of attention has {seen.shape} cells, or holds no number, where {barred.shape} cells of "
                f"{stride} pixels are needed; use another model."
            )
        seen[barred] = seen.min()
        maps.append(seen)
        row, column = np.unravel_index(np.argmax(np.where(barred, -np.inf, seen)), seen.shape)
        at = np.array([min(centres[1][column], width), min(centres[0][row], height)])
        xy.append(at)
    return Search(np.array(xy), tuple(maps), None if target is None else _on(target, at, within))


def _on(target: Sequence[float] | None, at: Float[np.ndarray, " 2"], within: float) -> bool:
    """Whether a fixation is on the target."""
    if target is None:
        return False
    x, y, width, height = target
    return bool(x - within <= at[0] <= x + width + within and y - within <= at[1] <= y + height + within)


def _inside(
    area: Float[np.ndarray, "4"], centres: tuple[Float[np.ndarray, " g"], Float[np.ndarray, " v"]]
) -> Bool[np.ndarray, "g v"]:
    """The cells whose centre lies in a box."""
    (x, y, width, height), (down, across) = area, centres
    return np.asarray(((down >= y) & (down <= y + height))[:, None] & (across >= x) & (across <= x + width))


def _about(
    at: Float[np.ndarray, " 2"],
    centres: tuple[Float[np.ndarray, " g"], Float[np.ndarray, " v"]],
    window: float | tuple[float, float],
    stride: int,
) -> Bool[np.ndarray, "g v"]:
    """The cells whose centre lies in the window about a fixation, its own among them."""
    across, down = np.maximum(np.broadcast_to(window, 2), stride) / 2
    y, x = centres
    return np.asarray((np.abs(y - at[1]) <= down)[:, None] & (np.abs(x - at[0]) <= across))
