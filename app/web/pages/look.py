"""Where do people look, and when? The map of a picture, second by second, in sentences and to download."""

import math
from dataclasses import dataclass

import streamlit as st

from app.predict import sentences
from app.web import measures, widgets
from app.web.canvas import canvas
from app.web.canvas.of_view import heat, stops
from app.web.look.files import HeatFiles, Style
from app.web.look.legend import legend
from app.web.look.overlays import Overlays, layers, overlays, when
from app.web.picture_bar import picture_bar
from app.web.predictions import View, view
from app.web.workspace import StoredPicture, workspace
from data.areas import Area, checked, from_objects
from data.draw.palettes import DEFAULT, PALETTES
from export.runtime.saliency import Predictor

TITLE, ICON, PLACE = "Look", ":material/visibility:", 0  # in the navigation

TALLEST = 690  # pixels on the screen: picture and strip together, so that both are seen without scrolling
HEAT, FOG = "Heat", "Fog"
CONTOURS, PEAKS = "Contours", "Peaks"
COLOURS = tuple(name for name in PALETTES if name != "fog")
DRAWN, FOUND = 3, 2  # sentences at most; of what was found, only the largest is known by its place


@dataclass(frozen=True)
class Shown:
    """One picture and how it is looked at."""

    model: Predictor
    stored: StoredPicture
    seen: View
    style: Style


def main() -> None:
    """The page."""
    st.title("Where do people look?")
    model = widgets.model_picker()
    if model is None:
        return
    stored = picture_bar("to see where people look")
    condition = widgets.condition_picker(model.contract.conditions)
    palette, opacities = _colours()
    if stored is None:
        return
    seen = view(model, stored, condition)
    _looked_at(model, stored, seen, palette, opacities)


def _colours() -> tuple[str, dict[str, float]]:
    """The sidebar's settings: the colours of the heat, and how much heat and fog cover."""
    side = st.sidebar
    palette = side.selectbox(
        "Colours",
        COLOURS,
        COLOURS.index(DEFAULT),
        format_func=str.capitalize,
        key="palette",
        persist_state="session",
        help="Plasma can be told apart by everybody, on light and on dark pictures. Turbo hides what lies under its "
        "hottest spot.",
    )
    usual = {HEAT: 60, FOG: 85}
    cover = {
        kind: side.slider(
            f"{kind} opacity", 0, 100, start, 5, format="%d %%", key=f"opacity-{kind}", persist_state="session"
        )
        for kind, start in usual.items()
    }
    side.caption(f"{widgets.NOTE}")
    return palette, {kind: value / 100 for kind, value in cover.items()}


@st.fragment
def _looked_at(model: Predictor, stored: StoredPicture, seen: View, palette: str, opacities: dict[str, float]) -> None:
    """The picture and what is said of it; a step of the seconds runs no more than this."""
    left, right = st.columns([3, 1], gap="medium")
    with right:
        style = _style(palette, opacities)
    over = overlays(model, stored, seen)
    with left:
        state = canvas(
            "look",
            seen.webp,
            seen.size,
            heat=heat(seen),
            stops=stops(seen),
            palette=style.palette,
            opacity=style.opacity,
            fog=style.palette == "fog",
            layers=layers(model, stored, seen, style.contours, style.peaks),
            alts=over.alts,
            height=TALLEST,
        )
    shown = Shown(model, stored, seen, style)
    with right:
        _said(shown, over, state.moment)


def _style(palette: str, opacities: dict[str, float]) -> Style:
    """The settings that stand beside the picture: heat or fog, contours, peaks."""
    kind = st.segmented_control(
        "Map style",
        (HEAT, FOG),
        default=HEAT,
        required=True,
        key="style",
        persist_state="session",
        help="Heat colours what people look at. Fog hides what they do not look at.",
    )
    lines = st.pills(
        "Show",
        (CONTOURS, PEAKS),
        selection_mode="multi",
        key="marks",
        persist_state="session",
        help="Contours are the smallest areas that 25, 50 and 75 % of all looks fall into. Peaks are the few separate "
        "places that are looked at most; the share of each counts the looks around it, down to a tenth of its height.",
    )
    kind = kind or HEAT
    return Style("fog" if kind == FOG else palette, opacities[kind], CONTOURS in lines, PEAKS in lines)


def _said(shown: Shown, over: Overlays, moment: int) -> None:
    """What the map says: legend, badge, sentences, focus and clarity, and the files."""
    seen, stop = shown.seen, stops(shown.seen)[moment]
    legend(seen.maps[moment], shown.style.palette, shown.style.opacity)
    with st.popover("Download", icon=":material/download:", width="stretch"):
        HeatFiles(shown.model, shown.stored, seen, moment, shown.style).offer()
    widgets.medium_badge(seen.record)
    half = sentences.percent(over.half[moment])
    begin = f"{when(stop)}, half" if moment else "Half"
    told = [f"**{begin} of all looks fall on {half} of the picture.**", *_of_areas(shown)]
    if len(told) < 2 and over.peaks[moment]:
        told.append(_of_peaks(over, moment))
    st.markdown("\n\n".join(told).replace(" %", "\u00a0%"))
    known = measures.attention(shown.model, shown.stored, seen)
    row = st.container(horizontal=True)
    row.metric("Focus", f"{known.focus:.0f}", help=FOCUS)
    row.metric("Clarity", f"{known.clarity:.0f}", help=CLARITY)
    above = known.focus_percentile, known.clarity_percentile
    if not any(map(math.isnan, above)):
        st.caption(
            "More focused than {} and clearer than {} of 1,190 photographs.".format(
                *map(sentences.most_of, above)
            ).replace(" %", "\u00a0%")
        )


FOCUS = (
    "On how little of the picture looks fall over the whole viewing, from 0 to 100. 0 is no more than that people look "
    "at the middle of any picture, 100 is a single spot. It does not say whether a picture is good: one with much to "
    "find has little focus."
)
CLARITY = (
    "How few places share the looks, from 0 to 100. One place has 100, four equal ones have 50, many weak ones have "
    "nearly 0. It does not say whether these are the right places."
)


def _of_areas(shown: Shown) -> list[str]:
    """Sentences about the areas that were drawn on the picture, else about what the model found in it."""
    drawn = workspace().areas(shown.stored.key)
    areas = drawn or _found(shown.seen)
    if not areas:
        return []
    told = sentences.of_areas(
        measures.measures(shown.model, shown.stored, shown.seen, areas), DRAWN if drawn else FOUND
    )
    return [widgets.plain(sentence) for sentence in told]


def _found(seen: View) -> tuple[Area, ...]:
    return checked(from_objects(seen.objects), *seen.size) if seen.objects is not None else ()


def _of_peaks(over: Overlays, moment: int) -> str:
    """The places that stand out, where nothing in the picture has a name."""
    found = over.peaks[moment]
    shares = [f"{100 * peak.share:.0f} %" for peak in found[:3]]
    if len(shares) == 1:
        return f"One place stands out: {shares[0]} of looks fall on it."
    listed = f"{', '.join(shares[:-1])} and {shares[-1]} of looks"
    who = "they get" if len(found) == len(shares) else f"the first {len(shares)} get"
    return f"{len(found)} places stand out: {who} {listed}."


if __name__ == "__main__":
    main()
