"""True sentences in plain English about where people look: of a map, of areas or objects, of two versions of a design.

Sentences hold names that people gave; a page passes them through `app.web.widgets.plain`.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from app.predict.area_names import names, owned
from app.predict.areas import STUDY, AreaDifference, AreaMeasures

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
EARLY = 3  # seconds in which what nobody sees is told
FEW = 0.2  # of observers: an area that fewer see is told
SOON = 0.05  # seconds: a smaller difference is none
STEADY = 1.3  # times: a share that changes less from the first second to the last does not change
ALL = 0.99  # of the picture: an area of that size gets all looks
WIDE = 0.35  # of the picture: half of all looks on more than this are spread widely


def percent(share: float) -> str:
    """A share as people read it, never 0.0 % for something small.

    >>> [percent(share) for share in (0.0, 0.0004, 0.0312, 0.41, 0.9996, 1.0)]
    ['0 %', 'less than 0.1 %', '3.1 %', '41 %', 'more than 99.9 %', '100 %']
    """
    if math.isnan(share):
        return "an unknown share"
    if share <= 0:
        return "0 %"
    if share < 0.001:
        return "less than 0.1 %"
    if share > 1 - 1e-6:
        return "100 %"
    if share > 0.999:
        return "more than 99.9 %"
    return f"{100 * share:.1f} %" if share < 0.0995 or share > 0.995 else f"{100 * share:.0f} %"


def most_of(percentile: float) -> str:
    """How many of others have less, as a word before "of": never 100 %.

    >>> [most_of(value) for value in (0.2, 46.4, 99.8)]
    ['hardly any', '46 %', 'nearly all']
    """
    if percentile < 0.5:
        return "hardly any"
    return "nearly all" if percentile >= 99.5 else f"{percentile:.0f} %"


def seconds(value: float) -> str:
    """A time as people read it.

    >>> [seconds(value) for value in (0.02, 0.44, 1.0, 2.96)]
    ['less than 0.1 s', '0.4 s', '1.0 s', '3.0 s']
    """
    if math.isnan(value):
        return "an unknown time"
    return "less than 0.1 s" if value < SOON else f"{value:.1f} s"


def people(share: float, observers: int) -> str:
    """How many observers a share is, as the subject of a sentence.

    >>> [people(share, 100) for share in (0.0, 0.01, 0.42, 1.0)]
    ['Nobody', '1 of 100 people', '42 of 100 people', 'Everybody']
    """
    count = round(share * observers)
    if observers == 1:
        return "The one person" if count else "Nobody"
    if count in (0, observers):
        return "Everybody" if count else "Nobody"
    return f"{count} of {observers} people"


def of_map(log_density: Float[np.ndarray, "g v"]) -> str:
    """On how little of the picture half of all looks fall."""
    shares = np.sort(np.exp(log_density, dtype=np.float64), axis=None)[::-1]
    sums = np.cumsum(shares)
    part = (int(np.searchsorted(sums, sums[-1] / 2 * (1 - 1e-9))) + 1) / len(shares)
    if part > WIDE:
        return f"Looks are spread widely: half of them fall on {percent(part)} of the picture."
    return f"Half of all looks fall on {percent(part)} of the picture."


def of_areas(measures: Sequence[AreaMeasures], most: int = 4) -> list[str]:
    """What a picture's areas or objects get, the most telling first; [] where there are none.

    Second by second, the one with the most looks, the one that is seen by most, those that hardly anybody sees.
    """
    if not measures:
        return []
    called = names(measures)
    told = [_by_second(measures, called), _largest(measures, called), _most_seen(measures, called)]
    told += [_hardly_seen(area, name) for area, name in zip(measures, called, strict=True)]
    return [f"{_capital(sentence)}." for sentence in told if sentence][:most]


def of_view(log_density: Float[np.ndarray, "g v"], measures: Sequence[AreaMeasures], most: int = 4) -> list[str]:
    """What a picture's map says: its areas, where there are any, and how spread looks are."""
    return [*of_areas(measures, most - 1), of_map(log_density)]


def of_difference(a: AreaMeasures, b: AreaMeasures, apart: AreaDifference, owner: str = "B") -> str:
    """How an area of version B fares against the same of A, and whether a study would notice."""
    who = _capital(owned(b, owner))
    if a.share <= 0 and b.share <= 0:
        return f"{who} gets no looks in either version."
    notices = apart.noticeable
    parts, noticed = [], []
    shares = percent(a.share), percent(b.share)
    if shares[0] == shares[1]:
        parts.append(f"gets {shares[1]} of looks, as before")
    else:
        parts.append(f"gets {shares[1]} instead of {shares[0]} of looks")
        noticed.append(notices["share"])
    if told := _when(a, b, apart.first_s):
        parts.append(told)
        noticed.append(notices["seen" if math.isnan(apart.first_s) else "first_s"])
    return f"{who} {' and '.join(parts)}; {_verdict(noticed)}."


def _by_second(measures: Sequence[AreaMeasures], called: Sequence[str]) -> str:
    """Who gets the most in the first second, and who later."""
    table = np.array([area.share_by_second for area in measures])
    if table.shape[1] < 2 or not np.nan_to_num(table).any():
        return ""
    table = np.nan_to_num(table)
    first = int(table[:, 0].argmax())
    others = np.delete(np.arange(len(measures)), first)
    if (table[first] > table[others].max(0, initial=-1.0)).all():
        ends = percent(table[first, 0]), percent(table[first, -1])
        alike = max(table[first, 0], table[first, -1]) < STEADY * min(table[first, 0], table[first, -1])
        return (
            ""
            if alike or ends[0] == ends[1]
            else f"{called[first]} gets {ends[0]} of looks in the first second and {ends[1]} in the last"
        )
    later = table[others, 1:]
    other, second = np.unravel_index(int(later.argmax()), later.shape)
    name, share, after = called[others[other]], later[other, second], int(second) + 1
    word = f"after {_number(after)} second{'s' if after > 1 else ''}"
    return (
        f"{called[first]} gets {percent(table[first, 0])} of looks in the first second, {name} {percent(share)} {word}"
    )


def _largest(measures: Sequence[AreaMeasures], called: Sequence[str]) -> str:
    """The area with the most looks, against its size."""
    best = max(range(len(measures)), key=lambda number: np.nan_to_num(measures[number].share))
    area = measures[best]
    if not area.share > 0:
        return "none of the areas gets a look" if len(measures) > 1 else f"{called[0]} gets no looks"
    told = f"{called[best]} gets {percent(area.share)} of all looks"
    if area.part >= ALL:
        return f"{told}: it covers the whole picture"
    if area.lift >= 1.15:
        return f"{told}, {area.lift:.1f} times as many as its size alone would give it"
    if area.lift <= 0.87:
        return f"{told}, fewer than its size alone would give it"
    return f"{told}, about as many as its size alone would give it"


def _most_seen(measures: Sequence[AreaMeasures], called: Sequence[str]) -> str:
    """The area that most observers see, and when."""
    best = max(range(len(measures)), key=lambda n: (measures[n].seen, -np.nan_to_num(measures[n].first_s, nan=1e9)))
    area = measures[best]
    if area.seen < FEW or math.isnan(area.first_s):
        return ""
    count = round(area.seen * area.observers)
    told = f"{people(area.seen, area.observers)} {'sees' if count in (1, area.observers) else 'see'} {called[best]}"
    if area.observers == 1:
        return told
    whose = "half of them" if count == area.observers else "half of these"
    return f"{told}, {whose} within {seconds(max(area.first_s, SOON))}"


def _hardly_seen(area: AreaMeasures, name: str) -> str:
    """An area that nobody, or hardly anybody, sees."""
    early = min(EARLY, len(area.seen_by_second))
    if area.seen <= 0:
        return f"{people(0.0, area.observers)} sees {name}"
    if early and area.seen_by_second[early - 1] <= 0:
        return (
            f"{people(0.0, area.observers)} sees {name} in the first {_number(early)} second{'s' if early > 1 else ''}"
        )
    if area.seen < FEW:
        count = round(area.seen * area.observers)
        return f"only {count} of {area.observers} people {'sees' if count == 1 else 'see'} {name}"
    return ""


def _when(a: AreaMeasures, b: AreaMeasures, later: float) -> str:
    """Whether B's is seen earlier or later."""
    if math.isnan(later):
        if a.seen <= 0 < b.seen:
            return f"is seen by {_count(b)}, in A by nobody"
        return f"is seen by nobody, in A by {_count(a)}" if b.seen <= 0 < a.seen else ""
    if abs(later) < SOON:
        return ""
    return f"is seen {seconds(abs(later))} {'later' if later > 0 else 'earlier'}"


def _count(area: AreaMeasures) -> str:
    return f"{round(area.seen * area.observers)} of {area.observers}"


def _verdict(noticed: Sequence[bool]) -> str:
    """What a study would notice."""
    study = f"a study with {STUDY} people"
    if not noticed or not any(noticed):
        return f"{study} would hardly notice"
    if len(noticed) == 1:
        return f"{study} would notice"
    if all(noticed):
        return f"{study} would notice both"
    return (
        f"{study} would notice the {'share of looks, not the time' if noticed[0] else 'time, not the share of looks'}"
    )


def _number(value: int) -> str:
    return NUMBERS[value] if value < len(NUMBERS) else str(value)


def _capital(sentence: str) -> str:
    """With a capital first letter."""
    return sentence[:1].upper() + sentence[1:]
