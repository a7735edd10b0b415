"""Fixations become maps: counts, densities, and slices of time.

    count(p)    fixations in pixel p
    density     counts * Gaussian(sigma), zero beyond the border, divided by its sum
    slice s     the fixations that begin between s and s + 1 seconds

The Gaussian ends at r = max(1, ceil(4 sigma)) pixels and is separable, so that the density of l points is

    density(y, x) ~ sum over points of g(y - y_i) g(x - x_i):  an (h, l) times an (l, w) matrix

Few points on a large map are summed so; on small maps, and for many points, the counts are blurred along rows and
columns, all maps in one call. Both differ from scipy.ndimage.gaussian_filter(mode="constant", radius=r) in double
precision by less than 1e-6 of the map's maximum; with sigma a multiple of 1/4 that is its default, truncate=4.

Sigma is in pixels of the map; `sigma_pixels` makes it from degrees. A picture without fixations has a density of
zeros: it says nothing, and losses and scores leave it out.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from data.errors import GazeError
from data.gaze import Scanpath, Screen

FIRST = 280.0  # ms: the median onset of the first recorded fixation in `scene`, where onsets are known
GAP = (20.0, 100.0)  # ms: the shortest and longest time that we assume between two fixations
LARGE, POINTS = 100_000, 5  # products are faster on maps of so many pixels, with fewer points than this times r
CHANNELS = 128  # OpenCV blurs no more in one call


def sigma_pixels(degrees: float, screen: Screen) -> float:
    """A Gaussian's sigma in pixels of the screen."""
    return degrees * screen.pixels_per_degree


def onsets(scanpath: Scanpath, seconds: float) -> Float[np.ndarray, " l"]:
    """When each fixation begins, in milliseconds: as recorded, or estimated from the durations.

    Where no onset was recorded, the first fixation begins at 280 ms and each next one begins when the last has ended
    plus a gap, which spreads what is left of the viewing time evenly and stays between 20 and 100 ms. On `scene`,
    which has onsets, this puts 91 % of the fixations into their true second (mean error 116 ms); stretching the
    durations over the whole viewing puts 89 % there (183 ms). Without durations the fixations are spread evenly.
    """
    recorded = np.isfinite(scanpath.onset)
    if recorded.all():
        return scanpath.onset
    total, count = seconds * 1000.0, len(scanpath)
    duration = scanpath.duration
    if not np.isfinite(duration).all():
        return np.where(recorded, scanpath.onset, total * (np.arange(count) + 1) / (count + 1))
    gap = np.clip((total - FIRST - duration.sum()) / count, *GAP)
    estimate = FIRST + np.cumsum(duration) - duration + gap * np.arange(count)
    return np.where(recorded, scanpath.onset, np.minimum(estimate, total - 1))


def second(onset: Float[np.ndarray, " l"], seconds: float) -> Float[np.ndarray, " l"]:
    """The slice of one second in which each fixation begins; later ones belong to the last slice of the viewing."""
    return np.asarray(np.clip(onset // 1000, 0, int(np.ceil(seconds)) - 1))


def on(xy: Float[np.ndarray, "l 2"], size: tuple[int, int]) -> Bool[np.ndarray, " l"]:
    """Which points lie on a picture of `size` (height, width)."""
    return (xy[:, 0] >= 0) & (xy[:, 1] >= 0) & (xy[:, 0] < size[1]) & (xy[:, 1] < size[0])


def counts(xy: Float[np.ndarray, "l 2"], size: tuple[int, int]) -> Float32[np.ndarray, "h w"]:
    """How many of the points lie in each pixel of a map of `size` (height, width); points outside count nowhere.

    >>> counts(np.array([[0.2, 0.9], [0.7, 0.1], [5.0, 0.0]]), (1, 2))
    array([[2., 0.]], dtype=float32)
    """
    rows, columns = _pixels(xy, size)
    return np.bincount(rows * size[1] + columns, minlength=size[0] * size[1]).reshape(size).astype(np.float32)


def density(
    counted: Float[np.ndarray, "*n h w"], sigma: float, inside: Bool[np.ndarray, "h w"] | None = None
) -> Float32[np.ndarray, "*n h w"]:
    """Counts blurred with a Gaussian of `sigma` pixels, as a probability per pixel; zeros where nothing was counted.

    What the blur carries over the border, or out of `inside`, is lost before the sum is taken. Of several maps each
    sums to one.
    """
    stack = counted.reshape(-1, *counted.shape[-2:]).astype(np.float32, copy=False)
    if len(stack) and stack[0].size >= LARGE:
        densities = np.stack([_large(one, sigma, inside) for one in stack])
        return densities.reshape(counted.shape)
    looked_at = stack.any((1, 2))  # a viewing shorter than the model's has slices that nobody could look in
    densities = np.zeros_like(stack)
    if looked_at.any():
        densities[looked_at] = _whole(_blurred(stack[looked_at], sigma), inside)
    return densities.reshape(counted.shape)


def rendered(xy: Float[np.ndarray, "l 2"], size: tuple[int, int], sigma: float) -> Float32[np.ndarray, "h w"]:
    """The `density` of the `counts` of some hundred points, several times faster: it needs no counts.

    >>> rendered(np.array([[0.5, 0.5], [9.0, 9.0]]), (1, 3), 0.25).round(3)
    array([[1., 0., 0.]], dtype=float32)
    """
    rows, columns = _pixels(xy, size)
    places, times = np.unique(rows * size[1] + columns, return_counts=True)  # a point that is repeated loses precision
    if len(places) >= POINTS * _radius(sigma):
        return density(counts(xy, size), sigma)
    return _whole(_products(places, times.astype(np.float32), size, sigma)[None], None).reshape(size)


def _pixels(
    xy: Float[np.ndarray, "l 2"], size: tuple[int, int]
) -> tuple[Int64[np.ndarray, " k"], Int64[np.ndarray, " k"]]:
    """Row and column of each point that lies on the map."""
    columns, rows = np.floor(xy[on(xy, size)]).astype(np.int64).T
    return rows, columns


def _whole(
    blurred: Float32[np.ndarray, "n h w"], inside: Bool[np.ndarray, "h w"] | None
) -> Float32[np.ndarray, "n h w"]:
    """Each map cut to `inside` and divided by its sum, in place; a map of zeros stays one."""
    if inside is not None:
        blurred *= inside
    total = blurred.sum(2).sum(1)
    blurred /= np.where(total == 0, 1, total)[:, None, None]
    return blurred


def _large(
    counted: Float32[np.ndarray, "h w"], sigma: float, inside: Bool[np.ndarray, "h w"] | None
) -> Float32[np.ndarray, "h w"]:
    """The density of a large map in whichever way is faster."""
    places = np.flatnonzero(counted != 0)
    size = counted.shape[0], counted.shape[1]
    few = len(places) < POINTS * _radius(sigma)
    blurred = _products(places, counted.ravel()[places], size, sigma)[None] if few else _blurred(counted[None], sigma)
    return _whole(blurred, inside).reshape(size)


def _blurred(counted: Float32[np.ndarray, "n h w"], sigma: float) -> Float32[np.ndarray, "n h w"]:
    """All maps blurred along rows and columns."""
    blurred = np.empty_like(counted)
    width = (2 * _radius(sigma) + 1,) * 2
    for start in range(0, len(counted), CHANNELS):
        part = np.ascontiguousarray(counted[start : start + CHANNELS].transpose(1, 2, 0))
        wide = cv2.GaussianBlur(part, width, sigma, borderType=cv2.BORDER_CONSTANT)
        blurred[start : start + CHANNELS] = wide.reshape(*part.shape).transpose(2, 0, 1)
    return blurred


def _products(
    places: Int64[np.ndarray, " l"], weights: Float32[np.ndarray, " l"], size: tuple[int, int], sigma: float
) -> Float32[np.ndarray, "h w"]:
    """The sum over pixels, numbered row by row, of the product of two curves, times their weights."""
    rows, columns = np.divmod(places, size[1])
    down = _curves(rows, size[0], sigma) * weights[:, None]
    return np.asarray(down.T @ _curves(columns, size[1], sigma), np.float32)


def _curves(places: Int64[np.ndarray, " l"], length: int, sigma: float) -> Float32[np.ndarray, "l n"]:
    """In row i, the Gaussian of a point in pixel `places[i]` of a line of `length` pixels."""
    radius = _radius(sigma)
    bell = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(sigma, 1e-3)) ** 2)
    reach = min(radius, length - 1)
    line = np.zeros(2 * length - 1, np.float32)  # the bell in the middle of a line, of which each row is a window
    line[length - 1 - reach : length + reach] = (bell / bell.sum())[radius - reach : radius + reach + 1]
    return np.asarray(np.lib.stride_tricks.sliding_window_view(line, length)[length - 1 - places])


def _radius(sigma: float) -> int:
    return max(1, math.ceil(4 * sigma))


def region(density: Float[np.ndarray, "h w"], level: float) -> Bool[np.ndarray, "h w"]:
    """The smallest region that holds at least this share of the probability; pixels of equal density stay together.

    >>> region(np.log(np.array([[0.1, 0.2], [0.3, 0.4]])), 0.5).tolist()
    [[False, False], [True, True]]
    """
    return regions_of(density, (level,))[0]


def regions_of(density: Float[np.ndarray, "h w"], levels: Sequence[float]) -> list[Bool[np.ndarray, "h w"]]:
    """As `region`, for several levels at once.

    Raises:
        GazeError: A level is not above 0 and at most 1.
    """
    probability = np.exp(density, dtype=np.float64)
    return [probability >= edge for edge in _edges(probability, levels)]


def edges_of(density: Float[np.ndarray, "h w"], levels: Sequence[float]) -> Float[np.ndarray, " n"]:
    """The log density at the edge of the smallest region that holds each of these shares of the probability.

    Raises:
        GazeError: A level is not above 0 and at most 1.

    >>> np.exp(edges_of(np.log(np.array([[0.1, 0.2], [0.3, 0.4]])), (0.4, 0.5, 1))).round(3)
    array([0.4, 0.3, 0.1])
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(_edges(np.exp(density, dtype=np.float64), levels)))


def _edges(probability: Float[np.ndarray, "h w"], levels: Sequence[float]) -> Float[np.ndarray, " n"]:
    for level in levels:
        if not 0 < level <= 1:
            raise GazeError(f"A region cannot hold {level:g} of all fixations: a level lies above 0 and is at most 1.")
    falling = np.sort(probability, axis=None)[::-1]
    mass = np.cumsum(falling)
    lasts = np.searchsorted(mass, np.asarray(levels) * mass[-1] * (1 - 1e-12))
    return np.asarray(falling[np.minimum(lasts, falling.size - 1)])
