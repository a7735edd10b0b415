"""What the canvas lays over a picture at each stop: contours and peaks, and what all says to who does not see it.

Made once for everyone, by the view; going through the seconds or changing a colour makes nothing anew. The stops are
the whole viewing, then each second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.web import predictions
from app.web.canvas import Contour, Layer
from app.web.canvas import Peak as Mark
from app.web.canvas.of_view import stops
from app.web.predictions import View
from app.web.widgets import WHOLE
from app.web.workspace import StoredPicture
from data import maps
from data.draw import contours, peaks
from data.draw.peaks import Peak
from export.runtime.saliency import Predictor

RING = 0.011  # of the picture's longest side: the radius of the ring around a peak


@dataclass(frozen=True)
class Overlays:
    """For each stop: contours, peaks, the part of the picture that half of all looks fall on, and all in words."""

    contours: tuple[tuple[Contour, ...], ...]
    peaks: tuple[tuple[Peak, ...], ...]
    half: tuple[float, ...]
    alts: tuple[str, ...]
    size: tuple[int, int]

    def layers(self, with_contours: bool, with_peaks: bool) -> tuple[Layer, ...]:
        """What the canvas draws at each stop."""
        radius = RING * max(self.size)
        return tuple(
            Layer(
                contours=lines if with_contours else (),
                peaks=[Mark(p.x, p.y, f"{n}: {100 * p.share:.0f} %", radius) for n, p in enumerate(found, 1)]
                if with_peaks
                else (),
            )
            for lines, found in zip(self.contours, self.peaks, strict=True)
        )


def overlays(model: Predictor, stored: StoredPicture, seen: View) -> Overlays:
    """What lies over a view."""
    key = (str(model.path), model.path.stat().st_mtime_ns, stored.key, stored.name, seen.condition)
    return _overlays(seen, key)


@st.cache_resource(max_entries=predictions.KEPT, show_spinner=False)
def _overlays(_seen: View, key: tuple[Any, ...]) -> Overlays:
    del key
    found = [peaks.peaks(each, size=_seen.size) for each in _seen.maps]
    half = [float(maps.region(each, 0.5).mean()) for each in _seen.maps]
    return Overlays(
        tuple(_lines(each, _seen.size) for each in _seen.maps),
        tuple(found),
        tuple(half),
        tuple(_told(_seen, *each) for each in zip(stops(_seen), found, half, strict=True)),
        _seen.size,
    )


def _lines(density: Any, size: tuple[int, int]) -> tuple[Contour, ...]:
    found = contours.contour_lines(density, size=size)
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
    places = [f"at the {place(p.x / width, p.y / height)} with {100 * p.share:.0f} % of looks" for p in found[:3]]
    listed = ", then ".join(places)
    return f"{about}people look most {listed}. Half of all looks fall on {part(half)} of the picture."


def when(stop: str) -> str:
    """A stop as the beginning of a sentence; the whole viewing has none.

    >>> when("0–1 s"), when("Whole viewing")
    ('From 0 to 1 s', '')
    """
    return "" if stop == WHOLE else f"From {stop.replace('–', ' to ')}"


def part(share: float) -> str:
    """A part of the picture.

    >>> part(0.09), part(0.002), part(0.0000001)
    ('9 %', '0.2 %', 'less than 0.1 %')
    """
    return "less than 0.1 %" if share < 0.001 else f"{100 * share:.1g} %" if share < 0.01 else f"{100 * share:.0f} %"


def place(x: float, y: float) -> str:
    """A point of the unit square in words.

    >>> place(0.9, 0.1), place(0.5, 0.5)
    ('upper right', 'centre')
    """
    words = [("upper", "", "lower")[min(2, int(3 * y))], ("left", "", "right")[min(2, int(3 * x))]]
    return " ".join(word for word in words if word) or "centre"
