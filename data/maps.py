"""Fixations become maps: counts, densities, and slices of time.

    count(p)    fixations in pixel p
    density     counts * Gaussian(sigma), zero beyond the border, divided by its sum
    slice s     the fixations that begin between s and s + 1 seconds

Sigma is in pixels of the map; `sigma_pixels` makes it from degrees. A picture without fixations has a density of
zeros: it says nothing, and losses and scores leave it out.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float

from data.gaze import Scanpath, Screen

FIRST = 280.0  # ms: the median onset of the first recorded fixation in `scene`, where onsets are known
GAP = (20.0, 100.0)  # ms: the shortest and longest time that we assume between two fixations


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
    known = np.isfinite(scanpath.onset)
    if known.all():
        return scanpath.onset
    total, count = seconds * 1000.0, len(scanpath)
    duration = scanpath.duration
    if not np.isfinite(duration).all():
        return np.where(known, scanpath.onset, total * (np.arange(count) + 1) / (count + 1))
    gap = np.clip((total - FIRST - duration.sum()) / count, *GAP)
    estimate = FIRST + np.cumsum(duration) - duration + gap * np.arange(count)
    return np.where(known, scanpath.onset, np.minimum(estimate, total - 1))


def second(onset: Float[np.ndarray, " l"], seconds: float) -> Float[np.ndarray, " l"]:
    """The slice of one second in which each fixation begins; later ones belong to the last slice of the viewing."""
    return np.asarray(np.clip(onset // 1000, 0, int(np.ceil(seconds)) - 1))


def on(xy: Float[np.ndarray, "l 2"], size: tuple[int, int]) -> Bool[np.ndarray, " l"]:
    """Which points lie on a picture of `size` (height, width)."""
    return (xy[:, 0] >= 0) & (xy[:, 1] >= 0) & (xy[:, 0] < size[1]) & (xy[:, 1] < size[0])


def counts(xy: Float[np.ndarray, "l 2"], size: tuple[int, int]) -> Float[np.ndarray, "h w"]:
    """How many of the points lie in each pixel of a map of `size` (height, width); points outside count nowhere.

    >>> counts(np.array([[0.2, 0.9], [0.7, 0.1], [5.0, 0.0]]), (1, 2))
    array([[2., 0.]], dtype=float32)
    """
    xy = xy[on(xy, size)]
    flat = np.floor(xy[:, 1]).astype(np.int64) * size[1] + np.floor(xy[:, 0]).astype(np.int64)
    return np.bincount(flat, minlength=size[0] * size[1]).reshape(size).astype(np.float32)


def density(
    counted: Float[np.ndarray, "h w"], sigma: float, inside: Bool[np.ndarray, "h w"] | None = None
) -> Float[np.ndarray, "h w"]:
    """Counts blurred with a Gaussian of `sigma` pixels, as a probability per pixel; zeros where nothing was counted.

    What the blur carries over the border, or out of `inside`, is lost before the sum is taken.
    """
    radius = max(1, int(np.ceil(4 * sigma)))
    width = 2 * radius + 1
    blurred = cv2.GaussianBlur(counted, (width, width), sigma, borderType=cv2.BORDER_CONSTANT)
    if inside is not None:
        blurred = blurred * inside
    total = blurred.sum(dtype=np.float64)
    return blurred if total == 0 else (blurred / total).astype(np.float32)
