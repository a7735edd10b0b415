"""A data set on one page: six drawings of how many fixations there are, how long, how far, when, whither and where.

Written as PNG. The colours are those of Okabe and Ito and of viridis, which people with any colour vision tell apart.
Histograms of many values end at the 99th percentile, so that a few odd ones do not flatten the rest.
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data import maps
from data.atomic import atomic_write
from data.table.summary import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.projections.polar import PolarAxes

BLUE, RED, GREY = "#0072B2", "#D55E00", "#666666"
CELLS = 60  # of the map of places, along the longer side of the median picture
BLUR = 1.5  # cells
SECTORS = 24  # of the rose
MANY = 500  # values


def write(summary: Summary, title: str, path: Path) -> None:
    """Draw a summary into a PNG file, which appears whole."""
    figure = draw(summary, title)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)  # a folder's name may be in any script
        figure.savefig(file, format="png", dpi=110)


def draw(summary: Summary, title: str) -> "Figure":
    """The page."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 7.6), layout="constrained")
    viewers = _many(len(summary.people), "viewer") if summary.people else "viewers not told apart"
    figure.suptitle(
        f"{title}: {_many(len(summary.pictures), 'picture')}, {viewers}, "
        f"{_many(len(summary.per_trial), 'trial')}, {_many(int(summary.per_trial.sum()), 'fixation')}",
        parse_math=False,
    )
    axes: list[Any] = [figure.add_subplot(2, 3, n, projection="polar" if n == 5 else None) for n in range(1, 7)]
    _histogram(axes[0], summary.per_picture, "Fixations per picture", "fixations", "pictures")
    _histogram(axes[1], summary.duration, "Fixation durations", "duration (ms)", "fixations")
    length = "from one fixation to the next (pixels)"
    _histogram(axes[2], summary.length, "Saccade lengths", length, "saccades", _absent(summary, "nobody fixated twice"))
    _seconds(axes[3], summary)
    _rose(axes[4], summary)
    _places(axes[5], summary, figure)
    return figure


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _nothing(axes: "Axes", title: str, words: str) -> None:
    axes.set_title(title)
    axes.set_axis_off()
    axes.text(0.5, 0.5, words, ha="center", va="center", color=GREY, transform=axes.transAxes)


def _absent(summary: Summary, why: str) -> str:
    """Why something is not drawn."""
    return "left out: each trial holds several recordings" if summary.mixed else why


def _histogram(
    axes: "Axes", values: np.ndarray, title: str, x: str, y: str, absent: str = "not in this data set"
) -> None:
    if not len(values):
        _nothing(axes, title, absent)
        return
    low, high = min(0.0, float(values.min())), float(np.percentile(values, 99 if len(values) >= MANY else 100))
    edges: Any = np.linspace(low, max(high, low + 1), 41)
    if values.dtype.kind == "i":  # bins as wide as a whole number
        step = max(1, round((high - values.min()) / 40))
        edges = np.arange(values.min(), high + step + 1, step) - 0.5
    axes.hist(values, edges, color=BLUE)
    middle = float(np.median(values))
    axes.axvline(middle, color=RED, linewidth=2, label=f"median {middle:.0f}")
    axes.legend(frameon=False)
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.spines[["top", "right"]].set_visible(False)


def _seconds(axes: "Axes", summary: Summary) -> None:
    title = "Fixations per second of viewing"
    rates = summary.rates
    if not len(rates):
        _nothing(axes, title, _absent(summary, "no times in this data set"))
        return
    axes.bar(np.arange(len(rates)) + 0.5, rates, 0.9, color=BLUE)
    source = "as recorded" if summary.timing == "recorded" else "estimated from durations"
    axes.set(title=title, xlabel=f"time since the picture's onset (s), {source}", ylabel="fixations per second")
    axes.spines[["top", "right"]].set_visible(False)


def _rose(axes: "PolarAxes", summary: Summary) -> None:
    from matplotlib.ticker import MaxNLocator

    title = "Saccade directions"
    moved = summary.saccade[summary.saccade.any(1)]  # who stays goes nowhere
    if not len(moved):
        _nothing(axes, title, _absent(summary, "nobody fixated twice"))
        return
    angle = np.arctan2(-moved[:, 1], moved[:, 0])  # upwards is up
    width = 2 * np.pi / SECTORS
    sector = np.round(angle / width).astype(int) % SECTORS
    share = 100 * np.bincount(sector, minlength=SECTORS) / len(angle)
    axes.bar(np.arange(SECTORS) * width, share, width * 0.95, color=BLUE)
    axes.set_xticks(np.arange(4) * np.pi / 2, ["right", "up", "left", "down"])
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter("{x:g} %")
    axes.set_rlabel_position(67.5)
    axes.set_title(title)


def _places(axes: "Axes", summary: Summary, figure: "Figure") -> None:
    title = "Where fixations fall in the pictures"
    width, height = np.median([(picture.width, picture.height) for picture in summary.pictures], 0)
    cells = (max(2, round(CELLS * min(1, height / width))), max(2, round(CELLS * min(1, width / height))))
    counts = maps.counts(summary.place * (cells[1], cells[0]), cells)
    if not counts.any():
        _nothing(axes, title, "every fixation is outside its picture")
        return
    density = maps.density(counts, BLUR) * counts.size
    image = axes.imshow(density, cmap="viridis", extent=(0, 100, 100, 0), aspect=height / width, vmin=0)
    axes.plot(50, 50, "+", color="white", markersize=12)
    axes.set(title=title, xlabel="share of the width (%)", ylabel="share of the height (%)")
    figure.colorbar(image, ax=axes, label="fixations, 1 = evenly spread", shrink=0.8)
