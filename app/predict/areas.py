"""What areas of a picture get: share of looks, who sees them, when, for how long, and what a study of it would find.

    share          sum over the cells of  exp(log density) * part of the cell that the area covers
    lift           share / part of the picture that the area covers
    centre lift    share / what a map gives it that knows only that people look at the middle (`center_bias`)

Seen, first look, time and order are those of simulated observers (`observers`), drawn from the same maps. Intervals say
what 95 of 100 studies with `STUDY` people would find if people looked as the model predicts; how far the model
itself is from people is no part of them.

Shapes: `n` areas, `t` seconds, `k` studies, `s` observers, `l` fixations, `g v` cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int64

from app.predict.center_bias import center_bias
from app.predict.observers import Observers
from app.predict.picture_maps import AttentionMaps, coverage
from data.areas import Area

STUDY = 20  # people in a study
STUDIES = 400  # that are drawn
RARE = 8  # looks of all observers: with fewer, an area's share scatters as chance has it (Poisson)
KNOWN = ("share", "seen", "first_s", "dwell_s", "rank")  # what is known of each study


@dataclass(frozen=True)
class AreaMeasures:
    """What one area of a picture gets; `_low` and `_high` enclose what 95 of 100 studies with 20 people would find.

    Shares are from 0 to 1. What is unknown is NaN: when nobody sees an area, it has no first look.
    """

    name: str
    kind: str  # what it was found as, such as "face"; "" where a person drew it
    middle: tuple[float, float]  # across and down, in shares of the picture's sides
    part: float  # of the picture that it covers
    observers: int  # who were asked
    share: float  # of all looks
    share_low: float
    share_high: float
    share_by_second: Float[np.ndarray, " t"]  # () where the model has no seconds
    share_by_second_low: Float[np.ndarray, " t"]
    share_by_second_high: Float[np.ndarray, " t"]
    lift: float  # times what its size would give it
    lift_low: float
    lift_high: float
    centre_lift: float  # times what its place would give it
    centre_lift_low: float
    centre_lift_high: float
    seen: float  # share of observers who look at it at least once
    seen_low: float
    seen_high: float
    first_s: float  # seconds to the first look: median of those who see it
    first_s_low: float
    first_s_high: float
    first_low: float  # and the quartiles of those who see it
    first_high: float
    dwell_s: float  # seconds spent on it: mean over all observers
    dwell_s_low: float
    dwell_s_high: float
    rank: float  # place among the areas in the order of first looks; 1: seen first
    rank_low: float
    rank_high: float
    seen_by_second: Float[np.ndarray, " t"]  # share of observers who have looked at it before the end of each second
    studies: Float[np.ndarray, "k 5"] = field(repr=False, compare=False)  # `KNOWN` of each study


@dataclass(frozen=True)
class AreaDifference:
    """How an area fares in version B, against version A; intervals are of two studies with 20 people each."""

    name: str
    share: float  # B - A
    share_low: float
    share_high: float
    seen: float
    seen_low: float
    seen_high: float
    first_s: float  # seconds: below 0, B is seen earlier
    first_s_low: float
    first_s_high: float

    @property
    def noticeable(self) -> dict[str, bool]:
        """For "share", "seen" and "first_s": whether two studies would notice it, as the interval excludes 0."""
        return {
            name: bool(getattr(self, f"{name}_low") > 0 or getattr(self, f"{name}_high") < 0)
            for name in ("share", "seen", "first_s")
        }


def measure(
    maps: AttentionMaps, areas: Sequence[Area], observers: Observers, seed: int = 0
) -> tuple[AreaMeasures, ...]:
    """What each area of a picture gets; `observers` are those of the same maps (`observe`)."""
    if not areas:
        return ()
    covered = coverage(maps, areas).reshape(len(areas), -1).astype(np.float64)
    shares = np.clip(covered @ np.exp(maps.maps, dtype=np.float64).reshape(len(maps.maps), -1).T, 0, 1)
    part = covered.mean(1)
    centre = covered @ center_bias(maps.maps.shape[1:]).ravel()
    looks = _Looks.of(observers, areas, maps.times)
    found = looks.summed(np.arange(len(observers))[None])
    values = {name: found[name][0] for name in ("seen", "first_s", "dwell_s", "rank")}
    values |= {"share": shares[:, 0], "lift": shares[:, 0] / part, "centre_lift": shares[:, 0] / centre}
    drawn = _draw(looks, shares, np.random.default_rng(seed))
    studies = drawn | {"lift": drawn["share"] / part, "centre_lift": drawn["share"] / centre}
    for name in tuple(values):
        values[f"{name}_low"], values[f"{name}_high"] = _interval(studies[name])
    values["first_low"], values["first_high"] = looks.quartiles()
    low, high = _interval(studies["share_by_second"])
    return tuple(
        AreaMeasures(
            name=area.name,
            kind=area.kind,
            middle=_middle(area, maps.size),
            part=float(part[n]),
            observers=len(observers),
            share_by_second=shares[n, 1:],
            share_by_second_low=low[n],
            share_by_second_high=high[n],
            seen_by_second=looks.seen_by(n),
            studies=np.stack([drawn[name][:, n] for name in KNOWN], 1).astype(np.float32),
            **{name: float(each[n]) for name, each in values.items()},
        )
        for n, area in enumerate(areas)
    )


def difference(a: AreaMeasures, b: AreaMeasures) -> AreaDifference:
    """How the same area of two versions of a design differs: every study of A against every study of B."""
    values: dict[str, float] = {}
    for name in ("share", "seen", "first_s"):
        column = KNOWN.index(name)
        apart = b.studies[:, None, column] - a.studies[None, :, column]
        low, high = _interval(apart.ravel())
        values |= {name: getattr(b, name) - getattr(a, name), f"{name}_low": float(low), f"{name}_high": float(high)}
    return AreaDifference(b.name, **values)


def _middle(area: Area, size: tuple[int, int]) -> tuple[float, float]:
    x, y, width, height = area.box
    return (x + width / 2) / size[0], (y + height / 2) / size[1]


@dataclass(frozen=True)
class _Looks:
    """What each observer gives each area."""

    inside: Float[np.ndarray, "s n t+1"]  # looks at it: all, then those that begin in each second
    all: Float[np.ndarray, "s t+1"]  # looks anywhere
    first: Float[np.ndarray, "s n"]  # seconds to the first look; NaN: never
    number: Float[np.ndarray, "s n"]  # of that look, from 1; NaN: never
    dwell: Float[np.ndarray, "s n"]  # seconds
    ends: tuple[float, ...]  # of the seconds

    @classmethod
    def of(cls, observers: Observers, areas: Sequence[Area], times: tuple[tuple[float, float], ...]) -> "_Looks":
        """Counted from the looks."""
        inside = observers.inside(areas)
        onset = observers.onset / 1000
        there = np.isfinite(onset)
        when = [there, *(there & (onset >= start) & (onset < end) for start, end in times)]
        counts = np.stack([(inside & each[..., None]).sum(1) for each in when], -1)
        ever = inside.any(1)
        index = inside.argmax(1)
        first = np.where(ever, np.take_along_axis(onset, index, 1), np.nan)
        dwell = (inside * np.nan_to_num(observers.duration)[..., None]).sum(1) / 1000
        totals = np.stack([each.sum(1) for each in when], -1)
        ends = tuple(end for _, end in times)
        return cls(counts.astype(float), totals.astype(float), first, np.where(ever, index + 1.0, np.nan), dwell, ends)

    def summed(self, groups: Int64[np.ndarray, "k m"]) -> dict[str, Float[np.ndarray, "k n ..."]]:
        """What groups of observers, by their numbers, give each area."""
        times = np.zeros((len(groups), len(self.first)))
        np.add.at(times, (np.arange(len(groups))[:, None], groups), 1)
        everywhere = times @ self.all
        counts = np.einsum("ks,snt->knt", times, self.inside)
        share = counts / np.maximum(everywhere, 1)[:, None]
        saw = np.isfinite(self.first)
        late = self.all[:, 0].max() + 1
        number = times @ np.where(saw, self.number, late)
        seen = times @ saw / groups.shape[1]
        rank = 1.0 + (number[:, None, :] < number[:, :, None] - 1e-9).sum(2)
        return {
            "share": share[..., 0],
            "share_by_second": share[..., 1:],
            "seen": seen,
            "first_s": _median(self.first[groups]),
            "dwell_s": times @ self.dwell / groups.shape[1],
            "rank": np.where(seen > 0, rank, np.nan),
        }

    def quartiles(self) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Seconds to the first look of a quarter and of three quarters of those who see each area."""
        return _percentiles(self.first, (25, 75))

    def seen_by(self, n: int) -> Float[np.ndarray, " t"]:
        """Share of observers who have looked at an area before the end of each second."""
        return np.array([np.mean(self.first[:, n] < end) for end in self.ends])


def _draw(
    looks: _Looks, shares: Float[np.ndarray, "n t+1"], random: np.random.Generator
) -> dict[str, Float[np.ndarray, "k n ..."]]:
    """What studies find; their shares scatter about those of the map.

    Of an area that observers hardly look at, too few looks are there to draw from: theirs are drawn from the map.
    """
    groups = random.integers(0, len(looks.first), (STUDIES, STUDY))
    drawn = looks.summed(groups)
    counts, totals = looks.inside.sum(0), looks.all.sum(0)
    found = counts / np.maximum(totals, 1)
    scale = np.divide(shares, found, out=np.ones_like(shares), where=found > 0)
    of_study = totals * STUDY / len(looks.first)
    rare = random.poisson(shares * of_study, (STUDIES, *shares.shape)) / np.maximum(of_study, 1)
    some = np.concatenate([drawn["share"][..., None], drawn["share_by_second"]], -1) * scale
    some = np.minimum(np.where(counts < RARE, rare, some), 1)
    return drawn | {"share": some[..., 0], "share_by_second": some[..., 1:]}


def _median(values: Float[np.ndarray, "k m n"]) -> Float[np.ndarray, "k n"]:
    """The median over the second axis of what is known; NaN where nothing is."""
    ordered = np.sort(values, 1)  # NaN last
    count = np.isfinite(values).sum(1)
    low, high = (np.maximum(count - 1, 0)) // 2, count // 2
    ends = [np.take_along_axis(ordered, np.minimum(at, values.shape[1] - 1)[:, None], 1)[:, 0] for at in (low, high)]
    return np.where(count > 0, (ends[0] + ends[1]) / 2, np.nan)


def _interval(studies: Float[np.ndarray, "k ..."]) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """What 95 of 100 studies find, of those that find anything; NaN where none does."""
    return _percentiles(studies, (2.5, 97.5))


def _percentiles(
    values: Float[np.ndarray, "k ..."], levels: tuple[float, float]
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Two percentiles over the first axis of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    if known.all():
        low, high = np.percentile(values, levels, axis=0)
        return low, high
    some = known.any(0)
    low, high = np.nanpercentile(np.where(some, values, 0.0), levels, axis=0)
    return np.where(some, low, np.nan), np.where(some, high, np.nan)
