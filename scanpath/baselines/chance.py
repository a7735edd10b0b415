"""Chance: paths over objects that are never seen. A model that does not beat these has learned nothing of order.

Three rows, each fitted to the people of a train split; none sees the picture, only boxes:

    uniform   every object is equally likely next
    marginal  objects are weighted by place and size
    markov    by place and size, and by the displacement from the object that is fixated now (first order)

All are one conditional logit, p(next = j | now = i) ~ exp(b . f(i, j)), with other features f, fitted by maximum
likelihood (McFadden 1974, Conditional logit analysis of qualitative choice behavior). Distances are in picture units,
x / width and y / height: f of the place is u, v, u^2, v^2 of the object's centre from the picture's, so that it is a
Gaussian where people look at the middle, and the logarithm of its share of the picture's area; f of the displacement
is a histogram of its length with linear interpolation between `KNOTS`, by how much its horizontal part is longer than
its vertical one, and whether it is the same object again. Gaze begins at the middle of the picture.

Before each fixation but the first the path ends with a probability of its own, the share of the train paths still
going on after so many fixations that ended there; a path that the protocol cut is counted while it lasted (Kaplan and
Meier 1958, https://doi.org/10.1080/01621459.1958.10501452). With `target_known` the row knows where the target is:
moving to it has a weight that depends on its distance, and the probability of ending is fitted apart for being on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int64

from data.errors import GazeError
from data.gaze import ObjectPath, Scene
from scanpath.decode import LIMIT, Rollouts, pick

Kind = Literal["uniform", "marginal", "markov"]
Trials = Sequence[tuple[Scene, Sequence[ObjectPath]]]

KNOTS = (0.0, 0.06, 0.12, 0.2, 0.32, 0.5, 0.8)  # picture units
RIDGE = 1e-4  # of the coefficients, beside the mean logarithm of a choice's probability
PRIOR = 1.0  # how many paths the pooled probability of ending is worth at each step
START = -1  # instead of an object, before the first fixation


@dataclass(frozen=True)
class Chance:
    """A fitted row; it samples paths and tells their likelihood as `export.runtime.scanpath.ScanpathPredictor` does.

    `hazard[k, on]` is the probability that a path ends after k fixations, the last of them on no target (0) or on one
    (1); of longer paths, that of its last row.
    """

    kind: Kind
    merged: bool  # whether one object never follows itself
    target_known: bool
    weights: Float[np.ndarray, " k"]
    hazard: Float[np.ndarray, "t 2"]

    def likelihood(self, scene: Scene, order: Int64[np.ndarray, " l"]) -> Float[np.ndarray, "l+1 n+1"]:
        """The natural logarithm of the probability of each object, and last of the end, before each fixation.

        After the last fixation comes one more row. Each row sums to one. Impossible are the end before the first
        fixation and, where paths are merged, the object that is fixated already; with no other left the end is sure.
        """
        order = np.asarray(order, np.int64)
        current = np.concatenate([[START], order])
        end = self.end(scene, np.arange(len(current)), current)[:, None]
        with np.errstate(divide="ignore"):
            return np.concatenate([np.log1p(-end) + self.next(scene, current), np.log(end)], 1)

    def sample(
        self, scene: Scene, observers: int = 20, *, seed: int = 0, limit: int = LIMIT, unterminated: bool = False
    ) -> Rollouts:
        """The paths of several observers, at most `limit` fixations each; durations are unknown (NaN).

        `unterminated`: nobody ends before the limit while there is an object to go to.
        """
        generator = np.random.default_rng(seed)
        order = np.full((observers, limit), -1, np.int64)
        current, log_p = np.full(observers, START), np.zeros(observers)
        walking = np.ones(observers, bool)
        for step in range(limit):
            end = self.end(scene, np.full(observers, step * (not unterminated)), current)
            stops = walking & (generator.random(observers) < end)
            log_p[stops] += np.log(end[stops])
            walking &= ~stops
            if not walking.any():
                break
            log_p[walking] += np.log1p(-end[walking])
            log_next = self.next(scene, current[walking])
            chosen = pick(np.exp(log_next), generator.random(walking.sum()))
            log_p[walking] += np.take_along_axis(log_next, chosen[:, None], 1)[:, 0]
            order[walking, step] = current[walking] = chosen
        length = int((order >= 0).sum(1).max(initial=0))
        duration = np.full((observers, length), np.nan)
        return Rollouts(order[:, :length], duration, log_p, ~walking)

    def next(self, scene: Scene, current: Int64[np.ndarray, " c"]) -> Float[np.ndarray, "c n"]:
        """The natural logarithm of the probability of each object, given that the path does not end."""
        logits = features(self.kind, scene, current, self.target_known) @ self.weights
        logits[_same(current, len(scene.objects)) & self.merged] = -np.inf
        highest = logits.max(1, initial=-np.inf, keepdims=True)
        logits = logits - np.where(np.isfinite(highest), highest, 0)
        with np.errstate(divide="ignore"):
            total = np.log(np.exp(logits).sum(1, keepdims=True))
        return np.asarray(logits - np.where(np.isfinite(total), total, 0))

    def end(
        self, scene: Scene, step: Int64[np.ndarray, " c"], current: Int64[np.ndarray, " c"]
    ) -> Float[np.ndarray, " c"]:
        """The probability of ending after `step` fixations, the last of them on `current`."""
        on = _is_target(scene)[current].astype(np.int64)
        end = self.hazard[np.minimum(step, len(self.hazard) - 1), on]
        left = len(scene.objects) - (current >= 0) * self.merged
        return np.where(left > 0, end, 1.0)


def fit(kind: Kind, trials: Trials, *, merged: bool, target_known: bool = False) -> Chance:
    """Fit a row to people.

    Args:
        kind: Of the row.
        trials: Scenes with the paths of people over their objects.
        merged: Whether repeats of one object are one fixation in the paths.
        target_known: Whether the row knows which object is the target.

    Raises:
        GazeError: No path has a fixation on an object.
    """
    if not any(len(path) for _, paths in trials for path in paths):
        raise GazeError("Chance: no path has a fixation on an object; give a split whose people look at objects.")
    parts = [part for scene, paths in trials if (part := _choices(kind, scene, paths, merged, target_known))]
    size = features_count(kind, target_known)
    weights = _newton(parts) if size and parts else np.zeros(size)
    return Chance(kind, merged, target_known, weights, _hazard(trials, target_known))


def features_count(kind: Kind, target_known: bool) -> int:
    """How many numbers describe a choice."""
    place, displacement = 5 * (kind != "uniform"), (len(KNOTS) + 2) * (kind == "markov")
    return place + displacement + len(KNOTS) * target_known


def features(
    kind: Kind, scene: Scene, current: Int64[np.ndarray, " c"], target_known: bool
) -> Float[np.ndarray, "c n k"]:
    """What the choice of each object depends on, when `current` is fixated (`START`: nothing yet)."""
    count, size = len(scene.objects), (scene.picture.width, scene.picture.height)
    centres = scene.objects.centres / size - 0.5
    where = np.concatenate([centres, np.zeros((1, 2))])[current]
    steps = centres - where[:, None]
    parts: list[Float[np.ndarray, "c n _k"]] = [np.zeros((len(current), count, 0))]
    if kind != "uniform":
        share = np.log(scene.objects.boxes[:, 2:].prod(1, keepdims=True) / (size[0] * size[1]))
        place = np.concatenate([centres, centres**2, share], 1)
        parts.append(np.broadcast_to(place, (len(current), *place.shape)))
    far = _hats(np.hypot(*np.moveaxis(steps, -1, 0))) if kind == "markov" or target_known else parts[0]
    if kind == "markov":
        longer = np.abs(steps[..., :1]) - np.abs(steps[..., 1:])
        parts += [far, longer, _same(current, count)[..., None].astype(float)]
    if target_known:
        parts.append(far * _is_target(scene)[:count, None])
    return np.concatenate(parts, -1)


def _is_target(scene: Scene) -> Bool[np.ndarray, " n+1"]:
    """Which objects are targets; the last is `START`, which is none."""
    is_target = np.zeros(len(scene.objects) + 1, bool)
    is_target[list(scene.targets)] = True
    return is_target


def _same(current: Int64[np.ndarray, " c"], count: int) -> Bool[np.ndarray, "c n"]:
    return np.asarray(current[:, None] == np.arange(count))


def _hats(distance: Float[np.ndarray, "c n"]) -> Float[np.ndarray, "c n k"]:
    """Between two knots both of theirs, in proportion; they sum to one."""
    return np.stack([np.interp(distance, KNOTS, hat) for hat in np.eye(len(KNOTS))], -1)


@dataclass(frozen=True)
class _Choices:
    """Choices among objects: the features of each alternative, how often it was taken, and where each choice begins."""

    features: Float[np.ndarray, "m k"]
    taken: Float[np.ndarray, " m"]
    begins: Int64[np.ndarray, " c"]


def _choices(
    kind: Kind, scene: Scene, paths: Sequence[ObjectPath], merged: bool, target_known: bool
) -> _Choices | None:
    count = len(scene.objects)
    taken = np.zeros((count + 1, count))  # the last row: from the start
    for path in paths:
        np.add.at(taken, (np.concatenate([[START], path.order[:-1]])[: len(path)], path.order), 1)
    allowed = np.ones_like(taken, bool)
    allowed[:count][np.eye(count, dtype=bool)] = not merged
    taken *= allowed
    rows = np.flatnonzero(taken.any(1) & (allowed.sum(1) > 1))
    if not len(rows):
        return None
    current = np.where(rows == count, START, rows)
    numbers = allowed[rows].sum(1)
    return _Choices(
        features(kind, scene, current, target_known)[allowed[rows]],
        taken[rows][allowed[rows]],
        numbers.cumsum() - numbers,
    )


def _newton(parts: Sequence[_Choices], rounds: int = 50) -> Float[np.ndarray, " k"]:
    """The coefficients of highest likelihood: the function is concave, so halved Newton steps find them."""
    x, taken = (np.concatenate([getattr(part, name) for part in parts]) for name in ("features", "taken"))
    offsets = np.cumsum([0, *(len(part.taken) for part in parts[:-1])])
    begins = np.concatenate([part.begins + offset for part, offset in zip(parts, offsets, strict=True)])
    sizes = np.diff([*begins, len(taken)])
    times = np.add.reduceat(taken, begins)  # how often each choice was made
    total, wide = times.sum(), np.repeat(times, sizes)

    def score(weights: Float[np.ndarray, " k"]) -> tuple[float, Float[np.ndarray, " m"]]:
        logits = x @ weights
        logits -= np.repeat(np.maximum.reduceat(logits, begins), sizes)
        p = np.exp(logits)
        norm = np.repeat(np.add.reduceat(p, begins), sizes)
        value = float(taken @ (logits - np.log(norm)) / total - RIDGE / 2 * weights @ weights)
        return value, p / norm

    weights = np.zeros(x.shape[1])
    value, p = score(weights)
    for _ in range(rounds):
        gradient = (taken - wide * p) @ x / total - RIDGE * weights
        means = np.add.reduceat(p[:, None] * x, begins)
        spread = (x.T * (wide * p)) @ x - (means.T * times) @ means
        step = np.linalg.solve(spread / total + RIDGE * np.eye(len(weights)), gradient)
        scale = 1.0
        while (better := score(weights + scale * step))[0] < value and scale > 1e-6:
            scale /= 2
        gain, weights = better[0] - value, weights + scale * step
        value, p = better
        if gain < 1e-10:
            break
    return weights


def _hazard(trials: Trials, target_known: bool) -> Float[np.ndarray, "t 2"]:
    """How often paths end after k fixations, on no target and on one; without `target_known` both are the same."""
    longest = max(len(path) for _, paths in trials for path in paths)
    ends, risks = np.zeros((2, longest + 1, 2))
    for scene, paths in trials:
        for path in (path for path in paths if len(path)):
            on = _is_target(scene)[np.concatenate([[START], path.order])].astype(np.int64) * target_known
            steps = np.arange(len(path) + path.ended)
            np.add.at(risks, (steps, on[: len(steps)]), 1)
            ends[len(path), on[-1]] += path.ended
    if not target_known:
        ends[:, 1], risks[:, 1] = ends[:, 0], risks[:, 0]
    pooled = (ends[1:].sum(0) + 0.5) / (risks[1:].sum(0) + 1)
    hazard = (ends + PRIOR * pooled) / (risks + PRIOR)
    hazard[0] = 0
    return np.asarray(hazard)
