"""A recording beside the prediction, made once for a session's looks: maps, scores, areas and what is said of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import streamlit as st
from jaxtyping import Float32, UInt8

from app.predict.center_bias import center_bias
from app.predict.recorded import agreement
from app.predict.recorded.agreement import Agreement
from app.predict.recorded.areas import MeasuredArea, measured
from app.web.predictions import View
from data.areas import Area
from data.draw.crowd import crowd
from data.draw.heatmap import heatmap
from data.draw.pair import pair
from data.draw.scanpath import scanpath
from data.gaze import Scanpath
from data.picture import encode
from data.table.viewing import presentation_time

KEPT = 60  # agreements and drawings: a few for each of 20 sessions
FLOOR = 1e-6  # of a real map that is spread evenly, so that every place has a logarithm
OPACITY = 0.75


@dataclass(frozen=True)
class Compared:
    """What people looked at on a picture, in its pixels, beside where a view says that they look."""

    view: View
    paths: tuple[Scanpath, ...]  # of people who looked at it at all
    degree: float  # pixels of the picture; NaN where no screen is known
    palette: str

    @property
    def blur(self) -> float:
        """By how many pixels of the picture looks are blurred into a map (sigma)."""
        return agreement.sigma(self.view.size, self.degree)

    @cached_property
    def seconds(self) -> float:
        """How long the picture was looked at, in whole seconds."""
        return presentation_time([(None, self.paths)])[0]  # type: ignore[list-item]

    @cached_property
    def key(self) -> str:
        """What tells these looks and this view from others."""
        digest = hashlib.sha256(repr((self.degree, self.view.size, self.palette)).encode())
        digest.update(self.view.webp)
        digest.update(self.view.maps.tobytes())
        for path in self.paths:
            digest.update(path.subject.encode(errors="replace") + b"\0")
            for values in (path.xy, path.onset, path.duration):
                digest.update(np.ascontiguousarray(values, np.float64).tobytes())
        return digest.hexdigest()

    def agreement(self) -> Agreement:
        """How well the prediction agrees with the people."""
        return _agreement(self, self.key)

    def measured(self, areas: Sequence[Area]) -> tuple[MeasuredArea, ...]:
        """What the people did with some areas."""
        return measured(self.paths, areas, self.view.size, self.seconds)

    def maps(self, moment: int) -> tuple[bytes, bytes]:
        """Both maps on one scale as WebP: what people looked at, and the prediction; 0 is the whole viewing."""
        return _maps(self, self.key, moment)

    def sheet(self, moment: int, when: str) -> bytes:
        """Both maps side by side as a PNG, with what they are."""
        real, predicted = self._drawn(moment)
        people = len(self.paths)
        words = (f"What {people} {'person' if people == 1 else 'people'} looked at. {when}.", f"Prediction. {when}.")
        note = f"{self.view.name}. One scale for both. Looks are blurred by {self.blur:.3g} pixels. Model: "
        return encode(pair(real, predicted, words, f"{note}{self.view.model} {self.view.version}."))

    def looks(self, subject: str) -> bytes:
        """The looks of one person with their numbers, or ("") everybody's, over the picture as WebP."""
        return _looks(self, self.key, subject)

    def _drawn(self, moment: int) -> tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w 3"]]:
        image, predicted = self.view.image, self.view.map_at(moment)
        height, width = image.shape[:2]
        chosen = agreement.during(self.paths, moment - 1 if moment else None, self.seconds)
        real = agreement.real_map(chosen, self.view.size, self.blur, (height, width))
        log_real = np.log((1 - FLOOR) * real + FLOOR / real.size, dtype=np.float32)
        peak = float(max(log_real.max() if real.any() else -np.inf, predicted.max()))
        return (
            heatmap(image, log_real, OPACITY, self.palette, peak),
            heatmap(image, predicted, OPACITY, self.palette, peak),
        )


@st.cache_resource(max_entries=KEPT, show_spinner="Comparing …")
def _agreement(_compared: Compared, key: str) -> Agreement:
    view = _compared.view
    middle: Float32[np.ndarray, "g v"] = np.asarray(center_bias(agreement.cells(view.size)), np.float32)
    return agreement.agreement(_compared.paths, view.maps[0], view.size, _compared.blur, middle)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _maps(_compared: Compared, key: str, moment: int) -> tuple[bytes, bytes]:
    real, predicted = _compared._drawn(moment)
    return encode(real, ".webp"), encode(predicted, ".webp")


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _looks(_compared: Compared, key: str, subject: str) -> bytes:
    view = _compared.view
    scale = view.shown[0] / view.size[0]
    chosen = [path for path in _compared.paths if subject in ("", path.subject)]
    if subject and len(chosen) == 1:
        return encode(scanpath(view.image, chosen[0].xy * scale, chosen[0].duration), ".webp")
    return encode(crowd(view.image, [path.xy * scale for path in chosen]), ".webp")
