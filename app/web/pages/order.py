"""In which order do people look? The paths of simulated observers over what is in a picture, free or in search."""

from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.web import widgets
from app.web.charts import show as show_chart
from app.web.order import charts, films, observers, search, things, words
from app.web.order.films import ALL, FIRST, ONE, Story
from app.web.order.numbers import agreement, rows
from app.web.order.numbers import search as searched
from app.web.order.observers import Who
from app.web.order.search import Aim
from app.web.path_player import path_player
from app.web.picture_bar import picture_bar
from app.web.predictions import View, view
from app.web.uploads import kept_file
from app.web.widgets import plain
from app.web.workspace import StoredPicture, workspace
from data import picture as pictures
from data.areas import Area, rectangle
from data.errors import GazeError
from export.runtime.saliency import Predictor

TITLE, ICON, PLACE = "Order", ":material/timeline:", 20  # in the navigation

LOOK_AROUND, LOOK_FOR = "Looking around", "Looking for something"


def main() -> None:
    """The page."""
    st.title("In which order do people look?")
    details = st.sidebar.expander("Details", key="order-details")
    model = widgets.model_picker("Where looks fall", details)
    if model is None:
        return
    stored = picture_bar("to see in which order people look at what is in it")
    if stored is None:
        return
    try:
        answer(model, stored, details)
    except GazeError as error:
        st.error(plain(str(error)), icon=":material/error:")


def answer(model: Predictor, stored: StoredPicture, details: DeltaGenerator) -> None:
    """One picture: what is asked of it, and what comes out."""
    condition = widgets.condition_picker(model.contract.conditions, details)
    seen = view(model, stored, condition)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        searching = choice("What people do", (LOOK_AROUND, LOOK_FOR), "order-task") == LOOK_FOR
    with right:
        some = choose_things(model, stored, seen)
    if some is None:
        return
    if not some:
        st.info(
            "Nothing stands out in this picture. Take a grid, or draw areas on the page Areas.", icon=":material/info:"
        )
        return
    who = observers.ask(details, searching)
    if who is None:
        return
    aim = None
    if searching:
        aim = search.ask(stored, seen, some, f"{stored.key}-{source_of(stored)}")
        if aim is None:
            return
    story = tell(who, model, stored, seen, some, aim)
    show(stored, story, aim, who)
    st.header("What is seen, when and for how long")
    charts.show_table(story.rows)
    left, right = st.columns(2, gap="medium")
    with left:
        show_chart(charts.seen_chart(story.rows), charts.seen_alt(story.rows))
    with right:
        show_chart(charts.when_chart(story.rows), charts.when_alt(story.rows))
    small_print(story, who)


def choice(label: str, options: Sequence[str], key: str, default: str | None = None) -> str:
    """One of a few, in a row; kept for the session."""
    st.session_state.setdefault(key, default or options[0])
    if st.session_state[key] not in options:
        st.session_state[key] = options[0]
    chosen = st.segmented_control(label, options, key=key, required=True, persist_state="session", wrap=True)
    return chosen or options[0]


def source_of(stored: StoredPicture) -> str:
    """Where the things come from."""
    return str(st.session_state.get(f"order-things-{bool(workspace().areas(stored.key))}", ""))


def choose_things(model: Predictor, stored: StoredPicture, seen: View) -> tuple[Area, ...] | None:
    """What people may look at; None, with a word on what to do, while it is missing."""
    areas = workspace().areas(stored.key)
    options = [things.AREAS] if areas else []
    options += [things.FOUND, things.GRID, things.FILE]
    source = choice("What they look at", options, f"order-things-{bool(areas)}")
    if source == things.GRID:
        left, right = st.columns(2)
        counts = [
            column.number_input(word, 1, 14, first, key=f"order-{word.lower()}", persist_state="session")
            for column, word, first in ((left, "Rows", 3), (right, "Columns", 4))
        ]
        return things.grid(stored.size, *(int(count or 1) for count in counts))
    if source == things.FILE:
        file = kept_file("COCO file", "order-coco", type="json", help="With 'images' and 'annotations'.")
        if file is None:
            st.info("Upload a COCO file that holds this picture's boxes.", icon=":material/upload:")
            return None
        st.caption(plain(f"From {file[0]}."))
        return things.of_file(stored, *file, warn)
    found = things.found(model, stored, seen)
    if source == things.FOUND:
        return found
    others = st.toggle("And what was found beside them", True, key="order-others", persist_state="session")
    return things.with_found(areas, found, stored.size) if others else areas


def warn(told: str) -> None:
    """What was left out of a file."""
    st.warning(plain(told), icon=":material/warning:")


def tell(
    who: Who, model: Predictor, stored: StoredPicture, seen: View, some: tuple[Area, ...], aim: Aim | None
) -> Story:
    """The paths, and what they say; a target that is none of the things becomes one."""
    trace = observers.follow(who, model, stored, seen, some, aim)
    if aim is not None and aim.box is not None and len(trace.scene.objects) > len(some):
        some = (*some, rectangle(aim.name[:1].upper() + aim.name[1:], aim.box))
    return Story(seen, trace, some, rows(trace, some), trace.typical)


@st.fragment
def show(stored: StoredPicture, story: Story, aim: Aim | None, who: Who) -> None:
    """The player, and beside it what it says; changing what is played runs nothing else anew."""
    left, right = st.columns([8, 5], gap="medium")
    with left:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            mode = choice("What is shown", (ONE, ALL, FIRST), "order-mode")
            person = choose_person(stored, story) if mode == ONE else story.typical
            outlines = st.toggle("Outlines", True, key="order-outlines", persist_state="session")
        path_player(f"order-player-{stored.key}", films.film(story, mode, person, outlines))
        st.caption(note(story, mode))
    with right:
        for number, sentence in enumerate(sentences(story, aim)):
            st.markdown(words.unbroken(f"**{sentence}**" if number == 0 else sentence))
        if mode == FIRST:
            st.markdown(words.agreed(agreement(story.trace, story.things), story.rows, plain))
        if aim is not None:
            st.caption(plain(f"Searches are simulated by {who.words}, which learned from people who searched."))
        downloads(stored, story, person)
        st.caption(widgets.NOTE)


def choose_person(stored: StoredPicture, story: Story) -> int:
    """Whose path is shown: at first that of whoever agrees best with all others."""
    everyone = [story.typical, *(number for number in range(story.people) if number != story.typical)]
    return st.selectbox(
        "Whose path",
        everyone,
        key=f"order-person-{stored.key}-{story.typical}-{story.people}",
        format_func=lambda n: f"Person {n + 1}" + (" (typical)" if n == story.typical else ""),
        width=180,
        persist_state="session",
    )


def note(story: Story, mode: str) -> str:
    """What the marks mean."""
    if mode == FIRST:
        return "A dot is where a person first looks at one of these things; the larger a ring, the more begin there."
    if mode == ALL:
        return "A dot is a look of one of all people."
    return "Warm to cool: first to last. " + ("The larger a circle, the longer the look." if story.timed else "")


def sentences(story: Story, aim: Aim | None) -> list[str]:
    """What is seen first, second and third, or how the search went."""
    if aim is None:
        return words.free(story.rows, plain)
    targets = story.trace.scene.targets
    on_path = targets[0] if targets else None
    told = searched(story.trace)
    return words.sought(told, story.rows, aim.name, plain, on_path, story.trace.settings.limit)


def downloads(stored: StoredPicture, story: Story, person: int) -> None:
    """The files; the picture is drawn at its full size when it is wanted."""

    def path_png() -> bytes:
        return pictures.encode(films.drawn(story, person, pictures.read(stored.content, stored.name)))

    def looks_csv() -> str:
        return charts.looks_csv(films.looks(story, range(story.people)), story.things)

    def things_csv() -> str:
        return charts.things_csv(story.rows, story.things)

    def everything() -> str:
        return story.trace.to_json(stored.name)

    offers: list[tuple[str, Callable[[], str | bytes], str, str]] = [
        ("Path, PNG", path_png, "path.png", "image/png"),
        ("Looks, CSV", looks_csv, "looks.csv", "text/csv"),
        ("Things, CSV", things_csv, "things.csv", "text/csv"),
        ("Everything, JSON", everything, "path.json", "application/json"),
    ]
    with st.popover("Download", icon=":material/download:"):
        for label, data, ending, kind in offers:
            key = f"order-get-{ending.replace('.', '-')}"
            st.download_button(label, data, f"{stored.stem}.{ending}", kind, key, on_click="ignore", width="stretch")


def small_print(story: Story, who: Who) -> None:
    """Who looked, and what is not known of it."""
    untold = "" if story.timed else " This model tells no times: – is unknown."
    st.caption(plain(f"{story.people} people, {who.drawn}.{untold}"))


if __name__ == "__main__":
    main()
