"""How a viewer behaves over a whole path: how it ends, how long it is, how often it comes back, how fast it finds.

`rates` gives the five rates of OAT for one path, `delta` the distance of a model's from people's, as published: of the
means over all trials. A model with the right means and the wrong behaviour in every single trial has a delta of 0;
`delta_by_trial` therefore compares trial by trial, then averages. The search curves tell which share of searches has
found its target by the first, second ... fixation.

Fang et al. 2024 (OAT), https://arxiv.org/abs/2407.13335; Yang et al. 2020 (curves), https://arxiv.org/abs/2005.14310.
"""

import math
from collections.abc import Collection, Sequence

import numpy as np
from jaxtyping import Float, Int64

from data import finite

RATES = ("ends_on_target", "length", "search", "refixation", "revisit")

Order = Int64[np.ndarray, " _l"]
Rates = Float[np.ndarray, "_t 5"]
Curve = Float[np.ndarray, " _k"]


def rates(order: Order, targets: Collection[int] = ()) -> Float[np.ndarray, "5"]:
    """Of one path over objects: whether it ends on a target, its length, and the shares of three kinds of fixation.

    A fixation on the same object as the one before is a refixation; otherwise, on an object seen before, a revisit; on
    a new one, search. The shares sum to 1. An empty path has length 0, ends on no target, and shares of NaN; without
    targets (free viewing) the first is NaN.

    >>> rates(np.array([3, 3, 5, 3]), targets=[3]).tolist()
    [1.0, 4.0, 0.5, 0.25, 0.25]
    """
    finite.check(order=order, targets=tuple(targets))
    ends = math.nan if not len(targets) else float(len(order) > 0 and int(order[-1]) in targets)
    if not len(order):
        return np.array([ends, 0, math.nan, math.nan, math.nan])
    repeated = np.concatenate([[False], order[1:] == order[:-1]])
    new = np.zeros(len(order), bool)
    new[np.unique(order, return_index=True)[1]] = True
    return np.array([ends, len(order), new.mean(), repeated.mean(), (~new & ~repeated).mean()])


def delta(model: Rates, human: Rates) -> float:
    """OAT's behavioural distance: the mean over the five rates of |model - human| / human, each a mean over trials.

    NaN is left out of a mean; a rate that is NaN in all trials of either side is left out altogether. A rate that
    people never show counts 0 when the model does not show it either, else 1. NaN when no rate is left.
    """
    finite.check_where_known(model=model, human=human)
    ours, theirs = _mean(model), _mean(human)
    return _relative(np.abs(ours - theirs), ours, theirs)


def delta_by_trial(model: Rates, human: Rates) -> float:
    """`delta` with |model - human| taken in each trial, then averaged: never less than `delta` of these trials.

    Row t of both is one trial (or scene); several rollouts or people go in as the mean of their rates. A trial counts
    for a rate when both sides know it.
    """
    finite.check_where_known(model=model, human=human)
    if model.shape != human.shape:
        raise ValueError(f"the model's rates have shape {model.shape}, the human ones {human.shape}.")
    known = ~np.isnan(model + human)
    ours, theirs = (np.where(known, rates, np.nan) for rates in (model, human))
    return _relative(_mean(np.abs(ours - theirs)), _mean(ours), _mean(theirs))


def _mean(rates: Rates) -> Float[np.ndarray, "5"]:
    """The mean of what is known in each column, NaN where nothing is."""
    known = ~np.isnan(rates)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.where(known, rates, 0).sum(0) / known.sum(0)
    return mean


def _relative(
    difference: Float[np.ndarray, "5"], model: Float[np.ndarray, "5"], human: Float[np.ndarray, "5"]
) -> float:
    shares = np.divide(difference, human, out=(model != 0).astype(float), where=human != 0)
    known = ~np.isnan(difference)
    return float(shares[known].mean()) if known.any() else math.nan


def first_on(order: Order, targets: Collection[int]) -> float:
    """Which fixation, the first is 1, is the first on a target; infinite when none is.

    >>> first_on(np.array([4, 2, 7]), targets=[7, 2])
    2.0
    """
    finite.check(order=order, targets=tuple(targets))
    hits = np.flatnonzero(np.isin(order, list(targets)))
    return float(hits[0] + 1) if hits.size else math.inf


def first_inside(xy: Float[np.ndarray, "_l 2"], box: tuple[float, float, float, float]) -> float:
    """`first_on` for places and a box x, y, width, height in pixels; the left and upper edge belong to the box."""
    finite.check(xy=xy, box=box)
    low, size = np.array(box[:2]), np.array(box[2:])
    hits = np.flatnonzero(((xy >= low) & (xy < low + size)).all(1))
    return float(hits[0] + 1) if hits.size else math.inf


def tfp(first: Sequence[float] | Float[np.ndarray, " _t"], steps: int) -> Curve:
    """Target fixation probability: which share of trials has fixated the target by fixation 1, 2 ... `steps`.

    `first` is `first_on` or `first_inside` of each trial, infinite for never. Whether the forced fixation before the
    picture counts is up to the caller, and changes the curve: leave it out of both or of neither. NaN without trials.
    """
    number = np.asarray(first, float)
    finite.check(first=number[number != math.inf])
    if not len(number):
        return np.full(steps, np.nan)
    found: np.ndarray = (number[:, None] <= np.arange(1, steps + 1)).mean(0)
    return found


def tfp_auc(curve: Curve) -> float:
    """The sum (not the mean) of a search curve: the number of its steps is a search that always finds at once."""
    finite.check_where_known(curve=curve)
    return float(curve.sum())


def mismatch(model: Curve, human: Curve) -> float:
    """Probability mismatch: the summed absolute difference of two search curves with as many steps."""
    finite.check_where_known(model=model, human=human)
    if model.shape != human.shape:
        raise ValueError(f"the curves have {len(model)} and {len(human)} steps, but must have as many.")
    return float(np.abs(model - human).sum())


def scanpath_ratio(xy: Float[np.ndarray, "_l 2"], box: tuple[float, float, float, float]) -> float:
    """Efficiency of a search: distance from the first fixation to the target's centre / length of the path to it.

    1 is straight, also when the first fixation is on the target; more is cut to 1. NaN for a search that never fixates
    the target: a mean over successful searches says nothing of how many there were, so report `tfp` with it.
    """
    hit = first_inside(xy, box)
    if math.isinf(hit):
        return math.nan
    walked = np.hypot(*np.diff(xy[: int(hit)], axis=0).T).sum()
    centre = np.array(box[:2]) + np.array(box[2:]) / 2
    return min(1.0, float(np.hypot(*(centre - xy[0])) / walked)) if walked else 1.0
