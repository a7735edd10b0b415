"""What did people really look at? Eye tracking of one's own beside the prediction: maps, looks, scores and areas."""

import math
from collections.abc import Callable
from functools import partial

import streamlit as st

from app.predict.recorded import exports
from app.predict.recorded.agreement import FEW, LEAST_PEOPLE, Agreement
from app.predict.recorded.study import Study
from app.web import widgets
from app.web.picture_bar import picture_bar
from app.web.predictions import View, view
from app.web.recording.desk import recording_bar
from app.web.recording.tables import AreaRows, areas, quality, scores
from app.web.recording.views import Compared
from app.web.widgets import WHOLE, plain
from app.web.workspace import StoredPicture, Workspace, workspace
from data.draw.palettes import DEFAULT
from data.draw.timeline import caption
from data.errors import GazeError
from export.runtime.saliency import Predictor

TITLE, ICON, PLACE = "Recording", ":material/eye_tracking:", 50  # in the navigation

EVERYBODY = ""  # the choice of whose looks are drawn
PLACED = {
    "": "As it fits best",
    "centre": "In its own size, in the middle",
    "fit": "As large as fits, in the middle",
    "fill": "Stretched over the screen",
}


def main() -> None:
    """The page."""
    st.title("What did people really look at?")
    model = widgets.model_picker()
    if model is None:
        return
    stored = picture_bar("that people looked at")
    if stored is None:
        return
    study = recording_bar()
    if study is None:
        return
    condition = widgets.condition_picker(model.contract.conditions)
    stimuli = shown_as(study, stored)
    seen = view(model, stored, condition)
    limit = settings(seen)
    placed = st.session_state.get("recording-placed", "")
    try:
        paths = study.paths(stimuli, stored.size, placed, limit)
    except GazeError as error:
        st.error(plain(str(error)), icon=":material/error:")
        paths = ()
    if paths:
        compared = Compared(seen, paths, study.degree(stimuli, stored.size, placed), DEFAULT)
        show(compared, stored, model, study)
    elif stimuli:
        st.info("Nobody looked at this picture in the time that counts.", icon=":material/info:")
    quality(study)


def shown_as(study: Study, stored: StoredPicture) -> tuple[str, ...]:
    """What the recordings call the picture: found by its name, or chosen."""
    pictures = workspace().pictures
    meant = study.taken_for(each.name for each in pictures.values())
    named = [stimulus for stimulus, names in meant.items() if names == [stored.name]]
    free = [stimulus for stimulus, names in meant.items() if len(names) != 1]
    options = named + free
    alone = not named and len(free) == 1 and len(meant) == 1 and len(pictures) == 1
    key = f"recording-shown-{stored.key}"
    if not free:
        return tuple(named)
    if alone and key not in st.session_state:
        said = f"names “{free[0]}”" if free[0] else "names no picture"
        st.caption(plain(f"The recording {said}; it is taken for {stored.name}."))
    if not named and not alone and key not in st.session_state:
        st.info("No recording names this picture. Choose what was shown.", icon=":material/info:")
    counts = study.stimuli
    chosen = st.multiselect(
        "Recorded as",
        options,
        default=named or (free if alone else []),
        format_func=lambda name: f"{name or 'without a name'} ({counts.get(name, 0)})",
        key=key,
        persist_state="session",
        help="What the recordings call the picture; behind it how many people looked at it.",
    )
    return tuple(chosen)


def settings(seen: View) -> float:
    """The settings in the sidebar; how many seconds of a viewing count."""
    side = st.sidebar
    side.selectbox(
        "How the picture was shown",
        list(PLACED),
        format_func=PLACED.__getitem__,
        key="recording-placed",
        persist_state="session",
        help="Where it lay on the screen. Tables of looks count in the picture's own pixels, and need no answer.",
    )
    most = seen.times[-1][1] if seen.times else 5.0
    first = side.toggle(
        f"Only the first {most:g} seconds",
        True,
        key="recording-first",
        persist_state="session",
        help="The model predicts no more than these; people who look longer look at other things, too.",
    )
    return most if first else math.inf


def show(compared: Compared, stored: StoredPicture, model: Predictor, study: Study) -> None:
    """The maps, the looks, the scores and the areas."""
    headline(compared.agreement())
    moment, when = moments(compared)
    both(compared, moment, when)
    looks(compared)
    scores(compared.agreement())
    rows = areas(compared, stored, model)
    downloads(compared, stored, study, (moment, when), rows)


def moments(compared: Compared) -> tuple[int, str]:
    """Choose the whole viewing or a second of it."""
    times = [caption(time) for time in compared.view.times if time[0] < compared.seconds]
    if not times:
        return 0, WHOLE
    names = [WHOLE, *times]
    if st.session_state.get("recording-moment") not in names:
        st.session_state["recording-moment"] = WHOLE
    chosen = st.select_slider("When", names, key="recording-moment", persist_state="session")
    return names.index(chosen), chosen


def headline(agreed: Agreement) -> None:
    """How well the prediction agrees with the people, in a sentence that is true."""
    st.markdown(f"**{sentence(agreed)}**")
    if LEAST_PEOPLE <= agreed.people < FEW:
        st.caption(f"With {agreed.people} people this is rough; {FEW} and more tell more.")


def sentence(agreed: Agreement) -> str:
    """How well the prediction agrees with the people, beside how well they agree with each other."""
    if not agreed.looks:
        return "Nobody looked at the picture itself: check how it was shown on the screen."
    if agreed.people < LEAST_PEOPLE:
        return (
            "One person alone: how much people agree with each other cannot be told, and so not how good is good "
            f"enough. Bring recordings of {LEAST_PEOPLE} or more."
        )
    if not math.isfinite(agreed.ceiling_share):
        return (
            f"These {agreed.people} people agree with each other no more than by chance, so nothing can be predicted."
        )
    share = agreed.ceiling_share
    span = f"{max(agreed.low, 0):.0%} to {agreed.high:.0%} in 95 of 100 such groups".replace("%", " %")
    if share <= 0:
        return f"The prediction agrees with these {agreed.people} people no better than chance."
    how = "better than" if share > 1 else f"{share:.0%} as well as".replace("%", " %")
    return f"The prediction agrees with these {agreed.people} people {how} one of them agrees with the others ({span})."


def both(compared: Compared, moment: int, when: str) -> None:
    """The real map and the prediction on one scale."""
    real, predicted = compared.maps(moment)
    people = len(compared.paths)
    left, right = st.columns(2)
    who = f"{people} {'person' if people == 1 else 'people'}"
    left.header("What people looked at")
    left.image(real, width="stretch", alt=f"Heat map of what {who} looked at in {compared.view.name}: {when}")
    right.header("Prediction")
    right.image(predicted, width="stretch", alt=f"Heat map of the prediction for {compared.view.name}: {when}")
    left.caption(f"{who}, {sum(map(len, compared.paths))} looks. Both maps have one scale.")
    right.caption(widgets.NOTE)


def looks(compared: Compared) -> None:
    """Everybody's looks, or those of one person in their order."""
    st.header("Looks of people")
    names = [EVERYBODY, *sorted(path.subject for path in compared.paths)]
    if st.session_state.get("recording-whose") not in names:
        st.session_state["recording-whose"] = EVERYBODY
    whose = st.selectbox(
        "Whose",
        names,
        format_func=lambda name: name or "Everybody's, a colour a person",
        key="recording-whose",
        persist_state="session",
        filter_mode=None,
        width=420,
    )
    words = (
        f"The looks of {whose}, numbered in their order" if whose else "Everybody's looks as dots, a colour a person"
    )
    left, _ = st.columns([3, 2])
    left.image(compared.looks(whose), width="stretch", alt=f"{words}, over {compared.view.name}")


def downloads(
    compared: Compared,
    stored: StoredPicture,
    study: Study,
    moment: tuple[int, str],
    rows: AreaRows,
) -> None:
    """What can be taken home."""
    train = (
        "All pictures of the workspace with everybody's looks at them, to train on: `gaze train tempsal --data.root`"
    )
    files: list[tuple[str, Callable[[], str | bytes], str, str, str | None]] = [
        ("Maps, PNG", partial(compared.sheet, *moment), f"{stored.stem}.maps.png", "image/png", None),
        (
            "Looks, CSV",
            partial(exports.fixations, stored.name, compared.paths),
            f"{stored.stem}.fixations.csv",
            "text/csv",
            None,
        ),
        ("Areas, CSV", partial(exports.areas, rows), f"{stored.stem}.areas.csv", "text/csv", None),
        (
            "Data set, ZIP",
            partial(data_set, study, workspace(), *_choices()),
            "recordings.zip",
            "application/zip",
            train,
        ),
    ]
    files = [file for file in files if rows or file[0] != "Areas, CSV"]
    for column, (label, content, name, kind, words) in zip(st.columns(len(files)), files, strict=True):
        column.download_button(
            label, content, name, kind, icon=":material/download:", width="stretch", help=words, on_click="ignore"
        )


def _choices() -> tuple[str, dict[str, tuple[str, ...]]]:
    """How pictures were shown, and what was chosen as recordings of each; a download does not know the session."""
    prefix = "recording-shown-"
    chosen = {
        str(key).removeprefix(prefix): tuple(value)
        for key, value in st.session_state.items()
        if str(key).startswith(prefix) and value is not None
    }
    return st.session_state.get("recording-placed", ""), chosen


def data_set(study: Study, kept: Workspace, placed: str, chosen: dict[str, tuple[str, ...]]) -> bytes:
    """All pictures of the workspace that people looked at, with their looks."""
    meant = study.taken_for(each.name for each in kept.pictures.values())
    shown = []
    for key, stored in kept.pictures.items():
        named = [stimulus for stimulus, names in meant.items() if names == [stored.name]]
        paths = study.paths(chosen.get(key, named), stored.size, placed)
        if paths:
            shown.append((stored.name, stored.content, stored.size, paths, kept.areas(key)))
    methods = {viewing.recording: viewing.method for viewing in study.viewings}
    return exports.data_set(shown, study.report.recordings, methods)


if __name__ == "__main__":
    main()
