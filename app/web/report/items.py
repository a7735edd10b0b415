"""What a report tells of one picture of the workspace: its pictures, sentences, and the measures of its areas."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

from app.predict import sentences
from app.predict.areas import AreaMeasures
from app.predict.attention_measures import PHOTOGRAPHS, AttentionMeasures
from app.predict.simulate import SceneModel
from app.web import measures
from app.web.predictions import View, small, view
from app.web.report.page import Cell, Figure, ReportItem, Table, figure, number
from app.web.widgets import NOTE, WHOLE
from app.web.workspace import StoredPicture
from data.areas import Area, from_objects
from data.draw.areas import outlined
from data.draw.frame import framed
from data.draw.heatmap import heatmap
from data.draw.palettes import DEFAULT
from data.draw.scanpath import scanpath
from data.draw.timeline import caption, panel_size, timeline
from export.runtime.saliency import Predictor

SIDE = 1000  # pixels: the longest side of a picture in a report
MARKS = 1.7  # times larger than usual: these pictures are shown at a third of the page's width
LOOKS = 12  # of the path that is drawn
FOUND = 12  # objects that are told of where no areas are drawn


@dataclass(frozen=True)
class Drawing:
    """How heat is drawn."""

    palette: str = DEFAULT
    opacity: float = 0.6

    @property
    def words(self) -> str:
        """For people."""
        return f"colours {self.palette}, opacity {self.opacity:.0%}"


def item(
    model: Predictor,
    walker: SceneModel | None,
    stored: StoredPicture,
    condition: str,
    areas: Sequence[Area],
    drawing: Drawing,
) -> ReportItem:
    """All that a report tells of a picture.

    Raises:
        GazeError: The picture cannot be read.
    """
    seen = view(model, stored, condition)
    picture = small(seen.image, SIDE)
    told = measures.measures(model, stored, seen, areas) if areas else ()
    lines = [*sentences.of_view(seen.maps[0], told), *focus_and_clarity(measures.attention(model, stored, seen))]
    path = _path(walker, model, stored, seen, picture, areas)
    figures = [_heat(seen, picture, drawing, lines), _picture(seen, picture, areas), path]
    if len(seen.maps) > 1:
        figures.append(_strip(seen, picture, drawing))
    width, height = seen.size
    medium = str(seen.record.get("medium", ""))
    familiar = bool(seen.record.get("familiar", True))
    return ReportItem(
        seen.name,
        f"{width} × {height} pixels.",
        medium.capitalize() + ("" if familiar or not medium else ": the model learned from photographs"),
        familiar,
        lines,
        figures,
        [area_table(told), *([second_table(told, seen)] if len(seen.maps) > 1 else [])] if told else [],
    )


def focus_and_clarity(known: AttentionMeasures) -> list[str]:
    """What the two measures say, a sentence each."""
    places = "one place stands" if known.peaks == 1 else f"{known.peaks} places stand"
    return [
        f"Focus {known.focus:.0f} of 100{above(known.focus_percentile, f' of {PHOTOGRAPHS:,} photographs')}.",
        f"Clarity {known.clarity:.0f} of 100: {places} out{above(known.clarity_percentile, ' of them')}.",
    ]


def above(percentile: float, of: str) -> str:
    """That a picture has more of something than so many others; nothing where that is not known.

    >>> above(71.2, " of them"), above(float("nan"), " of them")
    (', more than 71 % of them', '')
    """
    return f", more than {sentences.most_of(percentile)}{of}" if np.isfinite(percentile) else ""


def area_table(told: Sequence[AreaMeasures]) -> Table:
    """What each area gets, with ranges."""
    columns = ["Area", "Share of looks", "Times its size", "Seen by", "First look", "Time on it", "Order"]
    rows = [
        [
            Cell(f"{place + 1}. {each.name}"),
            _percent(each.share, each.share_low, each.share_high),
            Cell(number(each.lift, ".1f", "×"), _range(each.lift_low, each.lift_high, ".1f")),
            _percent(each.seen, each.seen_low, each.seen_high),
            Cell(number(each.first_s, ".1f", " s"), _range(each.first_s_low, each.first_s_high, ".1f", " s")),
            Cell(number(each.dwell_s, ".2f", " s"), _range(each.dwell_s_low, each.dwell_s_high, ".2f", " s")),
            Cell(number(each.rank, ".0f"), _range(each.rank_low, each.rank_high, ".0f")),
        ]
        for place, each in enumerate(told)
    ]
    return Table(
        "What each area gets; below each number the range that studies with 20 people would find", columns, rows
    )


def second_table(told: Sequence[AreaMeasures], seen: View) -> Table:
    """The share of looks of each area in each second."""
    rows = [
        [Cell(f"{place + 1}. {each.name}"), *(Cell(number(100 * share, ".1f", " %")) for share in each.share_by_second)]
        for place, each in enumerate(told)
    ]
    return Table("Share of looks in each second", ["Area", *map(caption, seen.times)], rows)


def _percent(value: float, low: float, high: float) -> Cell:
    return Cell(number(100 * value, ".1f", " %"), _range(100 * low, 100 * high, ".1f", " %"))


def _range(low: float, high: float, form: str, unit: str = "") -> str:
    return f"{low:{form}} to {high:{form}}{unit}" if np.isfinite(low) and np.isfinite(high) else ""


def _picture(seen: View, picture: UInt8[np.ndarray, "h w 3"], areas: Sequence[Area]) -> Figure:
    if not areas:
        return figure("The picture", f"The picture {seen.name}", picture)
    scaled = [area.scaled(picture.shape[1] / seen.size[0], picture.shape[0] / seen.size[1]) for area in areas]
    names = ", ".join(f"{place + 1} {area.name}" for place, area in enumerate(areas))
    return figure(
        f"Areas: {names}", f"The picture {seen.name} with its areas: {names}", outlined(picture, scaled, size=MARKS)
    )


def _heat(seen: View, picture: UInt8[np.ndarray, "h w 3"], drawing: Drawing, lines: Sequence[str]) -> Figure:
    density = _sized(seen, picture)
    drawn = heatmap(picture, density, drawing.opacity, drawing.palette)
    handed = framed(drawn, density, drawing.palette, drawing.opacity)
    words = " ".join(lines[:3])
    return figure(f"{WHOLE}. {NOTE}", f"Heat map of {seen.name}, whole viewing. {words}", handed, "main")


def _sized(seen: View, picture: UInt8[np.ndarray, "h w 3"]) -> np.ndarray:
    """The log density over the pixels of a smaller copy of the picture."""
    return np.asarray(cv2.resize(seen.maps[0], picture.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _strip(seen: View, picture: UInt8[np.ndarray, "h w 3"], drawing: Drawing) -> Figure:
    height, width = panel_size(picture.shape)
    slices = np.stack([cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in seen.maps[1:]])
    strip = timeline(picture, slices, seen.times, drawing.opacity, drawing.palette)
    title = "Second by second, each with its own scale"
    return figure(title, f"Heat maps of {seen.name} for {len(slices)} seconds", small(strip, 2 * SIDE), "across")


def _path(
    walker: SceneModel | None,
    model: Predictor,
    stored: StoredPicture,
    seen: View,
    picture: UInt8[np.ndarray, "h w 3"],
    areas: Sequence[Area],
) -> Figure:
    """The path of the observer who is most like the others."""
    over = tuple(areas) or (from_objects(seen.objects)[:FOUND] if seen.objects is not None else ())
    paths = measures.paths(walker, model, stored, seen, over)
    observer = paths.typical if over else 0
    xy, duration = paths.xy[observer], paths.rollouts.duration[observer]
    some = np.isfinite(xy[:, 0])
    scale = picture.shape[1] / seen.size[0], picture.shape[0] / seen.size[1]
    drawn = scanpath(picture, xy[some][:LOOKS] * scale, duration[some][:LOOKS], size=MARKS)
    looks = min(LOOKS, int(some.sum()))
    title = "The first looks of one simulated observer" + (", the one most like the others" if over else "")
    return figure(title, f"Path of {looks} looks over {seen.name}", drawn)
