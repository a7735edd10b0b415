"""Which objects are seen, when, and for how long: the paths of several observers summed up, object by object.

The observers may be simulated (`Rollouts`) or people (`ObjectPath`s). Times count from the onset of the picture. Where
onsets are not known they are cumulated: each fixation begins when the one before it has ended and a saccade of 50 ms
is over, and the first begins at 0. A duration that is unknown leaves every time after it unknown: NaN.

Shapes: `s` observers, `n` objects, `l` fixations.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from data.gaze import ObjectPath, Objects
from data.spreadsheet import to_csv
from scanpath.decode import SACCADE, Rollouts
from scanpath.metrics.sequence import sequence_matrix

BOX = ("x", "y", "width", "height")  # pixels
COLUMNS = ("seen", "first", "rank", "rank_sd", "time_to_first_ms", "dwell_ms", "looks", "revisits")


@dataclass(frozen=True)
class Statistics:
    """One number an object in each field.

    Shares and counts are over all observers; `rank`, `rank_sd` and `time_to_first_ms` are over those who saw the
    object, and NaN where nobody did.
    """

    observers: int
    seen: Float[np.ndarray, " n"]  # share of observers who looked at it at all
    first: Float[np.ndarray, " n"]  # share of observers who looked at it before anything else
    rank: Float[np.ndarray, " n"]  # mean number of the first look at it: 1 is the path's first fixation
    rank_sd: Float[np.ndarray, " n"]  # its standard deviation over observers, 0 for one
    time_to_first_ms: Float[np.ndarray, " n"]  # mean onset of the first look at it
    dwell_ms: Float[np.ndarray, " n"]  # mean time spent on it, those who never looked at it counted as 0
    looks: Float[np.ndarray, " n"]  # mean number of fixations on it
    revisits: Float[np.ndarray, " n"]  # mean number of returns to it from elsewhere

    def __len__(self) -> int:
        return len(self.seen)

    def rows(self) -> list[dict[str, float]]:
        """One record an object, keyed by `COLUMNS`."""
        return [{name: float(getattr(self, name)[number]) for name in COLUMNS} for number in range(len(self))]

    def to_csv(self, objects: Objects) -> str:
        """A table with a line an object: its number, category and box, the numbers; what is unknown stays empty."""
        names = objects.categories or ("",) * len(self)
        rows = (
            [number, name, *("" if np.isnan(value) else f"{value:.6g}" for value in (*box, *row.values()))]
            for number, (name, box, row) in enumerate(zip(names, objects.boxes.tolist(), self.rows(), strict=True))
        )
        return to_csv(["object", "category", *BOX, *COLUMNS], rows)


def statistics(
    paths: Rollouts | Sequence[ObjectPath],
    objects: int,
    onsets: Sequence[Float[np.ndarray, " _l"]] | None = None,
) -> Statistics:
    """What several observers' paths say of each of so many objects.

    `onsets`, where they are known, hold the milliseconds at which each path's fixations began. Without observers
    every share and count is NaN.
    """
    walks = list(zip(*_walks(paths), strict=True))
    starts = [begin(duration) for _, duration in walks] if onsets is None else onsets
    table = np.array(
        [_one(order, duration, start, objects) for (order, duration), start in zip(walks, starts, strict=True)]
    ).reshape(len(walks), 5, objects)
    rank, time, dwell, looks, revisits = table.transpose(1, 0, 2)
    seen = looks > 0
    deviation = np.sqrt(_mean((rank - _mean(rank, seen)) ** 2, seen))
    everyone = np.ones_like(seen)
    return Statistics(
        observers=len(walks),
        seen=_mean(seen, everyone),
        first=_mean(rank == 1, everyone),
        rank=_mean(rank, seen),
        rank_sd=deviation,
        time_to_first_ms=_mean(time, seen),
        dwell_ms=_mean(dwell, everyone),
        looks=_mean(looks, everyone),
        revisits=_mean(revisits, everyone),
    )


def begin(duration: Float[np.ndarray, "*s l"]) -> Float[np.ndarray, "*s l"]:
    """When each fixation begins, in milliseconds, given how long each lasts; the first begins at 0.

    >>> begin(np.array([200.0, 300.0, 250.0]))
    array([  0., 250., 600.])
    """
    ends = np.cumsum(duration[..., :-1] + SACCADE, -1)
    return np.concatenate([np.zeros_like(duration[..., :1]), ends], -1)


def representative(rollouts: Rollouts) -> int:
    """The observer whose path agrees best with those of all others: the one to draw; of equals, the first.

    Agreement is the mean sequence score, the longest common subsequence over the longer path.
    """
    unique, which, counts = np.unique(rollouts.order, axis=0, return_inverse=True, return_counts=True)
    if len(unique) < 2:
        return 0
    kinds = [row[row >= 0] for row in unique]
    return int((sequence_matrix(kinds, kinds) @ counts)[which.ravel()].argmax())


def _walks(
    paths: Rollouts | Sequence[ObjectPath],
) -> tuple[list[Int64[np.ndarray, " _l"]], list[Float[np.ndarray, " _l"]]]:
    """The objects and the durations of each path."""
    if isinstance(paths, Rollouts):
        durations = [duration[order >= 0] for order, duration in zip(paths.order, paths.duration, strict=True)]
        return paths.paths(), durations
    return [path.order for path in paths], [path.duration for path in paths]


def _one(
    order: Int64[np.ndarray, " l"], duration: Float[np.ndarray, " l"], start: Float[np.ndarray, " l"], objects: int
) -> Float[np.ndarray, "5 n"]:
    """One path: rank and onset of the first look at each object (NaN: never), time on it, looks, returns."""
    rank, time = np.full((2, objects), np.nan)
    numbers, firsts = np.unique(order, return_index=True)
    rank[numbers], time[numbers] = firsts + 1, start[firsts]
    dwell, looks = (np.bincount(order, weights, objects) for weights in (duration, None))
    arrivals = np.bincount(order[np.flatnonzero(np.diff(order, prepend=-1))], minlength=objects)
    return np.stack([rank, time, dwell, looks, np.maximum(arrivals - 1, 0)])


def _mean(values: np.ndarray, among: np.ndarray) -> Float[np.ndarray, " n"]:
    """The mean over observers, of those `among` whom it is to be taken; NaN where there are none."""
    count = among.sum(0)
    total = np.where(among, values, 0).sum(0, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
