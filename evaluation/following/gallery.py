"""What the report shows of a head: its picture under the map of a row, the head's box, and where annotators point."""

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from jaxtyping import UInt8

from data import picture
from data.draw.heatmap import heatmap
from data.following.people import Person
from data.picture import Letterbox
from evaluation.following.run import Run
from evaluation.results import DrawPanels, Panel
from evaluation.saliency.gallery import shrunk

HEAD, POINT = (60, 220, 120), (255, 255, 255)


def draw_panels(run: Run) -> DrawPanels:
    """The function that draws a row's map of a head; each model is opened when it is first asked for."""
    opened = {entry.row: cache(entry.open) for entry in run.entries}
    people = {person.name: person for group in run.pictures for person in group}

    def panels(row: str, name: str) -> list[Panel]:
        if row not in opened or name not in people:
            return []
        person = people[name]
        pixels = picture.read(person.path)
        density = opened[row]()(pixels, person.head[None]).maps[0]
        size = (pixels.shape[0], pixels.shape[1])
        whole = Letterbox(size, density.shape, (0, 0, *density.shape)).back(density)
        shown = f"{row}: {_said(person)}"
        return [(shown, shrunk(marked(heatmap(pixels, whole), [person])))]

    return panels


def marked(pixels: UInt8[np.ndarray, "h w 3"], people: Sequence[Person]) -> UInt8[np.ndarray, "h w 3"]:
    """A copy with each head's box, and a ring around each annotator's point."""
    drawn = pixels.copy()
    wide = max(1, round(max(pixels.shape) / 300))
    for person in people:
        low, high = person.head[:2], person.head[:2] + person.head[2:]
        cv2.rectangle(drawn, low.round().astype(int).tolist(), high.round().astype(int).tolist(), HEAD, 2 * wide)
        for point in person.gaze:
            cv2.circle(drawn, point.round().astype(int).tolist(), 5 * wide, POINT, wide, cv2.LINE_AA)
    return drawn


def _said(person: Person) -> str:
    if person.in_frame is None:
        return "nobody says whether the target is in the frame"
    return "annotators' points are ringed" if person.in_frame else "the target is outside of the frame"
