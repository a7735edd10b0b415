"""Model output becomes paths: greedy or sampled, many observers at once, each step computed once.

A model is a `StepModel`: given the object that each observer fixates, it gives the logits of every object, and of the
end, to come next. What it remembers of earlier steps is its state. Nothing here needs torch.

Shapes: `s` observers, `n` objects, `l` fixations.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from data.errors import GazeError
from scanpath.inputs import MAX_STEPS

LIMIT = 20  # fixations at most, by default
RECOVERY = 0.7  # what is left of the inhibition of an object after each further fixation
SACCADE = 50.0  # milliseconds: the usual time between two fixations; 40 to 75 ms in the sets where onsets are known

State = Any
Step = tuple[Float32[np.ndarray, "s n_1"], Float32[np.ndarray, "s n 2"], State]


class StepModel(Protocol):
    """One scene as a model sees it."""

    count: int  # objects

    def start(self, observers: int) -> State:
        """What is remembered before the first step."""

    def step(self, last: Int64[np.ndarray, " s"], state: State) -> Step:
        """Logits of each object and the end; mean and log deviation of each log duration (NaN: unknown); new state.

        `last` is the object that each observer fixates, `count` before the first.
        """


@dataclass(frozen=True)
class Rollouts:
    """The paths of several simulated observers over the objects of one scene."""

    order: Int64[np.ndarray, "s l"]  # the object's number; -1 after the end
    duration: Float[np.ndarray, "s l"]  # milliseconds; NaN after the end, and where the model predicts none
    log_p: Float[np.ndarray, " s"]  # natural logarithm of the path's probability under the model, its end included
    ended: Bool[np.ndarray, " s"]  # whether the path ended by itself, not at the limit

    def paths(self) -> list[Int64[np.ndarray, " _l"]]:
        """One array of objects an observer."""
        return [row[row >= 0] for row in self.order]


def sample(
    model: StepModel,
    observers: int = 20,
    *,
    seed: int = 0,
    temperature: float = 1.0,
    top_p: float = 1.0,
    inhibition: float = 0.0,
    greedy: bool = False,
    limit: int = LIMIT,
) -> Rollouts:
    """Walks for many observers at once; every path has a fixation, and at most `limit`.

    Args:
        model: The scene as a model sees it.
        observers: How many.
        seed: The same number gives the same paths.
        temperature: Divides the logits of where to go: below 1 observers agree more on it, above 1 less. How likely a
            path stays on its object is left as it is; below 1, how long it lasts comes nearer to the median.
        top_p: The unlikely rest beyond this share of the probability is never chosen (nucleus sampling).
        inhibition: Nats taken from the logit of an object just left; fixation by fixation it recovers. inf: no return
            to any object before all have been fixated.
        greedy: Everybody takes the most likely object, for median durations, until half of the observers have ended.
        limit: Fixations at most.

    Raises:
        GazeError: There is no object, or an option is out of its range.
    """
    _check(model.count, observers, temperature, top_p, inhibition, limit, getattr(model, "longest", limit))
    rng = np.random.default_rng(seed)
    end, state = model.count, model.start(observers)
    order, duration = np.full((observers, limit), -1, np.int64), np.full((observers, limit), np.nan)
    log_p, active, recency = np.zeros(observers), np.ones(observers, bool), np.zeros((observers, end + 1))
    last, survival = np.full(observers, end), np.ones(observers)  # probability that a path has not ended by now
    threshold = 0.5 + (rng.random(observers) - 0.5) * (0.0 if greedy else min(temperature, 1.0))
    for step in range(limit):
        logits, log_duration, state = model.step(last, state)
        logits = logits.astype(np.float64)
        if step == 0:
            logits[:, end] = -np.inf
        log_p_next = log_softmax(logits)
        survival *= -np.expm1(np.minimum(log_p_next[:, end], 0.0))
        log_p_object = _sharpened(log_p_next, _held_back(inhibition, recency), last, temperature)[:, :end]
        chosen = log_p_object.argmax(1) if greedy else _draw(rng, log_p_object, top_p)
        chosen = np.where(survival <= threshold, end, chosen)
        log_p += np.where(active, log_p_next[np.arange(observers), chosen], 0.0)
        active &= chosen != end
        order[active, step] = chosen[active]
        duration[active, step] = _durations(rng, log_duration, chosen, greedy)[active]
        last = np.where(active, chosen, last)
        recency *= RECOVERY
        recency[active, chosen[active]] = 1.0
        if not active.any():
            break
    used = max(1, int((order >= 0).sum(1).max()))
    return Rollouts(order[:, :used], duration[:, :used], log_p, ~active)


def likelihood(model: StepModel, orders: Sequence[Int64[np.ndarray, " _l"]]) -> list[Float[np.ndarray, "_l_1 n_1"]]:
    """For each known path, natural-log probabilities before each fixation and after the last; the end is last.

    Before the first fixation the end is impossible. A path without fixations has one row.

    Raises:
        GazeError: A path names an object that the scene has not, or is too long for the model.
    """
    if not orders:
        return []
    end, longest = model.count, max(len(order) for order in orders)
    for order in orders:
        if len(order) and (order.min() < 0 or order.max() >= end):
            wrong = order.min() if order.min() < 0 else order.max()
            raise GazeError(f"A path names the object {wrong}, but the scene has {end} objects (0 to {end - 1}).")
    if longest >= getattr(model, "longest", math.inf):
        raise GazeError(f"A path of {longest} fixations is too long for this model; give at most {MAX_STEPS - 1}.")
    padded = np.full((len(orders), longest), 0, np.int64)
    for row, order in zip(padded, orders, strict=True):
        row[: len(order)] = order
    state, last, rows = model.start(len(orders)), np.full(len(orders), end), []
    for step in range(longest + 1):
        logits, _, state = model.step(last, state)
        logits = logits.astype(np.float64)
        if step == 0:
            logits[:, end] = -np.inf
        rows.append(log_softmax(logits))
        last = padded[:, min(step, longest - 1)] if longest else last
    table = np.stack(rows, 1)
    return [table[i, : len(order) + 1] for i, order in enumerate(orders)]


def _check(
    count: int, observers: int, temperature: float, top_p: float, inhibition: float, limit: int, longest: int
) -> None:
    rules = {
        "objects": (count, "at least 1", count >= 1),
        "observers": (observers, "at least 1", observers >= 1),
        "temperature": (temperature, "above 0", temperature > 0),
        "top_p": (top_p, "above 0 and at most 1", 0 < top_p <= 1),
        "inhibition": (inhibition, "0 or more", inhibition >= 0),
        "limit": (limit, "at least 1" if limit < 1 else f"at most {longest}", 1 <= limit <= longest),
    }
    for name, (value, rule, valid) in rules.items():
        if not valid:
            raise GazeError(f"To simulate observers, {name} must be {rule}, but it is {value}.")


def _sharpened(
    log_p_next: Float[np.ndarray, "s n_1"],
    held_back: Float[np.ndarray, "s n_1"],
    last: Int64[np.ndarray, " s"],
    temperature: float,
) -> Float[np.ndarray, "s n_1"]:
    """Log probabilities sharpened by the temperature, but for those of the end and of staying on `last`."""
    if temperature == 1 and not held_back.any():
        return log_p_next
    kept = np.zeros(log_p_next.shape, bool)
    kept[:, -1] = True
    kept[np.arange(len(log_p_next)), last] = True  # before the first fixation `last` is the end's column
    share = np.where(kept, -np.inf, (log_p_next - held_back) / temperature)
    total = _log_sum(share)
    rest = _log_sum(np.where(kept, -np.inf, log_p_next))
    moved = np.where(np.isfinite(total), share - np.where(np.isfinite(total), total, 0.0) + rest, log_p_next)
    return np.where(kept, log_p_next, moved)  # where everything is held back, nothing is


def _log_sum(values: Float[np.ndarray, "s n"]) -> Float[np.ndarray, "s 1"]:
    top = np.maximum(values.max(1, keepdims=True), -1e300)  # of nothing but minus infinities
    with np.errstate(divide="ignore"):
        return np.asarray(top + np.log(np.exp(values - top).sum(1, keepdims=True)))


def _held_back(inhibition: float, recency: Float[np.ndarray, "s n_1"]) -> Float[np.ndarray, "s n_1"]:
    held = np.zeros_like(recency)
    if inhibition:
        held[recency > 0] = inhibition * recency[recency > 0]  # infinite inhibition of what was not fixated is none
    return held


def log_softmax(logits: Float[np.ndarray, "s n"]) -> Float[np.ndarray, "s n"]:
    """Natural logarithms of the probabilities of logits, row by row."""
    top = logits - logits.max(1, keepdims=True)
    return np.asarray(top - np.log(np.exp(top).sum(1, keepdims=True)))


def _draw(rng: np.random.Generator, log_p: Float[np.ndarray, "s n_1"], top_p: float) -> Int64[np.ndarray, " s"]:
    p = np.exp(log_softmax(log_p))
    if top_p < 1:
        ranked = -np.sort(-p, axis=1)
        enough = (np.cumsum(ranked, 1) - ranked) < top_p
        p = np.where(p >= np.where(enough, ranked, np.inf).min(1, keepdims=True), p, 0.0)
        p /= p.sum(1, keepdims=True)
    return pick(p, rng.random(len(p)))


def pick(p: Float[np.ndarray, "s n"], draws: Float[np.ndarray, " s"]) -> Int64[np.ndarray, " s"]:
    """For each row the place that a number from 0 to 1 falls on; never one without probability.

    >>> pick(np.array([[0.2, 0.0, 0.8], [0.2, 0.0, 0.8]]), np.array([0.1, 0.2])).tolist()
    [0, 2]
    """
    heights = p.cumsum(1)
    return np.asarray((draws[:, None] * heights[:, -1:] >= heights).sum(1), np.int64)


def _durations(
    rng: np.random.Generator, log_duration: Float32[np.ndarray, "s n 2"], chosen: Int64[np.ndarray, " s"], greedy: bool
) -> Float[np.ndarray, " s"]:
    at = np.minimum(chosen, log_duration.shape[1] - 1)
    mean, spread = log_duration[np.arange(len(chosen)), at].astype(np.float64).T
    noise = np.zeros(len(chosen)) if greedy else rng.standard_normal(len(chosen))
    return np.asarray(np.exp(mean + np.exp(spread) * noise))
