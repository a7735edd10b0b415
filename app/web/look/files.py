"""What can be downloaded of a heat map: made at the picture's full size when someone asks for it, never before."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np
import streamlit as st
from jaxtyping import Float32, UInt8

from app.web.predictions import View, full
from app.web.widgets import WHOLE
from app.web.workspace import StoredPicture
from data import picture
from data.draw.contours import contours as draw_contours
from data.draw.frame import framed
from data.draw.heatmap import heatmap
from data.draw.peaks import covered, peaks, rings
from data.draw.timeline import caption, panel_size, timeline
from export.runtime.saliency import Prediction, Predictor


@dataclass(frozen=True)
class Style:
    """How a heat map is drawn."""

    palette: str
    opacity: float
    contours: bool
    peaks: bool

    def drawn(self, pixels: UInt8[np.ndarray, "h w 3"], density: Float32[np.ndarray, "h w"]) -> np.ndarray:
        """The heat map with contours and peaks where they are wanted."""
        image = heatmap(pixels, density, self.opacity, self.palette)
        found = peaks(density) if self.peaks else ()
        if self.contours:
            image = draw_contours(image, density, avoid=covered(image.shape, found))
        return rings(image, found) if self.peaks else image


@dataclass(frozen=True)
class HeatFiles:
    """The files of one picture at one stop (0: the whole viewing), as they are set."""

    model: Predictor
    stored: StoredPicture
    seen: View
    moment: int
    style: Style

    @property
    def time(self) -> str:
        """The stop's caption."""
        return caption(self.seen.times[self.moment - 1]) if self.moment else WHOLE

    @property
    def slug(self) -> str:
        """The stop as a part of a file's name; "" for the whole viewing."""
        return self.time.replace("–", "-").replace(" ", "") if self.moment else ""

    def heat(self) -> bytes:
        """A PNG of the heat map with its legend and what it is and is not."""
        pixels, density = self._at()
        words = f"{self.time}. A prediction by {self.seen.model} {self.seen.version}, not a measurement."
        image = self.style.drawn(pixels, density)
        return picture.encode(framed(image, density, self.style.palette, self.style.opacity, note=words))

    def strip(self) -> bytes:
        """A PNG of all seconds side by side."""
        pixels, prediction = full(self.model, self.stored, self.seen.condition)
        slices = prediction.sampled_slices(panel_size(pixels.shape))
        return picture.encode(timeline(pixels, slices, prediction.times, self.style.opacity, self.style.palette))

    def density(self) -> bytes:
        """The natural-log density of the stop for each pixel, as a NumPy file."""
        file = io.BytesIO()
        np.save(file, self._at()[1])
        return file.getvalue()

    def _at(self) -> tuple[UInt8[np.ndarray, "h w 3"], Float32[np.ndarray, "h w"]]:
        pixels, prediction = full(self.model, self.stored, self.seen.condition)
        return pixels, _plane(prediction, self.moment)

    def offer(self) -> None:
        """The buttons."""
        stem, moment = self.stored.stem, self.slug
        offers: list[tuple[str, str | Callable[[], bytes], str, str]] = [
            ("Heat map with legend, PNG", self.heat, f"{stem}.{moment or 'heat'}.png", "image/png"),
            ("Log density, NPY", self.density, f"{stem}.{moment or 'density'}.npy", "application/octet-stream"),
            ("Facts, JSON", self.seen.text, f"{stem}.json", "application/json"),
        ]
        if len(self.seen.maps) > 1:
            offers.insert(1, ("All seconds, PNG", self.strip, f"{stem}.slices.png", "image/png"))
        for label, data, file, kind in offers:
            key = f"download-{file.rsplit('.', 1)[1]}-{'strip' if data == self.strip else 'one'}"
            st.download_button(
                label, data, file, kind, key, on_click="ignore", icon=":material/download:", width="stretch"
            )


def _plane(prediction: Prediction, moment: int) -> Float32[np.ndarray, "h w"]:
    """The log density of a stop; of several seconds only one is made at this size."""
    return next(islice(prediction.each_slice(), moment - 1, None)) if moment else prediction.density
