"""How much does each area get? Areas of interest, drawn on the picture, and their shares of looks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from app.predict.areas import AreaMeasures
from app.predict.sentences import of_areas, percent
from app.web import widgets
from app.web.areas import results as area_results
from app.web.areas import suggestions as suggested
from app.web.canvas import Contour, Layer, canvas, of_view
from app.web.measures import measures
from app.web.picture_bar import picture_bar
from app.web.predictions import View, view
from app.web.uploads import uploader
from app.web.workspace import StoredPicture, Workspace, workspace
from data.areas import Area, from_coco, to_coco
from data.draw.palettes import DEFAULT
from data.errors import GazeError
from export.runtime.saliency import Predictor

TITLE, ICON, PLACE = "Areas", ":material/select_all:", 10  # in the navigation

CANVAS = "areas-canvas"
CHOSEN = "areas-suggested"  # the key of the chosen suggestions
TOLD = "areas-told"  # what happened to files, to be told once


@dataclass(frozen=True)
class Looked:
    """A picture that is looked at, and what is measured on it."""

    model: Predictor
    stored: StoredPicture
    seen: View

    def measured(self, areas: Sequence[Area]) -> tuple[AreaMeasures, ...]:
        """What each area gets."""
        return measures(self.model, self.stored, self.seen, areas) if areas else ()


def main() -> None:
    """The page."""
    st.title("How much does each area get?")
    model = widgets.model_picker()
    if model is None:
        return
    stored = picture_bar("to see how much each of its areas gets")
    if stored is None:
        return
    condition = widgets.condition_picker(model.contract.conditions)
    try:
        looked = Looked(model, stored, view(model, stored, condition))
    except GazeError as error:
        st.error(widgets.plain(str(error)), icon=":material/error:")
        return
    study(looked)


@st.fragment
def study(looked: Looked) -> None:
    """The picture, and what its areas get; what is drawn runs no more than this."""
    kept = workspace()
    left, right = st.columns([8, 5], gap="medium")
    with left:
        draw(kept, looked)
        tell()
        suggest(kept, looked)
        exchange(kept, looked)
    with right:
        results(looked, kept.areas())
    details(looked, kept.areas())
    st.markdown(f"**{widgets.NOTE}** {area_results.RANGES}")


def draw(kept: Workspace, looked: Looked) -> None:
    """The picture with its areas; what is drawn is kept."""
    stored, seen = looked.stored, looked.seen
    heat = st.toggle("Show the heat map", value=True, key="areas-heat", persist_state="session")
    state = canvas(
        CANVAS,
        seen.webp,
        seen.size,
        areas=kept.areas(),
        revision=kept.revisions.get(stored.key, 0),
        heat=of_view.heat(seen) if heat else (),
        stops=of_view.stops(seen),
        palette=st.session_state.get("palette", DEFAULT),
        opacity=st.session_state.get("opacity-Heat", 60) / 100,
        layers=lambda areas: layers(looked, areas),
        alts=lambda areas: alts(looked, areas),
        editable=True,
        height=540,
        history=of_view.AREAS,
        keep=partial(kept.keep_drawn, stored.key),
    )
    if state.areas is not None:
        kept.keep_drawn(stored.key, state.areas)


def layers(looked: Looked, areas: Sequence[Area]) -> list[Layer]:
    """For each stop the share of each area; and the suggestions that are chosen, as lines."""
    measured, seconds = looked.measured(areas), range(len(looked.seen.times))
    chosen = set(st.session_state.get(CHOSEN) or ())
    found = suggested.current(looked.seen, looked.stored, areas) if chosen else ()
    lines = [Contour(area.name, (area.points,)) for area in found if area.name in chosen]
    shares = [{m.name: percent(m.share) for m in measured}]
    shares += [{m.name: percent(float(m.share_by_second[second])) for m in measured} for second in seconds]
    return [Layer(lines, (), labels) for labels in shares]


def alts(looked: Looked, areas: Sequence[Area]) -> list[str]:
    """What the picture says at each stop."""
    measured, name = looked.measured(areas), looked.stored.name
    words = []
    for number, stop in enumerate(of_view.stops(looked.seen)):
        shares = area_results.in_words(measured, number - 1 if number else None)
        said = f" Shares of looks: {shares}." if measured else " No area is drawn yet."
        words.append(f"{name} under its heat map, {stop[:1].lower()}{stop[1:]}.{said}")
    return words


def suggest(kept: Workspace, looked: Looked) -> None:
    """What was found in the picture, to be accepted as areas or rejected."""
    stored, areas = looked.stored, kept.areas()
    with st.expander("Suggestions", expanded=not areas, icon=":material/lightbulb:", key="areas-suggestions"):
        suggested.text_toggle()
        found = {area.name: area for area in suggested.current(looked.seen, stored, areas)}
        suggested.tell_problem()
        if found:
            words = "Choose what to keep; it is outlined on the picture."
            picked = st.pills(words, list(found), selection_mode="multi", format_func=widgets.plain, key=CHOSEN)
            chosen = [found[name] for name in picked if name in found]
            with st.container(horizontal=True):
                accept = st.button("Accept", icon=":material/check:", disabled=not chosen, key="areas-accept")
                turn_down = st.button("Reject", icon=":material/close:", disabled=not chosen, key="areas-reject")
                accept_all = st.button(
                    f"Accept all {len(found)}" if len(found) > 1 else "Accept it", key="areas-accept-all"
                )
            if accept or accept_all:
                change(kept, stored, [*areas, *(found.values() if accept_all else chosen)])
            if turn_down:
                suggested.reject(stored, chosen)
                st.rerun()
        else:
            st.caption("There is nothing more to suggest.")
        if suggested.rejected(stored):
            back = "Bring back what was rejected"
            st.button(back, on_click=suggested.bring_back, args=(stored,), key="areas-bring-back")


def exchange(kept: Workspace, looked: Looked) -> None:
    """Areas from a file or another picture, and into a file."""
    stored, areas = looked.stored, kept.areas()
    with st.expander("Load, save or copy areas", icon=":material/folder_open:", key="areas-files"):
        st.download_button(
            "Areas, JSON",
            to_coco(stored.name, *stored.size, areas),
            f"{stored.stem}.areas.json",
            "application/json",
            icon=":material/download:",
            disabled=not areas,
            on_click="ignore",
            help="A COCO file: this page reads it again, and so do `gaze` and other tools.",
        )
        uploader(
            "Areas from a file",
            "areas-file",
            lambda files: keep(kept, stored, lambda: loaded(files[0][1], files[0][0], stored)),
            type="json",
            help="A COCO file.",
        )
        others = {key: kept.pictures[key].name for key, drawn in kept.drawn.items() if drawn and key != stored.key}
        if others:
            source = st.selectbox(
                "Areas from another picture",
                list(others),
                format_func=lambda key: others.get(key, ""),
                key="areas-from",
            )
            if st.button("Copy them", icon=":material/content_copy:", key="areas-copy"):
                change(kept, stored, lambda: copied(kept, source, stored))


def loaded(content: bytes, file: str, stored: StoredPicture) -> tuple[Area, ...]:
    """The areas in a file; what was left out of it is told."""
    left_out: list[str] = []
    areas = from_coco(content, file, stored.name, *stored.size, left_out.append)
    told = f"{len(areas)} areas loaded in the place of those before; undo on the picture brings them back."
    st.session_state[TOLD] = [(False, told), *((True, sentence) for sentence in left_out)]
    return areas


def copied(kept: Workspace, source: str, stored: StoredPicture) -> list[Area]:
    """The areas of another picture, scaled to the size of this one; they replace those of the same name."""
    other = kept.pictures[source]
    scale = stored.size[0] / other.size[0], stored.size[1] / other.size[1]
    new = [area.scaled(*scale) for area in kept.areas(source)]
    names = {area.name for area in new}
    st.session_state[TOLD] = [(False, f"{len(new)} areas copied from {other.name}.")]
    return [*(area for area in kept.areas(stored.key) if area.name not in names), *new]


def change(kept: Workspace, stored: StoredPicture, areas: Sequence[Area] | Callable[[], Sequence[Area]]) -> None:
    """Keep other areas, and show the page with them."""
    keep(kept, stored, areas)
    st.rerun()


def keep(kept: Workspace, stored: StoredPicture, areas: Sequence[Area] | Callable[[], Sequence[Area]]) -> None:
    """Keep other areas; what is wrong with them is told when the page is shown."""
    try:
        kept.set_areas(stored.key, areas() if callable(areas) else areas)
    except GazeError as error:
        st.session_state[TOLD] = [(True, str(error))]


def tell() -> None:
    """What happened to files and suggestions, once."""
    for wrong, words in st.session_state.pop(TOLD, ()):
        (st.warning if wrong else st.success)(widgets.plain(words))


def results(looked: Looked, areas: Sequence[Area]) -> None:
    """The shares at a glance."""
    if not areas:
        st.header("No area yet")
        st.markdown("Draw a rectangle on the picture, or accept a suggestion: its share of looks appears here.")
        return
    measured = looked.measured(areas)
    for sentence in of_areas(measured)[:3]:
        st.markdown(widgets.plain(sentence))
    area_results.show_shares(measured)
    area_results.show_seconds(measured, looked.seen.times)


def details(looked: Looked, areas: Sequence[Area]) -> None:
    """All numbers of each area."""
    if not areas:
        return
    measured = looked.measured(areas)
    st.header("Each area in numbers")
    area_results.show_table(measured, looked.seen.times)
    st.download_button(
        "Table, CSV",
        area_results.csv(measured, looked.seen.times),
        f"{looked.stored.stem}.areas.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


if __name__ == "__main__":
    main()
