"""The question of the page Annotate: one thing of the video, its name by a click or a key, and how far it all is."""

import math

import streamlit as st

from app.predict.sentences import percent
from app.web.annotate.classes import NOTHING, classes
from app.web.annotate.desk import LAST, ROUND, SURE, Desk
from app.web.annotate.words import clock, count
from app.web.widgets import plain
from data.errors import GazeError

PROBLEM = "annotate-problem"  # in st.session_state
NEW = "annotate-new-name"
ENOUGH = 10  # right guesses one after another, after which more labels tell little
KEYS = "Keys: 1 to 9 for the names in their order, 0 not of interest, s skip, z undo, l learn now."


@st.fragment
def question(desk: Desk) -> None:
    """Ask for one thing after another; a click runs this part alone, and a new round the whole page."""
    if desk.closed:
        st.rerun()
    if desk.is_due:
        with st.spinner("Learning from your labels …"):
            desk.learn()
        st.rerun()
    st.header("What is this?")
    box = next(iter(desk.queue), None)
    if box is None:
        st.info("Everything here has a label, or was skipped.", icon=":material/info:")
    else:
        ask(desk, box)
    row = st.container(horizontal=True)
    row.button("Undo", icon=":material/undo:", key="annotate-undo", shortcut="z", on_click=_do, args=(desk.undo,))
    row.button(
        "Learn now", icon=":material/school:", key="annotate-learn", shortcut="l", on_click=desk.hurry,
        help="What you labelled since the last round counts at once.",
    )  # fmt: skip
    if problem := st.session_state.pop(PROBLEM, ""):
        st.error(plain(desk.told(problem)), icon=":material/error:")
    st.caption(f"Every click is saved at once. {KEYS}")
    how_far(desk)
    classes(desk, _do)


def ask(desk: Desk, box: int) -> None:
    """A thing in its frame, the thing alone, and the buttons."""
    left, right = st.columns([3, 2])
    boxes, looks = desk.project.boxes, int(desk.project.looks[box])
    when = clock(float(boxes.time_s[box]))
    try:
        left.image(desk.frame(box), width="stretch", alt=f"The video at {when}, with the thing outlined")
        right.image(desk.crop(box), alt=f"The thing at {when}")
    except GazeError as error:
        st.error(plain(desk.told(str(error))), icon=":material/error:")
    said = f"At {when}." + (f" {count(looks, 'sample')} of gaze on it." if looks else "")
    guess = desk.guess(box)
    if guess:
        said += f" Taken for {guess[0] or NOTHING} so far ({percent(guess[1])})."
    right.markdown(plain(said))
    with right:
        names(desk, box, guess[0] if guess else None)


def names(desk: Desk, box: int, guess: str | None) -> None:
    """A button for each class, and for what is none."""
    known = desk.classes
    row = st.container(horizontal=True, key="annotate-classes")
    for number, name in enumerate(known):
        row.button(
            plain(name),
            key=f"annotate-class-{number}",
            type="primary" if name == guess else "secondary",
            shortcut=str(number + 1) if number < 9 else None,
            on_click=_do,
            args=(desk.label, box, name),
        )
    kinds = desk.project.boxes.kinds
    kind = kinds[int(desk.project.boxes.kind[box])] if kinds else ""
    if kind not in ("", "object", *known):
        row.button(
            plain(f"New: {kind}"),
            key="annotate-kind",
            icon=":material/add:",
            on_click=_do,
            args=(desk.label, box, kind),
        )
    with st.form("annotate-new", clear_on_submit=True, border=False):
        left, right = st.columns([3, 2], vertical_alignment="bottom")
        left.text_input("A new name", key=NEW, placeholder="such as cup, or tablet on the left")
        right.form_submit_button("Name it", icon=":material/add:", on_click=_name, args=(desk, box), width="stretch")
    row = st.container(horizontal=True)
    row.button(
        NOTHING.capitalize(), icon=":material/block:", key="annotate-nothing", shortcut="0",
        type="primary" if guess == "" else "secondary", on_click=_do, args=(desk.label, box, ""),
    )  # fmt: skip
    row.button("Skip", icon=":material/skip_next:", key="annotate-skip", shortcut="s", on_click=desk.skip, args=(box,))


def _name(desk: Desk, box: int) -> None:
    name = st.session_state.get(NEW, "")
    if name.strip():
        _do(desk.label, box, name)
    else:
        st.session_state[PROBLEM] = "A new name is empty; write one."


def _do(action: object, *arguments: object) -> None:
    """A click; what is wrong with it is said on the page."""
    try:
        action(*arguments)  # type: ignore[operator]
    except GazeError as error:
        st.session_state[PROBLEM] = str(error)


def how_far(desk: Desk) -> None:
    """How much is labelled, how much of the rest is told, and when the next round is."""
    st.header("How far it is")
    total = len(desk.project.boxes)
    row = st.container(horizontal=True, gap="large")
    words = f"Of {count(total, 'thing')} in the video's pictures."
    row.metric("Labelled", f"{len(desk.labels):,}", help=words, width="content")
    words = f"Of the last things that you named, at most {LAST}. They are the hardest ones: the others fare better."
    told = f"{desk.hits} of {len(desk.guesses)}" if desk.guesses else "–"
    row.metric("Guessed right", told, help=words, width="content")
    words = (
        f"The share of things whose name it calls at least {100 * SURE:.0f} % probable. It knows no names but yours: "
        "as long as some are lacking, it is too sure."
    )
    row.metric("Sure of", percent(desk.sure) if math.isfinite(desk.sure) else "–", help=words, width="content")
    left = ROUND - desk.fresh
    if not desk.can_tell:
        st.markdown("It begins to tell things apart when two names are given; “not of interest” is one.")
    elif len(desk.guesses) >= ENOUGH and all(right for _, right in desk.guesses[-ENOUGH:]):
        st.markdown(
            f"It guessed the last {ENOUGH} right. Look over the names: “Check” asks for what it doubts most. If that "
            "is right, too, more labels tell little."
        )
    elif desk.stale and left > 0:
        st.caption(f"The next round is after {count(left, 'more label')}.")
