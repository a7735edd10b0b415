"""What is looked at first? Pictures in; heat maps, seconds and facts out, to see and to download."""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from jaxtyping import Float32, UInt8

from app.web import widgets
from app.web.widgets import SAMPLES, View
from data import maps
from data import picture as pictures
from data.draw.heatmap import PALETTES, heatmap
from data.draw.legend import legend
from data.draw.regions import contours as draw_contours
from data.draw.timeline import caption, timeline
from data.errors import GazeError
from export.runtime.saliency import Prediction, Predictor

TITLE, ICON, PLACE = "What is looked at first?", ":material/visibility:", 0  # in the sidebar

TALLEST = 620  # pixels on the screen: the height of a heat map
STRIP = (900, 300)  # pixels: the largest width and height of a strip


@dataclass(frozen=True)
class Settings:
    """How a prediction is made and drawn; `moment` counts the slices from 1, and 0 is the whole viewing."""

    condition: str
    moment: int
    time: str
    opacity: float
    palette: str
    contours: bool

    def drawn(
        self, image: UInt8[np.ndarray, "h w 3"], density: Float32[np.ndarray, "h w"]
    ) -> UInt8[np.ndarray, "h w 3"]:
        """The heat map, and the contours where they are wanted."""
        heat = heatmap(image, density, self.opacity, self.palette)
        return draw_contours(heat, density) if self.contours else heat

    def of(self, prediction: Prediction) -> Float32[np.ndarray, "h w"]:
        """The log density of this moment."""
        return np.asarray(prediction.slices[self.moment - 1] if self.moment else prediction.density)

    @property
    def slug(self) -> str:
        """The moment as a part of a file's name; the whole viewing has none."""
        return self.time.replace("–", "-").replace(" ", "") if self.moment else ""


@dataclass(frozen=True)
class Full:
    """A prediction to be made anew at the picture's own size, when someone downloads it."""

    model: Predictor
    content: bytes
    settings: Settings

    def heat(self) -> bytes:
        """A PNG of the heat map as it is set."""
        image, prediction = widgets.full(self.model, self.content, self.settings.condition)
        return pictures.encode(self.settings.drawn(image, self.settings.of(prediction)))

    def strip(self) -> bytes:
        """A PNG of all slices with their times."""
        image, prediction = widgets.full(self.model, self.content, self.settings.condition)
        opacity, palette = self.settings.opacity, self.settings.palette
        return pictures.encode(timeline(image, prediction.slices, prediction.times, opacity, palette))

    def density(self) -> bytes:
        """The log density of the moment that is set, as a NumPy file."""
        file = io.BytesIO()
        np.save(file, self.settings.of(widgets.full(self.model, self.content, self.settings.condition)[1]))
        return file.getvalue()


def main() -> None:
    """The page."""
    st.title("What is looked at first?")
    st.markdown(f"Where people are likely to look in a picture, second by second. **{widgets.NOTE}**")
    model = widgets.model_picker()
    if model is None:
        return
    chosen = choose()
    if not chosen:
        widgets.invite(
            "Upload one or several pictures, or take a sample, to see where people look.", "Look at", "sample"
        )
    settings = ask(model, bool(chosen))
    for number, (name, content) in enumerate(chosen):
        try:
            view = widgets.look(model, content, name, settings.condition)
        except GazeError as error:
            st.error(widgets.plain(str(error)), icon=":material/error:")
            continue
        st.subheader(widgets.plain(name))
        widgets.medium_badge(view.record)
        left, right = st.columns([5, 2], gap="medium")
        with left:
            show(view, settings)
        with right:
            st.image(legend(520, settings.palette), width="stretch", output_format="PNG")
            st.markdown(facts(view, settings))
            downloads(number, name, Full(model, content, settings), view)
        seconds(view, settings)


def choose() -> list[tuple[str, bytes]]:
    """Names and bytes of the uploaded pictures, then of the sample."""
    left, right = st.columns([5, 2], gap="medium")
    uploads = left.file_uploader(
        "Your pictures", accept_multiple_files=True, key="pictures", help=f"JPEG, PNG, WebP ...; {widgets.LIMITS}."
    )
    sample = right.pills("Or take a sample", list(SAMPLES), format_func=str.capitalize, key="sample")
    chosen = [(upload.name, upload.getvalue()) for upload in widgets.within_limits(uploads)]
    return chosen + ([(SAMPLES[sample].name, SAMPLES[sample].read_bytes())] if sample else [])


def ask(model: Predictor, when: bool) -> Settings:
    """The sidebar's settings, and above the pictures the moment, where there are any."""
    condition = widgets.condition_picker(model.contract.conditions)
    side = st.sidebar
    times = [widgets.WHOLE, *map(caption, model.contract.slices)]
    time = times[0]
    if when and len(times) > 1:
        time = st.select_slider("When", times, key="time", help="Seconds since the picture appeared.")
    opacity = side.slider("Opacity", 0, 100, 65, 5, format="%d %%", key="opacity") / 100
    palette = side.selectbox(
        "Colours", PALETTES, format_func=str.capitalize, key="palette", help="Fog hides what is not looked at."
    )
    contours = side.toggle(
        "Contours", key="contours", help="The smallest areas that receive 25, 50 and 75 % of all looks."
    )
    side.caption(widgets.plain(f"Runs {model.contract.name} {model.contract.version} on the {model.provider.upper()}."))
    return Settings(condition, times.index(time), time, opacity, palette, contours)


def show(view: View, settings: Settings) -> None:
    """The heat map."""
    density = view.maps[settings.moment]
    height, width = density.shape
    st.image(
        settings.drawn(view.image, density),
        caption=f"{settings.time}. {widgets.NOTE}",
        width="stretch" if width >= height else round(TALLEST * width / height),
        output_format="JPEG",
    )


def seconds(view: View, settings: Settings) -> None:
    """The strip of slices, where there are any."""
    if len(view.maps) > 1:
        strip = timeline(view.image, view.maps[1:], view.times, settings.opacity, settings.palette)
        width = round(STRIP[1] * strip.shape[1] / strip.shape[0])
        st.image(strip, width=min(width, STRIP[0]), output_format="JPEG")


def facts(view: View, settings: Settings) -> str:
    """What the map says, in words: where the peak is, how concentrated the looks are, the entropy."""
    record = view.record["slices"][settings.moment - 1] if settings.moment else view.record
    width, height = view.record["width"], view.record["height"]
    x, y = record["peak"]["x"], record["peak"]["y"]
    share = float(maps.region(view.maps[settings.moment], 0.5).mean())
    most = math.log2(width * height)
    when = f"From {settings.time.replace('–', ' to ')}" if settings.moment else "Over the whole viewing"
    return (
        f"**{when}**, people look most at the **{place(x / width, y / height)}**, at x {x:.0f}, y {y:.0f} of "
        f"{width} × {height} pixels. Half of all looks fall on **{max(share, 0.001):.1%}** of the picture. "
        f"The entropy is {record['entropy_bits']:.1f} bits; looks spread evenly would have {most:.1f}."
    )


def place(x: float, y: float) -> str:
    """A point of the unit square in words.

    >>> place(0.9, 0.1), place(0.5, 0.5)
    ('upper right', 'centre')
    """
    words = [("upper", "", "lower")[min(2, int(3 * y))], ("left", "", "right")[min(2, int(3 * x))]]
    return " ".join(word for word in words if word) or "centre"


def downloads(number: int, name: str, full: Full, view: View) -> None:
    """The buttons; what is large is made when one is clicked."""
    stem, moment = Path(name).stem, full.settings.slug
    offers: list[tuple[str, str | Callable[[], bytes], str, str]] = [
        ("Heat map, PNG", full.heat, f"{stem}.{moment or 'heat'}.png", "image/png"),
        ("Log density, NPY", full.density, f"{stem}.{moment or 'density'}.npy", "application/octet-stream"),
        ("Facts, JSON", view.text, f"{stem}.json", "application/json"),
    ]
    if len(view.maps) > 1:
        offers.insert(1, ("All seconds, PNG", full.strip, f"{stem}.slices.png", "image/png"))
    for label, data, file, kind in offers:
        key = f"{label.split(',')[0].lower().replace(' ', '-')}-{number}"
        st.download_button(label, data, file, kind, key, on_click="ignore", icon=":material/download:", width="stretch")


if __name__ == "__main__":
    main()
