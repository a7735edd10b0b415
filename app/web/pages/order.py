"""In which order? A picture in; the path of simulated observers over its objects and their statistics out."""

import math
from collections.abc import Callable
from pathlib import Path
from string import ascii_uppercase
from tempfile import TemporaryDirectory
from typing import Any

import altair as alt
import numpy as np
import streamlit as st
from jaxtyping import UInt8

from app.predict.simulate import SceneModel, Settings, SimulatedPaths
from app.web import widgets
from app.web.pages.picture import TALLEST, place
from app.web.widgets import SAMPLES, Things
from data import coco
from data import picture as pictures
from data.errors import GazeError
from export.runtime.saliency import Predictor

TITLE, ICON, PLACE = "In which order?", ":material/timeline:", 10  # in the sidebar

FOUND, GRID, DRAWN, FILE = "Found in the picture", "A grid", "Drawn by hand", "From a COCO file"
LARGER = 1.5  # marks are drawn, because a page shows a picture smaller than it is
SIDES = ("x", "y", "width", "height")
TIPS = {  # what is known of an object: its name in the charts, with its unit, and how its number is written
    "seen": ("Seen by (% of observers)", ".0f"),
    "rank": ("First look (number of the fixation)", ".1f"),
    "after": ("First look after (s)", ".1f"),
    "dwell": ("Time on it (s)", ".1f"),
    "looks": ("Looks (fixations)", ".1f"),
}


def main() -> None:
    """The page."""
    st.title("In which order?")
    st.markdown(f"In which order people are likely to look at the things in a picture. **{widgets.NOTE}**")
    model = widgets.model_picker("Where looks fall")
    walker = widgets.walker_picker() if model else None
    if model is None or walker is None:
        return
    chosen = choose()
    if chosen is None:
        widgets.invite(
            "Upload a picture, or take a sample, to see in which order people look.", "Follow", "path-sample"
        )
        return
    name, content = chosen
    try:
        answer(model, walker, name, content)
    except GazeError as error:
        st.error(widgets.plain(str(error)), icon=":material/error:")


def choose() -> tuple[str, bytes] | None:
    """Name and bytes of the uploaded picture, or else of the sample."""
    left, right = st.columns([5, 2], gap="medium")
    upload = left.file_uploader("Your picture", key="path-picture", help="JPEG, PNG, WebP ...")
    sample = right.pills("Or take a sample", list(SAMPLES), format_func=str.capitalize, key="path-sample")
    if upload is not None:
        return upload.name, upload.getvalue()
    return (SAMPLES[sample].name, SAMPLES[sample].read_bytes()) if sample else None


def answer(model: Predictor, walker: SceneModel, name: str, content: bytes) -> None:
    """One picture: what is asked of it, and what comes out."""
    settings = ask(walker)
    image = pictures.read(content, name)
    things = choose_things(model, image, name, content)
    crop = None
    if walker.searches:
        crop = st.sidebar.file_uploader(
            "What is looked for", key="target", help="A picture of it. Without one, people look as they please."
        )
    if things is None:
        return
    key = str(model.path), str(model.path.stat().st_mtime_ns), walker.model, walker.version
    target = None if crop is None else crop.getvalue()
    shown, trace = widgets.follow(walker, model, content, name, things, target, settings, key)
    if not len(trace.scene.objects):
        st.info("Nothing stands out in this picture; take a grid, or draw boxes by hand.", icon=":material/info:")
        return
    st.subheader(widgets.plain(name))
    left, right = st.columns([5, 2], gap="medium")
    with left:
        show(shown, trace)
    with right:
        st.markdown(sentence(trace))
        downloads(name, content, trace)
    left, right = st.columns(2, gap="medium")
    measured = numbers(trace)
    left.altair_chart(seen_chart(measured), width="stretch", alt="How many observers see each object.")
    right.altair_chart(when_chart(measured), width="stretch", alt="When each object is first looked at.")
    st.table(rows(trace))
    if walker.model == "walk":
        st.caption("– is unknown: the walk tells no times.")


def ask(walker: SceneModel) -> Settings:
    """The sidebar's settings."""
    side = st.sidebar
    condition = walker.conditions[0]
    if len(walker.conditions) > 1:
        condition = widgets.condition_picker(walker.conditions)
    observers = side.slider("Observers", 1, 100, 20, key="observers", help="How many are simulated.")
    temperature = side.slider(
        "Variety", 0.2, 2.0, walker.temperature, 0.1, key=f"temperature-{walker.model}", help="Low: they agree more."
    )
    seed = side.number_input("Seed", 0, None, 0, key="seed", help="Another seed is another group of observers.")
    side.caption(widgets.plain(f"Runs {walker.model} {walker.version} on the {walker.provider.upper()}."))
    return Settings(observers=observers, temperature=temperature, seed=int(seed), condition=condition)


def choose_things(model: Predictor, image: UInt8[np.ndarray, "h w 3"], name: str, content: bytes) -> Things | None:
    """Where the objects come from; None, with a word on what to do, while they are missing."""
    source = st.segmented_control("Objects", [FOUND, GRID, DRAWN, FILE], default=FOUND, key="objects") or FOUND
    if source == GRID:
        left, right = st.columns(2)
        counts = [
            column.number_input(word, 1, 99, first, key=word.lower())
            for column, word, first in ((left, "Rows", 3), (right, "Columns", 4))
        ]
        return f"grid:{counts[0]}x{counts[1]}"
    if source == DRAWN:
        return draw_things(model, image, name, content)
    if source == FILE:
        upload = st.file_uploader("COCO file", "json", key="coco", help="With 'images' and 'annotations'.")
        if upload is None:
            st.info("Upload a COCO file that holds this picture's boxes.", icon=":material/upload:")
            return None
        return read_things(upload.name, upload.getvalue(), name)
    return "found"


def draw_things(model: Predictor, image: UInt8[np.ndarray, "h w 3"], name: str, content: bytes) -> Things | None:
    """Boxes in a table that can be edited; it begins with what is found in the picture."""
    st.caption(f"Boxes in pixels of the picture, {image.shape[1]} × {image.shape[0]}; add, change and delete rows.")
    found = widgets.found(model, content, name, (str(model.path), str(model.path.stat().st_mtime_ns)))
    first = [dict(zip(("name", *SIDES), ("", *map(round, box)), strict=True)) for box in found]
    edited = st.data_editor(
        first or [dict(zip(("name", *SIDES), ("", 0, 0, image.shape[1], image.shape[0]), strict=True))],
        num_rows="dynamic",
        width="stretch",
        key=f"boxes-{name}-{len(content)}",
    )
    things = typed(edited)
    if not things:
        st.info("Add a row with x, y, width and height.", icon=":material/edit:")
    return things or None


def typed(table: list[dict[str, Any]]) -> Things:
    """Names and boxes of the rows that are complete.

    >>> typed([{"name": "cup", "x": 1, "y": 2, "width": 3, "height": 4}, {"name": "half", "x": 1}])
    (('cup', (1.0, 2.0, 3.0, 4.0)),)
    """
    whole = [row for row in table if all(isinstance(row.get(side), int | float) for side in SIDES)]
    whole = [row for row in whole if not any(math.isnan(row[side]) for side in SIDES)]
    boxes = [(float(r["x"]), float(r["y"]), float(r["width"]), float(r["height"])) for r in whole]
    return tuple((str(row.get("name") or ""), box) for row, box in zip(whole, boxes, strict=True))


def read_things(file: str, content: bytes, name: str) -> Things:
    """Names and boxes of a picture in an uploaded COCO file; errors name the file as it was called.

    A file of one picture is taken for it, whatever it calls it. What was left out of the file is shown.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / Path(file).name
        path.write_bytes(content)

        def tell(sentence: str) -> None:
            st.warning(widgets.plain(sentence.replace(f"{folder}/", "")), icon=":material/warning:")

        try:
            annotated = coco.read(path, tell)
            objects = annotated.objects(None if len(annotated.pictures) == 1 else name)
        except GazeError as error:
            raise GazeError(str(error).replace(f"{folder}/", "")) from error
    return tuple((c, (x, y, w, h)) for c, (x, y, w, h) in zip(objects.categories, objects.boxes.tolist(), strict=True))


def show(image: UInt8[np.ndarray, "h w 3"], trace: SimulatedPaths) -> None:
    """The path of the typical observer, or of the one that is chosen."""
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    everyone = [trace.typical, *(number for number in range(len(trace.rollouts.order)) if number != trace.typical)]
    number = left.selectbox(
        "Whose path",
        everyone,
        key="observer",
        format_func=lambda n: f"Observer {n + 1}" + (", who agrees best with all" if n == trace.typical else ""),
    )
    outlines = right.toggle(
        "Objects", True, key="outlines", help="The more observers see an object, the stronger its frame."
    )
    height, width = image.shape[:2]
    timed = bool(np.isfinite(trace.rollouts.duration).any())
    st.image(
        trace.drawn(image, number, names(trace) if outlines else None, LARGER),
        caption=f"Warm to cool: first to last. {'The larger a disc, the longer the look. ' * timed}{widgets.NOTE}",
        width="stretch" if width >= height else round(TALLEST * width / height),
        output_format="JPEG",
    )


def names(trace: SimulatedPaths) -> list[str]:
    """A name for each object: a letter, A for the one that is seen first, and its category where it is known."""
    known = trace.scene.objects.categories or ("",) * len(trace.scene.objects)
    letters = {number: letter(rank) for rank, number in enumerate(trace.precedence)}
    return [f"{letters[number]} {category}".strip() for number, category in enumerate(known)]


def letter(number: int) -> str:
    """Letters as the columns of a table have them.

    >>> [letter(number) for number in (0, 25, 26, 702)]
    ['A', 'Z', 'AA', 'AAA']
    """
    rest, last = divmod(number, 26)
    return (letter(rest - 1) if rest else "") + ascii_uppercase[last]


def sentence(trace: SimulatedPaths) -> str:
    """What is seen first, second and third, in words."""
    told, called = trace.statistics, [widgets.plain(name) for name in names(trace)]
    seen = [number for number in trace.precedence if told.seen[number] > 0][:3]
    if not seen:
        return "Nobody looks at any of the objects."
    words = [f"**{called[n]}** ({where(trace, n)}, seen by {told.seen[n]:.0%})" for n in seen]
    return f"First {', then '.join(words)}. **{told.first[seen[0]]:.0%}** look at {called[seen[0]]} before all else."


def where(trace: SimulatedPaths, number: int) -> str:
    """Where an object lies in the picture, in words."""
    (x, y), picture = trace.scene.objects.centres[number], trace.scene.picture
    return place(x / picture.width, y / picture.height)


def rows(trace: SimulatedPaths) -> list[dict[str, str]]:
    """The objects as lines of a table, from the first to the last seen."""
    told, called = trace.statistics, names(trace)
    return [
        {
            "Object": widgets.plain(called[n]),
            "Where": where(trace, n),
            "Seen by": f"{told.seen[n]:.0%}",
            "Rank of the first look": known(told.rank[n]) + known(told.rank_sd[n], otherwise="", before=" ± "),
            "First look after": known(told.time_to_first_ms[n] / 1000, after=" s"),
            "Time on it": known(told.dwell_ms[n] / 1000, after=" s"),
            "Looks": known(told.looks[n]),
        }
        for n in trace.precedence
    ]


def numbers(trace: SimulatedPaths) -> list[dict[str, Any]]:
    """The objects for charts, from the first to the last seen: None where a number is unknown, no key if it all is."""
    told, called = trace.statistics, names(trace)
    columns = {
        "seen": 100 * told.seen,
        "rank": told.rank,
        "earlier": np.maximum(1, told.rank - told.rank_sd),
        "later": told.rank + told.rank_sd,
        "after": told.time_to_first_ms / 1000,
        "dwell": told.dwell_ms / 1000,
        "looks": told.looks,
    }
    columns = {name: values for name, values in columns.items() if np.isfinite(values).any()}
    return [
        {"object": called[n], "where": where(trace, n)}
        | {name: None if np.isnan(values[n]) else round(float(values[n]), 3) for name, values in columns.items()}
        for n in trace.precedence
    ]


def seen_chart(rows: list[dict[str, Any]]) -> alt.Chart:
    """How many observers see each object; `rows` as `numbers` gives them."""
    share = alt.X("seen:Q", title=TIPS["seen"][0], scale=alt.Scale(domain=(0, 100)))
    chart: alt.Chart = _objects(rows).mark_bar().encode(x=share)
    return chart


def when_chart(rows: list[dict[str, Any]]) -> alt.LayerChart | alt.FacetChart:
    """When each object is first looked at: after how many seconds, or fixations where no times are known."""
    point = _objects(rows).mark_point(filled=True, size=80, opacity=1)
    if "after" in rows[0]:
        return alt.layer(point.encode(x=alt.X("after:Q", title=TIPS["after"][0])))
    title = f"{TIPS['rank'][0]} ± standard deviation"
    spread = _objects(rows).mark_rule().encode(x=alt.X("earlier:Q", title=title), x2="later:Q")
    return alt.layer(spread, point.encode(x=alt.X("rank:Q", title=title)))


def _objects(rows: list[dict[str, Any]]) -> alt.Chart:
    """A line for each object, and all that is known of it where a mouse rests."""
    told = {name: tip for name, tip in TIPS.items() if name in rows[0]}
    everything = alt.Scale(domain=[row["object"] for row in rows])  # also what nobody sees, so that charts line up
    return (
        alt.Chart({"values": rows})
        .encode(
            y=alt.Y("object:N", title="Object", scale=everything),
            tooltip=[
                alt.Tooltip("object:N", title="Object"),
                alt.Tooltip("where:N", title="Where"),
                *(alt.Tooltip(f"{name}:Q", title=title, format=form) for name, (title, form) in told.items()),
            ],
        )
        .properties(height=alt.Step(20))
    )


def known(value: float, otherwise: str = "–", before: str = "", after: str = "") -> str:
    """A number as people read it, or what stands for one that is not known.

    >>> known(1.23, after=" s"), known(0.5, before=" ± "), known(math.nan)
    ('1.2 s', ' ± 0.5', '–')
    """
    return otherwise if math.isnan(value) else f"{before}{value:.1f}{after}"


def downloads(name: str, content: bytes, trace: SimulatedPaths) -> None:
    """The buttons; the picture is drawn at its full size when it is wanted."""
    stem = Path(name).stem
    offers: list[tuple[str, str | Callable[[], bytes], str, str]] = [
        ("Path, PNG", lambda: pictures.encode(trace.drawn(pictures.read(content))), f"{stem}.path.png", "image/png"),
        ("Fixations, CSV", trace.paths_csv(), f"{stem}.paths.csv", "text/csv"),
        ("Objects, CSV", trace.objects_csv(), f"{stem}.objects.csv", "text/csv"),
        ("Everything, JSON", trace.to_json(name), f"{stem}.path.json", "application/json"),
    ]
    for label, data, file, kind in offers:
        key = "get-" + label.split(",")[0].lower()
        st.download_button(label, data, file, kind, key, on_click="ignore", icon=":material/download:", width="stretch")


if __name__ == "__main__":
    main()
