"""Which form of an answer a client wants, by its header `Accept` (RFC 9110, section 12.5.1)."""

import re
from collections.abc import Sequence

_RANGE = re.compile(r"(\*|[\w!#$&^.+-]+)/(\*|[\w!#$&^.+-]+)", re.ASCII)
_QUALITY = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.ASCII | re.IGNORECASE)


def choose(accept: str | None, offers: Sequence[str]) -> str | None:
    """The offer that is wanted most; of equals the first; None where none is wanted.

    Without the header everything is welcome. What is no media range in it is passed over.

    >>> offers = ("application/json", "image/png")
    >>> choose("image/*", offers), choose("image/png;q=0.5, */*;q=0.4", offers), choose("text/html", offers)
    ('image/png', 'image/png', None)
    """
    if accept is None or not accept.strip():
        return offers[0]
    ranges = [found for part in accept.split(",") if (found := _range(part))]
    best = max(offers, key=lambda offer: _wanted(offer, ranges), default=None)
    return best if best is not None and _wanted(best, ranges) > 0 else None


def _range(part: str) -> tuple[str, float] | None:
    """A media range and how much it is wanted, 0 to 1; None where it is no media range."""
    name, *parameters = (word.strip() for word in part.split(";"))
    if not _RANGE.fullmatch(name) or (name.startswith("*/") and name != "*/*"):
        return None
    quality = 1.0
    for parameter in parameters:
        if parameter[:2].lower() == "q=":
            if not (found := _QUALITY.fullmatch(parameter)):
                return None
            quality = float(found[1])
    return name.lower(), quality


def _wanted(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The quality of the range that fits an offer most closely."""
    for name in (offer, f"{offer.split('/')[0]}/*", "*/*"):
        found = [quality for other, quality in ranges if other == name]
        if found:
            return max(found)
    return 0.0
