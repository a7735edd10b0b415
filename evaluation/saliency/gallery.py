"""What the report shows of a picture: the heatmap of a model and that of people, second by second too.

Pictures are shrunk to `SIDE` pixels, so that a page with many of them stays small.
"""

from functools import cache, partial

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from data import maps
from data.draw.heatmap import heatmap
from data.draw.timeline import timeline
from data.picture import read
from evaluation.results import DrawPanels, Panel
from evaluation.saliency.fixations import ViewedImage
from evaluation.saliency.run import Run

SIDE = 480  # pixels
SECONDS = ", second by second"  # the end of a timeline's title


def draw_panels(run: Run) -> DrawPanels:
    """The function that draws a row's prediction of a picture; each model is opened when it is first asked for."""
    predict_fns = {entry.row: cache(entry.open) for entry in run.entries}
    numbers = {image.name: number for number, image in enumerate(run.images.chosen)}

    def panels(row: str, picture: str) -> list[Panel]:
        image = run.images.chosen[numbers[picture]]
        pixels = cache(partial(read, image.path))
        prediction = predict_fns[row]()(image, pixels)
        if not image.path.is_file():
            return []
        drawings = [
            (row, shrunk(heatmap(pixels(), prediction.density))),
            ("people", shrunk(heatmap(pixels(), _human_density(image, run.sigma)))),
        ]
        seconds = [s for s in run.periods.values() if s is not None]
        seconds = [s for s in seconds if prediction.times[s : s + 1] == ((s, s + 1),)]
        if seconds:
            times = [(float(s), float(s + 1)) for s in seconds]
            human = np.stack([_human_density(image.during(s), run.sigma) for s in seconds])
            drawings.append((row + SECONDS, shrunk(timeline(pixels(), prediction.slices[seconds], times), 2)))
            drawings.append(("people" + SECONDS, shrunk(timeline(pixels(), human, times), 2)))
        return drawings

    return panels


def shrunk(picture: UInt8[np.ndarray, "h w 3"], times: int = 1) -> UInt8[np.ndarray, "h2 w2 3"]:
    """The picture with its longer side at most so many times `SIDE`."""
    scale = min(1.0, times * SIDE / max(picture.shape[:2]))
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _human_density(image: ViewedImage, sigma: float) -> Float[np.ndarray, "h w"]:
    """The log density of everybody's fixations; flat where there is none."""
    return np.asarray(np.log(maps.rendered(image.xy, image.size, sigma) + 1e-12), np.float32)
