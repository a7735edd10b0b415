"""The click curves of `bench_clicks`: what is right after so many clicks, a panel a kind of recording."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

COLOURS = {
    "graph": "#c2410c",
    "tracks, nearest": "#2563eb",
    "tracks": "#60a5fa",
    "nearest feature": "#4d7c0f",
    "nearest, drawn": "#a3b18a",
}
NAMES = {
    "graph": "gaze annotate: graph",
    "tracks, nearest": "tracks, then nearest",
    "tracks": "tracks alone",
    "nearest feature": "nearest feature, same clicks",
    "nearest, drawn": "nearest feature, boxes by chance",
}
INK, QUIET = "#1c1917", "#78716c"
Curve = Sequence[tuple[int, float, float]]


def draw(curves: Mapping[str, Sequence[Mapping[str, Curve]]], path: Path, right: float, most: int = 120) -> None:
    """Writes the figure: boxes above, fixations below; thick the mean of the recordings, thin each."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.9 * len(curves) + 0.6, 6.6), layout="constrained", facecolor="white")
    axes = figure.subplots(2, len(curves), sharex=True, sharey=True, squeeze=False)
    for column, (kind, made) in enumerate(curves.items()):
        for row, what in enumerate(("boxes", "fixations")):
            axis = axes[row][column]
            axis.axhline(100 * right, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
            for rule, colour in reversed(COLOURS.items()):
                clicks, shares = _mean([each[rule] for each in made], row + 1, most)
                for own in shares:
                    axis.plot(clicks, 100 * own, color=colour, linewidth=0.7, alpha=0.35)
                wide = 2.6 if rule == "graph" else 1.8
                axis.plot(clicks, 100 * shares.mean(0), color=colour, linewidth=wide, label=NAMES[rule])
            axis.set(xlim=(0, most), ylim=(35, 101))
            axis.tick_params(colors=QUIET, labelsize=8)
            for side in ("top", "right"):
                axis.spines[side].set_visible(False)
            if not row:
                axis.set_title(kind, fontsize=11, color=INK, loc="left")
            else:
                axis.set_xlabel("clicks", fontsize=9, color=INK)
            if not column:
                axis.set_ylabel(f"{what} with the right name, %", fontsize=9, color=INK)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    figure.savefig(path, dpi=130)


def _mean(curves: Sequence[Curve], what: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The curves at the same clicks; one that ended stays where it was."""
    clicks = np.arange(5, most + 1, 5)
    return clicks, np.stack([np.interp(clicks, [p[0] for p in curve], [p[what] for p in curve]) for curve in curves])
