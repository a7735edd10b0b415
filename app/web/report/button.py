"""The button in the sidebar of every page that makes a report of the workspace, and the settings that reports share."""

from collections.abc import Callable, Sequence

import streamlit as st

from app.web import widgets
from app.web.predictions import open_model
from app.web.report.items import Drawing, item
from app.web.report.method import method
from app.web.report.page import Heading, ReportItem, report
from app.web.workspace import StoredPicture, Workspace, workspace
from data.areas import Area
from data.draw.palettes import DEFAULT, PALETTES
from data.errors import GazeError
from export.runtime.saliency import Predictor
from saliency import TASK

MOST = 20  # pictures in a report
OBSERVERS = 100
CHOSEN, TITLE, AUTHOR, NOTES = "report-pictures", "report-title", "report-author", "report-notes"  # keys of widgets


def report_button() -> None:
    """Offer a report of the pictures of the workspace, where there are any; it is made when someone clicks."""
    kept = workspace()
    model = _model()
    if not kept.pictures or model is None:
        return
    st.sidebar.download_button(
        "Report (HTML)",
        maker(kept, chosen(kept), model),
        "gaze-report.html",
        "text/html",
        "report-download",
        on_click="ignore",
        icon=":material/description:",
        help="One page with pictures, areas, method and limits: to hand on or to print. The page Report has its title.",
        width="stretch",
    )


def chosen(kept: Workspace) -> list[str]:
    """The keys of the pictures that a report is to have."""
    asked: Sequence[str] = st.session_state.get(CHOSEN) or ()
    known = [key for key in asked if key in kept.pictures]
    return known or list(kept.pictures)[:MOST]


def maker(kept: Workspace, keys: Sequence[str], model: Predictor) -> Callable[[], bytes]:
    """What makes the report, with the settings as they are now; it needs no session when it runs."""
    state = st.session_state
    condition = str(state.get("condition") or model.contract.conditions[0])
    condition = condition if condition in model.contract.conditions else model.contract.conditions[0]
    palette = state.get("palette")
    opacity = state.get("opacity-Heat")
    drawing = Drawing(
        str(palette) if palette in PALETTES else DEFAULT,
        min(1.0, float(opacity) / 100) if isinstance(opacity, int | float) else Drawing.opacity,
    )
    heading = Heading(str(state.get(TITLE) or Heading.title), str(state.get(AUTHOR) or ""), str(state.get(NOTES) or ""))
    pictures = [(kept.pictures[key], kept.areas(key)) for key in keys]
    return lambda: made(pictures, model, condition, drawing, heading).encode()


def made(
    pictures: Sequence[tuple[StoredPicture, tuple[Area, ...]]],
    model: Predictor,
    condition: str,
    drawing: Drawing,
    heading: Heading,
) -> str:
    """The report of some pictures with their areas."""
    items: list[ReportItem] = []
    problems: list[str] = []
    for stored, areas in pictures:
        try:
            items.append(item(model, None, stored, condition, areas, drawing))
        except GazeError as error:
            problems.append(str(error))
    return report(items, heading, method(model, condition, drawing.words, OBSERVERS), problems=problems)


def _model() -> Predictor | None:
    """The model that the pages look with, or the usual one."""
    names = widgets.models_of(TASK)
    name = st.session_state.get("model") or TASK.default_models[0]
    path = names.get(str(name)) or next(iter(names.values()), None)
    try:
        return open_model(path) if path else None
    except GazeError:
        return None
