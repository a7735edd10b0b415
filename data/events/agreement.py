"""How well two raters, or a rater and a detector, agree on what an eye did: by event and by sample.

    F1 = 2 hits / (events of the first + events of the second)
    kappa = (p_observed - p_chance) / (1 - p_chance)           over the samples, this label against all others

An event is a run of one label. Two events of the two raters that share a sample may be a hit; pairs are taken from the
largest overlap in samples downwards (the earlier pair first where two are equal), and each event is in one pair at
most. What is left is a miss or a false alarm. Either rater may be the first: F1 and kappa do not change.

Agreements of several recordings add up to one, as if their events and samples came from one recording. An F1 without
an event and a kappa where chance alone agrees on everything are NaN. Nothing is forgiven: an overlap of one sample is
a hit, and how far its ends are apart is said by `onset` and `offset`.

Event F1: Hooge et al. 2018, https://doi.org/10.3758/s13428-017-0955-x. Kappa: Cohen 1960.
"""

import math
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float, Int8, Int64

from data import finite
from data.errors import GazeError
from data.events.detect import FIXATION
from data.events.velocity import ends, runs


@dataclass(frozen=True)
class Agreement:
    """What two raters agreed on, as counts that can be added.

    >>> first, second = np.array([1, 1, 0, 1], np.int8), np.array([1, 1, 1, 0], np.int8)
    >>> both = agreement(first, second, np.arange(0.0, 8.0, 2.0))
    >>> both.hits, round(both.f1, 3), round(both.kappa, 3), both.onset, both.offset
    (1, 0.667, -0.333, 0.0, 2.0)
    """

    hits: int = 0  # pairs of events
    first: int = 0  # events of the first rater
    second: int = 0  # events of the second rater
    both: int = 0  # samples that have the label from both
    ones: int = 0  # samples that have it from the first
    twos: int = 0  # samples that have it from the second
    samples: int = 0
    onsets: float = 0.0  # squared milliseconds between the onsets of the hits, summed
    offsets: float = 0.0  # the same for their ends

    def __add__(self, other: "Agreement") -> "Agreement":
        return Agreement(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(self)))

    @property
    def f1(self) -> float:
        """The F1 of the events."""
        events = self.first + self.second
        return 2 * self.hits / events if events else math.nan

    @property
    def sample_f1(self) -> float:
        """The F1 of the samples that have the label."""
        labels = self.ones + self.twos
        return 2 * self.both / labels if labels else math.nan

    @property
    def kappa(self) -> float:
        """Cohen's kappa of the samples."""
        if not self.samples:
            return math.nan
        one, two = self.ones / self.samples, self.twos / self.samples
        chance = one * two + (1 - one) * (1 - two)
        observed = 1 - (self.ones + self.twos - 2 * self.both) / self.samples
        return (observed - chance) / (1 - chance) if chance < 1 else math.nan

    @property
    def onset(self) -> float:
        """How far the onsets of the hits are apart: root mean square, milliseconds."""
        return math.sqrt(self.onsets / self.hits) if self.hits else math.nan

    @property
    def offset(self) -> float:
        """How far the ends of the hits are apart: root mean square, milliseconds."""
        return math.sqrt(self.offsets / self.hits) if self.hits else math.nan


def agreement(
    first: Int8[np.ndarray, " n"], second: Int8[np.ndarray, " n"], time: Float[np.ndarray, " n"], label: int = FIXATION
) -> Agreement:
    """How two raters of the same samples agree on one label; `time` in milliseconds.

    Raises:
        GazeError: The two raters' labels and the times are not as many.
        ValueError: A time is NaN or infinite.
    """
    finite.check(time=time)
    if not np.shape(first) == np.shape(second) == np.shape(time) == (len(time),):
        shapes = " and ".join(str(np.shape(each)) for each in (first, second, time))
        raise GazeError(
            f"Agreement: the labels and times have shapes {shapes}; give both raters' labels of every sample."
        )
    ones, twos = first == label, second == label
    (begin, after), (begins, afters) = runs(ones), runs(twos)
    mine, other = match(first, second, label).T
    end = ends(time)
    onsets = time[begin[mine]] - time[begins[other]]
    offsets = end[after[mine] - 1] - end[afters[other] - 1]
    counts = (int((ones & twos).sum()), int(ones.sum()), int(twos.sum()), len(time))
    return Agreement(len(mine), len(begin), len(begins), *counts, float(onsets @ onsets), float(offsets @ offsets))


def match(
    first: Int8[np.ndarray, " n"], second: Int8[np.ndarray, " n"], label: int = FIXATION
) -> Int64[np.ndarray, "k 2"]:
    """Which event of the first rater is which of the second: their numbers, in the order of time.

    >>> match(np.array([1, 1, 1, 0, 1], np.int8), np.array([1, 0, 1, 1, 1], np.int8)).tolist()
    [[0, 0], [1, 1]]
    """
    begin, after = runs(first == label)
    begins, afters = runs(second == label)
    low, high = np.searchsorted(afters, begin, "right"), np.searchsorted(begins, after)
    mine = np.repeat(np.arange(len(begin)), high - low)
    other = np.arange(len(mine)) - np.repeat(np.cumsum(high - low) - high, high - low)
    overlap = np.minimum(after[mine], afters[other]) - np.maximum(begin[mine], begins[other])
    free, free_too = np.ones(len(begin), bool), np.ones(len(begins), bool)
    kept = []
    for pair in np.argsort(-overlap, kind="stable"):
        if free[mine[pair]] and free_too[other[pair]]:
            free[mine[pair]] = free_too[other[pair]] = False
            kept.append(pair)
    chosen = np.sort(np.array(kept, np.int64))
    return np.stack([mine[chosen], other[chosen]], 1)
