"""Which models are there? What each predicts, what it was trained on, under which licence, and how well it does."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import altair as alt
import streamlit as st

from app.tasks import TASKS
from app.web import widgets
from export.runtime.contract import Contract
from training import Task

TITLE, ICON, PLACE = "Which models are there?", ":material/deployed_code:", 90  # in the sidebar

AXES = {  # of the scores that can be compared: what they measure, and in which unit
    "cc": "CC (correlation)",
    "nss": "NSS (standard deviations above the mean)",
    "sim": "SIM (share of probability)",
    "kl": "KL divergence (nats, less is better)",
    "auc": "AUC (probability)",
    "sauc": "Shuffled AUC (probability)",
    "ss": "Sequence score (share of the order)",
    "bits": "Surprise (bits per fixation, less is better)",
    "ig": "Information gain (bits per fixation)",
    "end": "AUC of the ends of paths (probability)",
    "mm_position": "MultiMatch, position (similarity from 0 to 1)",
    "delta": "Distance from people's rates of behaviour (share, less is better)",
    "tfp_auc": "How early the target is fixated (sum of probabilities over fixations)",
}


def main() -> None:
    """The page."""
    st.title("Which models are there?")
    st.markdown(f"The models that this app can run. **{widgets.NOTE}**")
    contracts, errors = widgets.readable()
    for error in errors:
        st.error(widgets.plain(str(error)), icon=":material/error:")
    if not contracts:
        widgets.no_model()
        return
    st.table([row(path, contract) for path, contract in contracts.items()])
    for task in TASKS.values():
        compare(task, [contract for contract in contracts.values() if contract.task == task.name])
    for path, contract in contracts.items():
        st.subheader(widgets.plain(contract.name), divider="gray")
        describe(path, contract)


def row(path: Path, contract: Contract) -> dict[str, str]:
    """A model as a line of the table; its cells are Markdown."""
    seconds = f"{contract.slices[0][0]:g}–{contract.slices[-1][1]:g} s" if contract.slices else "no"
    cells = {
        "Model": contract.name,
        "Version": contract.version,
        "Licence": contract.licence,
        "Trained on": ", ".join(contract.training) or "nothing",
        "Seconds": seconds,
        "Predicts": TASKS[contract.task].question if contract.task in TASKS else contract.task,
        "Canvas": f"{contract.canvas[1]} × {contract.canvas[0]}" if contract.multiple else "none",
        "File": f"{path.stat().st_size / 1e6:.1f} MB",
    }
    return {heading: widgets.plain(cell) for heading, cell in cells.items()}


def compare(task: Task, contracts: Iterable[Contract]) -> None:
    """A chart of one score, to be chosen, of all models of a task; nothing where none has scores."""
    rows = [
        {"model": contract.name, "set": name, "score": score, "value": value}
        for contract in contracts
        for name, scores in contract.headlines.items()
        for score, value in scores.items()
    ]
    names = [score for score in AXES if any(row["score"] == score for row in rows)]
    if not names:
        return
    score = st.selectbox(
        f"Scores of models that predict {task.question}", names, format_func=AXES.__getitem__, key=f"score-{task.name}"
    )
    words = f"{AXES[score]} of each model that predicts {task.question}, on each data set."
    st.altair_chart(bars(score, [row for row in rows if row["score"] == score]), width="stretch", alt=words)


def bars(score: str, rows: list[dict[str, Any]]) -> alt.Chart:
    """A bar for each model on each set; a row has `model`, `set` and `value`."""
    tips = [
        alt.Tooltip("model:N", title="Model"),
        alt.Tooltip("set:N", title="Data set"),
        alt.Tooltip("value:Q", title=AXES[score], format=".3f"),
    ]
    chart: alt.Chart = alt.Chart({"values": rows}, height=alt.Step(24)).mark_bar()
    return chart.encode(
        x=alt.X("value:Q", title=AXES[score]),
        y=alt.Y("set:N", title="Data set", sort=None),
        yOffset=alt.YOffset("model:N", sort=None),
        color=alt.Color("model:N", title="Model", sort=None),
        tooltip=tips,
    )


def describe(path: Path, contract: Contract) -> None:
    """One model: a sentence, the scores, the model card."""
    st.markdown(widgets.plain(contract.description))
    origin = f"commit {contract.commit[:10]} with torch {contract.torch}, opset {contract.opset}"
    st.caption(widgets.plain(f"{path.name}, made from {origin}."))
    if contract.scores:
        st.markdown("**Scores on test pictures** (higher is better, except for kl, bits and delta)")
        st.table([scores(name, values) for name, values in contract.headlines.items()])
    card = path.with_suffix(".md")
    if card.is_file():
        with st.expander("Model card", icon=":material/description:"):
            st.markdown(card.read_text("utf-8", errors="replace"))
    else:
        st.caption(widgets.plain(f"There is no model card {card.name} beside the model."))


def scores(name: str, values: dict[str, float]) -> dict[str, str]:
    """The scores on one data set as a line of a table; its cells and headings are Markdown."""
    return {"Set": widgets.plain(name)} | {widgets.plain(score): f"{value:.3f}" for score, value in values.items()}


if __name__ == "__main__":
    main()
