"""Which version does better? Two pictures on one scale, what changes, and one picture among a person's others."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import streamlit as st

from app.predict.areas import difference
from app.predict.sentences import percent
from app.web import measures, widgets
from app.web.canvas import Layer, canvas
from app.web.canvas.of_view import AREAS, stops
from app.web.compare import areas, maps, others, search
from app.web.compare.areas import Pair
from app.web.picture_bar import SAMPLES, picture_bar
from app.web.predictions import View, view
from app.web.uploads import File, uploader
from app.web.widgets import plain
from app.web.workspace import StoredPicture, Workspace, workspace
from data import picture as pictures
from data.areas import Area
from data.draw.difference import FEWER, MORE, changes
from data.errors import GazeError
from export.runtime.saliency import Predictor

TITLE, ICON, PLACE = "Compare", ":material/compare:", 30  # in the navigation

VERSION, FOLDER = "Another version", "My pictures"
SPOT = "display:inline-block;width:.9em;height:.9em;border-radius:50%;vertical-align:-.1em"
LEGEND = '<p style="font-size:.875rem;margin:0">{}</p>'.format(
    " &emsp;".join(
        f'<i style="{SPOT};background:rgb{colour}"></i> {words}'
        for colour, words in ((FEWER, "fewer looks in B"), (MORE, "more looks in B"))
    )
)
Both = tuple[StoredPicture, StoredPicture]
Views = tuple[View, View]


def main() -> None:
    """The page."""
    st.title("Which version does better?")
    model = widgets.model_picker()
    if model is None:
        return
    stored = picture_bar("to compare two versions of it")
    kept = workspace()
    if len(kept.pictures) < 2:
        invite(kept)
        return
    if stored is None:
        return
    condition = widgets.condition_picker(model.contract.conditions)
    try:
        left, middle, right = st.columns([3, 4, 6], gap="medium")
        with left:
            folder = choice("Compare it with", (VERSION, FOLDER), "compare-with") == FOLDER
        if folder:
            others.show(kept, model, stored, condition)
        else:
            with middle:
                both = stored, choose_b(kept, stored)
            views = view(model, both[0], condition), view(model, both[1], condition)
            with right:
                captions = stops(views[0])
                moment = captions.index(choice("When", captions, "compare-moment"))
            versions(kept, model, both, views, moment)
    except GazeError as error:
        st.error(plain(str(error)), icon=":material/error:")


def invite(kept: Workspace) -> None:
    """What to do with fewer than two pictures."""
    if kept.picture:
        st.markdown(f"**Bring another version of {plain(kept.picture.name)}.**")
        uploader("Version B", "compare-upload", _take_version, help="It stays on this machine.")
    names = list(SAMPLES)[:2]
    st.button(f"Compare two samples: {' and '.join(names)}", key="compare-samples", on_click=_take_samples)


def _take_version(files: list[File]) -> None:
    """Keep what was brought as version B; A stays what is looked at."""
    kept = workspace()
    first = kept.current
    kept.take(files)
    st.session_state["compare-b"] = kept.current
    kept.current = first


def _take_samples() -> None:
    workspace().take((path.name, path.read_bytes()) for path in list(SAMPLES.values())[:2])


def choice(label: str, options: Sequence[str], key: str) -> str:
    """One of a few, in a row; kept for the session."""
    if st.session_state.get(key) not in options:
        st.session_state[key] = options[0]
    chosen = st.segmented_control(label, options, key=key, required=True, persist_state="session", wrap=True)
    return chosen or options[0]


def choose_b(kept: Workspace, stored: StoredPicture) -> StoredPicture:
    """The picture that is compared with the one above: at first the one that came after it."""
    rest = [key for key in kept.pictures if key != stored.key]
    if st.session_state.get("compare-b") not in rest:
        keys = list(kept.pictures)
        st.session_state["compare-b"] = keys[(keys.index(stored.key) + 1) % len(keys)]
    other = st.selectbox(
        "Version B",
        rest,
        format_func=lambda key: kept.pictures[key].name if key in kept.pictures else "",
        key="compare-b",
        persist_state="session",
        filter_mode=None,
    )
    return kept.pictures[other]


def versions(kept: Workspace, model: Predictor, both: Both, views: Views, moment: int) -> None:
    """Two versions: the verdict, both maps, what changes, and their areas."""
    verdict = st.container()
    draw(kept, both, views, moment)
    pairs = paired(kept, model, both, views)
    with verdict:
        tell(kept, both, views, pairs, moment)
    st.header("Area by area")
    tabled(kept, both, pairs)
    search.show(kept, both)
    st.header("What changes")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        change(both, views, moment)
    with right:
        downloads(model, both, views, pairs, moment)
        st.caption(widgets.NOTE)


def draw(kept: Workspace, both: Both, views: Views, moment: int) -> None:
    """Both pictures with one scale of heat, and their areas, which can be drawn and moved."""
    top = maps.scale(views, moment)
    changed = False
    for letter, column, stored, seen in zip("AB", st.columns(2, gap="medium"), both, views, strict=True):
        with column:
            st.markdown(f"**{letter}** {plain(stored.name)}")
            some = kept.areas(stored.key)
            shares = shared(seen, some, moment)
            state = canvas(
                f"compare-{letter.lower()}-{stored.key}",
                seen.webp,
                stored.size,
                areas=some,
                revision=kept.revisions.get(stored.key, 0),
                heat=(maps.heat(seen, moment, top),),
                stops=(stops(seen)[moment],),
                opacity=maps.OPACITY,
                layers=(Layer(labels={name: percent(share) for name, share in shares.items()}),),
                editable=True,
                alts=(heat_alt(letter, stored, shares),),
                height=440,
                history=AREAS,
                keep=partial(kept.keep_drawn, stored.key),
            )
            if state.areas is not None:
                kept.keep_drawn(stored.key, state.areas)
                changed = True
            offer(kept, stored, both[1] if letter == "A" else both[0], "B" if letter == "A" else "A")
    st.caption("One scale for both: a colour means the same in A and in B. Areas of one name are compared.")
    if changed:
        st.rerun()


def shared(seen: View, some: Sequence[Area], moment: int) -> dict[str, float]:
    """The share of looks of each area at a moment."""
    if not some:
        return {}
    shares = (seen.coverage(some) * np.exp(seen.maps[moment])).sum((1, 2))
    return {area.name: float(share) for area, share in zip(some, shares, strict=True)}


def heat_alt(letter: str, stored: StoredPicture, shares: dict[str, float]) -> str:
    """What one of the maps says."""
    most = sorted(shares, key=lambda name: -shares[name])[:5]
    told = ", ".join(f"{name} {percent(shares[name])}" for name in most) or "no areas are drawn"
    return f"Version {letter}, {stored.name}: where people look, on the same scale as the other; {told}."


def offer(kept: Workspace, source: StoredPicture, target: StoredPicture, letter: str) -> None:
    """A button that copies areas to the other version, where it lacks some."""
    missing = areas.lacking(kept.areas(source.key), kept.areas(target.key))
    if missing:
        count = "the area" if len(missing) == 1 else f"{len(missing)} areas"
        st.button(
            f"Copy {count} to {letter}",
            icon=":material/content_copy:",
            key=f"compare-copy-{letter.lower()}",
            on_click=areas.copy,
            args=(kept, source.key, target.key),
            help=plain(", ".join(missing[:10])),
        )


def paired(kept: Workspace, model: Predictor, both: Both, views: Views) -> list[Pair]:
    """The areas that both versions have, measured."""
    found = []
    for stored, seen in zip(both, views, strict=True):
        some = kept.areas(stored.key)
        found.append({each.name: each for each in measures.measures(model, stored, seen, some)} if some else {})
    same = areas.partners(list(found[0]), list(found[1]))
    return [
        Pair(one, found[1][same[name]], difference(one, found[1][same[name]]))
        for name, one in found[0].items()
        if name in same
    ]


def tell(kept: Workspace, both: Both, views: Views, pairs: list[Pair], moment: int) -> None:
    """The headline, and what it rests on."""
    sentences = areas.verdict(pairs)
    if maps.same_shape(*both):
        moved = maps.moved(*views, moment)
        if moved < 0.005:
            sentences = sentences or ["There is no difference: people look at the same places in A and B."]
        else:
            when = "" if moment == 0 else f" at {stops(views[0])[moment]}"
            sentences.append(f"In B, {percent(moved)} of looks go elsewhere{when}.")
    if not pairs:
        sentences.append(
            f"{areas.advice(*(kept.areas(stored.key) for stored in both))} Then you read here which does better."
        )
    for number, sentence in enumerate(sentences):
        st.markdown(f"**{plain(sentence)}**" if number == 0 else plain(sentence))


def change(both: Both, views: Views, moment: int) -> None:
    """The map of what changes, where one picture lies on the other."""
    if not maps.same_shape(*both):
        sizes = " and ".join(f"{stored.size[0]} × {stored.size[1]}" for stored in both)
        st.info(
            f"A and B have different shapes ({sizes} pixels), so one cannot be laid on the other.",
            icon=":material/info:",
        )
        return
    found = changes(maps.on(views[0], moment, views[1].shown), maps.on(views[1], moment, views[1].shown))
    told = [f"{percent(abs(each.share))} {'more' if each.share > 0 else 'fewer'}" for each in found[:3]]
    words = f"What changes from A to B: {', '.join(told) or 'nothing'} of looks at the places that change most."
    image = pictures.encode(maps.changed(*views, moment), ".webp")
    st.image(image, width="stretch" if views[1].shown[0] >= views[1].shown[1] else 320, alt=words)
    st.html(LEGEND)
    st.caption("Drawn on B. Numbers are shares of all looks.")


def tabled(kept: Workspace, both: Both, pairs: list[Pair]) -> None:
    """The areas of both, and those that only one has."""
    if pairs:
        areas.show_table(pairs)
        st.caption("Over the whole viewing. Point at a column's name to read what it means.")
    else:
        st.info("No area has the same name in A and B.", icon=":material/info:")
    one, other = kept.areas(both[0].key), kept.areas(both[1].key)
    for letter, missing in (("A", areas.lacking(one, other)), ("B", areas.lacking(other, one))):
        if missing:
            st.caption(plain(f"Only in {letter}: {', '.join(missing)}."))


def downloads(model: Predictor, both: Both, views: Views, pairs: list[Pair], moment: int) -> None:
    """The files; pictures are drawn at their full size when they are wanted."""
    stem = f"{both[0].stem}-{both[1].stem}"

    def beside() -> bytes:
        return pictures.encode(maps.side_by_side_full(model, both, views, moment))

    def changed() -> bytes:
        return pictures.encode(maps.changed_full(*views, both[1], moment))

    def table() -> str:
        return areas.to_table_csv(pairs)

    offers: list[tuple[str, Callable[[], str | bytes], str, str]] = [
        ("Side by side, PNG", beside, "side-by-side.png", "image/png")
    ]
    if maps.same_shape(*both):
        offers.append(("What changes, PNG", changed, "change.png", "image/png"))
    if pairs:
        offers.append(("Areas, CSV", table, "areas.csv", "text/csv"))
    with st.popover("Download", icon=":material/download:"):
        for label, data, ending, kind in offers:
            key = f"compare-get-{ending.partition('.')[0]}"
            st.download_button(label, data, f"{stem}.{ending}", kind, key, on_click="ignore", width="stretch")


if __name__ == "__main__":
    main()
