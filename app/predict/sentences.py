"""True sentences in plain English about areas and objects, made of their measures."""

from collections.abc import Sequence

from app.predict.areas import AreaDifference, AreaMeasures


def percent(share: float) -> str:
    """A share as people read it, never 0.0 % for something small.

    >>> [percent(share) for share in (0.0, 0.0004, 0.0312, 0.41, 0.9996, 1.0)]
    ['0 %', 'less than 0.1 %', '3.1 %', '41 %', 'more than 99.9 %', '100 %']
    """
    if share <= 0:
        return "0 %"
    if share < 0.001:
        return "less than 0.1 %"
    if 0.999 < share < 1:
        return "more than 99.9 %"
    return f"{100 * share:.1f} %" if share < 0.0995 else f"{100 * share:.0f} %"


def of_areas(measures: Sequence[AreaMeasures]) -> list[str]:
    """What a picture's areas or objects get, the most telling first; [] where there are none."""
    return []


def of_difference(a: AreaMeasures, b: AreaMeasures, apart: AreaDifference) -> str:
    """How an area of B fares against the same of A."""
    return ""
