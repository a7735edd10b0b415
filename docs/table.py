"""Draws the table of all models on the three test sets, docs/table.png, from docs/table.json: python docs/table.py.

Rows are measured anew, and put in place of those of their names, with what `gaze evaluate` prints:

    for SET in osie crowd scene
        gaze evaluate saliency --data SET --model juntingnet.onnx --model msinet --model tempsal-fast --model tempsal
            --format json > SET.json
    python docs/table.py osie.json crowd.json scene.json

`--no-baselines` and fewer models measure only those; the other rows stay as they are.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation import model_card

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HERE = Path(__file__).parent
SCORES = {"cc": "CC", "nss": "NSS"}
KEPT = ("cc", "nss", "sim", "kl", "auc", "sauc", "ig")
INK, QUIET, RULE = "#1c1e24", "#5c6270", "#d9dce3"  # those of evaluation/report/report.css, as are the kinds'
COLOURS = {"chance": "#b4582a", "classical": "#9aa3b2", "learned": "#2c6fbb", "people": "#1e8a6a"}
ROWS = {  # in the order of the picture: what it is called there, and what it is
    "uniform": ("uniform", "chance"),
    "centre bias": ("centre bias", "chance"),
    "spectral residual": ("spectral residual", "classical"),
    "Itti-Koch": ("Itti-Koch", "classical"),
    "graph-based": ("graph-based", "classical"),
    "juntingnet": ("JuntingNet", "learned"),
    "msinet": ("MSI-Net", "learned"),
    "tempsal-fast": ("tempsal-fast", "learned"),
    "tempsal": ("tempsal", "learned"),
    "people": ("people", "people"),
}
PEOPLE = ("half of the observers", "leave one observer out")  # each has the scores that the other lacks
NOTE = (
    "Pictures that no model was trained on, each scored at its own size; the mean and its 95 % interval. "
    "People: half of the observers predict the other half (CC), all others one more (NSS)."
)

Table = dict[str, Any]  # set -> how many pictures, and rows: score -> mean, low, high


def main() -> None:
    """Take over what is given, and draw."""
    place = HERE / "table.json"
    table = json.loads(place.read_text("utf-8")) if place.is_file() else {}
    files = [Path(name) for name in sys.argv[1:]]
    if files:
        merge(table, model_card.read(files))
        place.write_text(written(table), "utf-8")
    draw(table).savefig(HERE / "table.png", dpi=150)


def merge(table: Table, evaluations: Sequence[model_card.Evaluation]) -> None:
    """Puts the rows of the whole viewing into the table, for the rows that it had under their names."""
    for evaluation in evaluations:
        facts = evaluation["protocol"]
        told = table.setdefault(str(facts["data"]), {"pictures": 0, "rows": {}})
        told["pictures"] = int(facts["pictures"])
        for row, scores in evaluation["scores"]["whole"].items():
            name = "people" if row in PEOPLE else row
            if name in ROWS:
                told["rows"].setdefault(name, {}).update(_rounded(scores))


def _rounded(scores: dict[str, Any]) -> dict[str, list[float]]:
    means = {name: score for name, score in scores.items() if name in KEPT and score["mean"] is not None}
    return {name: [round(score[part], 3) for part in ("mean", "low", "high")] for name, score in means.items()}


def written(table: Table) -> str:
    """The table as JSON, a line a row."""
    sets = [
        f' {json.dumps(name)}: {{"pictures": {told["pictures"]}, "rows": {{\n'
        + ",\n".join(f"  {json.dumps(row)}: {json.dumps(scores)}" for row, scores in _rows(told))
        + "}}"
        for name, told in table.items()
    ]
    return "{\n" + ",\n".join(sets) + "}\n"


def _rows(told: dict[str, Any]) -> Iterator[tuple[str, dict[str, list[float]]]]:
    """The rows that there are, in the order of the picture."""
    return ((row, told["rows"][row]) for row in ROWS if row in told["rows"])


def draw(table: Table) -> "Figure":
    """A column a set, a bar a row; on white, so that it reads on any ground."""
    from matplotlib.figure import Figure

    names = [row for row in ROWS if any(row in told["rows"] for told in table.values())]
    figure = Figure(figsize=(11, 6.4), layout="constrained", facecolor="white")
    axes = figure.subplots(len(SCORES), len(table), sharey=True, sharex="row", squeeze=False)
    for line, (score, title) in enumerate(SCORES.items()):
        for axis, (name, told) in zip(axes[line], table.items(), strict=True):
            _bars(axis, {y: (row, told["rows"][row].get(score)) for y, row in enumerate(names) if row in told["rows"]})
            axis.set_title(f"{title} on {name} ({told['pictures']} pictures)", fontsize=10, color=INK, loc="left")
        first = axes[line, 0]
        first.set_ylim(len(names) - 0.4, -0.6)
        first.set_yticks(range(len(names)), [ROWS[row][0] for row in names], fontsize=9)
        for label, row in zip(first.get_yticklabels(), names, strict=True):
            label.set_color(QUIET if ROWS[row][1] == "classical" else COLOURS[ROWS[row][1]])
    figure.supxlabel(NOTE, fontsize=8, color=QUIET, x=0.01, ha="left")
    return figure


def _bars(axis: "Axes", rows: dict[int, tuple[str, list[float] | None]]) -> None:
    """The rows of one score at their places from the top, each with its number and its interval."""
    for place, (row, score) in rows.items():
        if score is not None:
            mean, low, high = score
            axis.barh(place, mean, 0.66, color=COLOURS[ROWS[row][1]])
            axis.plot([low, high], [place, place], color=INK, linewidth=1)
            words: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 8.5, "color": INK}
            axis.annotate(f"{mean:.2f}", (max(mean, high), place), (5, 0), **words)
    axis.margins(x=0.14)
    axis.set_xlim(left=0)
    axis.tick_params(axis="y", length=0)
    axis.tick_params(axis="x", length=0, labelsize=8, labelcolor=QUIET)
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    axis.spines["left"].set_color(RULE)
    axis.grid(axis="x", color=RULE, linewidth=0.6)
    axis.set_axisbelow(True)


if __name__ == "__main__":
    main()
