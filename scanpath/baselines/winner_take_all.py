"""Winner takes all: look where the density is highest, lose interest there for a while, and look on; no training.

Every look raises an inhibition of return about its place, which then fades:

    inhibition <- inhibition * 2 ** (-1 / recovery) + 2 ** (-(distance / radius) ** 2)
    interest    = density * max(0, 1 - inhibition)

`walk` goes to the place of highest interest each time, `wander` draws places in proportion to interest ** sharpness,
for several observers, and `Walk` does the same over objects, each as interesting as the density in it: the baseline
that every trained model of scanpaths must beat. How long a look lasts is unknown to all of them.

Shapes: `h w` picture, `s` observers, `n` objects, `l` fixations. A density is a natural-log density per pixel.
Itti, Koch & Niebur 1998, https://doi.org/10.1109/34.730558; there a disc is inhibited for a while, here a soft spot.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int64

from data.errors import GazeError
from data.gaze import Objects, Scanpath, Scene
from scanpath.decode import LIMIT, Rollouts, log_softmax, pick

RECOVERY = 6.0  # looks until half of an inhibition is gone
LEAST = 1e-3  # of its interest that an object keeps when it is wholly inhibited: people do look twice


def walk(
    log_density: Float[np.ndarray, "h w"],
    fixations: int = 10,
    radius: float | None = None,
    start: tuple[float, float] | None = None,
    *,
    recovery: float = RECOVERY,
) -> Scanpath:
    """The places of highest interest in turn, at centres of pixels; of equal ones the first from the top-left.

    `radius`, in pixels, is where half of the inhibition is left: by default a sixth of the smaller side. `start` is
    where the first look goes (x, y); by default it goes to the highest density. `recovery` inf: never look back.
    """
    return _go(_Field(log_density, radius, recovery, 1.0), fixations, start, None)


def wander(
    log_density: Float[np.ndarray, "h w"],
    fixations: int = 10,
    radius: float | None = None,
    start: tuple[float, float] | None = None,
    *,
    recovery: float = RECOVERY,
    sharpness: float = 1.0,
    observers: int = 20,
    seed: int = 0,
) -> list[Scanpath]:
    """The walks of several observers, who draw each place in proportion to its interest; otherwise as `walk`.

    `sharpness` above 1 brings them nearer to the walk of the winner, and below 1 spreads them.
    """
    draws = np.random.default_rng(seed)
    field = _Field(log_density, radius, recovery, sharpness)
    return [_go(field, fixations, start, draws, str(observer)) for observer in range(observers)]


class _Random(Protocol):
    def random(self) -> float: ...


class _Field:
    """The interest in each pixel, as looks inhibit it."""

    def __init__(
        self, log_density: Float[np.ndarray, "h w"], radius: float | None, recovery: float, sharpness: float
    ) -> None:
        if log_density.ndim != 2 or not log_density.size or not np.isfinite(log_density.max()):
            raise ValueError(f"A log density must be (h, w) with a finite maximum, but this is {log_density.shape}.")
        self.radius = min(log_density.shape) / 6 if radius is None else radius
        if not (self.radius > 0 and recovery > 0 and sharpness > 0):
            raise GazeError(
                f"The radius ({self.radius:g}), the recovery ({recovery:g}) and the sharpness ({sharpness:g}) "
                "of a walk must be positive."
            )
        self.fading = 2 ** (-1 / recovery)
        self.sharpness = sharpness
        self.wish = (log_density - log_density.max()).astype(np.float64)
        self.inhibition = np.zeros(log_density.shape)

    def inhibit(self, x: float, y: float) -> None:
        height, width = self.wish.shape
        spots = [2.0 ** -(((np.arange(size) + 0.5 - at) / self.radius) ** 2) for size, at in ((height, y), (width, x))]
        self.inhibition *= self.fading
        self.inhibition += spots[0][:, None] * spots[1]

    def next(self, draws: _Random | None) -> tuple[float, float]:
        interest = self.wish + np.log(np.maximum(1 - self.inhibition, 1e-12))
        if draws is None:
            place = int(interest.argmax())
        else:
            mass = np.exp(self.sharpness * (interest - interest.max())).cumsum()
            place = min(int(np.searchsorted(mass, draws.random() * mass[-1], "right")), mass.size - 1)
        row, column = divmod(place, self.wish.shape[1])
        return column + 0.5, row + 0.5


def _go(
    field: _Field, fixations: int, start: tuple[float, float] | None, draws: _Random | None, subject: str = "walk"
) -> Scanpath:
    height, width = field.wish.shape
    if start is not None and not (0 <= start[0] < width and 0 <= start[1] < height):
        raise GazeError(f"The walk cannot start at {start}: the picture is {width} x {height} pixels.")
    field.inhibition[:] = 0
    places = np.full((fixations, 2), np.nan)
    for look in range(fixations):
        places[look] = start if look == 0 and start is not None else field.next(draws)
        field.inhibit(*places[look])
    unknown = np.full(fixations, np.nan)
    return Scanpath(subject, places, unknown, unknown)


@dataclass(frozen=True)
class Walk:
    """The same over the objects of a scene: each is as interesting as the density in it, less the inhibition on it.

    It looks for nothing in particular, and stops after each look with probability `end`, whatever it has seen.
    """

    recovery: float = RECOVERY  # looks until half of an inhibition is gone
    sharpness: float = 1.0  # above 1: nearer to the winner, below 1: nearer to chance
    end: float = 0.1  # one over the mean number of looks

    def sample(
        self,
        scene: Scene,
        observers: int = 20,
        seed: int = 0,
        *,
        density: Float[np.ndarray, "h w"] | None = None,
        limit: int = LIMIT,
        greedy: bool = False,
    ) -> Rollouts:
        """Walks of several observers; `greedy`: everyone takes the winner each time and goes on to the limit.

        Without a density every pixel is as interesting as any other. No objects: nobody looks at anything.
        """
        wish, draws = self._wish(scene.objects, density), np.random.default_rng(seed)
        order = np.full((observers, limit if len(wish) else 0), -1, np.int64)
        log_p, ended = np.zeros(observers), np.full(observers, not len(wish))
        inhibition = np.zeros((observers, len(wish)))
        everyone = np.arange(observers)
        for look in range(order.shape[1]):
            if look and not greedy:
                stop = draws.random(observers) < self.end
                log_p += np.where(ended, 0, np.where(stop, _log(self.end), _log(1 - self.end)))
                ended |= stop
            chances = self._chances(wish, inhibition)
            chosen = chances.argmax(1) if greedy else pick(np.exp(chances), draws.random(observers))
            log_p += np.where(ended, 0, chances[everyone, chosen])
            order[:, look] = np.where(ended, -1, chosen)
            inhibition *= 2 ** (-1 / self.recovery)
            inhibition[everyone, chosen] += 1
        return Rollouts(order, np.full(order.shape, np.nan), log_p, ended)

    def likelihood(
        self, scene: Scene, order: Int64[np.ndarray, " l"], *, density: Float[np.ndarray, "h w"] | None = None
    ) -> Float[np.ndarray, "l+1 n+1"]:
        """Natural-log probability of each object before each look of a path, and in the last column of its end."""
        wish = self._wish(scene.objects, density)
        inhibition = np.zeros((1, len(wish)))
        rows = np.full((len(order) + 1, len(wish) + 1), -np.inf)
        for look in range(len(order) + 1):
            goes_on = _log(1 - self.end) if look else 0.0
            rows[look, :-1] = self._chances(wish, inhibition)[0] + goes_on
            rows[look, -1] = _log(self.end) if look else -np.inf
            if look < len(order):
                inhibition *= 2 ** (-1 / self.recovery)
                inhibition[0, order[look]] += 1
        return rows

    def _wish(self, objects: Objects, density: Float[np.ndarray, "h w"] | None) -> Float[np.ndarray, " n"]:
        share = mass(objects, density)
        return np.asarray(np.log(np.maximum(share, share.max(initial=0) * 1e-6 + 1e-300)))

    def _chances(self, wish: Float[np.ndarray, " n"], inhibition: Float[np.ndarray, "s n"]) -> Float[np.ndarray, "s n"]:
        """Natural logarithms of the probabilities of the objects."""
        if not len(wish):
            return inhibition
        return log_softmax(self.sharpness * (wish + np.log(np.maximum(1 - inhibition, LEAST))))


def mass(objects: Objects, log_density: Float[np.ndarray, "h w"] | None) -> Float[np.ndarray, " n"]:
    """How much of the density lies in each object; a pixel in several boxes belongs to the smallest.

    Without a density, the area of each box in square pixels, as far as no smaller box covers it.
    """
    owner = owners(objects, None if log_density is None else log_density.shape)
    weights = None if log_density is None else np.exp(log_density, dtype=np.float64).ravel()
    return np.asarray(np.bincount(owner.ravel() + 1, weights, len(objects) + 1)[1:], np.float64)


def owners(objects: Objects, shape: tuple[int, ...] | None = None) -> Int64[np.ndarray, "h w"]:
    """The object that each pixel belongs to, -1 for none: the smallest box, or mask, that covers it, as in `assign`.

    `shape` (height, width) is the picture's; by default just large enough for the boxes.
    """
    left, top, right, bottom = _corners(objects)
    height, width = shape or (int(bottom.max(initial=1)), int(right.max(initial=1)))
    owner = np.full((height, width), -1, np.int64)
    areas = objects.boxes[:, 2] * objects.boxes[:, 3] if objects.masks is None else objects.masks.sum((1, 2))
    for number in np.argsort(areas, kind="stable")[::-1]:
        window = slice(top[number], bottom[number]), slice(left[number], right[number])
        if objects.masks is None:
            owner[window] = number
        else:
            owner[window][objects.masks[number][window]] = number
    return owner


def land(
    objects: Objects,
    order: Int64[np.ndarray, "s l"],
    log_density: Float[np.ndarray, "h w"] | None = None,
    seed: int = 0,
) -> Float[np.ndarray, "s l 2"]:
    """Where on the objects the looks fall, pixels; NaN where `order` is -1.

    Places are drawn from the density in the object's box (or mask). Without a density they scatter about the middle
    of the box, normally distributed with a standard deviation of a sixth of its sides, and cut at its border.
    """
    draws = np.random.default_rng(seed)
    places = np.full((*order.shape, 2), np.nan)
    for number in np.unique(order[order >= 0]):
        looks = order == number
        count = int(looks.sum())
        x, y, width, height = objects.boxes[number]
        if log_density is None:
            spread = np.clip(draws.normal(size=(count, 2)), -2.9, 2.9) / 6
            places[looks] = (x + width / 2, y + height / 2) + spread * (width, height)
        else:
            places[looks] = _inside(objects, int(number), log_density, draws.random(count))
    return places


def _inside(
    objects: Objects, number: int, log_density: Float[np.ndarray, "h w"], draws: Float[np.ndarray, " k"]
) -> Float[np.ndarray, "k 2"]:
    """Centres of pixels of one object, drawn from the density; of the box's middle where it covers no pixel."""
    left, top, right, bottom = (int(side[number]) for side in _corners(objects))
    window = log_density[top:bottom, left:right].astype(np.float64)
    if objects.masks is not None:
        window = np.where(objects.masks[number, top:bottom, left:right], window, -np.inf)
    if not window.size or not np.isfinite(window.max()):
        return np.repeat(objects.centres[number][None], len(draws), 0)
    total = np.exp(window - window.max()).cumsum()
    chosen = np.minimum(np.searchsorted(total, draws * total[-1], "right"), total.size - 1)
    rows, columns = np.divmod(chosen, window.shape[1])
    return np.stack([left + columns + 0.5, top + rows + 0.5], 1)


def _corners(objects: Objects) -> tuple[Int64[np.ndarray, " n"], ...]:
    """The pixels whose centres a box holds: left, top, and, past the last one, right, bottom; at least one pixel."""
    low = np.maximum(np.ceil(objects.boxes[:, :2] - 0.5), 0).astype(np.int64)
    high = np.ceil(objects.boxes[:, :2] + objects.boxes[:, 2:] - 0.5).astype(np.int64)
    high = np.maximum(high, low + 1)
    return low[:, 0], low[:, 1], high[:, 0], high[:, 1]


def _log(chance: float) -> float:
    return float(np.log(chance)) if chance > 0 else -np.inf
