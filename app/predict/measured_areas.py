"""What recorded people did with the areas of a picture, in the same measures as `app.predict.areas` predicts.

An area's share counts looks that lie in it, of all looks on the picture; a look in two areas counts for both. The first
look and its time are the median's of those who saw the area; the rank is its place among the areas by the mean number
of the first look, those who never saw it after all others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from app.predict.observers import contains
from data import maps
from data.areas import Area
from data.gaze import ObjectPath, Scanpath
from scanpath.object_statistics import Statistics, statistics


@dataclass(frozen=True)
class MeasuredArea:
    """What people did with an area; NaN where it is not known, or where nobody saw it."""

    name: str
    people: int
    share: float  # of all looks on the picture, 0 to 1
    seen: float  # share of people who looked at it at least once
    first_s: float  # seconds to the first look: median of those who saw it
    dwell_s: float  # seconds spent on it: mean over all people
    rank: float  # place among the areas in the order of first looks; 1: seen first


def measured(
    paths: Sequence[Scanpath], areas: Sequence[Area], size: tuple[int, int], seconds: float
) -> tuple[MeasuredArea, ...]:
    """What people did with each area of a picture of this width and height that was shown for so many seconds."""
    paths = [path for path in paths if maps.on(path.xy, size[::-1]).any()]
    if not paths:
        return ()
    looks = sum(int(maps.on(path.xy, size[::-1]).sum()) for path in paths)
    found, numbers = [], []
    for area in areas:
        inside = [contains(area, path.xy) for path in paths]
        numbers.append(_mean_number(inside))
        each, first = _statistics(paths, inside, seconds)
        share = sum(int(some.sum()) for some in inside) / looks
        found.append((area.name, share, float(each.seen[0]), first, float(each.dwell_ms[0]) / 1000))
    ranks = 1 + (np.array(numbers)[None] < np.array(numbers)[:, None] - 1e-9).sum(1)
    return tuple(
        MeasuredArea(name, len(paths), share, seen, first, dwell, float(rank) if seen > 0 else np.nan)
        for (name, share, seen, first, dwell), rank in zip(found, ranks, strict=True)
    )


def _statistics(
    paths: Sequence[Scanpath], inside: Sequence[Bool[np.ndarray, " _l"]], seconds: float
) -> tuple[Statistics, float]:
    """What the paths say of one area, and the median time of the first look at it in seconds."""
    onsets = [maps.onsets(path, seconds)[some] for path, some in zip(paths, inside, strict=True)]
    on_area = [
        ObjectPath(path.subject, np.zeros(int(some.sum()), np.int64), path.duration[some], path.xy[some])
        for path, some in zip(paths, inside, strict=True)
    ]
    firsts = [float(onset[0]) for onset in onsets if len(onset)]
    return statistics(on_area, 1, onsets), float(np.median(firsts)) / 1000 if firsts else np.nan


def _mean_number(inside: Sequence[Bool[np.ndarray, " _l"]]) -> float:
    """The mean number of the first look at an area; for those who never looked at it that after the longest path."""
    late = max(len(some) for some in inside) + 1
    return float(np.mean([int(some.argmax()) + 1 if some.any() else late for some in inside]))
