"""The searches of one version of a picture, and what those of two versions say in words.

Counts are fixations after the first, until the target is found; a search that misses it counts its limit, so that a
mean with such searches is a lower bound.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from app.predict.picture_search import Box, PictureSearch, fixations
from scanpath.object_statistics import BOX
from scanpath.visual_search import reaction_time_ms

SAME = 0.05  # fixations: a smaller difference is none


@dataclass(frozen=True)
class VersionSearches:
    """The searches of one version, the one from the middle first."""

    name: str
    size: tuple[int, int]  # height and width
    searches: tuple[PictureSearch, ...]

    @property
    def box(self) -> Box | None:
        """Where the target is; None: nowhere."""
        return self.searches[0].box

    @property
    def counts(self) -> Float[np.ndarray, " s"]:
        """Fixations after the first of each search, until the target or the limit."""
        return np.array(
            [float(each.search.saccades if each.search.found else each.settings.limit) for each in self.searches]
        )

    @property
    def missed(self) -> int:
        """Searches that do not find the target."""
        return sum(each.search.found is not True for each in self.searches)

    def record(self) -> dict[str, Any]:
        """A `SearchedVersion` for JSON."""
        counts, box = self.counts, self.box
        return {
            "picture": self.name,
            "width": self.size[1],
            "height": self.size[0],
            "target": None if box is None else dict(zip(BOX, np.round(box, 2).tolist(), strict=True)),
            "mean_fixations": None if box is None else round(float(counts.mean()), 3),
            "mean_reaction_time_ms": None if box is None else round(reaction_time_ms(float(counts.mean())), 1),
            "missed": self.missed,
            "searches": [
                {
                    "found": each.search.found,
                    "fixations": [{"x": x, "y": y} for x, y in np.round(each.search.xy, 2).tolist()],
                }
                for each in self.searches
            ],
        }


def sentence(a: VersionSearches, b: VersionSearches, limit: int) -> str:
    """How many more fixations the target takes in B, in one sentence; searches of one number started at one place."""
    for version, other in ((a, b), (b, a)):
        if version.box is None:
            rest = "" if other.box is None else f", and in {other.name} it is found after {_mean(other)}"
            return f"The target is nowhere in {version.name}{rest}, so that there is no difference to tell."
    if a.missed == len(a.searches) and b.missed == len(b.searches):
        where = f"neither in {a.name} nor in {b.name}"
        return f"The target is found {where} within {fixations(limit)}; give a larger limit."
    change = float((b.counts - a.counts).mean())
    counts = f"{_mean(b)} against {'at least ' * bool(a.missed)}{_number(a.counts.mean())}{_spread(a, b, limit)}"
    if abs(change) < SAME:
        return f"The target takes as many fixations to find in {b.name} as in {a.name}: {counts}."
    longer, shorter = (b, a) if change > 0 else (a, b)
    bound = " at least" if longer.missed and not shorter.missed else ""
    words = _number(abs(change))
    more = f"{words} {'more' if change > 0 else 'fewer'} fixation{'s' * (words != '1')}"
    return f"The target takes{bound} {more} to find in {b.name} than in {a.name}: {counts}."


def _spread(a: VersionSearches, b: VersionSearches, limit: int) -> str:
    """Over which starts, how much they differ, and which searches were cut off."""
    found = [f"{each.missed} of {len(each.searches)} not found in {each.name}" for each in (a, b) if each.missed]
    missed = f"; {', '.join(found)} within {fixations(limit)}" if found else ""
    differences = b.counts - a.counts
    if len(differences) == 1:
        return f", one search from the middle of each{missed}"
    low, high = _signed(differences.min()), _signed(differences.max())
    return f", means of {len(differences)} starts, from {low} to {high} by start{missed}"


def summary(letter: str, version: VersionSearches) -> tuple[str, ...]:
    """A line of the table that people read: letter, name, target, mean and range of fixations, searches that found it.

    Last comes the time that people would need.
    """
    found = f"{len(version.searches) - version.missed} of {len(version.searches)}"
    if version.box is None:
        return letter, version.name, "nowhere", "", "", found, ""
    counts = version.counts
    return (
        letter,
        version.name,
        ", ".join(f"{side:.0f}" for side in version.box),
        _number(counts.mean()),
        f"{counts.min():.0f} to {counts.max():.0f}",
        found,
        f"{reaction_time_ms(float(counts.mean())) / 1e3:.1f} s",
    )


def _mean(version: VersionSearches) -> str:
    words = _number(version.counts.mean())
    return f"{'at least ' * bool(version.missed)}{words} fixation{'s' * (words != '1')}"


def _signed(value: float) -> str:
    return f"{value:+.0f}" if round(value) else "0"


def _number(value: float) -> str:
    """A number of fixations as people read it.

    >>> _number(2.0), _number(2.34), _number(-0.04)
    ('2', '2.3', '0')
    """
    return f"{round(float(value), 1) + 0.0:g}"
