"""Which object did a person look at? Video and gaze of eye-tracking glasses, labelled by a few clicks."""

from pathlib import Path

import streamlit as st

from app.web.annotate import room as rooms
from app.web.annotate import shelf
from app.web.annotate.bring import lay_gaze, start_page
from app.web.annotate.desk import Desk
from app.web.annotate.looked import looked
from app.web.annotate.making import making
from app.web.annotate.question import question
from app.web.annotate.room import Room
from app.web.annotate.words import clock, count
from app.web.uploads import File, uploader
from app.web.widgets import plain
from data.errors import GazeError

TITLE, ICON, PLACE = "Annotate", ":material/label:", 55  # in the navigation

TOLD = "annotate-told"  # in st.session_state: what is wrong with gaze that was brought


def main() -> None:
    """The page."""
    st.title("Which object did a person look at?")
    room = rooms.room()
    if room is None:
        start_page()
    elif room.kept and room.kept.maker and not room.kept.is_ready:
        st.markdown(f"**{plain(room.name)}**")
        making(room.kept.maker)
    else:
        opened = desk_of(room)
        if opened is None:
            st.button("Leave it", icon=":material/close:", key="annotate-leave", on_click=rooms.leave)
            return
        bar(room, opened)
        question(opened)
        looked(opened)
        notes(opened)


def desk_of(room: Room) -> Desk | None:
    """The project, open; None, with a word on why, where it cannot be opened."""
    if room.desk or room.kept is None:
        return room.desk
    try:
        with st.spinner("Opening the project …"):
            return room.kept.desk()
    except GazeError as error:
        st.error(plain(str(error).replace(str(room.kept.folder), room.name)), icon=":material/error:")
        return None


def bar(room: Room, desk: Desk) -> None:
    """The project in a line, its gaze, and the way out."""
    row = st.container(horizontal=True, vertical_alignment="center")
    project = desk.project
    end = clock(float(project.frames.times[-1])) if len(project.frames) else "0:00"
    size = f"{count(len(project.frames), 'picture')} of {end}, {count(len(project.boxes), 'thing')}."
    row.markdown(f"**{plain(room.name)}:** {size}", width="stretch")
    with row.popover("Gaze", icon=":material/eye_tracking:"):
        gaze(desk)
    with row.popover("Close", icon=":material/close:"):
        if room.kept:
            st.markdown("It is kept here for 12 hours, as long as the app runs; the address of this page finds it.")
        else:
            st.markdown("It stays in its folder.")
        st.button("Close the project", key="annotate-close", on_click=rooms.leave, width="stretch")
        if room.kept:
            icon = ":material/delete:"
            st.button("Remove it here", icon=icon, key="annotate-remove", on_click=rooms.remove, width="stretch")
    for problem in st.session_state.pop(TOLD, []):
        st.error(plain(problem), icon=":material/error:")


def gaze(desk: Desk) -> None:
    """The gaze of the project: its clock, and another recording in its place."""
    about = desk.about.gaze
    if about:
        key = "annotate-gaze-offset"
        if key not in st.session_state:
            st.session_state[key] = about.offset_s
        st.number_input("Seconds to add to its clock", step=0.1, key=key)
        st.button("Read it so", key="annotate-gaze-read", on_click=_read_again, args=(desk, key), width="stretch")
    label = "Another recording in its place" if about else "The recording of this video"
    uploader(label, "annotate-gaze-other", lambda files: _take_gaze(desk, files), many=True)


def _read_again(desk: Desk, key: str) -> None:
    about = desk.about.gaze
    if about:
        _use(desk, Path(about.path), float(st.session_state[key]))


def _take_gaze(desk: Desk, files: list[File]) -> None:
    problems, _ = lay_gaze(desk.project.folder / shelf.GAZE, files)
    st.session_state[TOLD] = problems
    found = shelf.gaze_in(desk.project.folder)
    if found and not problems:
        _use(desk, found, 0.0)
        st.session_state.pop("annotate-gaze-offset", None)


def _use(desk: Desk, path: Path, offset_s: float) -> None:
    try:
        desk.use_gaze(path, offset_s)
    except GazeError as error:
        st.session_state[TOLD] = [desk.told(str(error))]


def notes(desk: Desk) -> None:
    """What was guessed and left out, a sentence each."""
    told = desk.notes
    if told:
        st.header("Notes")
        st.markdown("\n".join(f"- {plain(note)}" for note in told))


if __name__ == "__main__":
    main()
