"""Which models are there? What each predicts and how well, what it runs on here, and models of one's own."""

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from app.tasks import TASKS
from app.web import widgets
from app.web.models.bench import measure_here
from app.web.models.charts import compare
from app.web.models.desk import bring, defaults, installed
from app.web.own_models import own_models
from app.web.score_words import sentence, told
from app.web.widgets import plain
from evaluation.model_card import SetScores, card_scores
from export.runtime.contract import Contract

TITLE, ICON, PLACE = "Models", ":material/deployed_code:", 90  # in the navigation
SETS = {  # data sets by the names that cards give them
    "osie": "OSIE: everyday scenes",
    "crowd": "Crowd: pictures full of people",
    "scene": "Scene: places",
    "hsem": "HSEM: search in grids of objects",
    "interiors": "Interiors: search in rooms",
}


def main() -> None:
    """The page."""
    st.title("Which models are there?")
    st.markdown(f"Each of them makes a guess at what people do. **{widgets.NOTE}**")
    contracts, errors = widgets.readable()
    for error in errors:
        st.error(plain(str(error)), icon=":material/error:")
    if not contracts:
        widgets.no_model()
        bring()
        return
    defaults()
    st.header("What they predict, and how well", divider="gray")
    for path in sorted(contracts, key=lambda path: place(path, contracts[path])):
        with st.container(border=True):
            card(path, contracts[path])
    bring()
    st.header("Compared with each other", divider="gray")
    for column, task in zip(st.columns(len(TASKS)), TASKS.values(), strict=True):
        with column:
            compare(task, [contract for contract in contracts.values() if contract.task == task.name])
    st.header("Facts", divider="gray")
    st.table([row(path, contract) for path, contract in contracts.items()])
    installed()


def place(path: Path, contract: Contract) -> tuple[int, bool, str]:
    """What cards are ordered by: the task, the usual models first, the name."""
    usual = TASKS[contract.task].default_models if contract.task in TASKS else ()
    return [*TASKS, contract.task].index(contract.task), path.stem not in usual, path.stem


def card(path: Path, contract: Contract) -> None:
    """One model: what it predicts, how good that is, and what it takes here."""
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.subheader(plain(contract.name if path.stem == contract.name else f"{contract.name} ({path.stem})"))
    file = path.with_suffix(".md")
    text = file.read_text("utf-8", errors="replace") if file.is_file() else ""
    st.markdown(f"**{plain(first_sentence(text) or f'Predicts {predicts(contract)}.')}**")
    st.caption(plain(contract.description))
    with right:
        if path in own_models().contracts():
            st.button("Remove", icon=":material/delete:", key=f"drop-{path.stem}", on_click=_drop, args=(path.stem,))
        else:
            st.badge(plain(contract.licence), color="gray")
    how_good(contract, card_scores(text))
    measure_here(path, contract)
    with st.expander("More", icon=":material/description:"):
        if contract.scores:
            st.markdown("**All scores on test pictures** (higher is better, except for kl, bits and delta)")
            st.table([scores(name, values) for name, values in contract.headlines.items()])
        origin = f"commit {contract.commit[:10]} with torch {contract.torch}, opset {contract.opset}"
        st.caption(plain(f"{path.name}, made from {origin}."))
        if text:
            st.markdown(text.replace("![", r"!\["))  # a picture would be fetched from elsewhere
        else:
            st.caption(plain(f"There is no model card {path.with_suffix('.md').name} beside the model."))


def first_sentence(card: str) -> str:
    r"""What a model card says first below its title, without what comes after a colon; "" where it predicts nothing.

    >>> first_sentence("# toy\n\nPredicts where people\nlook: a density. It is small.")
    'Predicts where people look.'
    """
    paragraph = card.strip().split("\n\n")[1:2] if card.startswith("# ") else []
    words = " ".join("".join(paragraph).split())
    first = words.partition(". ")[0].partition(": ")[0].rstrip(".")
    return f"{first}." if first.startswith("Predicts ") else ""


def predicts(contract: Contract) -> str:
    """What a model predicts, in words."""
    if contract.task not in TASKS:
        return contract.task
    words = TASKS[contract.task].question
    if not contract.durations:
        words = words.removesuffix(", and for how long")
    return words + (f", second by second up to {contract.slices[-1][1]:g} s" if contract.slices else "")


def how_good(contract: Contract, cards: Mapping[str, SetScores]) -> None:
    """The scores that can be said in words: the first in a sentence, all of them as a table for each data set."""
    known = {name: told(values, cards.get(name)) for name, values in contract.scores.items()}
    known = {name: lines for name, lines in known.items() if lines}
    if not known:
        st.markdown(
            "How good it is, its file does not say." if not contract.scores else "Its scores stand under “More”."
        )
        return
    first = next(iter(known))
    st.markdown(_marked(sentence(SETS.get(first, first).partition(":")[0], known[first][0], cards.get(first))))
    for tab, (name, lines) in zip(st.tabs([plain(SETS.get(name, name)) for name in known]), known.items(), strict=True):
        with tab:
            st.table([line.cells() for line in lines])
            if name in cards:
                st.caption(
                    f"On {cards[name].pictures}. “Habits alone” know what people do with any picture, such as to look "
                    "at the middle; “people” is how well others tell what one person does.",
                    help="In this order: " + ", ".join(line.score.field_name for line in lines),
                )


def _marked(words: str) -> str:
    """A sentence in which ** stays bold and everything else is shown as it is."""
    return "**".join(plain(part) for part in words.split("**"))


def row(path: Path, contract: Contract) -> dict[str, str]:
    """A model as a line of the table of facts; its cells are Markdown."""
    cells = {
        "Model": contract.name,
        "Version": contract.version,
        "Licence": contract.licence,
        "Trained on": ", ".join(contract.training) or "nothing",
        "Predicts": predicts(contract),
        "Sees, pixels": f"{contract.canvas[1]} × {contract.canvas[0]}" if contract.multiple else "–",
        "File": f"{path.stat().st_size / 1e6:.1f} MB",
    }
    return {heading: plain(cell) for heading, cell in cells.items()}


def scores(name: str, values: Mapping[str, float]) -> dict[str, str]:
    """The scores on one data set as a line of a table; its cells and headings are Markdown."""
    return {"Set": plain(name)} | {plain(score): f"{value:.3f}" for score, value in values.items()}


def _drop(name: str) -> None:
    own_models().remove(name)
    for key in ("model", "walker"):
        if st.session_state.get(key) == name:
            del st.session_state[key]


if __name__ == "__main__":
    main()
