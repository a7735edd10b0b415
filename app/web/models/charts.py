"""Charts of models' scores: a bar for each model on each data set."""

from collections.abc import Iterable
from typing import Any

import altair as alt
import streamlit as st

from app.web import charts
from export.runtime.contract import Contract
from training import Task

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
        f"Scores of models that predict {task.question}",
        names,
        format_func=AXES.__getitem__,
        key=f"score-{task.name}",
        persist_state="session",
    )
    words = f"{AXES[score]} of each model that predicts {task.question}, on each data set."
    charts.show(bars(score, [row for row in rows if row["score"] == score]), words)


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
        y=alt.Y("set:N", title=None, sort=None),
        yOffset=alt.YOffset("model:N", sort=None),
        color=alt.Color("model:N", title="Model", sort=None, legend=alt.Legend(orient="top")),
        tooltip=tips,
    )
