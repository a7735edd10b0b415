"""Where recordings are brought, answered for and removed: the row above the page Recording.

A session's `Study` keeps what people looked at, not the files; it is bounded, and is lost with the session. One file is
read at a time, whoever brings it, so that several sessions do not need the memory of several.
"""

import threading
from collections.abc import Mapping

import streamlit as st

from app.predict.recorded.files import How
from app.predict.recorded.study import Study
from app.web.gate import MB, MOST_BYTES
from app.web.uploads import File, uploader
from app.web.widgets import plain
from data.recorders import Setup

SLOT = "recordings"  # in st.session_state
MAKERS = {  # of the formats of `data.recorders`, as people know them
    "eyelink": "EyeLink (.asc and reports)",
    "eyelink-report": "",
    "tobii": "Tobii (with glasses and SDK)",
    "tobii-glasses": "",
    "tobii-sdk": "",
    "smi": "SMI",
    "pupil": "Pupil Labs (with Neon)",
    "neon": "",
    "gazepoint": "Gazepoint",
    "imotions": "iMotions",
    "webgazer": "WebGazer",
    "aria": "Aria",
    "bids": "BIDS",
    "csv": "any table of time, x and y",
}
METHODS = {
    "adaptive": "Adaptive, for quick eye trackers",
    "ivt": "By speed (I-VT), for 60 samples a second",
    "idt": "By spread (I-DT), for slow eye trackers",
}
EYES = {"auto": "The better one", "left": "Left", "right": "Right", "both": "Mean of both"}
ORIGINS = {"topleft": "The upper left corner", "centre": "The middle of the screen"}
USUAL = {"width": 1920, "height": 1080, "width_cm": 53.0, "height_cm": 30.0, "distance_cm": 65.0}
FIELDS = {
    "width": ("Screen width (pixels)", 1, 20_000),
    "height": ("Screen height (pixels)", 1, 20_000),
    "width_cm": ("Screen width (cm)", 1.0, 1000.0),
    "height_cm": ("Screen height (cm)", 1.0, 1000.0),
    "distance_cm": ("Distance from eye to screen (cm)", 5.0, 2000.0),
}
_reading = threading.Lock()


def study() -> Study:
    """The recordings of this session."""
    if SLOT not in st.session_state:
        st.session_state[SLOT] = Study()
    kept: Study = st.session_state[SLOT]
    return kept


def recording_bar() -> Study | None:
    """The recordings of this session; None, with an invitation to bring some, where there are none yet."""
    kept = study()
    if kept.viewings:
        left, right = st.columns([4, 1], vertical_alignment="center")
        people = len({viewing.path.subject for viewing in kept.viewings})
        count = len(kept.report.recordings)
        left.markdown(
            f"**{count} recording{'s' * (count != 1)}:** {people} {'person' if people == 1 else 'people'}, "
            f"{kept.fixations:,} looks."
        )
        with right.popover("Recordings", icon=":material/eye_tracking:", width="stretch"):
            _uploader("Add recordings")
            _remover(kept)
    elif not kept.lacking:
        st.markdown(
            "**Bring recordings of people who looked at your pictures.** They stay on the machine that runs this app, "
            "and the files are not kept."
        )
        _uploader("Your recordings")
        makers = ", ".join(filter(None, MAKERS.values()))
        st.caption(f"Known are {makers}; also a table of looks (fixations.csv), and zips of folders.")
    for problem in kept.problems:
        st.error(plain(problem), icon=":material/error:")
    if kept.lacking:
        _ask(kept)
    return kept if kept.viewings else None


def _uploader(label: str) -> None:
    limits = f"Several files together where they belong together; 50 MB a file, {MOST_BYTES // MB} MB together."
    uploader(label, "recording-upload", _take, many=True, help=limits)
    with st.expander("Details", icon=":material/tune:"):
        st.selectbox(
            "How looks are found in the samples",
            list(METHODS),
            format_func=METHODS.__getitem__,
            key="recording-method",
            persist_state="session",
            help="For recordings that are brought after this is chosen.",
        )
        st.selectbox(
            "Which eye", list(EYES), format_func=EYES.__getitem__, key="recording-eye", persist_state="session"
        )
        st.selectbox(
            "Tables count places from",
            list(ORIGINS),
            format_func=ORIGINS.__getitem__,
            key="recording-origin",
            persist_state="session",
            help="PsychoPy counts from the middle of the screen.",
        )
        st.toggle(
            "Keep the look that was under way when the picture came",
            key="recording-initial",
            persist_state="session",
            help="It is usually where a cross was shown before.",
        )


def how(answers: Mapping[str, float] | None = None) -> How:
    """What the person says of recordings."""
    state = st.session_state
    reader = {"eye": state.get("recording-eye", "auto"), "origin": state.get("recording-origin", "topleft")}
    numbers = {name: int(value) if name in ("width", "height") else value for name, value in (answers or {}).items()}
    return How(
        Setup(**numbers),  # type: ignore[arg-type]
        state.get("recording-method", "adaptive"),
        bool(state.get("recording-initial", False)),
        reader,
    )


def _take(files: list[File]) -> None:
    with _reading:
        study().read(files, how())


def _ask(kept: Study) -> None:
    """The form of what recordings do not say of their screen, and nothing else."""
    names = list(kept.lacking)
    few = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    wanted = [name for name in FIELDS if any(name in lacking for lacking in kept.lacking.values())]
    with st.form("recording-screen"):
        one = len(names) == 1
        st.markdown(plain(f"{few}: {'it does' if one else 'they do'} not say on what screen the pictures were shown."))
        for column, name in zip(st.columns(len(wanted)), wanted, strict=True):
            label, least, most = FIELDS[name]
            column.number_input(label, least, most, USUAL[name], key=f"recording-{name}")
        left, right = st.columns(2)
        left.form_submit_button("Read the recordings", type="primary", on_click=_answer, width="stretch")
        right.form_submit_button("Leave them out", on_click=_leave_out, width="stretch")


def _answer() -> None:
    kept, state = study(), st.session_state
    with _reading:
        kept.answer(how({name: state.get(f"recording-{name}", USUAL[name]) for name in FIELDS}))


def _leave_out() -> None:
    kept = study()
    kept.waiting, kept.lacking = (), {}


def _remover(kept: Study) -> None:
    names = list(kept.report.recordings)
    st.multiselect("Remove some", names, key="recording-gone", placeholder="Choose recordings")
    st.button("Remove these", icon=":material/delete:", key="recording-remove", on_click=_remove, width="stretch")
    st.button("Remove all", icon=":material/delete_sweep:", key="recording-clear", on_click=_clear, width="stretch")


def _remove() -> None:
    study().remove(st.session_state.get("recording-gone", []))
    st.session_state["recording-gone"] = []


def _clear() -> None:
    st.session_state[SLOT] = Study()
