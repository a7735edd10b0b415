"""What the canvas lays over a picture at each stop: contours and peaks, and what all says to who does not see it.

Made once for everyone, by the view; going through the seconds or changing a colour makes nothing anew. The stops are
the whole viewing, then each second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.predict.area_names import place
from app.predict.sentences import percent
from app.web import predictions
from app.web.canvas import Contour, Layer
from app.web.canvas import Peak as Mark
from app.web.canvas.of_view import stops
from app.web.predictions import View
from app.web.widgets import WHOLE
from app.web.workspace import StoredPicture
from data import maps
from data.draw.contours import contour_lines
from data.draw.peaks import Peak, peaks
from export.runtime.saliency import Predictor

RING = 0.011  # of the picture's longest side: the radius of the ring around a peak


@dataclass(frozen=True)
class Overlays:
    """For each stop: peaks, the part of the picture that half of all looks fall on, and what the map says in words."""

    peaks: tuple[tuple[Peak, ...], ...]
    half: tuple[float, ...]
    alts: tuple[str, ...]


def layers(model: Predictor, stored: StoredPicture, seen: View, lined: bool, ringed: bool) -> tuple[Layer, ...]:
    """What the canvas draws at each stop; contours are not even followed where nobody wants them."""
    nothing: tuple[tuple[Any, ...], ...] = ((),) * len(seen.maps)
    lines = _contours(seen, predictions.view_key(model, stored, seen.condition)) if lined else nothing
    found = overlays(model, stored, seen).peaks if ringed else nothing
    radius = RING * max(seen.size)
    return tuple(
        Layer(each, [Mark(p.x, p.y, f"{n}: {100 * p.share:.0f} %", radius) for n, p in enumerate(some, 1)])
        for each, some in zip(lines, found, strict=True)
    )


def overlays(model: Predictor, stored: StoredPicture, seen: View) -> Overlays:
    """What lies over a view."""
    return _overlays(seen, predictions.view_key(model, stored, seen.condition))


@st.cache_resource(max_entries=predictions.KEPT, show_spinner=False)
def _overlays(_seen: View, key: tuple[Any, ...]) -> Overlays:
    del key
    found = [peaks(each, size=_seen.size) for each in _seen.maps]
    half = [float(maps.region(each, 0.5).mean()) for each in _seen.maps]
    return Overlays(
        tuple(found),
        tuple(half),
        tuple(_told(_seen, *each) for each in zip(stops(_seen), found, half, strict=True)),
    )


@st.cache_resource(max_entries=predictions.KEPT, show_spinner=False)
def _contours(_seen: View, key: tuple[Any, ...]) -> tuple[tuple[Contour, ...], ...]:
    del key
    return tuple(_lines(each, _seen.size) for each in _seen.maps)


def _lines(density: Any, size: tuple[int, int]) -> tuple[Contour, ...]:
    found = contour_lines(density, size=size)
    return tuple(
        Contour(f"{100 * level:.0f} %", tuple(tuple((float(x), float(y)) for x, y in line) for line in lines))
        for level, lines in found
    )


def _told(seen: View, stop: str, found: Sequence[Peak], half: float) -> str:
    """What the picture says at a stop, in words."""
    about = f"{seen.name}, {when(stop).lower() or 'whole viewing'}: "
    if not found:
        return f"{about}people look everywhere alike."
    width, height = seen.size
    places = [f"{place(p.x / width, p.y / height)} ({100 * p.share:.0f} % of looks)" for p in found[:3]]
    listed = ", then ".join(places)
    return f"{about}people look most {listed}. Half of all looks fall on {percent(half)} of the picture."


def when(stop: str) -> str:
    """A stop as the beginning of a sentence; the whole viewing has none.

    >>> when("0–1 s"), when("Whole viewing")
    ('From 0 to 1 s', '')
    """
    return "" if stop == WHOLE else f"From {stop.replace('–', ' to ')}"
